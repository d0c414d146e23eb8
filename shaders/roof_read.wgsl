// The roof of the caches: each workgroup reads a window of its own again and again. How large the window is decides which
// cache serves it.
//
//   sums[g][c] = sum over round, i of (values[g * window + i][c] ^ round)    modulo 2^32
//
// values   vec4<u32> [workgroups * window]
// sums     u32 [workgroup][4], zero before
// launch   `groups` workgroups, in x then y
// cost     16 B read and 2 integer operations a component, for each element of the window and round
// deterministic: sums modulo 2^32 don't depend on their order

struct Params {
  groups: u32,
  // Elements of a window.
  window: u32,
  // At most 2^22; the native engine refuses more.
  rounds: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> values: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> sums: array<atomic<u32>>;

override lanes: u32 = 64;

@compute @workgroup_size(lanes)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = group.y * groups.x + group.x;
  if (index >= params.groups) {
    return;
  }
  let first = index * params.window;
  var even = vec4<u32>(0u);
  var odd = vec4<u32>(0u);
  for (var round = 0u; round < params.rounds; round++) {
    var i = lane;
    // Two at a time, so that additions need not wait for each other.
    for (; i + lanes < params.window; i += 2u * lanes) {
      even += values[first + i] ^ vec4<u32>(round);
      odd += values[first + i + lanes] ^ vec4<u32>(round);
    }
    if (i < params.window) {
      even += values[first + i] ^ vec4<u32>(round);
    }
  }
  let sum = even + odd;
  for (var c = 0u; c < 4u; c++) {
    atomicAdd(&sums[4u * index + c], sum[c]);
  }
}
