//! Many steps of a network by its modes.

use multiversion::multiversion;
use prefetch_index::prefetch_index;

use super::super::inputs::{Span, source_spikes};
use super::super::membrane::list_crossed;
use super::super::network::{CLASS_SHIFT, Network, TARGET_MASK};
use super::super::part::{FOREVER, Reals, Wheel};
use super::super::record::SpikeRecord;
use super::super::{GROUP, KEEP, Params, RESET, TRACES};
use super::Modal;
use super::state::{HELD, HELD_BELOW, LINE_WORDS, Powers, State};

pub struct Records<'a> {
    pub counts: &'a mut [u32],
    pub spikes: SpikeRecord<'a>,
    pub traces: &'a mut [f32],
}

/// What an arrival from a class of synapses adds, for each unit of its weight.
#[derive(Clone, Copy)]
struct Gain {
    /// The channel, unless it is delta.
    channel: Option<usize>,
    x: f32,
    u: f32,
    weight: f32,
    weighted: bool,
}

#[multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512dq+avx512bw",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
pub fn advance<const C: usize>(modal: &Modal<'_>, params: &Params, state: &mut [f32], records: Records<'_>) {
    let network = &modal.network;
    let stride = network.stride;
    let Records {
        counts,
        spikes: mut record,
        traces,
    } = records;
    let mut memory = State::<C>::memory(stride);
    let mut state = State::<C>::new(state, &mut memory, stride);
    let mut wheel = Wheel::default();
    for (neuron, &left) in state.left.iter().enumerate() {
        if left > 0.0 && left < FOREVER {
            wheel.insert(left as u32, neuron as u32);
        }
    }
    let margin = modal.threshold - modal.rest;
    let span = Span {
        first: 0,
        groups: stride / GROUP,
    };
    let mut spikes = Vec::new();
    let mut gains = Vec::new();
    for t in 0..params.steps {
        let step = params.first_step.wrapping_add(t);
        let mut k = match step {
            0 => 1,
            _ => (step - 1) % modal.period + 2,
        } as usize;
        if k > modal.period as usize {
            scale(modal, &mut state);
            k = 1;
        }
        let powers = Powers::<C> {
            membrane: modal.power(0, k),
            channels: std::array::from_fn(|c| modal.power(1 + c, k)),
        };
        spikes.clear();
        source_spikes(span, network, step, |neuron| spikes.push(neuron as u32));
        let sources = spikes.len();
        for (group, u) in state.u.iter().enumerate() {
            let x: [&Reals; C] = std::array::from_fn(|c| &state.x[c][group]);
            if any_above(u, x, &powers, margin) {
                list(group, u, x, &powers, margin, &mut spikes);
            }
        }
        for &neuron in &spikes[sources..] {
            let neuron = neuron as usize;
            let over = state.membrane(neuron, modal.rest, &powers) - modal.threshold;
            state.v[neuron] = modal.of(RESET, neuron) + modal.of(KEEP, neuron) * over;
            state.u[neuron / GROUP][neuron % GROUP] = HELD;
            wheel.insert(t + 1 + modal.refractory, neuron as u32);
        }
        for &neuron in &spikes {
            counts[neuron as usize] = counts[neuron as usize].wrapping_add(1);
            record.add(t, neuron);
        }
        if params.record & TRACES != 0 {
            let row = &mut traces[t as usize * network.traced.len()..];
            for (trace, &neuron) in row.iter_mut().zip(network.traced) {
                *trace = state.membrane(neuron as usize, modal.rest, &powers);
            }
        }
        wheel.turn(t + 1, |neuron| release(modal, &mut state, neuron, k, &powers));
        if spikes.is_empty() || network.rows.is_empty() {
            continue;
        }
        if sources > 0 {
            spikes.sort_unstable();
        }
        gains.clear();
        gains.extend(network.classes.iter().map(|class| {
            let channel = class.plane.checked_sub(network.slot.delta as usize);
            let row = 2 + C + 2 * channel.unwrap_or(0);
            let (x, u) = match channel {
                Some(_) => (modal.power(row, k), modal.power(row + 1, k)),
                None => (0.0, modal.power(1 + C, k)),
            };
            Gain {
                channel,
                x,
                u,
                weight: class.weight as f32 * network.slot.unit,
                weighted: class.weighted,
            }
        }));
        send(network, &mut state, &spikes, &gains);
    }
    for left in state.left.iter_mut().filter(|left| **left < FOREVER) {
        *left = 0.0;
    }
    for &(end, neuron) in wheel.entries() {
        state.left[neuron as usize] = end.saturating_sub(params.steps) as f32;
    }
    state.keep();
}

