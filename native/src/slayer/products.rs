//! Products of weights with spikes and with errors, on rows of numbers.

use super::shape::{Bytes, Ints, LANES, Reals};

/// Adds a row of whole blocks.
#[inline(always)]
pub fn add_ints(sums: &mut [i32], row: &[i32]) {
    for (sum, add) in sums.as_chunks_mut().0.iter_mut().zip(row.as_chunks().0) {
        let (sum, add): (&mut Ints, &Ints) = (sum, add);
        for l in 0..LANES {
            sum[l] = sum[l].wrapping_add(add[l]);
        }
    }
}

#[inline(always)]
pub fn add_reals(sums: &mut [f32], row: &[f32]) {
    for (sum, add) in sums.as_chunks_mut().0.iter_mut().zip(row.as_chunks().0) {
        let (sum, add): (&mut Reals, &Reals) = (sum, add);
        for l in 0..LANES {
            sum[l] += add[l];
        }
    }
}

#[inline(always)]
pub fn pack(spikes: &Ints) -> Bytes {
    let mut bytes = [0; LANES];
    for l in 0..LANES {
        bytes[l] = spikes[l] as u8;
    }
    u64::from_le_bytes(bytes)
}

/// The channels of a block that spike.
#[inline(always)]
pub fn spiking(mut spikes: Bytes) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lane = (spikes != 0).then(|| spikes.trailing_zeros() as usize / LANES);
        spikes &= spikes.wrapping_sub(1);
        lane
    })
}

/// Blocks of a row that [`gather`] and [`scatter`] keep in registers together.
const KEPT: usize = 8;

/// Adds the rows of these channels to a row of whole blocks. `rows` has one for each channel.
#[inline(always)]
pub fn gather(sums: &mut [i32], rows: &[i32], channels: &[u16]) {
    let length = sums.len();
    let mut start = 0;
    for width in even_widths(length / LANES, KEPT) {
        let sums = &mut sums[start..start + width * LANES];
        match width {
            1 => gather_blocks::<1>(sums, rows, (start, length), channels),
            2 => gather_blocks::<2>(sums, rows, (start, length), channels),
            3 => gather_blocks::<3>(sums, rows, (start, length), channels),
            4 => gather_blocks::<4>(sums, rows, (start, length), channels),
            5 => gather_blocks::<5>(sums, rows, (start, length), channels),
            6 => gather_blocks::<6>(sums, rows, (start, length), channels),
            7 => gather_blocks::<7>(sums, rows, (start, length), channels),
            _ => gather_blocks::<KEPT>(sums, rows, (start, length), channels),
        }
        start += width * LANES;
    }
}

#[inline(always)]
fn gather_blocks<const W: usize>(
    sums: &mut [i32],
    rows: &[i32],
    (start, length): (usize, usize),
    channels: &[u16],
) {
    let (sums, _) = sums.as_chunks_mut::<LANES>();
    let mut found = [[0i32; LANES]; W];
    found.copy_from_slice(sums);
    for &channel in channels {
        let at = usize::from(channel) * length + start;
        let (row, _) = rows[at..at + W * LANES].as_chunks::<LANES>();
        for w in 0..W {
            for l in 0..LANES {
                found[w][l] = found[w][l].wrapping_add(row[w][l]);
            }
        }
    }
    sums.copy_from_slice(&found);
}

/// Adds a row of whole blocks to the rows of these channels.
#[inline(always)]
pub fn scatter(rows: &mut [f32], row: &[f32], channels: &[u16]) {
    let length = row.len();
    let mut start = 0;
    for width in even_widths(length / LANES, KEPT) {
        let row = &row[start..start + width * LANES];
        match width {
            1 => scatter_blocks::<1>(rows, row, (start, length), channels),
            2 => scatter_blocks::<2>(rows, row, (start, length), channels),
            3 => scatter_blocks::<3>(rows, row, (start, length), channels),
            4 => scatter_blocks::<4>(rows, row, (start, length), channels),
            5 => scatter_blocks::<5>(rows, row, (start, length), channels),
            6 => scatter_blocks::<6>(rows, row, (start, length), channels),
            7 => scatter_blocks::<7>(rows, row, (start, length), channels),
            _ => scatter_blocks::<KEPT>(rows, row, (start, length), channels),
        }
        start += width * LANES;
    }
}

