//! `shaders/surrogate_transposed.wgsl`: gradients back through convolutions and pools. One (slot, sample) is one task.

use multiversion::multiversion;
use rayon::prelude::*;

use super::projection::for_each_target;
use super::{CONV, DENSE, Slot, check_length, check_slots, floats, product};
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
            floats("parameters", Access::Read),
            floats("errors", Access::Read),
            floats("upstream", Access::ReadWrite),
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
    // [element][output channel][input channel], so that the inner loop runs over neighbours.
    let turned: Vec<Vec<f32>> = slots
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
                run_sample(slot, &p, &turned[number], errors, upstream);
            }
        });
    Ok(())
}

fn turn(slot: &Slot, weights: &[f32], stride: usize) -> Vec<f32> {
    let (area, ins, outs) = (
        (slot.kernel * slot.kernel) as usize,
        slot.in_channels as usize,
        slot.columns as usize,
    );
    let mut turned = vec![0.0; area * ins * outs];
    for channel in 0..ins {
        for element in 0..area {
            for out in 0..outs {
                turned[(element * outs + out) * ins + channel] =
                    weights[(channel * area + element) * stride + out];
            }
        }
    }
    turned
}

#[multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512dq+avx512bw+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
fn run_sample(slot: &Slot, p: &Params, turned: &[f32], errors: &[f32], upstream: &mut [f32]) {
    let (ins, outs) = (slot.in_channels as usize, slot.columns as usize);
    for (row, errors) in upstream
        .chunks_exact_mut(p.below_width as usize)
        .zip(errors.chunks_exact(p.width as usize))
    {
        row.fill(0.0);
        for y in 0..slot.in_y {
            for x in 0..slot.in_x {
                let at = (y * slot.in_x + x) as usize * ins;
                let sums = &mut row[at..at + ins];
                for_each_target(slot, y, x, |element, position| {
                    let errors = &errors[position as usize * outs..][..outs];
                    if slot.projection != CONV {
                        for (sum, error) in sums.iter_mut().zip(errors) {
                            *sum += slot.pool_weight * error;
                        }
                        return;
                    }
                    let weights = &turned[element as usize * outs * ins..][..outs * ins];
                    for (error, weights) in errors.iter().zip(weights.chunks_exact(ins)) {
                        if *error != 0.0 {
                            for (sum, weight) in sums.iter_mut().zip(weights) {
                                *sum += error * weight;
                            }
                        }
                    }
                });
            }
        }
    }
}
