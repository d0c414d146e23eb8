//! What a launch records of each network: spikes as a raster or as a list, and traces.

use super::network::{CLASS_SHIFT, Network};
use super::{Params, RASTER, SPIKES, TRACES};

impl Params {
    /// Words that a launch writes of the spikes of a network: nothing unless they are asked for.
    pub fn recorded_spikes(&self, network: &Network<'_>) -> usize {
        if self.record & RASTER != 0 {
            self.steps as usize * (network.stride / 32)
        } else if self.record & SPIKES != 0 {
            1 + network.slot.listed as usize
        } else {
            0
        }
    }

    /// Numbers that a launch writes of the traces of a network.
    pub fn recorded_traces(&self, network: &Network<'_>) -> usize {
        if self.record & TRACES != 0 {
            self.steps as usize * network.traced.len()
        } else {
            0
        }
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
    /// Begins a record in `words`, of which there are as many as [`Params::recorded_spikes`] says.
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
