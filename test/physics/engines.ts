/** What physics is tested on: the reference in f64, and the kernels on every device present. */
import { describe } from 'vitest';
import type { Device } from '../../src/device/index.ts';
import { RecurrentBatch } from '../../src/kernels/recurrent-batch.ts';
import type { CompiledNetwork } from '../../src/kernels/recurrent-network.ts';
import { spikesOf } from '../../src/network/spikes.ts';
import { describeOnDevices } from '../devices.ts';
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

/** By the kernels on a device. */
export async function simulateOn(
  device: Device,
  network: CompiledNetwork,
  steps: number,
  traced: readonly number[] = [],
): Promise<Run> {
  using batch = await RecurrentBatch.create(device, [network], {
    record: { raster: true, ...(traced.length > 0 ? { traces: [traced] } : {}) },
    // Several launches in a run of a test, and a last one that is shorter.
    stepsPerLaunch: 97,
  });
  const [record] = await batch.run(steps);
  if (!record) throw new Error('the batch recorded nothing');
  const spikes: number[][] = Array.from({ length: network.neurons }, () => []);
  const { neuron, step } = spikesOf([record], network.dtMs, network.neurons);
  neuron.forEach((index, spike) => {
    (spikes[index] as number[]).push(step[spike] as number);
  });
  return { spikes, traces: record.traces, weights: await batch.weights(0) };
}

/** The tests of a suite, given a way to run networks, and the relative accuracy of its numbers. */
export type PhysicsSuite = (simulate: Simulate, accuracy: number) => void;

export function describeInReference(name: string, suite: PhysicsSuite): void {
  describe(`${name} in the reference`, () => suite(simulateReference, 1e-12));
}

/** Describes a suite for the kernels on each device. */
export function describeOnKernels(name: string, suite: PhysicsSuite): void {
  describeOnDevices(name, (open) => {
    let device: Device | undefined;
    suite(async (network, steps, traced) => {
      device ??= await open();
      return simulateOn(device, network, steps, traced);
    }, 1e-6);
  });
}

/** Describes a suite for the reference and for the kernels on each device. */
export function describeOnEngines(name: string, suite: PhysicsSuite): void {
  describeInReference(name, suite);
  describeOnKernels(name, suite);
}
