//! The synapses of one rule on the neurons of one part, with what is kept to change their weights late.

use super::super::GROUP;
use super::super::network::{CLASS_SHIFT, Network, TARGET_MASK};
use super::super::part::Part;
use super::Sources;
use super::rule::{MOST_CHANGE, Rule};
use super::trace::{Decays, Last, decay_over, lasts};

/// Spikes of a neuron that are remembered.
const HISTORY: usize = 16;
/// The steps of a neuron's last spikes, the last one first, in one line of the cache.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct History([i32; HISTORY]);

/// A rule's synapses on the neurons of one part.
pub struct Synapses {
    /// [source] the place in the network of its first synapse here.
    pub places: Vec<u32>,
    /// [source] and the end: where its synapses begin in the copies.
    pub begins: Vec<u32>,
    pub weights: Vec<i32>,
    /// [neuron of the part]
    pub last: Vec<Last>,
    history: Vec<History>,
    /// All weights have been changed by all spikes of their targets before this step.
    done: i32,
    /// In the order of the copies; empty where neurons keep the traces.
    pub source_traces: Vec<f32>,
    pub target_traces: Vec<f32>,
}

/// The last spike of a source, and the step from which spikes of targets have not changed its weights.
pub struct Since<'a> {
    pub from: i32,
    pub source: Last,
    plus: &'a Decays,
}

impl Synapses {
    /// `state` begins at that of the rule.
    pub fn new(network: &Network<'_>, rule: &Rule<'_>, index: usize, part: &Part, state: &[f32]) -> Self {
        let count = network.slot.neurons as usize;
        let (stride, neurons) = (network.stride, part.groups * GROUP);
        let mut places = Vec::with_capacity(count);
        let mut begins = Vec::with_capacity(count + 1);
        let mut weights = Vec::new();
        for source in 0..count {
            let row = source * network.parts + index;
            let (begin, end) = (network.rows[row] as usize, network.rows[row + 1] as usize);
            let words = &network.synapses[begin..end];
            let from = words.partition_point(|&word| word >> CLASS_SHIFT < rule.first_class);
            let to = words.partition_point(|&word| word >> CLASS_SHIFT < rule.end_class);
            places.push((begin + from) as u32);
            begins.push(weights.len() as u32);
            weights.extend_from_slice(network.weights.get(begin + from..begin + to).unwrap_or_default());
        }
        begins.push(weights.len() as u32);
        let traces = 2 * stride + rule.traces(stride, network.synapses.len());
        let own = (!rule.nearest && !rule.times_differ).then(|| &state[traces + part.first..]);
        let ages = stride + part.first;
        let last = lasts(&state[ages..ages + neurons], own);
        let mut synapses = Self {
            places,
            begins,
            weights,
            history: last.iter().map(|last| History([last.step; HISTORY])).collect(),
            last,
            done: 0,
            source_traces: Vec::new(),
            target_traces: Vec::new(),
        };
        if rule.has_synapse_traces() {
            synapses.source_traces = synapses.taken(&state[2 * stride..]);
            synapses.target_traces = synapses.taken(&state[traces..]);
        }
        synapses
    }

    /// What belongs to the copies, out of what belongs to all synapses of the network.
    fn taken(&self, all: &[f32]) -> Vec<f32> {
        let mut taken = Vec::with_capacity(self.weights.len());
        for (&place, ends) in self.places.iter().zip(self.begins.windows(2)) {
            let length = (ends[1] - ends[0]) as usize;
            taken.extend_from_slice(&all[place as usize..][..length]);
        }
        taken
    }

    /// The reverse of [`Self::taken`].
    pub fn put<T: Copy>(&self, copies: &[T], all: &mut [T]) {
        for (&place, ends) in self.places.iter().zip(self.begins.windows(2)) {
            let own = &copies[ends[0] as usize..ends[1] as usize];
            all[place as usize..][..own.len()].copy_from_slice(own);
        }
    }

    /// Whether a neuron may not spike before weights are changed: the spike before the first that is pending is needed too.
    #[inline(always)]
    pub fn is_full(&self, neuron: usize) -> bool {
        self.history[neuron].0[HISTORY - 2] >= self.done
    }

    /// A neuron of the part spikes.
    #[inline(always)]
    pub fn note_target(&mut self, rule: &Rule<'_>, sources: &Sources, neuron: usize, now: i32) {
        let History(history) = &mut self.history[neuron];
        history.copy_within(..HISTORY - 1, 1);
        history[0] = now;
        self.last[neuron].spike(now, rule, &sources.minus);
    }

