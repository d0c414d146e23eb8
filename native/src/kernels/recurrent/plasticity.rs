//! STDP on the synapses of one network: `shaders/recurrent_plasticity.wgsl`, which has the meaning of all state.
//!
//! A weight matters when its source spikes, so here it is changed only then: first by the spikes of its target since the
//! source's last one, in their order, then, sent already, by its source's own. Weights are so gone through along rows,
//! as they lie in memory; a synapse at a time at each spike of its target, as the WGSL does it, is several times slower
//! once the weights don't fit the caches. The changes and their order are the same. What is left over at the end of a
//! launch, before a normalization, and where a neuron has spiked more often than is remembered, is done for all rows.

use super::network::{CLASS_SHIFT, Network, TARGET_MASK};
use super::part::Part;
use super::rows::{Ways, add};
use super::{GROUP, STATE_FIELDS};

/// The largest f32 below 2^30.
const MOST_CHANGE: f32 = 1_073_741_760.0;
/// Steps since a spike that never was.
const NEVER: f32 = 1e9;
/// Spikes of a neuron that are remembered.
const HISTORY: usize = 16;
/// A spike whose trace has decayed to less than this is forgotten: no rate makes half a unit of it.
const FORGOTTEN: f32 = 1e-12;
/// Entries of a table of decays at the most; what is longer ago is computed.
const MOST_DECAYS: usize = 1 << 16;

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
    /// Synapses have time constants of their own.
    pub times_differ: bool,
    pub minimum: i32,
    pub maximum: i32,
    pub potentiation: Value<'a>,
    pub depression: Value<'a>,
    /// dt/tau
    pub plus: Value<'a>,
    pub minus: Value<'a>,
    /// Steps between two normalizations; 0: never.
    pub every: u32,
    /// In units.
    pub total: f32,
}

impl Rule<'_> {
    /// Traces that the rule keeps on either side.
    fn traces(&self, stride: usize, synapses: usize) -> usize {
        match (self.nearest, self.times_differ) {
            (true, _) => 0,
            (false, false) => stride,
            (false, true) => synapses,
        }
    }

    /// Floats of state that the rule keeps.
    pub fn length(&self, stride: usize, synapses: usize) -> usize {
        2 * stride + 2 * self.traces(stride, synapses)
    }

    fn has_synapse_traces(&self) -> bool {
        self.times_differ && !self.nearest
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
}

#[inline(always)]
fn decay_over(steps: i32, rate: f32) -> f32 {
    (-(steps as f32) * rate).exp()
}

/// e^(-steps dt/tau), for steps since a spike.
struct Decays {
    rate: f32,
    table: Vec<f32>,
    /// What is beyond the table is forgotten.
    complete: bool,
}

/// The steps of a neuron's last spikes, as a ring in one line of the cache.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct History([i32; HISTORY]);

impl Decays {
    fn new(time: Value<'_>) -> Self {
        let Value::Same(rate) = time else {
            return Self {
                rate: 0.0,
                table: Vec::new(),
                complete: false,
            };
        };
        let table: Vec<f32> = (0..MOST_DECAYS as i32)
            .map(|steps| decay_over(steps, rate))
            .take_while(|&decay| decay > FORGOTTEN)
            .collect();
        Self {
            rate,
            complete: table.len() < MOST_DECAYS,
            table,
        }
    }

    #[inline(always)]
    fn over(&self, steps: i32) -> f32 {
        match self.table.get(steps as usize) {
            Some(&decay) => decay,
            None if self.complete => 0.0,
            None => decay_over(steps, self.rate),
        }
    }
}

/// The last spike of a neuron.
#[derive(Clone, Copy)]
struct Last {
    /// Counted from the beginning of the launch.
    step: i32,
    /// The trace as of this spike: 1 where only nearest pairs count or synapses have traces of their own.
    trace: f32,
}

impl Last {
    /// From steps since the spike, as of the step before the launch.
    fn new(age: f32, trace: f32) -> Self {
        Self {
            step: -1 - age.clamp(0.0, NEVER) as i32,
            trace,
        }
    }

    /// Steps since the spike, as of the last of so many steps.
    fn age(&self, steps: u32) -> f32 {
        ((steps as i32).wrapping_sub(1).wrapping_sub(self.step) as f32).min(NEVER)
    }

