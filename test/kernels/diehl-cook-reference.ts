/**
 * Diehl & Cook's network in f64, dense and step by step as the equations say, with none of the kernel's shortcuts:
 * every inhibitory neuron, every trace, every column at every step.
 */
import { philox4x32, STREAMS, unitReal, type Words2 } from '../../src/random/philox.ts';

export interface ReferenceSpikes {
  /** Step and neuron of each excitatory spike. */
  readonly excitatory: { readonly step: number; readonly neuron: number }[];
  readonly inhibitory: number;
}

/** The kernel's slot row, each value rounded to f32 as the kernel gets it. */
export type Network = Readonly<Record<string, number>>;

export class ReferenceNetwork {
  /** [input][neuron] */
  readonly weights: Float64Array;
  readonly theta: Float64Array;
  readonly #p: Network;
  readonly #n: number;
  readonly #inputs: number;
  readonly #steps: number;
  readonly #key: Words2;
  readonly #traceDecay = Math.exp(-1 / 20);
  #ordinal = 0;

  constructor(network: Network, inputs: number, steps: number) {
    this.#p = Object.fromEntries(Object.entries(network).map(([name, value]) => [name, Math.fround(value)]));
    this.#n = network.neurons as number;
    this.#inputs = inputs;
    this.#steps = steps;
    this.#key = [network.seed_low as number, network.seed_high as number];
    this.theta = new Float64Array(this.#n);
    this.weights = Float64Array.from({ length: inputs * this.#n }, (_, index) => {
      const input = Math.floor(index / this.#n);
      const neuron = index % this.#n;
      const words = philox4x32([input, STREAMS.initialWeights, Math.floor(neuron / 4), 0], this.#key);
      return unitReal(words[neuron % 4] as number);
    });
  }

  /** Shows a sample: `spikes[t]` holds the inputs that spike at step t. */
  show(spikes: readonly (readonly number[])[], learn: boolean): ReferenceSpikes {
    const n = this.#n;
    const p = (name: string): number => this.#p[name] as number;
    const { weights: w, theta } = this;
    const v = new Float64Array(n).fill(p('exc_rest'));
    const vInhibitory = new Float64Array(n).fill(p('inh_rest'));
    const refractory = new Int32Array(n);
    const refractoryInhibitory = new Int32Array(n);
    const pre = new Float64Array(this.#inputs);
    const post = new Float64Array(n);
    let lastInput: readonly number[] = [];
    let lastExcitatory = -1;
    let lastInhibitory: number[] = [];
    const excitatory: { step: number; neuron: number }[] = [];
    let inhibitory = 0;
    const thetaAtStart = Float64Array.from(theta);
    const thetaAdded = new Float64Array(n);
    for (let t = 0; t < this.#steps; t++) {
      // theta decays at every step, crossings add to what is left: theta(t) = theta(0) e^(-t') + later additions.
      const decayed = Math.exp(-(t + 1) * p('theta_rate'));
      const crossed: number[] = [];
      for (let j = 0; j < n; j++) {
        let x = 0;
        for (const i of lastInput) x += w[i * n + j] as number;
        for (const k of lastInhibitory) if (k !== j) x -= p('inh_strength');
        v[j] = p('exc_rest') + p('exc_decay') * ((v[j] as number) - p('exc_rest'));
        if ((refractory[j] as number) <= 0) v[j] = (v[j] as number) + x;
        refractory[j] = (refractory[j] as number) - 1;
        const adaptive = ((thetaAtStart[j] as number) + (thetaAdded[j] as number)) * decayed;
        if ((v[j] as number) >= p('exc_threshold') + adaptive) {
          crossed.push(j);
          v[j] = p('exc_reset');
          refractory[j] = p('exc_refractory');
          if (learn) thetaAdded[j] = (thetaAdded[j] as number) + p('theta_plus') / decayed;
        }
      }
      const winner = this.#drawWinner(crossed, t);
      if (winner >= 0) excitatory.push({ step: t, neuron: winner });
      const spiking: number[] = [];
      for (let k = 0; k < n; k++) {
        const x = k === lastExcitatory ? p('exc_strength') : 0;
        vInhibitory[k] = p('inh_rest') + p('inh_decay') * ((vInhibitory[k] as number) - p('inh_rest'));
        if ((refractoryInhibitory[k] as number) <= 0) vInhibitory[k] = (vInhibitory[k] as number) + x;
        refractoryInhibitory[k] = (refractoryInhibitory[k] as number) - 1;
        if ((vInhibitory[k] as number) >= p('inh_threshold')) {
          spiking.push(k);
          vInhibitory[k] = p('inh_reset');
          refractoryInhibitory[k] = p('inh_refractory');
        }
      }
      inhibitory += spiking.length;
      const input = spikes[t] ?? [];
      for (let i = 0; i < pre.length; i++) pre[i] = (pre[i] as number) * this.#traceDecay;
      for (let j = 0; j < n; j++) post[j] = (post[j] as number) * this.#traceDecay;
      for (const i of input) pre[i] = 1;
      if (winner >= 0) post[winner] = 1;
      if (learn) this.#learn(input, winner, pre, post);
      lastInput = input;
      lastExcitatory = winner;
      lastInhibitory = spiking;
    }
    if (learn) {
      this.#normalize();
      const left = 1 - p('theta_sample_loss');
      for (let j = 0; j < n; j++) theta[j] = ((thetaAtStart[j] as number) + (thetaAdded[j] as number)) * left;
    }
    this.#ordinal += 1;
    return { excitatory, inhibitory };
  }

  #drawWinner(crossed: readonly number[], step: number): number {
    let smallest = Number.POSITIVE_INFINITY;
    for (const j of crossed) {
      const [word] = philox4x32([j, STREAMS.winner, this.#ordinal, step], this.#key);
      smallest = Math.min(smallest, ((word & 0xfffff800) | j) >>> 0);
    }
    return crossed.length > 0 ? smallest % 2048 : -1;
  }

  #learn(input: readonly number[], winner: number, pre: Float64Array, post: Float64Array): void {
    const n = this.#n;
    const w = this.weights;
    for (const i of input) {
      for (let j = 0; j < n; j++) {
        w[i * n + j] = (w[i * n + j] as number) - (this.#p.nu_pre as number) * (post[j] as number);
      }
    }
    if (winner >= 0) {
      for (let i = 0; i < pre.length; i++) {
        w[i * n + winner] = (w[i * n + winner] as number) + (this.#p.nu_post as number) * (pre[i] as number);
      }
    }
    for (let place = 0; place < w.length; place++) w[place] = Math.min(1, Math.max(0, w[place] as number));
  }

  #normalize(): void {
    const n = this.#n;
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let i = 0; i < this.#inputs; i++) sum += this.weights[i * n + j] as number;
      const factor = (this.#p.weight_norm as number) / (sum === 0 ? 1 : sum);
      for (let i = 0; i < this.#inputs; i++) {
        this.weights[i * n + j] = (this.weights[i * n + j] as number) * factor;
      }
    }
  }
}
