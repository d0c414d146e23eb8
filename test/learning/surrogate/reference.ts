/**
 * Networks of spiking neurons and backpropagation through time in double precision, synapse by synapse, as plainly as it
 * can be said. With `smooth` a spike is replaced by the integral of its surrogate, so that the loss can be differentiated
 * by central differences.
 */
import type {
  Layer,
  Loss,
  SpikingNeuron,
  Surrogate,
  TrainingDescription,
} from '../../../src/learning/surrogate/description.ts';
import { type ResolvedLayer, resolveLayers } from '../../../src/learning/surrogate/structure.ts';

/** A synapse from an input to a neuron: through weight number `weight`, or fixed. */
interface Synapse {
  readonly input: number;
  readonly neuron: number;
  readonly weight: number;
}

export interface ReferenceLayer {
  readonly resolved: ResolvedLayer;
  readonly synapses: readonly Synapse[];
  readonly fixed: number | undefined;
  /** Named as in a saved network. */
  readonly values: Record<string, Float64Array>;
}

export type Gradients = Record<string, Float64Array>;

/** The surrogate at u. */
export function derivative({ kind, slope, scale = 1 }: Surrogate, u: number): number {
  const a = Math.abs(u);
  switch (kind) {
    case 'fast-sigmoid':
      return scale / (1 + slope * a) ** 2;
    case 'arctangent':
      return scale / (1 + ((Math.PI / 2) * slope * u) ** 2);
    case 'triangular':
      return scale * Math.max(0, 1 - slope * a);
    case 'gaussian':
      return scale * Math.exp(-((slope * u) ** 2) / 2);
    case 'exponential':
      return scale * (slope / 2) * Math.exp(-slope * a);
    case 'straight-through':
      return 2 * slope * a <= 1 ? scale : 0;
  }
}

/** The integral of the surrogate from 0 to u; of a Gaussian by Simpson's rule. */
export function integral(surrogate: Surrogate, u: number): number {
  const { kind, slope, scale = 1 } = surrogate;
  const a = Math.abs(u);
  switch (kind) {
    case 'fast-sigmoid':
      return (scale * u) / (1 + slope * a);
    case 'arctangent':
      return (scale * Math.atan((Math.PI / 2) * slope * u)) / ((Math.PI / 2) * slope);
    case 'triangular': {
      const end = Math.min(a, 1 / slope);
      return Math.sign(u) * scale * (end - (slope * end * end) / 2);
    }
    case 'gaussian': {
      const parts = 400;
      let sum = 0;
      for (let k = 0; k <= parts; k++) {
        const factor = k === 0 || k === parts ? 1 : k % 2 === 1 ? 4 : 2;
        sum += factor * derivative(surrogate, (u * k) / parts);
      }
      return (sum * u) / (3 * parts);
    }
    case 'exponential':
      return Math.sign(u) * (scale / 2) * (1 - Math.exp(-slope * a));
    case 'straight-through':
      return scale * Math.sign(u) * Math.min(a, 1 / (2 * slope));
  }
}

export class Reference {
  readonly layers: readonly ReferenceLayer[];
  readonly #description: TrainingDescription;
  readonly #steps: number;

  constructor(
    description: TrainingDescription,
    input: readonly [number, number, number],
    steps: number,
    parameters: Readonly<Record<string, { readonly values: ArrayLike<number> }>>,
  ) {
    this.#description = description;
    this.#steps = steps;
    this.layers = resolveLayers(description, input).map((resolved, l) => {
      const values: Record<string, Float64Array> = {};
      for (const [name, parameter] of Object.entries(parameters)) {
        if (name.startsWith(`${l}.`)) values[name.slice(2)] = Float64Array.from(parameter.values);
      }
      const { layer } = resolved;
      const fixed = layer.kind === 'pool' ? (layer.weight ?? 1) : undefined;
      return { resolved, synapses: synapsesOf(resolved), fixed, values };
    });
  }

