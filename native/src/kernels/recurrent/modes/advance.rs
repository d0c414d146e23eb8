//! Many steps of a network by its modes.

use multiversion::multiversion;
use prefetch_index::prefetch_index;

use super::super::inputs::{Span, source_spikes};
use super::super::network::{CLASS_SHIFT, Class, Network, TARGET_MASK};
use super::super::part::{FOREVER, Wheel};
use super::super::record::{Records, SpikeRecord};
use super::super::{GROUP, KEEP, Params, RESET, TRACES};
use super::Modal;
use super::state::{HELD, HELD_BELOW, LINE_WORDS, Powers, State};
use super::window::Window;

/// What an arrival from a class of synapses adds, for each unit of its weight.
#[derive(Clone, Copy)]
struct Gain {
    /// The channel, unless it is delta.
    channel: Option<usize>,
    x: f32,
    u: f32,
    weight: f32,
    weighted: bool,
    /// How far it raises s at the most until the window's end, mV.
    raise: f32,
}

impl Gain {
    /// Of arrivals k steps after the last multiple of the period, with `left` steps of the window to come. The rows of the
    /// powers: `writeModes` in `src/kernels/recurrent-modes.ts`.
    #[inline(always)]
    fn of<const C: usize>(modal: &Modal<'_>, class: &Class, k: usize, left: usize) -> Self {
        let slot = &modal.network.slot;
        let channel = class.plane.checked_sub(slot.delta as usize);
        let (gains, highest) = (2 + C, 2 + 3 * C);
        let (x, u, raise) = match channel {
            Some(c) => (
                modal.power(gains + 2 * c, k),
                modal.power(gains + 2 * c + 1, k),
                modal.power(highest + 1 + c, left),
            ),
            None => (0.0, modal.power(gains - 1, k), modal.power(highest, left)),
        };
        Self {
            channel,
            x,
            u,
            weight: class.weight as f32 * slot.unit,
            weighted: class.weighted,
            raise,
        }
    }
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
        spikes: recorded,
        traces,
    } = records;
    let mut record = SpikeRecord::new(params, network, recorded);
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
    let mut window = Window::new(stride);
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
        let powers = Powers::<C>::of(modal, k);
        window.step(modal, &state, k, params.steps - t);
        spikes.clear();
        source_spikes(span, network, step, |neuron| spikes.push(neuron as u32));
        let sources = spikes.len();
        window.list_above(&state, &powers, margin, &mut spikes);
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
        wheel.turn(t + 1, |neuron| {
            release(modal, &mut state, neuron, k, &powers);
            window.open(neuron);
        });
        if spikes.is_empty() || network.rows.is_empty() {
            continue;
        }
        if sources > 0 {
            spikes.sort_unstable();
        }
        gains.clear();
        gains.extend(
            network
                .classes
                .iter()
                .map(|class| Gain::of::<C>(modal, class, k, window.left() as usize)),
        );
        window.spend(send(network, &mut state, &spikes, &gains));
    }
    for left in state.left.iter_mut().filter(|left| **left < FOREVER) {
        *left = 0.0;
    }
    for &(end, neuron) in wheel.entries() {
        state.left[neuron as usize] = end.saturating_sub(params.steps) as f32;
    }
    state.keep();
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
///
/// Returns by how much they may raise s of a neuron until the window's end, mV.
#[inline(always)]
fn send<const C: usize>(
    network: &Network<'_>,
    state: &mut State<'_, C>,
    spikes: &[u32],
    gains: &[Gain],
) -> f32 {
    let mut raised = 0.0;
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
            raised += (gain.weight * gain.raise).max(0.0);
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
        let mut most = 0.0_f32;
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
            most = most.max(weight * gain.raise);
        }
        raised += most;
    }
    raised
}

/// Targets were proved to be inside; a check that does nothing leaves the loop without a place to panic.
#[inline(always)]
fn add(sums: &mut [f32], word: u32, value: f32) {
    if let Some(sum) = sums.get_mut((word & TARGET_MASK) as usize) {
        *sum += value;
    }
}
