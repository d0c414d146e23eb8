//! STDP on the synapses of one network: `shaders/recurrent_plasticity.wgsl`, which has the meaning of all state.
//!
//! A weight matters when its source spikes, so here it is changed only then: first by the spikes of its target since the
//! source's last one, in their order, then, sent already, by its source's own. Weights are so gone through along rows,
//! as they lie in memory; a synapse at a time at each spike of its target, as the WGSL does it, is several times slower
//! once the weights don't fit the caches. The changes and their order are the same. What is left over at the end of a
//! launch, before a normalization, and where a neuron has spiked more often than is remembered, is done for all rows.
//!
//! [`rule`] says how much a weight changes, [`trace`] how much of a spike is left, [`synapses`] keeps what is changed late,
//! [`row`] sends a spike.

mod row;
pub mod rule;
mod synapses;
mod trace;

use super::GROUP;
use super::network::Network;
use super::part::Part;
use super::rows::Ways;
use row::send;
use synapses::Synapses;
use trace::{Decays, Last, lasts};

/// What one member keeps of a rule: all sources, and the tables of decays.
struct Sources {
    last: Vec<Last>,
    plus: Decays,
    minus: Decays,
}

/// What one member keeps.
pub struct Learning {
    sources: Vec<Sources>,
    /// [part][rule]
    parts: Vec<Vec<Synapses>>,
    first_step: u32,
    /// Whether this member has the first part: it writes the sources back.
    first: bool,
}

impl Learning {
    pub fn new(
        network: &Network<'_>,
        parts: &[Part],
        indices: std::ops::Range<usize>,
        first_step: u32,
        state: &[f32],
    ) -> Self {
        let stride = network.stride;
        let offsets = offsets(network);
        let sources = network
            .rules
            .iter()
            .zip(&offsets)
            .map(|(rule, &at)| {
                let traces = (!rule.nearest && !rule.times_differ).then(|| &state[at + 2 * stride..]);
                Sources {
                    last: lasts(&state[at..at + stride], traces),
                    plus: Decays::new(rule.plus),
                    minus: Decays::new(rule.minus),
                }
            })
            .collect();
        let first = indices.start == 0;
        let parts = indices
            .zip(parts)
            .map(|(index, part)| {
                network
                    .rules
                    .iter()
                    .zip(&offsets)
                    .map(|(rule, &at)| Synapses::new(network, rule, index, part, &state[at..]))
                    .collect()
            })
            .collect();
        Self {
            sources,
            parts,
            first_step,
            first,
        }
    }

    /// Sends the spikes of one step along their rows to all parts, and changes the weights that learn.
    #[inline(always)]
    pub fn step(
        &mut self,
        network: &Network<'_>,
        parts: &mut [Part],
        indices: std::ops::Range<usize>,
        step: u32,
        spikes: &[u32],
        ways: &mut Ways,
    ) {
        let now = step.wrapping_sub(self.first_step) as i32;
        if !spikes.is_empty() {
            for ((index, part), own) in indices.zip(&mut *parts).zip(&mut self.parts) {
                ways.turn(network, step, part.groups * GROUP);
                for &source in spikes {
                    send(
                        network,
                        part,
                        index,
                        source as usize,
                        now,
                        own,
                        &self.sources,
                        ways,
                    );
                }
            }
            for (rule, Sources { last, plus, .. }) in network.rules.iter().zip(&mut self.sources) {
                for &source in spikes {
                    last[source as usize].spike(now, rule, plus);
                }
            }
        }
        for (part, own) in parts.iter().zip(&mut self.parts) {
            for ((rule, synapses), sources) in network.rules.iter().zip(own).zip(&self.sources) {
                let neurons = synapses.last.len();
                let targets = spikes
                    .iter()
                    .map(|&spike| (spike as usize).wrapping_sub(part.first))
                    .filter(|&neuron| neuron < neurons);
                if targets.clone().any(|neuron| synapses.is_full(neuron)) {
                    synapses.catch_up(network, part, rule, sources, now);
                }
                for neuron in targets {
                    synapses.note_target(rule, sources, neuron, now);
                }
                if rule.every > 0 && step.wrapping_add(1).is_multiple_of(rule.every) {
                    synapses.catch_up(network, part, rule, sources, now.wrapping_add(1));
                    synapses.normalize(network, part, rule);
                }
            }
        }
    }

    /// Changes what is left to be changed after so many steps.
    #[inline(always)]
    pub fn finish(&mut self, network: &Network<'_>, parts: &[Part], steps: u32) {
        for (part, own) in parts.iter().zip(&mut self.parts) {
            for ((rule, synapses), sources) in network.rules.iter().zip(own).zip(&self.sources) {
                synapses.catch_up(network, part, rule, sources, steps as i32);
            }
        }
    }

    /// Writes the state of the rules back, after so many steps.
    pub fn write_state(&self, network: &Network<'_>, parts: &[Part], steps: u32, state: &mut [f32]) {
        let stride = network.stride;
        for (r, (rule, at)) in network.rules.iter().zip(offsets(network)).enumerate() {
            let state = &mut state[at..];
            let traces = 2 * stride + rule.traces(stride, network.synapses.len());
            let neurons_keep = !rule.nearest && !rule.times_differ;
            let mut put = |last: &[Last], ages: usize, traces: usize| {
                for (k, last) in last.iter().enumerate() {
                    state[ages + k] = last.age(steps);
                    if neurons_keep {
                        state[traces + k] = last.trace;
                    }
                }
            };
            if self.first {
                put(&self.sources[r].last, 0, 2 * stride);
            }
            for (part, own) in parts.iter().zip(&self.parts) {
                put(&own[r].last, stride + part.first, traces + part.first);
            }
            if rule.has_synapse_traces() {
                for own in &self.parts {
                    own[r].put(&own[r].source_traces, &mut state[2 * stride..]);
                    own[r].put(&own[r].target_traces, &mut state[traces..]);
                }
            }
        }
    }

    /// Writes the weights back to those of the network.
    pub fn write_weights(&self, weights: &mut [i32]) {
        for synapses in self.parts.iter().flatten() {
            synapses.put(&synapses.weights, weights);
        }
    }
}

/// Where the state of each rule begins in that of the network.
fn offsets(network: &Network<'_>) -> Vec<usize> {
    network
        .rules
        .iter()
        .scan(network.state_length(), |next, rule| {
            let at = *next;
            *next += rule.length(network.stride, network.synapses.len());
            Some(at)
        })
        .collect()
}
