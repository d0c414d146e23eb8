// Sparse recurrent networks of equal leaky integrate-and-fire neurons with exponential currents, all delays one step, many
// steps at once: one workgroup for each network. Equations: src/kernels/recurrent-modes.ts. A neuron's v is the sum of
// modes that decay each by its own factor, so that nothing is written for a neuron between its arrivals and its spikes. Nor is
// it read in every step: at the beginning of a window of steps each neuron's headroom is found, how far from the threshold it
// stays in the whole window unless something arrives. Arrivals diminish it; whoever has none left is looked at in every step.
//
// For step = first_step .. first_step + steps - 1, in this order, k steps after the last multiple of the period before:
//   scale     at k = period: U *= P^k, X[c] *= e^(-k dt/tau_c); k = 0
//   window    where one begins, the headroom of all neurons; no window goes beyond a multiple of the period
//   sources   spike by their lists or at random
//   membrane  of neurons without headroom: s = P^(k+1) U + sum over c of e^(-(k+1) dt/tau_c) X[c], v = R + s
//   spikes    where s > threshold - R; v = reset, U = HELD
//   release   of neurons whose refractory period ends: U such that v is what it was held at
//   rows      each spike, by the number of its source, adds its weights to X[c] of its targets, and to U what keeps v as it is
//
// slots     one network each; offsets into everything else
// tables    as for recurrent_network.wgsl; from the slot's `modes` on the period and the powers, see recurrent-modes.ts
// rows      u32 [neuron] and the end; no row has a target twice
// synapses  u32: target | class << 20
// weights   i32, in units of 2^-k; of the classes whose synapses have weights of their own
// state     f32: v (mV) of refractory neurons [stride]; steps of refractoriness left [stride]; U (HELD while refractory),
//           X[0], X[1] and headroom (mV) of each neuron; X[2], X[3] and two that are not used, if there are so many channels;
//           scratch, [stride] each: the list of spikes of a step, the same by number, refractory neurons by their ends,
//           neurons without headroom
// raster, counts, traces   as for recurrent_network.wgsl
// launch    one workgroup for each slot
// cost      a step: 4 B (1 + channels) and 3 + 2 channels operations a neuron, most of which windows save; an event: 4 B of
//           its row (8 B with weights of their own), and two words of the state
// deterministic

// #include "philox.wgsl"
// #include "recurrent.wgsl"
// #include "recurrent_sources.wgsl"
// #include "recurrent_list.wgsl"

