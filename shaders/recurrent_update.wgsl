// One step of all neurons of large recurrent networks, which are too many for one workgroup: sources, arrivals, membrane
// potentials and thresholds. The equations are those of src/kernels/recurrent-network.ts, as in recurrent_network.wgsl.
//
// What arrives at this step is in the ring: recurrent_scatter has put it there in the steps before, or recurrent_gather
// right before this.
//
// slots         one network each
// tables        as for recurrent_network.wgsl, and so are state, ring, raster and counts; the raster's row of this step
//               is zero before
// spike_counts  u32 [slot][2]: how many spikes are in the list of this step, zero before, and of the next, in turn
// history       u32, from the slot's `history` on [step % (depth + 1)][stride / 32]: bits of the spikes, zero before
// launch        x: `lanes` quads of neurons a workgroup, for the largest network; y: slots
// cost          4 B (2 planes + 5 + 2 channels) and about 10 + 4 channels flops a neuron
// deterministic but for the order of the list of spikes, on which no result depends

// #include "philox.wgsl"
// #include "recurrent.wgsl"
// #include "recurrent_sources.wgsl"
// #include "recurrent_step.wgsl"

struct Params {
  step: u32,
  // The row of the raster that belongs to this step.
  raster_row: u32,
  slots: u32,
  // 1: raster. 4: list of spikes, for recurrent_scatter. 8: history, for recurrent_gather.
  record: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> slots: array<Slot>;
@group(0) @binding(2) var<storage, read> tables: array<u32>;
@group(0) @binding(3) var<storage, read_write> state: array<f32>;
@group(0) @binding(4) var<storage, read_write> ring: array<atomic<i32>>;
@group(0) @binding(5) var<storage, read_write> raster: array<atomic<u32>>;
@group(0) @binding(6) var<storage, read_write> counts: array<u32>;
@group(0) @binding(7) var<storage, read_write> spike_counts: array<atomic<u32>>;
@group(0) @binding(8) var<storage, read_write> history: array<atomic<u32>>;

override lanes: u32 = 64;

const RECORD_LIST = 4u;
const RECORD_HISTORY = 8u;

var<private> slot_index: u32;

/// A neuron spikes: into the list, the counts, the raster and the history.
fn note_spike(slot: Slot, neuron: u32, step: u32) {
  counts[slot.counts + neuron] += 1u;
  let bit = 1u << (neuron & 31u);
  if ((params.record & RECORD_LIST) != 0u) {
    let place = atomicAdd(&spike_counts[2u * slot_index + (step & 1u)], 1u);
    state[slot.state + (3u + slot.exponential) * slot.stride + place] = f32(neuron);
  }
  if ((params.record & RECORD_RASTER) != 0u) {
    atomicOr(&raster[slot.raster + params.raster_row * (slot.stride / 32u) + neuron / 32u], bit);
  }
  if ((params.record & RECORD_HISTORY) != 0u) {
    let row = slot.history + step % (slot.depth + 1u) * (slot.stride / 32u);
    atomicOr(&history[row + neuron / 32u], bit);
  }
}

@compute @workgroup_size(lanes)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  slot_index = id.y;
  if (slot_index >= params.slots) {
    return;
  }
  let slot = slots[slot_index];
  spike_sources(slot, params.step, id.x, groups.x * lanes);
  if (id.x < slot.stride / 4u) {
    update_quad(slot, id.x, params.step);
  }
}
