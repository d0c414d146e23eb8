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
// adjoint   f32 [slot][sample][4][width]: eI, eV, eA of the earliest step done; the fourth is room for the eI between
// partials  f32 [slot][sample][4][columns]: gradients of bias, currentDecay, membraneDecay, threshold so far, of
//           dense layers; the decays' where the trace has a plane of currents
// launch    x: samples in groups of 8, y: slots; each thread has a quad of neurons of some samples at a time
// cost      per neuron and step about 20 B and 20 flops; recurrent: 4 B and 2 flops a weight, which 8 samples share
// deterministic
//
// The sum over the recurrent weights: a thread has four rows of weights and eight samples, so twelve loads of quads make
// 128 multiply-adds; `parts` neighbours share the rows, each with every parts-th quad, and read neighbouring addresses.
// Where nothing is recurrent no thread waits for another, and all steps of a quad stay in registers.

// #include "surrogate_slot.wgsl"
// #include "surrogate_quads.wgsl"

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
@group(0) @binding(2) var<storage, read> parameters: array<vec4f>;
@group(0) @binding(3) var<storage, read> trace: array<vec4f>;
@group(0) @binding(4) var<storage, read> spikes: array<u32>;
@group(0) @binding(5) var<storage, read> counts: array<u32>;
@group(0) @binding(6) var<storage, read> upstream: array<vec4f>;
@group(0) @binding(7) var<storage, read> masks: array<u32>;
@group(0) @binding(8) var<storage, read_write> errors: array<vec4f>;
@group(0) @binding(9) var<storage, read_write> adjoint: array<vec4f>;
@group(0) @binding(10) var<storage, read_write> partials: array<vec4f>;

override lanes: u32 = 64;
// Threads that share the sums of a quad: a divisor of `lanes`.
override parts: u32 = 8;

// Samples of a workgroup.
const TILE = 8u;

