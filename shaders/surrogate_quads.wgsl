// Four neighbouring neurons at once: what surrogate_forward.wgsl and surrogate_backward.wgsl share. Arrays of neurons are
// read as quads, one load instead of four, and neighbouring threads have neighbouring quads; rows of neurons are padded to
// a multiple of four.

/// Which of a quad's neurons there are.
fn exists(slot: Slot, quad: u32) -> vec4<bool> {
  return vec4u(4u * quad) + vec4u(0u, 1u, 2u, 3u) < vec4u(slot.neurons);
}

/// The bits of a quad, as 0 and 1, in the word of a raster that holds it.
fn bits_of(word: u32, quad: u32) -> vec4u {
  return (vec4u(word >> (4u * (quad & 7u))) >> vec4u(0u, 1u, 2u, 3u)) & vec4u(1u);
}

/// One of the parameters `constants`: each neuron's own where the layer is dense, otherwise its channel's.
/// 0: bias, 1: current_decay, 2: membrane_decay, 3: threshold.
fn constant(slot: Slot, slot_index: u32, which: u32, quad: u32) -> vec4f {
  let at = slot_index * params.stride + params.constants_at + which * params.columns;
  if (slot.projection == DENSE) { return parameters[at / 4u + quad]; }
  var values = vec4f(0.0);
  for (var k = 0u; k < 4u; k++) {
    let one = at + (4u * quad + k) % slot.columns;
    values[k] = parameters[one / 4u][one % 4u];
  }
  return values;
}
