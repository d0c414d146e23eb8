/** The models of a search: a Gaussian process for the objective, for each constraint and, if asked for, for the cost. */
import { setImmediate } from 'node:timers/promises';
import type { Embedding } from './embedding.ts';
import type { ConditionedProcess, Features, GaussianEngine, Inputs } from './engine.ts';
import { fitHyperparameters } from './fit.ts';
import type { History, Observation } from './history.ts';
import type { RandomStream } from './random.ts';
import type { Settings } from './settings.ts';
import { bilog, copula, scaleBySize, standardize } from './transforms.ts';

/** One output to be learned: which observations have it, ascending, and the transformed values. */
interface Output {
  readonly places: readonly number[];
  readonly y: Float64Array;
}

/** What a model holds of an output. */
interface Held {
  readonly points: readonly Observation[];
  readonly y: Float64Array;
}

/** The hyperparameters of one model, and with how many points they were fitted. */
interface Fitted {
  readonly theta: Float64Array;
  readonly count: number;
}

/** From-scratch starts of a fit, besides the last hyperparameters; fewer once the data speak for themselves. */
const FRESH_STARTS = 2;
const FEW_POINTS = 150;

/** Smallest noise of a conditioned process: the fitted one, then these in turn. */
const SAFER_NOISE = [0, 1e-6, 1e-4, 1e-2] as const;

/** About 5 ms of work. */
const DRAWS_AT_ONCE = 20_000;

export class Surrogate {
  readonly #engine: GaussianEngine;
  readonly #embedding: Embedding;
  readonly #settings: Settings;
  readonly #scales: number;
  /** How many models have sample paths: all but the cost's. */
  readonly #models: number;
  /** The objective's first, then the constraints', then the cost's. */
  #fitted: (Fitted | undefined)[];

  constructor(
    engine: GaussianEngine,
    embedding: Embedding,
    scales: number,
    settings: Settings,
    constraints: number,
  ) {
    this.#engine = engine;
    this.#embedding = embedding;
    this.#settings = settings;
    this.#scales = scales;
    this.#models = constraints + 1;
    this.#fitted = Array(constraints + 2).fill(undefined);
  }

  /** Length scales of the objective's model, once it was fitted; shape [dimensions]. */
  get lengthScales(): Float64Array | undefined {
    return this.#fitted[0]?.theta.slice(0, this.#scales).map(Math.exp);
  }

