// Sparse recurrent networks of leaky integrate-and-fire neurons, many steps at once: one workgroup for each network.
//
// For step = first_step .. first_step + steps - 1, in this order (src/kernels/recurrent-network.ts):
//   sources   spike by their lists or at random
//   arrivals  a[c][i] = ring[step % depth][c][i] 2^-k + Poisson input; that part of the ring is set to zero
//   membrane  v += a (delta); g[c] += a[c]; v = exact solution over dt (with conductances: g held); g[c] *= decay
//             a refractory neuron keeps v; its count of steps goes down by one
//   spikes    where v > threshold + A; v = reset, refractory for r steps
//   rows      each spike adds its weights to ring[(step + delay) % depth]
//   learning  weights change by the rules of plasticity, if there are any (src/kernels/plasticity.ts)
// Integer sums don't depend on their order, so spikes don't depend on the number of lanes.
//
// slots     one network each; offsets into everything else
// tables    u32, or the bits of f32 and i32: parameters, classes of synapses, thresholds of draws, source spikes
// rows      u32 [neuron][part] and the end; then the synapses that learn by target
// synapses  u32: target | class << 20
// weights   i32, in units of 2^-k; of the classes whose synapses have weights of their own
// state     f32 [field][stride]: v (mV), steps of refractoriness left, A (mV), g of each channel; then the list of spikes of
//           a step (numbers of neurons, exact in f32), then what the rules of plasticity keep
// ring      i32 [depth][plane][stride]: what is to arrive, in units of 2^-k
// raster    u32 [step][stride / 32]: bit of each neuron that spikes, for the steps of this launch
// counts    u32 [neuron]: spikes since the beginning
// traces    f32 [step][trace_count]: v (mV) at the end of each step of this launch
// launch    one workgroup for each slot
// cost      a step: 4 B (2 planes + 5 + 2 channels) and about 10 + 4 channels flops a neuron; 8 to 16 B an event
// deterministic

// #include "philox.wgsl"
// #include "recurrent.wgsl"
// #include "recurrent_plasticity.wgsl"

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
@group(0) @binding(5) var<storage, read_write> weights: array<i32>;
@group(0) @binding(6) var<storage, read_write> state: array<f32>;
@group(0) @binding(7) var<storage, read_write> ring: array<atomic<i32>>;
@group(0) @binding(8) var<storage, read_write> raster: array<atomic<u32>>;
@group(0) @binding(9) var<storage, read_write> counts: array<u32>;
@group(0) @binding(10) var<storage, read_write> traces: array<f32>;

override lanes: u32 = 64;

// Spikes of this step and of the next, in turn.
var<workgroup> spike_count: array<atomic<u32>, 2>;

fn note_spike(slot: Slot, neuron: u32, step: u32) {
  let place = atomicAdd(&spike_count[step & 1u], 1u);
  state[slot.state + (3u + slot.exponential) * slot.stride + place] = f32(neuron);
  counts[slot.counts + neuron] += 1u;
  if ((params.record & RECORD_RASTER) != 0u) {
    let row = slot.raster + (step - params.first_step) * (slot.stride / 32u);
    atomicOr(&raster[row + neuron / 32u], 1u << (neuron & 31u));
  }
}

fn spike_sources(slot: Slot, step: u32, lane: u32) {
  if (step < slot.event_steps) {
    let end = tables[slot.events + step + 1u];
    for (var event = tables[slot.events + step] + lane; event < end; event += lanes) {
      note_spike(slot, tables[event], step);
    }
  }
  for (var k = 0u; k < slot.rate_count; k++) {
    let at = slot.rates + 4u * k;
    let first = tables[at];
    let end = tables[at + 1u];
    for (var quad = first / 64u * 16u + lane; quad < (end + 63u) / 64u * 16u; quad += lanes) {
      let neurons = neurons_of(quad);
      let words = philox4x32(vec4<u32>(quad, SOURCE_SPIKES, step, 0u), vec2<u32>(slot.seed_low, slot.seed_high));
      for (var w = 0u; w < 4u; w++) {
        if (neurons[w] >= first && neurons[w] < end) {
          if (words[w] < tables[tables[at + 2u] + (neurons[w] - first) * tables[at + 3u]]) {
            note_spike(slot, neurons[w], step);
          }
        }
      }
    }
  }
}

