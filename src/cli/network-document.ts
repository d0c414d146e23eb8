/**
 * Networks as the user of the command line states them: a model of the catalog with options, a network file (YAML or
 * JSON), or a matrix of weights in a file.
 */
import { basename, dirname, extname, resolve } from 'node:path';
import { z } from 'zod';
import {
  type Channel,
  type CompiledNetwork,
  given,
  type Layout,
  type Lif,
  Network,
  NetworkError,
  type NetworkValues,
  type NeuronModel,
  type Neurons,
  type Plasticity,
  type PoissonInputOptions,
  type ProjectionOptions,
  type Rule,
  readMatrix,
} from '../network/index.ts';
import { type CatalogModel, MODELS } from '../network/models/catalog.ts';
import { check, nearestFirst, type PlaceOf, placeAfter, shown } from './check.ts';
import { UsageError } from './errors.ts';
import { type Assignment, laidOver, meansFile, readDocument } from './study-document.ts';

/** Networks that differ in their seeds alone. */
export interface NetworkSource {
  /** Names them in results. */
  readonly name: string;
  /** The seed that a document gives. */
  readonly seed: number | undefined;
  /** @throws {UsageError} for what only the network as a whole shows to be wrong */
  compile(seed: number): CompiledNetwork;
}

type Fields = Readonly<Record<string, unknown>>;

const number = z.number();
const positive = z.number().positive();
const seed = z.int().min(0);
const values = z.custom<NetworkValues>(
  isValues,
  'give a number, a list of numbers, or a distribution such as { distribution: gamma, shape: 3, mean: 20 }',
);
const optionalValues = values.optional();
const numbers = z.array(number);

const CHANNELS: Readonly<Record<Channel['kind'], z.ZodObject>> = {
  delta: z.strictObject({ kind: z.string() }),
  current: z.strictObject({ kind: z.string(), tauMs: values }),
  conductance: z.strictObject({ kind: z.string(), tauMs: values, reversalMv: values }),
};

const membraneShape = {
  restMv: optionalValues,
  resetMv: optionalValues,
  reset: z.enum(['value', 'subtract']).optional(),
  refractoryMs: optionalValues,
  biasMv: optionalValues,
  noiseMv: optionalValues,
  adaptation: z.strictObject({ incrementMv: values, tauMs: values }).optional(),
  initialMv: optionalValues,
};

const lifShape = {
  ...membraneShape,
  tauMembraneMs: values,
  thresholdMv: values,
  channels: z
    .record(
      z.string(),
      z.strictObject({ tauMs: optionalValues, reversalMv: optionalValues, initial: optionalValues }),
    )
    .optional(),
};

const ofPopulation = { model: z.string(), count: z.int().min(1), positions: z.unknown().optional() };

const NEURONS: Readonly<Record<NeuronModel['model'], z.ZodObject>> = {
  lif: z.strictObject({ ...ofPopulation, ...lifShape }),
  poisson: z.strictObject({ ...ofPopulation, rateHz: values }),
  spikes: z.strictObject({ ...ofPopulation, neurons: numbers, timesMs: numbers }),
};

const LAYOUTS: Readonly<Record<Layout['layout'], z.ZodObject>> = {
  grid: z.strictObject({ layout: z.string(), columns: number, rows: number, spacing: positive.default(1) }),
  sheet: z.strictObject({ layout: z.string(), width: positive, height: positive }),
};

const selfConnections = z.boolean().optional();
const rule = z.string();
const small = { degree: number, rewire: number };

const RULES: Readonly<Record<Rule['rule'], z.ZodObject>> = {
  dense: z.strictObject({ rule, selfConnections }),
  'one-to-one': z.strictObject({ rule }),
  'fixed-probability': z.strictObject({ rule, probability: number, selfConnections }),
  'fixed-in-degree': z.strictObject({
    rule,
    degree: number,
    repetition: z.boolean().optional(),
    selfConnections,
  }),
  'small-world': z.strictObject({ rule, ...small }),
  'clustered-small-world': z.strictObject({
    rule,
    ...small,
    clusters: number,
    clusterDegree: number.optional(),
    betweenDegree: number,
  }),
  distance: z.strictObject({
    rule,
    kernel: z.enum(['gaussian', 'exponential']),
    peak: number,
    width: number,
    wrap: z.boolean().optional(),
    selfConnections,
  }),
  given: z.strictObject({
    rule,
    sources: numbers,
    targets: numbers,
    weights: numbers.optional(),
    delaysMs: numbers.optional(),
  }),
  file: z.strictObject({ rule, path: z.string(), rows: z.enum(['sources', 'targets']).optional() }),
};

