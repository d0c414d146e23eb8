/** Studies for the tests of reports: trials as a search would have them. */

import { SearchSpace } from '../../src/search/index.ts';
import { RandomStream, SEARCH_STREAMS } from '../../src/search/random.ts';
import { recipeOf } from '../../src/study/recipes.ts';
import { openSqliteStore } from '../../src/study/sqlite-store.ts';
import type { StudySpec } from '../../src/study/store.ts';
import type { JsonObject, TrialOutcome } from '../../src/study/trial.ts';

const recipe = recipeOf('mnist-stdp');
export const SPACE = SearchSpace.from(recipe.space);

export function specOf(name: string, trials: number): StudySpec {
  return {
    name,
    recipe: recipe.name,
    space: JSON.parse(JSON.stringify(SPACE)) as JsonObject,
    settings: JSON.parse(JSON.stringify(recipe.settings.parse({}))) as JsonObject,
    optimizer: { name: 'scbo' },
    seed: 0,
    trials,
  };
}

/** The optimizer's state as SCBO saves it, with models of the objective and both constraints. */
const STATE = {
  names: [...SPACE.names],
  strategy: { models: [1, 2, 3].map((k) => ({ theta: SPACE.names.map((_, i) => Math.sin(k * i)) })) },
};

/**
 * Adds trials to a study: silent exactly where `e_thresh` is above -20, an objective that grows with `map_size`, every
 * 40th failed, two still running.
 */
export function addTrials(path: string, name: string, first: number, count: number): void {
  using store = openSqliteStore(path);
  store.openStudy(specOf(name, first + count + 2));
  const random = new RandomStream(1, SEARCH_STREAMS.candidates, first);
  const draw = () => random.uniform();
  const trials = Array.from({ length: count + 2 }, (_, k) => {
    const unit = SPACE.snap(Float64Array.from(SPACE.names, draw));
    const number = first + k;
    const detail = {
      length: 0.8 / 2 ** (Math.floor(number / 50) % 4),
      successes: 0,
      failures: 0,
      epoch: 0,
      restarts: Math.floor(number / 200),
    };
    return {
      number,
      values: SPACE.fromUnit(unit),
      seed: number,
      proposal: { id: number, unit: Array.from(unit), origin: 'trust-region', detail },
      startedAt: Date.now(),
    };
  });
  store.begin(name, trials, STATE);
  const finished = trials.slice(0, count).map(({ number, values }) => ({
    number,
    outcome: outcomeOf(number, values as Readonly<Record<string, number>>, draw()),
  }));
  store.finish(name, finished, STATE);
}

function outcomeOf(number: number, values: Readonly<Record<string, number>>, chance: number): TrialOutcome {
  const device = number % 3 === 0 ? 'card' : 'processor';
  const none = { accuracies: {}, phases: [], history: [], constraints: [], plainConstraints: [] };
  if (number % 40 === 39)
    return { state: 'failed', reason: 'lost "it", somehow', ...none, seconds: 0, device };
  const silent = (values.e_thresh as number) > -20;
  const samples = silent ? Math.floor(40_000 * chance) : 48_000 * (values.epochs as number);
  const layers = ['excitatory', 'inhibitory'].map((layer, k) => ({
    layer,
    spikes: Math.floor(samples * (k + 1) * (1 + 20 * chance)),
    silentSamples: Math.floor(samples * (silent ? 0.5 : 0.02)),
  }));
  const train = { phase: 'train' as const, samples, layers, inputSpikes: samples * 1200, seconds: 1 };
  const objective = 0.3 + (0.5 * (values.map_size as number)) / 2000 + 0.05 * chance;
  return {
    state: silent ? 'silent' : 'complete',
    ...(silent ? { reason: 'excitatory layer silent' } : { objective }),
    constraints: silent ? [chance, -0.1] : [-0.08, -0.1],
    plainConstraints: silent ? [0.01, -0.1] : [-0.08, -0.1],
    accuracies: silent ? {} : { all: objective, vote: objective * 0.98 },
    phases: silent ? [train] : [train, { ...train, phase: 'hold-out', samples: 12_000 }],
    history: [],
    seconds: 0.001 + samples / 1e7,
    device,
  };
}