/// Arrivals of a quad on a plane, which are taken out of the ring.
fn take_arrivals(slot: Slot, quad: u32, neurons: vec4<u32>, step: u32, plane: u32) -> vec4<f32> {
  let at = slot.ring + ((step % slot.depth) * (slot.delta + slot.exponential) + plane) * slot.stride + neurons;
  var sum = vec4<i32>(
    atomicLoad(&ring[at.x]),
    atomicLoad(&ring[at.y]),
    atomicLoad(&ring[at.z]),
    atomicLoad(&ring[at.w]),
  );
  for (var w = 0u; w < 4u; w++) {
    if (sum[w] != 0) {
      atomicStore(&ring[at[w]], 0);
    }
  }
  if (slot.poisson_count > 0u) {
    sum += poisson_input(slot, quad, neurons, step, plane);
  }
  return vec4<f32>(sum) * slot.unit;
}

fn update_quad(slot: Slot, quad: u32, step: u32) {
  let neurons = neurons_of(quad);
  let v_at = slot.state + neurons;
  let held_at = v_at + slot.stride;
  let adaptation_at = held_at + slot.stride;
  let old = vec4<f32>(state[v_at.x], state[v_at.y], state[v_at.z], state[v_at.w]);
  let left = vec4<f32>(state[held_at.x], state[held_at.y], state[held_at.z], state[held_at.w]);
  let held = left > vec4<f32>(0.0);
  let leak = parameter(slot, LEAK, neurons);
  let rest = parameter(slot, REST, neurons);
  var v = old;
  if (slot.delta != 0u) {
    v += take_arrivals(slot, quad, neurons, step, 0u);
  }
  var driven = vec4<f32>(0.0);
  var conductance = vec4<f32>(1.0);
  for (var c = 0u; c < slot.exponential; c++) {
    let g_at = v_at + (3u + c) * slot.stride;
    let field = CHANNELS + CHANNEL_PARAMETERS * c;
    var g = vec4<f32>(state[g_at.x], state[g_at.y], state[g_at.z], state[g_at.w]);
    g += take_arrivals(slot, quad, neurons, step, slot.delta + c);
    let effect = parameter(slot, field, neurons);
    if ((slot.flags & CONDUCTANCE) != 0u) {
      conductance += g * effect;
      driven += g * parameter(slot, field + 2u, neurons);
    } else {
      driven += g * effect;
    }
    g *= parameter(slot, field + 1u, neurons);
    state[g_at.x] = g.x;
    state[g_at.y] = g.y;
    state[g_at.z] = g.z;
    state[g_at.w] = g.w;
  }
  if ((slot.flags & CONDUCTANCE) != 0u) {
    let settled = (rest + driven) / conductance;
    v = settled + (v - settled) * exp(-leak * conductance);
  } else {
    v = rest + (v - rest) * leak + driven;
  }
  if ((slot.flags & NOISE) != 0u) {
    v += parameter(slot, NOISE_STEP, neurons) * normals(slot, quad, step);
  }
  v = select(v, old, held);
  let base = parameter(slot, THRESHOLD, neurons);
  var threshold = base;
  var adaptation = vec4<f32>(0.0);
  if ((slot.flags & ADAPTATION) != 0u) {
    let decay = parameter(slot, ADAPTATION_DECAY, neurons);
    adaptation = vec4<f32>(
      state[adaptation_at.x],
      state[adaptation_at.y],
      state[adaptation_at.z],
      state[adaptation_at.w],
    ) * decay;
    threshold += adaptation;
  }
  let spikes = (v > threshold) & !held;
  var remaining = max(left - 1.0, vec4<f32>(0.0));
  if (any(spikes)) {
    let reset = parameter(slot, RESET, neurons) + parameter(slot, KEEP, neurons) * (v - base);
    v = select(v, reset, spikes);
    remaining = select(remaining, parameter(slot, REFRACTORY, neurons), spikes);
    adaptation += select(vec4<f32>(0.0), parameter(slot, ADAPTATION_STEP, neurons), spikes);
    for (var w = 0u; w < 4u; w++) {
      if (spikes[w]) {
        note_spike(slot, neurons[w], step);
      }
    }
  }
  for (var w = 0u; w < 4u; w++) {
    state[v_at[w]] = v[w];
    state[held_at[w]] = remaining[w];
    if ((slot.flags & ADAPTATION) != 0u) {
      state[adaptation_at[w]] = adaptation[w];
    }
  }
}

