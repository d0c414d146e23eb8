/** The settings of every optimizer, checked; a study stores them with its defaults filled in. */
import { z } from 'zod';
import { OptimizerError } from './optimizer.ts';

export const OPTIMIZERS = ['scbo', 'casbo', 'turbo', 'sobol', 'random', 'grid'] as const;
export type OptimizerName = (typeof OPTIMIZERS)[number];

const positiveInteger = z.number().int().positive();

export const settingsSchema = z.strictObject({
  /** Decides every draw. */
  seed: z.number().int().nonnegative().default(0),
  /** How many constraints an outcome carries. */
  constraints: z.number().int().nonnegative().default(0),
  /** Points of the initial design; 2 per dimension, from 10 to 100, unless given. */
  initial: positiveInteger.optional(),
  /** How the initial design is drawn: scrambled Sobol points, or each parameter's own sampler. */
  initialSampler: z.enum(['sobol', 'random']).default('sobol'),
  /**
   * What the model of the objective learns: normal scores of its ranks, or standardized values. Ranks are robust to
   * wild objectives, but cost Ackley-10 most of its accuracy (`docs/optimizer.md`).
   */
  objectiveTransform: z.enum(['copula', 'standardize']).default('standardize'),
  /** What the models of the constraints learn: `sign(c) log(1 + |c|)` in units of the spread, or values. */
  constraintTransform: z.enum(['bilog', 'standardize']).default('bilog'),
  /** Side of a fresh trust region, in units of the cube. */
  initialLength: z.number().positive().max(2).default(0.8),
  /** The region restarts below this side. */
  minimumLength: z
    .number()
    .positive()
    .default(2 ** -7),
  maximumLength: z.number().positive().default(1.6),
  /** Improvements in a row that double the region. Both tolerances count outcomes, not batches. */
  successTolerance: positiveInteger.default(10),
  /** Outcomes without improvement in a row that halve it; the dimension, from 4 to 20, unless given. */
  failureTolerance: positiveInteger.optional(),
  /** Candidates scored for each proposal; `min(5000, max(2000, 200 d))` unless given. */
  candidates: positiveInteger.optional(),
  /** Random features of a posterior sample path. */
  features: positiveInteger.default(1024),
  /** The models' hyperparameters are fitted anew when the data have grown by this share since the last fit. */
  refitShare: z.number().nonnegative().default(0.05),
  /** The most points that a fit of hyperparameters uses: those nearest to the centre of the trust region. */
  fitPoints: positiveInteger.default(400),
  /** The most points that the models hold: those nearest to the centre of the trust region. */
  maximumPoints: positiveInteger.default(2000),
  /** Cost-aware search: the budget that its schedule of exponents runs over, seconds of summed cost. */
  budgetSeconds: z.number().positive().optional(),
  /** The same budget in trials, where `budgetSeconds` is not given; without either, cost always matters fully. */
  budgetTrials: positiveInteger.optional(),
});

export type SettingsInput = z.input<typeof settingsSchema>;
export type Settings = z.output<typeof settingsSchema>;

/** Fills in defaults. @throws OptimizerError naming the first setting that is wrong. */
export function parseSettings(input: unknown): Settings {
  const parsed = settingsSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const place = issue?.path.join('.') || 'settings';
  throw new OptimizerError('settings', `optimizer setting ${place}: ${issue?.message ?? 'invalid'}`, {
    cause: parsed.error,
  });
}

/** The length of the initial design. */
export function initialCount(settings: Settings, dimensions: number): number {
  return settings.initial ?? Math.min(100, Math.max(10, 2 * dimensions));
}
