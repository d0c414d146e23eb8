/**
 * What reaches a network from outside at the beginning of each step, the same draws as the kernels': Poisson input, noise,
 * and the spikes of sources. It doesn't depend on the state, so it moves trajectories and no tangent vector.
 */
import { type CompiledNetwork, type LifPopulation, valueAt } from '../kernels/recurrent-network.ts';
import { poissonThresholds, spikeThreshold } from '../kernels/recurrent-numbers.ts';
import { keyOf, philoxInto, STREAMS, type Words2 } from '../random/philox.ts';

/** Calls with a neuron of the network, a channel and what arrives there. */
export type Arrive = (neuron: number, channel: number, amount: number) => void;

export class ClockedInputs {
  readonly #network: CompiledNetwork;
  readonly #key: Words2;
  readonly #words = new Uint32Array(4);
  /** Whether there is any noise. */
  readonly noisy: boolean;
  readonly #poisson: readonly {
    readonly population: LifPopulation;
    readonly index: number;
    readonly channel: number;
    readonly weight: number;
    readonly thresholds: Uint32Array;
  }[];

  constructor(network: CompiledNetwork) {
    this.#network = network;
    this.#key = keyOf(network.seed);
    const lif = network.populations.filter((population) => population.kind === 'lif');
    this.noisy = lif.some(({ noiseMv, count }) => {
      for (let index = 0; index < count; index++) if (valueAt(noiseMv, index) !== 0) return true;
      return false;
    });
    this.#poisson = lif.flatMap((population) =>
      population.poisson.map(({ channel, meanPerStep, weight }, index) => ({
        population,
        index,
        channel,
        weight,
        thresholds: poissonThresholds(meanPerStep),
      })),
    );
  }

  /** Poisson input for a step. */
  arrivals(step: number, arrive: Arrive): void {
    for (const { population, index, channel, weight, thresholds } of this.#poisson) {
      const lowest = thresholds[0] ?? Infinity;
      for (let i = 0; i < population.count; i++) {
        const neuron = population.first + i;
        const word = this.#word(STREAMS.poissonInput, neuron, step, index);
        if (word < lowest) continue;
        let count = 1;
        while (count < thresholds.length && word >= (thresholds[count] as number)) count++;
        arrive(neuron, channel, count * weight);
      }
    }
  }

  /** Calls with each source that spikes in a step. */
  sources(step: number, spikes: (neuron: number) => void): void {
    for (const population of this.#network.populations) {
      if (population.kind !== 'source') continue;
      const { first, count, spikes: given } = population;
      if (given.kind === 'events') {
        const end = given.offsets[step + 1] ?? 0;
        for (let event = given.offsets[step] ?? 0; event < end; event++) {
          spikes(first + (given.neurons[event] as number));
        }
        continue;
      }
      for (let i = 0; i < count; i++) {
        const threshold = spikeThreshold(valueAt(given.rateHz, i), this.#network.dtMs);
        if (this.#word(STREAMS.sourceSpikes, first + i, step, 0) < threshold) spikes(first + i);
      }
    }
  }

  /** A standard normal number for a neuron and step (Box and Muller 1958), as the kernels draw it. */
  normal(neuron: number, step: number): number {
    this.#draw(STREAMS.membraneNoise, neuron, step, 0);
    const word = (neuron >> 4) & 3;
    const first = word < 2 ? 0 : 2;
    const radius = Math.sqrt(-2 * Math.log((((this.#words[first] as number) >>> 8) + 1) / 2 ** 24));
    const angle = 2 * Math.PI * (((this.#words[first + 1] as number) >>> 8) / 2 ** 24 - 0.5);
    return word % 2 === 0 ? radius * Math.cos(angle) : radius * Math.sin(angle);
  }

  #draw(stream: number, neuron: number, step: number, index: number): void {
    philoxInto(this.#words, (neuron >> 6) * 16 + (neuron & 15), stream, step, index, this.#key);
  }

  #word(stream: number, neuron: number, step: number, index: number): number {
    this.#draw(stream, neuron, step, index);
    return this.#words[(neuron >> 4) & 3] as number;
  }
}
