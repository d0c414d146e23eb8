// Tangent vectors through the events of networks in continuous time: a list of operations for each network, in order.
//
// An operation changes the variables of one neuron, with X = v[source] before it (src/dynamics/tangent-program.ts):
//   v[target] = a v[target] + sum over c of b_c g_c[target] + c X
//   g_c[target] = d_c g_c[target] + e_c X
//
// slots       one network each
// ranges      u32 [slot][2]: where its operations begin, in words, and how many there are
// operations  u32: target, source; then the bits of a, c and of b, d, e of each channel
// vectors     f32, four vectors together, plane `plane`, in place
// launch      x: `lanes` quads of vectors a workgroup; y: slots. An invocation takes four vectors through all operations
// cost        2 (1 + 2 channels) + 2 flops for each operation and vector
// deterministic

// #include "tangents.wgsl"

struct Params {
  slots: u32,
  plane: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> slots: array<TangentSlot>;
@group(0) @binding(2) var<storage, read> ranges: array<u32>;
@group(0) @binding(3) var<storage, read> operations: array<u32>;
@group(0) @binding(4) var<storage, read_write> vectors: array<vec4<f32>>;

override lanes: u32 = 64;

@compute @workgroup_size(lanes)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.y >= params.slots) {
    return;
  }
  let slot = slots[id.y];
  if (id.x >= slot.quads) {
    return;
  }
  let x = slot.x + params.plane * slot.rows * slot.quads + id.x;
  let width = 4u + 3u * slot.channels;
  var at = ranges[2u * id.y];
  for (var left = ranges[2u * id.y + 1u]; left > 0u; left--) {
    let target_row = x + operations[at] * slot.quads;
    let x_source = vectors[x + operations[at + 1u] * slot.quads];
    var v = bitcast<f32>(operations[at + 2u]) * vectors[target_row] + bitcast<f32>(operations[at + 3u]) * x_source;
    for (var c = 0u; c < slot.channels; c++) {
      let numbers = at + 4u + 3u * c;
      let row = target_row + (1u + c) * slot.neurons * slot.quads;
      let g = vectors[row];
      v += bitcast<f32>(operations[numbers]) * g;
      vectors[row] = bitcast<f32>(operations[numbers + 1u]) * g + bitcast<f32>(operations[numbers + 2u]) * x_source;
    }
    vectors[target_row] = v;
    at += width;
  }
}
