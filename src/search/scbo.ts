/**
 * SCBO: scalable constrained Bayesian optimization in a trust region (Eriksson and Poloczek, AISTATS 2021), made
 * asynchronous. Without constraints it is TuRBO; with a model of the cost it is cost-aware SCBO.
 *
 * Each proposal is the best point of one joint sample path of the objective and all constraints (Thompson sampling):
 * the feasible point with the highest objective, or, where the path is nowhere feasible, the one that violates least.
 * Pending points need no fantasies: a path that was drawn jointly with imagined outcomes of the pending points, these
 * being drawn too, has the same distribution as one drawn without them. They only may not be proposed again.
 */
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import type { Strategy } from './ask-tell.ts';
import { candidateCount, candidatesInBox, pointsAround } from './candidates.ts';
import { costExponent, weighByCost } from './cost.ts';
import { Embedding } from './embedding.ts';
import type { GaussianEngine } from './engine.ts';
import { type Draft, type History, isBetter, type Observation } from './history.ts';
import { type JsonValue, OptimizerError } from './optimizer.ts';
import { RandomStream, SEARCH_STREAMS } from './random.ts';
import {
  type Box,
  boxAround,
  isInside,
  type RegionState,
  regionStateSchema,
  TrustRegion,
  type Verdict,
} from './region.ts';
import { Sampler } from './samplers.ts';
import { initialCount, type Settings } from './settings.ts';
import type { SearchSpace } from './space.ts';
import { type ConditionedSurrogate, type PathValues, Surrogate } from './surrogate.ts';

/**
 * Where no candidate is feasible on a path, the one that violates least is refined on it: each refinement searches a
 * smaller part of the box around the last. Feasible ones are proposed as they are (`docs/optimizer.md`).
 */
const REFINEMENTS = [0.25, 0.06] as const;
/** Points of one refinement, and the most points that one may have over all proposals of an ask. */
const REFINEMENT_POINTS = 300;
const REFINEMENT_BUDGET = 12_000;

/** The least violation has fallen where it is below this share of the last. */
const PROGRESS = 0.95;

/** The share of space-filling points among the proposals of a search that is lost. */
const EXPLORING = 2 / 3;

/** Paths whose best candidates are picked without a pause: some milliseconds of work. */
const PATHS_AT_ONCE = 8;

/** An objective must gain this share of the spread of the feasible ones to count as an improvement. */
const IMPROVEMENT = 1e-4;

const savedSchema = z.object({
  drawn: z.number(),
  asks: z.number(),
  stuck: z.number(),
  region: regionStateSchema,
  models: z.array(z.object({ theta: z.array(z.number()), count: z.number() }).nullable()),
});

/** Constrained, constrained and aware of the cost, unconstrained. */
export type TrustRegionName = 'scbo' | 'casbo' | 'turbo';

export class ScboStrategy implements Strategy {
  readonly name: TrustRegionName;
  readonly #space: SearchSpace;
  readonly #settings: Settings;
  readonly #embedding: Embedding;
  readonly #sampler: Sampler;
  readonly #surrogate: Surrogate;
  readonly #region: TrustRegion;
  /** How many asks drew paths; each has its own random numbers. */
  #asks = 0;
  /** Outcomes since the least violation last fell, while nothing feasible is known. */
  #stuck = 0;
  /** How many such outcomes show that violations tell nothing. */
  readonly #patience: number;

