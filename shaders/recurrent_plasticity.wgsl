// STDP by pairs on the synapses of chosen classes, as src/kernels/plasticity.ts defines it. Weights are integers in units
// of 2^-k; each change is rounded to them.
//
// The kernel that includes this declares slots, tables, rows, synapses, weights and state, and calls, in every step,
// age_traces, then, with barriers between, change for each synapse of each neuron that spikes and take_spike, first with
// sources as the side that spikes, then with targets, and at its steps normalize_weights. What the sides do is the same,
// so it is written once: drivers compile it twice as fast.
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
  // Weights are scaled at the end of every so many steps, to this sum in units; 0: never.
  every: u32,
  total: f32,
  // Offset in rows: where the synapses on each neuron begin, [neurons + 1]; then place and source of each.
  columns: u32,
  // Offset in state, and of the words of the rule in tables.
  state: u32,
  words: u32,
}

/// What a rule has of the sources (0) or of the targets (1) of its synapses.
struct Side {
  // Offsets in state.
  age: u32,
  traces: u32,
  // dt/tau of the traces, and the change at a spike of this side: offset in tables, 1 if there is one for each synapse.
  time: vec2<u32>,
  rate: vec2<u32>,
}

fn rule_of(slot: Slot, number: u32) -> Rule {
  var at = slot.state + (4u + slot.exponential) * slot.stride;
  for (var k = 0u; k < number; k++) {
    at += 2u * slot.stride + 2u * traces_of(slot, tables[slot.rules + RULE_WORDS * k + 2u]);
  }
  let word = slot.rules + RULE_WORDS * number;
  let flags = tables[word + 2u];
  return Rule(
    flags,
    bitcast<i32>(tables[word + 3u]),
    bitcast<i32>(tables[word + 4u]),
    tables[word + 13u],
    bitcast<f32>(tables[word + 14u]),
    tables[word + 15u],
    at,
    word,
  );
}

fn side_of(slot: Slot, rule: Rule, side: u32) -> Side {
  let rate = rule.words + select(7u, 5u, side == 1u);
  let time = rule.words + 9u + 2u * side;
  return Side(
    rule.state + side * slot.stride,
    rule.state + 2u * slot.stride + side * traces_of(slot, rule.flags),
    vec2<u32>(tables[time], tables[time + 1u]),
    vec2<u32>(tables[rate], tables[rate + 1u]),
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

fn age_traces(slot: Slot, rule: Rule, neuron: u32) {
  state[rule.state + neuron] += 1.0;
  state[rule.state + slot.stride + neuron] += 1.0;
}

/// The trace of a synapse on one side.
fn trace_now(rule: Rule, side: Side, neuron: u32, place: u32) -> f32 {
  let decayed = exp(-state[side.age + neuron] * of_synapse(side.time, place));
  if ((rule.flags & NEAREST) != 0u) {
    return decayed;
  }
  return state[side.traces + select(neuron, place, (rule.flags & TIMES_DIFFER) != 0u)] * decayed;
}

/// Whether traces belong to synapses, which take a spike in one by one.
fn has_synapse_traces(rule: Rule) -> bool {
  return (rule.flags & (NEAREST | TIMES_DIFFER)) == TIMES_DIFFER;
}

/// The neuron of a synapse on side `own` spikes; it raises the weight if that is the target. `partner` is on the other side.
fn change(slot: Slot, rule: Rule, own: Side, other: Side, raises: bool, neuron: u32, partner: u32, place: u32) {
  let trace = trace_now(rule, other, partner, place);
  if (has_synapse_traces(rule)) {
    state[own.traces + place] = trace_now(rule, own, neuron, place) + 1.0;
  }
  let at = slot.weights + place;
  let weight = weights[at];
  var rate = of_synapse(own.rate, place);
  if ((rule.flags & MULTIPLICATIVE) != 0u) {
    rate *= f32(select(weight - rule.minimum, rule.maximum - weight, raises));
  }
  let difference = select(-rate, rate, raises) * trace;
  let units = i32(clamp(round(difference), -MOST_CHANGE, MOST_CHANGE));
  weights[at] = clamp(weight + units, rule.minimum, rule.maximum);
}

/// A neuron spikes, on one side.
fn take_spike(rule: Rule, side: Side, neuron: u32) {
  if ((rule.flags & (NEAREST | TIMES_DIFFER)) == 0u) {
    state[side.traces + neuron] = trace_now(rule, side, neuron, 0u) + 1.0;
  }
  state[side.age + neuron] = 0.0;
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
