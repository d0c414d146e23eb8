//! One item: a network and the samples that it works through.

use multiversion::multiversion;

use super::sample::Workspace;
use super::{FIRST, LEARN, Result, Slot};
use crate::device::launch::refused;
use crate::failure::Failure;

/// The samples, the same for all items.
pub struct Input<'a> {
    pub steps: usize,
    pub inputs: usize,
    /// [sample][steps + 1]: index of the first event of each step.
    pub offsets: &'a [u32],
    /// Input ids, grouped by step.
    pub events: &'a [u16],
    /// e^(-k / tau) for k = 0, 1, ...
    pub trace: &'a [f32],
}

impl<'a> Input<'a> {
    /// The events of a sample with the offsets of its steps among them, once all indices are proved to be inside.
    fn sample(&self, number: usize) -> std::result::Result<Sample<'a>, Failure> {
        let start = number * (self.steps + 1);
        let offsets = &self.offsets[start..start + self.steps + 1];
        let (first, last) = (offsets[0] as usize, offsets[self.steps] as usize);
        if !offsets.is_sorted() {
            return Err(refused(format!("\"offsets\" decrease within sample {number}")));
        }
        let Some(events) = self.events.get(first..last) else {
            let count = self.events.len();
            return Err(refused(format!(
                "\"events\" holds {count}, but sample {number} has {first} to {last}"
            )));
        };
        let largest = events.iter().copied().max().unwrap_or(0);
        if usize::from(largest) >= self.inputs {
            return Err(refused(format!(
                "\"events\" names input {largest} in sample {number}; there are {} inputs",
                self.inputs
            )));
        }
        Ok(Sample { offsets, events })
    }
}

/// The spikes of the inputs in one sample.
#[derive(Clone, Copy)]
pub struct Sample<'a> {
    offsets: &'a [u32],
    events: &'a [u16],
}

impl<'a> Sample<'a> {
    /// The inputs that spike at step `t`.
    #[inline(always)]
    pub fn step(&self, t: usize) -> &'a [u16] {
        let first = self.offsets[0];
        &self.events[(self.offsets[t] - first) as usize..(self.offsets[t + 1] - first) as usize]
    }
}

/// Weights, [tile][input][32], and adaptive thresholds of a slot: owned by the item that writes to them (with the
/// marks of its unsettled columns), or shared by items that only read.
pub enum Weights<'a> {
    Owned {
        weights: &'a mut [f32],
        theta: &'a mut [f32],
        unsettled: &'a mut [u32],
    },
    Shared {
        weights: &'a [f32],
        theta: &'a [f32],
    },
}

impl<'a> Weights<'a> {
    pub fn own(weights: &'a mut [f32], theta: &'a mut [f32], unsettled: &'a mut [u32]) -> Self {
        Self::Owned {
            weights,
            theta,
            unsettled,
        }
    }

    pub fn share(weights: &'a mut [f32], theta: &'a mut [f32]) -> Self {
        Self::Shared { weights, theta }
    }

    fn view(&self) -> (&[f32], &[f32]) {
        match self {
            Self::Owned { weights, theta, .. } => (weights, theta),
            Self::Shared { weights, theta } => (weights, theta),
        }
    }

    /// Another view of shared weights; none of owned ones.
    pub fn shared(&self) -> Option<Self> {
        match *self {
            Self::Owned { .. } => None,
            Self::Shared { weights, theta } => Some(Self::Shared { weights, theta }),
        }
    }
}

/// An item with everything that it may touch.
pub struct Item<'a> {
    pub index: usize,
    pub item: super::Item,
    pub slot: Slot,
    pub weights: Weights<'a>,
    /// Membrane potentials, then the first steps at which the neurons are not refractory.
    pub scratch: &'a mut [f32],
    pub records: &'a mut [u32],
    pub result: &'a mut Result,
}

/// Works through the samples until all are done or a layer has been silent too often.
#[multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512dq+avx512bw",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
pub fn run_item(mut work: Item<'_>, input: &Input<'_>) -> std::result::Result<(), Failure> {
    let mut workspace = Workspace::new(&work.slot, input);
    let item = work.item;
    let learn = item.flags & LEARN != 0;
    if item.flags & FIRST != 0
        && let Weights::Owned { theta, unsettled, .. } = &mut work.weights
    {
        // All columns that hold neurons; those beyond are never looked at.
        theta[..workspace.columns()].fill(0.0);
        unsettled[..work.slot.neurons as usize].fill(1);
        unsettled[work.slot.neurons as usize..workspace.columns()].fill(0);
    }
    let mut result = Result::default();
    let record_length = input.steps + 1;
    while result.processed < item.count
        && result.exc_silent <= item.exc_silent_budget
        && result.inh_silent <= item.inh_silent_budget
    {
        // Inside, since the offsets of all samples of the item are there.
        let sample = input.sample(item.first as usize + result.processed as usize)?;
        let record = &mut work.records[result.processed as usize * record_length..][..record_length];
        let ordinal = item.ordinal.wrapping_add(result.processed);
        if learn
            && let Weights::Owned {
                weights, unsettled, ..
            } = &mut work.weights
        {
            workspace.clamp(input, weights, unsettled);
        }
        let (weights, theta) = work.weights.view();
        let counts = if learn {
            workspace.run::<true>(
                &work.slot,
                input,
                sample,
                ordinal,
                weights,
                theta,
                work.scratch,
                record,
            )
        } else {
            workspace.run::<false>(
                &work.slot,
                input,
                sample,
                ordinal,
                weights,
                theta,
                work.scratch,
                record,
            )
        };
        if learn
            && let Weights::Owned {
                weights,
                theta,
                unsettled,
            } = &mut work.weights
        {
            workspace.finish(&work.slot, input, weights, theta, unsettled);
        }
        record[0] = counts.excitatory | (counts.inhibitory << 16);
        result.exc_silent += u32::from(counts.excitatory < work.slot.exc_alpha);
        result.inh_silent += u32::from(counts.inhibitory < work.slot.inh_alpha);
        result.exc_spikes = result.exc_spikes.wrapping_add(counts.excitatory);
        result.inh_spikes = result.inh_spikes.wrapping_add(counts.inhibitory);
        result.processed += 1;
    }
    *work.result = result;
    Ok(())
}
