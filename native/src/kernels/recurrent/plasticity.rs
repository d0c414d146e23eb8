//! STDP on the synapses of one network: `shaders/recurrent_plasticity.wgsl`, which has the meaning of all state.
//!
//! A member of a team keeps the traces of all sources and, for each of its parts, copies of the weights that learn, in
//! the order of their sources, and a list of them by target. Both are made anew at each launch.

use super::network::{CLASS_SHIFT, Network, TARGET_MASK};
use super::part::Part;
use super::rows::{Ways, add};
use super::{GROUP, STATE_FIELDS};

/// The largest f32 below 2^30.
const MOST_CHANGE: f32 = 1_073_741_760.0;

/// A parameter of a rule: one for all synapses, or one for each synapse of the network.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    Same(f32),
    Each(&'a [f32]),
}

impl Value<'_> {
    #[inline(always)]
    fn of(&self, place: usize) -> f32 {
        match self {
            Value::Same(value) => *value,
            Value::Each(values) => values[place],
        }
    }
}

pub struct Rule<'a> {
    pub first_class: u32,
    pub end_class: u32,
    pub nearest: bool,
    pub multiplicative: bool,
    /// Synapses have time constants of their own, which are dt/tau then; else e^(-dt/tau).
    pub times_differ: bool,
    pub minimum: i32,
    pub maximum: i32,
    pub potentiation: Value<'a>,
    pub depression: Value<'a>,
    pub plus: Value<'a>,
    pub minus: Value<'a>,
    /// Steps between two normalizations; 0: never.
    pub every: u32,
    /// In units.
    pub total: f32,
}

impl Rule<'_> {
    /// Whether each synapse keeps traces of its own.
    fn has_traces(&self) -> bool {
        self.times_differ && !self.nearest
    }

    /// Floats of state that the rule keeps.
    pub fn length(&self, stride: usize, synapses: usize) -> usize {
        2 * stride + if self.has_traces() { 2 * synapses } else { 0 }
    }

    #[inline(always)]
    fn changed(&self, weight: i32, change: f32) -> i32 {
        let units = change.round_ties_even().clamp(-MOST_CHANGE, MOST_CHANGE) as i32;
        weight.wrapping_add(units).clamp(self.minimum, self.maximum)
    }

    #[inline(always)]
    fn depressed(&self, weight: i32, rate: f32, y: f32) -> i32 {
        let share = if self.multiplicative {
            weight.wrapping_sub(self.minimum) as f32
        } else {
            1.0
        };
        self.changed(weight, -(rate * share) * y)
    }

    #[inline(always)]
    fn potentiated(&self, weight: i32, rate: f32, x: f32) -> i32 {
        let share = if self.multiplicative {
            self.maximum.wrapping_sub(weight) as f32
        } else {
            1.0
        };
        self.changed(weight, rate * share * x)
    }

    /// A neuron's trace, or time since its last spike, after a spike.
    #[inline(always)]
    fn noted(&self, before: f32) -> f32 {
        match (self.times_differ, self.nearest) {
            (true, _) => 0.0,
            (false, true) => 1.0,
            (false, false) => before + 1.0,
        }
    }

    fn age(&self, values: &mut [f32], decay: Value<'_>) {
        if self.times_differ {
            values.iter_mut().for_each(|value| *value += 1.0);
        } else {
            let decay = decay.of(0);
            values.iter_mut().for_each(|value| *value *= decay);
        }
    }
}

/// A rule's synapses on the neurons of one part.
struct Synapses {
    /// [source] the place in the network of its first synapse here.
    places: Vec<u32>,
    /// [source] and the end: where its synapses begin in the copies.
    begins: Vec<u32>,
    weights: Vec<i32>,
    /// [neuron of the part] and the end: where the synapses on it begin in `entries`.
    starts: Vec<u32>,
    /// Place in the copies, and source.
    entries: Vec<[u32; 2]>,
    /// [neuron of the part]
    y: Vec<f32>,
    /// In the order of the copies; empty where neurons keep the traces.
    source_traces: Vec<f32>,
    target_traces: Vec<f32>,
}

