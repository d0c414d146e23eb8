//! `shaders/surrogate_forward.wgsl`: a stretch of steps of one layer. One (slot, sample) is one task.

use multiversion::multiversion;
use rayon::prelude::*;

use super::math::{PANEL, add, add_rows, for_each_bit, lanes};
use super::projection::{for_each_target, place};
use super::{
    CONV, DENSE, RESET_SUBTRACT, RESET_ZERO, Slot, check_length, check_slots, product, quads, words,
};
use crate::device::launch::{Access, Launch};
use crate::failure::Failure;
use crate::kernels::Kernel;
use crate::kernels::contract::{KernelContract, shared_struct};

shared_struct!(Params {
    slots: u32,
    batch: u32,
    steps: u32,
    first: u32,
    count: u32,
    input_words: u32,
    inputs_shared: u32,
    lag: u32,
    out_lag: u32,
    width: u32,
    columns: u32,
    rows: u32,
    recurrent_at: u32,
    constants_at: u32,
    stride: u32,
    trace_first: u32,
    trace_steps: u32,
    planes: u32,
    current_plane: u32,
    adaptation_plane: u32,
    drive: u32,
    masked: u32,
    record: u32,
    tally: u32,
    state_in: u32,
    state_out: u32,
    totals_at: u32,
});

pub const KERNEL: Kernel = Kernel {
    contract: KernelContract {
        name: "surrogate_forward",
        params: Params::LAYOUT,
        buffers: &[
            super::buffer("slots", Access::Read, "Slot", size_of::<Slot>()),
            quads("parameters", Access::Read),
            quads("drive", Access::Read),
            words("inputs", Access::Read),
            words("masks", Access::Read),
            words("spikes", Access::ReadWrite),
            quads("trace", Access::ReadWrite),
            quads("state", Access::ReadWrite),
            super::buffer("counts", Access::ReadWrite, "vec4u", 16),
            words("totals", Access::ReadWrite),
        ],
        structs: &[Slot::LAYOUT],
        constants: &["lanes"],
    },
    run,
};

/// What all samples of a slot share.
struct Shared<'a> {
    params: &'a Params,
    slot: &'a Slot,
    parameters: &'a [f32],
}

/// What one sample reads and writes.
struct Sample<'a> {
    drive: &'a [f32],
    inputs: &'a [u32],
    mask: &'a [u32],
    spikes: &'a mut [u32],
    trace: &'a mut [f32],
    state: &'a mut [f32],
    counts: &'a mut [u32],
    total: &'a mut u32,
}

