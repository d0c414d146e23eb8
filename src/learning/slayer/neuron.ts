/**
 * The adaptive leaky integrate-and-fire neuron of SLAYER (lava-dl 0.3.3 to 0.6, `neuron/alif.py`), to the bit.
 *
 * States are whole multiples of 1/4096 and products are truncated toward zero (tz). With x the input, K = 4096 -
 * round(4096 decay), theta the threshold and step its rise by a spike, both truncated to 1/64; from I = V = r = 0 and
 * th = theta on, in each step:
 *
 *   I  = tz(I Ki / 4096) + tz(4096 x)
 *   V  = tz(V Kv / 4096) + I                  never reset
 *   r  = tz(r Kr / 4096)
 *   th = tz((th - theta) Kt / 4096) + theta
 *   spike where V >= th + r; it adds 2 th to r, then step to th
 *
 * Backward, with d = V - th - r as compared, sigma = 0.1 scaleGrad and tau = 100 tauGrad theta:
 *
 *   rho = sigma / (2 tau) exp(-|d| / tau)
 *   eV  = g rho + Kv eV(next),  eI = eV + Ki eI(next);  the gradient of x is eI
 *
 * Three things to know before using it elsewhere. No gradient flows through r and th. The gradients of the decays are
 * sum eV V(before) and sum eI I(before): of the opposite sign and 4096 times the derivative, so training moves them as
 * it did in the recorded runs. And on the recorded runs' processors r was kept in 32 bits, so that r Kr wraps where r
 * exceeds 128 / (1 - decay): `wraps` does the same.
 *
 * This is the reference: one neuron, in double precision where reals are. `native/src/slayer` computes the same in bulk.
 */

/** One unit of the states. */
export const STATE_SCALE = 4096;

/** Shares that a step takes away, in units of 1/4096, not necessarily whole: what is learned. */
export interface SlayerDecays {
  readonly current: number;
  readonly voltage: number;
  readonly threshold: number;
  readonly refractory: number;
}

export interface SlayerNeuronParameters {
  readonly threshold: number;
  readonly thresholdStep: number;
  readonly tauGrad: number;
  readonly scaleGrad: number;
}

/** What the equations use, in units of the states. */
export interface SlayerConstants {
  /** K of current, voltage, threshold, refractory state. */
  readonly keep: readonly [number, number, number, number];
  readonly threshold: number;
  readonly thresholdStep: number;
  /** Peak of the surrogate derivative, sigma / (2 tau), and tau in units of the threshold. */
  readonly surrogatePeak: number;
  readonly surrogateWidth: number;
}

/** Rounds half to even, as the recorded runs' rounding did. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** @param decays of current and voltage are clamped to 0 .. 4096, as before each forward pass */
export function slayerConstants(parameters: SlayerNeuronParameters, decays: SlayerDecays): SlayerConstants {
  const threshold = Math.floor(64 * parameters.threshold) / 64;
  const width = 100 * parameters.tauGrad * threshold;
  const keep = (decay: number) => STATE_SCALE - roundHalfEven(Math.min(Math.max(decay, 0), STATE_SCALE));
  return {
    keep: [keep(decays.current), keep(decays.voltage), keep(decays.threshold), keep(decays.refractory)],
    threshold: STATE_SCALE * threshold,
    thresholdStep: 64 * Math.floor(64 * parameters.thresholdStep),
    surrogatePeak: (0.1 * parameters.scaleGrad) / (2 * width),
    surrogateWidth: width,
  };
}

/** The states of one neuron over time, as compared for a spike: before what the spike adds. */
export interface SlayerTrace {
  readonly current: Float64Array;
  readonly voltage: Float64Array;
  readonly threshold: Float64Array;
  readonly refractory: Float64Array;
  readonly spikes: Uint8Array;
}

/**
 * Runs one neuron.
 *
 * @param input [step], in units of the states: tz(4096 x)
 */
export function runNeuron(constants: SlayerConstants, input: ArrayLike<number>, wraps = true): SlayerTrace {
  const steps = input.length;
  const trace = {
    current: new Float64Array(steps),
    voltage: new Float64Array(steps),
    threshold: new Float64Array(steps),
    refractory: new Float64Array(steps),
    spikes: new Uint8Array(steps),
  };
  const [keepCurrent, keepVoltage, keepThreshold, keepRefractory] = constants.keep;
  const kept = (state: number, keep: number) => Math.trunc((state * keep) / STATE_SCALE);
  let current = 0;
  let voltage = 0;
  let refractory = 0;
  let threshold = constants.threshold;
  for (let t = 0; t < steps; t++) {
    current = kept(current, keepCurrent) + (input[t] as number);
    voltage = kept(voltage, keepVoltage) + current;
    refractory = wraps ? Math.imul(refractory, keepRefractory) >> 12 : kept(refractory, keepRefractory);
    threshold = kept(threshold - constants.threshold, keepThreshold) + constants.threshold;
    trace.current[t] = current;
    trace.voltage[t] = voltage;
    trace.refractory[t] = refractory;
    trace.threshold[t] = threshold;
    if (voltage >= threshold + refractory) {
      trace.spikes[t] = 1;
      refractory += 2 * threshold;
      threshold += constants.thresholdStep;
    }
  }
  return trace;
}

export interface SlayerGradients {
  /** [step], of the input in units of the threshold. */
  readonly input: Float64Array;
  /** Of the decays in units of 1/4096, with the recorded runs' sign and scale. */
  readonly currentDecay: number;
  readonly voltageDecay: number;
}

/** @param spikeGradients [step]: the loss's gradient with respect to the spikes */
export function runNeuronBackward(
  constants: SlayerConstants,
  trace: SlayerTrace,
  spikeGradients: ArrayLike<number>,
): SlayerGradients {
  const steps = trace.spikes.length;
  const input = new Float64Array(steps);
  const keepCurrent = constants.keep[0] / STATE_SCALE;
  const keepVoltage = constants.keep[1] / STATE_SCALE;
  let errorVoltage = 0;
  let errorCurrent = 0;
  let currentDecay = 0;
  let voltageDecay = 0;
  for (let t = steps - 1; t >= 0; t--) {
    const distance =
      (trace.voltage[t] as number) - (trace.threshold[t] as number) - (trace.refractory[t] as number);
    const derivative =
      constants.surrogatePeak * Math.exp(-Math.abs(distance) / STATE_SCALE / constants.surrogateWidth);
    errorVoltage = (spikeGradients[t] as number) * derivative + keepVoltage * errorVoltage;
    errorCurrent = errorVoltage + keepCurrent * errorCurrent;
    input[t] = errorCurrent;
    if (t > 0) {
      currentDecay += (errorCurrent * (trace.current[t - 1] as number)) / STATE_SCALE;
      voltageDecay += (errorVoltage * (trace.voltage[t - 1] as number)) / STATE_SCALE;
    }
  }
  return { input, currentDecay, voltageDecay };
}
