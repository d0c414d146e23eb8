//! Products of weights with spikes and with errors, on rows of blocks.

use super::shape::{Bytes, Ints, LANES, Reals};

#[inline(always)]
pub fn add_ints(sums: &mut [Ints], row: &[Ints]) {
    for (sum, add) in sums.iter_mut().zip(row) {
        for l in 0..LANES {
            sum[l] = sum[l].wrapping_add(add[l]);
        }
    }
}

#[inline(always)]
pub fn add_reals(sums: &mut [Reals], row: &[Reals]) {
    for (sum, add) in sums.iter_mut().zip(row) {
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

/// Sites whose products are computed together, to use each row of weights that often.
const TOGETHER: usize = 4;
/// Blocks of input channels that are computed together, at most: with four, the sums no longer fit the registers, and
/// more than half of an image's time went there.
const WIDEST: usize = 3;

/// How the input channels' blocks are divided: the widths of the tiles, as even as can be.
pub fn tile_widths(blocks: usize) -> impl Iterator<Item = usize> {
    let tiles = blocks.div_ceil(WIDEST);
    (0..tiles).map(move |tile| (tile + 1) * blocks / tiles - tile * blocks / tiles)
}

/// A convolution as seen from its input.
pub struct Back<'a> {
    /// [padded site][output channel]: the errors of its neurons.
    pub errors: &'a [f32],
    pub padded_side: usize,
    pub channels: usize,
    pub kernel: usize,
    /// For each tile of input blocks: [kernel row][kernel column, reversed][output channel][block of the tile].
    pub weights: &'a [Reals],
    pub input_blocks: usize,
}

/// What a convolution sends back: for each of the input's sites (row, column), the sum over the kernel and the output
/// channels of weight x error, into [site][input block].
#[inline(always)]
pub fn send_back(back: &Back<'_>, sites: &[(u32, u32)], found: &mut [Reals]) {
    let terms = back.kernel * back.kernel * back.channels;
    let mut block = 0;
    for width in tile_widths(back.input_blocks) {
        let weights = &back.weights[block * terms..(block + width) * terms];
        match width {
            1 => tile::<1>(back, weights, block, sites, found),
            2 => tile::<2>(back, weights, block, sites, found),
            _ => tile::<WIDEST>(back, weights, block, sites, found),
        }
        block += width;
    }
}

#[inline(always)]
fn tile<const W: usize>(
    back: &Back<'_>,
    weights: &[Reals],
    block: usize,
    sites: &[(u32, u32)],
    found: &mut [Reals],
) {
    let (weights, _) = weights.as_chunks::<W>();
    // The errors that a row of the kernel meets lie side by side.
    let run = back.kernel * back.channels;
    for (group, found) in sites
        .chunks(TOGETHER)
        .zip(found.chunks_mut(TOGETHER * back.input_blocks))
    {
        let mut starts = [0; TOGETHER];
        for (s, start) in starts.iter_mut().enumerate() {
            // A group that is not full computes its last site several times.
            let (y, x) = group[s.min(group.len() - 1)];
            *start = ((y as usize + back.kernel - 1) * back.padded_side + x as usize) * back.channels;
        }
        let mut sums = [[[0.0f32; LANES]; W]; TOGETHER];
        for ky in 0..back.kernel {
            let row = |s: usize| &back.errors[starts[s] - ky * back.padded_side * back.channels..][..run];
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
        for (s, to) in found.chunks_exact_mut(back.input_blocks).enumerate() {
            to[block..block + W].copy_from_slice(&sums[s]);
        }
    }
}
