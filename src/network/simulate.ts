/** Running networks on a device, and what came of them. */
import type { Device } from '../device/index.ts';
import { RecurrentBatch, type RecurrentRecord } from '../kernels/recurrent-batch.ts';
import type { PropagationMethod } from '../kernels/recurrent-method.ts';
import type { CompiledNetwork } from '../kernels/recurrent-network.ts';
import { ensure, requirePositive } from './errors.ts';
import { Network } from './network.ts';
import { type Spikes, spikesOf } from './spikes.ts';

export interface SimulateOptions {
  /** Simulated time, ms, to the nearest step of each network; all must have the same time step. */
  readonly durationMs: number;
  readonly record?: {
    /** All spikes; true by default. */
    readonly spikes?: boolean;
    /** Neurons whose membrane potential is recorded, by their numbers in the network. */
    readonly traces?: readonly number[];
    /** The weights at the end, which plasticity has changed. */
    readonly weights?: boolean;
  };
  /** How networks are advanced, see {@link PropagationMethod}; chosen by what they are, their size and the device when absent. */
  readonly method?: PropagationMethod;
  /** Called after each block of steps with the simulated time, ms. */
  readonly onProgress?: (simulatedMs: number) => void;
}

/** What a network did. */
export interface SimulationResult {
  readonly network: CompiledNetwork;
  readonly durationMs: number;
  readonly steps: number;
  /** Spikes of each neuron. */
  readonly counts: Uint32Array;
  /** Undefined where they were not recorded. */
  readonly spikes: Spikes | undefined;
  /** [step][traced neuron]: membrane potential at the end of the step, mV. Empty unless asked for. */
  readonly traces: Float32Array;
  /** [synapse], in the order of the compiled network's; undefined unless asked for. */
  readonly weights: Float32Array | undefined;
  readonly method: PropagationMethod;
}

/** Steps between two calls of `onProgress`, about. */
const BLOCK_STEPS = 1000;

/**
 * Simulates networks side by side, each in a slot of its own, and reads back what they did. They may differ in
 * everything but the time step.
 *
 * @throws {NetworkError} for networks that can't be, naming what to change
 * @throws {DeviceError} when the device can't hold them, or fails
 *
 * @example
 * const [result] = await simulate(device, [cuba()], { durationMs: 1000 });
 * if (result?.spikes) console.log(spikeStatistics(result.spikes).rateHz);
 */
export async function simulate(
  device: Device,
  networks: readonly (Network | CompiledNetwork)[],
  { durationMs, record = {}, method, onProgress }: SimulateOptions,
): Promise<SimulationResult[]> {
  const [first] = networks;
  if (first === undefined) return [];
  requirePositive(durationMs, 'durationMs');
  const different = networks.find(({ dtMs }) => dtMs !== first.dtMs);
  ensure(
    different === undefined,
    () =>
      `"${different?.name}" has a time step of ${different?.dtMs} ms and "${first.name}" of ${first.dtMs} ms: give networks of one time step`,
  );
  const compiled = networks.map((network) => (network instanceof Network ? network.compile() : network));
  const { spikes = true, traces, weights = false } = record;
  using batch = await RecurrentBatch.create(device, compiled, {
    record: { spikes, ...(traces === undefined ? {} : { traces: compiled.map(() => traces) }) },
    ...(method === undefined ? {} : { method }),
  });
  const steps = Math.round(durationMs / first.dtMs);
  const blocks: RecurrentRecord[][] = compiled.map(() => []);
  for (let done = 0; done < steps; ) {
    const count = Math.min(BLOCK_STEPS, steps - done);
    (await batch.run(count)).forEach((block, slot) => {
      blocks[slot]?.push(block);
    });
    done += count;
    onProgress?.(done * first.dtMs);
  }
  return await Promise.all(
    compiled.map(async (network, slot) => {
      const own = blocks[slot] ?? [];
      return {
        network,
        durationMs,
        steps,
        counts: await batch.counts(slot),
        spikes: spikes ? spikesOf(own, network.dtMs, network.neurons) : undefined,
        traces: joined(own.map((block) => block.traces)),
        weights: weights ? await batch.weights(slot) : undefined,
        method: batch.methodOf(slot),
      };
    }),
  );
}

function joined(arrays: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return all;
}
