//! `shaders/surrogate_norm.wgsl`: the norm of a slot's gradients.

use multiversion::multiversion;
use rayon::prelude::*;

use super::update::{Step, check_parts, parts};
use super::{check_length, floats, product};
use crate::device::launch::{Access, Launch, refused};
use crate::failure::Failure;
use crate::kernels::Kernel;
use crate::kernels::contract::{KernelContract, shared_struct};

shared_struct!(Params {
    slots: u32,
    layer: u32,
    layers: u32,
    stride: u32,
    recurrent_at: u32,
    constants_at: u32,
    columns: u32,
});

pub const KERNEL: Kernel = Kernel {
    contract: KernelContract {
        name: "surrogate_norm",
        params: Params::LAYOUT,
        buffers: &[
            super::buffer("steps", Access::Read, "Step", size_of::<Step>()),
            floats("gradients", Access::Read),
            floats("norms", Access::ReadWrite),
        ],
        structs: &[Step::LAYOUT],
        constants: &["lanes"],
    },
    run,
};

fn run(launch: Launch<'_>) -> Result<(), Failure> {
    let p: Params = launch.params()?;
    let [steps, gradients, norms] = launch.bindings()?;
    let steps = steps.read::<Step>()?;
    steps.at_least(u64::from(p.slots), "a step for each slot")?;
    let gradients = gradients.read::<f32>()?.values;
    let norms = norms.write::<f32>()?.values;
    check_parts(p.recurrent_at, p.constants_at, p.columns, p.stride)?;
    check_length(
        "gradients",
        gradients,
        product(&[p.slots, p.stride], "gradients")?,
    )?;
    check_length("norms", norms, product(&[p.slots, p.layers], "norms")?)?;
    if p.layer >= p.layers {
        return Err(refused(format!("layer {} of {}", p.layer, p.layers)));
    }
    for (index, step) in steps.values[..p.slots as usize].iter().enumerate() {
        if step.runs == 0 {
            continue;
        }
        let own = &gradients[index * p.stride as usize..][..p.stride as usize];
        let sum: f64 = parts(p.recurrent_at, p.constants_at, p.columns)
            .into_iter()
            .filter(|(_, bit)| step.learns & bit != 0)
            .map(|(range, _)| sum_of_squares(&own[range]))
            .sum();
        norms[index * p.layers as usize + p.layer as usize] = sum as f32;
    }
    Ok(())
}

/// By blocks of a fixed size, whose sums are added in order: the same on any number of threads.
fn sum_of_squares(values: &[f32]) -> f64 {
    let blocks: Vec<f64> = values.par_chunks(1 << 14).map(squares_of_block).collect();
    blocks.iter().sum()
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2", "aarch64+neon"))]
fn squares_of_block(values: &[f32]) -> f64 {
    let mut sums = [0.0_f64; 16];
    let whole = values.chunks_exact(16);
    let rest: f64 = whole
        .remainder()
        .iter()
        .map(|&v| f64::from(v) * f64::from(v))
        .sum();
    for chunk in whole {
        for (sum, &value) in sums.iter_mut().zip(chunk) {
            *sum += f64::from(value) * f64::from(value);
        }
    }
    sums.iter().sum::<f64>() + rest
}
