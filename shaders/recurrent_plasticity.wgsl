// STDP by pairs on the synapses of chosen classes, as src/kernels/plasticity.ts defines it. Weights are integers in units
// of 2^-k; each change is rounded to them.
//
// The kernel that includes this declares slots, tables, rows, synapses, weights and state, and calls, in every step, with
// barriers between: age_traces, then depress for each synapse of each neuron that spikes, note_sources, potentiate,
// note_targets and, at its steps, normalize.
//
// A rule keeps the steps since each neuron's last spike, as a source and as a target, [stride] each; then the traces as of
// those spikes, [trace] each: none where only nearest pairs count (they are 1), one for each neuron (stride) where all
// synapses have one time constant, else one for each synapse. A trace is its value then x exp(-steps dt / tau) now.

const NEAREST = 1u;
const MULTIPLICATIVE = 2u;
const TIMES_DIFFER = 4u;
/// Words of a rule in the tables.
const RULE_WORDS = 16u;
/// The largest f32 below 2^30: no weight of at most 2^30 units leaves 32 bits by a change of this.
const MOST_CHANGE = 1073741760.0;

struct Rule {
  flags: u32,
  minimum: i32,
  maximum: i32,
  // Each: offset in tables, 1 if there is a value for each synapse. Times are dt/tau.
  potentiation: vec2<u32>,
  depression: vec2<u32>,
  plus: vec2<u32>,
  minus: vec2<u32>,
  // Weights are scaled at the end of every so many steps, to this sum in units; 0: never.
  every: u32,
  total: f32,
  // Offset in rows: where the synapses on each neuron begin, [neurons + 1]; then place and source of each.
  columns: u32,
  // Offsets in state.
  source_age: u32,
  target_age: u32,
  source_traces: u32,
  target_traces: u32,
}

fn rule_of(slot: Slot, number: u32) -> Rule {
  var at = slot.state + (4u + slot.exponential) * slot.stride;
  for (var k = 0u; k < number; k++) {
    at += 2u * slot.stride + 2u * traces_of(slot, tables[slot.rules + RULE_WORDS * k + 2u]);
  }
  let word = slot.rules + RULE_WORDS * number;
  let flags = tables[word + 2u];
  let traces = traces_of(slot, flags);
  return Rule(
    flags,
    bitcast<i32>(tables[word + 3u]),
    bitcast<i32>(tables[word + 4u]),
    vec2<u32>(tables[word + 5u], tables[word + 6u]),
    vec2<u32>(tables[word + 7u], tables[word + 8u]),
    vec2<u32>(tables[word + 9u], tables[word + 10u]),
    vec2<u32>(tables[word + 11u], tables[word + 12u]),
    tables[word + 13u],
    bitcast<f32>(tables[word + 14u]),
    tables[word + 15u],
    at,
    at + slot.stride,
    at + 2u * slot.stride,
    at + 2u * slot.stride + traces,
  );
}

/// Traces that a rule keeps on either side.
fn traces_of(slot: Slot, flags: u32) -> u32 {
  if ((flags & NEAREST) != 0u) {
    return 0u;
  }
  return select(slot.stride, slot.synapse_count, (flags & TIMES_DIFFER) != 0u);
}

fn of_synapse(parameter: vec2<u32>, place: u32) -> f32 {
  return bitcast<f32>(tables[parameter.x + parameter.y * place]);
}

fn age_traces(rule: Rule, neuron: u32) {
  state[rule.source_age + neuron] += 1.0;
  state[rule.target_age + neuron] += 1.0;
}

/// The trace of a synapse on one side: `traces` and `age` of its rule, `time` = dt/tau of that side.
fn trace_now(rule: Rule, traces: u32, age: u32, neuron: u32, place: u32, time: vec2<u32>) -> f32 {
  let decayed = exp(-state[age + neuron] * of_synapse(time, place));
  if ((rule.flags & NEAREST) != 0u) {
    return decayed;
  }
  return state[traces + select(neuron, place, (rule.flags & TIMES_DIFFER) != 0u)] * decayed;
}

/// Whether traces belong to synapses, which take a spike in one by one.
fn has_synapse_traces(rule: Rule) -> bool {
  return (rule.flags & (NEAREST | TIMES_DIFFER)) == TIMES_DIFFER;
}

fn changed(rule: Rule, weight: i32, change: f32) -> i32 {
  let units = i32(clamp(round(change), -MOST_CHANGE, MOST_CHANGE));
  return clamp(weight + units, rule.minimum, rule.maximum);
}

/// The source of a synapse spikes.
fn depress(slot: Slot, rule: Rule, place: u32, source: u32, neuron: u32) {
  let y = trace_now(rule, rule.target_traces, rule.target_age, neuron, place, rule.minus);
  if (has_synapse_traces(rule)) {
    let x = trace_now(rule, rule.source_traces, rule.source_age, source, place, rule.plus);
    state[rule.source_traces + place] = x + 1.0;
  }
  let at = slot.weights + place;
  let weight = weights[at];
  var rate = of_synapse(rule.depression, place);
  if ((rule.flags & MULTIPLICATIVE) != 0u) {
    rate *= f32(weight - rule.minimum);
  }
  weights[at] = changed(rule, weight, -rate * y);
}

/// A neuron spikes, for its synapses as a source, or as a target.
fn note_spike_of(rule: Rule, traces: u32, age: u32, neuron: u32, time: vec2<u32>) {
  if ((rule.flags & (NEAREST | TIMES_DIFFER)) == 0u) {
    state[traces + neuron] = trace_now(rule, traces, age, neuron, 0u, time) + 1.0;
  }
  state[age + neuron] = 0.0;
}

/// A neuron spikes: its synapses, those of one lane.
fn potentiate(slot: Slot, rule: Rule, neuron: u32, lane: u32) {
  let entries = rule.columns + slot.neurons + 1u;
  let end = rows[rule.columns + neuron + 1u];
  for (var entry = rows[rule.columns + neuron] + lane; entry < end; entry += lanes) {
    let place = rows[entries + 2u * entry];
    let source = rows[entries + 2u * entry + 1u];
    let x = trace_now(rule, rule.source_traces, rule.source_age, source, place, rule.plus);
    if (has_synapse_traces(rule)) {
      let y = trace_now(rule, rule.target_traces, rule.target_age, neuron, place, rule.minus);
      state[rule.target_traces + place] = y + 1.0;
    }
    let at = slot.weights + place;
    let weight = weights[at];
    var rate = of_synapse(rule.potentiation, place);
    if ((rule.flags & MULTIPLICATIVE) != 0u) {
      rate *= f32(rule.maximum - weight);
    }
    weights[at] = changed(rule, weight, rate * x);
  }
}

/// Scales the weights on a neuron to their sum.
fn normalize_weights(slot: Slot, rule: Rule, neuron: u32) {
  let entries = rule.columns + slot.neurons + 1u;
  let begin = rows[rule.columns + neuron];
  let end = rows[rule.columns + neuron + 1u];
  // No sum of all weights on a neuron reaches 2^30.
  var sum = 0;
  for (var entry = begin; entry < end; entry++) {
    sum += weights[slot.weights + rows[entries + 2u * entry]];
  }
  if (sum == 0) {
    return;
  }
  let factor = rule.total / f32(sum);
  for (var entry = begin; entry < end; entry++) {
    let at = slot.weights + rows[entries + 2u * entry];
    let scaled = clamp(round(f32(weights[at]) * factor), -MOST_CHANGE, MOST_CHANGE);
    weights[at] = clamp(i32(scaled), rule.minimum, rule.maximum);
  }
}
