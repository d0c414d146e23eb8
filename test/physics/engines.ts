/** What physics is tested on: the reference in f64, and the kernels on every device present. */
import { describe } from 'vitest';
import type { CompiledNetwork } from '../../src/kernels/recurrent-network.ts';
import { ReferenceRecurrent } from '../kernels/recurrent-reference.ts';

/** What a run shows. */
export interface Run {
  /** Steps in which each neuron spiked. */
  readonly spikes: readonly (readonly number[])[];
  /** Membrane potentials of the neurons asked for after each step, mV: [step][m]. */
  readonly traces: ArrayLike<number>;
  /** Of the synapses in the end. */
  readonly weights: ArrayLike<number>;
}

/** Runs a network from its start and records its spikes, and v of some neurons. */
export type Simulate = (network: CompiledNetwork, steps: number, traced?: readonly number[]) => Promise<Run>;

export async function simulateReference(
  network: CompiledNetwork,
  steps: number,
  traced: readonly number[] = [],
): Promise<Run> {
  const reference = new ReferenceRecurrent(network);
  const spikes: number[][] = Array.from({ length: network.neurons }, () => []);
  const traces = new Float64Array(steps * traced.length);
  for (let step = 0; step < steps; step++) {
    for (const neuron of reference.step()) (spikes[neuron] as number[]).push(step);
    traced.forEach((neuron, m) => {
      traces[step * traced.length + m] = reference.v[neuron] as number;
    });
  }
  return { spikes, traces, weights: reference.weights };
}

export function describeOnEngines(name: string, suite: (simulate: Simulate, accuracy: number) => void): void {
  describe(`${name} in the reference`, () => suite(simulateReference, 1e-12));
}
