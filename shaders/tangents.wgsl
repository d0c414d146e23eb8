// What the kernels of tangent vectors share: where the vectors of one network are.
//
// A slot holds k vectors of `rows` components, row-major: component r of vectors 4 q .. 4 q + 3 is
// vectors[x + plane rows quads + r quads + q], plane 0 or 1. Rows are the potentials of `neurons` neurons, then their
// synaptic variables, channel by channel. Vectors from k on, up to 4 quads, are padding.

struct TangentSlot {
  neurons: u32,
  channels: u32,
  rows: u32,
  // k
  count: u32,
  // ceil(k / 4)
  quads: u32,
  // Offset in vectors, in quads.
  x: u32,
  // Offset in tables: of delta synapses, then of each channel, [neurons + 1]: where the synapses of each target begin, as
  // indices of `sources`.
  bounds: u32,
  // Offset in tables of the neurons that synapses come from, and in reals of their weights.
  sources: u32,
  weights: u32,
  // Offset in reals: leak of v over a step, [neurons]; for each channel, what g adds to v, [neurons]; for each channel,
  // the decay of g, [neurons].
  leaks: u32,
  // Offset in coefficients: [step][gain, keep, drive][neurons].
  coefficients: u32,
  // Offset in overlaps: [k][16].
  overlaps: u32,
  // Offset in logs: [k].
  logs: u32,
  // Offset in squares, in quads: [rows][quads].
  squares: u32,
}
