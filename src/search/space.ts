/**
 * Search spaces: ordered, named parameters and the map between their values and the unit cube.
 *
 * One coordinate of the unit cube belongs to each parameter, uniform along the parameter's own scale: a uniform
 * point of the cube is a draw of every parameter's own sampler, and distances in the cube are distances in the
 * space where the parameter acts. Integers and categories are rounded by {@link SearchSpace.fromUnit}, and
 * {@link SearchSpace.snap} gives the point that stands for the rounded values, so that nothing downstream ever sees
 * an unrounded one.
 */
import { z } from 'zod';
import type { RandomSource } from './random.ts';

/** How a number is spread: evenly, evenly in its logarithm, or evenly in the logarithm of `low + high - value`. */
export type Scale = 'uniform' | 'log' | 'reversed-log';

export type ParameterValue = number | string;
export type Values = Readonly<Record<string, ParameterValue>>;

export type SpaceErrorCode = 'bounds' | 'choices' | 'scale' | 'unknown-parameter' | 'value' | 'shape';

/** A search space, or values for it, that make no sense; names the parameter, the value and the remedy. */
export class SpaceError extends Error {
  override readonly name = 'SpaceError';
  readonly code: SpaceErrorCode;

  constructor(code: SpaceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const scaleSchema = z.enum(['uniform', 'log', 'reversed-log']);
const numeric = { low: z.number(), high: z.number(), scale: scaleSchema.default('uniform') };

/** One parameter as written in a study file. */
export const parameterSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('real'), ...numeric }),
  z.strictObject({ type: z.literal('integer'), ...numeric }),
  z.strictObject({
    type: z.literal('categorical'),
    choices: z.array(z.union([z.string(), z.number()])),
  }),
]);

/** A search space as written in a study file: names, in order, with their parameters. */
export const spaceSchema = z.record(z.string(), parameterSchema);

export type Parameter = z.output<typeof parameterSchema>;
export type SpaceInput = z.input<typeof spaceSchema>;
export type SpaceSpec = z.output<typeof spaceSchema>;

/** A parameter that the search may move: where it stands in the unit cube. */
interface Axis {
  readonly name: string;
  readonly parameter: Parameter;
  /** How many distinct values it has; Infinity for reals. */
  readonly cardinality: number;
  toUnit(value: ParameterValue): number;
  fromUnit(u: number): ParameterValue;
}

/**
 * A search space.
 *
 * @example
 * const space = SearchSpace.from({
 *   tauMembraneMs: { type: 'real', low: 5, high: 500, scale: 'log' },
 *   neurons: { type: 'integer', low: 20, high: 400 },
 *   decoder: { type: 'categorical', choices: ['all', 'vote'] },
 * });
 * space.fromUnit(new Float64Array([0.5, 0.5, 0.9])); // { tauMembraneMs: 50, neurons: 210, decoder: 'vote' }
 */
export class SearchSpace {
  readonly spec: SpaceSpec;
  /** Values that {@link fix} took out of the search. */
  readonly fixed: Values;
  readonly #axes: readonly Axis[];

  private constructor(spec: SpaceSpec, fixed: Values) {
    this.spec = spec;
    this.fixed = fixed;
    this.#axes = Object.entries(spec)
      .filter(([name]) => !Object.hasOwn(fixed, name))
      .map(([name, parameter]) => axisOf(name, parameter));
  }

