// Sends the spikes of one step of large recurrent networks along their rows: ring[(step + delay) % depth] += weight.
// The event-driven half of a sparse matrix-vector product: work for each spike, none for silent neurons. Sums are
// integers in units of 2^-k, so they don't depend on the order in which they are made.
//
// slots, tables, rows, synapses, weights, state, ring   as for recurrent_network.wgsl
// spike_counts  u32 [slot][2]: how many spikes recurrent_update has listed at this step; the next step's is set to zero
// launch        x: workgroups that share the spikes of a network, y: slots; a workgroup takes every x-th spike
// cost          an event: 4 B of synapse (8 B with weights of their own) and an atomic addition of 4 B
// deterministic

// #include "philox.wgsl"
// #include "recurrent.wgsl"

struct Params {
  step: u32,
  slots: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> slots: array<Slot>;
@group(0) @binding(2) var<storage, read> tables: array<u32>;
@group(0) @binding(3) var<storage, read> rows: array<u32>;
@group(0) @binding(4) var<storage, read> synapses: array<u32>;
@group(0) @binding(5) var<storage, read> weights: array<i32>;
@group(0) @binding(6) var<storage, read> state: array<f32>;
@group(0) @binding(7) var<storage, read_write> ring: array<atomic<i32>>;
@group(0) @binding(8) var<storage, read_write> spike_counts: array<u32>;

override lanes: u32 = 64;

@compute @workgroup_size(lanes)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  if (group.y >= params.slots) {
    return;
  }
  let slot = slots[group.y];
  let count = spike_counts[2u * group.y + (params.step & 1u)];
  if (group.x == 0u && lane == 0u) {
    spike_counts[2u * group.y + ((params.step + 1u) & 1u)] = 0u;
  }
  let list = slot.state + (3u + slot.exponential) * slot.stride;
  let planes = slot.delta + slot.exponential;
  for (var spike = group.x; spike < count; spike += groups.x) {
    let row = slot.rows + u32(state[list + spike]) * slot.parts;
    let end = rows[row + slot.parts];
    for (var place = rows[row] + lane; place < end; place += lanes) {
      let word = synapses[slot.synapses + place];
      let kind = slot.classes + 4u * (word >> CLASS_SHIFT);
      let arrives = (params.step + tables[kind + 1u]) % slot.depth;
      var weight = bitcast<i32>(tables[kind + 2u]);
      if (tables[kind + 3u] != 0u) {
        weight = weights[slot.weights + place];
      }
      atomicAdd(&ring[slot.ring + (arrives * planes + tables[kind]) * slot.stride + (word & TARGET_MASK)], weight);
    }
  }
}