    pub fn since<'a>(&self, sources: &'a Sources, source: usize) -> Since<'a> {
        let last = sources.last[source];
        Since {
            from: last.step.max(self.done),
            source: last,
            plus: &sources.plus,
        }
    }

    /// The spikes of a neuron from a step on, each with the one before it.
    #[inline(always)]
    fn spikes_from(&self, neuron: usize, from: i32) -> impl Iterator<Item = (i32, i32)> {
        let History(history) = &self.history[neuron];
        // There rarely are more than these, which take no branches.
        let [first, second, third, fourth, ..] = history.map(|step| usize::from(step >= from));
        let count = match first + second + third + fourth {
            4 => history.iter().take_while(|&&step| step >= from).count(),
            few => few,
        };
        (0..count.min(HISTORY - 1))
            .rev()
            .map(|k| (history[k + 1], history[k]))
    }

    /// A weight after the spikes of its target from a step on.
    #[inline(always)]
    pub fn potentiated(
        &self,
        weight: i32,
        rule: &Rule<'_>,
        rate: f32,
        neuron: usize,
        since: &Since<'_>,
    ) -> i32 {
        let Since { from, source, plus } = since;
        let mut weight = weight;
        // (A fold would be compiled for any processor.)
        for (_, spike) in self.spikes_from(neuron, *from) {
            let x = source.trace * plus.over(spike.wrapping_sub(source.step));
            weight = rule.potentiated(weight, rate, x);
        }
        weight
    }

    /// The same for a synapse with time constants of its own; its trace of the target's spikes too.
    pub fn potentiate_own(
        &mut self,
        rule: &Rule<'_>,
        neuron: usize,
        since: &Since<'_>,
        (copy, place): (usize, usize),
    ) {
        let Since { from, source, .. } = since;
        let mut weight = self.weights[copy];
        let mut y = self.target_traces.get(copy).copied().unwrap_or(1.0);
        let trace = self.source_traces.get(copy).copied().unwrap_or(1.0);
        for (before, spike) in self.spikes_from(neuron, *from) {
            let x = trace * decay_over(spike.wrapping_sub(source.step), rule.plus.of(place));
            weight = rule.potentiated(weight, rule.potentiation.of(place), x);
            y = y * decay_over(spike.wrapping_sub(before), rule.minus.of(place)) + 1.0;
        }
        self.weights[copy] = weight;
        if let Some(kept) = self.target_traces.get_mut(copy) {
            *kept = y;
        }
    }

    /// Changes all weights by all spikes of their targets before step `now`.
    #[inline(always)]
    pub fn catch_up(
        &mut self,
        network: &Network<'_>,
        part: &Part,
        rule: &Rule<'_>,
        sources: &Sources,
        now: i32,
    ) {
        for source in 0..self.places.len() {
            let (begin, end) = (self.begins[source] as usize, self.begins[source + 1] as usize);
            let place = self.places[source] as usize;
            let since = self.since(sources, source);
            for (k, &word) in network.synapses[place..place + end - begin].iter().enumerate() {
                let neuron = local(part, word);
                let (copy, place) = (begin + k, place + k);
                if self.last[neuron].step < since.from {
                    continue;
                }
                if rule.times_differ {
                    self.potentiate_own(rule, neuron, &since, (copy, place));
                } else {
                    let rate = rule.potentiation.of(place);
                    self.weights[copy] = self.potentiated(self.weights[copy], rule, rate, neuron, &since);
                }
            }
        }
        self.done = now;
    }

    pub fn normalize(&mut self, network: &Network<'_>, part: &Part, rule: &Rule<'_>) {
        let mut sums = vec![0_i32; self.last.len()];
        let rows = self.places.iter().zip(self.begins.windows(2));
        for (&place, ends) in rows.clone() {
            let own = &self.weights[ends[0] as usize..ends[1] as usize];
            for (&word, &weight) in network.synapses[place as usize..].iter().zip(own) {
                let sum = &mut sums[local(part, word)];
                *sum = sum.wrapping_add(weight);
            }
        }
        let factors: Vec<Option<f32>> = sums
            .iter()
            .map(|&sum| (sum != 0).then(|| rule.total / sum as f32))
            .collect();
        for (&place, ends) in rows {
            let own = &mut self.weights[ends[0] as usize..ends[1] as usize];
            for (&word, weight) in network.synapses[place as usize..].iter().zip(own) {
                if let Some(factor) = factors[local(part, word)] {
                    let scaled = (*weight as f32 * factor).round_ties_even();
                    let scaled = scaled.clamp(-MOST_CHANGE, MOST_CHANGE) as i32;
                    *weight = scaled.clamp(rule.minimum, rule.maximum);
                }
            }
        }
    }
}

/// The neuron of a part that a synapse acts on; the last for one of another part, which a host never puts here.
#[inline(always)]
fn local(part: &Part, word: u32) -> usize {
    ((word & TARGET_MASK) as usize)
        .wrapping_sub(part.first)
        .min(part.groups * GROUP - 1)
}