  /** Checks a space as written in a study file. @throws SpaceError */
  static from(input: unknown): SearchSpace {
    const parsed = spaceSchema.safeParse(input);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      const place = issue?.path.join('.') || 'the search space';
      throw new SpaceError(
        'shape',
        `${place}: ${issue?.message ?? 'not a search space'}. A parameter is {type: real | integer, low, high, scale?} or {type: categorical, choices}`,
      );
    }
    for (const [name, parameter] of Object.entries(parsed.data)) checkParameter(name, parameter);
    return new SearchSpace(parsed.data, {});
  }

  /** How many parameters the search may move. */
  get dimensions(): number {
    return this.#axes.length;
  }

  /** The names of the parameters that the search may move, in the order of the unit cube's coordinates. */
  get names(): readonly string[] {
    return this.#axes.map((axis) => axis.name);
  }

  /** How many distinct values each coordinate has; Infinity for reals. */
  get cardinalities(): readonly number[] {
    return this.#axes.map((axis) => axis.cardinality);
  }

  /** Which coordinates are categories, whose order means nothing. */
  get categorical(): readonly boolean[] {
    return this.#axes.map((axis) => axis.parameter.type === 'categorical');
  }

  /** The same space with some parameters held at a value. @throws SpaceError */
  fix(values: Values): SearchSpace {
    for (const [name, value] of Object.entries(values)) {
      const parameter = this.spec[name];
      if (parameter === undefined) throw unknownParameter(name, this.spec);
      checkValue(name, parameter, value);
    }
    return new SearchSpace(this.spec, { ...this.fixed, ...values });
  }

  /** The point of the unit cube that stands for these values, shape [dimensions]. @throws SpaceError */
  toUnit(values: Values): Float64Array {
    const u = new Float64Array(this.#axes.length);
    for (const [i, axis] of this.#axes.entries()) {
      const value = values[axis.name];
      if (value === undefined) {
        throw new SpaceError('value', `parameter ${axis.name} has no value: give one, or fix the parameter`);
      }
      checkValue(axis.name, axis.parameter, value);
      u[i] = axis.toUnit(value);
    }
    return u;
  }

  /** The values at a point of the unit cube, fixed ones included; integers and categories are rounded here. */
  fromUnit(u: ArrayLike<number>): Values {
    const found: Record<string, ParameterValue> = {};
    for (const [i, axis] of this.#axes.entries()) found[axis.name] = axis.fromUnit(clampUnit(u[i] ?? 0));
    const values: Record<string, ParameterValue> = {};
    for (const name of Object.keys(this.spec)) {
      values[name] = (this.fixed[name] ?? found[name]) as ParameterValue;
    }
    return values;
  }

  /** Moves coordinates of integers and categories to the middle of the cell that stands for their value, in place. */
  snap(u: Float64Array): Float64Array {
    for (const [i, axis] of this.#axes.entries()) {
      const clamped = clampUnit(u[i] ?? 0);
      u[i] = axis.cardinality === Number.POSITIVE_INFINITY ? clamped : axis.toUnit(axis.fromUnit(clamped));
    }
    return u;
  }

  /** Draws every parameter by its own sampler. */
  sample(random: RandomSource): Values {
    return this.fromUnit(Float64Array.from(this.#axes, () => random.uniform()));
  }

  /** What {@link SearchSpace.from} and {@link fix} need to make this space again. */
  toJSON(): { readonly parameters: SpaceSpec; readonly fixed: Values } {
    return { parameters: this.spec, fixed: this.fixed };
  }
}

function axisOf(name: string, parameter: Parameter): Axis {
  if (parameter.type === 'categorical') {
    const { choices } = parameter;
    const count = choices.length;
    return {
      name,
      parameter,
      cardinality: count,
      toUnit: (value) => (choices.indexOf(value) + 0.5) / count,
      fromUnit: (u) => choices[Math.min(count - 1, Math.floor(u * count))] as ParameterValue,
    };
  }
  const { low, high } = parameter;
  if (parameter.type === 'real') {
    const warp = warpOf(parameter.scale, low, high);
    return {
      name,
      parameter,
      cardinality: low === high ? 1 : Number.POSITIVE_INFINITY,
      toUnit: (value) => clampUnit(warp.toUnit(value as number)),
      fromUnit: (u) => Math.min(high, Math.max(low, warp.fromUnit(u))),
    };
  }
  // Every integer owns the values that round to it, the first and the last one too.
  const warp = warpOf(parameter.scale, low - 0.5, high + 0.5);
  return {
    name,
    parameter,
    cardinality: high - low + 1,
    toUnit: (value) => clampUnit(warp.toUnit(value as number)),
    fromUnit: (u) => Math.min(high, Math.max(low, Math.round(warp.fromUnit(u)))),
  };
}

/** The increasing map between [low, high] and [0, 1] along a scale. */
function warpOf(scale: Scale, low: number, high: number) {
  if (low === high) return { toUnit: () => 0.5, fromUnit: () => low };
  const ratio = Math.log(high / low);
  switch (scale) {
    case 'uniform':
      return {
        toUnit: (value: number) => (value - low) / (high - low),
        fromUnit: (u: number) => low + u * (high - low),
      };
    case 'log':
      return {
        toUnit: (value: number) => Math.log(value / low) / ratio,
        fromUnit: (u: number) => low * Math.exp(u * ratio),
      };
    case 'reversed-log':
      return {
        toUnit: (value: number) => 1 - Math.log((low + high - value) / low) / ratio,
        fromUnit: (u: number) => low + high - low * Math.exp((1 - u) * ratio),
      };
  }
}

function checkParameter(name: string, parameter: Parameter): void {
  if (parameter.type === 'categorical') {
    if (parameter.choices.length === 0 || new Set(parameter.choices).size < parameter.choices.length) {
      throw new SpaceError(
        'choices',
        `parameter ${name} has choices [${parameter.choices.join(', ')}]: give at least one, each once`,
      );
    }
    return;
  }
  const { low, high, scale, type } = parameter;
  if (!(low <= high)) {
    throw new SpaceError('bounds', `parameter ${name} has low ${low} above high ${high}: swap the bounds`);
  }
  if (type === 'integer' && !(Number.isSafeInteger(low) && Number.isSafeInteger(high))) {
    throw new SpaceError(
      'bounds',
      `parameter ${name} is an integer with bounds ${low} and ${high}: give whole numbers, or type real`,
    );
  }
  if (scale !== 'uniform' && low <= 0) {
    throw new SpaceError(
      'scale',
      `parameter ${name} has scale ${scale} and low ${low}: a logarithm needs a positive low; raise it or use scale uniform`,
    );
  }
}

function checkValue(name: string, parameter: Parameter, value: ParameterValue): void {
  if (parameter.type === 'categorical') {
    if (!parameter.choices.includes(value)) {
      throw new SpaceError(
        'value',
        `parameter ${name} has no choice ${value}: choose one of ${parameter.choices.join(', ')}`,
      );
    }
    return;
  }
  const { low, high, type } = parameter;
  if (typeof value !== 'number' || !(value >= low && value <= high)) {
    throw new SpaceError('value', `parameter ${name} is ${value}: give a number from ${low} to ${high}`);
  }
  if (type === 'integer' && !Number.isInteger(value)) {
    throw new SpaceError('value', `parameter ${name} is ${value}: give a whole number`);
  }
}

function unknownParameter(name: string, spec: SpaceSpec): SpaceError {
  return new SpaceError(
    'unknown-parameter',
    `there is no parameter ${name}: the space has ${Object.keys(spec).join(', ')}`,
  );
}

function clampUnit(u: number): number {
  return Math.min(1, Math.max(0, u));
}
