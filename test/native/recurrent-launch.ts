/** Valid launches of the kernels of recurrent networks, as words, for tests that spoil them. */
import { type KernelInterface, loadContract, structLayout } from '../../src/device/contract.ts';
import { packColumns } from '../../src/kernels/recurrent-columns.ts';
import { type Modes, modesOf } from '../../src/kernels/recurrent-modes.ts';
import { type CompiledNetwork, synapseWord } from '../../src/kernels/recurrent-network.ts';
import { packNetworks } from '../../src/kernels/recurrent-packing.ts';

const SLOTS = 2;

/** Neurons, sources by a list and sources at random; three delays, and weights of their own. */
function network(seed: number, neurons: number): CompiledNetwork {
  const all = neurons + 8;
  const rows = new Uint32Array(all + 1);
  const words: number[] = [];
  for (let source = 0; source < all; source++) {
    const own = Array.from({ length: 5 }, (_, k) => synapseWord((source * 7 + k * 11) % neurons, k % 3));
    words.push(...own.sort((a, b) => a - b));
    rows[source + 1] = words.length;
  }
  const neuron = {
    kind: 'lif',
    name: 'neurons',
    first: 0,
    count: neurons,
    tauMembraneMs: 10,
    restMv: 0,
    biasMv: Float64Array.from({ length: neurons }, (_, index) => index % 20),
    thresholdMv: 5,
    reset: 'value',
    resetMv: 0,
    refractorySteps: 2,
    noiseMv: 0.1,
    adaptation: { incrementMv: 1, tauMs: 10 },
    channels: [
      { tauMs: 5, reversalMv: 0 },
      { tauMs: 1, reversalMv: 0 },
    ],
    poisson: [{ channel: 0, meanPerStep: 0.5, weight: 1 }],
    initialMv: 0,
  } as const;
  const listed = {
    kind: 'events',
    offsets: Uint32Array.of(0, 1, 3),
    neurons: Uint32Array.of(2, 0, 3),
  } as const;
  return {
    name: 'spoilt',
    dtMs: 1,
    seed,
    neurons: all,
    channels: [
      { name: 'current', kind: 'current' },
      { name: 'delta', kind: 'delta' },
    ],
    populations: [
      neuron,
      { kind: 'source', name: 'listed', first: neurons, count: 4, spikes: listed },
      {
        kind: 'source',
        name: 'random',
        first: neurons + 4,
        count: 4,
        spikes: { kind: 'rates', rateHz: 300 },
      },
    ],
    synapses: {
      rows,
      words: Uint32Array.from(words),
      classes: [
        { channel: 0, delaySteps: 2, weight: 1 },
        { channel: 1, delaySteps: 1, weight: -1 },
        { channel: 0, delaySteps: 3, weight: undefined },
      ],
      weights: new Float32Array(words.length).fill(0.5),
    },
  };
}

/** The same as far as `recurrent_modes` can take it: equal neurons, delays of one step, each pair connected once. */
function modalNetwork(seed: number, neurons: number): CompiledNetwork {
  const { populations, synapses, ...rest } = network(seed, neurons);
  const [neuron, ...sources] = populations;
  if (neuron?.kind !== 'lif') throw new Error('the first population has no neurons');
  const { adaptation: _, ...plain } = neuron;
  return {
    ...rest,
    populations: [{ ...plain, biasMv: 6, noiseMv: 0, poisson: [] }, ...sources],
    synapses: { ...synapses, classes: synapses.classes.map((of) => ({ ...of, delaySteps: 1 })) },
  };
}

/** Reflecting WGSL takes longer than a launch. */
const contracts = new Map<string, KernelInterface>();

function modesFor(network: CompiledNetwork): Modes {
  const modes = modesOf(network);
  if (typeof modes === 'string') throw new Error(`the network ${modes}`);
  return modes;
}

/** Params, buffers in the order of the bindings, and workgroups of eight lanes. */
export function recurrentLaunch(
  name: string,
  steps: number,
  seed: number,
): { params: number[]; buffers: Uint32Array[]; constants: number[]; workgroups: number[] } {
  const contract = contracts.get(name) ?? loadContract(name);
  contracts.set(name, contract);
  const modal = name === 'recurrent_modes';
  const networks = Array.from({ length: SLOTS }, (_, slot) =>
    (modal ? modalNetwork : network)(seed, 40 + 50 * slot),
  );
  const packed = packNetworks(networks, structLayout(contract, 'Slot'), {
    recordSteps: steps,
    traces: networks.map(() => [0, 3]),
    ...(modal ? { modes: networks.map(modesFor) } : {}),
  });
  const words = (view: ArrayBufferView) =>
    new Uint32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) as ArrayBuffer);
  const contents: Record<string, Uint32Array> = {
    slots: words(packed.slotBytes),
    tables: packed.tables,
    rows: packed.rows,
    synapses: packed.synapses,
    weights: words(packed.weights),
    state: words(packed.state),
    ring: new Uint32Array(packed.ringLength),
    raster: new Uint32Array(packed.rasterLength),
    counts: new Uint32Array(packed.countsLength),
    traces: new Uint32Array(packed.tracesLength),
    spike_counts: new Uint32Array(2 * SLOTS),
    history: new Uint32Array(packed.historyLength),
    ...packColumns(networks),
  };
  const step = 1 + (seed % 5);
  const launches: Record<string, { params: number[]; workgroups: number[] }> = {
    recurrent_network: { params: [step, steps, SLOTS, 3], workgroups: [SLOTS, 1, 1] },
    recurrent_modes: { params: [step, steps, SLOTS, 3], workgroups: [SLOTS, 1, 1] },
    recurrent_update: { params: [step, 1, SLOTS, 13], workgroups: [8, SLOTS, 1] },
    recurrent_scatter: { params: [step, SLOTS], workgroups: [1, SLOTS, 1] },
    recurrent_gather: { params: [step, SLOTS], workgroups: [16, SLOTS, 1] },
    recurrent_record: { params: [1, steps, SLOTS, 3], workgroups: [1, SLOTS, 1] },
  };
  const launch = launches[name];
  if (!launch) throw new Error(`no launch of ${name} is known`);
  const constants = Object.keys(contract.overrides).map((constant) => (constant === 'lanes' ? 8 : 2));
  return {
    ...launch,
    constants,
    buffers: contract.buffers.map(({ name: of }) => contents[of] as Uint32Array),
  };
}
