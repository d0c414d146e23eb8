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
// launch      x: samples, y: slots; a workgroup has `lanes` threads, each with every lanes-th word of neurons
// cost        4 B a weight and event; 12 B and about 10 flops a neuron and step
// deterministic

// #include "surrogate_slot.wgsl"

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
@group(0) @binding(2) var<storage, read> parameters: array<f32>;
@group(0) @binding(3) var<storage, read> drive: array<f32>;
@group(0) @binding(4) var<storage, read> inputs: array<u32>;
@group(0) @binding(5) var<storage, read> masks: array<u32>;
@group(0) @binding(6) var<storage, read_write> spikes: array<u32>;
@group(0) @binding(7) var<storage, read_write> trace: array<f32>;
@group(0) @binding(8) var<storage, read_write> state: array<f32>;
@group(0) @binding(9) var<storage, read_write> counts: array<u32>;
@group(0) @binding(10) var<storage, read_write> totals: array<u32>;

override lanes: u32 = 32;

var<workgroup> lane_totals: array<u32, lanes>;

struct Place {
  sample: u32,
  input_row: u32,
  parameters_at: u32,
}

/// A word of the input's raster, less what is dropped.
fn input_word(place: Place, t: u32, word: u32) -> u32 {
  var bits = inputs[(place.input_row + t) * params.input_words + word];
  if (params.masked == 1u) { bits &= masks[place.sample * params.input_words + word]; }
  return bits;
}

fn input_bit(place: Place, t: u32, input: u32) -> bool {
  return ((input_word(place, t, input / 32u) >> (input & 31u)) & 1u) == 1u;
}

