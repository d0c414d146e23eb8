/**
 * What launches of each kernel have to move and to compute, by the formulas at the heads of `shaders/*.wgsl`: what a
 * benchmark holds against the roofs of a device. A formula counts what the method itself needs (each weight that an event
 * adds, each synapse of a spike), not what an implementation happens to do besides.
 */

/** Bytes read and written in order, in a set of `within` bytes that a workgroup comes back to: that decides the cache. */
export interface Traffic {
  readonly bytes: number;
  readonly within: number;
}

/** Words read or changed wherever they happen to be in a set of `within` bytes. */
export interface Scattered {
  readonly count: number;
  readonly within: number;
}

export interface KernelCost {
  /** Additions, multiplications, comparisons, bit operations; a fused multiply-add counts as one. */
  readonly operations: number;
  readonly traffic: readonly Traffic[];
  readonly scattered: readonly Scattered[];
}

/** Every set that is larger than any cache. Finite, so that JSON keeps it. */
export const MEMORY = Number.MAX_SAFE_INTEGER;

const NOTHING: KernelCost = { operations: 0, traffic: [], scattered: [] };

/** The costs of several launches together. */
export function sumOfCosts(costs: readonly KernelCost[]): KernelCost {
  const traffic = new Map<number, number>();
  const scattered = new Map<number, number>();
  let operations = 0;
  for (const cost of costs) {
    operations += cost.operations;
    for (const { bytes, within } of cost.traffic) traffic.set(within, (traffic.get(within) ?? 0) + bytes);
    for (const { count, within } of cost.scattered) {
      scattered.set(within, (scattered.get(within) ?? 0) + count);
    }
  }
  return {
    operations,
    traffic: [...traffic].map(([within, bytes]) => ({ within, bytes })),
    scattered: [...scattered].map(([within, count]) => ({ within, count })),
  };
}

/** Bytes in order and words at random (4 B each) together. */
export function bytesOf({ traffic, scattered }: KernelCost): number {
  return (
    traffic.reduce((sum, { bytes }) => sum + bytes, 0) +
    scattered.reduce((sum, { count }) => sum + 4 * count, 0)
  );
}

export function roofCopyCost(elements: number): KernelCost {
  return { ...NOTHING, traffic: [{ bytes: 32 * elements, within: MEMORY }] };
}

/** @param window elements of 16 B of one workgroup */
export function roofReadCost(groups: number, window: number, rounds: number): KernelCost {
  const bytes = 16 * groups * window * rounds;
  return { ...NOTHING, operations: bytes / 2, traffic: [{ bytes, within: 16 * window }] };
}

export function roofGatherCost(count: number, rounds: number, tableBytes: number): KernelCost {
  return {
    operations: 8 * count * rounds,
    traffic: [],
    scattered: [{ count: count * rounds, within: tableBytes }],
  };
}

export function roofMultiplyAddCost(count: number, rounds: number): KernelCost {
  return { ...NOTHING, operations: 32 * count * rounds, traffic: [{ bytes: 4 * count, within: MEMORY }] };
}

/** Operations of one block of four words of Philox 4x32-10. */
const PHILOX_BLOCK = 120;

export function philoxWordsCost(blocks: number): KernelCost {
  return {
    ...NOTHING,
    operations: PHILOX_BLOCK * blocks,
    traffic: [{ bytes: 16 * blocks, within: MEMORY }],
  };
}

/** @param weights all that are drawn, columns of padding included */
export function uniformWeightsCost(weights: number): KernelCost {
  return {
    ...NOTHING,
    operations: ((PHILOX_BLOCK + 10) * weights) / 4,
    traffic: [{ bytes: 4 * weights, within: MEMORY }],
  };
}

/** Samples of one network in `diehl_cook`. */
export interface DiehlCookWork {
  readonly neurons: number;
  readonly inputs: number;
  readonly steps: number;
  readonly samples: number;
  /** Input events, all samples together. */
  readonly events: number;
  readonly learns: boolean;
  /** Columns that learn (their neurons spiked in a sample), summed over samples; and times the events of the sample. */
  readonly active: number;
  readonly activeEvents: number;
  /** Excitatory spikes. */
  readonly spikes: number;
}

/** Columns of a tile of weights. */
const TILE = 32;

/**
 * E n + 5 T n operations (and of learning 2 for each weight that is changed); 4 B for each weight that an event adds and
 * for each of five values of a neuron and step; of learning 4 B (3 I A + 2 E A + 2 I S).
 */
