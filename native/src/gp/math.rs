//! Elementary functions over slices, written so that the compiler vectorizes them, and sums in a fixed order.

use multiversion::multiversion;

/// Adding and subtracting this rounds to the nearest integer, and leaves that integer in the low bits.
const ROUNDER: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52

/// Coefficients of the series of e^r for |r| <= ln(2) / 2, from the highest power; what is left is below 1e-17.
const EXP: [f64; 13] = [
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
    1.0,
    1.0,
];

/// Coefficients of the series of cos r in r^2 for |r| <= pi / 2, from the highest power.
const COS: [f64; 12] = [
    -1.0 / 1.124_000_727_777_607_7e21,
    1.0 / 2.432_902_008_176_64e18,
    -1.0 / 6.402_373_705_728e15,
    1.0 / 20_922_789_888_000.0,
    -1.0 / 87_178_291_200.0,
    1.0 / 479_001_600.0,
    -1.0 / 3_628_800.0,
    1.0 / 40_320.0,
    -1.0 / 720.0,
    1.0 / 24.0,
    -0.5,
    1.0,
];

/// e^-x for 0 <= x; 0 above 700.
#[inline(always)]
fn exp_minus(x: f64) -> f64 {
    const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    let power = (-x.min(700.0) * std::f64::consts::LOG2_E) + ROUNDER;
    let k = power - ROUNDER;
    let r = -x.min(700.0) - k * LN2_HIGH - k * LN2_LOW;
    let mut sum = EXP[0];
    for &coefficient in &EXP[1..] {
        sum = sum * r + coefficient;
    }
    let scale = f64::from_bits((power.to_bits().wrapping_add(1023)) << 52);
    if x > 700.0 { 0.0 } else { sum * scale }
}

/// cos x for |x| up to about 1e8.
#[inline(always)]
fn cosine(x: f64) -> f64 {
    const PI_HIGH: f64 = 3.141_592_653_468_251;
    const PI_MIDDLE: f64 = 1.215_420_101_260_793_2e-10;
    const PI_LOW: f64 = 4.044_532_497_591_901e-21;
    let turns = x * std::f64::consts::FRAC_1_PI + ROUNDER;
    let k = turns - ROUNDER;
    let r = ((x - k * PI_HIGH) - k * PI_MIDDLE) - k * PI_LOW;
    let square = r * r;
    let mut sum = COS[0];
    for &coefficient in &COS[1..] {
        sum = sum * square + coefficient;
    }
    // An odd number of half turns changes the sign.
    f64::from_bits(sum.to_bits() ^ (turns.to_bits() << 63))
}

/// Replaces squared scaled distances by signal * (1 + r + r^2 / 3) e^-r with r = sqrt(5 d^2).
#[multiversion(targets("x86_64+avx512f+avx512dq+fma", "x86_64+avx2+fma"))]
pub fn matern(squared: &mut [f64], signal: f64) {
    for value in squared {
        let r = (5.0 * *value).sqrt();
        *value = signal * (1.0 + r + r * r * (1.0 / 3.0)) * exp_minus(r);
    }
}

/// From squared scaled distances and weights: the sums of weight * k, and, in place of the distances,
/// weight * (5/3) signal (1 + r) e^-r, the derivative of k by half the negative squared distance.
#[multiversion(targets("x86_64+avx512f+avx512dq+fma", "x86_64+avx2+fma"))]
pub fn matern_slopes(squared: &mut [f64], weights: &[f64], signal: f64, products: &mut [f64]) {
    for ((value, &weight), product) in squared.iter_mut().zip(weights).zip(products) {
        let r = (5.0 * *value).sqrt();
        let decay = weight * signal * exp_minus(r);
        *product = decay * (1.0 + r + r * r * (1.0 / 3.0));
        *value = decay * (5.0 / 3.0) * (1.0 + r);
    }
}

/// Adds (column[i] - at)^2 to each sum.
#[multiversion(targets("x86_64+avx512f+avx512dq+fma", "x86_64+avx2+fma"))]
pub fn add_squared_differences(sums: &mut [f64], column: &[f64], at: f64) {
    for (sum, &value) in sums.iter_mut().zip(column) {
        let difference = value - at;
        *sum += difference * difference;
    }
}

/// Adds factor * column[i] to each sum.
#[multiversion(targets("x86_64+avx512f+avx512dq+fma", "x86_64+avx2+fma"))]
pub fn add_scaled(sums: &mut [f64], column: &[f64], factor: f64) {
    for (sum, &value) in sums.iter_mut().zip(column) {
        *sum += factor * value;
    }
}

#[multiversion(targets("x86_64+avx512f+avx512dq+fma", "x86_64+avx2+fma"))]
pub fn cosines(values: &mut [f64], scale: f64) {
    for value in values {
        *value = scale * cosine(*value);
    }
}

/// The sum of a[i] b[i], in eight interleaved parts.
#[multiversion(targets("x86_64+avx512f+avx512dq+fma", "x86_64+avx2+fma"))]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut parts = [0.0; 8];
    let (a_blocks, a_rest) = a.as_chunks::<8>();
    let (b_blocks, b_rest) = b.as_chunks::<8>();
    for (x, y) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..8 {
            parts[lane] += x[lane] * y[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    parts.iter().sum::<f64>() + rest
}

/// The sum of weights[i] (column[i] - at)^2, in eight interleaved parts.
#[multiversion(targets("x86_64+avx512f+avx512dq+fma", "x86_64+avx2+fma"))]
pub fn weighted_squared_differences(weights: &[f64], column: &[f64], at: f64) -> f64 {
    let mut parts = [0.0; 8];
    let (w_blocks, w_rest) = weights.as_chunks::<8>();
    let (c_blocks, c_rest) = column.as_chunks::<8>();
    for (w, c) in w_blocks.iter().zip(c_blocks) {
        for lane in 0..8 {
            let difference = c[lane] - at;
            parts[lane] += w[lane] * difference * difference;
        }
    }
    let rest: f64 = w_rest
        .iter()
        .zip(c_rest)
        .map(|(w, c)| w * (c - at) * (c - at))
        .sum();
    parts.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_and_cosine_agree_with_the_library() {
        for i in 0..20_000 {
            let x = f64::from(i) * 0.037;
            let expected = (-x).exp();
            assert!(
                (exp_minus(x) - expected).abs() <= 1e-15 * expected + 1e-300,
                "{x}"
            );
            for signed in [x * 10.0, -x * 10.0] {
                assert!((cosine(signed) - signed.cos()).abs() < 1e-12, "{signed}");
            }
        }
    }

    #[test]
    fn sums_cover_every_length() {
        for n in 0..40_u32 {
            let a: Vec<f64> = (0..n).map(f64::from).collect();
            let b = vec![2.0; a.len()];
            assert_eq!(dot(&a, &b), f64::from(n * n.saturating_sub(1)));
            let expected: f64 = a.iter().map(|x| 2.0 * (x - 1.0) * (x - 1.0)).sum();
            assert_eq!(weighted_squared_differences(&b, &a, 1.0), expected);
        }
    }
}
