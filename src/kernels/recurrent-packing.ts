/**
 * Compiled recurrent networks as the buffers of the kernels: propagators instead of time constants, weights as integers,
 * everything at its offset. Nothing here is a choice that changes results, but for `fixedPointShift`.
 */
import { encodeStruct, type StructLayout } from '../device/contract.ts';
import { keyOf } from '../random/philox.ts';
import { checkNetwork } from './recurrent-checks.ts';
import {
  columnsLength,
  learningLength,
  learningSynapses,
  writeColumns,
  writeLearningState,
  writeRules,
} from './recurrent-learning.ts';
import { type Modes, modalStateLength, toModes, writeModes } from './recurrent-modes.ts';
import { type CompiledNetwork, valueAt } from './recurrent-network.ts';
import { fixedPoint } from './recurrent-numbers.ts';
import { type CutRows, cutRows } from './recurrent-rows.ts';
import {
  BEFORE_RESET,
  mostSpikes,
  type NetworkShape,
  STATE_FIELDS,
  shapeOf,
  stateLength,
} from './recurrent-shape.ts';
import {
  TableWriter,
  writeClasses,
  writeEvents,
  writeParameters,
  writePoisson,
  writeRates,
} from './recurrent-tables.ts';

/** Steps of refractoriness of neurons that are never integrated: so many that one less is the same number in f32. */
const HELD_FOREVER = 2 ** 30;
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
  /** Spikes for which there is room in the list. */
  readonly listed: number;
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
  /** A list, of all spikes that there may be, in the place of the raster. */
  readonly listSpikes?: boolean;
  /** Neurons whose v is recorded, for each network. */
  readonly traces?: readonly (readonly number[])[];
  /** Traces are of v as it was before the reset of its step. */
  readonly beforeReset?: boolean;
  /** The modes of each network, for `recurrent_modes`; the other kernels take v and g. */
  readonly modes?: readonly Modes[];
}

/** What of a network is found out once, before anything is written. */
interface Layout {
  readonly shape: NetworkShape;
  readonly cut: CutRows;
  /** Synapses that learn by each rule. */
  readonly learning: readonly number[];
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
  const layouts = networks.map((network): Layout => {
    const shape = shapeOf(network, options.threads);
    return { shape, cut: cutRows(network, shape), learning: learningSynapses(network) };
  });
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
    const { shape, cut, learning } = layouts[index] as Layout;
    const { stride, planes, exponential, depth, parts, partNeurons, weighted, shift } = shape;
    const traced = options.traces?.[index] ?? [];
    const modes = options.modes?.[index];
    const listed = options.listSpikes ? mostSpikes(network, options.recordSteps) : 0;
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
      listed,
    };
    slots.push(slot);
    const [seedLow, seedHigh] = keyOf(network.seed);
    const poisson = writePoisson(tables, network, shape);
    const rates = writeRates(tables, network);
    const events = writeEvents(tables, network);
    const rules = writeRules(tables, network, {
      shift,
      places: cut.places,
      columns: totals.rows + cut.rows.length,
      learning,
    });
    const values = {
      neurons: network.neurons,
      stride,
      delta: planes - exponential,
      exponential,
      flags: shape.flags | (options.beforeReset ? BEFORE_RESET : 0),
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
      modes: modes ? writeModes(tables, modes) : 0,
      listed,
    };
    encodeStruct(layout, values, slotBytes, index * layout.byteLength);
    totals.rows += cut.rows.length + columnsLength(network, learning);
    totals.synapses += slot.synapseCount;
    totals.weights += weighted ? slot.synapseCount : 0;
    totals.state += modes
      ? modalStateLength(exponential, stride)
      : stateLength(shape) + learningLength(network, stride);
    totals.ring += modes ? 0 : depth * planes * stride;
    totals.raster += options.listSpikes ? 1 + listed : options.recordSteps * (stride / 32);
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
    const { shape, cut } = layouts[index] as Layout;
    writeSynapses(packed, slot, network, cut, shape);
    const { rows, synapses, state } = slot.offsets;
    const modes = options.modes?.[index];
    const fields = initialState(network, shape);
    packed.state.set(modes ? toModes(fields, modes, shape.stride) : fields, state);
    const end = rows + cut.rows.length;
    writeColumns(packed.rows.subarray(end), network, {
      rows: packed.rows.subarray(rows, end),
      parts: shape.parts,
      words: packed.synapses.subarray(synapses, synapses + slot.synapseCount),
    });
    if (modes === undefined) {
      writeLearningState(packed.state.subarray(state + stateLength(shape)), network, shape.stride);
    }
  });
  return packed;
}

/** Rows, words and weights, each synapse at its place in the cut rows. */
function writeSynapses(
  packed: PackedNetworks,
  { offsets }: PackedSlot,
  { synapses }: CompiledNetwork,
  { rows, places }: CutRows,
  { weighted, shift }: NetworkShape,
): void {
  packed.rows.set(rows, offsets.rows);
  if (places === undefined) packed.synapses.set(synapses.words, offsets.synapses);
  else {
    for (let place = 0; place < places.length; place++) {
      packed.synapses[offsets.synapses + (places[place] as number)] = synapses.words[place] as number;
    }
  }
  if (!weighted) return;
  for (let place = 0; place < synapses.words.length; place++) {
    const at = offsets.weights + (places?.[place] ?? place);
    packed.weights[at] = fixedPoint(synapses.weights?.[place] ?? 0, shift);
  }
}

/** v, refractoriness, adaptation and g of each channel at step 0, [field][stride]. */
function initialState(
  { neurons, populations }: CompiledNetwork,
  { stride, exponentialChannels }: NetworkShape,
): Float32Array {
  const fields = new Float32Array((STATE_FIELDS + exponentialChannels.length) * stride);
  // Sources and padding are refractory for ever.
  fields.fill(HELD_FOREVER, stride + neurons, 2 * stride);
  for (const population of populations) {
    const { first, count } = population;
    if (population.kind === 'source') {
      fields.fill(HELD_FOREVER, stride + first, stride + first + count);
      continue;
    }
    for (let index = 0; index < count; index++) {
      fields[first + index] = valueAt(population.initialMv, index);
      exponentialChannels.forEach((channel, field) => {
        const initial = population.initialChannels?.[channel] ?? 0;
        fields[(STATE_FIELDS + field) * stride + first + index] = valueAt(initial, index);
      });
    }
  }
  return fields;
}
