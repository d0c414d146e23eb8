//! What comes from outside in a step: source spikes, Poisson input, noise.

use super::network::{Network, Poisson, Rates};
use super::part::Part;
use super::{GROUP, NOISE_STEP};
use crate::kernels::philox::{MEMBRANE_NOISE, POISSON_INPUT, SOURCE_SPIKES, philox4x32, unit_real};

type Words = [u32; GROUP];
/// Blocks of four words that a group shares.
const BLOCKS: usize = GROUP / 4;

/// The words of all neurons of a group: neuron 16 b + l has word b of block l.
#[inline(always)]
fn words_of(group: usize, stream: u32, step: u32, index: u32, key: [u32; 2]) -> Words {
    let (mut first, mut second, mut third, mut fourth) = ([0; BLOCKS], [0; BLOCKS], [0; BLOCKS], [0; BLOCKS]);
    for lane in 0..BLOCKS {
        let drawn = philox4x32([(group * BLOCKS + lane) as u32, stream, step, index], key);
        first[lane] = drawn[0];
        second[lane] = drawn[1];
        third[lane] = drawn[2];
        fourth[lane] = drawn[3];
    }
    let mut words = [0; GROUP];
    for (part, from) in words.chunks_exact_mut(BLOCKS).zip([first, second, third, fourth]) {
        part.copy_from_slice(&from);
    }
    words
}

/// The neurons of a part of a network: its first, and the groups of them.
#[derive(Clone, Copy)]
pub struct Span {
    pub first: usize,
    pub groups: usize,
}

/// The groups of a part that hold neurons first .. end of the network, with the group's first neuron in the network.
fn groups(part: Span, first: usize, end: usize) -> std::ops::Range<usize> {
    let last = part.first + part.groups * GROUP;
    let (first, end) = (first.max(part.first), end.min(last));
    if first >= end {
        return 0..0;
    }
    (first - part.first) / GROUP..(end - part.first).div_ceil(GROUP)
}

/// Calls `spike` with each source neuron, counted within the part, that spikes at `step`.
#[inline(always)]
pub fn source_spikes(part: Span, network: &Network<'_>, step: u32, mut spike: impl FnMut(usize)) {
    let neurons = part.groups * GROUP;
    for &source in network.events_of(step) {
        let neuron = (source as usize).wrapping_sub(part.first);
        if neuron < neurons {
            spike(neuron);
        }
    }
    for rates in &network.rates {
        random_spikes(part, network, rates, step, &mut spike);
    }
}

#[inline(always)]
fn random_spikes(
    part: Span,
    network: &Network<'_>,
    rates: &Rates<'_>,
    step: u32,
    spike: &mut impl FnMut(usize),
) {
    let key = [network.slot.seed_low, network.slot.seed_high];
    for group in groups(part, rates.first, rates.end) {
        let base = part.first + group * GROUP;
        let words = words_of(base / GROUP, SOURCE_SPIKES, step, 0, key);
        for (within, &word) in words.iter().enumerate() {
            let neuron = base + within;
            if neuron >= rates.first && neuron < rates.end && word < rates.threshold(neuron) {
                spike(neuron - part.first);
            }
        }
    }
}

/// Adds the Poisson input of a step to the arrivals of that step, which begin at group `now` of the ring.
#[inline(always)]
pub fn add_poisson(part: &mut Part, network: &Network<'_>, step: u32, now: usize) {
    for input in &network.poisson {
        let start = now + input.plane * part.groups;
        for group in groups(part.span(), input.first, input.end) {
            let base = part.first + group * GROUP;
            let mut counts = poisson_counts(network, input, base / GROUP, step);
            if base < input.first || base + GROUP > input.end {
                for (within, count) in counts.iter_mut().enumerate() {
                    if !(input.first..input.end).contains(&(base + within)) {
                        *count = 0;
                    }
                }
            }
            let arrivals = &mut part.ring[start + group];
            for lane in 0..GROUP {
                arrivals[lane] = arrivals[lane].wrapping_add(counts[lane].wrapping_mul(input.weight));
            }
        }
    }
}

