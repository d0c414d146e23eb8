//! What a launch records of each network: spikes as a raster or as a list, and traces.

use super::network::{CLASS_SHIFT, Network};
use super::{Params, RASTER, SPIKES, TRACES, split};
use crate::device::launch::Binding;
use crate::failure::Failure;

impl Params {
    /// Words that a launch writes of the spikes of a network: nothing unless they are asked for.
    fn recorded_spikes(&self, network: &Network<'_>) -> usize {
        if self.record & RASTER != 0 {
            self.steps as usize * (network.stride / 32)
        } else if self.record & SPIKES != 0 {
            1 + network.slot.listed as usize
        } else {
            0
        }
    }

    /// Numbers that a launch writes of the traces of a network.
    fn recorded_traces(&self, network: &Network<'_>) -> usize {
        if self.record & TRACES != 0 {
            self.steps as usize * network.traced.len()
        } else {
            0
        }
    }
}

/// What a launch leaves of a network besides its state.
pub struct Records<'a> {
    /// Spikes of each neuron since step 0.
    pub counts: &'a mut [u32],
    /// For [`SpikeRecord::new`].
    pub spikes: &'a mut [u32],
    /// [step][traced neuron], mV
    pub traces: &'a mut [f32],
}

impl<'a> Records<'a> {
    /// The records of each network, out of those of all.
    pub fn split<'n, 'm: 'n>(
        params: &Params,
        networks: impl IntoIterator<Item = &'n Network<'m>> + Clone,
        counts: Binding<'a>,
        raster: Binding<'a>,
        traces: Binding<'a>,
    ) -> Result<Vec<Self>, Failure> {
        let counts = split(
            counts.write()?,
            networks.clone(),
            |slot| slot.counts,
            |network| network.stride,
        )?;
        let spikes = split(
            raster.write()?,
            networks.clone(),
            |slot| slot.raster,
            |network| params.recorded_spikes(network),
        )?;
        let traces = split(
            traces.write()?,
            networks,
            |slot| slot.traces,
            |network| params.recorded_traces(network),
        )?;
        Ok(counts
            .into_iter()
            .zip(spikes)
            .zip(traces)
            .map(|((counts, spikes), traces)| Self {
                counts,
                spikes,
                traces,
            })
            .collect())
    }
}

/// The spikes of a network in a launch, as they are asked for, see `shaders/recurrent_list.wgsl`.
pub enum SpikeRecord<'a> {
    Nothing,
    /// A bit for each neuron and step, [step][row].
    Raster {
        row: usize,
        words: &'a mut [u32],
    },
    /// How many, and the spikes.
    List {
        count: &'a mut u32,
        words: &'a mut [u32],
    },
}

impl<'a> SpikeRecord<'a> {
    /// Begins a record in the words of [`Records::spikes`].
    pub fn new(params: &Params, network: &Network<'_>, words: &'a mut [u32]) -> Self {
        if params.record & RASTER != 0 {
            words.fill(0);
            let row = network.stride / 32;
            return Self::Raster { row, words };
        }
        match words.split_first_mut() {
            Some((count, words)) => {
                *count = 0;
                Self::List { count, words }
            }
            None => Self::Nothing,
        }
    }

    /// Records that a neuron spikes at `step` of the launch.
    #[inline(always)]
    pub fn add(&mut self, step: u32, neuron: u32) {
        match self {
            Self::Nothing => {}
            Self::Raster { row, words } => {
                words[step as usize * *row + neuron as usize / 32] |= 1 << (neuron % 32);
            }
            Self::List { count, words } => {
                // A launch that is not one of ours may have more than there is room for.
                if let Some(place) = words.get_mut(**count as usize) {
                    *place = step << CLASS_SHIFT | neuron;
                }
                **count = count.wrapping_add(1);
            }
        }
    }
}
