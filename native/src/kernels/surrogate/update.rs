//! `shaders/surrogate_update.wgsl`: a step of each slot's optimizer.

use multiversion::multiversion;
use rayon::prelude::*;

use super::{check_length, floats, product};
use crate::device::launch::{Access, Launch, refused};
use crate::failure::Failure;
use crate::kernels::Kernel;
use crate::kernels::contract::{KernelContract, shared_struct};

shared_struct!(Params {
    slots: u32,
    layers: u32,
    stride: u32,
    recurrent_at: u32,
    constants_at: u32,
    columns: u32,
});

shared_struct!(Step {
    runs: u32,
    kind: u32,
    learns: u32,
    rate: f32,
    momentum: f32,
    nesterov: u32,
    beta1: f32,
    beta2: f32,
    epsilon: f32,
    correction1: f32,
    correction2: f32,
    weight_decay: f32,
    clip: f32,
});

pub const KERNEL: Kernel = Kernel {
    contract: KernelContract {
        name: "surrogate_update",
        params: Params::LAYOUT,
        buffers: &[
            super::buffer("steps", Access::Read, "Step", size_of::<Step>()),
            floats("norms", Access::Read),
            floats("gradients", Access::Read),
            floats("parameters", Access::ReadWrite),
            floats("first_moment", Access::ReadWrite),
            floats("second_moment", Access::ReadWrite),
        ],
        structs: &[Step::LAYOUT],
        constants: &["lanes"],
    },
    run,
};

const SGD: u32 = 0;
const ADAMW: u32 = 2;
/// Recurrent weights that are 0 stay 0: synapses that do not exist.
const SPARSE: u32 = 64;

/// The stretches of a slot's parameters with the bit of `learns` that frees them.
pub fn parts(recurrent_at: u32, constants_at: u32, columns: u32) -> [(std::ops::Range<usize>, u32); 6] {
    let (r, c, n) = (recurrent_at as usize, constants_at as usize, columns as usize);
    [
        (0..r, 1),
        (r..c, 2),
        (c..c + n, 4),
        (c + n..c + 2 * n, 8),
        (c + 2 * n..c + 3 * n, 16),
        (c + 3 * n..c + 4 * n, 32),
    ]
}

pub fn check_parts(recurrent_at: u32, constants_at: u32, columns: u32, stride: u32) -> Result<(), Failure> {
    if recurrent_at <= constants_at && u64::from(constants_at) + 4 * u64::from(columns) <= u64::from(stride) {
        return Ok(());
    }
    Err(refused("parameters do not fit their stride".to_owned()))
}

fn run(launch: Launch<'_>) -> Result<(), Failure> {
    let p: Params = launch.params()?;
    let [steps, norms, gradients, parameters, first, second] = launch.bindings()?;
    let steps = steps.read::<Step>()?;
    steps.at_least(u64::from(p.slots), "a step for each slot")?;
    let (norms, gradients) = (norms.read::<f32>()?.values, gradients.read::<f32>()?.values);
    let parameters = parameters.write::<f32>()?.values;
    let (first, second) = (first.write::<f32>()?.values, second.write::<f32>()?.values);
    check_parts(p.recurrent_at, p.constants_at, p.columns, p.stride)?;
    let size = product(&[p.slots, p.stride], "parameters")?;
    check_length("gradients", gradients, size)?;
    check_length("parameters", parameters, size)?;
    check_length("first_moment", first, size)?;
    check_length("second_moment", second, size)?;
    check_length("norms", norms, product(&[p.slots, p.layers], "norms")?)?;
    let stride = p.stride as usize;
    let constants = p.constants_at as usize;
    let columns = p.columns as usize;
    let slots = parameters
        .chunks_mut(stride.max(1))
        .zip(first.chunks_mut(stride.max(1)))
        .zip(second.chunks_mut(stride.max(1)))
        .take(p.slots as usize)
        .enumerate();
    for (index, ((parameters, first), second)) in slots {
        let step = &steps.values[index];
        let squares = &norms[index * p.layers as usize..][..p.layers as usize];
        let norm = squares.iter().sum::<f32>().sqrt();
        if step.runs == 0 || !norm.is_finite() {
            continue;
        }
        let scale = if step.clip > 0.0 && norm > step.clip {
            step.clip / norm
        } else {
            1.0
        };
        let gradients = &gradients[index * stride..(index + 1) * stride];
        for (range, bit) in parts(p.recurrent_at, p.constants_at, p.columns) {
            if step.learns & bit == 0 {
                continue;
            }
            // Constants do not decay; synapses that do not exist stay away.
            let decay = if bit <= 2 { step.weight_decay } else { 0.0 };
            let sparse = bit == 2 && step.learns & SPARSE != 0;
            const BLOCK: usize = 1 << 14;
            parameters[range.clone()]
                .par_chunks_mut(BLOCK)
                .zip(first[range.clone()].par_chunks_mut(BLOCK))
                .zip(second[range.clone()].par_chunks_mut(BLOCK))
                .zip(gradients[range].par_chunks(BLOCK))
                .for_each(|(((parameters, first), second), gradients)| {
                    advance(step, scale, decay, sparse, parameters, first, second, gradients);
                });
        }
        // Decays stay in [0, 1], thresholds above 0.
        if step.learns & 24 != 0 {
            for value in &mut parameters[constants + columns..constants + 3 * columns] {
                *value = value.clamp(0.0, 1.0);
            }
        }
        if step.learns & 32 != 0 {
            for value in &mut parameters[constants + 3 * columns..constants + 4 * columns] {
                *value = value.max(1e-3);
            }
        }
    }
    Ok(())
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2", "aarch64+neon"))]
#[allow(clippy::too_many_arguments)] // The columns of one table, which the compiler must see apart.
fn advance(
    step: &Step,
    scale: f32,
    decay: f32,
    sparse: bool,
    parameters: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
    gradients: &[f32],
) {
    let kept = |value: f32, new: f32| if sparse && value == 0.0 { 0.0 } else { new };
    let rows = parameters.iter_mut().zip(first).zip(second).zip(gradients);
    if step.kind == SGD {
        let nesterov = f32::from(step.nesterov == 1);
        for (((value, first), _), gradient) in rows {
            let gradient = scale * gradient + decay * *value;
            *first = step.momentum * *first + gradient;
            let along = nesterov * (gradient + step.momentum * *first) + (1.0 - nesterov) * *first;
            *value = kept(*value, *value - step.rate * along);
        }
        return;
    }
    let coupled = if step.kind == ADAMW { 0.0 } else { decay };
    let apart = if step.kind == ADAMW { decay } else { 0.0 };
    for (((value, first), second), gradient) in rows {
        let gradient = scale * gradient + coupled * *value;
        *first = step.beta1 * *first + (1.0 - step.beta1) * gradient;
        *second = step.beta2 * *second + (1.0 - step.beta2) * gradient * gradient;
        let along =
            *first * step.correction1 / ((*second * step.correction2).sqrt() + step.epsilon) + apart * *value;
        *value = kept(*value, *value - step.rate * along);
    }
}