  /**
   * The loss of one sample, and its gradients where asked for. `inputs` [step][input].
   *
   * @param frozen a run whose spikes, adaptations and refractory states are read instead of the network's own where no
   *   gradient passes, [layer]: what detaching means to central differences
   */
  run(
    inputs: readonly (readonly number[])[],
    label: number,
    how: {
      readonly smooth: boolean;
      readonly frozen?: readonly LayerRun[];
      readonly gradients?: boolean;
    },
  ): {
    loss: number;
    gradients: Gradients;
    spikes: Float64Array[][];
    outputs: Float64Array[][];
    scores: number[];
    runs: readonly LayerRun[];
  } {
    const steps = this.#steps;
    let below: readonly ArrayLike<number>[] = inputs;
    const outputs: Float64Array[][] = [];
    const runs = this.layers.map((layer, l) => {
      const run = forward(layer, below, steps, how.smooth, how.frozen?.[l]);
      const output = layer.resolved.layer.shift ? later(run.s) : run.s;
      outputs.push(output);
      below = output;
      return run;
    });
    const top = runs.at(-1) as LayerRun;
    const classes = (this.layers.at(-1) as ReferenceLayer).resolved.neurons;
    const { loss, slopes, scores } = lossOf(
      this.#description.loss,
      { s: outputs.at(-1) as Float64Array[], V: top.V },
      classes,
      label,
      steps,
    );
    let total = loss;
    this.layers.forEach(({ resolved }, l) => {
      total += ratePenalty(resolved.layer, runs[l] as LayerRun, steps, resolved.neurons);
    });
    const gradients: Gradients = {};
    if (how.gradients) {
      let upstream = slopes;
      for (let l = this.layers.length - 1; l >= 0; l--) {
        const under = l === 0 ? inputs : (outputs[l - 1] as Float64Array[]);
        const layer = this.layers[l] as ReferenceLayer;
        if (layer.resolved.layer.shift) upstream = earlier(upstream);
        const back = backward(layer, runs[l] as LayerRun, under, upstream, steps);
        for (const [name, values] of Object.entries(back.gradients)) gradients[`${l}.${name}`] = values;
        upstream = back.below;
      }
    }
    return { loss: total, gradients, spikes: runs.map(({ s }) => s), outputs, scores, runs };
  }
}

function later(of: readonly Float64Array[]): Float64Array[] {
  return of.map((row, t) => (t > 0 ? (of[t - 1] as Float64Array) : new Float64Array(row.length)));
}

function earlier(of: readonly Float64Array[]): Float64Array[] {
  return of.map((row, t) => of[t + 1] ?? new Float64Array(row.length));
}

export interface LayerRun {
  readonly I: Float64Array[];
  readonly V: Float64Array[];
  readonly A: Float64Array[];
  readonly R: Float64Array[];
  readonly s: Float64Array[];
}

function rows(steps: number, columns: number): Float64Array[] {
  return Array.from({ length: steps }, () => new Float64Array(columns));
}

function lif(layer: Layer): SpikingNeuron | undefined {
  return layer.neuron.kind === 'lif' ? layer.neuron : undefined;
}

function forward(
  layer: ReferenceLayer,
  below: readonly ArrayLike<number>[],
  steps: number,
  smooth: boolean,
  frozen: LayerRun | undefined,
): LayerRun {
  const { resolved, synapses, fixed, values } = layer;
  const { neurons, columns } = resolved;
  const own = (): Float64Array[] => rows(steps, neurons);
  const [I, V, A, R, s] = [own(), own(), own(), own(), own()];
  const neuron = lif(resolved.layer);
  const at = (name: string, j: number): number => values[name]?.[j % columns] as number;
  for (let t = 0; t < steps; t++) {
    const x = new Float64Array(neurons);
    for (const { input, neuron: j, weight } of synapses) {
      const value = fixed ?? (values.weight?.[weight] as number);
      x[j] = (x[j] as number) + value * (below[t]?.[input] as number);
    }
    const before = t > 0 ? (s[t - 1] as Float64Array) : new Float64Array(neurons);
    if (values.recurrent) {
      for (let k = 0; k < neurons; k++) {
        for (let j = 0; j < neurons; j++) {
          const weight = values.recurrent[k * neurons + j] as number;
          x[j] = (x[j] as number) + weight * (before[k] as number);
        }
      }
    }
    for (let j = 0; j < neurons; j++) {
      const past = (of: Float64Array[]): number => (t > 0 ? ((of[t - 1] as Float64Array)[j] as number) : 0);
      const reset = frozen && t > 0 ? (frozen.s[t - 1]?.[j] as number) : (before[j] as number);
      const current = at('currentDecay', j) * past(I) + (x[j] as number) + at('bias', j);
      let potential = at('membraneDecay', j) * past(V);
      if (neuron?.reset === 'zero') potential *= 1 - reset;
      if ((neuron?.reset ?? 'subtract') === 'subtract' && neuron) potential -= at('threshold', j) * reset;
      potential += current;
      const frozenOf = (of: 'A' | 'R'): number | undefined => frozen?.[of][t]?.[j];
      const adapted =
        (neuron?.detachAdaptation ? frozenOf('A') : undefined) ??
        (neuron?.adaptationDecay ?? 0) * past(A) + (before[j] as number);
      const bound = at('threshold', j) + (neuron?.adaptation ?? 0) * past(A);
      const refractory =
        frozenOf('R') ??
        (neuron?.refractoryDecay ?? 0) * past(R) + (neuron?.refractory ?? 0) * bound * (before[j] as number);
      (I[t] as Float64Array)[j] = current;
      (V[t] as Float64Array)[j] = potential;
      (A[t] as Float64Array)[j] = adapted;
      (R[t] as Float64Array)[j] = refractory;
      if (!neuron) continue;
      const u = potential - at('threshold', j) - (neuron.adaptation ?? 0) * adapted - refractory;
      (s[t] as Float64Array)[j] = smooth ? integral(neuron.surrogate, u) : Number(u >= 0);
    }
  }
  return { I, V, A, R, s };
}

