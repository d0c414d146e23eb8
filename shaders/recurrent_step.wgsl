// One step of the neurons of a network: arrivals, membrane potentials, thresholds. The kernel that includes this declares
// slots, tables, state and ring, includes philox.wgsl and recurrent.wgsl, and has a function
// note_spike(slot, neuron, step) for each spike.

/// Arrivals of a quad on a plane, in units, which are taken out of the ring.
fn take_arrivals(slot: Slot, neurons: vec4<u32>, step: u32, plane: u32) -> vec4<i32> {
  let at = slot.ring + ((step % slot.depth) * (slot.delta + slot.exponential) + plane) * slot.stride + neurons;
  let sum = vec4<i32>(
    atomicLoad(&ring[at.x]),
    atomicLoad(&ring[at.y]),
    atomicLoad(&ring[at.z]),
    atomicLoad(&ring[at.w]),
  );
  for (var w = 0u; w < 4u; w++) {
    if (sum[w] != 0) {
      atomicStore(&ring[at[w]], 0);
    }
  }
  return sum;
}

/// Advances the neurons of a quad by one step.
fn update_quad(slot: Slot, quad: u32, step: u32) {
  let neurons = neurons_of(quad);
  let v_at = slot.state + neurons;
  let held_at = v_at + slot.stride;
  let adaptation_at = held_at + slot.stride;
  let old = vec4<f32>(state[v_at.x], state[v_at.y], state[v_at.z], state[v_at.w]);
  let left = vec4<f32>(state[held_at.x], state[held_at.y], state[held_at.z], state[held_at.w]);
  let held = left > vec4<f32>(0.0);
  let leak = parameter(slot, LEAK, neurons);
  let rest = parameter(slot, REST, neurons);
  var v = old;
  var driven = vec4<f32>(0.0);
  var conductance = vec4<f32>(1.0);
  // One loop for all planes: a compiler puts everything that is called in here as often as it is called.
  for (var plane = 0u; plane < slot.delta + slot.exponential; plane++) {
    var units = take_arrivals(slot, neurons, step, plane);
    if (slot.poisson_count > 0u) {
      units += poisson_input(slot, quad, neurons, step, plane);
    }
    let arrived = vec4<f32>(units) * slot.unit;
    if (plane < slot.delta) {
      v += arrived;
    } else {
      let c = plane - slot.delta;
      let g_at = v_at + (3u + c) * slot.stride;
      let field = CHANNELS + CHANNEL_PARAMETERS * c;
      let g = vec4<f32>(state[g_at.x], state[g_at.y], state[g_at.z], state[g_at.w]) + arrived;
      let effect = parameter(slot, field, neurons);
      if ((slot.flags & CONDUCTANCE) != 0u) {
        conductance += g * effect;
        driven += g * parameter(slot, field + 2u, neurons);
      } else {
        driven += g * effect;
      }
      let decayed = g * parameter(slot, field + 1u, neurons);
      state[g_at.x] = decayed.x;
      state[g_at.y] = decayed.y;
      state[g_at.z] = decayed.z;
      state[g_at.w] = decayed.w;
    }
  }
  if ((slot.flags & CONDUCTANCE) != 0u) {
    let settled = (rest + driven) / conductance;
    v = settled + (v - settled) * exp(-leak * conductance);
  } else {
    v = rest + (v - rest) * leak + driven;
  }
  if ((slot.flags & NOISE) != 0u) {
    v += parameter(slot, NOISE_STEP, neurons) * normals(slot, quad, step);
  }
  v = select(v, old, held);
  let base = parameter(slot, THRESHOLD, neurons);
  var threshold = base;
  var adaptation = vec4<f32>(0.0);
  if ((slot.flags & ADAPTATION) != 0u) {
    let decay = parameter(slot, ADAPTATION_DECAY, neurons);
    adaptation = vec4<f32>(
      state[adaptation_at.x],
      state[adaptation_at.y],
      state[adaptation_at.z],
      state[adaptation_at.w],
    ) * decay;
    threshold += adaptation;
  }
  let spikes = (v > threshold) & !held;
  if ((slot.flags & BEFORE_RESET) != 0u) {
    for (var w = 0u; w < 4u; w++) {
      state[adaptation_at[w]] = v[w];
    }
  }
  var remaining = max(left - 1.0, vec4<f32>(0.0));
  if (any(spikes)) {
    let reset = parameter(slot, RESET, neurons) + parameter(slot, KEEP, neurons) * (v - base);
    v = select(v, reset, spikes);
    remaining = select(remaining, parameter(slot, REFRACTORY, neurons), spikes);
    adaptation += select(vec4<f32>(0.0), parameter(slot, ADAPTATION_STEP, neurons), spikes);
    for (var w = 0u; w < 4u; w++) {
      if (spikes[w]) {
        note_spike(slot, neurons[w], step);
      }
    }
  }
  for (var w = 0u; w < 4u; w++) {
    state[v_at[w]] = v[w];
    state[held_at[w]] = remaining[w];
    if ((slot.flags & ADAPTATION) != 0u) {
      state[adaptation_at[w]] = adaptation[w];
    }
  }
}
