/**
 * Compiled recurrent networks as the buffers of the kernels: propagators instead of time constants, weights as integers,
 * everything at its offset. Nothing here is a choice that changes results, but for {@link fixedPointShift}.
 */
import { encodeStruct, type StructLayout } from '../device/contract.ts';
import { keyOf } from '../random/philox.ts';
import { checkNetwork } from './recurrent-checks.ts';
import {
  boundOfClasses,
  columnsLength,
  learningLength,
  packedPlaces,
  ruleOfClasses,
  writeColumns,
  writeLearningState,
  writeRules,
} from './recurrent-learning.ts';
import {
  type CompiledNetwork,
  classOf,
  type LifPopulation,
  type Parameter,
  type SourcePopulation,
  targetOf,
  valueAt,
} from './recurrent-network.ts';

/** Neurons are padded to groups of this many: one random block and four words for each 16 of them. */
const GROUP = 64;
const WORD = 2 ** 32;
const CONDUCTANCE = 1;
const NOISE = 2;
const ADAPTATION = 4;
/** Parameters of a neuron before those of its channels, and of each channel, as `shaders/recurrent.wgsl` has them. */
const NEURON_PARAMETERS = 9;
const CHANNEL_PARAMETERS = 3;
/** Fields of the state before the g of the channels: v, refractoriness, adaptation. */
const STATE_FIELDS = 3;
/** Steps of refractoriness of neurons that are never integrated: so many that one less is the same number in f32. */
const HELD_FOREVER = 2 ** 30;

/** Neurons below which a network is not cut; of a part that fits the cache; synapses of a row that is worth a part. */
const SMALL = 8192;
const CACHED = 4096;
const LONG_ROW = 128;

/** Where the parts of one network are in the buffers. */
export interface PackedSlot {
  readonly neurons: number;
  readonly stride: number;
  readonly planes: number;
  readonly exponential: number;
  readonly depth: number;
  readonly parts: number;
  readonly partNeurons: number;
  readonly synapseCount: number;
  readonly unit: number;
  readonly offsets: {
    readonly rows: number;
    readonly synapses: number;
    readonly weights: number;
    readonly state: number;
    readonly ring: number;
    readonly raster: number;
    readonly counts: number;
    readonly traces: number;
  };
  readonly traceCount: number;
}

/** Content and sizes of the buffers of a batch. */
export interface PackedNetworks {
  readonly slots: readonly PackedSlot[];
  readonly slotBytes: Uint8Array<ArrayBuffer>;
  readonly tables: Uint32Array<ArrayBuffer>;
  readonly rows: Uint32Array<ArrayBuffer>;
  readonly synapses: Uint32Array<ArrayBuffer>;
  readonly weights: Int32Array<ArrayBuffer>;
  readonly state: Float32Array<ArrayBuffer>;
  /** Lengths in elements; all of it zero at first. The raster's and the traces' are for one step. */
  readonly ringLength: number;
  readonly historyLength: number;
  readonly countsLength: number;
  readonly rasterLength: number;
  readonly tracesLength: number;
}

export interface PackingOptions {
  /**
   * Threads of the native engine that may share a large network: it is cut into parts of targets, and the synapses of a
   * row are grouped by part. Networks are whole when absent.
   */
  readonly threads?: number;
  /** Room for the raster and traces of this many steps. */
  readonly recordSteps: number;
  /** Neurons whose v is recorded, for each network. */
  readonly traces?: readonly (readonly number[])[];
}

/**
 * The k for which arrivals are summed in units of 2^-k: the largest up to 30 with which everything that can arrive at one
 * neuron and channel in one step, all synapses and the largest Poisson counts at once, stays below 2^30 units. So no sum
 * overflows, whatever the network does. The same k for all channels of a network.
 */