  constructor(
    name: TrustRegionName,
    space: SearchSpace,
    settings: Settings,
    engine: GaussianEngine,
    constraints: number,
  ) {
    this.name = name;
    this.#space = space;
    this.#settings = settings;
    this.#embedding = new Embedding(space);
    this.#sampler = new Sampler(settings.initialSampler, space, settings.seed);
    this.#surrogate = new Surrogate(engine, this.#embedding, space.dimensions, settings, constraints);
    this.#region = new TrustRegion({
      ...settings,
      failureTolerance: settings.failureTolerance ?? Math.min(20, Math.max(4, space.dimensions)),
    });
    this.#patience = Math.max(10, Math.min(20, space.dimensions));
  }

  async propose(history: History, count: number): Promise<readonly Draft[]> {
    const initial = Math.max(0, initialCount(this.#settings, this.#space.dimensions) - history.asked);
    const centre = history.incumbent?.unit;
    // Before anything is known there is nothing to model; with everything fixed there is nothing to choose.
    const idle = centre === undefined || history.observations.length < 2 || this.#space.dimensions === 0;
    if (initial >= count || idle) {
      return this.#sampler.draw(history, count, 'initial');
    }
    const drafts = this.#sampler.draw(history, initial, 'initial');
    const wanted = count - initial;
    // Where violations show no way, only covering the space finds one.
    const lost = !history.incumbent?.feasible && this.#stuck >= this.#patience;
    const exploring = lost ? shareOf(EXPLORING, history.asked + initial, wanted) : 0;
    drafts.push(...this.#sampler.draw(history, exploring, 'exploration'));
    const rest = count - drafts.length;
    return rest === 0 ? drafts : [...drafts, ...(await this.#sample(history, centre, rest))];
  }

  observe(observation: Observation, previous: Observation | undefined): void {
    if (!observation.feasible && !previous?.feasible) {
      // The region waits for its first feasible point: a small one around the least violation might never find any.
      const progress = observation.violation < PROGRESS * (previous?.violation ?? Number.POSITIVE_INFINITY);
      this.#stuck = progress ? 0 : this.#stuck + 1;
      return;
    }
    const proposed = regionStateSchema.safeParse(observation.detail);
    if (proposed.success) this.#region.observe(this.#judge(observation, previous), proposed.data);
  }

  save(): JsonValue {
    return {
      drawn: this.#sampler.next,
      asks: this.#asks,
      stuck: this.#stuck,
      region: this.#region.state,
      models: this.#surrogate.save(),
    };
  }

  restore(state: JsonValue): void {
    const parsed = savedSchema.safeParse(state);
    if (!parsed.success) {
      throw new OptimizerError(
        'saved-state',
        `the saved ${this.name} search is damaged: ${parsed.error.message}`,
      );
    }
    this.#sampler.next = parsed.data.drawn;
    this.#asks = parsed.data.asks;
    this.#stuck = parsed.data.stuck;
    this.#region.state = parsed.data.region;
    this.#surrogate.restore(parsed.data.models);
  }

  region(): { readonly length: number; readonly restarts: number } {
    const { length, restarts } = this.#region.state;
    return { length, restarts };
  }

  #judge(observation: Observation, previous: Observation | undefined): Verdict {
    if (previous === undefined) return 'better-inside';
    let better = isBetter(observation, previous);
    if (better && observation.feasible && previous.feasible) {
      const gain = (observation.objective as number) - (previous.objective as number);
      better = gain > IMPROVEMENT * Math.abs(previous.objective as number);
    }
    if (!better) return 'not-better';
    return isInside(this.#box(previous.unit), observation.unit) ? 'better-inside' : 'better-outside';
  }

  #box(centre: Float64Array): Box {
    return boxAround(
      centre,
      this.#region.state.length,
      this.#surrogate.lengthScales,
      this.#space.cardinalities,
    );
  }

  async #sample(history: History, centre: Float64Array, count: number): Promise<Draft[]> {
    const index = this.#asks;
    this.#asks += 1;
    const { seed, features } = this.#settings;
    const costAware = this.name === 'casbo';
    using surrogate = await this.#surrogate.condition(history, centre, costAware);
    await surrogate.drawPaths(new RandomStream(seed, SEARCH_STREAMS.paths, index), count, features);
    const box = this.#box(centre);
    const random = new RandomStream(seed, SEARCH_STREAMS.candidates, index);
    const found = await this.#maximizePaths(history, surrogate, box, count, random, {
      seed,
      index: index + 1,
    });
    const state: RegionState = this.#region.state;
    return found.map((unit) => ({ unit, origin: 'trust-region', detail: state }));
  }

  /** The best point of each path, no two the same and none proposed before. */
  async #maximizePaths(
    history: History,
    surrogate: ConditionedSurrogate,
    box: Box,
    paths: number,
    random: RandomStream,
    scramble: { readonly seed: number; readonly index: number },
  ): Promise<Float64Array[]> {
    const d = this.#space.dimensions;
    const count = this.#settings.candidates ?? candidateCount(d);
    // While nothing feasible is known, violations may tell nothing of the way: the paths choose between near and far.
    const global = history.incumbent?.feasible ? 0 : count >> 1;
    const candidates = candidatesInBox(this.#space, box, count, global, random, scramble);
    const values = await this.#evaluate(history, surrogate, candidates, count, true);
    const taken = new Set<string>();
    let best: Scored[] = [];
    for (let p = 0; p < paths; p++) {
      // Let the event loop go on.
      if (p % PATHS_AT_ONCE === PATHS_AT_ONCE - 1) await setImmediate();
      const chosen = pickBest(
        candidates,
        d,
        values,
        p * count,
        count,
        p * count,
        (unit) => history.isOccupied(unit) || taken.has(unit.join()),
      );
      // Every candidate was proposed before: the space has few values, or the box does.
      const scored = chosen ?? {
        unit: this.#sampler.draw(history, 1, '')[0]?.unit as Float64Array,
        score: WORST,
      };
      taken.add(scored.unit.join());
      best.push(scored);
    }
    const points = Math.min(REFINEMENT_POINTS, Math.floor(REFINEMENT_BUDGET / paths));
    for (const share of REFINEMENTS) {
      if (best.every(({ score }) => score.violation === 0)) break;
      const around = pointsAround(
        this.#space,
        box,
        best.map(({ unit }) => unit),
        share,
        points,
        random,
      );
      const near = await this.#evaluate(history, surrogate, around, paths * points, false);
      best = best.map((current, p) => {
        if (current.score.violation === 0) return current;
        const chosen = pickBest(
          around,
          d,
          near,
          p * points,
          points,
          0,
          (unit) => history.isOccupied(unit) || taken.has(unit.join()),
        );
        if (chosen === undefined || !beats(chosen.score, current.score)) return current;
        taken.delete(current.unit.join());
        taken.add(chosen.unit.join());
        return chosen;
      });
    }
    return best.map(({ unit }) => unit);
  }

  /** Sample paths at unit points, weighed by the cost where the search is aware of it. */
  async #evaluate(
    history: History,
    surrogate: ConditionedSurrogate,
    units: Float64Array,
    count: number,
    shared: boolean,
  ): Promise<PathValues> {
    const points = this.#embedding.embed(units, count);
    const [values, costs] = await Promise.all([
      surrogate.evaluatePaths(points, count, shared),
      surrogate.costs(points, count),
    ]);
    if (costs === undefined) return values;
    const exponent = costExponent(spentShare(history, this.#settings));
    const { incumbent } = history;
    const best = surrogate.learnedObjective(incumbent?.feasible ? incumbent : undefined);
    return weighByCost(
      values,
      costs.map((cost) => cost ** exponent),
      best,
    );
  }
}

/** How many of the `count` whole numbers from `first` on belong to a share of them all, evenly spread. */
function shareOf(share: number, first: number, count: number): number {
  return Math.floor((first + count) * share) - Math.floor(first * share);
}

/** The share of the budget that is spent: of the seconds, else of the trials, where the settings give one. */
function spentShare(history: History, settings: Settings): number {
  const { budgetSeconds, budgetTrials } = settings;
  if (budgetSeconds !== undefined) {
    return history.spentSeconds / budgetSeconds;
  }
  return budgetTrials === undefined ? 0 : history.asked / budgetTrials;
}

/** How good a point is on a path. */
interface Score {
  readonly violation: number;
  readonly objective: number;
}

interface Scored {
  readonly unit: Float64Array;
  readonly score: Score;
}

const WORST: Score = { violation: Number.POSITIVE_INFINITY, objective: Number.NEGATIVE_INFINITY };

function beats(a: Score, b: Score): boolean {
  return a.violation < b.violation || (a.violation === b.violation && a.objective > b.objective);
}

/** The best of `count` points from `first` on, whose values start at `first` too; `points` starts at `offset`. */
function pickBest(
  points: Float64Array,
  d: number,
  values: PathValues,
  first: number,
  count: number,
  offset: number,
  excluded: (unit: Float64Array) => boolean,
): Scored | undefined {
  const violation = new Float64Array(count);
  for (const constraint of values.constraints) {
    for (let i = 0; i < count; i++) {
      violation[i] = (violation[i] as number) + Math.max(0, constraint[first + i] as number);
    }
  }
  const scoreOf = (i: number): Score => ({
    violation: violation[i] as number,
    objective: values.objective?.[first + i] ?? 0,
  });
  const skipped = new Set<number>();
  for (;;) {
    let best = -1;
    let score = WORST;
    for (let i = 0; i < count; i++) {
      if (skipped.has(i)) continue;
      const candidate = scoreOf(i);
      if (best < 0 || beats(candidate, score)) {
        best = i;
        score = candidate;
      }
    }
    if (best < 0) return undefined;
    const at = (first + best - offset) * d;
    const unit = points.slice(at, at + d);
    if (!excluded(unit)) return { unit, score };
    skipped.add(best);
  }
}
