//! `shaders/surrogate_weights.wgsl`: gradients of weights, spike by spike.
//!
//! A task has a block of columns and a group of samples, with sums of its own; how the work is cut depends on the shape
//! alone, so that sums have the same order on any number of threads.

use multiversion::multiversion;
use rayon::prelude::*;

use super::math::{add, for_each_bit};
use super::projection::{for_each_target, place};
use super::{CONV, DENSE, Slot, check_length, check_slots, floats, product, words};
use crate::device::launch::{Access, Launch, refused};
use crate::failure::Failure;
use crate::kernels::Kernel;
use crate::kernels::contract::{KernelContract, shared_struct};

shared_struct!(Params {
    slots: u32,
    batch: u32,
    steps: u32,
    first: u32,
    count: u32,
    segment: u32,
    input_words: u32,
    inputs_shared: u32,
    lag: u32,
    width: u32,
    columns: u32,
    rows: u32,
    gradients_at: u32,
    stride: u32,
    masked: u32,
    accumulate: u32,
    recurrent: u32,
});

pub const KERNEL: Kernel = Kernel {
    contract: KernelContract {
        name: "surrogate_weights",
        params: Params::LAYOUT,
        buffers: &[
            super::buffer("slots", Access::Read, "Slot", size_of::<Slot>()),
            words("inputs", Access::Read),
            words("masks", Access::Read),
            floats("errors", Access::Read),
            floats("gradients", Access::ReadWrite),
        ],
        structs: &[Slot::LAYOUT],
        constants: &["lanes"],
    },
    run,
};

const BLOCK: usize = 64;
const GROUPS: usize = 4;

/// What a task sums over.
struct Task<'a> {
    params: &'a Params,
    slot: &'a Slot,
    /// Rows of the weights: inputs, or neurons for recurrent weights.
    sources: u32,
    column: usize,
    columns: usize,
    first_sample: usize,
    samples: usize,
    inputs: &'a [u32],
    masks: &'a [u32],
    errors: &'a [f32],
}

fn run(launch: Launch<'_>) -> Result<(), Failure> {
    let p: Params = launch.params()?;
    let [slots, inputs, masks, errors, gradients] = launch.bindings()?;
    let slots = slots.read::<Slot>()?.values;
    let (inputs, masks) = (inputs.read::<u32>()?.values, masks.read::<u32>()?.values);
    let (errors, gradients) = (errors.read::<f32>()?.values, gradients.write::<f32>()?.values);
    let slots = check_slots(slots, p.slots, p.width, p.columns, p.rows)?;
    super::check_window(p.first, p.count, p.steps)?;
    super::check_inside(0, p.count, 0, p.segment)?;
    let samples = product(&[p.slots, p.batch], "a batch")?;
    let input_length = product(&[p.steps, p.input_words], "an input")?;
    let errors_length = product(&[p.segment, p.width], "errors")?;
    let shared = p.inputs_shared == 1;
    let input_samples = if shared { p.batch as usize } else { samples };
    check_length("inputs", inputs, input_samples.saturating_mul(input_length))?;
    check_length("errors", errors, samples.saturating_mul(errors_length))?;
    check_length(
        "gradients",
        gradients,
        product(&[p.slots, p.stride], "gradients")?,
    )?;
    if p.masked == 1 {
        check_length("masks", masks, samples.saturating_mul(p.input_words as usize))?;
    }
    let rows = if p.recurrent == 1 { p.width } else { p.rows };
    let size = product(&[rows, p.columns], "weights")?;
    if p.gradients_at as usize + size > p.stride as usize {
        return Err(refused("gradients do not fit their stride".to_owned()));
    }
    for (index, slot) in slots.iter().enumerate().filter(|(_, slot)| slot.runs != 0) {
        let sources = if p.recurrent == 1 {
            slot.neurons
        } else {
            slot.inputs
        };
        if u64::from(sources) > 32 * u64::from(p.input_words)
            || (p.recurrent == 1 && slot.projection != DENSE)
        {
            return Err(refused(format!("slot {index} has more inputs than its raster")));
        }
    }
    let batch = p.batch as usize;
    let stride = p.stride as usize;
    for (index, slot_gradients) in gradients.chunks_mut(stride.max(1)).take(slots.len()).enumerate() {
        let slot = &slots[index];
        let weighted = p.recurrent == 1 || slot.projection == DENSE || slot.projection == CONV;
        if !slot.learns() || !weighted {
            continue;
        }
        let dense = p.recurrent == 1 || slot.projection == DENSE;
        let columns = slot.columns as usize;
        let block = if dense { BLOCK } else { columns };
        let blocks = columns.div_ceil(block);
        let samples = slot.samples_of(p.batch);
        let groups = if blocks >= GROUPS {
            1
        } else {
            GROUPS.min(samples.max(1))
        };
        let in_group = samples.div_ceil(groups);
        let used_rows = match (p.recurrent, slot.projection) {
            (1, _) => slot.neurons,
            (_, DENSE) => slot.inputs,
            _ => slot.in_channels * slot.kernel * slot.kernel,
        } as usize;
        let tasks: Vec<(usize, usize)> = (0..groups)
            .flat_map(|group| (0..blocks).map(move |block| (group, block)))
            .collect();
        let sums: Vec<Vec<f32>> = tasks
            .into_par_iter()
            .map(|(group, number)| {
                let first = (group * in_group).min(samples);
                let count = in_group.min(samples - first);
                let input_slot = if shared { 0 } else { index * batch };
                let task = Task {
                    params: &p,
                    slot,
                    sources: if p.recurrent == 1 {
                        slot.neurons
                    } else {
                        slot.inputs
                    },
                    column: number * block,
                    columns: block.min(columns - number * block),
                    first_sample: first,
                    samples: count,
                    inputs: &inputs[input_slot * input_length..(input_slot + batch) * input_length],
                    masks: if p.masked == 1 {
                        let words = p.input_words as usize;
                        &masks[index * batch * words..(index + 1) * batch * words]
                    } else {
                        &[]
                    },
                    errors: &errors[index * batch * errors_length..(index + 1) * batch * errors_length],
                };
                let mut sums = vec![0.0; used_rows * task.columns];
                sum_events(&task, &mut sums);
                sums
            })
            .collect();
        let scale = if p.recurrent == 1 { 1.0 } else { slot.input_scale };
        let into = &mut slot_gradients[p.gradients_at as usize..][..used_rows * p.columns as usize];
        into.par_chunks_mut(p.columns as usize)
            .enumerate()
            .for_each(|(row, out)| {
                if p.accumulate == 0 {
                    out.fill(0.0);
                }
                for (task, sums) in sums.iter().enumerate() {
                    let at = task % blocks * block;
                    let length = block.min(columns - at);
                    for (total, sum) in out[at..at + length].iter_mut().zip(&sums[row * length..]) {
                        *total += scale * sum;
                    }
                }
            });
    }
    Ok(())
}

