//! Inner loops that the compiler turns into vector instructions.

use super::Slot;

/// e^x for x <= 0 by a polynomial, within 2 ulp; below -87 it is 0.
#[inline(always)]
pub fn exp_negative(x: f32) -> f32 {
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    let clamped = x.max(-87.0);
    let n = (clamped * LOG2_E).round_ties_even();
    // ln 2 in two parts, so that the rest is exact.
    let r = clamped - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let mut p = 1.987_569_1e-4_f32;
    p = p * r + 1.398_199_9e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_5e-1;
    p = p * r + 0.5;
    let value = p * r * r + r + 1.0;
    let power = f32::from_bits((((n as i32) + 127) as u32) << 23);
    if x < -87.0 { 0.0 } else { value * power }
}

/// The surrogate of a spike's derivative at each u, in place.
#[inline(always)]
pub fn surrogate_in_place(slot: &Slot, u: &mut [f32]) {
    let (slope, scale) = (slot.slope, slot.scale);
    #[inline(always)]
    fn each(u: &mut [f32], f: impl Fn(f32) -> f32) {
        for value in u {
            *value = f(*value);
        }
    }
    match slot.surrogate {
        0 => each(u, |u| {
            let d = 1.0 + slope * u.abs();
            scale / (d * d)
        }),
        1 => {
            let half_pi = std::f32::consts::FRAC_PI_2 * slope;
            each(u, |u| scale / (1.0 + (half_pi * u) * (half_pi * u)));
        }
        2 => each(u, |u| scale * (1.0 - slope * u.abs()).max(0.0)),
        3 => each(u, |u| scale * exp_negative(-0.5 * (slope * u) * (slope * u))),
        4 => each(u, |u| scale * 0.5 * slope * exp_negative(-slope * u.abs())),
        _ => each(u, |u| if 2.0 * slope * u.abs() <= 1.0 { scale } else { 0.0 }),
    }
}

/// out += the rows of `table` that begin at `starts`, columns by blocks that stay in registers.
#[inline(always)]
pub fn add_rows(table: &[f32], starts: &[u32], out: &mut [f32]) {
    add_rows_by::<128>(table, starts, out);
}

#[inline(always)]
fn add_rows_by<const BLOCK: usize>(table: &[f32], starts: &[u32], out: &mut [f32]) {
    let mut column = 0;
    while column + BLOCK <= out.len() {
        add_block::<BLOCK>(table, starts, &mut out[column..], column);
        column += BLOCK;
    }
    while column + 32 <= out.len() {
        add_block::<32>(table, starts, &mut out[column..], column);
        column += 32;
    }
    if column < out.len() {
        for &start in starts {
            let from = start as usize + column;
            let row = &table[from..from + out.len() - column];
            for (sum, value) in out[column..].iter_mut().zip(row) {
                *sum += value;
            }
        }
    }
}

#[inline(always)]
fn add_block<const BLOCK: usize>(table: &[f32], starts: &[u32], out: &mut [f32], column: usize) {
    let mut sum = [0.0_f32; BLOCK];
    sum.copy_from_slice(&out[..BLOCK]);
    for &start in starts {
        let from = start as usize + column;
        let row = &table[from..from + BLOCK];
        for k in 0..BLOCK {
            sum[k] += row[k];
        }
    }
    out[..BLOCK].copy_from_slice(&sum);
}

/// Floats that are worked on at once: a register of AVX-512, two or four of others. Rows are multiples of it.
pub const PANEL: usize = 16;

/// sums += error * row.
#[inline(always)]
pub fn multiply_add(sums: &mut [f32; PANEL], error: f32, row: &[f32; PANEL]) {
    for k in 0..PANEL {
        sums[k] = error.mul_add(row[k], sums[k]);
    }
}

/// A vector of a row.
#[inline(always)]
pub fn lanes(row: &[f32], at: usize) -> [f32; PANEL] {
    let mut values = [0.0; PANEL];
    values.copy_from_slice(&row[at..at + PANEL]);
    values
}

/// 1 for each of a vector's neurons that has spiked.
#[inline(always)]
pub fn spikes_of(words: &[u32], at: usize) -> [f32; PANEL] {
    let word = (words[at / 32] >> (at % 32)) as i32;
    let mut spikes = [0.0; PANEL];
    for (k, spike) in spikes.iter_mut().enumerate() {
        *spike = ((word >> k) & 1) as f32;
    }
    spikes
}

/// out += values, elementwise.
#[inline(always)]
pub fn add(out: &mut [f32], values: &[f32]) {
    for (sum, value) in out.iter_mut().zip(values) {
        *sum += value;
    }
}

/// Calls `each` with the number of every set bit among the first `limit`, ascending.
#[inline(always)]
pub fn for_each_bit(words: &[u32], limit: u32, mut each: impl FnMut(u32)) {
    for (index, &word) in words.iter().enumerate() {
        let mut rest = word;
        while rest != 0 {
            let bit = 32 * index as u32 + rest.trailing_zeros();
            if bit < limit {
                each(bit);
            }
            rest &= rest - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::exp_negative;

    #[test]
    fn the_exponential_is_that_of_the_library() {
        for step in 0..8700 {
            let x = -0.01 * step as f32;
            let right = x.exp();
            assert!(
                (exp_negative(x) - right).abs() <= 3e-7 * right,
                "{x}: {}",
                exp_negative(x)
            );
        }
        assert_eq!(exp_negative(-100.0), 0.0);
    }
}
