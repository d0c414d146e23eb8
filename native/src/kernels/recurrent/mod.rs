//! `shaders/recurrent_network.wgsl`: sparse recurrent networks, many steps at once.
//!
//! A network is one task, or, where there are more threads than networks, the task of a team whose members each have some
//! of its parts. [`network`] proves that all indices are inside, [`part`] copies the neurons of a part into groups of 64,
//! [`inputs`] and [`membrane`] advance them, [`rows`] sends their spikes, [`plasticity`] changes weights, [`members`] divides
//! the work, [`team`] is how members tell each other, [`record`] is what comes back.
//!
//! Time goes in chunks no longer than the shortest delay: no spike of a chunk arrives within it, so a part computes a
//! whole chunk while its neurons are in the first-level cache, and members meet once a chunk.

mod inputs;
mod members;
mod membrane;
mod modes;
mod network;
mod part;
mod plasticity;
mod record;
mod rows;
mod steps;
mod team;

pub use modes::KERNEL as MODES;
pub use steps::{GATHER, RECORD, SCATTER, UPDATE};

use super::Kernel;
use super::contract::{Buffer, KernelContract, shared_struct};
use super::disjoint;
use crate::device::launch::{Access, Binding, Elements, Launch, refused};
use crate::failure::Failure;
use members::run_all;
use network::{Network, Tables};
use part::{Before, Part};
use record::{Records, SpikeRecord};

/// Neurons are padded to groups of this many: 16 random blocks of four words.
const GROUP: usize = 64;
/// Steps of a launch at the most: nobody can stop one.
const MAX_STEPS: u32 = 1 << 16;
/// Steps of a launch whose spikes are listed: their numbers share a word with that of the neuron.
const MAX_LISTED_STEPS: u32 = 1 << 12;
/// Steps of a chunk at the most: room for their spikes is set aside.
const MAX_CHUNK: usize = 32;

const CONDUCTANCE: u32 = 1;
const NOISE: u32 = 2;
const ADAPTATION: u32 = 4;
const BEFORE_RESET: u32 = 8;

const RASTER: u32 = 1;
const TRACES: u32 = 2;
/// A list of spikes in the place of the raster, see `shaders/recurrent_list.wgsl`.
const SPIKES: u32 = 4;

// Parameters of a neuron, as `shaders/recurrent.wgsl` numbers them.
const LEAK: usize = 0;
const REST: usize = 1;
const THRESHOLD: usize = 2;
const RESET: usize = 3;
const KEEP: usize = 4;
const REFRACTORY: usize = 5;
const NOISE_STEP: usize = 6;
const ADAPTATION_DECAY: usize = 7;
const ADAPTATION_STEP: usize = 8;
const NEURON_PARAMETERS: usize = 9;
const CHANNEL_PARAMETERS: usize = 3;
/// Fields of the state before the channels: v, refractoriness, adaptation.
const STATE_FIELDS: usize = 3;

shared_struct!(Params {
    first_step: u32,
    steps: u32,
    slots: u32,
    record: u32,
});

shared_struct!(Slot {
    neurons: u32,
    stride: u32,
    delta: u32,
    exponential: u32,
    flags: u32,
    depth: u32,
    min_delay: u32,
    seed_low: u32,
    seed_high: u32,
    unit: f32,
    parameters: u32,
    classes: u32,
    class_count: u32,
    poisson: u32,
    poisson_count: u32,
    rates: u32,
    rate_count: u32,
    events: u32,
    event_steps: u32,
    traced: u32,
    trace_count: u32,
    rows: u32,
    parts: u32,
    part_neurons: u32,
    synapses: u32,
    synapse_count: u32,
    weights: u32,
    state: u32,
    ring: u32,
    raster: u32,
    counts: u32,
    traces: u32,
    rules: u32,
    rule_count: u32,
    history: u32,
    columns: u32,
    modes: u32,
    listed: u32,
});

const fn binding(name: &'static str, access: Access, element: &'static str) -> Buffer {
    Buffer {
        name,
        access,
        element,
        stride: 4,
    }
}

const SLOTS: Buffer = Buffer {
    name: "slots",
    access: Access::Read,
    element: "Slot",
    stride: size_of::<Slot>(),
};