const plasticity = z.strictObject({
  rule: z.literal('stdp'),
  pairs: z.enum(['all', 'nearest']).optional(),
  dependence: z.enum(['additive', 'multiplicative']).optional(),
  potentiation: values,
  depression: values,
  tauPlusMs: values,
  tauMinusMs: values,
  minimum: number.optional(),
  maximum: number,
  normalization: z.strictObject({ total: number, everyMs: number }).optional(),
});

const projection = z.strictObject({
  from: z.string(),
  to: z.string(),
  connect: z.unknown().optional(),
  weight: optionalValues,
  delayMs: optionalValues,
  channel: z.string().optional(),
  plasticity: plasticity.optional(),
  name: z.string().optional(),
});

const input = z.strictObject({
  to: z.string(),
  rateHz: number,
  inputs: number.optional(),
  weight: number,
  channel: z.string().optional(),
});

const networkFile = z.strictObject({
  name: z.string().min(1).optional(),
  dtMs: positive,
  seed: seed.optional(),
  channels: z.record(z.string(), z.unknown()).optional(),
  populations: z.record(z.string(), z.unknown()),
  projections: z.array(projection).optional(),
  inputs: z.array(input).optional(),
});

/** What can be set for a matrix of weights. The neurons and their input are those of Brunel (2000) by default. */
const matrixOptions = z.strictObject({
  dtMs: positive.default(0.1),
  seed: seed.optional(),
  /** Whether a row of the matrix is a source or a target. */
  rows: z.enum(['sources', 'targets']).default('sources'),
  /** Weights, mV, are the matrix's values times this. */
  weightScale: number.default(1),
  delayMs: values.default(1.5),
  neuron: z
    .strictObject({ ...membraneShape, tauMembraneMs: values.default(20), thresholdMv: values.default(20) })
    .default({ tauMembraneMs: 20, thresholdMv: 20 }),
  input: z
    .strictObject({ rateHz: number.default(20), inputs: number.default(1000), weight: number.default(0.1) })
    .default({ rateHz: 20, inputs: 1000, weight: 0.1 }),
});

/**
 * Reads what an argument names, a model or a file, with assignments laid over it.
 *
 * @throws {UsageError} for a name or a file that is not there, and for anything that is not known or of the wrong type
 */
export function readNetworkSource(argument: string, assignments: readonly Assignment[]): NetworkSource {
  if (/\.(mtx|npz)$/i.test(argument)) return matrixSource(argument, assignments);
  if (meansFile(argument)) return fileSource(argument, assignments);
  const model = MODELS.find(({ name }) => name === argument);
  if (model !== undefined) return modelSource(model, assignments);
  const names = MODELS.map(({ name }) => name);
  throw new UsageError(
    `there is no model ${shown(argument)}: give ${nearestFirst(argument, names)}, or a file that ends in .yaml, .json, .mtx or .npz`,
  );
}

function modelSource(model: CatalogModel, assignments: readonly Assignment[]): NetworkSource {
  const { content, placeOf } = laidOver(
    { content: {}, file: undefined, placeOf: placeAfter('') },
    assignments,
  );
  const options = check(model.options, content, placeOf) as Fields;
  return {
    name: model.name,
    seed: options.seed as number | undefined,
    compile: (seed) => named(model.name, () => model.build({ ...options, seed }).compile()),
  };
}

function matrixSource(file: string, assignments: readonly Assignment[]): NetworkSource {
  const { content, placeOf } = laidOver({ content: {}, file, placeOf: placeAfter('') }, assignments);
  const options = check(matrixOptions, content, placeOf);
  const matrix = named(undefined, () => readMatrix(file));
  if (matrix.rows !== matrix.columns) {
    throw new UsageError(
      `${file} has ${matrix.rows} rows and ${matrix.columns} columns: give a square matrix, neurons by neurons`,
    );
  }
  const bySource = options.rows === 'sources';
  const connect = given({
    sources: bySource ? matrix.row : matrix.column,
    targets: bySource ? matrix.column : matrix.row,
    weights: Float64Array.from(matrix.row, (_, s) => options.weightScale * (matrix.values?.[s] ?? 1)),
  });
  const name = basename(file, extname(file));
  return {
    name,
    seed: options.seed,
    compile: (seed) =>
      named(file, () => {
        const network = new Network({ name, dtMs: options.dtMs, seed });
        const model = { model: 'lif', resetMv: 10, refractoryMs: 2, ...options.neuron } as Lif;
        const neurons = network.population('neurons', matrix.rows, model);
        network.project(neurons, neurons, { connect, delayMs: options.delayMs });
        network.poissonInput(neurons, options.input);
        return network.compile();
      }),
  };
}

