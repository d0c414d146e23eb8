// Gradients of a layer's weights, spike by spike:
//
//   W[i][j] += scale sum over samples b, steps t of input spike (b, t - lag, i) errors[b][t][j]
//
// and with params.recurrent the same for R with the layer's own spikes as input, lag 1. For a convolution j runs over the
// channels, and each spike meets the errors of all output positions that it reaches. (The chain rule on the sum over
// spikes in surrogate_forward.wgsl.)
//
// inputs, masks  as in surrogate_forward.wgsl; with params.recurrent `spikes` of the layer
// errors         f32 [slot][sample][segment][width], from step `first` on
// gradients      f32 [slot][stride]: from gradients_at on [row][columns]; added to where `accumulate` is 1
// launch         x: rows of the weights in groups of 32 (of a convolution: rows), y: slots; each thread has every
//                lanes-th column
// cost           8 B and an addition an event and column
// deterministic: samples and steps in order

// #include "surrogate_slot.wgsl"

struct Params {
  slots: u32,
  batch: u32,
  steps: u32,
  first: u32,
  count: u32,
  segment: u32,
  input_words: u32,
  inputs_shared: u32,
  lag: u32,
  width: u32,
  columns: u32,
  rows: u32,
  gradients_at: u32,
  stride: u32,
  masked: u32,
  accumulate: u32,
  recurrent: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> slots: array<Slot>;
@group(0) @binding(2) var<storage, read> inputs: array<u32>;
@group(0) @binding(3) var<storage, read> masks: array<u32>;
@group(0) @binding(4) var<storage, read> errors: array<f32>;
@group(0) @binding(5) var<storage, read_write> gradients: array<f32>;

override lanes: u32 = 64;

// [row of 32][thread]: sums of this thread's column.
var<workgroup> sums: array<f32, 32 * lanes>;

fn word_of(slot_index: u32, b: u32, t: u32, word: u32) -> u32 {
  let sample = slot_index * params.batch + b;
  let input_sample = select(sample, b, params.inputs_shared == 1u);
  var bits = inputs[(input_sample * params.steps + t) * params.input_words + word];
  if (params.masked == 1u) { bits &= masks[sample * params.input_words + word]; }
  return bits;
}

/// Steps of this stretch that the slot has.
fn own_count(slot: Slot) -> u32 {
  return clamp(slot.steps, params.first, params.first + params.count) - params.first;
}

fn store(index: u32, value: f32) {
  if (params.accumulate == 1u) { gradients[index] += value; } else { gradients[index] = value; }
}

/// Each thread keeps the 32 sums of its column where the spikes' numbers can index them.
fn dense_rows(slot: Slot, slot_index: u32, word: u32, lane: u32) {
  let sources = select(slot.inputs, slot.neurons, params.recurrent == 1u);
  let scale = select(slot.input_scale, 1.0, params.recurrent == 1u);
  let count = own_count(slot);
  if (32u * word >= sources) { return; }
  for (var column = lane; column < slot.columns; column += lanes) {
    for (var k = 0u; k < 32u; k++) { sums[k * lanes + lane] = 0.0; }
    for (var b = 0u; b < slot.samples; b++) {
      let errors_at = (slot_index * params.batch + b) * params.segment * params.width + column;
      for (var r = 0u; r < count; r++) {
        let t = params.first + r;
        if (t < params.lag) { continue; }
        var rest = word_of(slot_index, b, t - params.lag, word);
        if (rest == 0u) { continue; }
        let error = errors[errors_at + r * params.width];
        while (rest != 0u) {
          sums[firstTrailingBit(rest) * lanes + lane] += error;
          rest &= rest - 1u;
        }
      }
    }
    for (var k = 0u; k < min(32u, sources - 32u * word); k++) {
      let row = 32u * word + k;
      store(slot_index * params.stride + params.gradients_at + row * params.columns + column,
        scale * sums[k * lanes + lane]);
    }
  }
}

fn convolution_row(slot: Slot, slot_index: u32, row: u32, lane: u32) {
  let area = slot.kernel * slot.kernel;
  let count = own_count(slot);
  if (row >= slot.in_channels * area) { return; }
  let channel = row / area;
  let ky = row % area / slot.kernel;
  let kx = row % slot.kernel;
  for (var column = lane; column < slot.columns; column += lanes) {
    var sum = 0.0;
    for (var b = 0u; b < slot.samples; b++) {
      let errors_at = (slot_index * params.batch + b) * params.segment * params.width + column;
      for (var r = 0u; r < count; r++) {
        let t = params.first + r;
        if (t < params.lag) { continue; }
        for (var out_y = 0u; out_y < slot.out_y; out_y++) {
          let y = axis_source(slot, out_y, ky, slot.in_y);
          if (y == 0xffffffffu) { continue; }
          for (var out_x = 0u; out_x < slot.out_x; out_x++) {
            let x = axis_source(slot, out_x, kx, slot.in_x);
            if (x == 0xffffffffu) { continue; }
            let input = (y * slot.in_x + x) * slot.in_channels + channel;
            let bits = word_of(slot_index, b, t - params.lag, input / 32u);
            if (((bits >> (input & 31u)) & 1u) == 1u) {
              sum += errors[errors_at + r * params.width + (out_y * slot.out_x + out_x) * slot.columns];
            }
          }
        }
      }
    }
    store(slot_index * params.stride + params.gradients_at + row * params.columns + column, slot.input_scale * sum);
  }
}

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let slot_index = group.y;
  if (slot_index >= params.slots) { return; }
  let slot = slots[slot_index];
  if (slot.runs != 1u) { return; }
  if (params.recurrent == 1u || slot.projection == DENSE) {
    dense_rows(slot, slot_index, group.x, lane);
  } else if (slot.projection == CONV) {
    convolution_row(slot, slot_index, group.x, lane);
  }
}