/// Whether a neuron of a group is above its threshold. (A sum of whole numbers: the compiler makes 16 comparisons one
/// instruction, which it does not of a maximum.)
#[inline(always)]
#[allow(clippy::needless_range_loop)]
fn any_above<const C: usize>(u: &Reals, x: [&Reals; C], powers: &Powers<C>, margin: f32) -> bool {
    let mut any = 0;
    for lane in 0..GROUP {
        let mut s = u[lane] * powers.membrane;
        for c in 0..C {
            s += x[c][lane] * powers.channels[c];
        }
        any |= u32::from(s > margin);
    }
    any != 0
}

/// Adds the neurons of a group that are above their threshold to the list.
#[inline(always)]
#[allow(clippy::needless_range_loop)]
fn list<const C: usize>(
    group: usize,
    u: &Reals,
    x: [&Reals; C],
    powers: &Powers<C>,
    margin: f32,
    spikes: &mut Vec<u32>,
) {
    let mut above = [0; GROUP];
    for lane in 0..GROUP {
        let mut s = u[lane] * powers.membrane;
        for c in 0..C {
            s += x[c][lane] * powers.channels[c];
        }
        above[lane] = u8::from(s > margin);
    }
    list_crossed(group, &above, spikes);
}

/// Lets a neuron go on from what it was held at.
#[inline(always)]
fn release<const C: usize>(
    modal: &Modal<'_>,
    state: &mut State<'_, C>,
    neuron: usize,
    k: usize,
    powers: &Powers<C>,
) {
    let (group, lane) = (neuron / GROUP, neuron % GROUP);
    let mut u = state.v[neuron] - modal.rest;
    for c in 0..C {
        u -= state.x[c][group][lane] * powers.channels[c];
    }
    state.u[group][lane] = u * modal.power(1 + C, k);
}

/// Multiplies U and X by the factors of a whole period.
#[inline(always)]
fn scale<const C: usize>(modal: &Modal<'_>, state: &mut State<'_, C>) {
    let period = modal.period as usize;
    let factor = modal.power(0, period);
    for u in state.u.as_flattened_mut() {
        *u = if *u < HELD_BELOW { HELD } else { *u * factor };
    }
    for (c, x) in state.x.iter_mut().enumerate() {
        let factor = modal.power(1 + c, period);
        for x in x.as_flattened_mut() {
            *x *= factor;
        }
    }
}

/// Adds the weights of all rows of the spikes, in their order.
#[inline(always)]
fn send<const C: usize>(network: &Network<'_>, state: &mut State<'_, C>, spikes: &[u32], gains: &[Gain]) {
    // Padding, which spikes in a state that is not one of ours, has no row.
    let row = |source: u32| match network.rows.get(source as usize..) {
        Some([start, end, ..]) => *start as usize..*end as usize,
        _ => 0..0,
    };
    let prefetch = |source: u32| {
        let words = &network.synapses[row(source)];
        for place in (0..words.len()).step_by(LINE_WORDS) {
            prefetch_index(words, place);
        }
    };
    prefetch(spikes[0]);
    let u = state.u.as_flattened_mut();
    for (number, &source) in spikes.iter().enumerate() {
        if let Some(&next) = spikes.get(number + 1) {
            prefetch(next);
        }
        let range = row(source);
        let words = &network.synapses[range.clone()];
        let (Some(low), Some(high)) = (words.first(), words.last()) else {
            continue;
        };
        let gain = gains[(low >> CLASS_SHIFT) as usize];
        if low >> CLASS_SHIFT == high >> CLASS_SHIFT && !gain.weighted {
            // A row of one class: the common case. Rows ascend, so the ends tell.
            let (dx, du) = (gain.weight * gain.x, gain.weight * gain.u);
            match gain.channel {
                Some(channel) => {
                    let x = state.x[channel].as_flattened_mut();
                    for &word in words {
                        add(x, word, dx);
                        add(u, word, du);
                    }
                }
                None => words.iter().for_each(|&word| add(u, word, du)),
            }
            continue;
        }
        for (place, &word) in range.zip(words) {
            let gain = gains[(word >> CLASS_SHIFT) as usize];
            let weight = if gain.weighted {
                network.weights[place] as f32 * network.slot.unit
            } else {
                gain.weight
            };
            if let Some(channel) = gain.channel {
                add(state.x[channel].as_flattened_mut(), word, weight * gain.x);
            }
            add(u, word, weight * gain.u);
        }
    }
}

/// Targets were proved to be inside; a check that does nothing leaves the loop without a place to panic.
#[inline(always)]
fn add(sums: &mut [f32], word: u32, value: f32) {
    if let Some(sum) = sums.get_mut((word & TARGET_MASK) as usize) {
        *sum += value;
    }
}
