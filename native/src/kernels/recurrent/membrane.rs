//! One step of all neurons of a part: arrivals, membrane potentials, thresholds.

use super::inputs::{add_poisson, draw_noise, source_spikes};
use super::network::Network;
use super::part::{BLOCKS, Bits, Block, Field, Part};
use super::{
    ADAPTATION, ADAPTATION_DECAY, ADAPTATION_STEP, CHANNEL_PARAMETERS, CONDUCTANCE, GROUP, KEEP, LANES, LEAK,
    NEURON_PARAMETERS, NOISE, RESET, REST, THRESHOLD,
};

/// Advances a part by step `step`, which is number `within` of the chunk and `ordinal` of the launch.
#[inline(always)]
pub fn advance(part: &mut Part, network: &Network<'_>, step: u32, within: usize, ordinal: u32) {
    let now = (step as usize % network.depth) * network.planes * part.blocks;
    {
        let Part {
            wheel, refractory, ..
        } = part;
        wheel.turn(step, |neuron| {
            refractory[neuron / GROUP][neuron % LANES] &= !(1 << (neuron % GROUP / LANES));
        });
    }
    let mut spikes = std::mem::take(&mut part.spikes[within]);
    spikes.clear();
    source_spikes(part, network, step, |neuron| spikes.push(neuron as u32));
    if !network.poisson.is_empty() {
        add_poisson(part, network, step, now);
    }
    if network.slot.flags & NOISE != 0 {
        draw_noise(part, network, step);
    }
    if network.slot.flags & ADAPTATION != 0 {
        adapt(part);
    }
    let sources = spikes.len();
    integrate(part, network, now, &mut spikes);
    for &neuron in &spikes[sources..] {
        reset(part, neuron as usize, step);
    }
    for &neuron in &spikes {
        part.counts[neuron as usize] += 1;
    }
    for neuron in &mut spikes {
        *neuron += part.first as u32;
    }
    if let Some(log) = &mut part.log {
        log.extend(spikes.iter().map(|&neuron| (ordinal, neuron)));
    }
    part.spikes[within] = spikes;
    for &(_, neuron) in &part.traced {
        part.traces.push(part.v[neuron / LANES][neuron % LANES]);
    }
}

/// Decays the adaptive parts of the thresholds, and adds them to the thresholds.
#[inline(always)]
fn adapt(part: &mut Part) {
    for block in 0..part.blocks {
        let decay = part.fields[ADAPTATION_DECAY].block(block);
        let base = part.fields[THRESHOLD].block(block);
        let adaptation = &mut part.adaptation[block];
        for lane in 0..LANES {
            adaptation[lane] *= decay[lane];
            part.threshold[block][lane] = base[lane] + adaptation[lane];
        }
    }
}

/// What a spike does to its neuron.
#[inline(always)]
fn reset(part: &mut Part, neuron: usize, step: u32) {
    let (block, lane) = (neuron / LANES, neuron % LANES);
    let over = part.v[block][lane] - part.fields[THRESHOLD].of(neuron);
    part.v[block][lane] = part.fields[RESET].of(neuron) + part.fields[KEEP].of(neuron) * over;
    part.adaptation[block][lane] += part.fields[ADAPTATION_STEP].of(neuron);
    let steps = part.refractory_steps(neuron);
    if steps > 0 {
        part.hold(neuron);
        part.wheel
            .insert(step.wrapping_add(1).wrapping_add(steps), neuron as u32);
    }
}

/// Finds the loop that fits the network: one for each number of channels, with and without conductances, and a shorter
/// one where all neurons have the same parameters and neither noise nor adaptation.
#[inline(always)]
fn integrate(part: &mut Part, network: &Network<'_>, now: usize, spikes: &mut Vec<u32>) {
    let flags = network.slot.flags;
    let fields = NEURON_PARAMETERS + CHANNEL_PARAMETERS * network.slot.exponential as usize;
    let same = flags & (NOISE | ADAPTATION) == 0
        && part.fields[LEAK].same
        && part.fields[REST].same
        && part.fields[THRESHOLD].same
        && part.fields[NEURON_PARAMETERS..fields]
            .iter()
            .all(|field| field.same);
    let held = flags & CONDUCTANCE != 0;
    macro_rules! choose {
        ($($delta:literal $channels:literal),+) => {
            match (network.slot.delta == 1, network.slot.exponential, held, same) {
                $(
                    ($delta, $channels, false, true) => loops::<$delta, $channels, false, true>(part, flags, now, spikes),
                    ($delta, $channels, false, false) => loops::<$delta, $channels, false, false>(part, flags, now, spikes),
                    ($delta, $channels, true, true) => loops::<$delta, $channels, true, true>(part, flags, now, spikes),
                    ($delta, $channels, true, false) => loops::<$delta, $channels, true, false>(part, flags, now, spikes),
                )+
                _ => {}
            }
        };
    }
    choose!(true 0, false 1, true 1, false 2, true 2, false 3, true 3, false 4);
}

