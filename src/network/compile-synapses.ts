/** All projections of a network as one sparse matrix by source, with its classes of synapses and rules of learning. */
import { accumulate } from '../kernels/offsets.ts';
import type { PlasticityRule, SynapseParameter } from '../kernels/plasticity.ts';
import {
  classOf,
  MAX_CLASSES,
  MAX_DELAY_STEPS,
  type SynapseClass,
  type Synapses,
  synapseWord,
} from '../kernels/recurrent-network.ts';
import { STREAMS, type Words2 } from '../random/philox.ts';
import { checkCount, connect, type Rows } from './connectivity/index.ts';
import { type Values, valuesOf } from './distributions.ts';
import { ensure, NetworkError } from './errors.ts';
import type { NetworkDescription, Neurons, ProjectionDescription } from './network.ts';
import type { Plasticity } from './plasticity.ts';
import { type Positions, placeNeurons } from './positions.ts';

/** A projection with everything drawn; synapses in the order of sources, then targets. */
interface Connected {
  readonly projection: ProjectionDescription;
  readonly rows: Rows;
  /** Unit of the channel. */
  readonly weight: number | Float64Array;
  readonly delaySteps: number | Float64Array;
}

export function compileSynapses(network: NetworkDescription, key: Words2): Synapses {
  const positions = placePopulations(network, key);
  const connected = network.projections.map((projection, p) =>
    connectProjection(projection, p, network.dtMs, key, positions),
  );
  const rows = offsetsOf(connected, network.neurons);
  const words = new Uint32Array(rows[network.neurons] as number);
  const weights = connected.some(hasOwnWeights) ? new Float32Array(words.length) : undefined;
  const classes = new Classes();
  const cursor = rows.slice(0, network.neurons);
  const learning: { readonly rule: Plasticity; readonly place: string; readonly classes: number[] }[] = [];
  for (const one of connected) {
    const classOfDelay = classes.of(one);
    const { plasticity: rule } = one.projection.options;
    if (rule !== undefined && classOfDelay.size > 0) {
      learning.push({ rule, place: one.projection.place, classes: [...classOfDelay.values()] });
    }
    lay(one, classOfDelay, words, weights, cursor);
  }
  sortRows(rows, words, weights);
  const plasticity = learning.map(({ rule, place, classes: own }, group) =>
    compileRule(rule, place, own, words, network.dtMs, { key, stream: STREAMS.plasticity, group }),
  );
  return {
    rows,
    words,
    classes: classes.list,
    ...(weights === undefined ? {} : { weights }),
    ...(plasticity.length === 0 ? {} : { plasticity }),
  };
}

function connectProjection(
  projection: ProjectionDescription,
  index: number,
  dtMs: number,
  key: Words2,
  positions: readonly (Positions | undefined)[],
): Connected {
  const { from, to, options, place } = projection;
  const ends = { sources: from.count, targets: to.count, selfShift: from.first - to.first, place };
  const places = { sources: positionsOf(from, positions), targets: positionsOf(to, positions) };
  const rows = connect(options.connect, ends, key, index, places);
  const count = rows.targets.length;
  const drawn = (values: Values, stream: number, name: string): number | Float64Array =>
    valuesOf(values, count, { key, stream, group: index }, `${place}: ${name}`);
  const given = options.weight ?? rows.weights;
  ensure(given !== undefined, () => `${place} has no weight: give weight, in the unit of the channel`);
  const weight = drawn(given, STREAMS.weights, 'weight');
  if (options.plasticity !== undefined) checkBounds(weight, options.plasticity, place);
  const delayMs = drawn(options.delayMs ?? rows.delaysMs ?? 0, STREAMS.delays, 'delayMs');
  const steps = (ms: number): number => {
    // A spike at the end of step t without delay acts at the start of step t + 1.
    const delay = 1 + Math.round(ms / dtMs);
    const most = (MAX_DELAY_STEPS - 1) * dtMs;
    ensure(
      delay >= 1 && delay <= MAX_DELAY_STEPS,
      () => `${place}: delayMs is ${ms}: give a time from 0 to ${Number(most.toPrecision(6))} ms`,
    );
    return delay;
  };
  return {
    projection,
    rows,
    weight,
    delaySteps: typeof delayMs === 'number' ? steps(delayMs) : delayMs.map(steps),
  };
}

