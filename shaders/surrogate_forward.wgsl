// A stretch of steps of one layer of spiking neurons, for every slot and sample of a batch.
//
//   x[t] = scale sum of W over the input's spikes in step t - lag + sum of R over the layer's spikes of step t - 1
//          (or what `drive` holds, with the recurrent sum)
//   I[t] = currentDecay I[t-1] + x[t] + bias
//   V[t] = membraneDecay V[t-1] (1 - zero s[t-1]) - subtract threshold s[t-1] + I[t]
//   A[t] = adaptationDecay A[t-1] + s[t-1]
//   R[t] = refractoryDecay R[t-1] + refractory (threshold + adaptation A[t-1]) s[t-1]
//   s[t] = V[t] >= threshold + adaptation A[t] + R[t]        (0 for an integrator)
//
// zero and subtract are 1 for the reset of that name. Follows Neftci, Mostafa, Zenke (2019), equations 5 to 9, with the
// adaptive threshold of Bellec et al. (2018); R is the refractory state of SLAYER's adaptive neurons (Shrestha, Orchard 2018).
//
// parameters  f32 [slot][stride]: W [row][columns]; from recurrent_at R [neuron][columns]; from constants_at bias,
//             currentDecay, membraneDecay, threshold, each [columns] (of a convolution's: one a channel)
// drive       f32 [slot][sample][step][width], where params.drive is 1
// inputs      u32 [slot][sample][step][input_words], bits, else; without [slot] where inputs_shared is 1
// masks       u32 [slot][sample][input_words]: inputs that are not dropped, where params.masked is 1
// spikes      u32 [slot][sample][step][ceil(width / 32)], bits; steps before `first` are read
// trace       f32 [slot][sample][trace_steps][planes][width] from step trace_first on: V, and I and
//             adaptation A + R where they have a plane (0: not kept), where params.record is 1
// state       f32 [copy][slot][sample][4][width]: I, V, A, R; the stretch begins with copy state_in (unless `first` is 0)
//             and leaves its last step in copy state_out
// counts      u32 [slot][sample][width]: spikes of each neuron in steps below the slot's steps - out_lag; totals, from totals_at on,
//             u32 [slot][sample]: of all together; both only where params.tally is 1
// launch      x: samples, y: slots; a workgroup has `lanes` threads (a multiple of 8), each with every lanes-th quad of neurons
// cost        4 B a weight and event; 12 B and about 10 flops a neuron and step
// deterministic
//
// An event is looked up once for up to four quads of a thread, whose weights neighbours read side by side.

// #include "surrogate_slot.wgsl"
// #include "surrogate_quads.wgsl"

