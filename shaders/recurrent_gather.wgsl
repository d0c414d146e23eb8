// Collects what arrives at one step of large recurrent networks: ring[step % depth][plane][i] = sum of the weights of the
// synapses on neuron i whose source spiked their delay ago. The other half of a sparse matrix-vector product: it reads
// every synapse in every step, but in order, and needs no atomics; better than recurrent_scatter where many neurons spike
// in a step (`chooseMethod` in src/kernels/recurrent-method.ts).
//
// slots, tables, weights, ring   as for recurrent_network.wgsl
// columns   u32, from the slot's `columns` on [neuron] and the end: where the synapses on each neuron begin, counted from
//           the slot's `synapses`
// inputs    u32 [synapse]: source | class << 20
// places    u32 [synapse]: place of its weight, for classes with weights of their own
// history   u32, from the slot's `history` on [step % (depth + 1)][stride / 32]: bits of the spikes of the last depth
//           steps; this step's row is set to zero
// launch    x: `lanes` neurons a workgroup, for the largest network; y: slots
// cost      a synapse: 4 B and a read of a bit (8 B more with weights of their own)
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
@group(0) @binding(3) var<storage, read> columns: array<u32>;
@group(0) @binding(4) var<storage, read> inputs: array<u32>;
@group(0) @binding(5) var<storage, read> places: array<u32>;
@group(0) @binding(6) var<storage, read> weights: array<i32>;
@group(0) @binding(7) var<storage, read_write> ring: array<i32>;
@group(0) @binding(8) var<storage, read_write> history: array<u32>;

override lanes: u32 = 64;

@compute @workgroup_size(lanes)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.y >= params.slots) {
    return;
  }
  let slot = slots[id.y];
  let words = slot.stride / 32u;
  let rows = slot.depth + 1u;
  let now = params.step % rows;
  if (id.x < words) {
    history[slot.history + now * words + id.x] = 0u;
  }
  if (id.x >= slot.neurons) {
    return;
  }
  var sums = array<i32, MAX_PLANES>();
  let end = columns[slot.columns + id.x + 1u];
  for (var place = columns[slot.columns + id.x]; place < end; place++) {
    let word = inputs[slot.synapses + place];
    let kind = slot.classes + 4u * (word >> CLASS_SHIFT);
    let source = word & TARGET_MASK;
    // A delay is at most depth, so the sum is positive. The rows of steps before the first are zero.
    let then = (now + rows - tables[kind + 1u]) % rows;
    let spiked = (history[slot.history + then * words + source / 32u] >> (source & 31u)) & 1u;
    if (spiked != 0u) {
      var weight = bitcast<i32>(tables[kind + 2u]);
      if (tables[kind + 3u] != 0u) {
        weight = weights[slot.weights + places[slot.synapses + place]];
      }
      sums[tables[kind]] += weight;
    }
  }
  let planes = slot.delta + slot.exponential;
  for (var plane = 0u; plane < planes; plane++) {
    ring[slot.ring + ((params.step % slot.depth) * planes + plane) * slot.stride + id.x] = sums[plane];
  }
}