struct Params {
  first_step: u32,
  steps: u32,
  slots: u32,
  // 1: raster. 2: traces. 4: list of spikes.
  record: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> slots: array<Slot>;
@group(0) @binding(2) var<storage, read> tables: array<u32>;
@group(0) @binding(3) var<storage, read> rows: array<u32>;
@group(0) @binding(4) var<storage, read> synapses: array<u32>;
@group(0) @binding(5) var<storage, read> weights: array<i32>;
@group(0) @binding(6) var<storage, read_write> state: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> raster: array<atomic<u32>>;
@group(0) @binding(8) var<storage, read_write> counts: array<u32>;
@group(0) @binding(9) var<storage, read_write> traces: array<f32>;

override lanes: u32 = 64;

// U of refractory neurons, of sources and of padding; whatever is below is held.
const HELD = -1e30;
const HELD_BELOW = -1e20;
// Steps of refractoriness from which on a neuron is held for ever.
const FOREVER = 16777216.0;
// Steps of a window at the most. Windows are shorter while more than one in SOME neurons has no headroom.
const LONGEST_WINDOW = 16u;
const SOME = 16u;
// What headroom is diminished by, in proportion to the modes: rounding, of up to some thousand arrivals in a window.
const ROUNDING = 0.000244140625;
// Headroom of neurons without it; whatever is below has been listed.
const EXPOSED = -1e30;
const EXPOSED_BELOW = -1e20;
// No factor is below: a period has four steps at the least, and a power is not below 2^-16 in it.
const LEAST_DECAY = 0.0625;

// Spikes in the list of this step; entries of the queue of refractory neurons, all since the launch began.
var<workgroup> listed: atomic<u32>;
var<workgroup> queued: atomic<u32>;
// Neurons released in this step and in the next, in turn.
var<workgroup> released: array<atomic<u32>, 2>;
// Neurons without headroom.
var<workgroup> exposed: atomic<u32>;

fn at(index: u32) -> f32 {
  return state[index >> 2u][index & 3u];
}

fn put(index: u32, value: f32) {
  state[index >> 2u][index & 3u] = value;
}

/// Where the first neuron's U, X[0], X[1] and headroom are, in quads.
fn modes_of(slot: Slot) -> u32 {
  return (slot.state + 2u * slot.stride) / 4u;
}

/// Where the first neuron's X[2] and X[3] are, in quads.
fn more_of(slot: Slot) -> u32 {
  return (slot.state + 6u * slot.stride) / 4u;
}

/// A list of numbers of neurons.
fn scratch(slot: Slot, number: u32) -> u32 {
  return slot.state + (select(6u, 10u, slot.exponential > 2u) + number) * slot.stride;
}

fn ends_of(slot: Slot) -> u32 {
  return slot.state + slot.stride;
}

fn list_of(slot: Slot) -> u32 {
  return scratch(slot, 0u);
}

fn sorted_of(slot: Slot) -> u32 {
  return scratch(slot, 1u);
}

fn queue_of(slot: Slot) -> u32 {
  return scratch(slot, 2u);
}

fn exposed_of(slot: Slot) -> u32 {
  return scratch(slot, 3u);
}

/// Number k of row `row` of the powers.
fn power(slot: Slot, row: u32, k: u32) -> f32 {
  return bitcast<f32>(tables[slot.modes + 1u + row * (tables[slot.modes] + 1u) + k]);
}

/// A parameter of one neuron. (`parameter` in recurrent.wgsl is for four.)
fn parameter_of(slot: Slot, number: u32, neuron: u32) -> f32 {
  let entry = slot.parameters + 2u * number;
  return bitcast<f32>(tables[tables[entry] + tables[entry + 1u] * neuron]);
}

/// What all neurons share.
fn shared_parameter(slot: Slot, number: u32) -> f32 {
  return bitcast<f32>(tables[tables[slot.parameters + 2u * number]]);
}

/// A neuron spikes: into the list, the counts and the record.
fn note_spike(slot: Slot, neuron: u32, step: u32) {
  put(list_of(slot) + atomicAdd(&listed, 1u), f32(neuron));
  counts[slot.counts + neuron] += 1u;
  record_spike(slot, neuron, step);
}

/// What modes are multiplied by: U, X[0], X[1] and nothing; X[2], X[3].
struct Factors {
  first: vec4<f32>,
  more: vec4<f32>,
}

/// The factors' powers, k steps after the last multiple of the period.
fn factors_at(slot: Slot, k: u32) -> Factors {
  var factors = Factors(vec4<f32>(power(slot, 0u, k), 0.0, 0.0, 0.0), vec4<f32>(0.0));
  if (slot.exponential > 0u) {
    factors.first.y = power(slot, 1u, k);
  }
  if (slot.exponential > 1u) {
    factors.first.z = power(slot, 2u, k);
  }
  if (slot.exponential > 2u) {
    factors.more.x = power(slot, 3u, k);
  }
  if (slot.exponential > 3u) {
    factors.more.y = power(slot, 4u, k);
  }
  return factors;
}

/// s of a neuron with these modes, far below any threshold while it is held.
fn sum_of(slot: Slot, neuron: u32, modes: vec4<f32>, factors: Factors) -> f32 {
  var s = modes.x * factors.first.x + modes.y * factors.first.y + modes.z * factors.first.z;
  if (slot.exponential > 2u) {
    let more = state[more_of(slot) + neuron];
    s += more.x * factors.more.x + more.y * factors.more.y;
  }
  return s;
}

/// v of a neuron.
fn membrane(slot: Slot, neuron: u32, factors: Factors) -> f32 {
  let modes = state[modes_of(slot) + neuron];
  if (modes.x < HELD_BELOW) {
    return at(slot.state + neuron);
  }
  return shared_parameter(slot, REST) + sum_of(slot, neuron, modes, factors);
}

/// A neuron with s = v - R above the threshold spikes at step `t` of the launch, and waits in the queue.
fn spike(slot: Slot, neuron: u32, s: f32, step: u32, t: u32) {
  note_spike(slot, neuron, step);
  let over = shared_parameter(slot, REST) + s - shared_parameter(slot, THRESHOLD);
  let reset = parameter_of(slot, RESET, neuron) + parameter_of(slot, KEEP, neuron) * over;
  put(slot.state + neuron, reset);
  // When it is over, counted from the launch's beginning.
  put(ends_of(slot) + neuron, f32(t + 1u) + shared_parameter(slot, REFRACTORY));
  state[modes_of(slot) + neuron].x = HELD;
  put(queue_of(slot) + atomicAdd(&queued, 1u) % slot.stride, f32(neuron));
}

/// Lets a neuron go on from what it was held at.
fn release(slot: Slot, neuron: u32, k: u32, factors: Factors) {
  var modes = state[modes_of(slot) + neuron];
  modes.x = 0.0;
  let u = at(slot.state + neuron) - shared_parameter(slot, REST) - sum_of(slot, neuron, modes, factors);
  modes.x = u * power(slot, 1u + slot.exponential, k);
  // Its headroom was found while it was held.
  if (modes.w > EXPOSED_BELOW) {
    expose(slot, neuron);
    modes.w = EXPOSED;
  }
  state[modes_of(slot) + neuron] = modes;
}

/// From now on a neuron is looked at in each step of the window.
fn expose(slot: Slot, neuron: u32) {
  put(exposed_of(slot) + atomicAdd(&exposed, 1u), f32(neuron));
}

/// Multiplies U and X by the factors of a whole period.
fn scale(slot: Slot, period: u32, lane: u32) {
  let factors = factors_at(slot, period);
  for (var neuron = lane; neuron < slot.stride; neuron += lanes) {
    let old = state[modes_of(slot) + neuron];
    var modes = old * factors.first;
    modes.x = select(modes.x, HELD, old.x < HELD_BELOW);
    state[modes_of(slot) + neuron] = modes;
    if (slot.exponential > 2u) {
      state[more_of(slot) + neuron] *= factors.more;
    }
  }
}

/// Copies the first `count` entries of the list to `into`, ordered by `key` and then by neuron; key 0: by neuron.
fn sort(slot: Slot, count: u32, into: u32, key: u32, lane: u32) {
  let list = list_of(slot);
  for (var entry = lane; entry < count; entry += lanes) {
    let neuron = at(list + entry);
    let own = select(0.0, at(key + u32(neuron)), key != 0u);
    var rank = 0u;
    for (var other = 0u; other < count; other++) {
      let number = at(list + other);
      let its = select(0.0, at(key + u32(number)), key != 0u);
      let before = number < neuron || (number == neuron && other < entry);
      rank += select(0u, 1u, its < own || (its == own && before));
    }
    put(into + rank, neuron);
  }
}

/// What an arrival of weight 1 adds to a neuron's modes, headroom among them.
struct Gain {
  first: vec4<f32>,
  more: vec4<f32>,
}

/// Of the class whose description is at `kind`; `left` steps of the window are to come.
fn gain_of(slot: Slot, kind: u32, k: u32, left: u32) -> Gain {
  let plane = tables[kind];
  let gains = 2u + slot.exponential;
  let highest = gains + 2u * slot.exponential;
  var gain = Gain(vec4<f32>(0.0), vec4<f32>(0.0));
  if (plane < slot.delta) {
    gain.first = vec4<f32>(power(slot, gains - 1u, k), 0.0, 0.0, -power(slot, highest, left));
    return gain;
  }
  let c = plane - slot.delta;
  let row = gains + 2u * c;
  let x = power(slot, row, k);
  gain.first = vec4<f32>(power(slot, row + 1u, k), 0.0, 0.0, -power(slot, highest + 1u + c, left));
  if (c == 0u) {
    gain.first.y = x;
  } else if (c == 1u) {
    gain.first.z = x;
  } else if (c == 2u) {
    gain.more.x = x;
  } else {
    gain.more.y = x;
  }
  return gain;
}

/// An arrival's addition to the modes of a neuron; what lowers v leaves the headroom as it is.
fn arrive(slot: Slot, neuron: u32, weight: f32, gain: Gain) {
  var modes = state[modes_of(slot) + neuron];
  modes += vec4<f32>(weight, weight, weight, max(weight, 0.0)) * gain.first;
  if (modes.w < 0.0 && modes.w > EXPOSED_BELOW) {
    expose(slot, neuron);
    modes.w = EXPOSED;
  }
  state[modes_of(slot) + neuron] = modes;
  if (slot.exponential > 2u) {
    state[more_of(slot) + neuron] += weight * gain.more;
  }
}

/// Sends one spike along its row; k as of the arrival, and `left` steps of the window are to come.
fn send(slot: Slot, source: u32, k: u32, left: u32, lane: u32) {
  let row = slot.rows + source;
  let first = rows[row];
  let end = rows[row + 1u];
  if (first == end) {
    return;
  }
  // Rows go by class, so the ends tell whether there is one only. There mostly is, and nothing of it is looked up again.
  let number = synapses[slot.synapses + first] >> CLASS_SHIFT;
  let kind = slot.classes + 4u * number;
  let same = number == synapses[slot.synapses + end - 1u] >> CLASS_SHIFT && tables[kind + 3u] == 0u;
  let gain = gain_of(slot, kind, k, left);
  let weight = f32(bitcast<i32>(tables[kind + 2u])) * slot.unit;
  for (var place = select(end, first + lane, same); place < end; place += lanes) {
    arrive(slot, synapses[slot.synapses + place] & TARGET_MASK, weight, gain);
  }
  for (var place = select(first + lane, end, same); place < end; place += lanes) {
    let word = synapses[slot.synapses + place];
    let own = slot.classes + 4u * (word >> CLASS_SHIFT);
    var units = bitcast<i32>(tables[own + 2u]);
    if (tables[own + 3u] != 0u) {
      units = weights[slot.weights + place];
    }
    arrive(slot, word & TARGET_MASK, f32(units) * slot.unit, gain_of(slot, own, k, left));
  }
}

/// Finds the headroom of all neurons in the `count` steps from k on. If nothing arrives, s is below the larger of its first
/// and last values and a share of the modes, as its second derivative is: h^2 / 8 of that of a mode.
fn look_ahead(slot: Slot, k: u32, count: u32, lane: u32) {
  let margin = shared_parameter(slot, THRESHOLD) - shared_parameter(slot, REST);
  let begin = factors_at(slot, k);
  let end = factors_at(slot, k + count - 1u);
  let bend = bend_of(slot, f32(count - 1u));
  // Blocks of 32 neurons of a lane: those that have none are marked, since there are few.
  for (var base = lane; base < slot.stride; base += 32u * lanes) {
    var marks = 0u;
    for (var n = 0u; n < 32u; n++) {
      let neuron = base + n * lanes;
      if (neuron >= slot.stride) {
        break;
      }
      let modes = state[modes_of(slot) + neuron];
      let size = abs(modes * begin.first) * bend.first;
      var slack = size.x + size.y + size.z;
      if (slot.exponential > 2u) {
        let more = abs(state[more_of(slot) + neuron] * begin.more) * bend.more;
        slack += more.x + more.y;
      }
      let highest = max(sum_of(slot, neuron, modes, begin), sum_of(slot, neuron, modes, end));
      let room = margin - highest - slack;
      state[modes_of(slot) + neuron].w = select(room, EXPOSED, room < 0.0);
      marks |= select(0u, 1u << n, room < 0.0);
    }
    while (marks != 0u) {
      expose(slot, base + countTrailingZeros(marks) * lanes);
      marks &= marks - 1u;
    }
  }
}

/// What share of a mode s may be above its larger end, in a window that is `length` long, with the share for rounding.
fn bend_of(slot: Slot, length: f32) -> Factors {
  let decay = factors_at(slot, 1u);
  let first = log(max(decay.first, vec4<f32>(LEAST_DECAY))) * length;
  let more = log(max(decay.more, vec4<f32>(LEAST_DECAY))) * length;
  return Factors(first * first * 0.125 + ROUNDING, more * more * 0.125 + ROUNDING);
}

/// Lets those of the neurons without headroom spike whose s is above the threshold.
fn find_spikes(slot: Slot, step: u32, t: u32, factors: Factors, lane: u32) {
  let margin = shared_parameter(slot, THRESHOLD) - shared_parameter(slot, REST);
  let end = atomicLoad(&exposed);
  for (var entry = lane; entry < end; entry += lanes) {
    let neuron = u32(at(exposed_of(slot) + entry));
    let s = sum_of(slot, neuron, state[modes_of(slot) + neuron], factors);
    if (s > margin) {
      spike(slot, neuron, s, step, t);
    }
  }
}

@compute @workgroup_size(lanes)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let slot_index = group.y * groups.x + group.x;
  if (slot_index >= params.slots) {
    return;
  }
  let slot = slots[slot_index];
  let period = tables[slot.modes];
  clear_spikes(slot, lane, lanes);
  // The queue of those that are refractory from before, by the ends of their periods.
  let ends = ends_of(slot);
  for (var neuron = lane; neuron < slot.stride; neuron += lanes) {
    let left = at(ends + neuron);
    if (left > 0.0 && left < FOREVER) {
      put(list_of(slot) + atomicAdd(&listed, 1u), f32(neuron));
    }
  }
  storageBarrier();
  let waiting = workgroupUniformLoad(&listed);
  sort(slot, waiting, queue_of(slot), ends, lane);
  if (lane == 0u) {
    atomicStore(&listed, 0u);
    atomicStore(&queued, waiting);
  }
  storageBarrier();
  workgroupBarrier();
  var first_waiting = 0u;
  var window = LONGEST_WINDOW;
  // Steps of the window that are to come.
  var left = 0u;
  for (var t = 0u; t < params.steps; t++) {
    let step = params.first_step + t;
    var k = 1u;
    if (step > 0u) {
      k = (step - 1u) % period + 2u;
    }
    if (k > period) {
      scale(slot, period, lane);
      k = 1u;
      storageBarrier();
    }
    if (left == 0u) {
      let many = workgroupUniformLoad(&exposed) * SOME > slot.stride;
      window = select(min(2u * window, LONGEST_WINDOW), max(window / 2u, 1u), many);
      left = min(window, min(period + 1u - k, params.steps - t));
      if (lane == 0u) {
        atomicStore(&exposed, 0u);
      }
      workgroupBarrier();
      look_ahead(slot, k, left, lane);
      storageBarrier();
      workgroupBarrier();
    }
    left -= 1u;
    spike_sources(slot, step, lane, lanes);
    let factors = factors_at(slot, k);
    find_spikes(slot, step, t, factors, lane);
    storageBarrier();
    let count = workgroupUniformLoad(&listed);
    if ((params.record & RECORD_TRACES) != 0u) {
      for (var m = lane; m < slot.trace_count; m += lanes) {
        traces[slot.traces + t * slot.trace_count + m] = membrane(slot, tables[slot.traced + m], factors);
      }
      // Before a release.
      storageBarrier();
    }
    let end = atomicLoad(&queued);
    for (var entry = first_waiting + lane; entry < end; entry += lanes) {
      let neuron = u32(at(queue_of(slot) + entry % slot.stride));
      if (at(ends + neuron) != f32(t + 1u)) {
        break;
      }
      release(slot, neuron, k, factors);
      atomicAdd(&released[t & 1u], 1u);
    }
    sort(slot, count, sorted_of(slot), 0u, lane);
    if (lane == 0u) {
      atomicStore(&listed, 0u);
      atomicStore(&released[(t + 1u) & 1u], 0u);
    }
    storageBarrier();
    workgroupBarrier();
    first_waiting += atomicLoad(&released[t & 1u]);
    for (var spike = 0u; spike < count; spike++) {
      send(slot, u32(at(sorted_of(slot) + spike)), k, left, lane);
      storageBarrier();
    }
  }
  for (var neuron = lane; neuron < slot.stride; neuron += lanes) {
    let end = at(ends + neuron);
    if (end < FOREVER) {
      put(ends + neuron, max(end - f32(params.steps), 0.0));
    }
  }
}
