//! `shaders/surrogate_transposed.wgsl`: gradients back through convolutions and pools. One (slot, sample) is one task.
//!
//! Back through a convolution, inputs of a row that lie `stride` apart read the same kernel elements of neighbouring
//! outputs. So the sums of eight such inputs and sixteen channels stay in registers, and each weight that is loaded serves
//! all eight.

use multiversion::multiversion;
use rayon::prelude::*;

use super::math::{PANEL, multiply_add};
use super::projection::for_each_target;
use super::{CONV, DENSE, Slot, check_length, check_slots, product, quads};
use crate::device::launch::{Access, Launch, refused};
use crate::failure::Failure;
use crate::kernels::Kernel;
use crate::kernels::contract::{KernelContract, shared_struct};

shared_struct!(Params {
    slots: u32,
    batch: u32,
    segment: u32,
    width: u32,
    columns: u32,
    rows: u32,
    stride: u32,
    below_width: u32,
});

pub const KERNEL: Kernel = Kernel {
    contract: KernelContract {
        name: "surrogate_transposed",
        params: Params::LAYOUT,
        buffers: &[
            super::buffer("slots", Access::Read, "Slot", size_of::<Slot>()),
            quads("parameters", Access::Read),
            quads("errors", Access::Read),
            quads("upstream", Access::ReadWrite),
        ],
        structs: &[Slot::LAYOUT],
        constants: &["lanes"],
    },
    run,
};

fn run(launch: Launch<'_>) -> Result<(), Failure> {
    let p: Params = launch.params()?;
    let [slots, parameters, errors, upstream] = launch.bindings()?;
    let slots = slots.read::<Slot>()?.values;
    let parameters = parameters.read::<f32>()?.values;
    let errors = errors.read::<f32>()?.values;
    let upstream = upstream.write::<f32>()?.values;
    let slots = check_slots(slots, p.slots, p.width, p.columns, p.rows)?;
    let samples = product(&[p.slots, p.batch], "a batch")?;
    let errors_length = product(&[p.segment, p.width], "errors")?;
    let upstream_length = product(&[p.segment, p.below_width], "an upstream")?;
    let size = product(&[p.rows, p.columns], "weights")?;
    check_length(
        "parameters",
        parameters,
        product(&[p.slots, p.stride], "parameters")?,
    )?;
    check_length("errors", errors, samples.saturating_mul(errors_length))?;
    check_length("upstream", upstream, samples.saturating_mul(upstream_length))?;
    if size > p.stride as usize
        || slots
            .iter()
            .any(|slot| slot.runs != 0 && slot.inputs > p.below_width)
    {
        return Err(refused("weights or inputs do not fit their strides".to_owned()));
    }
    if samples == 0 || upstream_length == 0 {
        return Ok(());
    }
    let panels: Vec<Vec<[f32; PANEL]>> = slots
        .par_iter()
        .enumerate()
        .map(|(index, slot)| {
            let weights = &parameters[index * p.stride as usize..][..size];
            if slot.learns() && slot.projection == CONV {
                turn(slot, weights, p.columns as usize)
            } else {
                Vec::new()
            }
        })
        .collect();
    upstream
        .par_chunks_mut(upstream_length)
        .take(samples)
        .enumerate()
        .for_each(|(index, upstream)| {
            let number = index / p.batch as usize;
            let slot = &slots[number];
            let runs = slot.learns() && index % (p.batch as usize) < slot.samples_of(p.batch);
            if runs && slot.projection != DENSE {
                let errors = &errors[index * errors_length..(index + 1) * errors_length];
                if slot.projection == CONV {
                    convolution(slot, &p, &panels[number], errors, upstream);
                } else {
                    pool(slot, &p, errors, upstream);
                }
            }
        });
    Ok(())
}

/// Weights as [panel of input channels][kernel element][output channel][input channel of the panel].
fn turn(slot: &Slot, weights: &[f32], stride: usize) -> Vec<[f32; PANEL]> {
    let area = (slot.kernel * slot.kernel) as usize;
    let (ins, outs) = (slot.in_channels as usize, slot.columns as usize);
    let mut panels = vec![[0.0; PANEL]; ins.div_ceil(PANEL) * area * outs];
    for channel in 0..ins {
        for element in 0..area {
            for out in 0..outs {
                let row = (channel / PANEL * area + element) * outs + out;
                panels[row][channel % PANEL] = weights[(channel * area + element) * stride + out];
            }
        }
    }
    panels
}

/// Inputs whose sums are in registers at once.
const TILE: usize = 8;

/// The errors of one step with zeros left and right of each row, so that all inputs of a tile have outputs to read.
struct Padded {
    values: Vec<f32>,
    left: usize,
    /// Outputs of a padded row.
    across: usize,
}

impl Padded {
    fn new(slot: &Slot) -> Self {
        let stride = slot.stride as usize;
        let left = ((slot.kernel - 1) * slot.dilation) as usize / stride + 1;
        let across = left + (slot.in_x + slot.padding) as usize / stride + TILE;
        let values = vec![0.0; across * slot.out_y as usize * slot.columns as usize];
        Self { values, left, across }
    }

