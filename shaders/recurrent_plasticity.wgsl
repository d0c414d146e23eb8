// STDP by pairs on the synapses of chosen classes, as src/kernels/plasticity.ts defines it. Weights are integers in units
// of 2^-k; each change is rounded to them.
//
// The kernel that includes this declares slots, tables, rows, synapses, weights and state, and calls, in every step, with
// barriers between: age_traces, then depress for each synapse of each neuron that spikes, note_sources, potentiate,
// note_targets and, at its steps, normalize.
//
// A rule keeps X and Y, [stride] each, and where its time constants differ from synapse to synapse and all pairs count,
// x and y, [synapse] each:
// - one time constant: X and Y are the traces of a neuron's spikes as a source and as a target
// - several:           X and Y are the steps since its last spike; x and y the traces of a synapse as of that spike

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
  // Each: offset in tables, 1 if there is a value for each synapse. Times are e^(-dt/tau), or dt/tau where they differ.
  potentiation: vec2<u32>,
  depression: vec2<u32>,
  plus: vec2<u32>,
  minus: vec2<u32>,
  // Weights are scaled at the end of every so many steps, to this sum in units; 0: never.
  every: u32,
  total: f32,
  // Offset in rows: where the synapses on each neuron begin, [neurons + 1]; then place and source of each.
  columns: u32,
  // Offsets in state; x and y of synapses are 0 where there are none.
  source_state: u32,
  target_state: u32,
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

/// Traces of synapses that a rule keeps on either side.
fn traces_of(slot: Slot, flags: u32) -> u32 {
  return select(0u, slot.synapse_count, (flags & (TIMES_DIFFER | NEAREST)) == TIMES_DIFFER);
}

fn of_synapse(parameter: vec2<u32>, place: u32) -> f32 {
  return bitcast<f32>(tables[parameter.x + parameter.y * place]);
}

/// What a step does to X and Y of a neuron.
fn age_traces(rule: Rule, neuron: u32) {
  if ((rule.flags & TIMES_DIFFER) != 0u) {
    state[rule.source_state + neuron] += 1.0;
    state[rule.target_state + neuron] += 1.0;
  } else {
    state[rule.source_state + neuron] *= of_synapse(rule.plus, 0u);
    state[rule.target_state + neuron] *= of_synapse(rule.minus, 0u);
  }
}

fn changed(rule: Rule, weight: i32, change: f32) -> i32 {
  let units = i32(clamp(round(change), -MOST_CHANGE, MOST_CHANGE));
  return clamp(weight + units, rule.minimum, rule.maximum);
}

/// The source of a synapse spikes.
fn depress(slot: Slot, rule: Rule, place: u32, source: u32, neuron: u32) {
  var y = state[rule.target_state + neuron];
  if ((rule.flags & TIMES_DIFFER) != 0u) {
    y = exp(-y * of_synapse(rule.minus, place));
    if ((rule.flags & NEAREST) == 0u) {
      y *= state[rule.target_traces + place];
      let x = rule.source_traces + place;
      state[x] = state[x] * exp(-state[rule.source_state + source] * of_synapse(rule.plus, place)) + 1.0;
    }
  }
  let at = slot.weights + place;
  let weight = weights[at];
  var rate = of_synapse(rule.depression, place);
  if ((rule.flags & MULTIPLICATIVE) != 0u) {
    rate *= f32(weight - rule.minimum);
  }
  weights[at] = changed(rule, weight, -rate * y);
}

fn noted(rule: Rule, before: f32) -> f32 {
  if ((rule.flags & TIMES_DIFFER) != 0u) {
    return 0.0;
  }
  return select(before + 1.0, 1.0, (rule.flags & NEAREST) != 0u);
}

/// A neuron spikes, for its synapses as a source.
fn note_source(rule: Rule, neuron: u32) {
  let at = rule.source_state + neuron;
  state[at] = noted(rule, state[at]);
}

/// A neuron spikes, for its synapses as a target.
fn note_target(rule: Rule, neuron: u32) {
  let at = rule.target_state + neuron;
  state[at] = noted(rule, state[at]);
}

/// A neuron spikes: its synapses, those of one lane.
fn potentiate(slot: Slot, rule: Rule, neuron: u32, lane: u32) {
  let entries = rule.columns + slot.neurons + 1u;
  let end = rows[rule.columns + neuron + 1u];
  for (var entry = rows[rule.columns + neuron] + lane; entry < end; entry += lanes) {
    let place = rows[entries + 2u * entry];
    var x = state[rule.source_state + rows[entries + 2u * entry + 1u]];
    if ((rule.flags & TIMES_DIFFER) != 0u) {
      x = exp(-x * of_synapse(rule.plus, place));
      if ((rule.flags & NEAREST) == 0u) {
        x *= state[rule.source_traces + place];
        let y = rule.target_traces + place;
        state[y] = state[y] * exp(-state[rule.target_state + neuron] * of_synapse(rule.minus, place)) + 1.0;
      }
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
