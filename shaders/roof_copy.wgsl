// The roof of memory: a copy, copied[i] = original[i]. It computes nothing, so nothing that moves as much memory is faster.
//
// original, copied   vec4<u32> [chunk * workgroups]
// launch             a workgroup copies `chunk` elements, workgroups in x then y
// cost               32 B an element, 16 read and 16 written
// deterministic

struct Params {
  // Elements in all, and of one workgroup.
  count: u32,
  chunk: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> original: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> copied: array<vec4<u32>>;

override lanes: u32 = 64;

@compute @workgroup_size(lanes)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let first = (group.y * groups.x + group.x) * params.chunk;
  let end = min(first + params.chunk, params.count);
  for (var i = first + lane; i < end; i += lanes) {
    copied[i] = original[i];
  }
}
