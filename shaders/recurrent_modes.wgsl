// Sparse recurrent networks of equal leaky integrate-and-fire neurons with exponential currents, all delays one step, many
// steps at once: one workgroup for each network. Equations: src/kernels/recurrent-modes.ts. A neuron's v is the sum of
// modes that decay each by its own factor, so that nothing is written for a neuron between its arrivals and its spikes.
//
// For step = first_step .. first_step + steps - 1, in this order, k steps after the last multiple of the period before:
//   scale     at k = period: U *= P^k, X[c] *= e^(-k dt/tau_c); k = 0
//   sources   spike by their lists or at random
//   membrane  s = P^(k+1) U + sum over c of e^(-(k+1) dt/tau_c) X[c], v = R + s
//   spikes    where s > threshold - R; v = reset, U = HELD
//   release   of neurons whose refractory period ends: U such that v is what it was held at
//   rows      each spike, by the number of its source, adds its weights to X[c] of its targets, and to U what keeps v as it is
//
// slots     one network each; offsets into everything else
// tables    as for recurrent_network.wgsl; from the slot's `modes` on the period and the powers, see recurrent-modes.ts
// rows      u32 [neuron] and the end; no row has a target twice
// synapses  u32: target | class << 20
// weights   i32, in units of 2^-k; of the classes whose synapses have weights of their own
// state     f32 [field][stride]: v (mV) of refractory neurons, steps of refractoriness left, U (HELD while refractory),
//           X of each channel; scratch: the list of spikes of a step, the same by number, refractory neurons by their ends
// raster, counts, traces   as for recurrent_network.wgsl
// launch    one workgroup for each slot
// cost      a step: 4 B (1 + channels) and 2 + 2 channels flops a neuron; 20 B an event
// deterministic

// #include "philox.wgsl"
// #include "recurrent.wgsl"
// #include "recurrent_sources.wgsl"

