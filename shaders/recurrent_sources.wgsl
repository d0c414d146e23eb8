// The sources of a network in one step. The kernel that includes this declares slots and tables, includes philox.wgsl and
// recurrent.wgsl, and has a function note_spike(slot, neuron, step) for each spike.

/// Lets the sources of a network spike; invocation `lane` of `lanes` that share the work.
fn spike_sources(slot: Slot, step: u32, lane: u32, lanes: u32) {
  if (step < slot.event_steps) {
    let end = tables[slot.events + step + 1u];
    for (var event = tables[slot.events + step] + lane; event < end; event += lanes) {
      note_spike(slot, tables[event], step);
    }
  }
  for (var k = 0u; k < slot.rate_count; k++) {
    let at = slot.rates + 4u * k;
    let first = tables[at];
    let end = tables[at + 1u];
    for (var quad = first / 64u * 16u + lane; quad < (end + 63u) / 64u * 16u; quad += lanes) {
      let neurons = neurons_of(quad);
      let words = philox4x32(vec4<u32>(quad, SOURCE_SPIKES, step, 0u), vec2<u32>(slot.seed_low, slot.seed_high));
      for (var w = 0u; w < 4u; w++) {
        if (neurons[w] >= first && neurons[w] < end) {
          if (words[w] < tables[tables[at + 2u] + (neurons[w] - first) * tables[at + 3u]]) {
            note_spike(slot, neurons[w], step);
          }
        }
      }
    }
  }
}
