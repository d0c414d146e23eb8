//! One step of all neurons of a part: arrivals, membrane potentials, thresholds.

use super::inputs::{add_poisson, draw_noise, source_spikes};
use super::network::Network;
use super::part::{Arrivals, Field, Flags, Part, Reals};
use super::{
    ADAPTATION, ADAPTATION_DECAY, ADAPTATION_STEP, BEFORE_RESET, CHANNEL_PARAMETERS, CONDUCTANCE, GROUP,
    KEEP, LEAK, NEURON_PARAMETERS, NOISE, RESET, REST, THRESHOLD,
};

/// Advances a part by step `step`, which is number `within` of the chunk and `ordinal` of the launch.
#[inline(always)]
pub fn advance(part: &mut Part, network: &Network<'_>, step: u32, within: usize, ordinal: u32) {
    let now = (step as usize % network.depth) * network.planes * part.groups;
    let flags = network.slot.flags;
    part.release(step);
    let mut spikes = std::mem::take(&mut part.spikes[within]);
    spikes.clear();
    source_spikes(part.span(), network, step, |neuron| spikes.push(neuron as u32));
    if !network.poisson.is_empty() {
        add_poisson(part, network, step, now);
    }
    if flags & NOISE != 0 {
        draw_noise(part, network, step);
    }
    if flags & ADAPTATION != 0 {
        adapt(part);
    }
    let sources = spikes.len();
    integrate(part, network, now, &mut spikes);
    if flags & BEFORE_RESET != 0 {
        record_traces(part);
    }
    for &neuron in &spikes[sources..] {
        reset(part, neuron as usize, step);
    }
    for neuron in &mut spikes {
        part.counts[*neuron as usize] += 1;
        *neuron += part.first as u32;
    }
    if let Some(log) = &mut part.log {
        log.extend(spikes.iter().map(|&neuron| (ordinal, neuron)));
    }
    part.spikes[within] = spikes;
    if flags & BEFORE_RESET == 0 {
        record_traces(part);
    }
}

#[inline(always)]
fn record_traces(part: &mut Part) {
    let Part {
        traced, traces, v, ..
    } = part;
    traces.extend(
        traced
            .iter()
            .map(|&(_, neuron)| v[neuron / GROUP][neuron % GROUP]),
    );
}

/// Decays the adaptive parts of the thresholds, and adds them to the thresholds.
#[inline(always)]
fn adapt(part: &mut Part) {
    for (group, (adaptation, threshold)) in part.adaptation.iter_mut().zip(&mut part.threshold).enumerate() {
        let decay = part.fields[ADAPTATION_DECAY].group(group);
        let base = part.fields[THRESHOLD].group(group);
        for lane in 0..GROUP {
            adaptation[lane] *= decay[lane];
            threshold[lane] = base[lane] + adaptation[lane];
        }
    }
}

/// What a spike does to its neuron.
#[inline(always)]
fn reset(part: &mut Part, neuron: usize, step: u32) {
    let (group, lane) = (neuron / GROUP, neuron % GROUP);
    let over = part.v[group][lane] - part.fields[THRESHOLD].of(neuron);
    part.v[group][lane] = part.fields[RESET].of(neuron) + part.fields[KEEP].of(neuron) * over;
    part.adaptation[group][lane] += part.fields[ADAPTATION_STEP].of(neuron);
    part.hold(neuron, step);
}

/// e^x for x <= 0, to about 2e-7 of its size; 0 below the range of f32.
#[inline(always)]
fn exponential(x: f32) -> f32 {
    // Adding 1.5 x 2^23 rounds to a whole number, which then is in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let power = (x * std::f32::consts::LOG2_E).max(-126.0);
    let rounded = power + ROUND;
    let f = (power - (rounded - ROUND)) * std::f32::consts::LN_2;
    let cubic = 0.166_666_67 + f * (4.166_666_8e-2 + f * (8.333_334e-3 + f * 1.388_889e-3));
    let series = 1.0 + f * (1.0 + f * (0.5 + f * cubic));
    series * f32::from_bits((rounded.to_bits() << 23).wrapping_add(127 << 23))
}

