//! `shaders/tangent_orthonormalize.wgsl`: blocked Gram-Schmidt with reorthogonalization, CholeskyQR2 in each panel.
//!
//! The products are faer's, which run at most of what the processor can. Where all panels are done in one launch they are
//! wider than the WGSL's: the products gain by that, and vectors are the same but for rounding.

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{BlockStructure, matmul as triangular_matmul};
use faer::prelude::IntoConst;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

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

const OVERLAP: u32 = 0;
const SUBTRACT: u32 = 1;
const PANEL: u32 = 2;
const ALL: u32 = 3;
const SQUARES: u32 = 4;

/// Vectors of a panel in the WGSL, and here where all panels are done at once.
const WIDTH: usize = 16;
const WIDE: usize = 64;
const LOST: f32 = -1e30;
const NOT_FINITE: f32 = 1e30;
/// Share of a vector's squared length that rounding leaves of one that depends on the others.
const ROUNDING: f32 = 1e-6;

/// What a launch changes of one slot.
struct Work<'a> {
    slot: &'a TangentSlot,
    vectors: &'a mut [f32],
    overlaps: &'a mut [f32],
    logs: &'a mut [f32],
    again: &'a mut u32,
}

fn run(launch: Launch<'_>) -> Result<(), Failure> {
    let params: Params = launch.params()?;
    let workgroups = launch.workgroups;
    let [slots, vectors, overlaps, logs, again, squares] = launch.bindings()?;
    let slots = slots_of(slots, params.slots, workgroups)?;
    let vectors = vectors.write::<f32>()?.values;
    if params.phase == SQUARES {
        return add_squares(&slots, params.plane, vectors, squares.write::<f32>()?.values);
    }
    if params.phase > SQUARES || !(params.first as usize).is_multiple_of(WIDTH) {
        return Err(refused(format!(
            "there is no phase {} from vector {} on",
            params.phase, params.first
        )));
    }
    let parts = |of: &dyn Fn(&TangentSlot) -> Part| -> Vec<Part> { slots.iter().map(of).collect() };
    let vectors = split("vectors", vectors, &parts(&|slot| slot.plane(params.plane)))?;
    let overlaps = split(
        "overlaps",
        overlaps.write::<f32>()?.values,
        &parts(&|slot| Part {
            start: slot.overlaps.into(),
            length: WIDTH as u64 * u64::from(slot.count),
        }),
    )?;
    let logs = split(
        "logs",
        logs.write::<f32>()?.values,
        &parts(&|slot| Part {
            start: u64::from(params.log_offset) + u64::from(slot.logs),
            length: slot.count.into(),
        }),
    )?;
    let again = again.write::<u32>()?.values;
    part("again", again, 0, slots.len() as u64)?;
    let mut work: Vec<Work<'_>> = slots
        .iter()
        .zip(vectors)
        .zip(overlaps)
        .zip(logs)
        .zip(again)
        .map(|((((slot, vectors), overlaps), logs), again)| Work {
            slot,
            vectors,
            overlaps,
            logs,
            again,
        })
        .collect();
    match &mut work[..] {
        [one] => one.run(&params, Par::rayon(0)),
        several => several
            .par_iter_mut()
            .for_each(|work| work.run(&params, Par::Seq)),
    }
    Ok(())
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

impl Work<'_> {
    fn run(&mut self, params: &Params, par: Par) {
        let count = self.slot.count();
        let first = params.first as usize;
        if params.phase == ALL {
            for first in (0..count).step_by(WIDE) {
                let width = WIDE.min(count - first);
                let mut wide = Mat::zeros(first, width);
                for pass in 0..2 {
                    if pass == 1 && *self.again == 0 {
                        break;
                    }
                    if first > 0 {
                        self.overlap(first, width, wide.as_mut(), par);
                        self.subtract(first, width, wide.as_ref(), par);
                    }
                    self.panel(first, width, wide.as_ref(), pass, par);
                }
            }
            return;
        }
        if first >= count || (params.pass_index > 0 && *self.again == 0) {
            return;
        }
        let width = WIDTH.min(count - first);
        let mut narrow = Mat::from_fn(first, width, |i, j| self.overlaps[WIDTH * i + j]);
        match params.phase {
            OVERLAP => {
                self.overlap(first, width, narrow.as_mut(), par);
                for i in 0..first {
                    for j in 0..width {
                        self.overlaps[WIDTH * i + j] = narrow[(i, j)];
                    }
                }
            }
            SUBTRACT => self.subtract(first, width, narrow.as_ref(), par),
            PANEL => self.panel(first, width, narrow.as_ref(), params.pass_index, par),
            _ => {}
        }
    }

    /// Vectors before `first`, and the panel.
    fn split(&mut self, first: usize, width: usize) -> (MatRef<'_, f32>, MatMut<'_, f32>) {
        let (rows, stride) = (self.slot.rows(), self.slot.stride());
        let all = MatMut::from_row_major_slice_with_stride_mut(self.vectors, rows, self.slot.count(), stride);
        let (before, rest) = all.split_at_col_mut(first);
        (before.into_const(), rest.subcols_mut(0, width))
    }

    /// C = Q^T P
    fn overlap(&mut self, first: usize, width: usize, c: MatMut<'_, f32>, par: Par) {
        let (q, p) = self.split(first, width);
        matmul(c, Accum::Replace, q.transpose(), p, 1.0, par);
    }

    /// P -= Q C
    fn subtract(&mut self, first: usize, width: usize, c: MatRef<'_, f32>, par: Par) {
        let (q, p) = self.split(first, width);
        matmul(p, Accum::Add, q, c, -1.0, par);
    }

    fn panel(&mut self, first: usize, width: usize, overlaps: MatRef<'_, f32>, pass: u32, par: Par) {
        if pass == 0 {
            *self.again = 0;
        }
        let rows = self.slot.rows();
        for round in 0..2 {
            let mut gram = Mat::<f32>::zeros(width, width);
            {
                let (_, panel) = self.split(first, width);
                let p = panel.into_const();
                triangular_matmul(
                    gram.as_mut(),
                    BlockStructure::TriangularLower,
                    Accum::Replace,
                    p.transpose(),
                    BlockStructure::Rectangular,
                    p,
                    BlockStructure::Rectangular,
                    1.0,
                    par,
                );
            }
            let replaced = self.factorize(&mut gram, first, overlaps, pass, round);
            let inverse = invert_lower(&gram);
            let (_, mut p) = self.split(first, width);
            let old = p.to_owned();
            triangular_matmul(
                p.as_mut(),
                BlockStructure::Rectangular,
                Accum::Replace,
                old.as_ref(),
                BlockStructure::Rectangular,
                inverse.transpose(),
                BlockStructure::TriangularUpper,
                1.0,
                par,
            );
            for j in replaced {
                for row in 0..rows {
                    p[(row, j)] = pseudo_random(row as u32, (first + j) as u32);
                }
            }
        }
    }

    /// The Cholesky factor in place of the lower triangle; the vectors that are to be replaced.
    fn factorize(
        &mut self,
        gram: &mut Mat<f32>,
        first: usize,
        overlaps: MatRef<'_, f32>,
        pass: u32,
        round: u32,
    ) -> Vec<usize> {
        let width = gram.ncols();
        let mut replaced = Vec::new();
        for j in 0..width {
            let length = gram[(j, j)];
            let mut pivot = (0..j).fold(length, |pivot, m| pivot - gram[(j, m)] * gram[(j, m)]);
            if round == 0 && pass == 0 {
                let taken: f32 = overlaps.col(j).iter().map(|share| share * share).sum();
                self.logs[first + j] = 0.0;
                if length < 0.01 * (length + taken) {
                    *self.again = 1;
                }
                if length <= ROUNDING * (length + taken) {
                    pivot = 0.0;
                }
            }
            let log = &mut self.logs[first + j];
            if !length.is_finite() {
                *log = NOT_FINITE;
                continue;
            }
            if pivot <= ROUNDING * length {
                if round == 0 {
                    replaced.push(j);
                    *self.again = 1;
                }
                *log = LOST;
                for i in j..width {
                    gram[(i, j)] = 0.0;
                }
                for m in 0..j {
                    gram[(j, m)] = 0.0;
                }
                gram[(j, j)] = 1.0;
                continue;
            }
            let root = pivot.sqrt();
            if log.abs() < NOT_FINITE {
                *log += root.ln();
            }
            gram[(j, j)] = root;
            for i in j + 1..width {
                let rest = (0..j).fold(gram[(i, j)], |rest, m| rest - gram[(i, m)] * gram[(j, m)]);
                gram[(i, j)] = rest / root;
            }
        }
        replaced
    }
}

/// The inverse of a lower triangular matrix.
fn invert_lower(l: &Mat<f32>) -> Mat<f32> {
    let n = l.ncols();
    let mut inverse = Mat::zeros(n, n);
    for j in 0..n {
        inverse[(j, j)] = 1.0 / l[(j, j)];
        for i in j + 1..n {
            let sum: f32 = (j..i).map(|m| l[(i, m)] * inverse[(m, j)]).sum();
            inverse[(i, j)] = -sum / l[(i, i)];
        }
    }
    inverse
}

/// A number in [-1, 1) for a component of a replaced vector (Jarzynski and Olano 2020, pcg).
fn pseudo_random(row: u32, vector: u32) -> f32 {
    const MULTIPLIER: u32 = 747_796_405;
    let state = row
        .wrapping_mul(MULTIPLIER)
        .wrapping_add(vector)
        .wrapping_mul(MULTIPLIER)
        .wrapping_add(2_891_336_453);
    let word = ((state >> ((state >> 28) + 4)) ^ state).wrapping_mul(277_803_737);
    (((word >> 22) ^ word) >> 8) as f32 * 1.192_092_9e-7 - 1.0
}