    #[inline(always)]
    fn spike(&mut self, step: i32, rule: &Rule<'_>, decays: &Decays) {
        if !rule.nearest && !rule.times_differ {
            self.trace = self.trace * decays.over(step.wrapping_sub(self.step)) + 1.0;
        }
        self.step = step;
    }
}

/// A rule's neurons of one side.
fn lasts(ages: &[f32], traces: Option<&[f32]>) -> Vec<Last> {
    match traces {
        Some(traces) => ages
            .iter()
            .zip(traces)
            .map(|(&age, &trace)| Last::new(age, trace))
            .collect(),
        None => ages.iter().map(|&age| Last::new(age, 1.0)).collect(),
    }
}

/// What one member keeps of a rule: all sources, and the tables of decays.
struct Sources {
    last: Vec<Last>,
    plus: Decays,
    minus: Decays,
}

/// A rule's synapses on the neurons of one part.
struct Synapses {
    /// [source] the place in the network of its first synapse here.
    places: Vec<u32>,
    /// [source] and the end: where its synapses begin in the copies.
    begins: Vec<u32>,
    weights: Vec<i32>,
    /// [neuron of the part]
    last: Vec<Last>,
    history: Vec<History>,
    /// Spikes of each neuron in this launch, and one before.
    counts: Vec<u32>,
    /// Those that weights may not have been changed by yet.
    pending: Vec<u32>,
    /// All weights have been changed by all spikes of their targets before this step.
    done: i32,
    /// In the order of the copies; empty where neurons keep the traces.
    source_traces: Vec<f32>,
    target_traces: Vec<f32>,
}

/// The last spike of a source, and the step from which spikes of targets have not changed its weights.
struct Since<'a> {
    from: i32,
    source: Last,
    plus: &'a Decays,
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

