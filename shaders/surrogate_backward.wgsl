// Back through a stretch of steps of one layer: from the gradient of the loss with respect to the layer's spikes (of an
// integrator: its membrane potentials) to that with respect to its currents. h is the surrogate of the derivative of a
// spike at u = V - threshold - adaptation A - R; the forward equations are in surrogate_forward.wgsl. No gradient passes through
// R, and none through A where adaptationGradient, else adaptation, is 0.
//
//   gs[t] = upstream[t + out_lag] + sum over j of R[k][j] eI[t+1][j] + eA[t+1] + rate's gradient
//           - (1 - detach) (zero membraneDecay V[t] + subtract threshold) eV[t+1]
//   eu    = gs[t] h(u[t])
//   eA[t] = adaptationDecay eA[t+1] - adaptationGradient eu
//   eV[t] = membraneDecay (1 - zero s[t]) eV[t+1] + eu      (integrator: membraneDecay eV[t+1] + upstream[t])
//   eI[t] = currentDecay eI[t+1] + eV[t]                     = errors: the gradient with respect to x[t]
//   bias += eI[t]; currentDecay += eI[t] I[t-1]; membraneDecay += eV[t] V[t-1] (1 - zero s[t-1]);
//   threshold -= eu + subtract s[t-1] eV[t]
//
// parameters, trace, spikes, counts  as in surrogate_forward.wgsl
// upstream  f32 [slot][sample][upstream_steps][width] from step upstream_first on
// masks     u32 [slot][sample][ceil(width / 32)]: outputs that are not dropped, where params.masked is 1
// errors    f32 [slot][sample][segment][width], from step `first` on; rows beyond `count` and the slot's steps become 0
// adjoint   f32 [slot][sample][4][width]: eI, eV, eA of the earliest step done; the fourth is room for the sums
// partials  f32 [slot][sample][4][columns]: gradients of bias, currentDecay, membraneDecay, threshold so far, of
//           dense layers; the decays' where the trace has a plane of currents
// launch    x: samples, y: slots; each thread has every lanes-th neuron
// cost      per neuron and step about 20 B and 20 flops; recurrent: 4 B and 2 flops a weight
// deterministic

// #include "surrogate_slot.wgsl"