function fileSource(file: string, assignments: readonly Assignment[]): NetworkSource {
  const { content, placeOf } = laidOver(readDocument(file, 'populations: ...'), assignments);
  const parsed = check(networkFile, content, placeOf);
  const name = parsed.name ?? basename(file, extname(file));
  const channels = Object.entries(parsed.channels ?? {}).map(([channel, fields]) => {
    return [channel, checkKind(CHANNELS, 'kind', fields, placeOf, ['channels', channel])];
  });
  const populations = Object.entries(parsed.populations).map(([population, fields]) => {
    const path = ['populations', population];
    const { count, positions, ...model } = checkKind(NEURONS, 'model', fields, placeOf, path);
    const layout =
      positions === undefined
        ? undefined
        : checkKind(LAYOUTS, 'layout', positions, placeOf, [...path, 'positions']);
    return { name: population, count: count as number, model, layout };
  });
  const projections = (parsed.projections ?? []).map((one, p) => {
    const connect = checkKind(RULES, 'rule', one.connect, placeOf, ['projections', p, 'connect']);
    // A path is meant from where the file is.
    if (connect.rule === 'file') connect.path = resolve(dirname(file), String(connect.path));
    return { ...one, connect };
  });
  return {
    name,
    seed: parsed.seed,
    compile: (seed) =>
      named(file, () => {
        const network = new Network({
          name,
          dtMs: parsed.dtMs,
          seed,
          ...(channels.length > 0
            ? { channels: Object.fromEntries(channels) as Record<string, Channel> }
            : {}),
        });
        for (const { name: population, count, model, layout } of populations) {
          network.population(
            population,
            count,
            model as unknown as NeuronModel,
            layout === undefined ? {} : { positions: layout as unknown as Layout },
          );
        }
        for (const { from, to, ...options } of projections) {
          network.project(
            neuronsOf(network, from),
            neuronsOf(network, to),
            options as Fields as unknown as ProjectionOptions & { readonly plasticity?: Plasticity },
          );
        }
        for (const { to, ...options } of parsed.inputs ?? []) {
          network.poissonInput(neuronsOf(network, to), options as PoissonInputOptions);
        }
        return network.compile();
      }),
  };
}

/** Checks an object by the one of several schemas that a field of it names. */
function checkKind(
  schemas: Readonly<Record<string, z.ZodObject>>,
  field: string,
  value: unknown,
  placeOf: PlaceOf,
  path: readonly PropertyKey[],
): Record<string, unknown> {
  const fields = check(z.looseObject({ [field]: z.string() }), value, (inner) =>
    placeOf([...path, ...inner]),
  );
  const kind = String(fields[field]);
  const schema = schemas[kind];
  if (schema === undefined) {
    const known = nearestFirst(kind, Object.keys(schemas));
    throw new UsageError(`${placeOf([...path, field])} is ${shown(kind)}: give ${known}`);
  }
  return check(schema, value, (inner) => placeOf([...path, ...inner])) as Record<string, unknown>;
}

/** The neurons that `excitatory`, `excitatory[0:100]` or `all` mean. */
function neuronsOf(network: Network, text: string): Neurons {
  const [, name = text, start, end] = /^(.+)\[(\d*):(\d*)\]$/.exec(text) ?? [];
  const neurons = name === 'all' ? network.all() : network.find(name);
  if (start === undefined || end === undefined) return neurons;
  return neurons.slice(Number(start), end === '' ? neurons.count : Number(end));
}

/** Reports what can't be as bad input, after the name of its file. */
function named<T>(place: string | undefined, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
    throw new UsageError(place === undefined ? error.message : `${place}: ${error.message}`, {
      cause: error,
    });
  }
}

function isValues(value: unknown): boolean {
  if (typeof value === 'number') return true;
  if (Array.isArray(value)) return value.every((entry) => typeof entry === 'number');
  return typeof value === 'object' && value !== null && 'distribution' in value;
}
