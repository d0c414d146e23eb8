//! `shaders/tangent_orthonormalize.wgsl`: blocked Gram-Schmidt with reorthogonalization, shifted CholeskyQR in each panel.
//!
//! The products with vectors before a block of panels are faer's, which run at most of what the processor can; where all
//! panels are done in one launch, four of them make a block for these. Panels are one vector register wide.

use faer::linalg::matmul::matmul;
use faer::prelude::IntoConst;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use multiversion::multiversion;
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

/// Vectors of a panel, and of a block of panels.
const WIDTH: usize = 16;
const BLOCK: usize = 64;
const LOST: f32 = -1e30;
const NOT_FINITE: f32 = 1e30;
/// Shares of squared lengths: pivots are raised to the floor; below ROUNDING nothing but rounding is left; below CANCELLED
/// there is a second pass.
const FLOOR: f32 = 1e-5;
const ROUNDING: f32 = 4e-12;
const CANCELLED: f32 = 0.01;
const NOTHING: f32 = 1e-36;
const ROUNDS: u32 = 3;

/// A panel's vectors, a row each.
type Panel = Vec<[f32; WIDTH]>;
type Square = [[f32; WIDTH]; WIDTH];

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
            for block in (0..count).step_by(BLOCK) {
                self.all_panels(block, count.min(block + BLOCK), par);
            }
            return;
        }
        if first >= count || (params.pass_index > 0 && *self.again == 0) {
            return;
        }
        let width = WIDTH.min(count - first);
        let mut c = Mat::from_fn(first, width, |i, j| self.overlaps[WIDTH * i + j]);
        match params.phase {
            OVERLAP => {
                self.overlap(0, first, width, c.as_mut(), par);
                for i in 0..first {
                    for j in 0..width {
                        self.overlaps[WIDTH * i + j] = c[(i, j)];
                    }
                }
            }
            SUBTRACT => self.subtract(0, first, width, c.as_ref(), par),
            PANEL => self.panel(first, &squared_lengths(&c), params.pass_index),
            _ => {}
        }
    }

    /// The panels from vector `start` to `end`: what the vectors before take from all of them at once, then one by one.
    fn all_panels(&mut self, start: usize, end: usize, par: Par) {
        let mut before = Mat::zeros(start, end - start);
        if start > 0 {
            self.project(0, start, end - start, &mut before, par);
        }
        let taken = squared_lengths(&before);
        for first in (start..end).step_by(WIDTH) {
            let width = WIDTH.min(end - first);
            let mut within = Mat::zeros(first - start, width);
            if first > start {
                self.project(start, first, width, &mut within, Par::Seq);
            }
            let mut taken = taken[first - start..first - start + width].to_vec();
            for (sum, share) in taken.iter_mut().zip(squared_lengths(&within)) {
                *sum += share;
            }
            self.panel(first, &taken, 0);
            if *self.again != 0 {
                if first > 0 {
                    self.project(0, first, width, &mut Mat::zeros(first, width), par);
                }
                self.panel(first, &taken, 1);
            }
        }
    }

    /// Takes from `width` vectors from `first` on what lies along the vectors from `start` to there: C.
    fn project(&mut self, start: usize, first: usize, width: usize, c: &mut Mat<f32>, par: Par) {
        self.overlap(start, first, width, c.as_mut(), par);
        self.subtract(start, first, width, c.as_ref(), par);
    }

    /// Vectors from `start` to `first`, and the `width` vectors from there.
    fn split(&mut self, start: usize, first: usize, width: usize) -> (MatRef<'_, f32>, MatMut<'_, f32>) {
        let (rows, stride) = (self.slot.rows(), self.slot.stride());
        // Column-major and transposed: faer 0.24 takes the strides of rows with a stride the wrong way round.
        let across =
            MatMut::from_column_major_slice_with_stride_mut(self.vectors, self.slot.count(), rows, stride);
        let all = across.transpose_mut();
        let (before, rest) = all.split_at_col_mut(first);
        (
            before.into_const().subcols(start, first - start),
            rest.subcols_mut(0, width),
        )
    }

    /// C = Q^T P
    fn overlap(&mut self, start: usize, first: usize, width: usize, c: MatMut<'_, f32>, par: Par) {
        let (q, p) = self.split(start, first, width);
        matmul(c, Accum::Replace, q.transpose(), p, 1.0, par);
    }

    /// P -= Q C
    fn subtract(&mut self, start: usize, first: usize, width: usize, c: MatRef<'_, f32>, par: Par) {
        let (q, p) = self.split(start, first, width);
        matmul(p, Accum::Add, q, c, -1.0, par);
    }

    /// Makes a panel orthonormal. `taken`: squared lengths of what was taken from its vectors before.
    fn panel(&mut self, first: usize, taken: &[f32], pass: u32) {
        if pass == 0 {
            *self.again = 0;
        }
        let (stride, width) = (self.slot.stride(), WIDTH.min(self.slot.count() - first));
        let mut panel: Panel = vec![[0.0; WIDTH]; self.slot.rows()];
        for (own, row) in panel.iter_mut().zip(self.vectors.chunks_exact(stride)) {
            own[..width].copy_from_slice(&row[first..first + width]);
        }
        let mut lengths = [0.0; WIDTH];
        for round in 0..ROUNDS {
            let mut gram = products(&panel);
            if round == 0 {
                for j in 0..width {
                    lengths[j] = gram[j][j] + taken.get(j).copied().unwrap_or(0.0);
                }
            }
            let (replaced, calm) = self.factorize(&mut gram, first, width, pass, round);
            multiply(&mut panel, &inverse_transposed(&gram));
            for j in replaced {
                for (row, own) in panel.iter_mut().enumerate() {
                    own[j] = pseudo_random(row as u32, (first + j) as u32);
                }
            }
            // Orthonormal to rounding: the rest of the rounds would change nothing.
            if calm && round > 0 {
                break;
            }
        }
        if pass == 0 {
            for j in 0..width {
                let log = &mut self.logs[first + j];
                let left = 2.0 * *log - lengths[j].ln();
                if log.abs() < NOT_FINITE && left < CANCELLED.ln() {
                    *self.again = 1;
                }
                if log.abs() < NOT_FINITE && left < ROUNDING.ln() {
                    *log = LOST;
                }
                // What rounding has left of it may well lie along the others: the second pass gets a vector that does not.
                if *log == LOST {
                    for (row, own) in panel.iter_mut().enumerate() {
                        own[j] = pseudo_random(row as u32, (first + j) as u32);
                    }
                }
            }
        }
        for (own, row) in panel.iter().zip(self.vectors.chunks_exact_mut(stride)) {
            row[first..first + width].copy_from_slice(&own[..width]);
        }
    }

    /// The Cholesky factor in place of the lower triangle. Which vectors are to be replaced, and whether all pivots are
    /// near their diagonals, so that what rounding does to them is rounding.
    fn factorize(
        &mut self,
        gram: &mut Square,
        first: usize,
        width: usize,
        pass: u32,
        round: u32,
    ) -> (Vec<usize>, bool) {
        let mut replaced = Vec::new();
        let mut calm = true;
        for j in 0..WIDTH {
            if j >= width {
                gram[j][j] = 1.0;
                continue;
            }
            let log = &mut self.logs[first + j];
            if round == 0 && pass == 0 {
                *log = 0.0;
            }
            let length = gram[j][j];
            if !length.is_finite() {
                *log = NOT_FINITE;
            }
            if length <= NOTHING {
                replaced.push(j);
                *log = LOST;
                *self.again = 1;
                calm = false;
                for row in &mut gram[j..] {
                    row[j] = 0.0;
                }
                gram[j][..j].fill(0.0);
                gram[j][j] = 1.0;
                continue;
            }
            let pivot = (0..j).fold(length, |pivot, m| pivot - gram[j][m] * gram[j][m]);
            calm &= pivot > 0.5 * length;
            let root = pivot.max(FLOOR * length).sqrt();
            if log.abs() < NOT_FINITE {
                *log += root.ln();
            }
            gram[j][j] = root;
            for i in j + 1..width {
                let rest = (0..j).fold(gram[i][j], |rest, m| rest - gram[i][m] * gram[j][m]);
                gram[i][j] = rest / root;
            }
        }
        (replaced, calm)
    }
}

