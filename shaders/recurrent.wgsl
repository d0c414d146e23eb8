// What the kernels of sparse recurrent networks share: the description of a network and the equations of one neuron.
// The bindings `slots` and `tables` are declared by the kernel. Equations and sources: src/kernels/recurrent-network.ts
// and, for the exact integration of exponential currents, Rotter & Diesmann, "Exact digital simulation of
// time-invariant linear systems with applications to neuronal modeling" (1999).
//
// Neurons go in groups of 64; a lane takes a quad, four neurons 16 apart, so that it uses all words of a random block and
// neighbouring lanes touch neighbouring neurons: quad q holds neurons (q / 16) * 64 + q % 16 + (0, 16, 32, 48). What a
// network has per neuron is padded to whole groups (`stride`). Padding and sources are refractory for ever, so they are
// never integrated and never reach a threshold.

struct Slot {
  neurons: u32,
  // Neurons padded to groups of 64.
  stride: u32,
  // 1 if there is a plane of arrivals for delta channels, which comes first; all delta channels share it.
  delta: u32,
  // Planes of arrivals for exponential channels, in the order of the channels.
  exponential: u32,
  // 1: conductances, so g is held over a step. 2: noise. 4: adaptive thresholds. 8: traces
  // are of v before the reset, which then stands in the place of adaptation; recurrent_network only, without 4.
  flags: u32,
  // Slots of the ring of arrivals: the longest delay, since a step takes out its arrivals before it sends its spikes.
  depth: u32,
  // The shortest delay.
  min_delay: u32,
  seed_low: u32,
  seed_high: u32,
  // 2^-k: what one unit of an arrival is worth.
  unit: f32,
  // Offsets in tables. For each parameter of `parameter`: where its values begin, and 1 if there is one for each neuron.
  parameters: u32,
  // plane, delay, weight, 0 if all synapses share it, 1 if each has its own, 2 + r if they learn by rule r
  classes: u32,
  class_count: u32,
  // first neuron, end, plane, index, weight, offset of thresholds, number of thresholds
  poisson: u32,
  poisson_count: u32,
  // first neuron, end, offset of thresholds, 1 if there is one for each neuron
  rates: u32,
  rate_count: u32,
  // For each step and for the end of the last: offset of its source spikes.
  events: u32,
  event_steps: u32,
  // Neurons whose v is recorded.
  traced: u32,
  trace_count: u32,
  // Offset in rows: for each source and part, where its synapses begin, counted from `synapses`.
  rows: u32,
  // Targets are cut into this many parts of part_neurons; the synapses of a row go by part, class and target.
  parts: u32,
  part_neurons: u32,
  synapses: u32,
  synapse_count: u32,
  // Offset in weights of the first synapse's; used by classes with weights of their own only.
  weights: u32,
  // Offset in state: v, steps of refractoriness left, adaptation, g of each exponential channel, list of spikes, then
  // what the rules of plasticity keep.
  state: u32,
  // Offset in ring: [step % depth][plane][stride].
  ring: u32,
  // Offset in raster: [step][stride / 32]; or how many spikes, and the spikes, see recurrent_list.wgsl.
  raster: u32,
  counts: u32,
  // Offset in traces: [step][trace_count].
  traces: u32,
  // Offset in tables of the rules of plasticity, see recurrent_plasticity.wgsl.
  rules: u32,
  rule_count: u32,
  // Offsets in history and columns, for recurrent_update.wgsl and recurrent_gather.wgsl.
  history: u32,
  columns: u32,
  // Offset in tables of the powers of the decays, see recurrent_modes.wgsl.
  modes: u32,
  // How many spikes there may be in a list, and there is room for.
  listed: u32,
}

const CONDUCTANCE = 1u;
const NOISE = 2u;
const ADAPTATION = 4u;
const BEFORE_RESET = 8u;

const RECORD_RASTER = 1u;
const RECORD_TRACES = 2u;
// recurrent_network and recurrent_modes: a list of spikes in the place of the raster.
const RECORD_SPIKES = 4u;

const SOURCE_SPIKES = 6u;
const POISSON_INPUT = 7u;
const MEMBRANE_NOISE = 8u;

