/** Learning rates over time. */
import type { TrainingDescription } from './description.ts';
import type { Progress } from './training.ts';

/** The learning rate's factor at a point of training. */
export function rateFactor({ schedule }: TrainingDescription, when: Progress): number {
  if (schedule === undefined || schedule.kind === 'constant') return 1;
  if (schedule.kind === 'exponential') return schedule.gamma ** when.epoch;
  const { end = 0, warmup = 0, epochs } = schedule;
  if (when.batch < warmup) return (when.batch + 1) / warmup;
  return end + (1 - end) * 0.5 * (1 + Math.cos(Math.PI * Math.min(1, when.overall / epochs)));
}
