// The roof of scattered access: each invocation reads words at places that nobody can foresee.
//
//   found[i] = sum over r of table[mix(i * rounds + r) & mask]    modulo 2^32, r = 0 .. rounds - 1
//
// table    u32 [mask + 1], a power of two
// found    u32 [invocation]
// launch   one invocation a result, workgroups in x then y
// cost     a read of 4 B at random and 8 integer operations, for each invocation and round
// deterministic

struct Params {
  count: u32,
  // At most 2^22; the native engine refuses more.
  rounds: u32,
  mask: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> table: array<u32>;
@group(0) @binding(2) var<storage, read_write> found: array<u32>;

override lanes: u32 = 64;

/// Spreads neighbouring numbers over 32 bits (multiplications by odd numbers and shifts are one to one).
fn mix(number: u32) -> u32 {
  var x = number * 0x9e3779b1u;
  x ^= x >> 15u;
  x *= 0x85ebca6bu;
  return x ^ (x >> 13u);
}

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
  var sum = 0u;
  for (var r = 0u; r < params.rounds; r++) {
    sum += table[mix(i * params.rounds + r) & params.mask];
  }
  found[i] = sum;
}
