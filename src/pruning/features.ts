/**
 * What a readout sees of networks, and what they spend on it: filtered spikes at regular times, rates, synaptic operations.
 */
import type { Device } from '../device/index.ts';
import { RecurrentBatch } from '../kernels/recurrent-batch.ts';
import type { CompiledNetwork } from '../kernels/recurrent-network.ts';
import { type DenseMatrix, SpikeFilter } from '../learning/index.ts';

/** A network of which some neurons are read. */
export interface Reading {
  readonly network: CompiledNetwork;
  /** By their place among the neurons with a state; all by default. */
  readonly read?: Uint32Array;
}

/** What a network did, over the whole run. */
export interface NetworkActivity {
  /** Spikes of a neuron with a state, Hz. */
  readonly rateHz: number;
  /** [neuron with a state]: the same, each. */
  readonly ratesHz: Float64Array;
  /** Spikes times targets among the recurrent synapses, a second of simulated time. */
  readonly synapticOperationsHz: number;
  /** Their energy at {@link ACCUMULATE_PICOJOULES} each, nW: an estimate that leaves out all but the additions. */
  readonly energyNanowatts: number;
}

/** An addition of 32-bit floating point in 45 nm (Horowitz, "Computing's energy problem", ISSCC 2014). */
export const ACCUMULATE_PICOJOULES = 0.9;

export interface FeatureTimes {
  readonly samples: number;
  /** Simulated time between two samples; the first is taken at its end. */
  readonly sampleMs: number;
  /** Decay of the filter. */
  readonly filterMs: number;
}

/** Bytes of rasters that are held at once. */
const RASTER_BYTES = 100_000_000;

/** Runs networks of one time step side by side: [network], features as [sample][neuron that is read]. */
export async function recordFeatures(
  device: Device,
  networks: readonly (CompiledNetwork | Reading)[],
  { samples, sampleMs, filterMs }: FeatureTimes,
): Promise<{ readonly features: DenseMatrix; readonly activity: NetworkActivity }[]> {
  const readings = networks.map((one) => ('network' in one ? one : { network: one }));
  const [first] = readings;
  if (first === undefined) return [];
  const everySteps = Math.round(sampleMs / first.network.dtMs);
  const run = readings.map(({ network, read }) => {
    const stateful = statefulNeurons(network);
    const own = read === undefined ? stateful : Array.from(read, (place) => stateful[place] as number);
    const { neurons, dtMs } = network;
    return {
      network,
      stateful,
      filter: new SpikeFilter({ neurons, dtMs, tauMs: filterMs, everySteps, read: own }),
      features: { values: new Float64Array(samples * own.length), rows: samples, columns: own.length },
    };
  });
  using batch = await RecurrentBatch.create(
    device,
    run.map(({ network }) => network),
    { record: { raster: true } },
  );
  // In parts, so that the rasters of all networks together stay small.
  const stepBits = run.reduce((sum, { network }) => sum + network.neurons, 0);
  const part = Math.max(1, Math.floor((8 * RASTER_BYTES) / (stepBits * everySteps)));
  for (let done = 0; done < samples; ) {
    const count = Math.min(part, samples - done);
    (await batch.run(count * everySteps)).forEach(({ raster, steps }, slot) => {
      const { filter, features } = run[slot] as (typeof run)[number];
      features.values.set(filter.push(raster, steps), done * features.columns);
    });
    done += count;
  }
  const seconds = (samples * sampleMs) / 1000;
  return await Promise.all(
    run.map(async ({ network, stateful, features }, slot) => {
      return { features, activity: activityOf(network, stateful, await batch.counts(slot), seconds) };
    }),
  );
}

/** Rows `first` to `end` - 1 of a matrix, without copying. */
export function rowsOf({ values, columns }: DenseMatrix, first: number, end: number): DenseMatrix {
  return { values: values.subarray(first * columns, end * columns), rows: end - first, columns };
}

function activityOf(
  { synapses: { rows } }: CompiledNetwork,
  stateful: readonly number[],
  counts: Uint32Array,
  seconds: number,
): NetworkActivity {
  const ratesHz = Float64Array.from(stateful, (neuron) => (counts[neuron] as number) / seconds);
  const synapticOperationsHz = stateful.reduce((sum, neuron, place) => {
    const fanOut = (rows[neuron + 1] as number) - (rows[neuron] as number);
    return sum + fanOut * (ratesHz[place] as number);
  }, 0);
  return {
    rateHz: ratesHz.reduce((sum, rate) => sum + rate, 0) / ratesHz.length,
    ratesHz,
    synapticOperationsHz,
    energyNanowatts: (synapticOperationsHz * ACCUMULATE_PICOJOULES) / 1000,
  };
}

/** Numbers of the neurons with a state; all others are sources. */
export function statefulNeurons(network: CompiledNetwork): number[] {
  return network.populations.flatMap(({ kind, first, count }) =>
    kind === 'lif' ? Array.from({ length: count }, (_, index) => first + index) : [],
  );
}
