/**
 * Recurrent networks in f64, written from the definitions in `src/kernels/recurrent-network.ts` and `plasticity.ts`:
 * one neuron and one synapse after the other, every trace of every synapse at every step, none of the kernels' shortcuts.
 */
import type { PlasticityRule, SynapseParameter } from '../../src/kernels/plasticity.ts';
import {
  type CompiledNetwork,
  classOf,
  type LifPopulation,
  type Parameter,
  type SourcePopulation,
  targetOf,
} from '../../src/kernels/recurrent-network.ts';
import { keyOf, philox4x32, STREAMS, type Words2 } from '../../src/random/philox.ts';

export interface ReferenceOptions {
  /** Weights count as whole multiples of 2^-shift, as in the kernels; exact when absent. */
  readonly fixedPointShift?: number;
}

export interface ReferenceSpike {
  readonly step: number;
  readonly neuron: number;
}

export class ReferenceRecurrent {
  /** [neuron]; 0 for source neurons. */
  readonly v: Float64Array;
  /** [channel][neuron] */
  readonly g: Float64Array[];
  /** Adaptive part of the threshold, [neuron]. */
  readonly adaptation: Float64Array;
  /** [synapse], those of classes with one weight included. */
  readonly weights: Float64Array;
  readonly #network: CompiledNetwork;
  readonly #shift: number | undefined;
  readonly #key: Words2;
  /** [step mod D][channel][neuron], D = longest delay + 1. */
  readonly #ring: Float64Array[][];
  /** Steps for which v is still held, [neuron]. */
  readonly #held: Float64Array;
  readonly #rules: RuleState[];
  #step = 0;

  constructor(network: CompiledNetwork, options: ReferenceOptions = {}) {
    const { neurons, synapses } = network;
    this.#network = network;
    this.#shift = options.fixedPointShift;
    this.#key = keyOf(network.seed);
    this.v = new Float64Array(neurons);
    this.g = network.channels.map(() => new Float64Array(neurons));
    this.adaptation = new Float64Array(neurons);
    this.#held = new Float64Array(neurons);
    const slots = 1 + synapses.classes.reduce((longest, { delaySteps }) => Math.max(longest, delaySteps), 0);
    this.#ring = Array.from({ length: slots }, () => network.channels.map(() => new Float64Array(neurons)));
    this.weights = Float64Array.from(synapses.words, (word, index) => {
      const shared = synapses.classes[classOf(word)]?.weight;
      // The kernels hold weights in single precision.
      return Math.fround(shared ?? (synapses.weights?.[index] as number));
    });
    for (const population of network.populations) {
      if (population.kind !== 'lif') continue;
      for (let k = 0; k < population.count; k++) {
        this.v[population.first + k] = value(population.initialMv, k);
        population.initialChannels?.forEach((initial, channel) => {
          (this.g[channel] as Float64Array)[population.first + k] = value(initial, k);
        });
      }
    }
    this.#rules = (synapses.plasticity ?? []).map((rule) => new RuleState(rule, network));
  }

  /** Advances by so many steps; returns their spikes, in the order of steps and neurons. */
  run(steps: number): ReferenceSpike[] {
    const spikes: ReferenceSpike[] = [];
    for (let end = this.#step + steps; this.#step < end; ) {
      const step = this.#step;
      for (const neuron of this.step()) spikes.push({ step, neuron });
    }
    return spikes;
  }

