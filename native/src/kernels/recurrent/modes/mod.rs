//! `shaders/recurrent_modes.wgsl`: networks whose neurons need no work between their spikes and arrivals.
//!
//! As in the shader, a step looks at few neurons, and writes those that something arrives at. Which it looks at is found by
//! blocks of neurons and without any work for arrivals, see [`window`]: what a headroom of each neuron, which arrivals
//! diminish, saves here, it costs. [`state`] is what is advanced, [`advance`] how.

mod advance;
mod state;
mod window;

use rayon::prelude::*;

use super::network::{Network, Parameter, Tables, part};
use super::part::FOREVER;
use super::record::Records;
use super::{Params, REFRACTORY, REST, SLOTS, Slot, THRESHOLD, binding, slots_of, split};
use crate::device::launch::{Access, Launch, refused};
use crate::failure::Failure;
use crate::kernels::Kernel;
use crate::kernels::contract::KernelContract;
use advance::advance;
use state::state_length;

const MOST_CHANNELS: usize = 4;
const MOST_PERIOD: u32 = 1 << 12;

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
    let tables = Tables::with_rows(tables, rows, synapses, weights.read()?.values)?;
    let modal = slots_of(slots, count)?
        .into_iter()
        .enumerate()
        .map(|(index, slot)| Modal::new(Network::new(index, slot, tables)?, index))
        .collect::<Result<Vec<_>, _>>()?;
    let networks = modal.iter().map(|modal| &modal.network);
    let state = split(
        state.write::<f32>()?,
        networks.clone(),
        |slot| slot.state,
        |network| state_length(network.slot.exponential as usize, network.stride),
    )?;
    let records = Records::split(&params, networks, counts, raster, traces)?;
    modal
        .par_iter()
        .with_max_len(1)
        .zip(state.into_par_iter().zip(records))
        .for_each(|(modal, (state, records))| match modal.network.slot.exponential {
            0 => advance::<0>(modal, &params, state, records),
            1 => advance::<1>(modal, &params, state, records),
            2 => advance::<2>(modal, &params, state, records),
            3 => advance::<3>(modal, &params, state, records),
            _ => advance::<MOST_CHANNELS>(modal, &params, state, records),
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
