// Tangent vectors through several steps of clocked networks: X' = J(t) X for k vectors.
//
// With gain s_j, keep p_i and drive h_i of a step, which say how its neurons stand (src/dynamics/coefficients.ts):
//   a_c[i] = sum over synapses j -> i on channel c of w s_j v_j      (delta synapses: c = delta)
//   g_c[i] += a_c[i]
//   v'[i] = p_i v_i + h_i (leak_i a_delta[i] + sum over c of effect_c,i g_c[i])
//   g'_c[i] = decay_c,i g_c[i]
//
// slots         one network each
// tables        u32: bounds and sources of synapses, by target
// reals         f32: weights, leaks, effects, decays
// coefficients  f32 [step][3][neurons]
// vectors       f32, four vectors together; plane `plane` in, plane (plane + steps) % 2 out
// launch        x: tiles of 4 `quads` vectors; y: slots. A workgroup takes its vectors through all steps: vectors don't
//               depend on each other, so nothing waits for other workgroups
// cost          a step: 2 flops for each synapse and vector; 4 B of vectors from the cache and 8 / (4 quads) B of synapses
// deterministic

// #include "tangents.wgsl"

struct Params {
  slots: u32,
  steps: u32,
  plane: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> slots: array<TangentSlot>;
@group(0) @binding(2) var<storage, read> tables: array<u32>;
@group(0) @binding(3) var<storage, read> reals: array<f32>;
@group(0) @binding(4) var<storage, read> coefficients: array<f32>;
@group(0) @binding(5) var<storage, read_write> vectors: array<vec4<f32>>;

// Both powers of two, quads <= lanes.
override lanes: u32 = 64;
override quads: u32 = 8;

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  if (group.y >= params.slots) {
    return;
  }
  let slot = slots[group.y];
  let n = slot.neurons;
  let quad = group.x * quads + lane % quads;
  let together = lanes / quads;
  for (var t = 0u; t < params.steps; t++) {
    let plane = (params.plane + t) & 1u;
    let x_in = slot.x + plane * slot.rows * slot.quads + quad;
    let x_out = slot.x + (1u - plane) * slot.rows * slot.quads + quad;
    let gains = slot.coefficients + 3u * t * n;
    for (var i = lane / quads; i < n && quad < slot.quads; i += together) {
      let drive = coefficients[gains + 2u * n + i];
      var v = coefficients[gains + n + i] * vectors[x_in + i * slot.quads];
      for (var c = 0u; c <= slot.channels; c++) {
        let bound = slot.bounds + c * (n + 1u) + i;
        let end = tables[bound + 1u];
        var sum = vec4<f32>(0.0);
        for (var s = tables[bound]; s < end; s++) {
          let j = tables[slot.sources + s];
          let gain = coefficients[gains + j];
          sum += (reals[slot.weights + s] * gain) * vectors[x_in + j * slot.quads];
        }
        if (c == 0u) {
          v += (drive * reals[slot.leaks + i]) * sum;
        } else {
          let row = (c * n + i) * slot.quads;
          let g = vectors[x_in + row] + sum;
          v += (drive * reals[slot.leaks + c * n + i]) * g;
          vectors[x_out + row] = reals[slot.leaks + (slot.channels + c) * n + i] * g;
        }
      }
      vectors[x_out + i * slot.quads] = v;
    }
    storageBarrier();
    workgroupBarrier();
  }
}
