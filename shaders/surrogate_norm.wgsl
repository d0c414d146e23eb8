// The sum of squares of a layer's gradients, over what learns: norms[slot][layer]. The norm of a slot is the root of the
// sum over its layers. Not finite where a gradient is not; surrogate_update does nothing then.
//
// steps      one a slot
// gradients  f32 [slot][stride], as the parameters in surrogate_forward.wgsl
// norms      f32 [slot][layers]
// launch     x: slots; `lanes` threads
// cost       4 B and 2 flops a parameter
// deterministic: each thread sums every lanes-th one, thread 0 adds their sums in order

// #include "surrogate_step.wgsl"

struct Params {
  slots: u32,
  layer: u32,
  layers: u32,
  stride: u32,
  recurrent_at: u32,
  constants_at: u32,
  columns: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> steps: array<Step>;
@group(0) @binding(2) var<storage, read> gradients: array<f32>;
@group(0) @binding(3) var<storage, read_write> norms: array<f32>;

override lanes: u32 = 64;

var<workgroup> sums: array<f32, lanes>;

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  if (group.x >= params.slots) { return; }
  let step = steps[group.x];
  if (step.runs == 0u) { return; }
  var sum = 0.0;
  for (var i = lane; i < params.stride; i += lanes) {
    if ((learning_bit(i, params.recurrent_at, params.constants_at, params.columns) & step.learns) != 0u) {
      let gradient = gradients[group.x * params.stride + i];
      sum += gradient * gradient;
    }
  }
  sums[lane] = sum;
  workgroupBarrier();
  if (lane == 0u) {
    var total = 0.0;
    for (var l = 0u; l < lanes; l++) { total += sums[l]; }
    norms[group.x * params.layers + params.layer] = total;
  }
}
