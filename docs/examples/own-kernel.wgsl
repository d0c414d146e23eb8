// Counts the spikes of each neuron over a block of steps.
//
//   counts[n] = sum over t of bit n % 32 of raster[t * words + n / 32]
//
// raster   u32 [step][words], a bit a neuron
// counts   u32 [neuron]
// launch   ceil(neurons / lanes) workgroups in x
// deterministic: each count is made by one invocation

struct Params {
  neurons: u32,
  steps: u32,
  words: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> raster: array<u32>;
@group(0) @binding(2) var<storage, read_write> counts: array<u32>;

override lanes: u32 = 64;

@compute @workgroup_size(lanes)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let neuron = id.x;
  if (neuron >= params.neurons) {
    return;
  }
  var count = 0u;
  for (var step = 0u; step < params.steps; step++) {
    count += (raster[step * params.words + neuron / 32u] >> (neuron % 32u)) & 1u;
  }
  counts[neuron] = count;
}
