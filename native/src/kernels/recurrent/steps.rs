//! `shaders/recurrent_update.wgsl`, `_scatter`, `_gather` and `_record`: one step of large networks, phase by phase.
//!
//! A graphics card needs these for networks that are too large for one workgroup. Here `recurrent_network` takes networks
//! of any size, and does not copy their neurons in and out for every step; these are the twins that hold the WGSL to its
//! equations.

use super::members::run_all;
use super::network::{
    CLASS_SHIFT, Network, TARGET_MASK, Tables, check_bounds, check_synapses, check_weights, part,
};
use super::part::Before;
use super::{Params as NetworkParams, RASTER, SLOTS, Slot, TRACES, binding, slots_of};
use crate::device::launch::{Access, Launch, refused};
use crate::failure::Failure;
use crate::kernels::Kernel;
use crate::kernels::contract::{KernelContract, shared_struct};

const LIST: u32 = 4;
const HISTORY: u32 = 8;

mod of_update {
    super::shared_struct!(Params {
        step: u32,
        raster_row: u32,
        slots: u32,
        record: u32,
    });
}

/// Of recurrent_scatter and of recurrent_gather.
mod of_step {
    super::shared_struct!(Params {
        step: u32,
        slots: u32,
    });
}

mod of_record {
    super::shared_struct!(Params {
        row: u32,
        rows: u32,
        slots: u32,
        record: u32,
    });
}

pub const UPDATE: Kernel = Kernel {
    contract: KernelContract {
        name: "recurrent_update",
        params: of_update::Params::LAYOUT,
        buffers: &[
            SLOTS,
            binding("tables", Access::Read, "u32"),
            binding("state", Access::ReadWrite, "f32"),
            binding("ring", Access::ReadWrite, "atomic<i32>"),
            binding("raster", Access::ReadWrite, "atomic<u32>"),
            binding("counts", Access::ReadWrite, "u32"),
            binding("spike_counts", Access::ReadWrite, "atomic<u32>"),
            binding("history", Access::ReadWrite, "atomic<u32>"),
        ],
        structs: &[Slot::LAYOUT],
        constants: &["lanes"],
    },
    run: update,
};

pub const SCATTER: Kernel = Kernel {
    contract: KernelContract {
        name: "recurrent_scatter",
        params: of_step::Params::LAYOUT,
        buffers: &[
            SLOTS,
            binding("tables", Access::Read, "u32"),
            binding("rows", Access::Read, "u32"),
            binding("synapses", Access::Read, "u32"),
            binding("weights", Access::Read, "i32"),
            binding("state", Access::Read, "f32"),
            binding("ring", Access::ReadWrite, "atomic<i32>"),
            binding("spike_counts", Access::ReadWrite, "u32"),
        ],
        structs: &[Slot::LAYOUT],
        constants: &["lanes"],
    },
    run: scatter,
};

pub const GATHER: Kernel = Kernel {
    contract: KernelContract {
        name: "recurrent_gather",
        params: of_step::Params::LAYOUT,
        buffers: &[
            SLOTS,
            binding("tables", Access::Read, "u32"),
            binding("columns", Access::Read, "u32"),
            binding("inputs", Access::Read, "u32"),
            binding("places", Access::Read, "u32"),
            binding("weights", Access::Read, "i32"),
            binding("ring", Access::ReadWrite, "i32"),
            binding("history", Access::ReadWrite, "u32"),
        ],
        structs: &[Slot::LAYOUT],
        constants: &["lanes"],
    },
    run: gather,
};

pub const RECORD: Kernel = Kernel {
    contract: KernelContract {
        name: "recurrent_record",
        params: of_record::Params::LAYOUT,
        buffers: &[
            SLOTS,
            binding("tables", Access::Read, "u32"),
            binding("state", Access::Read, "f32"),
            binding("raster", Access::ReadWrite, "u32"),
            binding("traces", Access::ReadWrite, "f32"),
        ],
        structs: &[Slot::LAYOUT],
        constants: &["lanes"],
    },
    run: record,
};

/// How many slots a launch works on, and with how many invocations each.
fn extent(launch: &Launch<'_>, slots: u32) -> Result<(u32, u64), Failure> {
    let [x, y, z] = launch.workgroups;
    let slots = if z == 0 { 0 } else { slots.min(y) };
    Ok((slots, u64::from(x).saturating_mul(launch.constant(0)?)))
}

/// Fewer invocations than elements would leave some out.
fn covers(invocations: u64, needed: usize) -> Result<(), Failure> {
    if invocations >= needed as u64 {
        return Ok(());
    }
    Err(refused(format!(
        "{invocations} invocations for {needed} elements; launch more workgroups"
    )))
}