impl Synapses {
    /// `state` begins at that of the rule.
    fn new(network: &Network<'_>, rule: &Rule<'_>, index: usize, part: &Part, state: &[f32]) -> Self {
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
            counts: vec![1; neurons],
            pending: vec![0; neurons],
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
    fn put<T: Copy>(&self, copies: &[T], all: &mut [T]) {
        for (&place, ends) in self.places.iter().zip(self.begins.windows(2)) {
            let own = &copies[ends[0] as usize..ends[1] as usize];
            all[place as usize..][..own.len()].copy_from_slice(own);
        }
    }

    /// Whether a neuron may not spike before weights are changed: the spike before the first that is pending is needed too.
    #[inline(always)]
    fn is_full(&self, neuron: usize) -> bool {
        self.pending[neuron] as usize >= HISTORY - 1
    }

    /// A neuron of the part spikes.
    #[inline(always)]
    fn note_target(&mut self, rule: &Rule<'_>, sources: &Sources, neuron: usize, now: i32) {
        let count = self.counts[neuron];
        self.history[neuron].0[count as usize % HISTORY] = now;
        self.counts[neuron] = count.wrapping_add(1);
        self.pending[neuron] += 1;
        self.last[neuron].spike(now, rule, &sources.minus);
    }

    fn since<'a>(&self, sources: &'a Sources, source: usize) -> Since<'a> {
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
        let count = self.counts[neuron];
        let mut begin = count;
        for _ in 0..self.pending[neuron] {
            if history[begin.wrapping_sub(1) as usize % HISTORY] < from {
                break;
            }
            begin = begin.wrapping_sub(1);
        }
        (0..count.wrapping_sub(begin)).map(move |k| {
            let at = begin.wrapping_add(k);
            let before = history[at.wrapping_sub(1) as usize % HISTORY];
            (before, history[at as usize % HISTORY])
        })
    }

    /// A weight after the spikes of its target from a step on.
    #[inline(always)]
    fn potentiated(&self, weight: i32, rule: &Rule<'_>, rate: f32, neuron: usize, since: &Since<'_>) -> i32 {
        let Since { from, source, plus } = since;
        self.spikes_from(neuron, *from)
            .fold(weight, |weight, (_, spike)| {
                let x = source.trace * plus.over(spike.wrapping_sub(source.step));
                rule.potentiated(weight, rate, x)
            })
    }

    /// The same for a synapse with time constants of its own; its trace of the target's spikes too.
    fn potentiate_own(
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
    fn catch_up(&mut self, network: &Network<'_>, part: &Part, rule: &Rule<'_>, sources: &Sources, now: i32) {
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
        self.pending.fill(0);
    }

    fn normalize(&mut self, network: &Network<'_>, part: &Part, rule: &Rule<'_>) {
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

/// Sends a spike along its row, each weight as it is once it has been changed by the spikes of its target; then weights
/// are changed by this spike.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "what a row needs")]
fn send(
    network: &Network<'_>,
    part: &mut Part,
    index: usize,
    source: usize,
    now: i32,
    own: &mut [Synapses],
    sources: &[Sources],
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
        let start = ways.of(number as usize).start;
        let plane = &mut ring[start..start + neurons];
        let class = &network.classes[number as usize];
        match class.rule {
            Some(r) => {
                let row = Row {
                    words,
                    first,
                    source,
                    place: at,
                    now,
                };
                let (rule, sources) = (&network.rules[r], &sources[r]);
                match (rule.times_differ, rule.potentiation, rule.depression) {
                    (true, ..) => row.send_own(plane, rule, &mut own[r], sources),
                    (false, Value::Same(up), Value::Same(down)) => {
                        row.send(plane, rule, &mut own[r], sources, |_| (up, down));
                    }
                    (false, up, down) => {
                        row.send(plane, rule, &mut own[r], sources, |place| {
                            (up.of(place), down.of(place))
                        });
                    }
                }
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

/// Synapses of one class in the row of a source that spikes.
struct Row<'a> {
    words: &'a [u32],
    /// First neuron of the part.
    first: usize,
    source: usize,
    /// Of the first synapse in the network.
    place: usize,
    now: i32,
}

impl Row<'_> {
    /// Where the synapses are in the copies.
    fn copy(&self, synapses: &Synapses) -> usize {
        synapses.begins[self.source] as usize + self.place - synapses.places[self.source] as usize
    }

    /// `rates` gives potentiation and depression of the synapse at a place.
    #[inline(always)]
    fn send(
        &self,
        plane: &mut [i32],
        rule: &Rule<'_>,
        synapses: &mut Synapses,
        sources: &Sources,
        rates: impl Fn(usize) -> (f32, f32),
    ) {
        let since = synapses.since(sources, self.source);
        let copy = self.copy(synapses);
        let mut weights = std::mem::take(&mut synapses.weights);
        let own = &mut weights[copy..copy + self.words.len()];
        for (k, (&word, kept)) in self.words.iter().zip(own).enumerate() {
            let neuron = ((word & TARGET_MASK) as usize).wrapping_sub(self.first);
            let (Some(sum), Some(&last)) = (plane.get_mut(neuron), synapses.last.get(neuron)) else {
                continue;
            };
            let (up, down) = rates(self.place + k);
            let mut weight = *kept;
            if last.step >= since.from {
                weight = synapses.potentiated(weight, rule, up, neuron, &since);
            }
            *sum = sum.wrapping_add(weight);
            let y = last.trace * sources.minus.over(self.now.wrapping_sub(last.step));
            *kept = rule.depressed(weight, down, y);
        }
        synapses.weights = weights;
    }

    /// For synapses with time constants of their own.
    fn send_own(&self, plane: &mut [i32], rule: &Rule<'_>, synapses: &mut Synapses, sources: &Sources) {
        let since = synapses.since(sources, self.source);
        let copy = self.copy(synapses);
        for (k, &word) in self.words.iter().enumerate() {
            let (copy, place) = (copy + k, self.place + k);
            let neuron = ((word & TARGET_MASK) as usize).wrapping_sub(self.first);
            let (Some(sum), Some(&last)) = (plane.get_mut(neuron), synapses.last.get(neuron)) else {
                continue;
            };
            if last.step >= since.from {
                synapses.potentiate_own(rule, neuron, &since, (copy, place));
            }
            let weight = synapses.weights[copy];
            *sum = sum.wrapping_add(weight);
            let y = decay_over(self.now.wrapping_sub(last.step), rule.minus.of(place));
            let y = y * synapses.target_traces.get(copy).copied().unwrap_or(1.0);
            if let Some(x) = synapses.source_traces.get_mut(copy) {
                *x = *x * decay_over(self.now.wrapping_sub(since.source.step), rule.plus.of(place)) + 1.0;
            }
            synapses.weights[copy] = rule.depressed(weight, rule.depression.of(place), y);
        }
    }
}