  /** Advances by one step; returns the neurons that spike, ascending. */
  step(): number[] {
    const t = this.#step++;
    const slot = this.#ring[t % this.#ring.length] as Float64Array[];
    const spiking: number[] = [];
    for (const population of this.#network.populations) {
      for (let k = 0; k < population.count; k++) {
        const spikes =
          population.kind === 'lif'
            ? this.#advance(population, k, slot, t)
            : this.#sourceSpikes(population, k, t);
        if (spikes) spiking.push(population.first + k);
      }
    }
    for (const arrivals of slot) arrivals.fill(0);
    this.#propagate(spiking, t);
    for (const rule of this.#rules) rule.learn(spiking, this.weights, t);
    return spiking;
  }

  #advance(p: LifPopulation, k: number, slot: Float64Array[], t: number): boolean {
    const dt = this.#network.dtMs;
    const neuron = p.first + k;
    const { channels } = this.#network;
    const held = (this.#held[neuron] as number) > 0;
    const rest = value(p.restMv, k) + value(p.biasMv, k);
    const tauMembrane = value(p.tauMembraneMs, k);
    let v = this.v[neuron] as number;

    let conductance = 1;
    let drive = rest;
    let currents = 0;
    channels.forEach(({ kind }, c) => {
      let arrivals = (slot[c] as Float64Array)[neuron] as number;
      p.poisson.forEach((input, index) => {
        if (input.channel !== c) return;
        const word = this.#word(STREAMS.poissonInput, neuron, t, index);
        arrivals += poissonCount(input.meanPerStep, word) * this.#rounded(Math.fround(input.weight));
      });
      if (kind === 'delta') {
        if (!held) v += arrivals;
        return;
      }
      const channel = p.channels[c];
      if (!channel) throw new RangeError(`population ${p.name} lacks channel ${c}`);
      const tau = value(channel.tauMs, k);
      const g = ((this.g[c] as Float64Array)[neuron] as number) + arrivals;
      (this.g[c] as Float64Array)[neuron] = g * Math.exp(-dt / tau);
      if (kind === 'conductance') {
        conductance += g;
        drive += g * value(channel.reversalMv, k);
      } else {
        drive += g;
        currents += g * currentPropagator(dt, tau, tauMembrane);
      }
    });

    const adaptation = p.adaptation;
    if (adaptation) {
      this.adaptation[neuron] =
        (this.adaptation[neuron] as number) * Math.exp(-dt / value(adaptation.tauMs, k));
    }
    if (held) {
      this.#held[neuron] = (this.#held[neuron] as number) - 1;
      return false;
    }
    const decay = Math.exp(-dt / tauMembrane);
    if (channels.some(({ kind }) => kind === 'conductance')) {
      const goal = drive / conductance;
      v = goal + (v - goal) * Math.exp((-dt * conductance) / tauMembrane);
    } else {
      v = rest + (v - rest) * decay + currents;
    }
    const noise = value(p.noiseMv, k);
    if (noise !== 0) v += noise * Math.sqrt(1 - decay * decay) * this.#normal(neuron, t);
    const threshold = value(p.thresholdMv, k);
    const spikes = v > threshold + (this.adaptation[neuron] as number);
    if (spikes) {
      v = p.reset === 'value' ? value(p.resetMv, k) : v - threshold;
      this.#held[neuron] = value(p.refractorySteps, k);
      if (adaptation) {
        this.adaptation[neuron] = (this.adaptation[neuron] as number) + value(adaptation.incrementMv, k);
      }
    }
    this.v[neuron] = v;
    return spikes;
  }

  #sourceSpikes(p: SourcePopulation, k: number, t: number): boolean {
    const { spikes } = p;
    if (spikes.kind === 'events') {
      if (t + 1 >= spikes.offsets.length) return false;
      return spikes.neurons.subarray(spikes.offsets[t], spikes.offsets[t + 1]).includes(k);
    }
    const probability = (value(spikes.rateHz, k) * this.#network.dtMs) / 1000;
    return this.#word(STREAMS.sourceSpikes, p.first + k, t, 0) < Math.round(probability * 2 ** 32);
  }

  #propagate(spiking: readonly number[], t: number): void {
    const { rows, words, classes } = this.#network.synapses;
    for (const source of spiking) {
      for (let synapse = rows[source] as number; synapse < (rows[source + 1] as number); synapse++) {
        const word = words[synapse] as number;
        const { channel, delaySteps } = classes[classOf(word)] as (typeof classes)[number];
        const slot = this.#ring[(t + delaySteps) % this.#ring.length] as Float64Array[];
        const arrivals = slot[channel] as Float64Array;
        const target = targetOf(word);
        arrivals[target] = (arrivals[target] as number) + this.#rounded(this.weights[synapse] as number);
      }
    }
  }

  #rounded(weight: number): number {
    if (this.#shift === undefined) return weight;
    return roundToEven(weight * 2 ** this.#shift) / 2 ** this.#shift;
  }

  #words(stream: number, neuron: number, t: number, index: number) {
    const lane = (neuron >> 6) * 16 + (neuron & 15);
    return philox4x32([lane, stream, t, index], this.#key);
  }

  #word(stream: number, neuron: number, t: number, index: number): number {
    return this.#words(stream, neuron, t, index)[(neuron >> 4) & 3] as number;
  }

