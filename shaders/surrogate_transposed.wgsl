// From gradients of the currents of a convolution or a pool to those of its input spikes: the transpose of the sums in
// surrogate_forward.wgsl.
//
//   upstream[i] = sum over output positions p that i reaches, and channels c, of W[i -> (p, c)] errors[p][c]
//
// parameters  f32 [slot][stride]: W [row][columns]
// errors      f32 [slot][sample][segment][width]
// upstream    f32 [slot][sample][segment][below_width]
// launch      x: samples, y: slots, z: steps of the segment; each thread has every lanes-th quad of inputs
// cost        2 flops a weight that an input has; errors, weights and upstream once
// deterministic
//
// Where channels, above and below, come in quads, five loads of quads make sixteen multiply-adds.

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
@group(0) @binding(2) var<storage, read> parameters: array<vec4f>;
@group(0) @binding(3) var<storage, read> errors: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> upstream: array<vec4f>;

override lanes: u32 = 64;

/// What the outputs that a position reaches come to, of four of its channels from `channel` on, or with `whole` false of the
/// first of them alone.
fn sums_of(slot: Slot, slot_index: u32, errors_at: u32, position: u32, channel: u32, whole: bool) -> vec4f {
  let area = slot.kernel * slot.kernel;
  let row = params.columns / 4u;
  var sums = vec4f(0.0);
  for (var ky = 0u; ky < slot.kernel; ky++) {
    let y = axis_target(slot, position / slot.in_x, ky, slot.out_y);
    if (y == 0xffffffffu) { continue; }
    for (var kx = 0u; kx < slot.kernel; kx++) {
      let x = axis_target(slot, position % slot.in_x, kx, slot.out_x);
      if (x == 0xffffffffu) { continue; }
      let at = errors_at + (y * slot.out_x + x) * slot.columns;
      if (slot.projection != CONV) {
        let one = at + channel;
        if (whole) { sums += slot.pool_weight * errors[one / 4u]; } else { sums.x += slot.pool_weight * errors[one / 4u][one % 4u]; }
        continue;
      }
      let weights = slot_index * params.stride + (channel * area + ky * slot.kernel + kx) * params.columns;
      if (whole) {
        for (var c = 0u; c < slot.columns / 4u; c++) {
          let one = weights / 4u + c;
          sums += errors[at / 4u + c] * mat4x4f(
            parameters[one], parameters[one + area * row], parameters[one + 2u * area * row], parameters[one + 3u * area * row]);
        }
      } else {
        for (var c = 0u; c < slot.columns; c++) {
          let one = weights + c;
          sums.x += parameters[one / 4u][one % 4u] * errors[(at + c) / 4u][(at + c) % 4u];
        }
      }
    }
  }
  return sums;
}

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  if (group.y >= params.slots || group.x >= params.batch || group.z >= params.segment) { return; }
  let slot = slots[group.y];
  if (slot.runs != 1u || group.x >= slot.samples || slot.projection == DENSE) { return; }
  let row = (group.y * params.batch + group.x) * params.segment + group.z;
  let errors_at = row * params.width;
  let whole = ((slot.in_channels | slot.columns | params.columns | params.stride) & 3u) == 0u;
  for (var quad = lane; quad < (slot.inputs + 3u) / 4u; quad += lanes) {
    let i = 4u * quad;
    var sums = vec4f(0.0);
    if (whole) {
      sums = sums_of(slot, group.y, errors_at, i / slot.in_channels, i % slot.in_channels, true);
    } else {
      for (var k = 0u; k < 4u; k++) {
        if (i + k >= slot.inputs) { break; }
        sums[k] = sums_of(slot, group.y, errors_at, (i + k) / slot.in_channels, (i + k) % slot.in_channels, false).x;
      }
    }
    upstream[row * params.below_width / 4u + quad] = sums;
  }
}