// [sample][thread]: sums over a thread's part of the recurrent weights.
var<workgroup> gathered: array<vec4f, TILE * lanes>;

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let slot_index = group.y;
  if (slot_index >= params.slots) { return; }
  let slot = slots[slot_index];
  let all_samples = min(slot.samples, params.batch);
  if (slot.runs != 1u || group.x * TILE >= all_samples) { return; }
  let samples = min(TILE, all_samples - group.x * TILE);
  let first_sample = slot_index * params.batch + group.x * TILE;
  // Quads of a row of an array, those of the slot, and those that a workgroup has at a time.
  let row = params.width / 4u;
  let quads = (slot.width + 3u) / 4u;
  let together = lanes / parts;
  let words = (params.width + 31u) / 32u;
  let columns = params.columns / 4u;
  let dense = slot.projection == DENSE;
  let recurrent = slot.recurrent == 1u && slot.integrator == 0u;
  let adapts = slot.adaptation_gradient != 0.0;
  let zero = select(0.0, 1.0, slot.reset == RESET_ZERO);
  let subtract = select(0.0, 1.0, slot.reset == RESET_SUBTRACT);
  let through_reset = 1.0 - f32(slot.detach);
  let last = params.first + params.count == params.steps;
  let count = clamp(slot.steps, params.first, params.first + params.count) - params.first;
  let span = select(max(1u, count), 1u, recurrent);

  if (last) {
    for (var s = 0u; s < samples; s++) {
      let sample = first_sample + s;
      for (var quad = lane; quad < quads; quad += lanes) {
        for (var plane = 0u; plane < 3u; plane++) { adjoint[(4u * sample + plane) * row + quad] = vec4f(0.0); }
      }
      for (var c = lane; c < params.columns; c += lanes) { partials[sample * params.columns + c] = vec4f(0.0); }
    }
  }
  storageBarrier();
  workgroupBarrier();
  for (var back = 0u; back < count; back += span) {
    // The latest step of this round; eI of the step after it is in plane `later`.
    let t = params.first + count - 1u - back;
    let later = select(0u, 3u, recurrent && (back & 1u) == 1u);
    let earlier = select(0u, 3u - later, recurrent);
    let meets = recurrent && t + 1u < slot.steps;
    for (var first = 0u; first < quads; first += together) {
      if (meets) {
        let quad = min(first + lane / parts, quads - 1u);
        let weights = (slot_index * params.stride + params.recurrent_at) / 4u + 4u * quad * columns;
        let errors_at = (4u * first_sample + later) * row;
        let most = samples - 1u;
        var g0 = vec4f(0.0);
        var g1 = vec4f(0.0);
        var g2 = vec4f(0.0);
        var g3 = vec4f(0.0);
        var g4 = vec4f(0.0);
        var g5 = vec4f(0.0);
        var g6 = vec4f(0.0);
        var g7 = vec4f(0.0);
        for (var k = lane % parts; k < quads; k += parts) {
          let at = weights + k;
          let w = mat4x4f(
            parameters[at], parameters[at + columns], parameters[at + 2u * columns], parameters[at + 3u * columns]);
          // Samples that there are not are the last one again, and come to nothing.
          g0 += adjoint[errors_at + k] * w;
          g1 += adjoint[errors_at + 4u * min(1u, most) * row + k] * w;
          g2 += adjoint[errors_at + 4u * min(2u, most) * row + k] * w;
          g3 += adjoint[errors_at + 4u * min(3u, most) * row + k] * w;
          g4 += adjoint[errors_at + 4u * min(4u, most) * row + k] * w;
          g5 += adjoint[errors_at + 4u * min(5u, most) * row + k] * w;
          g6 += adjoint[errors_at + 4u * min(6u, most) * row + k] * w;
          g7 += adjoint[errors_at + 4u * most * row + k] * w;
        }
        gathered[lane] = g0;
        gathered[lanes + lane] = g1;
        gathered[2u * lanes + lane] = g2;
        gathered[3u * lanes + lane] = g3;
        gathered[4u * lanes + lane] = g4;
        gathered[5u * lanes + lane] = g5;
        gathered[6u * lanes + lane] = g6;
        gathered[7u * lanes + lane] = g7;
      }
      workgroupBarrier();
      for (var index = lane; index < together * samples; index += lanes) {
        let quad = first + index % together;
        let s = index / together;
        if (quad >= quads) { continue; }
        let sample = first_sample + s;
        let adjoint_at = 4u * sample * row + quad;
        let raster_at = sample * params.steps * words + quad / 8u;
        let current_decay = constant(slot, slot_index, 1u, quad);
        let membrane_decay = constant(slot, slot_index, 2u, quad);
        let threshold = constant(slot, slot_index, 3u, quad);
        let is_neuron = exists(slot, quad);
        var amplitude = vec4f(1.0);
        if (params.masked == 1u) {
          amplitude = slot.output_scale * vec4f(bits_of(masks[sample * words + quad / 8u], quad));
        }
        var met = vec4f(0.0);
        if (meets) {
          for (var p = 0u; p < parts; p++) { met += gathered[s * lanes + index % together * parts + p]; }
        }
        var of_rate = vec4f(0.0);
        if (slot.rate_weight > 0.0) {
          for (var k = 0u; k < 4u; k++) {
            let rate = f32(counts[sample * params.width + 4u * quad + k]) / f32(slot.steps);
            let beyond = max(0.0, rate - slot.rate_high) - max(0.0, slot.rate_low - rate);
            of_rate[k] = 2.0 * slot.rate_weight * beyond / f32(slot.steps);
          }
        }
        var of_current = adjoint[adjoint_at + later * row];
        var of_membrane = adjoint[adjoint_at + row];
        var of_adaptation = vec4f(0.0);
        if (adapts) { of_adaptation = adjoint[adjoint_at + 2u * row]; }
        var of_bias = vec4f(0.0);
        var of_threshold = vec4f(0.0);
        var of_current_decay = vec4f(0.0);
        var of_membrane_decay = vec4f(0.0);
        for (var step = 0u; step < span; step++) {
          let now = t - step;
          let trace_at = (sample * params.trace_steps + now - params.trace_first) * params.planes * row + quad;
          var from_above = vec4f(0.0);
          let above = now + params.out_lag;
          if (above < slot.steps && above - params.upstream_first < params.upstream_steps) {
            from_above = amplitude * upstream[(sample * params.upstream_steps + above - params.upstream_first) * row + quad];
          }
          var spiked_before = vec4f(0.0);
          if (slot.integrator == 1u) {
            of_membrane = membrane_decay * of_membrane + from_above;
          } else {
            var spiked = vec4f(0.0);
            if (slot.reset == RESET_ZERO) { spiked = vec4f(bits_of(spikes[raster_at + now * words], quad)); }
            if (slot.reset != 0u && now > 0u) {
              spiked_before = vec4f(bits_of(spikes[raster_at + (now - 1u) * words], quad));
            }
            let potential = trace[trace_at];
            var u = potential - threshold;
            if (params.adaptation_plane != 0u) { u -= trace[trace_at + params.adaptation_plane * row]; }
            let of_reset = zero * membrane_decay * potential + subtract * threshold;
            let of_spike = from_above + met + of_rate + of_adaptation - through_reset * of_reset * of_membrane;
            let of_distance = select(vec4f(0.0), of_spike * surrogate_derivative(slot, u), is_neuron);
            of_adaptation = slot.adaptation_decay * of_adaptation - slot.adaptation_gradient * of_distance;
            of_membrane = membrane_decay * (1.0 - zero * spiked) * of_membrane + of_distance;
            of_threshold -= of_distance + subtract * spiked_before * of_membrane;
          }
          of_current = current_decay * of_current + of_membrane;
          errors[(sample * params.segment + now - params.first) * row + quad] = of_current;
          of_bias += of_current;
          if (dense && params.current_plane != 0u && now > params.trace_first) {
            let before = trace_at - params.planes * row;
            of_current_decay += of_current * trace[before + params.current_plane * row];
            of_membrane_decay += of_membrane * trace[before] * (1.0 - zero * spiked_before);
          }
        }
        adjoint[adjoint_at + earlier * row] = of_current;
        adjoint[adjoint_at + row] = of_membrane;
        if (adapts) { adjoint[adjoint_at + 2u * row] = of_adaptation; }
        // Constants of channels do not learn.
        if (dense) {
          let partials_at = 4u * sample * columns + quad;
          partials[partials_at] += of_bias;
          partials[partials_at + 3u * columns] += of_threshold;
          if (params.current_plane != 0u) {
            partials[partials_at + columns] += of_current_decay;
            partials[partials_at + 2u * columns] += of_membrane_decay;
          }
        }
      }
      workgroupBarrier();
    }
    storageBarrier();
    workgroupBarrier();
  }
  for (var s = 0u; s < samples; s++) {
    let sample = first_sample + s;
    for (var quad = lane; quad < quads; quad += lanes) {
      if (recurrent && (count & 1u) == 1u) {
        adjoint[4u * sample * row + quad] = adjoint[(4u * sample + 3u) * row + quad];
      }
      for (var r = count; r < params.segment; r++) { errors[(sample * params.segment + r) * row + quad] = vec4f(0.0); }
    }
  }
}
