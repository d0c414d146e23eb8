// From gradients of the currents of a convolution or a pool to those of its input spikes: the transpose of the sums in
// surrogate_forward.wgsl.
//
//   upstream[i] = sum over output positions p that i reaches, and channels c, of W[i -> (p, c)] errors[p][c]
//
// parameters  f32 [slot][stride]: W [row][columns]
// errors      f32 [slot][sample][segment][width]
// upstream    f32 [slot][sample][segment][below_width]
// launch      x: samples, y: slots, z: steps of the segment; each thread has every lanes-th input
// cost        8 B and 2 flops a weight that an input has
// deterministic

// #include "surrogate_slot.wgsl"

struct Params {
  slots: u32,
  batch: u32,
  segment: u32,
  width: u32,
  columns: u32,
  rows: u32,
  stride: u32,
  below_width: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> slots: array<Slot>;
@group(0) @binding(2) var<storage, read> parameters: array<f32>;
@group(0) @binding(3) var<storage, read> errors: array<f32>;
@group(0) @binding(4) var<storage, read_write> upstream: array<f32>;

override lanes: u32 = 64;

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  if (group.y >= params.slots || group.x >= params.batch || group.z >= params.segment) { return; }
  let slot = slots[group.y];
  if (slot.runs != 1u || group.x >= slot.samples || slot.projection == DENSE) { return; }
  let row = (group.y * params.batch + group.x) * params.segment + group.z;
  let errors_at = row * params.width;
  for (var i = lane; i < slot.inputs; i += lanes) {
    let channel = i % slot.in_channels;
    let position = i / slot.in_channels;
    var sum = 0.0;
    for (var ky = 0u; ky < slot.kernel; ky++) {
      let y = axis_target(slot, position / slot.in_x, ky, slot.out_y);
      if (y == 0xffffffffu) { continue; }
      for (var kx = 0u; kx < slot.kernel; kx++) {
        let x = axis_target(slot, position % slot.in_x, kx, slot.out_x);
        if (x == 0xffffffffu) { continue; }
        let at = errors_at + (y * slot.out_x + x) * slot.columns;
        if (slot.projection == CONV) {
          let weights = group.y * params.stride + ((channel * slot.kernel + ky) * slot.kernel + kx) * params.columns;
          for (var c = 0u; c < slot.columns; c++) { sum += parameters[weights + c] * errors[at + c]; }
        } else {
          sum += slot.pool_weight * errors[at + channel];
        }
      }
    }
    upstream[row * params.below_width + i] = sum;
  }
}