    #[inline(always)]
    fn fill(&mut self, slot: &Slot, errors: &[f32]) {
        let (outs, row) = (slot.columns as usize, (slot.out_x * slot.columns) as usize);
        // Outputs beyond are reached by no input.
        let used = row.min((self.across - self.left) * outs);
        for (to, from) in self
            .values
            .chunks_exact_mut(self.across * outs)
            .zip(errors.chunks_exact(row))
        {
            to[self.left * outs..][..used].copy_from_slice(&from[..used]);
        }
    }
}

#[multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512dq+avx512bw+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
fn convolution(slot: &Slot, p: &Params, panels: &[[f32; PANEL]], errors: &[f32], upstream: &mut [f32]) {
    let (ins, outs) = (slot.in_channels as usize, slot.columns as usize);
    let (in_x, stride) = (slot.in_x as usize, slot.stride as usize);
    let in_panel = (slot.kernel * slot.kernel) as usize * outs;
    let mut padded = Padded::new(slot);
    for (row, errors) in upstream
        .chunks_exact_mut(p.below_width as usize)
        .zip(errors.chunks_exact(p.width as usize))
    {
        padded.fill(slot, errors);
        for y in 0..slot.in_y {
            for start in 0..stride.min(in_x) {
                for x in (start..in_x).step_by(TILE * stride) {
                    for (panel, weights) in panels.chunks_exact(in_panel).enumerate() {
                        let sums = tile(slot, &padded, weights, y, x as u32);
                        let channels = panel * PANEL..ins.min((panel + 1) * PANEL);
                        for (x, sums) in (x..in_x).step_by(stride).zip(&sums) {
                            let at = (y as usize * in_x + x) * ins;
                            row[at + channels.start..at + channels.end]
                                .copy_from_slice(&sums[..channels.len()]);
                        }
                    }
                }
            }
        }
    }
}

/// The sums of inputs (y, x), (y, x + stride) and so on, for the channels of a panel. Sums with names of their own stay
/// in registers; those of an array of arrays do not.
#[inline(always)]
fn tile(slot: &Slot, padded: &Padded, weights: &[[f32; PANEL]], y: u32, x: u32) -> [[f32; PANEL]; TILE] {
    let outs = slot.columns as usize;
    let mut s0 = [0.0_f32; PANEL];
    let (mut s1, mut s2, mut s3, mut s4, mut s5, mut s6, mut s7) = (s0, s0, s0, s0, s0, s0, s0);
    for ky in 0..slot.kernel {
        let Some(out_y) = target(y, ky, slot).filter(|&out_y| (0..slot.out_y as i32).contains(&out_y)) else {
            continue;
        };
        for kx in 0..slot.kernel {
            let Some(out_x) = target(x, kx, slot) else {
                continue;
            };
            let weights = &weights[(ky * slot.kernel + kx) as usize * outs..][..outs];
            let first = (out_y as usize * padded.across + padded.left).wrapping_add_signed(out_x as isize);
            let errors = &padded.values[first * outs..][..TILE * outs];
            let of = |sample: usize| &errors[sample * outs..][..outs];
            let (e0, e1, e2, e3) = (of(0), of(1), of(2), of(3));
            let (e4, e5, e6, e7) = (of(4), of(5), of(6), of(7));
            for out in 0..outs {
                let row = &weights[out];
                multiply_add(&mut s0, e0[out], row);
                multiply_add(&mut s1, e1[out], row);
                multiply_add(&mut s2, e2[out], row);
                multiply_add(&mut s3, e3[out], row);
                multiply_add(&mut s4, e4[out], row);
                multiply_add(&mut s5, e5[out], row);
                multiply_add(&mut s6, e6[out], row);
                multiply_add(&mut s7, e7[out], row);
            }
        }
    }
    [s0, s1, s2, s3, s4, s5, s6, s7]
}

/// The output along one axis that kernel element `k` leads to from input `at`, be it beyond an edge; None between two.
#[inline(always)]
fn target(at: u32, k: u32, slot: &Slot) -> Option<i32> {
    let shifted = (at + slot.padding) as i32 - (k * slot.dilation) as i32;
    (shifted % slot.stride as i32 == 0).then(|| shifted / slot.stride as i32)
}

#[multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512dq+avx512bw+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
fn pool(slot: &Slot, p: &Params, errors: &[f32], upstream: &mut [f32]) {
    let channels = slot.columns as usize;
    for (row, errors) in upstream
        .chunks_exact_mut(p.below_width as usize)
        .zip(errors.chunks_exact(p.width as usize))
    {
        for y in 0..slot.in_y {
            for x in 0..slot.in_x {
                let at = (y * slot.in_x + x) as usize * channels;
                let sums = &mut row[at..at + channels];
                sums.fill(0.0);
                for_each_target(slot, y, x, |_, position| {
                    let errors = &errors[position as usize * channels..][..channels];
                    for (sum, error) in sums.iter_mut().zip(errors) {
                        *sum += slot.pool_weight * error;
                    }
                });
            }
        }
    }
}
