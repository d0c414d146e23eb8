/**
 * The derivative of a clocked network with the spike's derivative replaced by a surrogate.
 *
 * The state is the potential u before the reset of its step, and the synaptic variables g at its end. With S = 1 for a
 * spike and psi the surrogate of dS/du, one step is (tangent_step.wgsl)
 *
 *   g[i] += sum of w psi_j u_j;   u'_i = d_i leak_i u_i + effect_i g[i] + leak_i (sum over delta synapses);   g' = decay g
 *
 * with d, the derivative of the reset: 1 - S where a spike sets the potential, 1 where it subtracts the threshold; where
 * the reset is not detached, plus (reset - u) psi or -threshold psi. A refractory neuron keeps its potential: u' = d u.
 */
import { type CompiledNetwork, classOf, targetOf } from '../kernels/recurrent-network.ts';
import { currentPropagator } from '../kernels/recurrent-numbers.ts';
import type { TangentOperator } from '../kernels/tangent-batch.ts';
import { ensureInput } from './errors.ts';
import { type EventNeurons, eventNeurons } from './event-neurons.ts';

/** What stands for the derivative of a spike by the potential. U is the potential in units of the threshold's height. */
export interface Surrogate {
  /**
   * - `fast-sigmoid`: 1 / (sharpness |U - 1| + 1)^2 (Zenke and Ganguli 2018), the default
   * - `triangle`: max(0, 1 - sharpness |U - 1|) (Esser et al. 2016)
   *
   * both divided by the height, threshold - reset.
   */
  readonly shape?: 'fast-sigmoid' | 'triangle';
  /** 10 by default. Exponents depend on it: give it with them. */
  readonly sharpness?: number;
  /** Whether the derivative goes through the reset. `detached` by default, as most trained networks have it. */
  readonly reset?: 'detached' | 'attached';
}

/** @throws {DynamicsError} `bad-input` */
export function completeSurrogate(given: Surrogate = {}): Required<Surrogate> {
  const { shape = 'fast-sigmoid', sharpness = 10, reset = 'detached' } = given;
  ensureInput(
    shape === 'fast-sigmoid' || shape === 'triangle',
    () => `surrogate shape is ${JSON.stringify(shape)}: give fast-sigmoid or triangle`,
  );
  ensureInput(
    sharpness > 0 && sharpness < Infinity,
    () => `surrogate sharpness is ${sharpness}: give a number above 0`,
  );
  ensureInput(
    reset === 'detached' || reset === 'attached',
    () => `surrogate reset is ${JSON.stringify(reset)}: give detached or attached`,
  );
  return { shape, sharpness, reset };
}

/** Synapses between neurons with a state by target, and what does not change from step to step. */
export function operatorOf(network: CompiledNetwork, neurons: EventNeurons): TangentOperator {
  const { count, channels, placeOf, exponentialOf, tauMs, tauSynapseMs } = neurons;
  const { rows, words, classes, weights } = network.synapses;
  const planes = 1 + channels;
  const planeOf = classes.map(({ channel }) => 1 + (exponentialOf[channel] as number));
  const bounds = new Uint32Array(planes * (count + 1));
  const each = (visit: (bound: number, source: number, weight: number) => void) => {
    for (let neuron = 0; neuron < network.neurons; neuron++) {
      const source = placeOf[neuron] as number;
      if (source < 0) continue;
      for (let at = rows[neuron] as number; at < (rows[neuron + 1] as number); at++) {
        const word = words[at] as number;
        const kind = classOf(word);
        const target = placeOf[targetOf(word)] as number;
        const weight = classes[kind]?.weight ?? (weights?.[at] as number);
        visit((planeOf[kind] as number) * (count + 1) + target, source, weight);
      }
    }
  };
  const counts = new Uint32Array(bounds.length);
  let total = 0;
  each((bound) => {
    counts[bound] = (counts[bound] as number) + 1;
    total++;
  });
  let sum = 0;
  for (let bound = 0; bound < bounds.length; bound++) {
    bounds[bound] = sum;
    sum += counts[bound] as number;
  }
  const next = bounds.slice();
  const sources = new Uint32Array(total);
  const ordered = new Float32Array(total);
  each((bound, source, weight) => {
    const at = next[bound] as number;
    next[bound] = at + 1;
    sources[at] = source;
    ordered[at] = weight;
  });
  const leaks = new Float32Array(count * (1 + 2 * channels));
  for (let i = 0; i < count; i++) {
    const tau = tauMs[i] as number;
    leaks[i] = Math.exp(-network.dtMs / tau);
    for (let c = 0; c < channels; c++) {
      const tauSynapse = tauSynapseMs[c * count + i] as number;
      leaks[(1 + c) * count + i] = currentPropagator(tauSynapse, tau, network.dtMs);
      leaks[(1 + channels + c) * count + i] = Math.exp(-network.dtMs / tauSynapse);
    }
  }
  return { neurons: count, channels, bounds, sources, weights: ordered, leaks };
}

