/**
 * Rules of plasticity as the kernels of recurrent networks read them: tables of each rule, the state that it keeps, and
 * the synapses of each target. `shaders/recurrent_plasticity.wgsl` has the layout.
 */
import type { PlasticityRule, SynapseParameter } from './plasticity.ts';
import { sortByTarget } from './recurrent-columns.ts';
import { type CompiledNetwork, classOf } from './recurrent-network.ts';
import type { TableWriter } from './recurrent-tables.ts';

const NEAREST = 1;
const MULTIPLICATIVE = 2;
const TIMES_DIFFER = 4;
/** Steps since a spike that never was: so many that one more is the same number in f32. */
const NEVER = 1e9;
/** A change is rounded to units and cut here, so that no sum with a weight leaves 32 bits. */
const MOST_UNITS = 2 ** 30;

/** The rule of each class by its number; -1 for classes that don't learn. */
export function ruleOfClasses({ synapses }: CompiledNetwork): Int32Array {
  const rules = new Int32Array(synapses.classes.length).fill(-1);
  synapses.plasticity?.forEach(({ firstClass, classes }, rule) => {
    rules.fill(rule, firstClass, firstClass + classes);
  });
  return rules;
}

/** The largest size that a rule lets a weight of each class take; 0 for classes that don't learn. */
export function boundOfClasses(network: CompiledNetwork): Float64Array {
  const { plasticity = [] } = network.synapses;
  return Float64Array.from(ruleOfClasses(network), (rule) => {
    const { minimum = 0, maximum = 0 } = plasticity[rule] ?? {};
    return Math.max(Math.abs(minimum), Math.abs(maximum));
  });
}

/** Floats of state of a network's rules. */
export function learningLength(network: CompiledNetwork, stride: number): number {
  return rulesOf(network).reduce((sum, rule) => sum + ruleLength(rule, network, stride), 0);
}

/** Writes the state before any spike. `state` begins at the state of the rules. */
export function writeLearningState(state: Float32Array, network: CompiledNetwork, stride: number): void {
  let at = 0;
  for (const rule of rulesOf(network)) {
    state.fill(NEVER, at, at + 2 * stride);
    at += ruleLength(rule, network, stride);
  }
}

/** How many synapses learn by each rule. */
export function learningSynapses(network: CompiledNetwork): number[] {
  const counts = rulesOf(network).map(() => 0);
  if (counts.length === 0) return counts;
  const ruleOf = ruleOfClasses(network);
  for (const word of network.synapses.words) {
    const rule = ruleOf[classOf(word)] as number;
    if (rule >= 0) counts[rule] = (counts[rule] as number) + 1;
  }
  return counts;
}

/** Words that the synapses by target take in `rows`. @param learning of {@link learningSynapses} */
export function columnsLength({ neurons }: CompiledNetwork, learning: readonly number[]): number {
  return learning.reduce((sum, count) => sum + neurons + 1 + 2 * count, 0);
}

/** What the tables of a network's rules are made from. */
export interface RulePlacement {
  /** Weights are integers in units of 2^-shift. */
  readonly shift: number;
  readonly places: Uint32Array | undefined;
  /** Where the columns begin in `rows`. */
  readonly columns: number;
  /** Synapses that learn by each rule. */
  readonly learning: readonly number[];
}

/** @returns where the rules begin in the tables, and how many there are */
export function writeRules(
  tables: TableWriter,
  network: CompiledNetwork,
  { shift, places, columns, learning }: RulePlacement,
): { at: number; count: number } {
  const { dtMs, synapses } = network;
  const rules = rulesOf(network);
  const ruleOf = ruleOfClasses(network);
  let column = columns;
  const words = rules.flatMap((rule, index) => {
    const differ = timesDiffer(rule);
    const additive = rule.dependence === 'additive';
    const parameter = (of: SynapseParameter, map: (value: number) => number): [number, number] => {
      if (typeof of === 'number') return [tables.writeReals([map(of)]), 0];
      const values = new Float32Array(of.length);
      of.forEach((value, place) => {
        // Synapses of other rules have no value here.
        const own = ruleOf[classOf(synapses.words[place] as number)] === index;
        values[places?.[place] ?? place] = own ? map(value) : 0;
      });
      return [tables.writeReals(values), 1];
    };
    const rate = (value: number) => (additive ? value * 2 ** shift : value);
    const time = (tauMs: number) => dtMs / tauMs;
    const bound = (weight: number) =>
      Math.max(-MOST_UNITS, Math.min(MOST_UNITS, Math.round(weight * 2 ** shift)));
    const { normalization } = rule;
    const at = column;
    column += network.neurons + 1 + 2 * (learning[index] as number);
    return [
      rule.firstClass,
      rule.firstClass + rule.classes,
      (rule.pairs === 'nearest' ? NEAREST : 0) |
        (additive ? 0 : MULTIPLICATIVE) |
        (differ ? TIMES_DIFFER : 0),
      bound(rule.minimum),
      bound(rule.maximum),
      ...parameter(rule.potentiation, rate),
      ...parameter(rule.depression, rate),
      ...parameter(rule.tauPlusMs, time),
      ...parameter(rule.tauMinusMs, time),
      normalization?.everySteps ?? 0,
      bits((normalization?.total ?? 0) * 2 ** shift),
      at,
    ];
  });
  return { at: tables.write(words), count: rules.length };
}

