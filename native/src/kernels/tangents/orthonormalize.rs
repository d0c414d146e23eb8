//! `shaders/tangent_orthonormalize.wgsl`: all panels in one launch, by Householder's reflections instead of Gram-Schmidt.

use rayon::prelude::*;

use super::householder::{self, Factor};
use super::{SLOTS, TangentSlot, VECTORS, part, scalars, slots_of};
use crate::device::launch::{Access, Launch, refused};
use crate::failure::Failure;
use crate::kernels::Kernel;
use crate::kernels::contract::{Buffer, KernelContract, shared_struct};
use crate::kernels::disjoint::{Part, split};

shared_struct!(Params {
    slots: u32,
    plane: u32,
    phase: u32,
    first: u32,
    pass_index: u32,
    log_offset: u32,
});

pub const KERNEL: Kernel = Kernel {
    contract: KernelContract {
        name: "tangent_orthonormalize",
        params: Params::LAYOUT,
        buffers: &[
            SLOTS,
            VECTORS,
            scalars("overlaps", Access::ReadWrite, "f32"),
            scalars("logs", Access::ReadWrite, "f32"),
            scalars("again", Access::ReadWrite, "u32"),
            Buffer {
                name: "squares",
                ..VECTORS
            },
        ],
        structs: &[TangentSlot::LAYOUT],
        constants: &[],
    },
    run,
};

/// Phases 0 to 2 are parts of phase 3, for devices whose workgroups can't wait for each other.
const ALL: u32 = 3;
const SQUARES: u32 = 4;

const LOST: f32 = -1e30;
const NOT_FINITE: f32 = 1e30;
/// Shares of squared lengths: below nothing but rounding is left.
const ROUNDING: f32 = 4e-12;
const NOTHING: f32 = 1e-36;

fn run(launch: Launch<'_>) -> Result<(), Failure> {
    let params: Params = launch.params()?;
    let workgroups = launch.workgroups;
    let [slots, vectors, _overlaps, logs, _again, squares] = launch.bindings()?;
    let slots = slots_of(slots, params.slots, workgroups)?;
    let vectors = vectors.write::<f32>()?.values;
    if params.phase == SQUARES {
        return add_squares(&slots, params.plane, vectors, squares.write::<f32>()?.values);
    }
    if params.phase != ALL {
        return Err(refused(format!(
            "there is no phase {} here; phase {ALL} is all of them",
            params.phase
        )));
    }
    let parts = |of: &dyn Fn(&TangentSlot) -> Part| -> Vec<Part> { slots.iter().map(of).collect() };
    let vectors = split("vectors", vectors, &parts(&|slot| slot.plane(params.plane)))?;
    let logs = split(
        "logs",
        logs.write::<f32>()?.values,
        &parts(&|slot| Part {
            start: u64::from(params.log_offset) + u64::from(slot.logs),
            length: slot.count.into(),
        }),
    )?;
    let work: Vec<_> = slots.iter().zip(vectors).zip(logs).collect();
    work.into_par_iter().for_each(|((slot, vectors), logs)| {
        let factor = householder::orthonormalize(vectors, slot.rows(), slot.stride(), slot.count());
        for (log, factor) in logs.iter_mut().zip(factor) {
            *log = growth(&factor);
        }
    });
    Ok(())
}

/// The logarithm of what is left of a vector across those before it.
fn growth(&Factor { diagonal, length }: &Factor) -> f32 {
    if !diagonal.is_finite() || !length.is_finite() {
        NOT_FINITE
    } else if length <= NOTHING || diagonal * diagonal <= ROUNDING * length {
        LOST
    } else {
        diagonal.ln()
    }
}

fn add_squares(
    slots: &[TangentSlot],
    plane: u32,
    vectors: &[f32],
    squares: &mut [f32],
) -> Result<(), Failure> {
    let parts: Vec<Part> = slots
        .iter()
        .map(|slot| Part {
            start: 4 * u64::from(slot.squares),
            length: slot.plane(0).length,
        })
        .collect();
    for (slot, sums) in slots.iter().zip(split("squares", squares, &parts)?) {
        let own = slot.plane(plane);
        let values = part("vectors", vectors, own.start, own.length)?;
        const CHUNK: usize = 1 << 14;
        sums.par_chunks_mut(CHUNK)
            .zip(values.par_chunks(CHUNK))
            .for_each(|(sums, values)| {
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum += value * value;
                }
            });
    }
    Ok(())
}