/// e^x for x <= 0, to about 2e-7 of its size; 0 below the range of f32.
#[inline(always)]
fn exponential(x: f32) -> f32 {
    // Adding and taking away 1.5 x 2^23 rounds to a whole number.
    const ROUND: f32 = 12_582_912.0;
    let power = (x * std::f32::consts::LOG2_E).max(-126.0);
    let whole = (power + ROUND) - ROUND;
    let f = (power - whole) * std::f32::consts::LN_2;
    let series = 1.0
        + f * (1.0
            + f * (0.5 + f * (0.166_666_67 + f * (4.166_666_8e-2 + f * (8.333_334e-3 + f * 1.388_889e-3)))));
    series * f32::from_bits(((whole as i32 + 127) << 23).cast_unsigned())
}

#[inline(always)]
fn loops<const DELTA: bool, const CHANNELS: usize, const HELD: bool, const SAME: bool>(
    part: &mut Part,
    flags: u32,
    now: usize,
    spikes: &mut Vec<u32>,
) {
    let blocks = part.blocks;
    let Part {
        fields,
        v,
        g,
        ring,
        refractory,
        noise,
        threshold,
        ..
    } = part;
    let adaptive = flags & ADAPTATION != 0;
    let noisy = flags & NOISE != 0;
    let first = |number: usize| fields[number].values[0];
    let value =
        |field: &Field, hoisted: &Block, block: usize| if SAME { *hoisted } else { field.block(block) };
    let (leak, rest, base) = (first(LEAK), first(REST), first(THRESHOLD));
    let mut effects = [[0.0; LANES]; CHANNELS];
    let mut decays = [[0.0; LANES]; CHANNELS];
    let mut reversals = [[0.0; LANES]; CHANNELS];
    for channel in 0..CHANNELS {
        let at = NEURON_PARAMETERS + CHANNEL_PARAMETERS * channel;
        effects[channel] = first(at);
        decays[channel] = first(at + 1);
        reversals[channel] = first(at + 2);
    }
    // Slices of one length, so that the loop below needs no check of its indices.
    let v = &mut v[..blocks];
    let mut planes = ring[now..].chunks_exact_mut(blocks);
    let mut delta = if DELTA { planes.next() } else { None };
    let arrivals: [&mut [[i32; LANES]]; CHANNELS] =
        std::array::from_fn(|_| planes.next().unwrap_or_default());
    let mut g = g.iter_mut();
    let g: [&mut [Block]; CHANNELS] =
        std::array::from_fn(|_| g.next().map_or(&mut [][..], |channel| &mut channel[..blocks]));
    // 2^-k, from the field beyond those of the channels.
    let unit = fields[fields.len() - 1].values[0];
    for (group, refractory) in refractory.iter().enumerate() {
        let mut crossed: Bits = [0; LANES];
        for within in 0..BLOCKS {
            let block = group * BLOCKS + within;
            let bit = 1 << within;
            let old = v[block];
            let mut x = old;
            if DELTA && let Some(delta) = &mut delta {
                let arrived = std::mem::replace(&mut delta[block], [0; LANES]);
                for lane in 0..LANES {
                    x[lane] += arrived[lane] as f32 * unit[lane];
                }
            }
            let mut driven = [0.0; LANES];
            let mut conductance = [1.0; LANES];
            for channel in 0..CHANNELS {
                let at = NEURON_PARAMETERS + CHANNEL_PARAMETERS * channel;
                let effect = value(&fields[at], &effects[channel], block);
                let decay = value(&fields[at + 1], &decays[channel], block);
                let arrived = std::mem::replace(&mut arrivals[channel][block], [0; LANES]);
                let mut now = g[channel][block];
                for lane in 0..LANES {
                    now[lane] += arrived[lane] as f32 * unit[lane];
                }
                if HELD {
                    let reversal = value(&fields[at + 2], &reversals[channel], block);
                    for lane in 0..LANES {
                        conductance[lane] += now[lane] * effect[lane];
                        driven[lane] += now[lane] * reversal[lane];
                    }
                } else {
                    for lane in 0..LANES {
                        driven[lane] += now[lane] * effect[lane];
                    }
                }
                for lane in 0..LANES {
                    g[channel][block][lane] = now[lane] * decay[lane];
                }
            }
            let leak = value(&fields[LEAK], &leak, block);
            let rest = value(&fields[REST], &rest, block);
            let mut next = [0.0; LANES];
            for lane in 0..LANES {
                next[lane] = if HELD {
                    let settled = (rest[lane] + driven[lane]) / conductance[lane];
                    settled + (x[lane] - settled) * exponential(-leak[lane] * conductance[lane])
                } else {
                    rest[lane] + (x[lane] - rest[lane]) * leak[lane] + driven[lane]
                };
            }
            if !SAME && noisy {
                for lane in 0..LANES {
                    next[lane] += noise[block][lane];
                }
            }
            let above = if !SAME && adaptive {
                threshold[block]
            } else {
                value(&fields[THRESHOLD], &base, block)
            };
            for lane in 0..LANES {
                let free = refractory[lane] & bit == 0;
                let next = if free { next[lane] } else { old[lane] };
                crossed[lane] |= if free && next > above[lane] { bit } else { 0 };
                v[block][lane] = next;
            }
        }
        if crossed.iter().fold(0, |all, one| all | one) != 0 {
            for (lane, &crossed) in crossed.iter().enumerate() {
                let mut left = crossed;
                while left != 0 {
                    let within = left.trailing_zeros() as usize;
                    spikes.push((group * GROUP + within * LANES + lane) as u32);
                    left &= left - 1;
                }
            }
        }
    }
}
