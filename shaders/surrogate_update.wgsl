// One step of the optimizer of every slot, on one layer's parameters p with gradients g (scaled down to the norm `clip`):
//
//   0 gradient descent: m = momentum m + g; p -= rate (nesterov ? g + momentum m : m)     (Sutskever et al. 2013)
//   1 Adam: m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2,
//           p -= rate m correction1 / (sqrt(v correction2) + epsilon)                     (Kingma, Ba 2015)
//   2 AdamW: the same, and p -= rate weight_decay p                                       (Loshchilov, Hutter 2019)
//
// 0 and 1 add weight_decay p to g. Decays are kept in [0, 1], thresholds at 0.001 or above. Nothing happens to a slot
// whose gradients are not finite.
//
// steps          one a slot
// norms          f32 [slot][layers], from surrogate_norm
// gradients, parameters, first_moment, second_moment  f32 [slot][stride]
// launch         x: `lanes` parameters a workgroup, y: slots
// cost           24 B and about 15 flops a parameter
// deterministic

// #include "surrogate_step.wgsl"

struct Params {
  slots: u32,
  layers: u32,
  stride: u32,
  recurrent_at: u32,
  constants_at: u32,
  columns: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> steps: array<Step>;
@group(0) @binding(2) var<storage, read> norms: array<f32>;
@group(0) @binding(3) var<storage, read> gradients: array<f32>;
@group(0) @binding(4) var<storage, read_write> parameters: array<f32>;
@group(0) @binding(5) var<storage, read_write> first_moment: array<f32>;
@group(0) @binding(6) var<storage, read_write> second_moment: array<f32>;

override lanes: u32 = 64;

@compute @workgroup_size(lanes)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
  @builtin(num_workgroups) groups: vec3u,
) {
  // More than 65,535 workgroups of a slot go on in z.
  let index = (group.z * groups.x + group.x) * lanes + lane;
  if (group.y >= params.slots || index >= params.stride) { return; }
  let step = steps[group.y];
  if (step.runs == 0u) { return; }
  let bit = learning_bit(index, params.recurrent_at, params.constants_at, params.columns);
  if ((step.learns & bit) == 0u) { return; }
  var squares = 0.0;
  for (var layer = 0u; layer < params.layers; layer++) { squares += norms[group.y * params.layers + layer]; }
  // Neither infinite nor NaN.
  if (!(squares <= 3.4e38)) { return; }
  let norm = sqrt(squares);
  var scale = 1.0;
  if (step.clip > 0.0 && norm > step.clip) { scale = step.clip / norm; }
  let at = group.y * params.stride + index;
  let value = parameters[at];
  if (bit == 2u && (step.learns & 64u) != 0u && value == 0.0) { return; }
  let decay = select(0.0, step.weight_decay, bit <= 2u);
  var updated = value;
  if (step.kind == 0u) {
    let gradient = scale * gradients[at] + decay * value;
    let m = step.momentum * first_moment[at] + gradient;
    first_moment[at] = m;
    updated = value - step.rate * select(m, gradient + step.momentum * m, step.nesterov == 1u);
  } else {
    let gradient = scale * gradients[at] + select(decay * value, 0.0, step.kind == 2u);
    let m = step.beta1 * first_moment[at] + (1.0 - step.beta1) * gradient;
    let v = step.beta2 * second_moment[at] + (1.0 - step.beta2) * gradient * gradient;
    first_moment[at] = m;
    second_moment[at] = v;
    let along = m * step.correction1 / (sqrt(v * step.correction2) + step.epsilon);
    updated = value - step.rate * (along + select(0.0, decay * value, step.kind == 2u));
  }
  if (bit == 8u || bit == 16u) { updated = clamp(updated, 0.0, 1.0); }
  if (bit == 32u) { updated = max(updated, 0.001); }
  parameters[at] = updated;
}
