//! `shaders/diehl_cook.wgsl`: a batch of Diehl & Cook networks, each working through its own samples.
//!
//! One item is one task; items share nothing that any of them writes to. This file checks the tables, cuts the
//! buffers into the parts of the items, and hands them to the threads; [`item`] works through the samples of one
//! item, [`sample`] computes one sample, [`active`] holds the columns that learn in it, [`settling`] clamps and scales.

mod active;
mod item;
mod sample;
mod settling;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use item::{Input, Item as ItemWork, Weights, run_item};

use super::Kernel;
use super::contract::{Buffer, KernelContract, shared_struct};
use super::disjoint::{Part, split};
use crate::device::launch::{Access, Launch, refused};
use crate::failure::Failure;

/// Columns of a tile of weights.
pub const TILE: usize = 32;
/// A neuron's number has 11 bits in the draw of a winner.
const MAX_NEURONS: u32 = 2048;
/// A step has 16 bits in a record, an input 16 bits in an event.
const MAX_STEPS: u32 = 1 << 16;
const MAX_INPUTS: u32 = 1 << 16;

shared_struct!(Params {
    steps: u32,
    inputs: u32,
    slot_tiles: u32,
    items: u32,
});

shared_struct!(Item {
    slot: u32,
    first: u32,
    count: u32,
    flags: u32,
    ordinal: u32,
    record: u32,
    exc_silent_budget: u32,
    inh_silent_budget: u32,
});

shared_struct!(Slot {
    neurons: u32,
    seed_low: u32,
    seed_high: u32,
    exc_alpha: u32,
    inh_alpha: u32,
    exc_refractory: u32,
    inh_refractory: u32,
    exc_decay: f32,
    exc_rest: f32,
    exc_reset: f32,
    exc_threshold: f32,
    theta_plus: f32,
    theta_rate: f32,
    theta_sample_loss: f32,
    inh_decay: f32,
    inh_rest: f32,
    inh_reset: f32,
    inh_threshold: f32,
    exc_strength: f32,
    inh_strength: f32,
    nu_pre: f32,
    nu_post: f32,
    weight_norm: f32,
});

shared_struct!(
    #[derive(Default)]
    Result {
        processed: u32,
        exc_silent: u32,
        inh_silent: u32,
        exc_spikes: u32,
        inh_spikes: u32,
    }
);

pub const LEARN: u32 = 1;
pub const FIRST: u32 = 2;

pub const KERNEL: Kernel = Kernel {
    contract: KernelContract {
        name: "diehl_cook",
        params: Params::LAYOUT,
        buffers: &[
            Buffer {
                name: "items",
                access: Access::Read,
                element: "Item",
                stride: size_of::<Item>(),
            },
            Buffer {
                name: "slots",
                access: Access::Read,
                element: "Slot",
                stride: size_of::<Slot>(),
            },
            Buffer {
                name: "offsets",
                access: Access::Read,
                element: "u32",
                stride: 4,
            },
            Buffer {
                name: "events",
                access: Access::Read,
                element: "u32",
                stride: 4,
            },
            Buffer {
                name: "trace",
                access: Access::Read,
                element: "f32",
                stride: 4,
            },
            Buffer {
                name: "weights",
                access: Access::ReadWrite,
                element: "vec4f",
                stride: 16,
            },
            Buffer {
                name: "theta",
                access: Access::ReadWrite,
                element: "vec4f",
                stride: 16,
            },
            Buffer {
                name: "unsettled",
                access: Access::ReadWrite,
                element: "u32",
                stride: 4,
            },
            Buffer {
                name: "scratch",
                access: Access::ReadWrite,
                element: "vec4f",
                stride: 16,
            },
            Buffer {
                name: "results",
                access: Access::ReadWrite,
                element: "Result",
                stride: size_of::<Result>(),
            },
            Buffer {
                name: "records",
                access: Access::ReadWrite,
                element: "u32",
                stride: 4,
            },
        ],
        structs: &[Item::LAYOUT, Slot::LAYOUT, Result::LAYOUT],
        constants: &["lanes", "max_steps", "max_inputs"],
    },
    run,
};