// Parameters of a neuron. LEAK is e^(-dt/tau), with conductances dt/tau.
const LEAK = 0u;
const REST = 1u;
const THRESHOLD = 2u;
// After a spike v = RESET + KEEP (v - THRESHOLD).
const RESET = 3u;
const KEEP = 4u;
const REFRACTORY = 5u;
const NOISE_STEP = 6u;
const ADAPTATION_DECAY = 7u;
const ADAPTATION_STEP = 8u;
// And three of each exponential channel: what g adds to v in a step (with conductances 1 for one, 0 for a current), the
// decay of g, the reversal potential (1 for a current).
const CHANNELS = 9u;
const CHANNEL_PARAMETERS = 3u;

const MAX_PLANES = 5u;
const TARGET_MASK = 0xfffffu;
const CLASS_SHIFT = 20u;

fn neurons_of(quad: u32) -> vec4<u32> {
  return (quad / 16u) * 64u + quad % 16u + vec4<u32>(0u, 16u, 32u, 48u);
}

fn parameter(slot: Slot, field: u32, neurons: vec4<u32>) -> vec4<f32> {
  let at = slot.parameters + 2u * field;
  let first = tables[at];
  if (tables[at + 1u] == 0u) {
    return vec4<f32>(bitcast<f32>(tables[first]));
  }
  let i = first + neurons;
  return bitcast<vec4<f32>>(vec4<u32>(tables[i.x], tables[i.y], tables[i.z], tables[i.w]));
}

/// How many arrivals each word stands for: as many as there are thresholds at or below it, which are ascending.
fn arrivals_of(words: vec4<u32>, thresholds: u32, count: u32) -> vec4<i32> {
  var arrivals = vec4<i32>(0);
  for (var k = 0u; k < count; k++) {
    let above = words >= vec4<u32>(tables[thresholds + k]);
    if (!any(above)) {
      break;
    }
    arrivals += select(vec4<i32>(0), vec4<i32>(1), above);
  }
  return arrivals;
}

/// External Poisson input of a quad on a plane, in units of the plane.
fn poisson_input(slot: Slot, quad: u32, neurons: vec4<u32>, step: u32, plane: u32) -> vec4<i32> {
  var sum = vec4<i32>(0);
  for (var k = 0u; k < slot.poisson_count; k++) {
    let at = slot.poisson + 7u * k;
    let inside = (neurons >= vec4<u32>(tables[at])) & (neurons < vec4<u32>(tables[at + 1u]));
    if (tables[at + 2u] == plane && any(inside)) {
      let counter = vec4<u32>(quad, POISSON_INPUT, step, tables[at + 3u]);
      let words = philox4x32(counter, vec2<u32>(slot.seed_low, slot.seed_high));
      let arrivals = arrivals_of(words, tables[at + 5u], tables[at + 6u]);
      sum += select(vec4<i32>(0), arrivals * bitcast<i32>(tables[at + 4u]), inside);
    }
  }
  return sum;
}

/// sin and cos of 2 pi x, |x| <= 1/2, to about 3e-7: polynomials over an eighth of a turn. WGSL promises 2^-11 only.
fn turn(x: f32) -> vec2<f32> {
  let quarter = round(x * 4.0);
  let angle = (x - quarter * 0.25) * 6.283185307179586;
  let square = angle * angle;
  let s = angle * (1.0 + square * (-1.6666667e-1 + square * (8.333333e-3 - square * 1.984127e-4)));
  let c = 1.0 + square * (-0.5 + square * (4.1666668e-2 + square * (-1.3888889e-3 + square * 2.4801587e-5)));
  let odd = (i32(quarter) & 1) != 0;
  let turned = select(vec2<f32>(s, c), vec2<f32>(c, -s), odd);
  // A quarter of 2 or -1 turns by a half more than 0 or 1 do.
  return select(turned, -turned, quarter == 2.0 || quarter == -2.0 || quarter == -1.0);
}

/// Four standard normal numbers (Box & Muller 1958) for a quad.
fn normals(slot: Slot, quad: u32, step: u32) -> vec4<f32> {
  let words = philox4x32(vec4<u32>(quad, MEMBRANE_NOISE, step, 0u), vec2<u32>(slot.seed_low, slot.seed_high));
  let uniform0 = (f32(words.x >> 8u) + 1.0) * 5.9604644775390625e-8;
  let uniform1 = (f32(words.z >> 8u) + 1.0) * 5.9604644775390625e-8;
  let first = sqrt(-2.0 * log(uniform0)) * turn(unit_real(words.y) - 0.5);
  let second = sqrt(-2.0 * log(uniform1)) * turn(unit_real(words.w) - 0.5);
  return vec4<f32>(first.y, first.x, second.y, second.x);
}