#[multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512dq+avx512bw+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
fn sum_events(task: &Task<'_>, sums: &mut [f32]) {
    let p = task.params;
    let (width, words) = (p.width as usize, p.input_words as usize);
    let slot = task.slot;
    let mut masked = vec![0_u32; words];
    for sample in task.first_sample..task.first_sample + task.samples {
        for r in 0..slot.steps_of(p.first, p.count) as usize {
            let t = p.first as usize + r;
            if t < p.lag as usize {
                continue;
            }
            let row = &task.inputs[(sample * p.steps as usize + t - p.lag as usize) * words..][..words];
            let row = if task.masks.is_empty() {
                row
            } else {
                let mask = &task.masks[sample * words..(sample + 1) * words];
                for ((masked, &word), &kept) in masked.iter_mut().zip(row).zip(mask) {
                    *masked = word & kept;
                }
                &masked[..]
            };
            let errors = &task.errors[(sample * p.segment as usize + r) * width..][..width];
            if p.recurrent == 1 || slot.projection == DENSE {
                let errors = &errors[task.column..task.column + task.columns];
                if let Ok(errors) = <&[f32; BLOCK]>::try_from(errors) {
                    for_each_bit(row, task.sources, |input| {
                        let at = input as usize * BLOCK;
                        let into = &mut sums[at..at + BLOCK];
                        for k in 0..BLOCK {
                            into[k] += errors[k];
                        }
                    });
                } else {
                    for_each_bit(row, task.sources, |input| {
                        let at = input as usize * task.columns;
                        add(&mut sums[at..at + task.columns], errors);
                    });
                }
            } else {
                let channels = task.columns;
                for_each_bit(row, task.sources, |input| {
                    let (y, x, channel) = place(slot, input);
                    for_each_target(slot, y, x, |element, position| {
                        let at = (channel * slot.kernel * slot.kernel + element) as usize * channels;
                        let from = position as usize * channels;
                        add(&mut sums[at..at + channels], &errors[from..from + channels]);
                    });
                });
            }
        }
    }
}
