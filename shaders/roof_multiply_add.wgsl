// The roof of arithmetic: chains of fused multiply-adds that don't wait for each other.
//
//   x[c] = f32(i % 64 + c) / 64, then `rounds` times x[c] = x[c] scale + shift;  sums[i] = sum over c,  c = 0 .. 31
//
// sums     f32 [invocation]
// launch   one invocation a result, workgroups in x then y
// cost     64 flops an invocation and round; 4 B written an invocation
// deterministic on one device; drivers differ in how they order the last sum

struct Params {
  count: u32,
  // At most 2^22; the native engine refuses more.
  rounds: u32,
  scale: f32,
  shift: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;

override lanes: u32 = 64;

@compute @workgroup_size(lanes)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * lanes + lane;
  if (i >= params.count) {
    return;
  }
  let scale = vec4<f32>(params.scale);
  let shift = vec4<f32>(params.shift);
  let first = vec4<f32>(f32(i % 64u)) + vec4<f32>(0.0, 1.0, 2.0, 3.0);
  var a = first / 64.0;
  var b = (first + 4.0) / 64.0;
  var c = (first + 8.0) / 64.0;
  var d = (first + 12.0) / 64.0;
  var e = (first + 16.0) / 64.0;
  var f = (first + 20.0) / 64.0;
  var g = (first + 24.0) / 64.0;
  var h = (first + 28.0) / 64.0;
  for (var r = 0u; r < params.rounds; r++) {
    a = fma(a, scale, shift);
    b = fma(b, scale, shift);
    c = fma(c, scale, shift);
    d = fma(d, scale, shift);
    e = fma(e, scale, shift);
    f = fma(f, scale, shift);
    g = fma(g, scale, shift);
    h = fma(h, scale, shift);
  }
  let sum = a + b + c + d + e + f + g + h;
  sums[i] = sum.x + sum.y + sum.z + sum.w;
}