/// A part of a buffer to write to.
fn part_mut<'a, T>(name: &str, of: &'a mut [T], start: u32, length: usize) -> Result<&'a mut [T], Failure> {
    let total = of.len();
    (start as usize)
        .checked_add(length)
        .and_then(|end| of.get_mut(start as usize..end))
        .ok_or_else(|| {
            refused(format!(
                "\"{name}\" holds {total} elements, but {length} from {start} on are needed"
            ))
        })
}

/// Where the row of a step begins among rows of `words`, with `start` before the first.
fn row_start(start: u32, row: u32, words: usize) -> Result<u32, Failure> {
    u64::from(start)
        .checked_add(u64::from(row) * words as u64)
        .and_then(|at| u32::try_from(at).ok())
        .ok_or_else(|| refused(format!("row {row} of {words} words is beyond any buffer")))
}

fn update(launch: Launch<'_>) -> Result<(), Failure> {
    let params: of_update::Params = launch.params()?;
    let (count, invocations) = extent(&launch, params.slots)?;
    let [slots, tables, state, ring, raster, counts, spike_counts, history] = launch.bindings()?;
    let slots = slots_of(slots, u64::from(count))?;
    let tables = Tables {
        tables: tables.read()?.values,
        rows: None,
    };
    let (state, ring) = (state.write::<f32>()?.values, ring.write::<i32>()?.values);
    let (raster, counts) = (raster.write::<u32>()?.values, counts.write::<u32>()?.values);
    let spike_counts = spike_counts.write::<u32>()?.values;
    let history = history.write::<u32>()?.values;
    for (index, &slot) in slots.iter().enumerate() {
        let network = Network::new(index, slot, tables)?;
        covers(invocations, network.stride / 4)?;
        if !network.rules.is_empty() {
            return Err(refused(format!(
                "slot {index} learns; recurrent_network computes such networks"
            )));
        }
        let words = network.stride / 32;
        let state = part_mut("state", state, slot.state, network.state_length())?;
        let ring = part_mut("ring", ring, slot.ring, network.ring_length())?;
        let list = network.state_length() - network.stride;
        let counts = part_mut("counts", counts, slot.counts, network.stride)?;
        let one_step = NetworkParams {
            first_step: params.step,
            steps: 1,
            slots: 1,
            record: RASTER,
        };
        let before = [Before { state, ring }];
        let advanced = run_all(std::slice::from_ref(&network), &before, &one_step)?;
        for part in advanced.iter().flatten().flat_map(|(parts, _)| parts) {
            part.write_back(&network, params.step.wrapping_add(1), state, ring, counts);
            for &(_, neuron) in part.log.iter().flatten() {
                let (word, bit) = (neuron as usize / 32, 1 << (neuron % 32));
                if params.record & LIST != 0 {
                    let listed = part_mut(
                        "spike_counts",
                        spike_counts,
                        2 * index as u32 + params.step % 2,
                        1,
                    )?;
                    let entry = state.get_mut(list + listed[0] as usize).ok_or_else(|| {
                        refused(format!("slot {index} lists more spikes than it has neurons"))
                    })?;
                    *entry = neuron as f32;
                    listed[0] += 1;
                }
                if params.record & RASTER != 0 {
                    let start = row_start(slot.raster, params.raster_row, words)?;
                    part_mut("raster", raster, start, words)?[word] |= bit;
                }
                if params.record & HISTORY != 0 {
                    let row = params.step % (slot.depth + 1);
                    let start = row_start(slot.history, row, words)?;
                    part_mut("history", history, start, words)?[word] |= bit;
                }
            }
        }
    }
    Ok(())
}

fn scatter(launch: Launch<'_>) -> Result<(), Failure> {
    let params: of_step::Params = launch.params()?;
    let (count, invocations) = extent(&launch, params.slots)?;
    let [slots, tables, rows, synapses, weights, state, ring, spike_counts] = launch.bindings()?;
    let slots = slots_of(slots, u64::from(count))?;
    let tables = Tables::with_rows(tables, rows, synapses, weights.read()?.values)?;
    let state = state.read::<f32>()?.values;
    let ring = ring.write::<i32>()?.values;
    let spike_counts = spike_counts.write::<u32>()?.values;
    covers(invocations, usize::from(count > 0))?;
    for (index, &slot) in slots.iter().enumerate() {
        let network = Network::new(index, slot, tables)?;
        let counts = part_mut("spike_counts", spike_counts, 2 * index as u32, 2)?;
        let listed = counts[params.step as usize % 2];
        counts[(params.step as usize + 1) % 2] = 0;
        let all = network.state_length();
        let state = part("state", state, "its neurons", slot.state, all as u64)?;
        let list = &state[all - network.stride..];
        let Some(spikes) = list.get(..listed as usize) else {
            return Err(refused(format!("slot {index} lists {listed} spikes")));
        };
        let ring = part_mut("ring", ring, slot.ring, network.ring_length())?;
        for &spike in spikes {
            if !(0.0..slot.neurons as f32).contains(&spike) {
                return Err(refused(format!("slot {index} lists a spike of neuron {spike}")));
            }
            let row = spike as usize * network.parts;
            let (begin, end) = (
                network.rows[row] as usize,
                network.rows[row + network.parts] as usize,
            );
            for place in begin..end {
                let word = network.synapses[place];
                let class = &network.classes[(word >> CLASS_SHIFT) as usize];
                let arrives = (params.step as usize + class.delay) % network.depth;
                let weight = if class.weighted {
                    network.weights[place]
                } else {
                    class.weight
                };
                let at = (arrives * network.planes + class.plane) * network.stride;
                let sum = &mut ring[at + (word & TARGET_MASK) as usize];
                *sum = sum.wrapping_add(weight);
            }
        }
    }
    Ok(())
}

