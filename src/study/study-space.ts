/** The search space of a study as it is stored. */
import { SearchSpace } from '../search/index.ts';
import type { StudySpec } from './store.ts';
import type { Hyperparameters } from './trial.ts';

/** The search space of a study, as it was when the study was made. */
export function studySpace(spec: Pick<StudySpec, 'space'>): SearchSpace {
  const { parameters, fixed } = spec.space as { parameters: unknown; fixed: Hyperparameters };
  return SearchSpace.from(parameters).fix(fixed);
}

/** The lowest and the highest value of every hyperparameter of a space, or the one at which it is held. */
export function extremesOf(space: SearchSpace): Hyperparameters[] {
  const ends = Object.entries(space.spec).map(([name, parameter]) => {
    const held = space.fixed[name];
    if (held !== undefined) return [name, held, held] as const;
    if (parameter.type !== 'categorical') return [name, parameter.low, parameter.high] as const;
    return [name, parameter.choices[0] ?? 0, parameter.choices.at(-1) ?? 0] as const;
  });
  return [
    Object.fromEntries(ends.map(([name, low]) => [name, low])),
    Object.fromEntries(ends.map(([name, , high]) => [name, high])),
  ];
}
