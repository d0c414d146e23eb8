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

/// Calls with each channel of the block that spikes.
#[inline(always)]
pub fn for_each_spike(spikes: Bytes, mut call: impl FnMut(usize)) {
    let mut rest = spikes;
    while rest != 0 {
        call(rest.trailing_zeros() as usize / LANES);
        rest &= rest - 1;
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

/// What a convolution sends back to its input: for each site in `sites` (row y, column x of the input), the sum over
/// the kernel and the output channels of weight x error.
///
/// * `errors`: [padded side][padded side][blocks], the convolution's output with its padding
/// * `weights`: [kernel row][kernel column, reversed][output channel][input blocks]
/// * `found`: [site][input blocks]
#[inline(always)]
pub fn send_back(
    errors: &[Reals],
    (padded_side, blocks, channels): (usize, usize, usize),
    kernel: usize,
    weights: &[Reals],
    input_blocks: usize,
    sites: &[(u32, u32)],
    found: &mut [Reals],
) {
    let geometry = Geometry {
        padded_side,
        blocks,
        channels,
        kernel,
        input_blocks,
    };
    let mut block = 0;
    while block < input_blocks {
        let width = (input_blocks - block).min(4);
        match width {
            1 => columns::<1>(errors, &geometry, weights, block, sites, found),
            2 => columns::<2>(errors, &geometry, weights, block, sites, found),
            3 => columns::<3>(errors, &geometry, weights, block, sites, found),
            _ => columns::<4>(errors, &geometry, weights, block, sites, found),
        }
        block += width;
    }
}

struct Geometry {
    padded_side: usize,
    blocks: usize,
    channels: usize,
    kernel: usize,
    input_blocks: usize,
}

/// `W` blocks of input channels from `block` on.
#[inline(always)]
fn columns<const W: usize>(
    errors: &[Reals],
    geometry: &Geometry,
    weights: &[Reals],
    block: usize,
    sites: &[(u32, u32)],
    found: &mut [Reals],
) {
    let &Geometry {
        padded_side,
        blocks,
        channels,
        kernel,
        input_blocks,
    } = geometry;
    let errors = errors.as_flattened();
    let column = blocks * LANES;
    for (group, group_found) in sites
        .chunks(TOGETHER)
        .zip(found.chunks_mut(TOGETHER * input_blocks))
    {
        // A group that is not full computes its last site several times.
        let site = |s: usize| group[s.min(group.len() - 1)];
        let mut sums = [[[0.0f32; LANES]; W]; TOGETHER];
        for ky in 0..kernel {
            let row = |s: usize| {
                let (y, x) = site(s);
                ((y as usize + kernel - 1 - ky) * padded_side + x as usize) * column
            };
            let starts = [row(0), row(1), row(2), row(3)];
            for kx in 0..kernel {
                let at = kx * column;
                let a0 = &errors[starts[0] + at..][..channels];
                let a1 = &errors[starts[1] + at..][..channels];
                let a2 = &errors[starts[2] + at..][..channels];
                let a3 = &errors[starts[3] + at..][..channels];
                let rows =
                    &weights[(ky * kernel + kx) * channels * input_blocks..][..channels * input_blocks];
                for (channel, row) in rows.chunks_exact(input_blocks).enumerate() {
                    let Some(row) = row[block..].first_chunk::<W>() else {
                        continue;
                    };
                    let values = [a0[channel], a1[channel], a2[channel], a3[channel]];
                    for s in 0..TOGETHER {
                        for w in 0..W {
                            for l in 0..LANES {
                                sums[s][w][l] = values[s].mul_add(row[w][l], sums[s][w][l]);
                            }
                        }
                    }
                }
            }
        }
        for (s, to) in group_found.chunks_exact_mut(input_blocks).enumerate() {
            to[block..block + W].copy_from_slice(&sums[s]);
        }
    }
}