pub const KERNEL: Kernel = Kernel {
    contract: KernelContract {
        name: "recurrent_network",
        params: Params::LAYOUT,
        buffers: &[
            SLOTS,
            binding("tables", Access::Read, "u32"),
            binding("rows", Access::Read, "u32"),
            binding("synapses", Access::Read, "u32"),
            binding("weights", Access::ReadWrite, "i32"),
            binding("state", Access::ReadWrite, "f32"),
            binding("ring", Access::ReadWrite, "atomic<i32>"),
            binding("raster", Access::ReadWrite, "atomic<u32>"),
            binding("counts", Access::ReadWrite, "u32"),
            binding("traces", Access::ReadWrite, "f32"),
        ],
        structs: &[Slot::LAYOUT],
        constants: &["lanes", "learning"],
    },
    run,
};

impl Params {
    fn of(launch: &Launch<'_>) -> Result<Self, Failure> {
        let params: Self = launch.params()?;
        if params.steps > MAX_STEPS {
            return Err(refused(format!(
                "params.steps is {}; a launch takes at most {MAX_STEPS}",
                params.steps
            )));
        }
        if params.record & SPIKES != 0 && params.steps > MAX_LISTED_STEPS {
            return Err(refused(format!(
                "params.steps is {}; a launch that lists its spikes takes at most {MAX_LISTED_STEPS}",
                params.steps
            )));
        }
        Ok(params)
    }
}

/// The first slots of a buffer.
fn slots_of(binding: Binding<'_>, count: u64) -> Result<Vec<Slot>, Failure> {
    let slots = binding.read::<Slot>()?;
    slots.at_least(count, "the number of slots")?;
    Ok(slots.values[..count as usize].to_vec())
}

/// The part of a buffer that each network has: where it starts, and how many elements.
fn split<'a, 'n: 'a, 'v, T>(
    buffer: Elements<&'v mut [T]>,
    networks: impl IntoIterator<Item = &'a Network<'n>>,
    start: fn(&Slot) -> u32,
    length: impl Fn(&Network<'n>) -> usize,
) -> Result<Vec<&'v mut [T]>, Failure> {
    let parts: Vec<disjoint::Part> = networks
        .into_iter()
        .map(|network| disjoint::Part {
            start: u64::from(start(&network.slot)),
            length: length(network) as u64,
        })
        .collect();
    disjoint::split(buffer.name, buffer.values, &parts)
}

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
        ring,
        raster,
        counts,
        traces,
    ] = launch.bindings()?;
    let slots = slots_of(slots, count)?;
    let weights = weights.write::<i32>()?.values;
    let tables = Tables::with_rows(tables, rows, synapses, weights)?;
    let networks = slots
        .into_iter()
        .enumerate()
        .map(|(index, slot)| Network::new(index, slot, tables))
        .collect::<Result<Vec<_>, _>>()?;

    let state = split(
        state.write::<f32>()?,
        &networks,
        |slot| slot.state,
        |network| network.state_length() + network.learning_length(),
    )?;
    let ring = split(
        ring.write::<i32>()?,
        &networks,
        |slot| slot.ring,
        Network::ring_length,
    )?;
    let records = Records::split(&params, &networks, counts, raster, traces)?;
    let before: Vec<Before<'_>> = state
        .iter()
        .zip(&ring)
        .map(|(state, ring)| Before { state, ring })
        .collect();
    let advanced = run_all(&networks, &before, &params)?;
    let mut learned = Vec::new();
    let outputs = state.into_iter().zip(ring).zip(records);
    for ((network, advanced), ((state, ring), records)) in networks.iter().zip(advanced).zip(outputs) {
        let mut spikes = SpikeRecord::new(&params, network, records.spikes);
        for (parts, learning) in &advanced {
            if let Some(learning) = learning {
                learning.write_state(network, parts, params.steps, state);
            }
        }
        let (parts, learning): (Vec<_>, Vec<_>) = advanced.into_iter().unzip();
        let parts: Vec<Part> = parts.into_iter().flatten().collect();
        for learning in learning.into_iter().flatten() {
            learned.push((network.slot, learning));
        }
        for part in &parts {
            part.write_back(
                network,
                params.first_step.wrapping_add(params.steps),
                state,
                ring,
                records.counts,
            );
            for &(step, neuron) in part.log.iter().flatten() {
                spikes.add(step, neuron);
            }
            if params.record & TRACES != 0 && !part.traced.is_empty() {
                for (step, recorded) in part.traces.chunks(part.traced.len()).enumerate() {
                    for (&(place, _), &v) in part.traced.iter().zip(recorded) {
                        records.traces[step * network.traced.len() + place] = v;
                    }
                }
            }
        }
    }
    for (slot, learning) in learned {
        learning.write_weights(&mut weights[slot.weights as usize..]);
    }
    Ok(())
}
