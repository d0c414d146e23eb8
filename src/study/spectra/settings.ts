/** What a study of spectra sets, and from a trial's values to its network and its objective. */
import { z } from 'zod';
import { hrsnn } from '../../network/models/hrsnn.ts';
import type { Network } from '../../network/network.ts';
import { checkedHyperparameters } from '../checked-hyperparameters.ts';
import type { Hyperparameters } from '../trial.ts';

export const settingsSchema = z.strictObject({
  neurons: z.int().min(20).max(10_000).default(200),
  /** Connections of a neuron to others, even. */
  degree: z.int().min(2).max(1_000).multipleOf(2).default(16),
  durationMs: z.number().min(10).max(100_000).default(500),
  /** Time before that, in which the state and the tangent vectors settle. */
  transientMs: z.number().min(0).max(100_000).default(200),
  /** Between two orthonormalizations: given, because one that is found would depend on the networks beside. */
  intervalMs: z.number().min(0.5).max(100).default(5),
  /** How many, the largest. With more than two panels a launch's parts would depend on the networks beside. */
  exponents: z.int().min(1).max(32).default(10),
  route: z.enum(['surrogate', 'saltation']).default('surrogate'),
  /** Of the route `surrogate`. */
  sharpness: z.number().positive().default(10),
  /**
   * What is maximized: `edge`, minus the distance of the largest exponent from 0; `largest` or `smallest`, the largest
   * exponent or minus that; `dimension`, that of Kaplan and Yorke; `entropy-rate`.
   */
  objective: z.enum(['edge', 'largest', 'smallest', 'dimension', 'entropy-rate']).default('edge'),
  /** The constraint `chaos` is met by a largest exponent of at most this, per second. */
  mostChaos: z.number().default(10),
});

export type SpectrumSettings = z.output<typeof settingsSchema>;

const values = z.strictObject({
  gain: z.number().min(0).default(1.5),
  balanceMv: z.number().default(-1),
  rewire: z.number().min(0).max(1).default(0.1),
  backgroundHz: z.number().min(0).default(400),
  backgroundMv: z.number().default(0.25),
  tauMembraneMs: z.number().positive().default(20),
  tauSynapseMs: z.number().positive().default(10),
  /** Of the gamma distributions of both: the smaller, the more the neurons differ. */
  shape: z.number().positive().default(3),
});

/**
 * The network of a trial.
 *
 * @throws {StudyError} `bad-input` naming the hyperparameter
 */
export function networkOf(
  { neurons, degree }: SpectrumSettings,
  given: Hyperparameters,
  seed: number,
): Network {
  const { tauMembraneMs, tauSynapseMs, shape, ...others } = checkedHyperparameters(
    'hrsnn-spectrum',
    values,
    given,
  );
  return hrsnn({
    ...others,
    neurons,
    degree: Math.min(degree, 2 * Math.floor((neurons - 1) / 2)),
    membrane: { meanMs: tauMembraneMs, shape },
    synapse: { meanMs: tauSynapseMs, shape },
    // Of a trial's seed of 53 bits.
    seed: seed % 2 ** 32,
  });
}

/** What a trial has beside its objective, by name: exponents per second, and what follows from them. */
export type SpectrumNumbers = Readonly<Record<string, number>> & {
  readonly largest_exponent: number;
  /** Exponents above 0 by more than two standard errors, and the sum of these. */
  readonly positive_exponents: number;
  readonly entropy_rate: number;
  /** Absent where it needs more exponents than were measured. */
  readonly kaplan_yorke_dimension?: number;
};

/** The objective of a trial; undefined where it needs more exponents than there are. */
export function objectiveOf({ objective }: SpectrumSettings, numbers: SpectrumNumbers): number | undefined {
  const { largest_exponent: largest } = numbers;
  switch (objective) {
    case 'edge':
      return -Math.abs(largest);
    case 'largest':
      return largest;
    case 'smallest':
      return -largest;
    case 'dimension':
      return numbers.kaplan_yorke_dimension;
    case 'entropy-rate':
      return numbers.entropy_rate;
  }
}
