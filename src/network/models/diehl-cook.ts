/**
 * The model `diehl-cook`: Diehl & Cook's two-layer network that learns by STDP, with the hyperparameters of the
 * recorded experiment (research: Firmin, Boulet, Talbi 2024, experiment 1). Equations in `shaders/diehl_cook.wgsl`.
 */

/** Potentials in mV, time constants in ms, refractory periods in steps of 1 ms. */
export interface DiehlCookParameters {
  /** Excitatory neurons, and as many inhibitory ones. */
  readonly map_size: number;
  /** Depression at an input's spike, and potentiation at a neuron's. */
  readonly nu_pre: number;
  readonly nu_post: number;
  /** Weight from each excitatory neuron to its inhibitory one. */
  readonly strength_exc: number;
  /** Weight from each inhibitory neuron to all other excitatory ones, as a magnitude. */
  readonly strength_inh: number;
  /** Sum of the weights into an excitatory neuron, restored after each sample. */
  readonly norm: number;
  readonly e_thresh: number;
  readonly e_rest: number;
  readonly e_refrac: number;
  /** Rise of the adaptive threshold at each crossing, mV, and the time constant of its decay. */
  readonly theta_plus: number;
  readonly tc_theta_decay: number;
  readonly e_tc_decay: number;
  readonly i_thresh: number;
  readonly i_rest: number;
  readonly i_refrac: number;
  readonly i_tc_decay: number;
}

/** Fixed in the recorded experiment. */
export const DIEHL_COOK_CONSTANTS = {
  excResetMv: -60,
  inhResetMv: -45,
  tauTraceMs: 20,
  dtMs: 1,
} as const;

/** A network that spikes: hyperparameters as the best networks of the recorded experiment have them, for any size. */
export const LIVELY_DIEHL_COOK: Omit<DiehlCookParameters, 'map_size'> = {
  nu_pre: 8.48e-4,
  nu_post: 8.88e-3,
  strength_exc: 356.9,
  strength_inh: 433.6,
  norm: 123.4,
  e_thresh: -57.66,
  e_rest: -60.8,
  e_refrac: 6,
  theta_plus: 0.044,
  tc_theta_decay: 2.04e6,
  e_tc_decay: 4167,
  i_thresh: -22.82,
  i_rest: -51.11,
  i_refrac: 19,
  i_tc_decay: 1516,
};

/** The winner's draw leaves 11 bits for the neuron. */
export const MAX_NEURONS = 2048;

/** A layer whose silence is watched: a sample with fewer than `alpha` spikes is silent for it. */
export interface SilenceThresholds {
  readonly excitatoryAlpha: number;
  readonly inhibitoryAlpha: number;
}

/** A parameter that this model can't run with. */
export class ModelError extends Error {
  override readonly name = 'ModelError';
  readonly code = 'bad-parameter';
}

const NAMES: readonly (keyof DiehlCookParameters)[] = [
  'map_size',
  'nu_pre',
  'nu_post',
  'strength_exc',
  'strength_inh',
  'norm',
  'e_thresh',
  'e_rest',
  'e_refrac',
  'theta_plus',
  'tc_theta_decay',
  'e_tc_decay',
  'i_thresh',
  'i_rest',
  'i_refrac',
  'i_tc_decay',
];

const COUNTS: ReadonlySet<string> = new Set(['map_size', 'e_refrac', 'i_refrac']);

/**
 * Takes the model's parameters out of a trial's hyperparameters and checks them.
 *
 * @throws {ModelError} naming the parameter, its value and what is allowed
 */
export function diehlCookParameters(values: Readonly<Record<string, unknown>>): DiehlCookParameters {
  const parameters: Record<string, number> = {};
  for (const name of NAMES) {
    const value = values[name];
    if (typeof value !== 'number' || !Number.isFinite(value)) {
      throw new ModelError(`${name} must be a finite number, not ${JSON.stringify(value)}`);
    }
    if (COUNTS.has(name) && !(Number.isInteger(value) && value >= 0)) {
      throw new ModelError(`${name} must be a whole number of at least 0, not ${value}`);
    }
    parameters[name] = value;
  }
  const p = parameters as unknown as DiehlCookParameters;
  const check = (holds: boolean, rule: string): void => {
    if (!holds) throw new ModelError(rule);
  };
  check(
    p.map_size >= 1 && p.map_size <= MAX_NEURONS,
    `map_size must be 1 to ${MAX_NEURONS}, not ${p.map_size}`,
  );
  for (const name of ['tc_theta_decay', 'e_tc_decay', 'i_tc_decay', 'norm'] as const) {
    check(p[name] > 0, `${name} must be above 0, not ${p[name]}`);
  }
  for (const name of ['nu_pre', 'nu_post', 'theta_plus', 'strength_exc', 'strength_inh'] as const) {
    check(p[name] >= 0, `${name} must be at least 0, not ${p[name]}`);
  }
  // The kernel relies on both: neurons without input stay silent.
  const { excResetMv, inhResetMv } = DIEHL_COOK_CONSTANTS;
  check(
    p.e_thresh > Math.max(p.e_rest, excResetMv),
    `e_thresh (${p.e_thresh} mV) must lie above e_rest (${p.e_rest} mV) and above the reset at ${excResetMv} mV`,
  );
  check(
    p.i_thresh > Math.max(p.i_rest, inhResetMv),
    `i_thresh (${p.i_thresh} mV) must lie above i_rest (${p.i_rest} mV) and above the reset at ${inhResetMv} mV`,
  );
  return p;
}

/** The kernel's row for one network; every decay computed here, in f64. */
export function diehlCookSlot(
  p: DiehlCookParameters,
  silence: SilenceThresholds,
  seed: readonly [number, number],
  steps: number,
): Record<string, number> {
  const { excResetMv, inhResetMv, dtMs } = DIEHL_COOK_CONSTANTS;
  return {
    neurons: p.map_size,
    seed_low: seed[0],
    seed_high: seed[1],
    exc_alpha: silence.excitatoryAlpha,
    inh_alpha: silence.inhibitoryAlpha,
    exc_refractory: p.e_refrac,
    inh_refractory: p.i_refrac,
    exc_decay: Math.exp(-dtMs / p.e_tc_decay),
    exc_rest: p.e_rest,
    exc_reset: excResetMv,
    exc_threshold: p.e_thresh,
    theta_plus: p.theta_plus,
    theta_rate: dtMs / p.tc_theta_decay,
    theta_sample_loss: -Math.expm1((-steps * dtMs) / p.tc_theta_decay),
    inh_decay: Math.exp(-dtMs / p.i_tc_decay),
    inh_rest: p.i_rest,
    inh_reset: inhResetMv,
    inh_threshold: p.i_thresh,
    exc_strength: p.strength_exc,
    inh_strength: p.strength_inh,
    nu_pre: p.nu_pre,
    nu_post: p.nu_post,
    weight_norm: p.norm,
  };
}

/** Trace values e^(-k dt / tau) for k = 0 .. steps. */
export function traceTable(steps: number): Float32Array<ArrayBuffer> {
  const { tauTraceMs, dtMs } = DIEHL_COOK_CONSTANTS;
  return Float32Array.from({ length: steps + 1 }, (_, k) => Math.exp((-k * dtMs) / tauTraceMs));
}
