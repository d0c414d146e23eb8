//! `shaders/recurrent_network.wgsl`: sparse recurrent networks, many steps at once.
//!
//! A network is one task, or, where there are more threads than networks, the task of a team whose members each have some
//! of its parts. [`network`] proves that all indices are inside, [`part`] copies the neurons of a part into groups of 64,
//! [`inputs`] and [`membrane`] advance them, [`rows`] sends their spikes, [`plasticity`] changes weights, [`team`] is how
//! members tell each other.
//!
//! Time goes in chunks no longer than the shortest delay: no spike of a chunk arrives within it, so a part computes a
//! whole chunk while its neurons are in the first-level cache, and members meet once a chunk.

mod inputs;
mod membrane;
mod modes;
mod network;
mod part;
mod plasticity;
mod rows;
mod steps;
mod team;

pub use modes::KERNEL as MODES;
pub use steps::{GATHER, RECORD, SCATTER, UPDATE};

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use multiversion::multiversion;

use super::Kernel;
use super::contract::{Buffer, KernelContract, shared_struct};
use super::disjoint;
use crate::device::launch::{Access, Elements, Launch, refused};
use crate::failure::Failure;
use membrane::advance;
use network::{CLASS_SHIFT, Network, Rows, Tables};
use part::{Before, Part};
use plasticity::Learning;
use rows::{Ways, send};
use team::Team;

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

    /// How much a launch writes of a record that has so many elements a step: nothing unless it is asked for.
    fn recorded(&self, bit: u32, length: usize) -> usize {
        if self.record & bit == 0 {
            0
        } else {
            self.steps as usize * length
        }
    }

    /// How much a launch writes of a network's spikes: a raster, or a list with its length.
    fn recorded_spikes(&self, network: &Network<'_>) -> usize {
        match self.record & (RASTER | SPIKES) {
            0 => 0,
            SPIKES => 1 + network.slot.listed as usize,
            _ => self.recorded(RASTER, network.stride / 32),
        }
    }
}

/// The spikes of a network in a launch, as they are asked for.
struct SpikeRecord<'a> {
    record: u32,
    stride: usize,
    words: &'a mut [u32],
}

impl<'a> SpikeRecord<'a> {
    fn new(params: &Params, stride: usize, words: &'a mut [u32]) -> Self {
        if params.record & RASTER != 0 {
            words.fill(0);
        }
        if params.record & (RASTER | SPIKES) == SPIKES {
            words[0] = 0;
        }
        Self {
            record: params.record,
            stride,
            words,
        }
    }

    /// `step` of the launch.
    #[inline(always)]
    fn add(&mut self, step: u32, neuron: u32) {
        if self.record & RASTER != 0 {
            self.words[step as usize * (self.stride / 32) + neuron as usize / 32] |= 1 << (neuron % 32);
        } else if self.record & SPIKES != 0 {
            // A launch that is not one of ours may say more than there is room for.
            self.words[0] = self.words[0].wrapping_add(1);
            if let Some(place) = self.words.get_mut(self.words[0] as usize) {
                *place = step << CLASS_SHIFT | neuron;
            }
        }
    }
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
    let slots = slots.read::<Slot>()?;
    slots.at_least(count, "the number of slots")?;
    let slots = &slots.values[..count as usize];
    let weights = weights.write::<i32>()?.values;
    let tables = Tables {
        tables: tables.read()?.values,
        rows: Some(Rows {
            rows: rows.read()?.values,
            synapses: synapses.read()?.values,
            weights: &*weights,
        }),
    };
    let (state, ring) = (state.write::<f32>()?, ring.write::<i32>()?);
    let (raster, counts) = (raster.write::<u32>()?, counts.write::<u32>()?);
    let traces = traces.write::<f32>()?;
    let networks = slots
        .iter()
        .enumerate()
        .map(|(index, &slot)| Network::new(index, slot, tables))
        .collect::<Result<Vec<_>, _>>()?;

    let state = split(
        state,
        &networks,
        |slot| slot.state,
        |network| network.state_length() + network.learning_length(),
    )?;
    let ring = split(ring, &networks, |slot| slot.ring, Network::ring_length)?;
    let counts = split(counts, &networks, |slot| slot.counts, |network| network.stride)?;
    let raster = split(
        raster,
        &networks,
        |slot| slot.raster,
        |network| params.recorded_spikes(network),
    )?;
    let traces = split(
        traces,
        &networks,
        |slot| slot.traces,
        |network| params.recorded(TRACES, network.traced.len()),
    )?;