  /** Box & Muller 1958: neurons of words 0 and 1 share one pair of words, those of words 2 and 3 the other. */
  #normal(neuron: number, t: number): number {
    const words = this.#words(STREAMS.membraneNoise, neuron, t, 0);
    const word = (neuron >> 4) & 3;
    const [a, b] = word < 2 ? [words[0], words[1]] : [words[2], words[3]];
    const radius = Math.sqrt(-2 * Math.log(((a >>> 8) + 1) / 2 ** 24));
    const angle = 2 * Math.PI * ((b >>> 8) / 2 ** 24 - 0.5);
    return word % 2 === 0 ? radius * Math.cos(angle) : radius * Math.sin(angle);
  }
}

/** What a rule remembers: a trace of either side for each synapse. */
class RuleState {
  readonly #rule: PlasticityRule;
  readonly #dtMs: number;
  /** Indices of the synapses that learn, with their neurons. */
  readonly #synapses: { readonly index: number; readonly source: number; readonly target: number }[] = [];
  readonly #x: Float64Array;
  readonly #y: Float64Array;

  constructor(rule: PlasticityRule, network: CompiledNetwork) {
    this.#rule = rule;
    this.#dtMs = network.dtMs;
    const { rows, words } = network.synapses;
    for (let source = 0; source < network.neurons; source++) {
      for (let index = rows[source] as number; index < (rows[source + 1] as number); index++) {
        const word = words[index] as number;
        const place = classOf(word) - rule.firstClass;
        if (place >= 0 && place < rule.classes)
          this.#synapses.push({ index, source, target: targetOf(word) });
      }
    }
    this.#x = new Float64Array(words.length);
    this.#y = new Float64Array(words.length);
  }

  learn(spiking: readonly number[], weights: Float64Array, t: number): void {
    const rule = this.#rule;
    const spikes = new Set(spiking);
    const clip = (w: number) => Math.min(rule.maximum, Math.max(rule.minimum, w));
    const multiplicative = rule.dependence === 'multiplicative';
    for (const { index, source, target } of this.#synapses) {
      const trace = (traces: Float64Array, tauMs: SynapseParameter): number => {
        const decayed = (traces[index] as number) * Math.exp(-this.#dtMs / ofSynapse(tauMs, index));
        traces[index] = decayed;
        return decayed;
      };
      let x = trace(this.#x, rule.tauPlusMs);
      const y = trace(this.#y, rule.tauMinusMs);
      let w = weights[index] as number;
      if (spikes.has(source)) {
        w = clip(w - ofSynapse(rule.depression, index) * (multiplicative ? w - rule.minimum : 1) * y);
        x = rule.pairs === 'all' ? x + 1 : 1;
        this.#x[index] = x;
      }
      if (spikes.has(target)) {
        w = clip(w + ofSynapse(rule.potentiation, index) * (multiplicative ? rule.maximum - w : 1) * x);
        this.#y[index] = rule.pairs === 'all' ? y + 1 : 1;
      }
      weights[index] = w;
    }
    if (rule.normalization && (t + 1) % rule.normalization.everySteps === 0) {
      const sums = new Map<number, number>();
      for (const { index, target } of this.#synapses) {
        sums.set(target, (sums.get(target) ?? 0) + (weights[index] as number));
      }
      for (const { index, target } of this.#synapses) {
        const sum = sums.get(target) as number;
        if (sum !== 0) weights[index] = clip((weights[index] as number) * (rule.normalization.total / sum));
      }
    }
  }
}

/** Exact share of a synaptic current, decaying with tau, in the membrane potential one step later. */
export function currentPropagator(dt: number, tau: number, tauMembrane: number): number {
  if (tau === tauMembrane) return (dt / tau) * Math.exp(-dt / tau);
  return (tau / (tau - tauMembrane)) * (Math.exp(-dt / tau) - Math.exp(-dt / tauMembrane));
}

/** How many arrivals a word stands for, by inversion of the cumulative distribution. */
export function poissonCount(mean: number, word: number): number {
  let probability = Math.exp(-mean);
  let cumulative = probability;
  let count = 0;
  while (word >= Math.round(2 ** 32 * cumulative) && probability > 0) {
    count += 1;
    probability *= mean / count;
    cumulative += probability;
  }
  return count;
}

function value(parameter: Parameter, index: number): number {
  return typeof parameter === 'number' ? parameter : (parameter[index] as number);
}

function ofSynapse(parameter: SynapseParameter, index: number): number {
  return typeof parameter === 'number' ? parameter : (parameter[index] as number);
}

function roundToEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  if (rest !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
}
