// A slot's layer in surrogate-gradient training: what it is connected to, how, and what its neurons are.
// The equations are in surrogate_forward.wgsl.

struct Slot {
  // 0: nothing is done for this slot. 1: everything. 2: forward only.
  runs: u32,
  // Of its own: samples in this batch, and steps of a sample; no more than the launch's, which arrays have room for.
  samples: u32,
  steps: u32,
  inputs: u32,
  neurons: u32,
  // Neurons, rounded up to 32 where the layer is dense.
  width: u32,
  // Columns of a row of weights: `width` of a dense layer, channels of another.
  columns: u32,
  // 0: all to all. 1: convolution. 2: sums over squares of one channel.
  projection: u32,
  // Input i is at ((y in_x) + x) in_channels + channel; outputs likewise.
  in_x: u32,
  in_y: u32,
  in_channels: u32,
  out_x: u32,
  out_y: u32,
  kernel: u32,
  stride: u32,
  padding: u32,
  dilation: u32,
  recurrent: u32,
  // 1: neurons that never spike.
  integrator: u32,
  // 0: none. 1: the threshold is subtracted. 2: to zero.
  reset: u32,
  // 1: no gradient passes through the reset.
  detach: u32,
  // 0: fast sigmoid. 1: arctangent. 2: triangular. 3: Gaussian. 4: exponential. 5: straight-through.
  surrogate: u32,
  slope: f32,
  scale: f32,
  adaptation: f32,
  adaptation_decay: f32,
  // `adaptation` where gradients pass through it, else 0.
  adaptation_gradient: f32,
  refractory: f32,
  refractory_decay: f32,
  // What an input spike counts.
  input_scale: f32,
  // What an output spike that is not dropped counts for the next layer.
  output_scale: f32,
  pool_weight: f32,
  // Weight (r - bound)^2 is added to the loss where the rate r of a neuron in a sample is beyond a bound.
  rate_low: f32,
  rate_high: f32,
  rate_weight: f32,
}

const DENSE = 0u;
const CONV = 1u;
const RESET_SUBTRACT = 1u;
const RESET_ZERO = 2u;

/// The surrogate of a spike's derivative at u = membrane potential - threshold, of four neurons.
fn surrogate_derivative(slot: Slot, u: vec4f) -> vec4f {
  let a = abs(u);
  switch slot.surrogate {
    case 0u: {
      let d = 1.0 + slot.slope * a;
      return slot.scale / (d * d);
    }
    case 1u: {
      let d = 1.57079632679 * slot.slope * u;
      return slot.scale / (1.0 + d * d);
    }
    case 2u: { return slot.scale * max(vec4f(0.0), 1.0 - slot.slope * a); }
    case 3u: { return slot.scale * exp(-0.5 * slot.slope * u * slot.slope * u); }
    case 4u: { return slot.scale * 0.5 * slot.slope * exp(-slot.slope * a); }
    default: { return select(vec4f(0.0), vec4f(slot.scale), 2.0 * slot.slope * a <= vec4f(1.0)); }
  }
}

/// Where kernel element k leads to along one axis from an input; 0xffffffff: nowhere.
fn axis_target(slot: Slot, at: u32, k: u32, size: u32) -> u32 {
  let shifted = at + slot.padding;
  if (shifted < k * slot.dilation) { return 0xffffffffu; }
  let rest = shifted - k * slot.dilation;
  if (rest % slot.stride != 0u || rest / slot.stride >= size) { return 0xffffffffu; }
  return rest / slot.stride;
}

/// The input along one axis that kernel element k reads for an output; 0xffffffff: none.
fn axis_source(slot: Slot, at: u32, k: u32, size: u32) -> u32 {
  let shifted = at * slot.stride + k * slot.dilation;
  if (shifted < slot.padding || shifted - slot.padding >= size) { return 0xffffffffu; }
  return shifted - slot.padding;
}