  /**
   * Conditions every model on the history, fitting hyperparameters anew where the data have grown enough.
   * The cost is modelled only for a search that is aware of it.
   */
  async condition(history: History, centre: Float64Array, costAware: boolean): Promise<ConditionedSurrogate> {
    // As they are now, whatever is told meanwhile.
    const observed = new Observed(history.observations.slice(), centre);
    const outputs: Output[] = [];
    for (let index = 0; index < this.#models + Number(costAware); index++) {
      outputs.push(this.#output(index, observed.observations));
      // Some milliseconds of work for each at 10,000 observations: let the event loop go on.
      await setImmediate();
    }
    const conditioned = await Promise.all(
      outputs.map((output, index) => this.#conditionOne(index, output, observed)),
    );
    return new ConditionedSurrogate(
      conditioned.slice(0, this.#models),
      conditioned[this.#models],
      this.#embedding.width,
    );
  }

  save(): ({ theta: number[]; count: number } | null)[] {
    return this.#fitted.map((fitted) =>
      fitted === undefined ? null : { theta: Array.from(fitted.theta), count: fitted.count },
    );
  }

  restore(saved: readonly ({ theta: readonly number[]; count: number } | null)[]): void {
    this.#fitted = saved.map((fitted) =>
      fitted === null ? undefined : { theta: Float64Array.from(fitted.theta), count: fitted.count },
    );
  }

  async #conditionOne(index: number, output: Output, observed: Observed): Promise<Conditioned | undefined> {
    if (output.places.length === 0) return undefined;
    await this.#refit(index, output, observed);
    const { theta } = this.#fitted[index] as Fitted;
    const held = observed.nearest(output, this.#settings.maximumPoints);
    return { process: await this.#conditionSafely(held, theta), output: held };
  }

  async #refit(index: number, output: Output, observed: Observed): Promise<void> {
    const { refitShare, fitPoints } = this.#settings;
    const last = this.#fitted[index];
    const count = output.places.length;
    if (last !== undefined && count <= last.count * (1 + refitShare)) return;
    const { points, y } = observed.nearest(output, fitPoints);
    const inputs = this.#inputs(points);
    const fresh = last === undefined || count < FEW_POINTS ? FRESH_STARTS : 0;
    const theta = await fitHyperparameters(this.#engine, inputs, y, this.#scales, last?.theta, fresh);
    this.#fitted[index] = { theta, count };
  }

  /** More noise, where the points lie so close together that their covariance is singular in f64. */
  async #conditionSafely(output: Held, theta: Float64Array): Promise<ConditionedProcess> {
    const inputs = this.#inputs(output.points);
    for (const noise of SAFER_NOISE) {
      const safer = theta.slice();
      safer[safer.length - 1] = Math.max(Math.log(noise), safer.at(-1) as number);
      try {
        return await this.#engine.condition(inputs, output.y, safer);
      } catch (error) {
        if (noise === SAFER_NOISE.at(-1)) throw error;
      }
    }
    throw new RangeError('unreachable: the last noise returns or throws');
  }

  #inputs(points: readonly Observation[]): Inputs {
    const d = points[0]?.unit.length ?? 0;
    const units = new Float64Array(points.length * d);
    for (const [i, { unit }] of points.entries()) units.set(unit, i * d);
    return {
      x: this.#embedding.embed(units, points.length),
      count: points.length,
      width: this.#embedding.width,
      groups: this.#embedding.groups,
    };
  }

  /** What model `index` learns. */
  #output(index: number, observations: readonly Observation[]): Output {
    if (index === 0) return this.#objective(observations);
    if (index < this.#models) return this.#constraint(observations, index - 1);
    return logarithmicCost(observations);
  }

  /** Without constraints, a failed trial is as bad as the worst: nothing else would keep the search away. */
  #objective(observations: readonly Observation[]): Output {
    let worst = Number.POSITIVE_INFINITY;
    for (const { objective } of observations) worst = Math.min(worst, objective ?? worst);
    const places: number[] = [];
    const values: number[] = [];
    for (const [place, { objective, status }] of observations.entries()) {
      const value = objective ?? (status === 'failed' && this.#models === 1 ? worst : undefined);
      if (value === undefined || !Number.isFinite(value)) continue;
      places.push(place);
      values.push(value);
    }
    const y = this.#settings.objectiveTransform === 'copula' ? copula(values) : values;
    return { places, y: standardize(Array.from(y)) };
  }

  /** A failed trial violates every constraint as much as the worst seen. */
  #constraint(observations: readonly Observation[], index: number): Output {
    let worst = 0;
    let known = 0;
    for (const { constraints } of observations) {
      if (constraints === undefined) continue;
      known += 1;
      worst = Math.max(worst, constraints[index] as number);
    }
    if (known === 0) return { places: [], y: new Float64Array(0) };
    const places: number[] = [];
    const values: number[] = [];
    for (const [place, { constraints, status }] of observations.entries()) {
      if (constraints === undefined && status !== 'failed') continue;
      places.push(place);
      values.push(constraints?.[index] ?? worst);
    }
    const y = this.#settings.constraintTransform === 'bilog' ? bilog(values) : scaleBySize(values);
    return { places, y: scaleByDeviation(y) };
  }
}

/** The observations at the time of an ask, and which of them lie nearest to the centre. */
export class Observed {
  readonly observations: readonly Observation[];
  readonly #centre: Float64Array;
  #order: readonly number[] | undefined;

  constructor(observations: readonly Observation[], centre: Float64Array) {
    this.observations = observations;
    this.#centre = centre;
  }

  /** The `limit` points nearest to the centre, which say most about the region that is searched, in their order. */
  nearest({ places, y }: Output, limit: number): Held {
    const { observations } = this;
    if (places.length <= limit) {
      return { points: places.map((place) => observations[place] as Observation), y };
    }
    const rank = new Int32Array(observations.length).fill(-1);
    for (const [i, place] of places.entries()) rank[place] = i;
    const chosen: number[] = [];
    for (const place of this.#byDistance()) {
      if (rank[place] !== -1) chosen.push(rank[place] as number);
      if (chosen.length === limit) break;
    }
    chosen.sort((a, b) => a - b);
    return {
      points: chosen.map((i) => observations[places[i] as number] as Observation),
      y: Float64Array.from(chosen, (i) => y[i] as number),
    };
  }

  /** Places of all observations, the nearest to the centre first. */
  #byDistance(): readonly number[] {
    if (this.#order === undefined) {
      const centre = this.#centre;
      const distance = Float64Array.from(this.observations, ({ unit }) => {
        let sum = 0;
        for (let k = 0; k < centre.length; k++) sum += ((unit[k] as number) - (centre[k] as number)) ** 2;
        return sum;
      });
      this.#order = Array.from(distance.keys()).sort(
        (a, b) => (distance[a] as number) - (distance[b] as number) || a - b,
      );
    }
    return this.#order;
  }
}