/// A parameter in the loop over a group: one number for all, or an array.
macro_rules! parameter {
    ($same:expr, $group:expr, $lane:expr) => {
        if $same { $group[0] } else { $group[$lane] }
    };
}

/// Defines, for a number of exponential channels, the loop over the neurons of a group and the one over all groups. Every
/// array is a reference of its own in the first, so that the compiler knows that they don't overlap and computes 16
/// neurons at once.
/// DELTA: there are arrivals on v. HELD: conductances. SAME: all neurons share their parameters, and there is no noise.
macro_rules! define_loops {
    ($group_loop:ident, $all_groups:ident, $(($number:literal $g:ident $arrived:ident $effect:ident $decay:ident $reversal:ident)),*) => {
        #[inline(always)]
        #[allow(clippy::too_many_arguments, unused_mut)]
        fn $group_loop<const DELTA: bool, const HELD: bool, const SAME: bool>(
            unit: f32,
            v: &mut Reals,
            free: &Flags,
            crossed: &mut Flags,
            leak: &Reals,
            rest: &Reals,
            threshold: &Reals,
            noise: &Reals,
            delta: &mut Arrivals,
            $($g: &mut Reals, $arrived: &mut Arrivals, $effect: &Reals, $decay: &Reals, $reversal: &Reals,)*
        ) {
            for lane in 0..GROUP {
                let old = v[lane];
                let mut x = old;
                if DELTA {
                    x += delta[lane] as f32 * unit;
                    delta[lane] = 0;
                }
                let mut driven = 0.0;
                let mut conductance = 1.0;
                $(
                    let now = $g[lane] + $arrived[lane] as f32 * unit;
                    $arrived[lane] = 0;
                    if HELD {
                        conductance += now * parameter!(SAME, $effect, lane);
                        driven += now * parameter!(SAME, $reversal, lane);
                    } else {
                        driven += now * parameter!(SAME, $effect, lane);
                    }
                    $g[lane] = now * parameter!(SAME, $decay, lane);
                )*
                let rest = parameter!(SAME, rest, lane);
                let leak = parameter!(SAME, leak, lane);
                let mut next = if HELD {
                    let settled = (rest + driven) / conductance;
                    settled + (x - settled) * exponential(-leak * conductance)
                } else {
                    rest + (x - rest) * leak + driven
                };
                if !SAME {
                    next += noise[lane];
                }
                let is_free = free[lane] != 0;
                let next = if is_free { next } else { old };
                v[lane] = next;
                crossed[lane] = u8::from(is_free & (next > parameter!(SAME, threshold, lane)));
            }
        }

        #[inline(always)]
        fn $all_groups<const DELTA: bool, const HELD: bool, const SAME: bool>(
            part: &mut Part,
            network: &Network<'_>,
            now: usize,
            spikes: &mut Vec<u32>,
        ) {
            let Part { fields, v, g, ring, free, noise, threshold, .. } = part;
            let adaptive = network.slot.flags & ADAPTATION != 0;
            let noisy = network.slot.flags & NOISE != 0;
            let (silence, mut nothing) = ([0.0; GROUP], [0; GROUP]);
            // Looked up once where one group of values serves all.
            let shared = |number: usize| fields[number].group(0);
            let (leak, rest, base) = (shared(LEAK), shared(REST), shared(THRESHOLD));
            $(let [$effect, $decay, $reversal] =
                [0, 1, 2].map(|offset| shared(NEURON_PARAMETERS + CHANNEL_PARAMETERS * $number + offset));)*
            let mut planes = ring[now..].chunks_exact_mut(v.len());
            let mut delta = if DELTA { planes.next() } else { None };
            let [$($g),*] = &mut g[..] else { return };
            $(let Some($arrived) = planes.next() else { return };)*
            for (group, (v, free)) in v.iter_mut().zip(free.iter()).enumerate() {
                let mut crossed = [0; GROUP];
                $group_loop::<DELTA, HELD, SAME>(
                    network.slot.unit,
                    v,
                    free,
                    &mut crossed,
                    of::<SAME>(fields, leak, LEAK, group),
                    of::<SAME>(fields, rest, REST, group),
                    if !SAME && adaptive { &threshold[group] } else { of::<SAME>(fields, base, THRESHOLD, group) },
                    if !SAME && noisy { &noise[group] } else { &silence },
                    delta.as_mut().map_or(&mut nothing, |delta| &mut delta[group]),
                    $(
                        &mut $g[group],
                        &mut $arrived[group],
                        of::<SAME>(fields, $effect, NEURON_PARAMETERS + CHANNEL_PARAMETERS * $number, group),
                        of::<SAME>(fields, $decay, NEURON_PARAMETERS + CHANNEL_PARAMETERS * $number + 1, group),
                        of::<SAME>(fields, $reversal, NEURON_PARAMETERS + CHANNEL_PARAMETERS * $number + 2, group),
                    )*
                );
                list_crossed(group, &crossed, spikes);
            }
        }
    };
}

