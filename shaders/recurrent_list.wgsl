// Spikes as they are recorded by the kernels that take many steps in a launch. The kernel that includes this declares params
// and raster and includes recurrent.wgsl.
//
// A raster has a row of bits for each step. A list has the number of its spikes first, then each as step of the launch << 20 |
// neuron, in no order; there is room for as many as
// refractory periods allow.

/// Makes room for the records of a launch; `lanes` invocations share the work.
fn clear_spikes(slot: Slot, lane: u32, lanes: u32) {
  if ((params.record & RECORD_RASTER) != 0u) {
    for (var word = lane; word < params.steps * (slot.stride / 32u); word += lanes) {
      atomicStore(&raster[slot.raster + word], 0u);
    }
  } else if ((params.record & RECORD_SPIKES) != 0u && lane == 0u) {
    atomicStore(&raster[slot.raster], 0u);
  }
}

/// Records a spike.
fn record_spike(slot: Slot, neuron: u32, step: u32) {
  let t = step - params.first_step;
  if ((params.record & RECORD_RASTER) != 0u) {
    let row = slot.raster + t * (slot.stride / 32u);
    atomicOr(&raster[row + neuron / 32u], 1u << (neuron & 31u));
  } else if ((params.record & RECORD_SPIKES) != 0u) {
    let place = atomicAdd(&raster[slot.raster], 1u);
    if (place < slot.listed) {
      atomicStore(&raster[slot.raster + 1u + place], (t << CLASS_SHIFT) | neuron);
    }
  }
}