/** Weights that learn begin within their bounds. */
function checkBounds(
  weight: number | Float64Array,
  { minimum = 0, maximum }: Plasticity,
  place: string,
): void {
  ensure(
    Number.isFinite(minimum) && Number.isFinite(maximum) && minimum < maximum,
    () => `${place}: weights learn between ${minimum} and ${maximum}: give minimum below maximum`,
  );
  const outside = (typeof weight === 'number' ? [weight] : weight).find(
    (value) => !(value >= minimum && value <= maximum),
  );
  ensure(
    outside === undefined,
    () =>
      `${place}: weight is ${outside}, but it learns between ${minimum} and ${maximum}: give weights within`,
  );
}

function hasOwnWeights({ weight, projection }: Connected): boolean {
  return typeof weight !== 'number' || projection.options.plasticity !== undefined;
}

/** Where each population's neurons are; undefined for those without positions. */
function placePopulations({ populations }: NetworkDescription, key: Words2): (Positions | undefined)[] {
  const byNeuron: (Positions | undefined)[] = [];
  populations.forEach(({ neurons, positions }, p) => {
    if (positions === undefined) return;
    byNeuron[neurons.first] = placeNeurons(positions, neurons.count, key, p, `population "${neurons.name}"`);
  });
  return byNeuron;
}

/** The places of neurons that lie in one population with positions. `positions` are by a population's first neuron. */
function positionsOf(
  { first, count }: Neurons,
  positions: readonly (Positions | undefined)[],
): Positions | undefined {
  const start = positions.findLastIndex((placed, at) => placed !== undefined && at <= first);
  const placed = positions[start];
  const from = first - start;
  if (placed === undefined || from + count > placed.x.length) return undefined;
  return { ...placed, x: placed.x.subarray(from, from + count), y: placed.y.subarray(from, from + count) };
}

/** Where the synapses of each neuron of the network begin. */
function offsetsOf(connected: readonly Connected[], neurons: number): Uint32Array<ArrayBuffer> {
  const total = connected.reduce((sum, { rows }) => sum + rows.targets.length, 0);
  checkCount(total, 'the network');
  const offsets = new Uint32Array(neurons + 1);
  for (const { projection, rows } of connected) {
    const { first, count } = projection.from;
    for (let j = 0; j < count; j++) {
      const length = (rows.offsets[j + 1] as number) - (rows.offsets[j] as number);
      offsets[first + j + 1] = (offsets[first + j + 1] as number) + length;
    }
  }
  accumulate(offsets);
  return offsets;
}

/** The classes of a network's synapses: one for each channel, delay and weight that occur together. */
class Classes {
  readonly list: SynapseClass[] = [];
  readonly #byContent = new Map<string, number>();

  /** The class of each delay (steps) in a projection. Those that learn are its own, with consecutive numbers. */
  of({ projection, weight, delaySteps, rows }: Connected): Map<number, number> {
    const { channel, options, place } = projection;
    const learns = options.plasticity !== undefined;
    const distinct =
      typeof delaySteps === 'number' ? [delaySteps] : [...new Set(delaySteps)].sort((a, b) => a - b);
    const byDelay = new Map<number, number>();
    if (rows.targets.length === 0) return byDelay;
    for (const delay of distinct) {
      const shared = learns || typeof weight !== 'number' ? undefined : weight;
      const content = `${channel} ${delay} ${shared}`;
      let number = learns ? undefined : this.#byContent.get(content);
      if (number === undefined) {
        number = this.list.length;
        this.list.push({ channel, delaySteps: delay, weight: shared });
        if (!learns) this.#byContent.set(content, number);
      }
      byDelay.set(delay, number);
    }
    ensure(
      this.list.length <= MAX_CLASSES,
      () =>
        `${place} brings the network to ${this.list.length} different combinations of channel, delay and weight: use fewer different delays, ${MAX_CLASSES} combinations at most`,
    );
    return byDelay;
  }
}

/** Lays the synapses of a projection into the network's rows, each at its source's cursor. */
function lay(
  { projection, rows, weight, delaySteps }: Connected,
  classOfDelay: ReadonlyMap<number, number>,
  words: Uint32Array,
  weights: Float32Array | undefined,
  cursor: Uint32Array,
): void {
  const { from, to } = projection;
  const common = typeof delaySteps === 'number' ? (classOfDelay.get(delaySteps) ?? 0) : 0;
  for (let j = 0; j < from.count; j++) {
    let at = cursor[from.first + j] as number;
    const end = rows.offsets[j + 1] as number;
    for (let s = rows.offsets[j] as number; s < end; s++, at++) {
      const target = to.first + (rows.targets[s] as number);
      // Every delay that occurs has a class.
      const own =
        typeof delaySteps === 'number' ? common : (classOfDelay.get(delaySteps[s] as number) as number);
      words[at] = synapseWord(target, own);
      if (weights !== undefined) weights[at] = typeof weight === 'number' ? weight : (weight[s] as number);
    }
    cursor[from.first + j] = at;
  }
}