export function diehlCookCost(work: DiehlCookWork): KernelCost {
  const { neurons, inputs, steps, samples, events, learns } = work;
  const columns = Math.ceil(neurons / TILE) * TILE;
  const drive = events * columns;
  const membranes = 5 * steps * samples * columns;
  const changed = learns ? 2 * work.activeEvents + 2 * inputs * work.spikes : 0;
  const copied = learns ? 3 * inputs * work.active : 0;
  const sampleEvents = events / Math.max(1, samples);
  return {
    operations: drive + membranes + changed + copied,
    traffic: [
      // Of a tile, the rows of the inputs that spike in a sample: about as many as half of its events.
      { bytes: 4 * drive, within: 4 * TILE * Math.min(inputs, sampleEvents / 2) },
      { bytes: 4 * membranes, within: 20 * columns },
      { bytes: 4 * (changed + copied), within: 4 * TILE * inputs },
    ],
    scattered: [],
  };
}

/** Steps of one network in the kernels of recurrent networks. */
export interface RecurrentWork {
  readonly neurons: number;
  readonly synapses: number;
  /** Planes of arrivals, and channels that decay. */
  readonly planes: number;
  readonly channels: number;
  /** Slots of the ring of arrivals. */
  readonly depth: number;
  readonly steps: number;
  readonly spikes: number;
  /** Spikes times the synapses of their neurons. */
  readonly events: number;
  /** Whether synapses have weights of their own. */
  readonly weighted: boolean;
}

/** 4 B (2 planes + 5 + 2 channels) and 10 + 4 channels operations a neuron and step. */
export function recurrentUpdateCost({ neurons, planes, channels, steps }: RecurrentWork): KernelCost {
  const bytes = 4 * (2 * planes + 5 + 2 * channels);
  return {
    ...NOTHING,
    operations: (10 + 4 * channels) * neurons * steps,
    traffic: [{ bytes: bytes * neurons * steps, within: bytes * neurons }],
  };
}

/** An event: 4 B of its row (8 B with weights of their own), and a word of the ring wherever it is. */
export function recurrentScatterCost(work: RecurrentWork): KernelCost {
  const { neurons, synapses, planes, depth, events, weighted } = work;
  const synapseBytes = weighted ? 8 : 4;
  return {
    operations: 2 * events,
    traffic: [{ bytes: synapseBytes * events, within: synapseBytes * synapses }],
    scattered: [{ count: events, within: 4 * depth * planes * neurons }],
  };
}

/** Every synapse in every step: 4 B and a bit of the history; 8 B more for the events of weights of their own. */
export function recurrentGatherCost(work: RecurrentWork): KernelCost {
  const { neurons, synapses, depth, steps, events, weighted } = work;
  return {
    operations: 6 * synapses * steps,
    traffic: [
      { bytes: 4 * synapses * steps + (weighted ? 8 * events : 0), within: (weighted ? 12 : 4) * synapses },
    ],
    scattered: [{ count: synapses * steps, within: ((depth + 1) * neurons) / 8 }],
  };
}

/** 8 B for each word of a row of the raster. */
export function recurrentRecordCost({ neurons, steps }: RecurrentWork): KernelCost {
  return {
    ...NOTHING,
    operations: (neurons / 32) * steps,
    traffic: [{ bytes: (8 * neurons * steps) / 32, within: neurons / 4 }],
  };
}

/** All phases of all steps in one launch. */
export function recurrentNetworkCost(work: RecurrentWork): KernelCost {
  return sumOfCosts([recurrentUpdateCost(work), recurrentScatterCost(work)]);
}

/**
 * A step: U and X of each channel, 3 + 2 channels operations a neuron. An event: 4 B of its row (8 B with weights of their
 * own), and two words of the state wherever they are. Of most neurons U and X are read once in a window of steps only, which
 * this doesn't count.
 */
export function recurrentModesCost(work: RecurrentWork): KernelCost {
  const { neurons, synapses, channels, steps, events, weighted } = work;
  const synapseBytes = weighted ? 8 : 4;
  const stateBytes = 4 * (1 + channels) * neurons;
  return {
    operations: (3 + 2 * channels) * neurons * steps + 2 * events,
    traffic: [
      { bytes: stateBytes * steps, within: stateBytes },
      { bytes: synapseBytes * events, within: synapseBytes * synapses },
    ],
    scattered: [{ count: 2 * events, within: stateBytes }],
  };
}