function backward(
  layer: ReferenceLayer,
  run: LayerRun,
  below: readonly ArrayLike<number>[],
  upstream: readonly Float64Array[],
  steps: number,
): { gradients: Gradients; below: Float64Array[] } {
  const { resolved, synapses, fixed, values } = layer;
  const { neurons, columns, inputs } = resolved;
  const neuron = lif(resolved.layer);
  const gradients: Gradients = {};
  for (const [name, of] of Object.entries(values)) gradients[name] = new Float64Array(of.length);
  const under = rows(steps, inputs);
  const at = (name: string, j: number): number => values[name]?.[j % columns] as number;
  const add = (name: string, j: number, value: number): void => {
    const into = gradients[name] as Float64Array;
    into[j] = (into[j] as number) + value;
  };
  const { adaptation = 0, adaptationDecay = 0, detachAdaptation = false } = neuron ?? {};
  const { detachReset = true, reset = 'subtract' } = neuron ?? {};
  const rate = resolved.layer.rate;
  let ofI = new Float64Array(neurons);
  const ofV = new Float64Array(neurons);
  const ofA = new Float64Array(neurons);
  for (let t = steps - 1; t >= 0; t--) {
    const [s, V] = [run.s[t] as Float64Array, run.V[t] as Float64Array];
    const before = (of: Float64Array[], j: number): number =>
      t > 0 ? ((of[t - 1] as Float64Array)[j] as number) : 0;
    const next = new Float64Array(neurons);
    for (let j = 0; j < neurons; j++) {
      const above = upstream[t]?.[j] as number;
      if (!neuron) {
        ofV[j] = at('membraneDecay', j) * (ofV[j] as number) + above;
      } else {
        let ofSpike = above + (ofA[j] as number);
        if (values.recurrent) {
          for (let k = 0; k < neurons; k++) {
            ofSpike += (values.recurrent[j * neurons + k] as number) * (ofI[k] as number);
          }
        }
        if (rate) {
          const r = run.s.reduce((sum, row) => sum + (row[j] as number), 0) / steps;
          const beyond = Math.max(0, r - rate.high) - Math.max(0, rate.low - r);
          ofSpike += (2 * rate.weight * beyond) / steps;
        }
        if (!detachReset && reset === 'zero')
          ofSpike -= at('membraneDecay', j) * (V[j] as number) * (ofV[j] as number);
        if (!detachReset && reset === 'subtract') ofSpike -= at('threshold', j) * (ofV[j] as number);
        const raised = adaptation * (run.A[t]?.[j] as number) + (run.R[t]?.[j] as number);
        const u = (V[j] as number) - at('threshold', j) - raised;
        const ofU = ofSpike * derivative(neuron.surrogate, u);
        ofA[j] = adaptationDecay * (ofA[j] as number) - (detachAdaptation ? 0 : adaptation * ofU);
        const kept = reset === 'zero' ? 1 - (s[j] as number) : 1;
        ofV[j] = at('membraneDecay', j) * kept * (ofV[j] as number) + ofU;
        add('threshold', j % columns, -ofU);
        if (reset === 'subtract') add('threshold', j % columns, -before(run.s, j) * (ofV[j] as number));
      }
      const keptBefore = neuron && reset === 'zero' ? 1 - before(run.s, j) : 1;
      add('membraneDecay', j % columns, (ofV[j] as number) * before(run.V, j) * keptBefore);
      next[j] = at('currentDecay', j) * (ofI[j] as number) + (ofV[j] as number);
      add('currentDecay', j % columns, (next[j] as number) * before(run.I, j));
      add('bias', j % columns, next[j] as number);
      if (values.recurrent) {
        for (let k = 0; k < neurons; k++)
          add('recurrent', k * neurons + j, before(run.s, k) * (next[j] as number));
      }
    }
    ofI = next;
    for (const { input, neuron: j, weight } of synapses) {
      if (fixed === undefined) add('weight', weight, (below[t]?.[input] as number) * (ofI[j] as number));
      const value = (fixed ?? (values.weight?.[weight] as number)) * (ofI[j] as number);
      (under[t] as Float64Array)[input] = ((under[t] as Float64Array)[input] as number) + value;
    }
  }
  return { gradients, below: under };
}

