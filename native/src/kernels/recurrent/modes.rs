//! `shaders/recurrent_modes.wgsl`: networks whose neurons need no work between their spikes and arrivals.
//!
//! A step reads U and X of all neurons and writes those of the few that something arrives at: what it costs is three loads,
//! three products and two sums for 16 neurons with two channels, and the rows of the spikes. The shader looks many steps
//! ahead instead. Here that has been measured to gain nothing: what each arrival takes from a neuron's headroom costs as much
//! as 16 neurons looked at in vectors.

use multiversion::multiversion;
use prefetch_index::prefetch_index;
use rayon::prelude::*;

use super::inputs::{Span, source_spikes};
use super::membrane::list_crossed;
use super::network::{CLASS_SHIFT, Network, Parameter, Rows, TARGET_MASK, Tables, part};
use super::part::{FOREVER, Reals, Wheel};
use super::{
    GROUP, KEEP, Params, REFRACTORY, RESET, REST, SLOTS, Slot, SpikeRecord, THRESHOLD, TRACES, binding, split,
};
use crate::device::launch::{Access, Launch, refused};
use crate::failure::Failure;
use crate::kernels::Kernel;
use crate::kernels::contract::KernelContract;

/// U of refractory neurons, of sources and of padding; whatever is below `HELD_BELOW` is held.
const HELD: f32 = -1e30;
const HELD_BELOW: f32 = -1e20;
/// A neuron's modes in the buffer: U, X[0], X[1] and what the shader keeps; X[2], X[3].
const QUAD: usize = 4;
/// Fields of the state before these, and after them: the lists that the shader works with.
const FIELDS: usize = 2;
const SCRATCH_FIELDS: usize = 4;
const MOST_CHANNELS: usize = 4;
const MOST_PERIOD: u32 = 1 << 12;
/// Words of a cache line.
const LINE_WORDS: usize = 16;

pub const KERNEL: Kernel = Kernel {
    contract: KernelContract {
        name: "recurrent_modes",
        params: Params::LAYOUT,
        buffers: &[
            SLOTS,
            binding("tables", Access::Read, "u32"),
            binding("rows", Access::Read, "u32"),
            binding("synapses", Access::Read, "u32"),
            binding("weights", Access::Read, "i32"),
            super::Buffer {
                name: "state",
                access: Access::ReadWrite,
                element: "vec4f",
                stride: 16,
            },
            binding("raster", Access::ReadWrite, "atomic<u32>"),
            binding("counts", Access::ReadWrite, "u32"),
            binding("traces", Access::ReadWrite, "f32"),
        ],
        structs: &[Slot::LAYOUT],
        constants: &["lanes"],
    },
    run,
};

fn run(launch: Launch<'_>) -> Result<(), Failure> {
    let params = Params::of(&launch)?;
    let count = u64::from(params.slots).min(launch.workgroup_count());
    let [
        slots,
        tables,
        rows,
        synapses,
        weights,
        state,
        raster,
        counts,
        traces,
    ] = launch.bindings()?;
    let slots = slots.read::<Slot>()?;
    slots.at_least(count, "the number of slots")?;
    let tables = Tables {
        tables: tables.read()?.values,
        rows: Some(Rows {
            rows: rows.read()?.values,
            synapses: synapses.read()?.values,
            weights: weights.read()?.values,
        }),
    };
    let modal = slots.values[..count as usize]
        .iter()
        .enumerate()
        .map(|(index, &slot)| Modal::new(Network::new(index, slot, tables)?, index))
        .collect::<Result<Vec<_>, _>>()?;
    let (state, raster) = (state.write::<f32>()?, raster.write::<u32>()?);
    let (counts, traces) = (counts.write::<u32>()?, traces.write::<f32>()?);
    let networks = || modal.iter().map(|modal| &modal.network);
    let state = split(
        state,
        networks(),
        |slot| slot.state,
        |network| {
            (FIELDS + quads_of(network.slot.exponential as usize) * QUAD + SCRATCH_FIELDS) * network.stride
        },
    )?;
    let counts = split(counts, networks(), |slot| slot.counts, |network| network.stride)?;
    let raster = split(
        raster,
        networks(),
        |slot| slot.raster,
        |network| params.recorded_spikes(network),
    )?;
    let traces = split(
        traces,
        networks(),
        |slot| slot.traces,
        |network| params.recorded(TRACES, network.traced.len()),
    )?;
    modal
        .par_iter()
        .with_max_len(1)
        .zip(
            state
                .into_par_iter()
                .zip(counts)
                .zip(raster.into_par_iter().zip(traces)),
        )
        .for_each(|(modal, ((state, counts), (raster, traces)))| {
            let records = Records {
                counts,
                spikes: SpikeRecord::new(&params, modal.network.stride, raster),
                traces,
            };
            match modal.network.slot.exponential {
                0 => advance::<0>(modal, &params, state, records),
                1 => advance::<1>(modal, &params, state, records),
                2 => advance::<2>(modal, &params, state, records),
                3 => advance::<3>(modal, &params, state, records),
                _ => advance::<MOST_CHANNELS>(modal, &params, state, records),
            }
        });
    Ok(())
}

/// A network that can be computed by modes, with what its neurons share.
struct Modal<'a> {
    network: Network<'a>,
    period: u32,
    /// Rows of period + 1, see `src/kernels/recurrent-modes.ts`.
    powers: &'a [f32],
    rest: f32,
    threshold: f32,
    refractory: u32,
}