fn run(launch: Launch<'_>) -> Result<(), Failure> {
    let p: Params = launch.params()?;
    let [
        slots,
        parameters,
        drive,
        inputs,
        masks,
        spikes,
        trace,
        state,
        counts,
        totals,
    ] = launch.bindings()?;
    let slots = slots.read::<Slot>()?.values;
    let parameters = parameters.read::<f32>()?.values;
    let drive = drive.read::<f32>()?.values;
    let inputs = inputs.read::<u32>()?.values;
    let masks = masks.read::<u32>()?.values;
    let slots = check_slots(slots, p.slots, p.width, p.columns, p.rows)?;
    super::check_layout(&parameter_layout(&p), slots)?;
    let raster_words = p.width.div_ceil(32);
    let samples = product(&[p.slots, p.batch], "a batch")?;
    let input_length = product(&[p.steps, p.input_words], "an input")?;
    let drive_length = product(&[p.steps, p.width], "a drive")?;
    let spikes_length = product(&[p.steps, raster_words], "a raster")?;
    let trace_length = product(&[p.trace_steps, p.planes, p.width], "a trace")?;
    let state_length = product(&[4, p.width], "a state")?;
    let (spikes, trace) = (spikes.write::<u32>()?.values, trace.write::<f32>()?.values);
    let (state, counts) = (state.write::<f32>()?.values, counts.write::<u32>()?.values);
    super::check_vectors(p.width)?;
    check_length(
        "parameters",
        parameters,
        product(&[p.slots, p.stride], "parameters")?,
    )?;
    let input_samples = if p.inputs_shared == 1 {
        p.batch as usize
    } else {
        samples
    };
    if p.drive == 1 {
        check_length("drive", drive, samples.saturating_mul(drive_length))?;
    } else {
        check_length("inputs", inputs, input_samples.saturating_mul(input_length))?;
    }
    if p.masked == 1 {
        check_length("masks", masks, samples.saturating_mul(p.input_words as usize))?;
    }
    check_length("spikes", spikes, samples.saturating_mul(spikes_length))?;
    let all_states = samples.saturating_mul(state_length);
    let (state_in, state_out) = (p.state_in as usize, p.state_out as usize);
    check_length(
        "state",
        state,
        (state_in.max(state_out) + 1).saturating_mul(all_states),
    )?;
    check_length("counts", counts, samples.saturating_mul(p.width as usize))?;
    let totals = totals.write::<u32>()?.values;
    check_length("totals", totals, p.totals_at as usize + samples)?;
    let totals = &mut totals[p.totals_at as usize..];
    if p.first > 0 && state_in != state_out {
        state.copy_within(
            state_in * all_states..(state_in + 1) * all_states,
            state_out * all_states,
        );
    }
    let state = &mut state[state_out * all_states..];
    super::check_window(p.first, p.count, p.steps)?;
    if p.record == 1 {
        check_length("trace", trace, samples.saturating_mul(trace_length))?;
        super::check_planes(p.planes, p.current_plane, p.adaptation_plane)?;
        super::check_inside(p.first, p.count, p.trace_first, p.trace_steps)?;
    }
    let mut traces = trace.chunks_mut(trace_length.max(1));
    let tasks: Vec<(usize, Sample<'_>)> = spikes
        .chunks_mut(spikes_length.max(1))
        .zip(state.chunks_mut(state_length.max(1)))
        .zip(counts.chunks_mut((p.width as usize).max(1)).zip(totals))
        .take(samples)
        .enumerate()
        .map(|(index, ((spikes, state), (counts, total)))| {
            let of = |length: usize, at: usize| at * length..(at + 1) * length;
            let input_at = if p.inputs_shared == 1 {
                index % p.batch as usize
            } else {
                index
            };
            let sample = Sample {
                drive: if p.drive == 1 {
                    &drive[of(drive_length, index)]
                } else {
                    &[]
                },
                inputs: if p.drive == 1 {
                    &[]
                } else {
                    &inputs[of(input_length, input_at)]
                },
                mask: if p.masked == 1 {
                    &masks[of(p.input_words as usize, index)]
                } else {
                    &[]
                },
                spikes,
                trace: if p.record == 1 {
                    traces.next().unwrap_or(&mut [])
                } else {
                    &mut []
                },
                state,
                counts,
                total,
            };
            (index, sample)
        })
        .map(|(index, sample)| (index / p.batch as usize, index % p.batch as usize, sample))
        .filter(|&(slot, number, _)| slots[slot].runs != 0 && number < slots[slot].samples_of(p.batch))
        .map(|(slot, _, sample)| (slot, sample))
        .collect();
    tasks.into_par_iter().for_each(|(index, sample)| {
        let stride = p.stride as usize;
        let shared = Shared {
            params: &p,
            slot: &slots[index],
            parameters: &parameters[index * stride..(index + 1) * stride],
        };
        run_sample(&shared, sample);
    });
    Ok(())
}

fn parameter_layout(p: &Params) -> super::ParameterLayout {
    super::ParameterLayout {
        width: p.width,
        columns: p.columns,
        rows: p.rows,
        recurrent_at: p.recurrent_at,
        constants_at: p.constants_at,
        stride: p.stride,
        input_words: p.input_words,
    }
}

/// The constants of every neuron, spread over channels where a column is one.
fn spread(values: &[f32], width: usize) -> Vec<f32> {
    values.iter().copied().cycle().take(width).collect()
}

#[multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512dq+avx512bw+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
fn run_sample(shared: &Shared<'_>, sample: Sample<'_>) {
    let Shared {
        params: p,
        slot,
        parameters,
    } = *shared;
    let Sample {
        drive,
        inputs,
        mask,
        spikes,
        trace,
        state,
        counts,
        total: spikes_in_all,
    } = sample;
    // Whole vectors: what lies beyond the neurons does not spike.
    let width = (slot.width as usize).next_multiple_of(PANEL);
    let neurons = slot.neurons as usize;
    let (stride, columns) = (p.width as usize, p.columns as usize);
    let raster_words = stride.div_ceil(32);
    let constant = |index: usize| {
        let at = p.constants_at as usize + index * columns;
        spread(&parameters[at..at + slot.columns as usize], width)
    };
    let (bias, current_decay, membrane_decay, threshold) =
        (constant(0), constant(1), constant(2), constant(3));
    let zero = f32::from(slot.reset == RESET_ZERO);
    let subtract = f32::from(slot.reset == RESET_SUBTRACT);
    let (adaptation, adaptation_decay) = (slot.adaptation, slot.adaptation_decay);
    if p.first == 0 {
        state.fill(0.0);
        if p.tally == 1 {
            counts.fill(0);
            *spikes_in_all = 0;
        }
    }
    let (currents, rest) = state.split_at_mut(stride);
    let (membranes, rest) = rest.split_at_mut(stride);
    let (adaptations, refractories) = rest.split_at_mut(stride);
    let (currents, membranes) = (&mut currents[..width], &mut membranes[..width]);
    let (adaptations, refractories) = (&mut adaptations[..width], &mut refractories[..width]);
    let mut x = vec![0.0_f32; width];
    let mut spiked = vec![0.0_f32; width];
    let mut starts: Vec<u32> = Vec::new();
    let mut masked_row: Vec<u32> = Vec::new();
    let raises = slot.adaptation != 0.0 || slot.refractory != 0.0;
    if p.first > 0 {
        let before = &spikes[(p.first as usize - 1) * raster_words..][..raster_words];
        for_each_bit(before, slot.neurons, |bit| spiked[bit as usize] = 1.0);
    }
    // Where a stretch begins within what is kept, the step before it belongs to the gradients of the decays.
    if p.record == 1 && p.first > p.trace_first {
        let at = (p.first - 1 - p.trace_first) as usize * p.planes as usize * stride;
        trace[at..at + width].copy_from_slice(membranes);
        if p.current_plane != 0 {
            trace[at + p.current_plane as usize * stride..][..width].copy_from_slice(currents);
        }
    }
    let mut total = 0_u32;
    let steps = slot.steps.min(p.steps) as usize;
    for t in p.first as usize..(p.first + slot.steps_of(p.first, p.count)) as usize {
        // The weighted input. Spikes of equal amplitude: rows are summed first, then scaled once.
        if p.drive == 1 {
            x.copy_from_slice(&drive[t * stride..][..width]);
        } else if t >= p.lag as usize {
            let row = &inputs[(t - p.lag as usize) * p.input_words as usize..][..p.input_words as usize];
            let row = if p.masked == 1 {
                masked_row.clear();
                masked_row.extend(row.iter().zip(mask).map(|(&word, &kept)| word & kept));
                &masked_row[..]
            } else {
                row
            };
            x.fill(0.0);
            if slot.projection == DENSE {
                starts.clear();
                for_each_bit(row, slot.inputs, |input| starts.push(input * columns as u32));
                add_rows(parameters, &starts, &mut x);
            } else {
                let channels = slot.columns as usize;
                for_each_bit(row, slot.inputs, |input| {
                    let (y, at, channel) = place(slot, input);
                    for_each_target(slot, y, at, |element, position| {
                        let to = position as usize * channels;
                        if slot.projection == CONV {
                            let from = (channel * slot.kernel * slot.kernel + element) as usize * columns;
                            add(&mut x[to..to + channels], &parameters[from..from + channels]);
                        } else {
                            x[to + channel as usize] += slot.pool_weight;
                        }
                    });
                });
            }
            if slot.input_scale != 1.0 {
                x.iter_mut().for_each(|value| *value *= slot.input_scale);
            }
        } else {
            x.fill(0.0);
        }
        if slot.recurrent == 1 && t > 0 {
            starts.clear();
            let before = &spikes[(t - 1) * raster_words..][..raster_words];
            for_each_bit(before, slot.neurons, |neuron| {
                starts.push(p.recurrent_at + neuron * columns as u32);
            });
            add_rows(parameters, &starts, &mut x);
        }
        let mut kept = (p.record == 1).then(|| {
            let at = (t - p.trace_first as usize) * p.planes as usize * stride;
            &mut trace[at..at + p.planes as usize * stride]
        });
        let row = &mut spikes[t * raster_words..(t + 1) * raster_words];
        row.fill(0);
        for at in (0..width).step_by(PANEL) {
            let part = at..at + PANEL;
            let (x, before, bound) = (lanes(&x, at), lanes(&spiked, at), lanes(&threshold, at));
            let (bias, i_decay, v_decay) = (
                lanes(&bias, at),
                lanes(&current_decay, at),
                lanes(&membrane_decay, at),
            );
            let (mut i, mut v) = (lanes(currents, at), lanes(membranes, at));
            let mut raised = [0.0_f32; PANEL];
            let mut spikes = [0.0_f32; PANEL];
            if raises {
                let (mut a, mut refractory) = (lanes(adaptations, at), lanes(refractories, at));
                for k in 0..PANEL {
                    let bound = bound[k] + adaptation * a[k];
                    refractory[k] =
                        slot.refractory_decay * refractory[k] + slot.refractory * bound * before[k];
                    a[k] = adaptation_decay * a[k] + before[k];
                    raised[k] = adaptation * a[k] + refractory[k];
                }
                adaptations[part.clone()].copy_from_slice(&a);
                refractories[part.clone()].copy_from_slice(&refractory);
            }
            for k in 0..PANEL {
                i[k] = i_decay[k] * i[k] + (x[k] + bias[k]);
                let decayed = v_decay[k] * v[k] * (1.0 - zero * before[k]);
                v[k] = decayed - subtract * bound[k] * before[k] + i[k];
                spikes[k] = f32::from(v[k] >= bound[k] + raised[k]);
            }
            currents[part.clone()].copy_from_slice(&i);
            membranes[part.clone()].copy_from_slice(&v);
            if let Some(kept) = &mut kept {
                kept[part.clone()].copy_from_slice(&v);
                if p.current_plane != 0 {
                    kept[p.current_plane as usize * stride + at..][..PANEL].copy_from_slice(&i);
                }
                if p.adaptation_plane != 0 {
                    kept[p.adaptation_plane as usize * stride + at..][..PANEL].copy_from_slice(&raised);
                }
            }
            if slot.integrator == 1 {
                continue;
            }
            if at + PANEL > neurons {
                spikes[neurons.saturating_sub(at)..].fill(0.0);
            }
            spiked[part].copy_from_slice(&spikes);
            let mut bits = 0_u32;
            for (bit, &spike) in spikes.iter().enumerate() {
                bits |= u32::from(spike != 0.0) << bit;
            }
            row[at / 32] |= bits << (at % 32);
        }
        if slot.integrator == 1 {
            continue;
        }
        if p.tally == 1 && t + (p.out_lag as usize) < steps {
            for_each_bit(row, slot.neurons, |bit| {
                let count = &mut counts[bit as usize];
                *count = count.wrapping_add(1);
            });
            total += row.iter().map(|word| word.count_ones()).sum::<u32>();
        }
    }
    *spikes_in_all = spikes_in_all.wrapping_add(total);
}
