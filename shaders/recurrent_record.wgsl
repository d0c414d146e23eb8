// What is recorded of one step of large recurrent networks, after recurrent_update; and room for the next.
//
// slots, tables, state   as for recurrent_network.wgsl
// raster   u32 [step][stride / 32]: the row after this step's is set to zero, where there is one
// traces   f32 [step][trace_count]: v (mV) of the traced neurons
// launch   x: the larger of traced neurons and words of a row, `lanes` a workgroup; y: slots
// cost     8 B an element
// deterministic

// #include "philox.wgsl"
// #include "recurrent.wgsl"

struct Params {
  // The row of raster and traces that belongs to this step, and how many there are.
  row: u32,
  rows: u32,
  slots: u32,
  // 1: raster. 2: traces.
  record: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> slots: array<Slot>;
@group(0) @binding(2) var<storage, read> tables: array<u32>;
@group(0) @binding(3) var<storage, read> state: array<f32>;
@group(0) @binding(4) var<storage, read_write> raster: array<u32>;
@group(0) @binding(5) var<storage, read_write> traces: array<f32>;

override lanes: u32 = 64;

@compute @workgroup_size(lanes)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.y >= params.slots) {
    return;
  }
  let slot = slots[id.y];
  let words = slot.stride / 32u;
  if ((params.record & RECORD_RASTER) != 0u && id.x < words && params.row + 1u < params.rows) {
    raster[slot.raster + (params.row + 1u) * words + id.x] = 0u;
  }
  if ((params.record & RECORD_TRACES) != 0u && id.x < slot.trace_count) {
    traces[slot.traces + params.row * slot.trace_count + id.x] = state[slot.state + tables[slot.traced + id.x]];
  }
}
