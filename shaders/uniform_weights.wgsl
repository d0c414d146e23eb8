// Initial weights of a dense projection, uniform in [0, 1), for the slots whose trials begin.
//
//   w[i, j] = unit_real(philox((i, 1, j / 4, 0), seed)[j % 4])     i input, j neuron
//
// A weight depends on its trial's seed and on (i, j) alone: not on the slot, not on the size of the network.
//
// fills    one a workgroup row (y): which slot, how many neurons, the seed
// weights  f32 in tiles of 32 columns, [slot][tile][input][32]; columns beyond the neurons are set to zero
// launch   one invocation for 4 columns of one input: x covers slot_tiles * inputs * 8, y the fills
// cost     16 B written and about 130 integer operations an invocation
// deterministic

// #include "philox.wgsl"

struct Params {
  inputs: u32,
  slot_tiles: u32,
}

struct Fill {
  slot: u32,
  neurons: u32,
  seed_low: u32,
  seed_high: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> fills: array<Fill>;
@group(0) @binding(2) var<storage, read_write> weights: array<vec4<f32>>;

override lanes: u32 = 64;

const INITIAL_WEIGHTS = 1u;

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let quad = group.x * lanes + lane;
  let slot_quads = params.slot_tiles * params.inputs * 8u;
  if (quad >= slot_quads) {
    return;
  }
  let fill = fills[group.y];
  let tile = quad / (params.inputs * 8u);
  let input = (quad / 8u) % params.inputs;
  let column = tile * 32u + (quad % 8u) * 4u;
  let counter = vec4<u32>(input, INITIAL_WEIGHTS, column / 4u, 0u);
  let drawn = philox4x32(counter, vec2<u32>(fill.seed_low, fill.seed_high));
  let columns = vec4<u32>(column, column + 1u, column + 2u, column + 3u);
  let uniform4 = vec4<f32>(unit_real(drawn.x), unit_real(drawn.y), unit_real(drawn.z), unit_real(drawn.w));
  weights[fill.slot * slot_quads + quad] = select(vec4<f32>(0.0), uniform4, columns < vec4<u32>(fill.neurons));
}