/** Divides by the root mean square, which keeps the sign and so feasibility. */
function scaleByDeviation(y: Float64Array): Float64Array {
  const size = Math.sqrt(y.reduce((sum, v) => sum + (v * v) / y.length, 0));
  return size > 0 ? y.map((v) => v / size) : y;
}

interface Conditioned {
  readonly process: ConditionedProcess;
  readonly output: Held;
}

/** The logarithm of the cost: costs spread over orders of magnitude and are positive. Not scaled, so that it exponentiates. */
function logarithmicCost(observations: readonly Observation[]): Output {
  const places: number[] = [];
  const values: number[] = [];
  for (const [place, { cost }] of observations.entries()) {
    if (cost === undefined) continue;
    places.push(place);
    values.push(Math.log(cost));
  }
  return { places, y: Float64Array.from(values) };
}

/** Values of sample paths at points: the objective (absent when nothing is known of it), and each constraint. */
export interface PathValues {
  readonly objective: Float64Array | undefined;
  readonly constraints: readonly Float64Array[];
}

/** Joint sample paths of the objective and the constraints. */
export class ConditionedSurrogate implements Disposable {
  readonly #models: readonly (Conditioned | undefined)[];
  readonly #cost: Conditioned | undefined;
  readonly #width: number;

  constructor(models: readonly (Conditioned | undefined)[], cost: Conditioned | undefined, width: number) {
    this.#models = models;
    this.#cost = cost;
    this.#width = width;
  }

  /** The objective of an observation as the model learned it; the lowest that it learned without one. */
  learnedObjective(observation: Observation | undefined): number {
    const output = this.#models[0]?.output;
    const index = output?.points.findIndex(({ id }) => id === observation?.id) ?? -1;
    return index >= 0 ? (output?.y[index] as number) : Math.min(0, ...(output?.y ?? []));
  }

  /** Predicted costs, seconds, at embedded points; undefined without a model of the cost. */
  async costs(points: Float64Array, count: number): Promise<Float64Array | undefined> {
    return (await this.#cost?.process.means(points, count))?.map(Math.exp);
  }

  /** Draws `paths` joint sample paths, by `count` random features. */
  async drawPaths(random: RandomStream, paths: number, count: number): Promise<void> {
    const features = drawFeatures(random, count, this.#width);
    for (const model of this.#models) {
      if (model === undefined) continue;
      const { y } = model.output;
      const weights = await normals(random, paths * count);
      const noise = await normals(random, paths * y.length);
      await model.process.drawPaths(y, features, weights, noise, paths);
    }
  }

  /** See `evaluatePaths` in `matern.ts`; `points` are embedded. */
  async evaluatePaths(points: Float64Array, count: number, shared: boolean): Promise<PathValues> {
    const [objective, ...constraints] = await Promise.all(
      this.#models.map((model) => model?.process.evaluatePaths(points, count, shared)),
    );
    return { objective, constraints: constraints.filter((values) => values !== undefined) };
  }

  [Symbol.dispose](): void {
    for (const model of [...this.#models, this.#cost]) model?.process[Symbol.dispose]();
  }
}

/** Standard normal draws, with pauses that let the event loop go on. */
async function normals(random: RandomStream, count: number): Promise<Float64Array> {
  const out = new Float64Array(count);
  for (let start = 0; start < count; start += DRAWS_AT_ONCE) {
    if (start > 0) await setImmediate();
    const end = Math.min(count, start + DRAWS_AT_ONCE);
    for (let i = start; i < end; i++) out[i] = random.normal();
  }
  return out;
}

/**
 * Frequencies of the Matérn-5/2 spectral density, a t distribution with 5 degrees of freedom (Rasmussen and Williams,
 * eq. 4.15), and uniform phases.
 */
export function drawFeatures(random: RandomStream, count: number, width: number): Features {
  const frequencies = new Float64Array(count * width);
  const phases = new Float64Array(count);
  for (let f = 0; f < count; f++) {
    let chiSquare = 0;
    for (let k = 0; k < 5; k++) chiSquare += random.normal() ** 2;
    const scale = Math.sqrt(5 / chiSquare);
    for (let j = 0; j < width; j++) frequencies[f * width + j] = scale * random.normal();
    phases[f] = 2 * Math.PI * random.uniform();
  }
  return { count, frequencies, phases };
}
