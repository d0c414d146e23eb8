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
// traces    f32 [step][trace_count]: v (mV) at the end of each step of this launch, or before its reset
// launch    one workgroup for each slot
// cost      a step: 4 B (2 planes + 5 + 2 channels) and about 10 + 4 channels flops a neuron; 8 to 16 B an event
// deterministic

// #include "philox.wgsl"
// #include "recurrent.wgsl"
// #include "recurrent_sources.wgsl"
// #include "recurrent_list.wgsl"
// #include "recurrent_step.wgsl"
// #include "recurrent_plasticity.wgsl"

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
@group(0) @binding(5) var<storage, read_write> weights: array<i32>;
@group(0) @binding(6) var<storage, read_write> state: array<f32>;
@group(0) @binding(7) var<storage, read_write> ring: array<atomic<i32>>;
@group(0) @binding(8) var<storage, read_write> raster: array<atomic<u32>>;
@group(0) @binding(9) var<storage, read_write> counts: array<u32>;
@group(0) @binding(10) var<storage, read_write> traces: array<f32>;

override lanes: u32 = 64;
// 2: networks may have rules of plasticity, which are half of the code. 1: none has.
override learning: u32 = 2u;

// Spikes of this step and of the next, in turn.
var<workgroup> spike_count: array<atomic<u32>, 2>;

/// A neuron spikes: into the list, the counts and the record.
fn note_spike(slot: Slot, neuron: u32, step: u32) {
  let place = atomicAdd(&spike_count[step & 1u], 1u);
  state[slot.state + (3u + slot.exponential) * slot.stride + place] = f32(neuron);
  counts[slot.counts + neuron] += 1u;
  record_spike(slot, neuron, step);
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

/// Applies the rules of plasticity to the spikes of a step: first on sources (side 0), then on targets (side 1).
fn learn(slot: Slot, step: u32, lane: u32) {
  let count = atomicLoad(&spike_count[step & 1u]);
  let list = slot.state + (3u + slot.exponential) * slot.stride;
  for (var r = 0u; r < slot.rule_count; r++) {
    let rule = rule_of(slot, r);
    let first = tables[rule.words];
    let classes = tables[rule.words + 1u] - first;
    let entries = rule.columns + slot.neurons + 1u;
    for (var side = 0u; side < 2u; side++) {
      let own = side_of(slot, rule, side);
      let other = side_of(slot, rule, 1u - side);
      for (var spike = 0u; spike < count; spike++) {
        let neuron = u32(state[list + spike]);
        // Synapses by source, all of them, or by target, those that learn.
        let row = select(rule.columns + neuron, slot.rows + neuron * slot.parts, side == 0u);
        let end = rows[row + select(1u, slot.parts, side == 0u)];
        // The lane that sent a synapse's weight changes it, so the weight is sent as it was.
        for (var at = rows[row] + lane; at < end; at += lanes) {
          var place = at;
          var partner = 0u;
          if (side == 0u) {
            let word = synapses[slot.synapses + at];
            if ((word >> CLASS_SHIFT) - first >= classes) {
              continue;
            }
            partner = word & TARGET_MASK;
          } else {
            place = rows[entries + 2u * at];
            partner = rows[entries + 2u * at + 1u];
          }
          change(slot, rule, own, other, side == 1u, neuron, partner, place);
        }
      }
      storageBarrier();
      workgroupBarrier();
      for (var spike = lane; spike < count; spike += lanes) {
        take_spike(rule, own, u32(state[list + spike]));
      }
      storageBarrier();
      workgroupBarrier();
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
      age_traces(slot, rule, neuron);
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
  clear_spikes(slot, lane, lanes);
  if (lane == 0u) {
    atomicStore(&spike_count[0], 0u);
    atomicStore(&spike_count[1], 0u);
  }
  storageBarrier();
  workgroupBarrier();
  for (var t = 0u; t < params.steps; t++) {
    let step = params.first_step + t;
    spike_sources(slot, step, lane, lanes);
    for (var quad = lane; quad < slot.stride / 4u; quad += lanes) {
      update_quad(slot, quad, step);
    }
    if (learning == 2u && slot.rule_count > 0u) {
      age_all_traces(slot, lane);
    }
    storageBarrier();
    workgroupBarrier();
    send_spikes(slot, step, lane);
    if (learning == 2u && slot.rule_count > 0u) {
      learn(slot, step, lane);
    }
    if ((params.record & RECORD_TRACES) != 0u) {
      for (var k = lane; k < slot.trace_count; k += lanes) {
        let field = select(0u, 2u, (slot.flags & BEFORE_RESET) != 0u);
        let at = slot.state + field * slot.stride + tables[slot.traced + k];
        traces[slot.traces + t * slot.trace_count + k] = state[at];
      }
    }
    if (lane == 0u) {
      atomicStore(&spike_count[(step + 1u) & 1u], 0u);
    }
    storageBarrier();
    workgroupBarrier();
  }
}