/// The sum over a convolution's or a pool's inputs of one output.
fn local_sum(slot: Slot, place: Place, t: u32, neuron: u32) -> f32 {
  let channel = neuron % slot.columns;
  let position = neuron / slot.columns;
  var sum = 0.0;
  for (var ky = 0u; ky < slot.kernel; ky++) {
    let y = axis_source(slot, position / slot.out_x, ky, slot.in_y);
    if (y == 0xffffffffu) { continue; }
    for (var kx = 0u; kx < slot.kernel; kx++) {
      let x = axis_source(slot, position % slot.out_x, kx, slot.in_x);
      if (x == 0xffffffffu) { continue; }
      let first = (y * slot.in_x + x) * slot.in_channels;
      if (slot.projection == CONV) {
        for (var c = 0u; c < slot.in_channels; c++) {
          if (input_bit(place, t, first + c)) {
            let row = (c * slot.kernel + ky) * slot.kernel + kx;
            sum += parameters[place.parameters_at + row * params.columns + channel];
          }
        }
      } else if (input_bit(place, t, first + channel)) {
        sum += slot.pool_weight;
      }
    }
  }
  return sum;
}

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let slot_index = group.y;
  if (slot_index >= params.slots || group.x >= params.batch) { return; }
  let slot = slots[slot_index];
  if (slot.runs == 0u || group.x >= slot.samples) { return; }
  let width = params.width;
  let words = (width + 31u) / 32u;
  let own_words = (slot.width + 31u) / 32u;
  let input_words = (slot.inputs + 31u) / 32u;
  var place: Place;
  place.sample = slot_index * params.batch + group.x;
  place.input_row = select(place.sample, group.x, params.inputs_shared == 1u) * params.steps;
  place.parameters_at = slot_index * params.stride;
  let constants = place.parameters_at + params.constants_at;
  let spikes_at = place.sample * params.steps * words;
  let states = params.slots * params.batch * 4u * width;
  let state_before = params.state_in * states + place.sample * 4u * width;
  let state_at = params.state_out * states + place.sample * 4u * width;
  let counts_at = place.sample * width;
  let trace_at = place.sample * params.trace_steps * params.planes * width;
  let zero = select(0.0, 1.0, slot.reset == RESET_ZERO);
  let subtract = select(0.0, 1.0, slot.reset == RESET_SUBTRACT);

  if (params.first == 0u) {
    for (var j = lane; j < slot.width; j += lanes) {
      state[state_at + j] = 0.0;
      state[state_at + width + j] = 0.0;
      state[state_at + 2u * width + j] = 0.0;
      state[state_at + 3u * width + j] = 0.0;
      if (params.tally == 1u) { counts[counts_at + j] = 0u; }
    }
  } else if (params.state_in != params.state_out) {
    for (var j = lane; j < slot.width; j += lanes) {
      for (var plane = 0u; plane < 4u; plane++) { state[state_at + plane * width + j] = state[state_before + plane * width + j]; }
    }
  }
  // Where a stretch begins within what is kept, the step before it belongs to the gradients of the decays.
  if (params.record == 1u && params.first > params.trace_first) {
    let row = trace_at + (params.first - 1u - params.trace_first) * params.planes * width;
    for (var j = lane; j < slot.width; j += lanes) {
      // The same thread has copied these.
      trace[row + j] = state[state_at + width + j];
      if (params.current_plane != 0u) { trace[row + params.current_plane * width + j] = state[state_at + j]; }
    }
  }
  storageBarrier();
  workgroupBarrier();
  var total = 0u;
  for (var t = params.first; t < min(params.first + params.count, slot.steps); t++) {
    for (var word = lane; word < own_words; word += lanes) {
      var before = 0u;
      if (t > 0u) { before = spikes[spikes_at + (t - 1u) * words + word]; }
      var bits = 0u;
      for (var bit = 0u; bit < 32u; bit++) {
        let j = 32u * word + bit;
        if (j >= slot.width) { break; }
        let column = j % slot.columns;
        var x = 0.0;
        if (params.drive == 1u) {
          x = drive[(place.sample * params.steps + t) * width + j];
        } else if (t >= params.lag) {
          if (slot.projection == DENSE) {
            for (var w = 0u; w < input_words; w++) {
              var rest = input_word(place, t - params.lag, w);
              while (rest != 0u) {
                let input = 32u * w + firstTrailingBit(rest);
                rest &= rest - 1u;
                if (input < slot.inputs) { x += parameters[place.parameters_at + input * params.columns + j]; }
              }
            }
          } else if (j < slot.neurons) {
            x = local_sum(slot, place, t - params.lag, j);
          }
          x *= slot.input_scale;
        }
        if (slot.recurrent == 1u && t > 0u) {
          let base = place.parameters_at + params.recurrent_at + j;
          for (var w = 0u; w < own_words; w++) {
            var rest = spikes[spikes_at + (t - 1u) * words + w];
            while (rest != 0u) {
              let neuron = 32u * w + firstTrailingBit(rest);
              rest &= rest - 1u;
              x += parameters[base + neuron * params.columns];
            }
          }
        }
        let spiked = f32((before >> bit) & 1u);
        let threshold = parameters[constants + 3u * params.columns + column];
        let current = parameters[constants + params.columns + column] * state[state_at + j]
          + x + parameters[constants + column];
        let decayed = parameters[constants + 2u * params.columns + column] * state[state_at + width + j]
          * (1.0 - zero * spiked);
        let membrane = decayed - subtract * threshold * spiked + current;
        let adapted_before = state[state_at + 2u * width + j];
        let adapted = slot.adaptation_decay * adapted_before + spiked;
        let refractory = slot.refractory_decay * state[state_at + 3u * width + j]
          + slot.refractory * (threshold + slot.adaptation * adapted_before) * spiked;
        let raised = slot.adaptation * adapted + refractory;
        state[state_at + j] = current;
        state[state_at + width + j] = membrane;
        state[state_at + 2u * width + j] = adapted;
        state[state_at + 3u * width + j] = refractory;
        if (params.record == 1u) {
          let row = trace_at + (t - params.trace_first) * params.planes * width;
          trace[row + j] = membrane;
          if (params.current_plane != 0u) { trace[row + params.current_plane * width + j] = current; }
          if (params.adaptation_plane != 0u) { trace[row + params.adaptation_plane * width + j] = raised; }
        }
        if (slot.integrator == 0u && j < slot.neurons && membrane >= threshold + raised) {
          bits |= 1u << bit;
          if (params.tally == 1u && t + params.out_lag < slot.steps) { counts[counts_at + j] += 1u; }
        }
      }
      spikes[spikes_at + t * words + word] = bits;
      if (t + params.out_lag < slot.steps) { total += countOneBits(bits); }
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
