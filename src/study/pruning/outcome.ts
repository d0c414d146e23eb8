/** What came of a variant as a trial's outcome, whose figures are numbers by name, and back. */
import type { ComparisonRecord, TaskScore } from '../../pruning/comparison.ts';
import type { TrialRecord } from '../store.ts';
import type { TrialOutcome } from '../trial.ts';

const OWN = ['synapses', 'neurons', 'read', 'pruningSeconds', 'shift', 'timescale'] as const;
const OF_TASK = [
  'error',
  'validPredictionTime',
  'rateHz',
  'synapticOperationsHz',
  'energyNanowatts',
  'errorBefore',
  'synapticOperationsBeforeHz',
] as const satisfies readonly (keyof TaskScore)[];

/** Figures that are not numbers (the Lyapunov time of a series that has none) are left out. */
export function outcomeOfRecord(record: ComparisonRecord, seconds: number, device: string): TrialOutcome {
  const tasks = Object.entries(record.tasks);
  const figures = [
    ...OWN.map((name) => [name, record[name]] as const),
    ...tasks.flatMap(([task, score]) => OF_TASK.map((name) => [`${task} ${name}`, score[name]] as const)),
    ...record.exponents.map(([index, value]) => [`exponent ${index}`, value] as const),
  ];
  const errors = tasks.map(([, { error }]) => error);
  return {
    state: 'complete',
    objective: -errors.reduce((sum, error) => sum + error, 0) / errors.length,
    constraints: [],
    plainConstraints: [],
    accuracies: Object.fromEntries(figures.filter(([, value]) => Number.isFinite(value))),
    phases: [],
    history: [],
    seconds,
    device,
  };
}

/** The record of a complete trial; undefined for any other. */
export function recordOfTrial(
  { state, values, outcome }: TrialRecord,
  tasks: readonly string[],
): ComparisonRecord | undefined {
  if (state !== 'complete' || outcome === undefined) return undefined;
  const { accuracies } = outcome;
  const figure = (name: string): number => accuracies[name] ?? Number.NaN;
  const exponents = Object.entries(accuracies).flatMap(([name, value]) => {
    const [, index] = /^exponent (\d+)$/.exec(name) ?? [];
    return index === undefined ? [] : [[Number(index), value] as const];
  });
  return {
    method: String(values.method),
    density: Number(values.density),
    seed: Number(values.seed),
    synapses: figure('synapses'),
    neurons: figure('neurons'),
    read: figure('read'),
    pruningSeconds: figure('pruningSeconds'),
    shift: figure('shift'),
    timescale: figure('timescale'),
    exponents: exponents.sort(([a], [b]) => a - b),
    tasks: Object.fromEntries(
      tasks.map((task) => {
        const score = Object.fromEntries(OF_TASK.map((name) => [name, figure(`${task} ${name}`)]));
        return [task, score as unknown as TaskScore];
      }),
    ),
  };
}
