/** Reads a study from its store as the plain data that figures are made from. */
import { describeStudy } from '../study/recipes.ts';
import type { Store } from '../study/store.ts';
import type { JsonValue } from '../study/trial.ts';
import type { LengthScales, StudyData } from './figures/study-data.ts';

/** @throws {StudyError} `unknown-study` */
export async function collectStudy(store: Store, name: string): Promise<StudyData> {
  const { spec, createdAt } = await store.study(name);
  const { summary, constraints } = describeStudy(spec);
  return {
    spec,
    summary,
    createdAt,
    constraints,
    trials: await store.trials(name),
    lengthScales: lengthScalesOf(await store.optimizer(name), constraints),
    readAt: Date.now(),
  };
}

/** The fitted length scales in an optimizer's saved state; none for optimizers without models. */
export function lengthScalesOf(saved: JsonValue | undefined, constraints: readonly string[]): LengthScales[] {
  const state = saved as
    | {
        readonly names?: readonly string[];
        readonly strategy?: { readonly models?: readonly ({ readonly theta: readonly number[] } | null)[] };
      }
    | undefined;
  const names = state?.names ?? [];
  const models = state?.strategy?.models ?? [];
  // The objective's model is the first, then the constraints'; theta begins with the logarithms of the scales.
  return ['objective', ...constraints].flatMap((output, index) => {
    const theta = models[index]?.theta;
    if (theta === undefined) return [];
    const scales = names.map((name, i) => [name, Math.exp(theta[i] as number)] as const);
    return [{ output, scales: Object.fromEntries(scales) }];
  });
}
