//! Clamping and scaling of columns of weights.
//!
//! Scaling a column to its norm may leave weights above 1, which the next sample's learning clamps; its sum is below
//! the norm then, and it is scaled again after that sample, whether or not its neuron spikes. Such a column is
//! unsettled. For a settled one both are the identity, up to the 1e-6 that is tolerated.

use super::TILE;

/// Interleaved partial sums of a column, as many as the WGSL has.
const PARTIALS: usize = 8;
/// A column with a weight above this after scaling is unsettled.
const SETTLED: f32 = 1.000_001;

type Row = [f32; TILE];

/// The mark of a column whose largest weight is `largest`.
#[inline(always)]
pub fn is_unsettled(largest: f32) -> u32 {
    u32::from(largest > SETTLED)
}

/// Clamps the marked columns to 1.
#[inline(always)]
pub fn clamp_columns(weights: &mut [Row], inputs: usize, marks: &[u32]) {
    for (tile, marks) in weights.chunks_exact_mut(inputs).zip(marks.chunks(TILE)) {
        if marks.iter().all(|&mark| mark == 0) {
            continue;
        }
        let mut limits = [f32::INFINITY; TILE];
        for (limit, &mark) in limits.iter_mut().zip(marks) {
            if mark != 0 {
                *limit = 1.0;
            }
        }
        for row in tile {
            for lane in 0..TILE {
                row[lane] = if row[lane] < limits[lane] {
                    row[lane]
                } else {
                    limits[lane]
                };
            }
        }
    }
}

/// Scales the marked columns to sum `norm`, and marks those of them that are unsettled then.
#[inline(always)]
pub fn scale_columns(weights: &mut [Row], inputs: usize, norm: f32, marks: &mut [u32]) {
    for (tile, marks) in weights.chunks_exact_mut(inputs).zip(marks.chunks_mut(TILE)) {
        if marks.iter().all(|&mark| mark == 0) {
            continue;
        }
        let mut factors = factors(tile, norm);
        let largest = largest(tile);
        for (lane, mark) in marks.iter_mut().enumerate() {
            if *mark == 0 {
                factors[lane] = 1.0;
            } else {
                *mark = is_unsettled(largest[lane] * factors[lane]);
            }
        }
        for row in tile {
            for lane in 0..TILE {
                row[lane] *= factors[lane];
            }
        }
    }
}

/// What each column is to be multiplied by to sum `norm`; a column of zeros stays as it is.
#[inline(always)]
pub fn factors<const WIDTH: usize>(rows: &[[f32; WIDTH]], norm: f32) -> [f32; WIDTH] {
    let mut partial = [[0.0_f32; WIDTH]; PARTIALS];
    // In whole blocks of known size, so that the sums stay in registers.
    let (blocks, rest) = rows.as_chunks::<PARTIALS>();
    for block in blocks {
        for part in 0..PARTIALS {
            for lane in 0..WIDTH {
                partial[part][lane] += block[part][lane];
            }
        }
    }
    for (sums, row) in partial.iter_mut().zip(rest) {
        for lane in 0..WIDTH {
            sums[lane] += row[lane];
        }
    }
    let mut factors = [0.0; WIDTH];
    for sums in &partial {
        for lane in 0..WIDTH {
            factors[lane] += sums[lane];
        }
    }
    factors.map(|sum| norm / if sum == 0.0 { 1.0 } else { sum })
}

/// The largest weight of each column; at least 0.
#[inline(always)]
pub fn largest<const WIDTH: usize>(rows: &[[f32; WIDTH]]) -> [f32; WIDTH] {
    let mut largest = [0.0_f32; WIDTH];
    for row in rows {
        for lane in 0..WIDTH {
            largest[lane] = if row[lane] > largest[lane] {
                row[lane]
            } else {
                largest[lane]
            };
        }
    }
    largest
}
