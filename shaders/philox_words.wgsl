// Fills a buffer with the words of Philox 4x32-10: words[4 b .. 4 b + 3] = philox((first_block + b, stream, 0, 0), key).
//
// words   u32, 4 for each block
// launch  one invocation a block, `lanes` in a workgroup, workgroups in x then y
// cost    16 B written and about 120 integer operations a block
// deterministic: each word depends on its address alone

// #include "philox.wgsl"

struct Params {
  blocks: u32,
  first_block: u32,
  stream: u32,
  key_low: u32,
  key_high: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> words: array<u32>;

override lanes: u32 = 64;

@compute @workgroup_size(lanes)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (group.y * groups.x + group.x) * lanes + lane;
  if (index >= params.blocks) {
    return;
  }
  let counter = vec4<u32>(params.first_block + index, params.stream, 0u, 0u);
  let drawn = philox4x32(counter, vec2<u32>(params.key_low, params.key_high));
  words[4u * index] = drawn.x;
  words[4u * index + 1u] = drawn.y;
  words[4u * index + 2u] = drawn.z;
  words[4u * index + 3u] = drawn.w;
}