export function fixedPointShift(network: CompiledNetwork): number {
  const { synapses, neurons, channels, populations } = network;
  const sums = channels.map(() => new Float64Array(neurons));
  const { words, classes, weights } = synapses;
  const bounds = boundOfClasses(network);
  for (let place = 0; place < words.length; place++) {
    const word = words[place] as number;
    const { channel, weight } = classes[classOf(word)] as CompiledNetwork['synapses']['classes'][number];
    const sum = sums[channel] as Float64Array;
    const target = targetOf(word);
    // A weight that learns may take its rule's bound.
    const size = Math.max(bounds[classOf(word)] as number, Math.abs(weight ?? (weights?.[place] as number)));
    sum[target] = (sum[target] as number) + size;
  }
  let largest = 0;
  for (const sum of sums) for (const value of sum) largest = Math.max(largest, value);
  let external = 0;
  for (const population of populations) {
    if (population.kind !== 'lif') continue;
    let most = 0;
    for (const { meanPerStep, weight } of population.poisson) {
      most += Math.abs(weight) * poissonThresholds(meanPerStep).length;
    }
    external = Math.max(external, most);
  }
  const bound = largest + external;
  return bound === 0 ? 30 : Math.min(30, Math.floor(30 - Math.log2(bound)));
}

/** A weight in units of 2^-k, ties to even. */
export function fixedPoint(weight: number, shift: number): number {
  const scaled = weight * 2 ** shift;
  const below = Math.floor(scaled);
  const above = scaled - below;
  if (above !== 0.5) return above < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

/**
 * A word stands for as many arrivals as there are thresholds at or below it: threshold k is round(2^32 P(X <= k)) for a
 * Poisson X of that mean, as far as a word can reach.
 */
export function poissonThresholds(mean: number): Uint32Array {
  const thresholds: number[] = [];
  let probability = Math.exp(-mean);
  let cumulative = 0;
  for (let k = 0; k < 1000; k++) {
    cumulative += probability;
    const threshold = Math.round(cumulative * WORD);
    if (threshold >= WORD) break;
    thresholds.push(threshold);
    probability *= mean / (k + 1);
    // The rest is below what a sum of doubles can show.
    if (k > mean && probability * WORD < 1e-3) break;
  }
  return Uint32Array.from(thresholds);
}

/**
 * The effect of an exponential current on the membrane potential after one step, per unit of it at the step's start: the
 * exact solution of tau_m dv/dt = -v + g, tau_s dg/dt = -g (Rotter & Diesmann 1999), with its limit at tau_s = tau_m.
 */
export function currentPropagator(tauSynapseMs: number, tauMembraneMs: number, dtMs: number): number {
  const difference = dtMs / tauMembraneMs - dtMs / tauSynapseMs;
  // tau_s / (tau_s - tau_m) (e^(-dt/tau_s) - e^(-dt/tau_m)), written so that nothing cancels near tau_s = tau_m.
  const ratio = difference === 0 ? 1 : Math.expm1(difference) / difference;
  return (dtMs / tauMembraneMs) * Math.exp(-dtMs / tauMembraneMs) * ratio;
}

/**
 * Packs networks side by side.
 *
 * @param layout of the kernels' struct `Slot`
 * @throws {RecurrentNetworkError} naming the network, the place, the value and the remedy
 */
export function packNetworks(
  networks: readonly CompiledNetwork[],
  layout: StructLayout,
  options: PackingOptions,
): PackedNetworks {
  for (const network of networks) checkNetwork(network);
  const tables = new TableWriter();
  const shapes = networks.map((network) => shapeOf(network, options));
  const totals = {
    rows: 0,
    synapses: 0,
    weights: 0,
    state: 0,
    ring: 0,
    raster: 0,
    counts: 0,
    traces: 0,
    history: 0,
    columns: 0,
  };
  const slots: PackedSlot[] = [];
  const slotBytes = new Uint8Array(networks.length * layout.byteLength);
  networks.forEach((network, index) => {
    const shape = shapes[index] as Shape;
    const { stride, planes, exponential, depth, parts, partNeurons, weighted, shift } = shape;
    const traced = options.traces?.[index] ?? [];
    const slot: PackedSlot = {
      neurons: network.neurons,
      stride,
      planes,
      exponential,
      depth,
      parts,
      partNeurons,
      synapseCount: network.synapses.words.length,
      unit: 2 ** -shift,
      offsets: { ...totals },
      traceCount: traced.length,
    };
    slots.push(slot);
    const [seedLow, seedHigh] = keyOf(network.seed);
    const poisson = writePoisson(tables, network, shape);
    const rates = writeRates(tables, network);
    const events = writeEvents(tables, network);
    const rules = writeRules(tables, network, {
      shift,
      places: packedPlaces(network, parts, partNeurons),
      columns: totals.rows + network.neurons * parts + 1,
    });
    const values = {
      neurons: network.neurons,
      stride,
      delta: planes - exponential,
      exponential,
      flags: shape.flags,
      depth,
      min_delay: network.synapses.classes.reduce(
        (least, { delaySteps }) => Math.min(least, delaySteps),
        depth,
      ),
      seed_low: seedLow,
      seed_high: seedHigh,
      unit: slot.unit,
      parameters: writeParameters(tables, network, shape),
      classes: writeClasses(tables, network, shape),
      class_count: network.synapses.classes.length,
      poisson: poisson.at,
      poisson_count: poisson.count,
      rates: rates.at,
      rate_count: rates.count,
      events: events.at,
      event_steps: events.steps,
      traced: tables.write(traced),
      trace_count: traced.length,
      rows: totals.rows,
      parts,
      part_neurons: partNeurons,
      synapses: totals.synapses,
      synapse_count: slot.synapseCount,
      weights: totals.weights,
      state: totals.state,
      ring: totals.ring,
      raster: totals.raster,
      counts: totals.counts,
      traces: totals.traces,
      rules: rules.at,
      rule_count: rules.count,
      history: totals.history,
      columns: totals.columns,
    };
    encodeStruct(layout, values, slotBytes, index * layout.byteLength);
    totals.rows += network.neurons * parts + 1 + columnsLength(network);
    totals.synapses += slot.synapseCount;
    totals.weights += weighted ? slot.synapseCount : 0;
    totals.state += (STATE_FIELDS + exponential + 1) * stride + learningLength(network, stride);
    totals.ring += depth * planes * stride;
    totals.raster += options.recordSteps * (stride / 32);
    totals.counts += stride;
    totals.history += (depth + 1) * (stride / 32);
    totals.columns += network.neurons + 1;
    totals.traces += options.recordSteps * traced.length;
  });
  const packed = {
    slots,
    slotBytes,
    tables: tables.words(),
    rows: new Uint32Array(totals.rows),
    synapses: new Uint32Array(totals.synapses),
    weights: new Int32Array(totals.weights),
    state: new Float32Array(totals.state),
    ringLength: totals.ring,
    historyLength: totals.history,
    countsLength: totals.counts,
    rasterLength: totals.raster,
    tracesLength: totals.traces,
  };
  networks.forEach((network, index) => {
    const slot = slots[index] as PackedSlot;
    const shape = shapes[index] as Shape;
    writeSynapses(packed, slot, network, shape);
    writeState(packed.state, slot, network, shape);
    const { rows, synapses, state } = slot.offsets;
    writeColumns(
      packed.rows.subarray(rows + network.neurons * shape.parts + 1),
      network,
      packed.rows.subarray(rows, rows + network.neurons * shape.parts + 1),
      packed.synapses.subarray(synapses, synapses + slot.synapseCount),
      shape.parts,
    );
    const rulesState = state + (STATE_FIELDS + shape.exponential + 1) * shape.stride;
    writeLearningState(packed.state.subarray(rulesState), network, shape.stride);
  });
  return packed;
}

/** What follows from a network for its layout. */
interface Shape {
  readonly stride: number;
  readonly planes: number;
  readonly exponential: number;
  /** Plane of each channel. */
  readonly planeOf: readonly number[];
  /** Channels that are not delta, in their order. */
  readonly exponentialChannels: readonly number[];
  readonly flags: number;
  readonly depth: number;
  readonly parts: number;
  readonly partNeurons: number;
  readonly weighted: boolean;
  readonly shift: number;
}

function shapeOf(network: CompiledNetwork, options: PackingOptions): Shape {
  const { neurons, channels, populations, synapses } = network;
  const stride = Math.ceil(neurons / GROUP) * GROUP;
  const exponentialChannels = channels.flatMap(({ kind }, index) => (kind === 'delta' ? [] : [index]));
  const exponential = exponentialChannels.length;
  // A network without channels keeps one plane: nothing arrives on it.
  const delta = exponential < channels.length || channels.length === 0 ? 1 : 0;
  const planeOf = channels.map(({ kind }, index) =>
    kind === 'delta' ? 0 : delta + exponentialChannels.indexOf(index),
  );
  const lif = populations.filter((population) => population.kind === 'lif');
  const anywhere = (value: Parameter) =>
    typeof value === 'number' ? value !== 0 : value.some((x) => x !== 0);
  let flags = 0;
  if (channels.some(({ kind }) => kind === 'conductance')) flags |= CONDUCTANCE;
  if (lif.some(({ noiseMv }) => anywhere(noiseMv))) flags |= NOISE;
  if (lif.some(({ adaptation }) => adaptation !== undefined)) flags |= ADAPTATION;
  const partNeurons = options.threads ? cutNeurons(stride, synapses.words.length, options.threads) : stride;
  return {
    stride,
    planes: delta + exponential,
    exponential,
    planeOf,
    exponentialChannels,
    flags,
    depth: synapses.classes.reduce((most, { delaySteps }) => Math.max(most, delaySteps), 1),
    parts: Math.ceil(stride / partNeurons),
    partNeurons,
    weighted: synapses.classes.some(({ weight }) => weight === undefined),
    shift: fixedPointShift(network),
  };
}

/**
 * Neurons of a part of a network of `stride`. Small networks stay whole: their threads would wait for each other in every
 * step. Others have a part for each thread, or several whose arrivals of a step fit the first-level cache, as long as
 * that leaves rows of some hundred synapses in each: 100,000 neurons with 100 synapses each take twice as long in 32
 * parts as in two.
 */
function cutNeurons(stride: number, synapses: number, threads: number): number {
  if (stride < SMALL) return stride;
  const cached = Math.ceil(stride / (threads * CACHED)) * threads;
  const parts = synapses / stride / cached >= LONG_ROW ? cached : threads;
  return Math.ceil(stride / parts / GROUP) * GROUP;
}

/** Collects words, and tells where each piece begins. */
class TableWriter {
  readonly #pieces: Uint32Array[] = [];
  #length = 0;

  write(words: ArrayLike<number>): number {
    const at = this.#length;
    const piece = Uint32Array.from(words);
    this.#pieces.push(piece);
    this.#length += piece.length;
    return at;
  }

  writeReals(values: ArrayLike<number>): number {
    return this.write(new Uint32Array(Float32Array.from(values).buffer));
  }

  words(): Uint32Array<ArrayBuffer> {
    const all = new Uint32Array(this.#length);
    let at = 0;
    for (const piece of this.#pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }
}

/** A parameter of the kernels as a function of a population and a neuron in it; 0 for sources and padding. */
type Derived = (population: LifPopulation, index: number) => number;

function derivedParameters(network: CompiledNetwork, shape: Shape): Derived[] {
  const { dtMs, channels } = network;
  const held = (shape.flags & CONDUCTANCE) !== 0;
  const at = (of: (population: LifPopulation) => Parameter): Derived => {
    return (population, index) => valueAt(of(population), index);
  };
  const tau = at((population) => population.tauMembraneMs);
  const rest = at((population) => population.restMv);
  const bias = at((population) => population.biasMv);
  const noise = at((population) => population.noiseMv);
  const parameters: Derived[] = [
    (p, i) => (held ? dtMs / tau(p, i) : Math.exp(-dtMs / tau(p, i))),
    (p, i) => rest(p, i) + bias(p, i),
    at((population) => population.thresholdMv),
    (p, i) => (p.reset === 'value' ? valueAt(p.resetMv, i) : 0),
    (p) => (p.reset === 'value' ? 0 : 1),
    at((population) => population.refractorySteps),
    (p, i) => noise(p, i) * Math.sqrt(-Math.expm1((-2 * dtMs) / tau(p, i))),
    (p, i) => (p.adaptation ? Math.exp(-dtMs / valueAt(p.adaptation.tauMs, i)) : 0),
    (p, i) => (p.adaptation ? valueAt(p.adaptation.incrementMv, i) : 0),
  ];
  for (const channel of shape.exponentialChannels) {
    const conductance = channels[channel]?.kind === 'conductance';
    const tauOf = at((population) => population.channels[channel]?.tauMs ?? 1);
    const reversal = at((population) => population.channels[channel]?.reversalMv ?? 0);
    parameters.push(
      (p, i) => {
        if (held) return conductance ? 1 : 0;
        return currentPropagator(tauOf(p, i), tau(p, i), dtMs);
      },
      (p, i) => Math.exp(-dtMs / tauOf(p, i)),
      (p, i) => (conductance ? reversal(p, i) : 1),
    );
  }
  return parameters;
}

/** One value where all neurons have the same, else one for each; and the table that says which. */
function writeParameters(tables: TableWriter, network: CompiledNetwork, shape: Shape): number {
  const directory: number[] = [];
  const lif = network.populations.filter((population) => population.kind === 'lif');
  for (const derived of derivedParameters(network, shape)) {
    const values = new Float32Array(shape.stride);
    const first = lif[0] ? Math.fround(derived(lif[0], 0)) : 0;
    let same = true;
    for (const population of lif) {
      for (let index = 0; index < population.count; index++) {
        const value = Math.fround(derived(population, index));
        values[population.first + index] = value;
        same &&= value === first;
      }
    }
    directory.push(tables.writeReals(same ? [first] : values), same ? 0 : 1);
  }
  if (directory.length !== 2 * (NEURON_PARAMETERS + CHANNEL_PARAMETERS * shape.exponential)) {
    throw new Error('the parameters do not match shaders/recurrent.wgsl');
  }
  return tables.write(directory);
}

function writeClasses(tables: TableWriter, network: CompiledNetwork, shape: Shape): number {
  const rules = ruleOfClasses(network);
  return tables.write(
    network.synapses.classes.flatMap(({ channel, delaySteps, weight }, index) => [
      shape.planeOf[channel] as number,
      delaySteps,
      weight === undefined ? 0 : fixedPoint(Math.fround(weight), shape.shift),
      weight === undefined ? 2 + (rules[index] as number) : 0,
    ]),
  );
}

function writePoisson(tables: TableWriter, network: CompiledNetwork, shape: Shape) {
  const entries: number[] = [];
  for (const population of network.populations) {
    if (population.kind !== 'lif') continue;
    population.poisson.forEach(({ channel, meanPerStep, weight }, index) => {
      const thresholds = poissonThresholds(meanPerStep);
      const at = tables.write(thresholds);
      const [first, end] = [population.first, population.first + population.count];
      const plane = shape.planeOf[channel] as number;
      entries.push(
        first,
        end,
        plane,
        index,
        fixedPoint(Math.fround(weight), shape.shift),
        at,
        thresholds.length,
      );
    });
  }
  return { at: tables.write(entries), count: entries.length / 7 };
}

function writeRates(tables: TableWriter, network: CompiledNetwork) {
  const entries: number[] = [];
  for (const population of network.populations) {
    if (population.kind !== 'source' || population.spikes.kind !== 'rates') continue;
    const { rateHz } = population.spikes;
    const threshold = (rate: number) => Math.min(WORD - 1, Math.round((rate * network.dtMs * WORD) / 1000));
    const at = tables.write(typeof rateHz === 'number' ? [threshold(rateHz)] : Array.from(rateHz, threshold));
    const [first, end] = [population.first, population.first + population.count];
    entries.push(first, end, at, typeof rateHz === 'number' ? 0 : 1);
  }
  return { at: tables.write(entries), count: entries.length / 4 };
}

/** All event lists of a network as one, with the network's numbers of neurons. */
function writeEvents(tables: TableWriter, network: CompiledNetwork) {
  const lists = network.populations.flatMap(
    (population): (SourcePopulation['spikes'] & { first: number })[] =>
      population.kind === 'source' ? [{ ...population.spikes, first: population.first }] : [],
  );
  const offsets: number[] = [];
  const neurons: number[] = [];
  const steps = lists.reduce(
    (most, list) => (list.kind === 'events' ? Math.max(most, list.offsets.length - 1) : most),
    0,
  );
  for (let step = 0; step < steps; step++) {
    offsets.push(neurons.length);
    for (const list of lists) {
      if (list.kind !== 'events') continue;
      const end = list.offsets[step + 1] ?? 0;
      for (let event = list.offsets[step] ?? 0; event < end; event++) {
        neurons.push(list.first + (list.neurons[event] as number));
      }
    }
  }
  offsets.push(neurons.length);
  const first = tables.write(neurons);
  return { at: tables.write(offsets.map((offset) => first + offset)), steps };
}

/** The rows, each cut into the parts of its targets; within a part the order stays. */
function writeSynapses(
  packed: PackedNetworks,
  slot: PackedSlot,
  { synapses }: CompiledNetwork,
  { parts, partNeurons, weighted, shift }: Shape,
): void {
  const { neurons, offsets } = slot;
  const rows = packed.rows.subarray(offsets.rows, offsets.rows + neurons * parts + 1);
  const words = packed.synapses.subarray(offsets.synapses, offsets.synapses + slot.synapseCount);
  const weights = packed.weights.subarray(offsets.weights);
  if (parts === 1) {
    rows.set(synapses.rows);
    words.set(synapses.words);
    if (weighted) {
      for (let place = 0; place < words.length; place++) {
        weights[place] = fixedPoint(synapses.weights?.[place] ?? 0, shift);
      }
    }
    return;
  }
  const next = new Uint32Array(parts);
  for (let source = 0; source < neurons; source++) {
    const begin = synapses.rows[source] as number;
    const end = synapses.rows[source + 1] as number;
    next.fill(0);
    for (let place = begin; place < end; place++) {
      const part = Math.floor(targetOf(synapses.words[place] as number) / partNeurons);
      next[part] = (next[part] as number) + 1;
    }
    let at = begin;
    for (let part = 0; part < parts; part++) {
      rows[source * parts + part] = at;
      const count = next[part] as number;
      next[part] = at;
      at += count;
    }
    for (let place = begin; place < end; place++) {
      const word = synapses.words[place] as number;
      const part = Math.floor(targetOf(word) / partNeurons);
      const to = next[part] as number;
      next[part] = to + 1;
      words[to] = word;
      if (weighted) weights[to] = fixedPoint(synapses.weights?.[place] ?? 0, shift);
    }
  }
  rows[neurons * parts] = synapses.words.length;
}

function writeState(
  state: Float32Array,
  { offsets, stride, neurons }: PackedSlot,
  { populations }: CompiledNetwork,
  { exponentialChannels }: Shape,
): void {
  const at = offsets.state;
  // Sources and padding are refractory for ever.
  state.fill(HELD_FOREVER, at + stride + neurons, at + 2 * stride);
  for (const population of populations) {
    const { first, count } = population;
    if (population.kind === 'source') {
      state.fill(HELD_FOREVER, at + stride + first, at + stride + first + count);
      continue;
    }
    for (let index = 0; index < count; index++) {
      state[at + first + index] = valueAt(population.initialMv, index);
      exponentialChannels.forEach((channel, field) => {
        const initial = population.initialChannels?.[channel] ?? 0;
        state[at + (STATE_FIELDS + field) * stride + first + index] = valueAt(initial, index);
      });
    }
  }
}