struct Params {
  slots: u32,
  batch: u32,
  steps: u32,
  first: u32,
  count: u32,
  input_words: u32,
  inputs_shared: u32,
  lag: u32,
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
  drive: u32,
  masked: u32,
  record: u32,
  tally: u32,
  state_in: u32,
  state_out: u32,
  totals_at: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> slots: array<Slot>;
@group(0) @binding(2) var<storage, read> parameters: array<vec4f>;
@group(0) @binding(3) var<storage, read> drive: array<vec4f>;
@group(0) @binding(4) var<storage, read> inputs: array<u32>;
@group(0) @binding(5) var<storage, read> masks: array<u32>;
@group(0) @binding(6) var<storage, read_write> spikes: array<u32>;
@group(0) @binding(7) var<storage, read_write> trace: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> state: array<vec4f>;
@group(0) @binding(9) var<storage, read_write> counts: array<vec4u>;
@group(0) @binding(10) var<storage, read_write> totals: array<u32>;

override lanes: u32 = 32;

// Quads of a thread that share what is looked up.
const TOGETHER = 4u;

// [quad of the thread][thread]: spikes of four neurons.
var<workgroup> spiking: array<u32, TOGETHER * lanes>;
var<workgroup> lane_totals: array<u32, lanes>;

struct Place {
  sample: u32,
  input_row: u32,
  parameters_at: u32,
}

/// Currents of quads that are `lanes` apart.
struct Currents {
  a: vec4f,
  b: vec4f,
  c: vec4f,
  d: vec4f,
}

/// A word of the input's raster, less what is dropped and what the slot does not have.
fn input_word(slot: Slot, place: Place, t: u32, word: u32) -> u32 {
  var bits = inputs[(place.input_row + t) * params.input_words + word];
  if (params.masked == 1u) { bits &= masks[place.sample * params.input_words + word]; }
  if (slot.inputs - 32u * word < 32u) { bits &= (1u << (slot.inputs - 32u * word)) - 1u; }
  return bits;
}

/// Adds the rows of weights that a word's spikes stand for; `at` is where the row of its first bit begins, in quads.
fn add_rows(to: Currents, word: u32, at: u32, quad: u32, quads: u32) -> Currents {
  var sums = to;
  var rest = word;
  while (rest != 0u) {
    let row = at + firstTrailingBit(rest) * (params.columns / 4u) + quad;
    rest &= rest - 1u;
    if (quad < quads) { sums.a += parameters[row]; }
    if (quad + lanes < quads) { sums.b += parameters[row + lanes]; }
    if (quad + 2u * lanes < quads) { sums.c += parameters[row + 2u * lanes]; }
    if (quad + 3u * lanes < quads) { sums.d += parameters[row + 3u * lanes]; }
  }
  return sums;
}

/// What a convolution's or a pool's inputs come to, of four outputs: channels `channel` to channel + 3 at a position, or
/// with `whole` false the first of them alone.
fn local_sums(slot: Slot, place: Place, t: u32, position: u32, channel: u32, whole: bool) -> vec4f {
  var sums = vec4f(0.0);
  for (var ky = 0u; ky < slot.kernel; ky++) {
    let y = axis_source(slot, position / slot.out_x, ky, slot.in_y);
    if (y == 0xffffffffu) { continue; }
    for (var kx = 0u; kx < slot.kernel; kx++) {
      let x = axis_source(slot, position % slot.out_x, kx, slot.in_x);
      if (x == 0xffffffffu) { continue; }
      let first = (y * slot.in_x + x) * slot.in_channels;
      if (slot.projection != CONV) {
        // Four channels that are a quad lie in one word.
        let input = first + channel;
        let bits = input_word(slot, place, t, input / 32u) >> (input & 31u);
        sums += slot.pool_weight * vec4f((vec4u(bits) >> vec4u(0u, 1u, 2u, 3u)) & vec4u(1u));
        continue;
      }
      let end = first + slot.in_channels;
      for (var word = first / 32u; 32u * word < end; word++) {
        var rest = input_word(slot, place, t, word);
        if (32u * word < first) { rest &= 0xffffffffu << (first & 31u); }
        if (end - 32u * word < 32u) { rest &= (1u << (end & 31u)) - 1u; }
        while (rest != 0u) {
          let source = 32u * word + firstTrailingBit(rest) - first;
          rest &= rest - 1u;
          let row = (source * slot.kernel + ky) * slot.kernel + kx;
          let at = place.parameters_at + row * params.columns + channel;
          if (whole) { sums += parameters[at / 4u]; } else { sums.x += parameters[at / 4u][at % 4u]; }
        }
      }
    }
  }
  return sums;
}

/// The same of four neurons, whose channels are a quad of weights or not.
fn local_currents(slot: Slot, place: Place, t: u32, quad: u32) -> vec4f {
  let j = 4u * quad;
  if (((slot.columns | params.columns | params.stride) & 3u) == 0u) {
    return local_sums(slot, place, t, j / slot.columns, j % slot.columns, true);
  }
  var currents = vec4f(0.0);
  for (var k = 0u; k < 4u; k++) {
    if (j + k >= slot.neurons) { break; }
    currents[k] = local_sums(slot, place, t, (j + k) / slot.columns, (j + k) % slot.columns, false).x;
  }
  return currents;
}

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let slot_index = group.y;
  if (slot_index >= params.slots || group.x >= params.batch) { return; }
  let slot = slots[slot_index];
  if (slot.runs == 0u || group.x >= slot.samples) { return; }
  // Quads of a row of an array, and those of the slot.
  let row = params.width / 4u;
  let quads = (slot.width + 3u) / 4u;
  let words = (params.width + 31u) / 32u;
  let own_words = (slot.width + 31u) / 32u;
  let input_words = (slot.inputs + 31u) / 32u;
  var place: Place;
  place.sample = slot_index * params.batch + group.x;
  place.input_row = select(place.sample, group.x, params.inputs_shared == 1u) * params.steps;
  place.parameters_at = slot_index * params.stride;
  let spikes_at = place.sample * params.steps * words;
  let states = params.slots * params.batch * 4u * row;
  let state_before = params.state_in * states + place.sample * 4u * row;
  let state_at = params.state_out * states + place.sample * 4u * row;
  let counts_at = place.sample * row;
  let trace_at = place.sample * params.trace_steps * params.planes * row;
  let dense = slot.projection == DENSE;
  let raises = slot.adaptation != 0.0 || slot.refractory != 0.0;
  let zero = select(0.0, 1.0, slot.reset == RESET_ZERO);
  let subtract = select(0.0, 1.0, slot.reset == RESET_SUBTRACT);