/** Brings the synapses of each source into the order of their words, where they are not. */
function sortRows(rows: Uint32Array, words: Uint32Array, weights: Float32Array | undefined): void {
  for (let i = 0; i + 1 < rows.length; i++) {
    const [first, end] = [rows[i] as number, rows[i + 1] as number];
    let ascending = true;
    for (let s = first + 1; s < end && ascending; s++)
      ascending = (words[s - 1] as number) <= (words[s] as number);
    if (ascending) continue;
    const own = words.subarray(first, end);
    if (weights === undefined) {
      own.sort();
      continue;
    }
    // Word and place in the row together are a whole number that a double holds exactly, and sorting it is quick.
    const span = 2 ** 21;
    ensure(
      end - first <= span,
      () => `neuron ${i} has ${end - first} synapses: give a neuron at most ${span}`,
    );
    const keys = Float64Array.from(own, (word, k) => word * span + k).sort();
    const before = weights.slice(first, end);
    keys.forEach((value, k) => {
      own[k] = Math.floor(value / span);
      weights[first + k] = before[value % span] as number;
    });
  }
}

function compileRule(
  rule: Plasticity,
  place: string,
  classes: readonly number[],
  words: Uint32Array,
  dtMs: number,
  { key, stream, group }: { readonly key: Words2; readonly stream: number; readonly group: number },
): PlasticityRule {
  const first = classes[0] as number;
  const { pairs = 'all', dependence = 'additive', minimum = 0, maximum, normalization } = rule;
  const known = (value: string, names: readonly string[], name: string): void =>
    ensure(names.includes(value), () => `${place}: ${name} is "${value}": give ${names.join(' or ')}`);
  known(rule.rule, ['stdp'], 'rule of plasticity');
  known(pairs, ['all', 'nearest'], 'pairs');
  known(dependence, ['additive', 'multiplicative'], 'dependence');
  const learns = (word: number): boolean => {
    const own = classOf(word) - first;
    return own >= 0 && own < classes.length;
  };
  let count: number | undefined;
  const parameter = (
    name: 'potentiation' | 'depression' | 'tauPlusMs' | 'tauMinusMs',
    i: number,
  ): SynapseParameter => {
    count ??= words.reduce((sum, word) => sum + (learns(word) ? 1 : 0), 0);
    const address = { key, stream, group: 4 * group + i };
    const values = valuesOf(rule[name], count, address, `${place}: ${name}`);
    const isTime = name === 'tauPlusMs' || name === 'tauMinusMs';
    for (const value of typeof values === 'number' ? [values] : values) {
      ensure(isTime ? value > 0 : value >= 0, () => {
        return `${place}: ${name} is ${value}: give a number ${isTime ? 'above' : 'of at least'} 0`;
      });
    }
    if (typeof values === 'number') return values;
    // As many as the network has synapses; what belongs to other classes is not read.
    const spread = new Float32Array(words.length);
    let next = 0;
    words.forEach((word, s) => {
      if (learns(word)) spread[s] = values[next++] as number;
    });
    return spread;
  };
  return {
    firstClass: first,
    classes: classes.length,
    pairs,
    dependence,
    potentiation: parameter('potentiation', 0),
    depression: parameter('depression', 1),
    tauPlusMs: parameter('tauPlusMs', 2),
    tauMinusMs: parameter('tauMinusMs', 3),
    minimum,
    maximum,
    ...(normalization === undefined
      ? {}
      : { normalization: { total: normalization.total, everySteps: stepsOf(normalization, dtMs, place) } }),
  };
}

function stepsOf(
  { total, everyMs }: { readonly total: number; readonly everyMs: number },
  dtMs: number,
  place: string,
): number {
  const steps = Math.round(everyMs / dtMs);
  if (Number.isFinite(total) && total > 0 && steps >= 1) return steps;
  throw new NetworkError(
    `${place}: weights are scaled to ${total} every ${everyMs} ms: give a total above 0 and at least ${dtMs} ms`,
  );
}