/// Sends the spikes of a step along their rows.
fn send_spikes(slot: Slot, step: u32, lane: u32) {
  let count = atomicLoad(&spike_count[step & 1u]);
  let list = slot.state + (3u + slot.exponential) * slot.stride;
  let planes = slot.delta + slot.exponential;
  for (var spike = 0u; spike < count; spike++) {
    let row = slot.rows + u32(state[list + spike]) * slot.parts;
    let end = rows[row + slot.parts];
    for (var place = rows[row] + lane; place < end; place += lanes) {
      let word = synapses[slot.synapses + place];
      let kind = slot.classes + 4u * (word >> CLASS_SHIFT);
      let arrives = (step + tables[kind + 1u]) % slot.depth;
      var weight = bitcast<i32>(tables[kind + 2u]);
      if (tables[kind + 3u] != 0u) {
        weight = weights[slot.weights + place];
      }
      let at = (arrives * planes + tables[kind]) * slot.stride + (word & TARGET_MASK);
      atomicAdd(&ring[slot.ring + at], weight);
    }
  }
}

/// Applies the rules of plasticity to the spikes of a step.
fn learn(slot: Slot, step: u32, lane: u32) {
  let count = atomicLoad(&spike_count[step & 1u]);
  let list = slot.state + (3u + slot.exponential) * slot.stride;
  for (var r = 0u; r < slot.rule_count; r++) {
    let rule = rule_of(slot, r);
    let first = tables[slot.rules + RULE_WORDS * r];
    let classes = tables[slot.rules + RULE_WORDS * r + 1u] - first;
    for (var spike = 0u; spike < count; spike++) {
      let source = u32(state[list + spike]);
      let row = slot.rows + source * slot.parts;
      let end = rows[row + slot.parts];
      // The lane that sent a synapse's weight changes it, so the weight is sent as it was.
      for (var place = rows[row] + lane; place < end; place += lanes) {
        let word = synapses[slot.synapses + place];
        if ((word >> CLASS_SHIFT) - first < classes) {
          depress(slot, rule, place, source, word & TARGET_MASK);
        }
      }
    }
  }
  storageBarrier();
  workgroupBarrier();
  for (var r = 0u; r < slot.rule_count; r++) {
    let rule = rule_of(slot, r);
    for (var spike = lane; spike < count; spike += lanes) {
      note_source(rule, u32(state[list + spike]));
    }
  }
  storageBarrier();
  workgroupBarrier();
  for (var r = 0u; r < slot.rule_count; r++) {
    let rule = rule_of(slot, r);
    for (var spike = 0u; spike < count; spike++) {
      potentiate(slot, rule, u32(state[list + spike]), lane);
    }
  }
  storageBarrier();
  workgroupBarrier();
  for (var r = 0u; r < slot.rule_count; r++) {
    let rule = rule_of(slot, r);
    for (var spike = lane; spike < count; spike += lanes) {
      note_target(rule, u32(state[list + spike]));
    }
    if (rule.every != 0u && (step + 1u) % rule.every == 0u) {
      for (var neuron = lane; neuron < slot.neurons; neuron += lanes) {
        normalize_weights(slot, rule, neuron);
      }
    }
  }
}

fn age_all_traces(slot: Slot, lane: u32) {
  for (var r = 0u; r < slot.rule_count; r++) {
    let rule = rule_of(slot, r);
    for (var neuron = lane; neuron < slot.stride; neuron += lanes) {
      age_traces(rule, neuron);
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
  if ((params.record & RECORD_RASTER) != 0u) {
    for (var word = lane; word < params.steps * (slot.stride / 32u); word += lanes) {
      atomicStore(&raster[slot.raster + word], 0u);
    }
  }
  if (lane == 0u) {
    atomicStore(&spike_count[0], 0u);
    atomicStore(&spike_count[1], 0u);
  }
  storageBarrier();
  workgroupBarrier();
  for (var t = 0u; t < params.steps; t++) {
    let step = params.first_step + t;
    spike_sources(slot, step, lane);
    for (var quad = lane; quad < slot.stride / 4u; quad += lanes) {
      update_quad(slot, quad, step);
    }
    if (slot.rule_count > 0u) {
      age_all_traces(slot, lane);
    }
    storageBarrier();
    workgroupBarrier();
    send_spikes(slot, step, lane);
    if (slot.rule_count > 0u) {
      learn(slot, step, lane);
    }
    if ((params.record & RECORD_TRACES) != 0u) {
      for (var k = lane; k < slot.trace_count; k += lanes) {
        traces[slot.traces + t * slot.trace_count + k] = state[slot.state + tables[slot.traced + k]];
      }
    }
    if (lane == 0u) {
      atomicStore(&spike_count[(step + 1u) & 1u], 0u);
    }
    storageBarrier();
    workgroupBarrier();
  }
}