/// How many arrivals each word stands for: as many as there are thresholds at or below it, which ascend.
#[inline(always)]
fn poisson_counts(network: &Network<'_>, input: &Poisson<'_>, group: usize, step: u32) -> [i32; GROUP] {
    let key = [network.slot.seed_low, network.slot.seed_high];
    let words = words_of(group, POISSON_INPUT, step, input.index, key);
    let mut counts = [0; GROUP];
    for &threshold in input.thresholds {
        let mut any = 0;
        for lane in 0..GROUP {
            let above = i32::from(words[lane] >= threshold);
            counts[lane] += above;
            any |= above;
        }
        if any == 0 {
            break;
        }
    }
    counts
}

/// Draws the noise of a step for all neurons of the part.
#[inline(always)]
pub fn draw_noise(part: &mut Part, network: &Network<'_>, step: u32) {
    let key = [network.slot.seed_low, network.slot.seed_high];
    let first_group = part.first / GROUP;
    for (group, noise) in part.noise.iter_mut().enumerate() {
        let words = words_of(first_group + group, MEMBRANE_NOISE, step, 0, key);
        for (pair, words) in words.chunks_exact(2 * BLOCKS).enumerate() {
            let (radius, angle) = words.split_at(BLOCKS);
            let (cosines, sines) = noise[2 * BLOCKS * pair..][..2 * BLOCKS].split_at_mut(BLOCKS);
            for lane in 0..BLOCKS {
                let uniform = ((radius[lane] >> 8) as f32 + 1.0) * (1.0 / 16_777_216.0);
                let r = (-2.0 * logarithm(uniform)).sqrt();
                let (sine, cosine) = turn(unit_real(angle[lane]) - 0.5);
                cosines[lane] = r * cosine;
                sines[lane] = r * sine;
            }
        }
        let amplitude = part.fields[NOISE_STEP].group(group);
        for lane in 0..GROUP {
            noise[lane] *= amplitude[lane];
        }
    }
}

/// The natural logarithm for x in (0, 1], to about 1e-7 of its size: log x = e log 2 + 2 artanh((m - 1) / (m + 1)) with
/// x = m 2^e and m in [sqrt(1/2), sqrt 2).
#[inline(always)]
fn logarithm(x: f32) -> f32 {
    const SQRT_HALF_BITS: u32 = 0x3f35_04f3;
    let shifted = x.to_bits().wrapping_sub(SQRT_HALF_BITS).cast_signed() >> 23;
    let mantissa = f32::from_bits(x.to_bits().wrapping_sub((shifted << 23).cast_unsigned()));
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let series =
        2.0 + square * (0.666_666_7 + square * (0.4 + square * (0.285_714_3 + square * 0.222_222_2)));
    shifted as f32 * std::f32::consts::LN_2 + s * series
}

/// sin and cos of 2 pi x, |x| <= 1/2, as in `shaders/recurrent.wgsl`.
#[inline(always)]
fn turn(x: f32) -> (f32, f32) {
    // Adding and taking away 1.5 x 2^23 rounds to a whole number, ties to even.
    const ROUND: f32 = 12_582_912.0;
    let quarter = (x * 4.0 + ROUND) - ROUND;
    let angle = (x - quarter * 0.25) * std::f32::consts::TAU;
    let square = angle * angle;
    let s = angle * (1.0 + square * (-1.666_666_7e-1 + square * (8.333_333e-3 - square * 1.984_127e-4)));
    let c = 1.0
        + square * (-0.5 + square * (4.166_666_8e-2 + square * (-1.388_888_9e-3 + square * 2.480_158_7e-5)));
    let odd = quarter.abs() == 1.0;
    let (sine, cosine) = if odd { (c, -s) } else { (s, c) };
    let half = quarter.abs() == 2.0 || quarter == -1.0;
    if half { (-sine, -cosine) } else { (sine, cosine) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_and_turns_are_as_exact_as_stated() {
        for k in 0..=1 << 16 {
            let x = (k as f32 + 1.0) / 65_537.0;
            let wanted = f64::from(x).ln();
            assert!(
                (f64::from(logarithm(x)) - wanted).abs() <= 3e-7 * wanted.abs() + 1e-9,
                "log {x}"
            );
            let part = k as f32 / 65_536.0 - 0.5;
            let angle = std::f64::consts::TAU * f64::from(part);
            let (sine, cosine) = turn(part);
            assert!((f64::from(sine) - angle.sin()).abs() < 5e-7, "sin {part}");
            assert!((f64::from(cosine) - angle.cos()).abs() < 5e-7, "cos {part}");
        }
    }
}