/// What one member keeps.
pub struct Learning {
    /// [rule][neuron of the network]
    x: Vec<Vec<f32>>,
    /// [part][rule]
    parts: Vec<Vec<Synapses>>,
    /// Whether this member has the first part: it writes X back.
    first: bool,
}

impl Learning {
    pub fn new(
        network: &Network<'_>,
        parts: &[Part],
        indices: std::ops::Range<usize>,
        state: &[f32],
    ) -> Self {
        let offsets = offsets(network);
        let x = offsets
            .iter()
            .map(|&at| state[at..at + network.stride].to_vec())
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
        Self { x, parts, first }
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
        for (rule, x) in network.rules.iter().zip(&mut self.x) {
            rule.age(x, rule.plus);
        }
        for own in &mut self.parts {
            for (rule, synapses) in network.rules.iter().zip(own) {
                rule.age(&mut synapses.y, rule.minus);
            }
        }
        for ((index, part), own) in indices.zip(&mut *parts).zip(&mut self.parts) {
            ways.turn(network, step, part.groups * GROUP);
            for &source in spikes {
                send_and_depress(network, part, index, source as usize, own, &self.x, ways);
            }
        }
        for (rule, x) in network.rules.iter().zip(&mut self.x) {
            for &source in spikes {
                let value = &mut x[source as usize];
                *value = rule.noted(*value);
            }
        }
        for (part, own) in parts.iter().zip(&mut self.parts) {
            for ((rule, synapses), x) in network.rules.iter().zip(own).zip(&self.x) {
                let neurons = synapses.y.len();
                for &spike in spikes {
                    let neuron = (spike as usize).wrapping_sub(part.first);
                    if neuron < neurons {
                        synapses.potentiate(rule, neuron, x);
                        synapses.y[neuron] = rule.noted(synapses.y[neuron]);
                    }
                }
                if rule.every > 0 && step.wrapping_add(1).is_multiple_of(rule.every) {
                    synapses.normalize(rule);
                }
            }
        }
    }