  for (var quad = lane; quad < quads; quad += lanes) {
    if (params.first == 0u) {
      for (var plane = 0u; plane < 4u; plane++) { state[state_at + plane * row + quad] = vec4f(0.0); }
      if (params.tally == 1u) { counts[counts_at + quad] = vec4u(0u); }
    } else if (params.state_in != params.state_out) {
      for (var plane = 0u; plane < 4u; plane++) {
        state[state_at + plane * row + quad] = state[state_before + plane * row + quad];
      }
    }
    // Where a stretch begins within what is kept, the step before it belongs to the gradients of the decays.
    if (params.record == 1u && params.first > params.trace_first) {
      let at = trace_at + (params.first - 1u - params.trace_first) * params.planes * row + quad;
      trace[at] = state[state_at + row + quad];
      if (params.current_plane != 0u) { trace[at + params.current_plane * row] = state[state_at + quad]; }
    }
  }
  var total = 0u;
  for (var t = params.first; t < min(params.first + params.count, slot.steps); t++) {
    for (var first = 0u; first < quads; first += TOGETHER * lanes) {
      let own = first + lane;
      var sums = Currents(vec4f(0.0), vec4f(0.0), vec4f(0.0), vec4f(0.0));
      if (dense && params.drive == 0u && t >= params.lag) {
        for (var word = 0u; word < input_words; word++) {
          let at = (place.parameters_at + 32u * word * params.columns) / 4u;
          sums = add_rows(sums, input_word(slot, place, t - params.lag, word), at, own, quads);
        }
        let scale = slot.input_scale;
        sums = Currents(scale * sums.a, scale * sums.b, scale * sums.c, scale * sums.d);
      }
      if (slot.recurrent == 1u && t > 0u) {
        for (var word = 0u; word < own_words; word++) {
          let at = (place.parameters_at + params.recurrent_at + 32u * word * params.columns) / 4u;
          sums = add_rows(sums, spikes[spikes_at + (t - 1u) * words + word], at, own, quads);
        }
      }
      let added = array<vec4f, TOGETHER>(sums.a, sums.b, sums.c, sums.d);
      for (var k = 0u; k < TOGETHER; k++) {
        let quad = own + k * lanes;
        spiking[k * lanes + lane] = 0u;
        if (quad >= quads) { continue; }
        var x = added[k];
        if (params.drive == 1u) {
          x += drive[(place.sample * params.steps + t) * row + quad];
        } else if (!dense && t >= params.lag) {
          x += slot.input_scale * local_currents(slot, place, t - params.lag, quad);
        }
        var spiked = vec4f(0.0);
        if (t > 0u) { spiked = vec4f(bits_of(spikes[spikes_at + (t - 1u) * words + quad / 8u], quad)); }
        let threshold = constant(slot, slot_index, 3u, quad);
        let current = constant(slot, slot_index, 1u, quad) * state[state_at + quad]
          + x + constant(slot, slot_index, 0u, quad);
        let decayed = constant(slot, slot_index, 2u, quad) * state[state_at + row + quad] * (1.0 - zero * spiked);
        let membrane = decayed - subtract * threshold * spiked + current;
        var raised = vec4f(0.0);
        if (raises) {
          let adapted_before = state[state_at + 2u * row + quad];
          let adapted = slot.adaptation_decay * adapted_before + spiked;
          let refractory = slot.refractory_decay * state[state_at + 3u * row + quad]
            + slot.refractory * (threshold + slot.adaptation * adapted_before) * spiked;
          raised = slot.adaptation * adapted + refractory;
          state[state_at + 2u * row + quad] = adapted;
          state[state_at + 3u * row + quad] = refractory;
        }
        state[state_at + quad] = current;
        state[state_at + row + quad] = membrane;
        if (params.record == 1u) {
          let at = trace_at + (t - params.trace_first) * params.planes * row + quad;
          trace[at] = membrane;
          if (params.current_plane != 0u) { trace[at + params.current_plane * row] = current; }
          if (params.adaptation_plane != 0u) { trace[at + params.adaptation_plane * row] = raised; }
        }
        if (slot.integrator == 0u) {
          let spikes_now = (membrane >= threshold + raised) & exists(slot, quad);
          if (any(spikes_now)) {
            let bits = select(vec4u(0u), vec4u(1u, 2u, 4u, 8u), spikes_now);
            spiking[k * lanes + lane] = bits.x | bits.y | bits.z | bits.w;
            if (params.tally == 1u && t + params.out_lag < slot.steps) {
              counts[counts_at + quad] += select(vec4u(0u), vec4u(1u), spikes_now);
            }
          }
        }
      }
      workgroupBarrier();
      // Eight quads are a word.
      for (var k = lane; k < TOGETHER * lanes / 8u; k += lanes) {
        let word = first / 8u + k;
        if (word >= own_words) { continue; }
        var bits = 0u;
        for (var q = 0u; q < 8u; q++) { bits |= spiking[8u * k + q] << (4u * q); }
        spikes[spikes_at + t * words + word] = bits;
        if (t + params.out_lag < slot.steps) { total += countOneBits(bits); }
      }
      workgroupBarrier();
    }
    // Recurrent sums of the next step read what other threads have written now.
    storageBarrier();
    workgroupBarrier();
  }
  lane_totals[lane] = total;
  workgroupBarrier();
  if (lane == 0u && params.tally == 1u) {
    let at = params.totals_at + place.sample;
    var sum = select(totals[at], 0u, params.first == 0u);
    for (var l = 0u; l < lanes; l++) { sum += lane_totals[l]; }
    totals[at] = sum;
  }
}