struct Params {
  slots: u32,
  batch: u32,
  steps: u32,
  first: u32,
  count: u32,
  segment: u32,
  out_lag: u32,
  width: u32,
  columns: u32,
  rows: u32,
  recurrent_at: u32,
  constants_at: u32,
  stride: u32,
  trace_first: u32,
  trace_steps: u32,
  planes: u32,
  current_plane: u32,
  adaptation_plane: u32,
  upstream_first: u32,
  upstream_steps: u32,
  masked: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> slots: array<Slot>;
@group(0) @binding(2) var<storage, read> parameters: array<f32>;
@group(0) @binding(3) var<storage, read> trace: array<f32>;
@group(0) @binding(4) var<storage, read> spikes: array<u32>;
@group(0) @binding(5) var<storage, read> counts: array<u32>;
@group(0) @binding(6) var<storage, read> upstream: array<f32>;
@group(0) @binding(7) var<storage, read> masks: array<u32>;
@group(0) @binding(8) var<storage, read_write> errors: array<f32>;
@group(0) @binding(9) var<storage, read_write> adjoint: array<f32>;
@group(0) @binding(10) var<storage, read_write> partials: array<f32>;

override lanes: u32 = 64;

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let slot_index = group.y;
  if (slot_index >= params.slots || group.x >= params.batch) { return; }
  let slot = slots[slot_index];
  if (slot.runs != 1u || group.x >= slot.samples) { return; }
  let width = params.width;
  let words = (width + 31u) / 32u;
  let columns = params.columns;
  let sample = slot_index * params.batch + group.x;
  let constants = slot_index * params.stride + params.constants_at;
  let spikes_at = sample * params.steps * words;
  let errors_at = sample * params.segment * width;
  let adjoint_at = sample * 4u * width;
  let partials_at = sample * 4u * columns;
  let zero = select(0.0, 1.0, slot.reset == RESET_ZERO);
  let subtract = select(0.0, 1.0, slot.reset == RESET_SUBTRACT);
  let through_reset = 1.0 - f32(slot.detach);
  let last = params.first + params.count == params.steps;
  let count = clamp(slot.steps, params.first, params.first + params.count) - params.first;
  if (last) {
    for (var j = lane; j < slot.width; j += lanes) {
      for (var plane = 0u; plane < 3u; plane++) { adjoint[adjoint_at + plane * width + j] = 0.0; }
    }
    for (var c = lane; c < 4u * columns; c += lanes) { partials[partials_at + c] = 0.0; }
  }
  storageBarrier();
  workgroupBarrier();
  for (var back = 0u; back < count; back++) {
    let r = count - 1u - back;
    let t = params.first + r;
    let row = sample * params.trace_steps + t - params.trace_first;
    for (var j = lane; j < slot.width; j += lanes) {
      let column = j % slot.columns;
      let current_decay = parameters[constants + columns + column];
      let membrane_decay = parameters[constants + 2u * columns + column];
      let threshold = parameters[constants + 3u * columns + column];
      let potential = trace[row * params.planes * width + j];
      var from_above = 0.0;
      let above = t + params.out_lag;
      if (above < slot.steps && above - params.upstream_first < params.upstream_steps) {
        from_above = upstream[(sample * params.upstream_steps + above - params.upstream_first) * width + j];
      }
      if (params.masked == 1u) {
        let kept = (masks[sample * words + j / 32u] >> (j & 31u)) & 1u;
        from_above *= select(0.0, slot.output_scale, kept == 1u);
      }
      var spiked_before = 0.0;
      var of_membrane = adjoint[adjoint_at + width + j];
      if (slot.integrator == 1u) {
        of_membrane = membrane_decay * of_membrane + from_above;
      } else {
        let spiked = f32((spikes[spikes_at + t * words + j / 32u] >> (j & 31u)) & 1u);
        if (t > 0u) { spiked_before = f32((spikes[spikes_at + (t - 1u) * words + j / 32u] >> (j & 31u)) & 1u); }
        var gathered = 0.0;
        if (slot.recurrent == 1u && t + 1u < slot.steps && j < slot.neurons) {
          let weights = slot_index * params.stride + params.recurrent_at + j * columns;
          // The later step's errors are rows of `errors`, but for the first step of all in this stretch.
          if (r + 1u < count) {
            let later = errors_at + (r + 1u) * width;
            for (var k = 0u; k < slot.width; k++) { gathered += parameters[weights + k] * errors[later + k]; }
          } else {
            for (var k = 0u; k < slot.width; k++) { gathered += parameters[weights + k] * adjoint[adjoint_at + 3u * width + k]; }
          }
        }
        var of_rate = 0.0;
        if (slot.rate_weight > 0.0) {
          let rate = f32(counts[sample * width + j]) / f32(slot.steps);
          let beyond = max(0.0, rate - slot.rate_high) - max(0.0, slot.rate_low - rate);
          of_rate = 2.0 * slot.rate_weight * beyond / f32(slot.steps);
        }
        var u = potential - threshold;
        if (params.adaptation_plane != 0u) {
          u -= trace[(row * params.planes + params.adaptation_plane) * width + j];
        }
        let of_adaptation = adjoint[adjoint_at + 2u * width + j];
        let of_reset = zero * membrane_decay * potential + subtract * threshold;
        let of_spike = from_above + gathered + of_rate + of_adaptation - through_reset * of_reset * of_membrane;
        let of_distance = select(0.0, of_spike * surrogate_derivative(slot, u), j < slot.neurons);
        adjoint[adjoint_at + 2u * width + j] = slot.adaptation_decay * of_adaptation - slot.adaptation_gradient * of_distance;
        of_membrane = membrane_decay * (1.0 - zero * spiked) * of_membrane + of_distance;
        // One thread has all neurons of a channel only where lanes are; channels are summed below.
        let of_threshold = of_distance + subtract * spiked_before * of_membrane;
        if (slot.projection == DENSE) { partials[partials_at + 3u * columns + column] -= of_threshold; }
      }
      let of_current = current_decay * adjoint[adjoint_at + j] + of_membrane;
      adjoint[adjoint_at + j] = of_current;
      adjoint[adjoint_at + width + j] = of_membrane;
      errors[errors_at + r * width + j] = of_current;
      if (slot.projection == DENSE) {
        partials[partials_at + column] += of_current;
        if (params.current_plane != 0u && t > params.trace_first) {
          let before = (row - 1u) * params.planes;
          let plane = (before + params.current_plane) * width;
          partials[partials_at + columns + column] += of_current * trace[plane + j];
          partials[partials_at + 2u * columns + column] +=
            of_membrane * trace[before * width + j] * (1.0 - zero * spiked_before);
        }
      }
    }
    storageBarrier();
    workgroupBarrier();
  }
  for (var j = lane; j < slot.width; j += lanes) {
    adjoint[adjoint_at + 3u * width + j] = adjoint[adjoint_at + j];
    for (var r = count; r < params.segment; r++) { errors[errors_at + r * width + j] = 0.0; }
  }
}