/** Turns the recorded potentials and spikes of a network into the coefficients of its steps. */
export class SurrogateCoefficients {
  readonly neurons: EventNeurons;
  readonly #surrogate: Required<Surrogate>;
  readonly #leaks: Float32Array;
  readonly #held: Float64Array;
  readonly #refractorySteps: Float64Array;

  /** @throws {DynamicsError} `unsupported` naming what of the network has no derivative */
  constructor(network: CompiledNetwork, surrogate: Required<Surrogate>) {
    this.neurons = eventNeurons(network, 'surrogate');
    this.#surrogate = surrogate;
    this.#leaks = Float32Array.from(this.neurons.tauMs, (tau) => Math.exp(-network.dtMs / tau));
    this.#held = new Float64Array(this.neurons.count);
    this.#refractorySteps = this.neurons.refractoryMs.map((ms) => Math.round(ms / network.dtMs));
  }

  /**
   * The coefficients of the steps that follow each of the recorded ones.
   *
   * @param potentials [step][neuron with a state], before the reset
   * @param spiked whether a neuron with a state spikes in a step
   * @returns [step][gain, keep, drive][neuron]
   */
  of(
    potentials: Float32Array,
    steps: number,
    spiked: (step: number, place: number) => boolean,
  ): Float32Array {
    const { count, thresholdMv, resetMv, subtracts } = this.neurons;
    const { shape, sharpness, reset } = this.#surrogate;
    const attached = reset === 'attached';
    const held = this.#held;
    const all = new Float32Array(3 * steps * count);
    for (let step = 0; step < steps; step++) {
      const at = 3 * step * count;
      for (let i = 0; i < count; i++) {
        const isHeld = (held[i] as number) > 0;
        const u = potentials[step * count + i] as number;
        const threshold = thresholdMv[i] as number;
        const height = threshold - (resetMv[i] as number);
        let gain = 0;
        let through = 1;
        if (isHeld) held[i] = (held[i] as number) - 1;
        else {
          const distance = sharpness * Math.abs((u - threshold) / height);
          gain = (shape === 'triangle' ? Math.max(0, 1 - distance) : 1 / (distance + 1) ** 2) / height;
          const spikes = spiked(step, i);
          if (subtracts[i] !== 0) through = attached ? 1 - threshold * gain : 1;
          else through = (spikes ? 0 : 1) + (attached ? ((resetMv[i] as number) - u) * gain : 0);
          if (spikes) held[i] = this.#refractorySteps[i] as number;
        }
        // Held in the next step?
        const next = (held[i] as number) > 0;
        all[at + i] = gain;
        all[at + count + i] = next ? through : through * (this.#leaks[i] as number);
        all[at + 2 * count + i] = next ? 0 : 1;
      }
    }
    return all;
  }
}
