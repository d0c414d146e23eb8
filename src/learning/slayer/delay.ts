/**
 * SLAYER's learned delay of a channel (lava-dl `axon/delay.py`): d is clamped to 0 .. 62 and cut to whole steps n;
 * out[t] = in[t - n]. Its gradient is the sum of g[t] (out[t - 1] - out[t]): what a shift by one step would change.
 */

export const LONGEST_DELAY = 62;

/** Whole steps of a delay. */
export function wholeDelay(delay: number): number {
  return Math.trunc(Math.min(Math.max(delay, 0), LONGEST_DELAY));
}

export function delayed(input: ArrayLike<number>, delay: number): Float64Array {
  const steps = wholeDelay(delay);
  return Float64Array.from({ length: input.length }, (_, t) =>
    t < steps ? 0 : (input[t - steps] as number),
  );
}

/** Gradients of the input and of the delay from that of the delayed signal. */
export function delayedBackward(
  input: ArrayLike<number>,
  delay: number,
  gradient: ArrayLike<number>,
): { input: Float64Array; delay: number } {
  const steps = wholeDelay(delay);
  const out = delayed(input, delay);
  let sum = 0;
  for (let t = 0; t < out.length; t++) {
    sum += (gradient[t] as number) * ((out[t - 1] ?? 0) - (out[t] as number));
  }
  const back = Float64Array.from({ length: out.length }, (_, t) => (gradient[t + steps] as number) || 0);
  return { input: back, delay: sum };
}