    /// Writes the state of the rules back.
    pub fn write_state(&self, network: &Network<'_>, parts: &[Part], state: &mut [f32]) {
        for (r, (rule, at)) in network.rules.iter().zip(offsets(network)).enumerate() {
            let state = &mut state[at..];
            if self.first {
                state[..network.stride].copy_from_slice(&self.x[r]);
            }
            for (part, own) in parts.iter().zip(&self.parts) {
                let synapses = &own[r];
                let y = network.stride + part.first;
                state[y..y + synapses.y.len()].copy_from_slice(&synapses.y);
                if !rule.has_traces() {
                    continue;
                }
                let [sources, targets] =
                    [0, network.synapses.len()].map(|offset| 2 * network.stride + offset);
                synapses.put(&synapses.source_traces, &mut state[sources..]);
                synapses.put(&synapses.target_traces, &mut state[targets..]);
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
    let first = (STATE_FIELDS + 1 + network.slot.exponential as usize) * network.stride;
    network
        .rules
        .iter()
        .scan(first, |next, rule| {
            let at = *next;
            *next += rule.length(network.stride, network.synapses.len());
            Some(at)
        })
        .collect()
}

/// The neuron of a part that a synapse acts on; the last for one of another part, which a host never puts here.
fn local(part: &Part, word: u32, neurons: usize) -> usize {
    ((word & TARGET_MASK) as usize)
        .wrapping_sub(part.first)
        .min(neurons - 1)
}

impl Synapses {
    fn new(network: &Network<'_>, rule: &Rule<'_>, index: usize, part: &Part, state: &[f32]) -> Self {
        let sources = network.slot.neurons as usize;
        let neurons = part.groups * GROUP;
        let mut places = Vec::with_capacity(sources);
        let mut begins = Vec::with_capacity(sources + 1);
        let mut starts = vec![0_u32; neurons + 1];
        let mut weights = Vec::new();
        for source in 0..sources {
            let row = source * network.parts + index;
            let (begin, end) = (network.rows[row] as usize, network.rows[row + 1] as usize);
            let words = &network.synapses[begin..end];
            let from = words.partition_point(|&word| word >> CLASS_SHIFT < rule.first_class);
            let to = words.partition_point(|&word| word >> CLASS_SHIFT < rule.end_class);
            places.push((begin + from) as u32);
            begins.push(weights.len() as u32);
            weights.extend_from_slice(&network.weights[begin + from..begin + to]);
            for &word in &words[from..to] {
                starts[local(part, word, neurons) + 1] += 1;
            }
        }
        begins.push(weights.len() as u32);
        for neuron in 0..neurons {
            starts[neuron + 1] += starts[neuron];
        }
        let mut next = starts.clone();
        let mut entries = vec![[0; 2]; weights.len()];
        for source in 0..sources {
            let (begin, end) = (begins[source] as usize, begins[source + 1] as usize);
            let words = &network.synapses[places[source] as usize..][..end - begin];
            for (copy, &word) in (begin..end).zip(words) {
                let entry = &mut next[local(part, word, neurons)];
                entries[*entry as usize] = [copy as u32, source as u32];
                *entry += 1;
            }
        }
        let y = network.stride + part.first;
        let mut synapses = Self {
            places,
            begins,
            weights,
            starts,
            entries,
            y: state[y..y + neurons].to_vec(),
            source_traces: Vec::new(),
            target_traces: Vec::new(),
        };
        if rule.has_traces() {
            let traces = &state[2 * network.stride..];
            synapses.source_traces = synapses.taken(traces);
            synapses.target_traces = synapses.taken(&traces[network.synapses.len()..]);
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
    fn put<T: Copy>(&self, copies: &[T], all: &mut [T]) {
        for (&place, ends) in self.places.iter().zip(self.begins.windows(2)) {
            let own = &copies[ends[0] as usize..ends[1] as usize];
            all[place as usize..][..own.len()].copy_from_slice(own);
        }
    }

    /// The place in the network of a copy, given its source.
    #[inline(always)]
    fn place(&self, copy: usize, source: usize) -> usize {
        self.places[source] as usize + copy - self.begins[source] as usize
    }

    #[inline(always)]
    fn potentiate(&mut self, rule: &Rule<'_>, neuron: usize, x: &[f32]) {
        let range = self.starts[neuron] as usize..self.starts[neuron + 1] as usize;
        let entries = &self.entries[range];
        if let (false, Value::Same(rate)) = (rule.times_differ, rule.potentiation) {
            for &[copy, source] in entries {
                let weight = &mut self.weights[copy as usize];
                *weight = rule.potentiated(*weight, rate, x[source as usize]);
            }
            return;
        }
        let age = self.y[neuron];
        for &[copy, source] in entries {
            let (copy, source) = (copy as usize, source as usize);
            let place = self.place(copy, source);
            let mut x = x[source];
            if rule.times_differ {
                x = (-x * rule.plus.of(place)).exp();
                if !rule.nearest {
                    x *= self.source_traces[copy];
                    let y = &mut self.target_traces[copy];
                    *y = *y * (-age * rule.minus.of(place)).exp() + 1.0;
                }
            }
            let weight = &mut self.weights[copy];
            *weight = rule.potentiated(*weight, rule.potentiation.of(place), x);
        }
    }

    fn normalize(&mut self, rule: &Rule<'_>) {
        for ends in self.starts.windows(2) {
            let entries = &self.entries[ends[0] as usize..ends[1] as usize];
            let sum = entries.iter().fold(0_i32, |sum, &[copy, _]| {
                sum.wrapping_add(self.weights[copy as usize])
            });
            if sum == 0 {
                continue;
            }
            let factor = rule.total / sum as f32;
            for &[copy, _] in entries {
                let weight = &mut self.weights[copy as usize];
                let scaled = (*weight as f32 * factor).round_ties_even();
                *weight = (scaled.clamp(-MOST_CHANGE, MOST_CHANGE) as i32).clamp(rule.minimum, rule.maximum);
            }
        }
    }
}

/// Sends a spike along its row; then the weights that learn are depressed.
#[inline(always)]
fn send_and_depress(
    network: &Network<'_>,
    part: &mut Part,
    index: usize,
    source: usize,
    own: &mut [Synapses],
    x: &[Vec<f32>],
    ways: &Ways,
) {
    let row = source * network.parts + index;
    let (begin, end) = (network.rows[row] as usize, network.rows[row + 1] as usize);
    let (first, neurons) = (part.first, part.groups * GROUP);
    let ring = part.ring.as_flattened_mut();
    let mut at = begin;
    while at < end {
        let number = network.synapses[at] >> CLASS_SHIFT;
        let rest = &network.synapses[at..end];
        let length = rest.partition_point(|&word| word >> CLASS_SHIFT <= number);
        let words = &rest[..length];
        let way = ways.of(number as usize);
        let plane = &mut ring[way.start..way.start + neurons];
        let class = &network.classes[number as usize];
        match class.rule {
            Some(r) => {
                let (rule, synapses) = (&network.rules[r], &mut own[r]);
                let copy = synapses.begins[source] as usize + at - synapses.places[source] as usize;
                depress(
                    plane,
                    words,
                    first,
                    rule,
                    synapses,
                    Origin {
                        copy,
                        place: at,
                        age: x[r][source],
                    },
                );
            }
            None if class.weighted => {
                for (&word, &weight) in words.iter().zip(&network.weights[at..at + length]) {
                    add(plane, (word & TARGET_MASK) as usize, first, weight);
                }
            }
            None => {
                for &word in words {
                    add(plane, (word & TARGET_MASK) as usize, first, class.weight);
                }
            }
        }
        at += length;
    }
}

/// Where a run of synapses of one class begins: in the copies and in the network; and X of their source.
struct Origin {
    copy: usize,
    place: usize,
    age: f32,
}

#[inline(always)]
fn depress(
    plane: &mut [i32],
    words: &[u32],
    first: usize,
    rule: &Rule<'_>,
    synapses: &mut Synapses,
    from: Origin,
) {
    let weights = &mut synapses.weights[from.copy..from.copy + words.len()];
    let y = &synapses.y[..];
    if let (false, Value::Same(rate)) = (rule.times_differ, rule.depression) {
        for (&word, weight) in words.iter().zip(weights) {
            let target = ((word & TARGET_MASK) as usize).wrapping_sub(first);
            if let (Some(sum), Some(&y)) = (plane.get_mut(target), y.get(target)) {
                *sum = sum.wrapping_add(*weight);
                *weight = rule.depressed(*weight, rate, y);
            }
        }
        return;
    }
    for (k, (&word, weight)) in words.iter().zip(weights).enumerate() {
        let target = ((word & TARGET_MASK) as usize).wrapping_sub(first);
        let (Some(sum), Some(&y)) = (plane.get_mut(target), y.get(target)) else {
            continue;
        };
        *sum = sum.wrapping_add(*weight);
        let mut y = y;
        if rule.times_differ {
            y = (-y * rule.minus.of(from.place + k)).exp();
            if !rule.nearest {
                y *= synapses.target_traces[from.copy + k];
                let x = &mut synapses.source_traces[from.copy + k];
                *x = *x * (-from.age * rule.plus.of(from.place + k)).exp() + 1.0;
            }
        }
        *weight = rule.depressed(*weight, rule.depression.of(from.place + k), y);
    }
}