struct Records<'a> {
    counts: &'a mut [u32],
    spikes: SpikeRecord<'a>,
    traces: &'a mut [f32],
}

impl<'a> Modal<'a> {
    fn new(network: Network<'a>, index: usize) -> Result<Self, Failure> {
        let slot = &network.slot;
        let wrong = |what: &str| Err(refused(format!("slot {index} {what}, which modes can't")));
        if slot.flags != 0 || slot.poisson_count > 0 || !network.rules.is_empty() {
            return wrong("has conductances, noise, adaptation, Poisson input or plasticity");
        }
        if network.depth != 1 || network.parts != 1 {
            return wrong("has longer delays than a step, or parts");
        }
        let shared = |number: usize| match network.parameters[number] {
            Parameter::Same(value) => Ok(value),
            Parameter::Each(_) => Err(refused(format!(
                "slot {index} has neurons of different parameters {number}, which modes can't"
            ))),
        };
        let (rest, threshold, refractory) = (shared(REST)?, shared(THRESHOLD)?, shared(REFRACTORY)?);
        if !(0.0..FOREVER).contains(&refractory) {
            return wrong("has a refractory period that never ends");
        }
        let period = part("tables", network.tables, "its modes", slot.modes, 1)?[0];
        if period == 0 || period > MOST_PERIOD {
            return wrong("has no period of its modes, or one too long");
        }
        let length = u64::from(3 + 4 * slot.exponential) * u64::from(period + 1);
        let powers = part(
            "tables",
            network.tables,
            "its powers",
            slot.modes.saturating_add(1),
            length,
        )?;
        Ok(Self {
            period,
            powers: bytemuck::cast_slice(powers),
            rest,
            threshold,
            refractory: refractory as u32,
            network,
        })
    }

    /// Number k of row `row` of the powers.
    #[inline(always)]
    fn power(&self, row: usize, k: usize) -> f32 {
        self.powers[row * (self.period as usize + 1) + k]
    }

    #[inline(always)]
    fn of(&self, parameter: usize, neuron: usize) -> f32 {
        match self.network.parameters[parameter] {
            Parameter::Same(value) => value,
            Parameter::Each(all) => all[neuron],
        }
    }
}

/// Quads of a neuron.
fn quads_of(channels: usize) -> usize {
    if channels > 2 { 2 } else { 1 }
}

/// Where X of a channel of a neuron is behind the first fields of the state.
fn place_of(channel: usize, neuron: usize, stride: usize) -> usize {
    if channel < 2 {
        QUAD * neuron + 1 + channel
    } else {
        QUAD * (stride + neuron) + channel - 2
    }
}

/// The state of a network while it is advanced.
struct State<'a, const C: usize> {
    /// Of refractory neurons.
    v: &'a mut [f32],
    left: &'a mut [f32],
    /// U and X as they are in the buffer, and here: groups of neurons.
    kept: &'a mut [f32],
    u: &'a mut [Reals],
    x: [&'a mut [Reals]; C],
}

impl<'a, const C: usize> State<'a, C> {
    /// `memory` has room for U and X, and the length of a cache line besides.
    fn new(state: &'a mut [f32], memory: &'a mut [f32], stride: usize) -> Self {
        let (v, rest) = state.split_at_mut(stride);
        let (left, rest) = rest.split_at_mut(stride);
        let (kept, _) = rest.split_at_mut(quads_of(C) * QUAD * stride);
        // Vectors that lie across two cache lines take twice as long.
        let first = memory.as_ptr().align_offset(4 * LINE_WORDS).min(LINE_WORDS);
        let mut fields = memory[first..].chunks_exact_mut(stride);
        let mut gather = |place: &dyn Fn(usize) -> usize| -> &'a mut [Reals] {
            let field = fields.next().unwrap_or_default();
            for (neuron, number) in field.iter_mut().enumerate() {
                *number = kept[place(neuron)];
            }
            field.as_chunks_mut().0
        };
        Self {
            u: gather(&|neuron| QUAD * neuron),
            x: std::array::from_fn(|c| gather(&|neuron| place_of(c, neuron, stride))),
            v,
            left,
            kept,
        }
    }

    /// Puts U and X where they are kept from one launch to the next.
    fn keep(self) {
        let stride = self.v.len();
        for (neuron, &u) in self.u.as_flattened().iter().enumerate() {
            self.kept[QUAD * neuron] = u;
        }
        for (c, x) in self.x.iter().enumerate() {
            for (neuron, &x) in x.as_flattened().iter().enumerate() {
                self.kept[place_of(c, neuron, stride)] = x;
            }
        }
    }

    /// v of a neuron, given the powers of this step.
    #[inline(always)]
    fn membrane(&self, neuron: usize, rest: f32, powers: &Powers<C>) -> f32 {
        let (group, lane) = (neuron / GROUP, neuron % GROUP);
        if self.u[group][lane] < HELD_BELOW {
            return self.v[neuron];
        }
        let mut sum = self.u[group][lane] * powers.membrane;
        for c in 0..C {
            sum += self.x[c][group][lane] * powers.channels[c];
        }
        rest + sum
    }
}

/// The factors' powers of one step.
struct Powers<const C: usize> {
    membrane: f32,
    channels: [f32; C],
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
fn advance<const C: usize>(modal: &Modal<'_>, params: &Params, state: &mut [f32], records: Records<'_>) {
    let network = &modal.network;
    let stride = network.stride;
    let Records {
        counts,
        spikes: mut record,
        traces,
    } = records;
    let mut memory = vec![0.0; (1 + C) * stride + LINE_WORDS];
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