/**
 * Writes the synapses that learn by target: for each rule, [neurons + 1] where the synapses on each neuron begin, counted
 * in synapses, then the place and the source of each. `packed` are the rows as they were packed.
 */
export function writeColumns(
  columns: Uint32Array,
  network: CompiledNetwork,
  packed: { readonly rows: Uint32Array; readonly parts: number; readonly words: Uint32Array },
): void {
  const { neurons } = network;
  let at = 0;
  for (const { firstClass, classes } of rulesOf(network)) {
    const learns = (word: number) => {
      const own = classOf(word) - firstClass;
      return own >= 0 && own < classes;
    };
    const starts = columns.subarray(at, at + neurons + 1);
    const entries = columns.subarray(at + neurons + 1);
    sortByTarget(starts, packed, learns, (entry, place, source) => {
      entries[2 * entry] = place;
      entries[2 * entry + 1] = source;
    });
    at += neurons + 1 + 2 * (starts[neurons] as number);
  }
}

/** What is wrong with the rules of a network, or undefined. */
export function wrongRule({ synapses }: CompiledNetwork): string | undefined {
  const { plasticity = [], classes, words } = synapses;
  const taken = new Int32Array(classes.length).fill(-1);
  for (const [index, rule] of plasticity.entries()) {
    const place = `plasticity[${index}]`;
    const { firstClass, minimum, maximum, normalization } = rule;
    const end = firstClass + rule.classes;
    if (!(Number.isInteger(firstClass) && firstClass >= 0 && end > firstClass && end <= classes.length)) {
      return `${place} is for classes ${firstClass} to ${end - 1}; there are ${classes.length}`;
    }
    for (let number = firstClass; number < end; number++) {
      if (taken[number] !== -1) return `class ${number} learns by two rules; give it one`;
      taken[number] = index;
      if (classes[number]?.weight !== undefined) {
        return `class ${number} learns and shares one weight; leave its weight out, and give one to each synapse`;
      }
    }
    if (!(Number.isFinite(minimum) && Number.isFinite(maximum) && minimum <= maximum)) {
      return `${place} bounds weights by ${minimum} and ${maximum}; they must be finite, minimum first`;
    }
    for (const [name, value, isTime] of [
      ['potentiation', rule.potentiation, false],
      ['depression', rule.depression, false],
      ['tauPlusMs', rule.tauPlusMs, true],
      ['tauMinusMs', rule.tauMinusMs, true],
    ] as const) {
      const good = (x: number) => Number.isFinite(x) && (!isTime || x > 0);
      const remedy = isTime ? 'it must be above 0' : 'it must be a finite number';
      if (typeof value === 'number') {
        if (!good(value)) return `${place}.${name} is ${value}; ${remedy}`;
        continue;
      }
      if (value.length !== words.length) {
        return `${place}.${name} has ${value.length} values; give one for each of ${words.length} synapses`;
      }
      const wrong = value.findIndex((x, synapse) => {
        const own = classOf(words[synapse] as number);
        return own >= firstClass && own < end && !good(x);
      });
      if (wrong >= 0) return `${place}.${name}[${wrong}] is ${value[wrong]}; ${remedy}`;
    }
    if (normalization) {
      const { total, everySteps } = normalization;
      if (!(Number.isInteger(everySteps) && everySteps >= 1 && everySteps < 2 ** 32)) {
        return `${place}.normalization.everySteps is ${everySteps}; it must be a whole number from 1 on`;
      }
      if (!Number.isFinite(total)) return `${place}.normalization.total is ${total}; it must be finite`;
    }
  }
  return undefined;
}

function rulesOf({ synapses }: CompiledNetwork): readonly PlasticityRule[] {
  return synapses.plasticity ?? [];
}

/** Whether synapses have time constants of their own: then traces can't be shared by all synapses of a neuron. */
function timesDiffer({ tauPlusMs, tauMinusMs }: PlasticityRule): boolean {
  return typeof tauPlusMs !== 'number' || typeof tauMinusMs !== 'number';
}

function ruleLength(rule: PlasticityRule, { synapses }: CompiledNetwork, stride: number): number {
  if (rule.pairs === 'nearest') return 2 * stride;
  return 2 * stride + 2 * (timesDiffer(rule) ? synapses.words.length : stride);
}

function bits(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0] as number;
}