define_loops!(group0, all_groups0,);
define_loops!(group1, all_groups1, (0 g0 a0 e0 d0 r0));
define_loops!(group2, all_groups2, (0 g0 a0 e0 d0 r0), (1 g1 a1 e1 d1 r1));
define_loops!(group3, all_groups3, (0 g0 a0 e0 d0 r0), (1 g1 a1 e1 d1 r1), (2 g2 a2 e2 d2 r2));
define_loops!(
    group4, all_groups4,
    (0 g0 a0 e0 d0 r0), (1 g1 a1 e1 d1 r1), (2 g2 a2 e2 d2 r2), (3 g3 a3 e3 d3 r3)
);

/// The values of a parameter for a group: those that all groups share, or its own.
#[inline(always)]
fn of<'a, const SAME: bool>(
    fields: &'a [Field],
    shared: &'a Reals,
    number: usize,
    group: usize,
) -> &'a Reals {
    if SAME { shared } else { fields[number].group(group) }
}

/// Adds the neurons that crossed their threshold to the list.
#[inline(always)]
pub fn list_crossed(group: usize, crossed: &Flags, spikes: &mut Vec<u32>) {
    let words: &[[u8; 8]] = crossed.as_chunks().0;
    let any = words.iter().fold(0, |any, &word| any | u64::from_le_bytes(word));
    if any == 0 {
        return;
    }
    for (eight, &word) in words.iter().enumerate() {
        let mut left = u64::from_le_bytes(word);
        while left != 0 {
            spikes.push((group * GROUP + eight * 8 + left.trailing_zeros() as usize / 8) as u32);
            left &= left - 1;
        }
    }
}

/// Chooses the loop that fits the network.
#[inline(always)]
fn integrate(part: &mut Part, network: &Network<'_>, now: usize, spikes: &mut Vec<u32>) {
    let flags = network.slot.flags;
    let shared = [LEAK, REST, THRESHOLD];
    let same = flags & (NOISE | ADAPTATION) == 0
        && shared.iter().all(|&number| part.fields[number].same)
        && part.fields[NEURON_PARAMETERS..].iter().all(|field| field.same);
    let held = flags & CONDUCTANCE != 0;
    macro_rules! choose {
        ($($channels:literal $all_groups:ident),+) => {
            match (network.slot.exponential, network.slot.delta != 0, held, same) {
                $(
                    ($channels, false, false, false) => $all_groups::<false, false, false>(part, network, now, spikes),
                    ($channels, false, false, true) => $all_groups::<false, false, true>(part, network, now, spikes),
                    ($channels, false, true, false) => $all_groups::<false, true, false>(part, network, now, spikes),
                    ($channels, false, true, true) => $all_groups::<false, true, true>(part, network, now, spikes),
                    ($channels, true, false, false) => $all_groups::<true, false, false>(part, network, now, spikes),
                    ($channels, true, false, true) => $all_groups::<true, false, true>(part, network, now, spikes),
                    ($channels, true, true, false) => $all_groups::<true, true, false>(part, network, now, spikes),
                    ($channels, true, true, true) => $all_groups::<true, true, true>(part, network, now, spikes),
                )+
                _ => {}
            }
        };
    }
    choose!(0 all_groups0, 1 all_groups1, 2 all_groups2, 3 all_groups3, 4 all_groups4);
}
