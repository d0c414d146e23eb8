// How a slot's parameters learn in one step of its optimizer.

struct Step {
  // 0: nothing is done for this slot.
  runs: u32,
  // 0: gradient descent with momentum. 1: Adam. 2: AdamW.
  kind: u32,
  // 1: weights, 2: recurrent weights, 4: bias, 8: decay of the current, 16: of the membrane, 32: threshold.
  // 64: recurrent weights that are 0 stay so.
  learns: u32,
  rate: f32,
  momentum: f32,
  nesterov: u32,
  beta1: f32,
  beta2: f32,
  epsilon: f32,
  // 1 / (1 - beta^n) in the n-th step.
  correction1: f32,
  correction2: f32,
  // On weights alone; AdamW's is decoupled.
  weight_decay: f32,
  // The largest norm of all gradients of the slot; 0: any.
  clip: f32,
}

/// The bit of `learns` that frees a parameter.
fn learning_bit(index: u32, recurrent_at: u32, constants_at: u32, columns: u32) -> u32 {
  if (index < recurrent_at) { return 1u; }
  if (index < constants_at) { return 2u; }
  let part = (index - constants_at) / columns;
  if (part > 3u) { return 0u; }
  return 4u << part;
}