struct Params {
  first_step: u32,
  steps: u32,
  slots: u32,
  // 1: raster. 2: traces.
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

// Spikes in the list of this step; entries of the queue of refractory neurons, all since the launch began.
var<workgroup> listed: atomic<u32>;
var<workgroup> queued: atomic<u32>;
// Neurons released in this step and in the next, in turn.
var<workgroup> released: array<atomic<u32>, 2>;

fn at(index: u32) -> f32 {
  return state[index >> 2u][index & 3u];
}

fn put(index: u32, value: f32) {
  state[index >> 2u][index & 3u] = value;
}

fn field(slot: Slot, number: u32) -> u32 {
  return slot.state + number * slot.stride;
}

fn list_of(slot: Slot) -> u32 {
  return field(slot, 3u + slot.exponential);
}

fn sorted_of(slot: Slot) -> u32 {
  return field(slot, 4u + slot.exponential);
}

fn queue_of(slot: Slot) -> u32 {
  return field(slot, 5u + slot.exponential);
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

/// A neuron spikes: into the list, the counts and the raster.
fn note_spike(slot: Slot, neuron: u32, step: u32) {
  put(list_of(slot) + atomicAdd(&listed, 1u), f32(neuron));
  counts[slot.counts + neuron] += 1u;
  if ((params.record & RECORD_RASTER) != 0u) {
    let row = slot.raster + (step - params.first_step) * (slot.stride / 32u);
    atomicOr(&raster[row + neuron / 32u], 1u << (neuron & 31u));
  }
}

/// v of a neuron, k steps after the last multiple of the period.
fn membrane(slot: Slot, neuron: u32, k: u32) -> f32 {
  let u = at(field(slot, 2u) + neuron);
  if (u < HELD_BELOW) {
    return at(field(slot, 0u) + neuron);
  }
  var sum = u * power(slot, 0u, k);
  for (var c = 0u; c < slot.exponential; c++) {
    sum += at(field(slot, 3u + c) + neuron) * power(slot, 1u + c, k);
  }
  return shared_parameter(slot, REST) + sum;
}

/// A neuron with s = v - R above the threshold spikes at step `t` of the launch, and waits in the queue.
fn spike(slot: Slot, neuron: u32, s: f32, step: u32, t: u32) {
  note_spike(slot, neuron, step);
  let over = shared_parameter(slot, REST) + s - shared_parameter(slot, THRESHOLD);
  let reset = parameter_of(slot, RESET, neuron) + parameter_of(slot, KEEP, neuron) * over;
  put(field(slot, 0u) + neuron, reset);
  // When it is over, counted from the launch's beginning.
  put(field(slot, 1u) + neuron, f32(t + 1u) + shared_parameter(slot, REFRACTORY));
  put(field(slot, 2u) + neuron, HELD);
  put(queue_of(slot) + atomicAdd(&queued, 1u) % slot.stride, f32(neuron));
}

/// Lets a neuron go on from what it was held at.
fn release(slot: Slot, neuron: u32, k: u32) {
  var u = at(field(slot, 0u) + neuron) - shared_parameter(slot, REST);
  for (var c = 0u; c < slot.exponential; c++) {
    u -= at(field(slot, 3u + c) + neuron) * power(slot, 1u + c, k);
  }
  put(field(slot, 2u) + neuron, u * power(slot, 1u + slot.exponential, k));
}

/// Multiplies U and X by the factors of a whole period.
fn scale(slot: Slot, period: u32, lane: u32) {
  let quads = slot.stride / 4u;
  for (var m = 0u; m <= slot.exponential; m++) {
    let factor = power(slot, m, period);
    let first = field(slot, 2u + m) / 4u;
    for (var quad = lane; quad < quads; quad += lanes) {
      let old = state[first + quad];
      state[first + quad] = select(old * factor, vec4<f32>(HELD), old < vec4<f32>(HELD_BELOW));
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

/// Sends one spike along its row; k as of the arrival.
fn send(slot: Slot, source: u32, k: u32, lane: u32) {
  let row = slot.rows + source;
  let end = rows[row + 1u];
  let gains = 2u + slot.exponential;
  for (var place = rows[row] + lane; place < end; place += lanes) {
    let word = synapses[slot.synapses + place];
    let neuron = word & TARGET_MASK;
    let kind = slot.classes + 4u * (word >> CLASS_SHIFT);
    let plane = tables[kind];
    var units = bitcast<i32>(tables[kind + 2u]);
    if (tables[kind + 3u] != 0u) {
      units = weights[slot.weights + place];
    }
    let weight = f32(units) * slot.unit;
    let u = field(slot, 2u) + neuron;
    if (plane < slot.delta) {
      put(u, at(u) + weight * power(slot, gains - 1u, k));
    } else {
      let c = plane - slot.delta;
      let x = field(slot, 3u + c) + neuron;
      put(x, at(x) + weight * power(slot, gains + 2u * c, k));
      put(u, at(u) + weight * power(slot, gains + 2u * c + 1u, k));
    }
  }
}

/// The quads of a lane in which something is above the threshold: the first, the last, how many.
struct Hits {
  first: u32,
  last: u32,
  count: u32,
}

fn note_hit(hits: ptr<function, Hits>, quad: u32, s: vec4<f32>, margin: f32) {
  let hit = any(s > vec4<f32>(margin));
  (*hits).first = select((*hits).first, quad, hit && (*hits).count == 0u);
  (*hits).last = select((*hits).last, quad, hit);
  (*hits).count += select(0u, 1u, hit);
}

/// Where s is above the threshold. There is a loop for each number of channels, with nothing in it but loads, sums and
/// comparisons: it is most of the work.
fn find_spikes(slot: Slot, step: u32, t: u32, k: u32, lane: u32) {
  let quads = slot.stride / 4u;
  let at_u = field(slot, 2u) / 4u;
  let margin = shared_parameter(slot, THRESHOLD) - shared_parameter(slot, REST);
  let own = power(slot, 0u, k);
  var powers = vec4<f32>(0.0);
  for (var c = 0u; c < slot.exponential; c++) {
    powers[c] = power(slot, 1u + c, k);
  }
  var hits = Hits(0u, 0u, 0u);
  if (slot.exponential == 2u) {
    let one = powers.x;
    let two = powers.y;
    for (var quad = lane; quad < quads; quad += lanes) {
      let s = state[at_u + quad] * own + state[at_u + quads + quad] * one;
      note_hit(&hits, quad, s + state[at_u + 2u * quads + quad] * two, margin);
    }
  } else {
    for (var quad = lane; quad < quads; quad += lanes) {
      var s = state[at_u + quad] * own;
      for (var c = 0u; c < slot.exponential; c++) {
        s += state[at_u + (1u + c) * quads + quad] * powers[c];
      }
      note_hit(&hits, quad, s, margin);
    }
  }
  if (hits.count == 0u) {
    return;
  }
  // One or two are known; more are looked for between the first and the last.
  let stride = select(lanes, max(hits.last - hits.first, 1u), hits.count <= 2u);
  for (var quad = hits.first; quad <= hits.last; quad += stride) {
    var s = state[at_u + quad] * own;
    for (var c = 0u; c < slot.exponential; c++) {
      s += state[at_u + (1u + c) * quads + quad] * powers[c];
    }
    for (var w = 0u; w < 4u; w++) {
      if (s[w] > margin) {
        spike(slot, 4u * quad + w, s[w], step, t);
      }
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
  if ((params.record & RECORD_RASTER) != 0u) {
    for (var word = lane; word < params.steps * (slot.stride / 32u); word += lanes) {
      atomicStore(&raster[slot.raster + word], 0u);
    }
  }
  // The queue of those that are refractory from before, by the ends of their periods.
  let ends = field(slot, 1u);
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
    spike_sources(slot, step, lane, lanes);
    find_spikes(slot, step, t, k, lane);
    storageBarrier();
    let count = workgroupUniformLoad(&listed);
    if ((params.record & RECORD_TRACES) != 0u) {
      for (var m = lane; m < slot.trace_count; m += lanes) {
        traces[slot.traces + t * slot.trace_count + m] = membrane(slot, tables[slot.traced + m], k);
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
      release(slot, neuron, k);
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
      send(slot, u32(at(sorted_of(slot) + spike)), k, lane);
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