fn gather(launch: Launch<'_>) -> Result<(), Failure> {
    let params: of_step::Params = launch.params()?;
    let (count, invocations) = extent(&launch, params.slots)?;
    let [slots, tables, columns, inputs, places, weights, ring, history] = launch.bindings()?;
    let slots = slots_of(slots, u64::from(count))?;
    let tables = Tables {
        tables: tables.read()?.values,
        rows: None,
    };
    let (columns, inputs) = (columns.read::<u32>()?.values, inputs.read_known::<u32>()?);
    let (places, weights) = (places.read::<u32>()?.values, weights.read::<i32>()?.values);
    let (ring, history) = (ring.write::<i32>()?.values, history.write::<u32>()?.values);
    for (index, &slot) in slots.iter().enumerate() {
        let network = Network::new(index, slot, tables)?;
        covers(invocations, slot.neurons as usize)?;
        let bounds = part(
            "columns",
            columns,
            "its neurons",
            slot.columns,
            u64::from(slot.neurons) + 1,
        )?;
        check_bounds("columns", &slot, bounds)?;
        let inputs = check_synapses("inputs", &slot, inputs)?;
        let weights = check_weights(&slot, weights, &network.classes)?;
        let places = match weights {
            [] => &[],
            _ => part(
                "places",
                places,
                "its synapses",
                slot.synapses,
                u64::from(slot.synapse_count),
            )?,
        };
        let words = network.stride / 32;
        let rows = network.depth + 1;
        let now = params.step as usize % rows;
        let history = part_mut("history", history, slot.history, rows * words)?;
        history[now * words..(now + 1) * words].fill(0);
        let ring = part_mut("ring", ring, slot.ring, network.ring_length())?;
        let start = params.step as usize % network.depth * network.planes * network.stride;
        for neuron in 0..slot.neurons as usize {
            let mut sums = vec![0_i32; network.planes];
            for place in bounds[neuron] as usize..bounds[neuron + 1] as usize {
                let word = inputs[place];
                let class = &network.classes[(word >> CLASS_SHIFT) as usize];
                let source = word & TARGET_MASK;
                let then = (now + rows - class.delay) % rows;
                if history[then * words + source as usize / 32] >> (source % 32) & 1 == 0 {
                    continue;
                }
                let weight = if class.weighted {
                    let at = places[place] as usize;
                    *weights.get(at).ok_or_else(|| {
                        refused(format!("\"places\" names weight {at} of {}", weights.len()))
                    })?
                } else {
                    class.weight
                };
                sums[class.plane] = sums[class.plane].wrapping_add(weight);
            }
            for (plane, sum) in sums.into_iter().enumerate() {
                ring[start + plane * network.stride + neuron] = sum;
            }
        }
    }
    Ok(())
}

fn record(launch: Launch<'_>) -> Result<(), Failure> {
    let params: of_record::Params = launch.params()?;
    let (count, invocations) = extent(&launch, params.slots)?;
    let [slots, tables, state, raster, traces] = launch.bindings()?;
    let slots = slots_of(slots, u64::from(count))?;
    let tables = Tables {
        tables: tables.read()?.values,
        rows: None,
    };
    let state = state.read::<f32>()?.values;
    let (raster, traces) = (raster.write::<u32>()?.values, traces.write::<f32>()?.values);
    for (index, &slot) in slots.iter().enumerate() {
        let network = Network::new(index, slot, tables)?;
        let words = network.stride / 32;
        if params.record & RASTER != 0 && params.row.saturating_add(1) < params.rows {
            covers(invocations, words)?;
            let start = row_start(slot.raster, params.row + 1, words)?;
            part_mut("raster", raster, start, words)?.fill(0);
        }
        if params.record & TRACES != 0 && !network.traced.is_empty() {
            let traced = network.traced.len();
            covers(invocations, traced)?;
            let v = part("state", state, "its neurons", slot.state, network.stride as u64)?;
            let start = row_start(slot.traces, params.row, traced)?;
            let row = part_mut("traces", traces, start, traced)?;
            for (trace, &neuron) in row.iter_mut().zip(network.traced) {
                *trace = v[neuron as usize];
            }
        }
    }
    Ok(())
}