function ratePenalty({ rate }: Layer, { s }: LayerRun, steps: number, neurons: number): number {
  if (!rate) return 0;
  let penalty = 0;
  for (let j = 0; j < neurons; j++) {
    const r = s.reduce((sum, row) => sum + (row[j] as number), 0) / steps;
    penalty += rate.weight * (Math.max(0, r - rate.high) ** 2 + Math.max(0, rate.low - r) ** 2);
  }
  return penalty;
}

function lossOf(
  loss: Loss,
  { s, V }: Pick<LayerRun, 's' | 'V'>,
  classes: number,
  label: number,
  steps: number,
): { loss: number; slopes: Float64Array[]; scores: number[] } {
  const slopes = rows(steps, classes);
  const spread = (c: number, slope: number, at?: number): void => {
    for (let t = 0; t < steps; t++) {
      (slopes[t] as Float64Array)[c] = at === undefined ? slope / steps : t === at ? slope : 0;
    }
  };
  const list = <T>(of: (c: number) => T): T[] => Array.from({ length: classes }, (_, c) => of(c));
  const peaks = list((c) =>
    V.reduce((best, row, t) => ((row[c] as number) > (V[best]?.[c] as number) ? t : best), 0),
  );
  const scores = list((c) => {
    if (loss.kind === 'membrane-max') return V[peaks[c] as number]?.[c] as number;
    const of = loss.kind === 'membrane-mean' ? V : s;
    return of.reduce((sum, row) => sum + (row[c] as number), 0) / steps;
  });
  if (loss.kind === 'rate-mse') {
    const off = scores.map((score, c) => score - (c === label ? loss.rateTrue : loss.rateFalse));
    off.forEach((value, c) => {
      spread(c, 2 * value);
    });
    return { loss: off.reduce((sum, value) => sum + value * value, 0), slopes, scores };
  }
  if (loss.kind === 'spike-max') {
    const { epsilon = 0.01 } = loss;
    const shares = scores.map((score) => score + epsilon);
    const sum = shares.reduce((a, b) => a + b, 0);
    shares.forEach((share, c) => {
      spread(c, 1 / sum - (c === label ? 1 / share : 0));
    });
    return { loss: Math.log(sum) - Math.log(shares[label] as number), slopes, scores };
  }
  const gain = loss.gain ?? 1;
  const powers = scores.map((score) => Math.exp(gain * score));
  const sum = powers.reduce((a, b) => a + b, 0);
  powers.forEach((power, c) => {
    spread(
      c,
      gain * (power / sum - Number(c === label)),
      loss.kind === 'membrane-max' ? peaks[c] : undefined,
    );
  });
  return { loss: Math.log(sum) - gain * (scores[label] as number), slopes, scores };
}

/** Every synapse of a layer, by the definition of its projection. */
function synapsesOf({ layer, input, output, inputs, neurons, columns }: ResolvedLayer): Synapse[] {
  const synapses: Synapse[] = [];
  if (layer.kind === 'dense') {
    for (let i = 0; i < inputs; i++) {
      for (let j = 0; j < neurons; j++) synapses.push({ input: i, neuron: j, weight: i * columns + j });
    }
    return synapses;
  }
  const [height, width, channels] = input;
  const { kernel, stride = 1 } = layer;
  const { padding = 0, dilation = 1 } = layer.kind === 'conv' ? layer : {};
  for (let y = 0; y < output[0]; y++) {
    for (let x = 0; x < output[1]; x++) {
      for (let ky = 0; ky < kernel; ky++) {
        for (let kx = 0; kx < kernel; kx++) {
          const [iy, ix] = [y * stride + ky * dilation - padding, x * stride + kx * dilation - padding];
          if (iy < 0 || iy >= height || ix < 0 || ix >= width) continue;
          for (let c = 0; c < channels; c++) {
            const from = (iy * width + ix) * channels + c;
            for (let o = 0; o < output[2]; o++) {
              if (layer.kind === 'pool' && o !== c) continue;
              const weight = ((c * kernel + ky) * kernel + kx) * columns + o;
              synapses.push({ input: from, neuron: (y * output[1] + x) * output[2] + o, weight });
            }
          }
        }
      }
    }
  }
  return synapses;
}