#[inline(always)]
fn scatter_blocks<const W: usize>(
    rows: &mut [f32],
    row: &[f32],
    (start, length): (usize, usize),
    channels: &[u16],
) {
    let mut added = [[0.0f32; LANES]; W];
    added.copy_from_slice(row.as_chunks::<LANES>().0);
    for &channel in channels {
        let at = usize::from(channel) * length + start;
        let (sums, _) = rows[at..at + W * LANES].as_chunks_mut::<LANES>();
        for w in 0..W {
            for l in 0..LANES {
                sums[w][l] += added[w][l];
            }
        }
    }
}

/// Divides blocks into parts of at most so many, as even as can be.
fn even_widths(blocks: usize, widest: usize) -> impl Iterator<Item = usize> {
    let parts = blocks.div_ceil(widest);
    (0..parts).map(move |part| (part + 1) * blocks / parts - part * blocks / parts)
}

/// Steps whose products are computed together, to use each row of weights that often.
const TOGETHER: usize = 4;
/// Blocks of input channels that are computed together, at most: with four, the sums no longer fit the registers, and
/// more than half of an image's time went there.
const WIDEST: usize = 3;

/// How the input channels' blocks are divided.
pub fn tile_widths(blocks: usize) -> impl Iterator<Item = usize> {
    even_widths(blocks, WIDEST)
}

/// A convolution as seen from its input.
pub struct Back<'a> {
    /// [row][step][number of a row]: the errors of its neurons, as [`Stage::row_length`] says.
    ///
    /// [`Stage::row_length`]: super::shape::Stage::row_length
    pub errors: &'a [f32],
    pub row_length: usize,
    pub side: usize,
    pub steps: usize,
    pub channels: usize,
    pub kernel: usize,
    /// For each tile of input blocks: [kernel row][kernel column, reversed][output channel][block of the tile].
    pub weights: &'a [Reals],
    pub input_blocks: usize,
}

/// What a convolution sends back to one site of its input: for each step the sum over the kernel and the output channels
/// of weight x error, into [input block][step].
#[inline(always)]
pub fn send_back(back: &Back<'_>, site: (usize, usize), found: &mut [Reals]) {
    let terms = back.kernel * back.kernel * back.channels;
    let mut block = 0;
    for width in tile_widths(back.input_blocks) {
        let weights = &back.weights[block * terms..(block + width) * terms];
        let found = &mut found[block * back.steps..(block + width) * back.steps];
        match width {
            1 => tile::<1>(back, weights, site, found),
            2 => tile::<2>(back, weights, site, found),
            _ => tile::<WIDEST>(back, weights, site, found),
        }
        block += width;
    }
}

#[inline(always)]
fn tile<const W: usize>(back: &Back<'_>, weights: &[Reals], (y, x): (usize, usize), found: &mut [Reals]) {
    let (weights, _) = weights.as_chunks::<W>();
    // The errors that a row of the kernel meets lie side by side.
    let run = back.kernel * back.channels;
    let kernel_rows = (y + 1).saturating_sub(back.side)..back.kernel.min(y + 1);
    for first in (0..back.steps).step_by(TOGETHER) {
        let mut sums = [[[0.0f32; LANES]; W]; TOGETHER];
        for ky in kernel_rows.clone() {
            // Steps beyond the last compute the last one again.
            let row = |s: usize| {
                let t = (first + s).min(back.steps - 1);
                let start = ((y - ky) * back.steps + t) * back.row_length + x * back.channels;
                &back.errors[start..start + run]
            };
            let (a, b, c, d) = (row(0), row(1), row(2), row(3));
            let rows = &weights[ky * run..(ky + 1) * run];
            for i in 0..run {
                let values = [a[i], b[i], c[i], d[i]];
                let row = &rows[i];
                for s in 0..TOGETHER {
                    for w in 0..W {
                        for l in 0..LANES {
                            sums[s][w][l] = values[s].mul_add(row[w][l], sums[s][w][l]);
                        }
                    }
                }
            }
        }
        for (s, sums) in sums.iter().enumerate().take(back.steps - first) {
            for (w, sum) in sums.iter().enumerate() {
                found[w * back.steps + first + s] = *sum;
            }
        }
    }
}