/// Squared lengths of the columns.
fn squared_lengths(c: &Mat<f32>) -> Vec<f32> {
    c.col_iter()
        .map(|column| column.iter().map(|share| share * share).sum())
        .collect()
}

/// P^T P
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
fn products(panel: &Panel) -> Square {
    let mut sums = [[0.0; WIDTH]; WIDTH];
    // One row of sums at a time, which stays in a register.
    for (left, sums) in sums.iter_mut().enumerate() {
        let mut sum = [0.0; WIDTH];
        for row in panel {
            let factor = row[left];
            for lane in 0..WIDTH {
                sum[lane] += factor * row[lane];
            }
        }
        *sums = sum;
    }
    sums
}

/// P = P M
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
fn multiply(panel: &mut Panel, by: &Square) {
    for row in panel {
        let mut sum = [0.0; WIDTH];
        for (left, right) in row.iter().zip(by) {
            for lane in 0..WIDTH {
                sum[lane] += left * right[lane];
            }
        }
        *row = sum;
    }
}

/// L^-T, of which only the upper triangle is not 0.
fn inverse_transposed(l: &Square) -> Square {
    let mut inverse = [[0.0; WIDTH]; WIDTH];
    for j in 0..WIDTH {
        inverse[j][j] = 1.0 / l[j][j];
        for i in j + 1..WIDTH {
            let sum: f32 = (j..i).map(|m| l[i][m] * inverse[j][m]).sum();
            inverse[j][i] = -sum / l[i][i];
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