fn run(launch: Launch<'_>) -> std::result::Result<(), Failure> {
    let params: Params = launch.params()?;
    let item_count = u64::from(params.items).min(launch.workgroup_count());
    for (index, name, value) in [(1, "steps", params.steps), (2, "inputs", params.inputs)] {
        let room = launch.constant(index)?;
        if u64::from(value) > room {
            return Err(refused(format!(
                "params.{name} is {value}; the kernel was made for at most {room}"
            )));
        }
    }
    check_params(&params)?;
    let [
        items,
        slots,
        offsets,
        events,
        trace,
        weights,
        theta,
        unsettled,
        scratch,
        results,
        records,
    ] = launch.bindings()?;
    let (items, slots) = (items.read::<Item>()?, slots.read::<Slot>()?);
    let (offsets, events) = (offsets.read::<u32>()?, events.read::<u16>()?);
    let trace = trace.read::<f32>()?;
    let (weights, theta, unsettled, scratch) = (
        weights.write::<f32>()?,
        theta.write::<f32>()?,
        unsettled.write::<u32>()?,
        scratch.write::<f32>()?,
    );
    let (results, records) = (results.write::<Result>()?, records.write::<u32>()?);

    items.at_least(item_count, "the number of items")?;
    let items = &items.values[..item_count as usize];
    results.at_least(item_count, "the number of items")?;
    trace.at_least(u64::from(params.steps), "the number of steps")?;
    for (index, item) in items.iter().enumerate() {
        check_item(index, item, slots.values, &params)?;
        let needed = (u64::from(item.first) + u64::from(item.count)) * (u64::from(params.steps) + 1);
        offsets.at_least(
            needed,
            &format!("item {index} (samples {} + {})", item.first, item.count),
        )?;
    }

    let slot_columns = u64::from(params.slot_tiles) * TILE as u64;
    let slot_weights = slot_columns * u64::from(params.inputs);
    let writers = slot_users(items)?;
    let slot_parts = |length: u64| -> Vec<Part> {
        writers
            .keys()
            .map(|&slot| Part {
                start: u64::from(slot) * length,
                length,
            })
            .collect()
    };
    let weights = split(weights.name, weights.values, &slot_parts(slot_weights))?;
    let theta = split(theta.name, theta.values, &slot_parts(slot_columns))?;
    let unsettled = split(unsettled.name, unsettled.values, &slot_parts(slot_columns))?;
    let mut owned: BTreeMap<u32, Weights<'_>> = writers
        .iter()
        .zip(weights.into_iter().zip(theta).zip(unsettled))
        .map(|((&slot, &writes), ((weights, theta), unsettled))| {
            (
                slot,
                if writes {
                    Weights::own(weights, theta, unsettled)
                } else {
                    Weights::share(weights, theta)
                },
            )
        })
        .collect();
    let scratch_parts: Vec<Part> = (0..item_count)
        .map(|item| Part {
            start: item * 2 * slot_columns,
            length: 2 * slot_columns,
        })
        .collect();
    let scratch = split(scratch.name, scratch.values, &scratch_parts)?;
    let record_length = u64::from(params.steps) + 1;
    let record_parts: Vec<Part> = items
        .iter()
        .map(|item| Part {
            start: u64::from(item.record) * record_length,
            length: u64::from(item.count) * record_length,
        })
        .collect();
    let records = split(records.name, records.values, &record_parts)?;

    let input = Input {
        steps: params.steps as usize,
        inputs: params.inputs as usize,
        offsets: offsets.values,
        events: events.values,
        trace: trace.values,
    };
    let mut work: Vec<ItemWork<'_>> = Vec::with_capacity(items.len());
    for (index, ((item, scratch), (records, result))) in items
        .iter()
        .zip(scratch)
        .zip(records.into_iter().zip(results.values))
        .enumerate()
    {
        let weights = match owned.get(&item.slot) {
            Some(Weights::Shared { .. }) => owned.get(&item.slot).and_then(Weights::shared),
            _ => owned.remove(&item.slot),
        };
        let weights =
            weights.ok_or_else(|| Failure::new("internal", "a slot's weights were handed out twice"))?;
        let slot = slots.values[item.slot as usize];
        work.push(ItemWork {
            index,
            item: *item,
            slot,
            weights,
            scratch,
            records,
            result,
        });
    }
    // The longest first, so that no thread is left with a long item at the end.
    work.sort_by_key(|work| u64::from(work.slot.neurons) * u64::from(work.item.count));
    run_all(work, &input)
}

/// Each thread of the pool takes the next item when it is done with one.
fn run_all(work: Vec<ItemWork<'_>>, input: &Input<'_>) -> std::result::Result<(), Failure> {
    let queue = Mutex::new(work);
    let failure = Mutex::new(None);
    rayon::broadcast(|_| {
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(item) = next else { break };
            let index = item.index;
            if let Err(found) = run_item(item, input) {
                let named = Failure::new(found.code, format!("item {index}: {}", found.message));
                failure
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .get_or_insert(named);
            }
        }
    });
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(found) => Err(found),
        None => Ok(()),
    }
}

fn check_params(params: &Params) -> std::result::Result<(), Failure> {
    let limits = [
        ("steps", params.steps, 1, MAX_STEPS),
        ("inputs", params.inputs, 1, MAX_INPUTS),
        ("slot_tiles", params.slot_tiles, 1, MAX_NEURONS / TILE as u32),
    ];
    for (name, value, least, most) in limits {
        if value < least || value > most {
            return Err(refused(format!(
                "params.{name} is {value}; it must be from {least} to {most}"
            )));
        }
    }
    Ok(())
}

fn check_item(
    index: usize,
    item: &Item,
    slots: &[Slot],
    params: &Params,
) -> std::result::Result<(), Failure> {
    let Some(slot) = slots.get(item.slot as usize) else {
        let count = slots.len();
        return Err(refused(format!(
            "item {index} is for slot {}; \"slots\" holds {count}",
            item.slot
        )));
    };
    let room = params.slot_tiles * TILE as u32;
    if slot.neurons == 0 || slot.neurons > room {
        let (number, neurons) = (item.slot, slot.neurons);
        return Err(refused(format!(
            "slot {number} has {neurons} neurons; it must have from 1 to {room}"
        )));
    }
    Ok(())
}

/// The slots in use, and whether an item writes to them; such an item must be the slot's only one.
fn slot_users(items: &[Item]) -> std::result::Result<BTreeMap<u32, bool>, Failure> {
    let mut users: BTreeMap<u32, (u32, bool)> = BTreeMap::new();
    for item in items {
        let (count, writes) = users.entry(item.slot).or_default();
        *count += 1;
        *writes |= item.flags & (LEARN | FIRST) != 0;
    }
    users
        .into_iter()
        .map(|(slot, (count, writes))| {
            if writes && count > 1 {
                return Err(refused(format!(
                    "{count} items work on slot {slot}, and at least one of them writes to it"
                )));
            }
            Ok((slot, writes))
        })
        .collect()
}