    let before: Vec<Before<'_>> = state
        .iter()
        .zip(&ring)
        .map(|(state, ring)| Before { state, ring })
        .collect();
    let advanced = run_all(&networks, &before, &params)?;
    let mut learned = Vec::new();
    let outputs = state.into_iter().zip(ring).zip(counts).zip(raster).zip(traces);
    for ((network, advanced), ((((state, ring), counts), raster), traces)) in
        networks.iter().zip(advanced).zip(outputs)
    {
        let mut record = SpikeRecord::new(&params, network.stride, raster);
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
                counts,
            );
            for &(step, neuron) in part.log.iter().flatten() {
                record.add(step, neuron);
            }
            if params.record & TRACES != 0 && !part.traced.is_empty() {
                for (step, recorded) in part.traces.chunks(part.traced.len()).enumerate() {
                    for (&(place, _), &v) in part.traced.iter().zip(recorded) {
                        traces[step * network.traced.len() + place] = v;
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

/// What a member made of its parts, and of the weights on them if they learn.
type Advanced = (Vec<Part>, Option<Learning>);

/// The work of one thread on one network: its member of the team, with some of the parts.
struct Task<'a> {
    slot: usize,
    member: usize,
    parts: std::ops::Range<usize>,
    team: &'a Team,
}

/// Advances all networks; the members of each, in the order of their parts.
fn run_all(
    networks: &[Network<'_>],
    before: &[Before<'_>],
    params: &Params,
) -> Result<Vec<Vec<Advanced>>, Failure> {
    let threads = rayon::current_num_threads();
    let most = (threads / networks.len().max(1)).max(1);
    let cut = |network: &Network<'_>| -> Vec<std::ops::Range<usize>> {
        let members = most.min(network.parts);
        (0..members)
            .map(|member| member * network.parts / members..(member + 1) * network.parts / members)
            .collect()
    };
    let cuts: Vec<_> = networks.iter().map(cut).collect();
    let teams: Vec<Team> = networks
        .iter()
        .zip(&cuts)
        .map(|(network, cut)| {
            if cut.len() == 1 {
                return Team::new(&[0]);
            }
            let chunk = network.min_delay.min(MAX_CHUNK);
            let room: Vec<usize> = cut
                .iter()
                .map(|parts| parts.len() * network.part_neurons * chunk)
                .collect();
            Team::new(&room)
        })
        .collect();
    let mut tasks: Vec<Task<'_>> = cuts
        .into_iter()
        .zip(&teams)
        .enumerate()
        .flat_map(|(slot, (cut, team))| {
            cut.into_iter().enumerate().map(move |(member, parts)| Task {
                slot,
                member,
                parts,
                team,
            })
        })
        .collect();
    // The longest first, so that no thread is left with a long one at the end. Members of a team are taken by different
    // threads at once: there are no more tasks than threads where a team has more than one.
    tasks.sort_by_key(|task| networks[task.slot].stride + networks[task.slot].synapses.len() / 64);
    let queue = Mutex::new(tasks);
    let done = Mutex::new(Vec::new());
    rayon::broadcast(|_| {
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(task) = next else { break };
            // A panic is a defect; the other members must not wait for ever because of it.
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                run_member(&networks[task.slot], before[task.slot], &task, params)
            }))
            .unwrap_or_else(|panic| {
                task.team.give_up();
                Err(Failure::from_panic(panic.as_ref()))
            });
            done.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((task.slot, task.member, outcome));
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|&(slot, member, _)| (slot, member));
    let mut advanced: Vec<Vec<Advanced>> = networks.iter().map(|_| Vec::new()).collect();
    for (slot, _, outcome) in done {
        advanced[slot].push(outcome?);
    }
    Ok(advanced)
}

/// Advances some parts of a network by all steps of the launch.
#[multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512dq+avx512bw",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
fn run_member(
    network: &Network<'_>,
    before: Before<'_>,
    task: &Task<'_>,
    params: &Params,
) -> Result<Advanced, Failure> {
    let chunk = network.min_delay.min(MAX_CHUNK);
    let log = params.record & (RASTER | SPIKES) != 0;
    let mut parts: Vec<Part> = task
        .parts
        .clone()
        .map(|index| Part::new(network, index, params.first_step, before, log))
        .collect();
    for part in &mut parts {
        part.spikes.resize(chunk, Vec::new());
    }
    let mut spikes: Vec<Vec<u32>> = vec![Vec::new(); chunk];
    let mut ways = Ways::default();
    let mut learning = (!network.rules.is_empty()).then(|| {
        Learning::new(
            network,
            &parts,
            task.parts.clone(),
            params.first_step,
            before.state,
        )
    });
    let alone = task.parts.len() == network.parts;
    for (number, begin) in (0..params.steps).step_by(chunk).enumerate() {
        let count = chunk.min((params.steps - begin) as usize);
        for spikes in &mut spikes {
            spikes.clear();
        }
        for part in &mut parts {
            for (within, spikes) in spikes[..count].iter_mut().enumerate() {
                let ordinal = begin + within as u32;
                let step = params.first_step.wrapping_add(ordinal);
                advance(part, network, step, within, ordinal);
                spikes.extend_from_slice(&part.spikes[within]);
            }
        }
        if !alone && !task.team.exchange(task.member, number, &mut spikes[..count]) {
            return Err(Failure::new(
                "internal",
                "another thread of the network has failed",
            ));
        }
        if let Some(learning) = &mut learning {
            for (within, spikes) in spikes[..count].iter().enumerate() {
                let step = params.first_step.wrapping_add(begin + within as u32);
                learning.step(network, &mut parts, task.parts.clone(), step, spikes, &mut ways);
            }
            continue;
        }
        for (index, part) in task.parts.clone().zip(&mut parts) {
            for (within, spikes) in spikes[..count].iter().enumerate() {
                let step = params.first_step.wrapping_add(begin + within as u32);
                send(part, index, network, step, spikes, &mut ways);
            }
        }
    }
    if let Some(learning) = &mut learning {
        learning.finish(network, &parts, params.steps);
    }
    Ok((parts, learning))
}
