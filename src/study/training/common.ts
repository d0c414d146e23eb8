/** What recipes of training share: hyperparameters of any training, and factors of decay. */
import { z } from 'zod';

export const share = z.number().min(0).max(1);

/** Hyperparameters of any training. */
export const common = {
  batchSize: z.int().min(1).max(4096),
  seed: z.int().min(0).default(0),
  /** Of the training samples. */
  trainShare: z.number().positive().max(1).default(1),
};

/** The factor of one step; 0 for a time constant of 0. */
export function decayOf(tauMs: number, stepMs: number): number {
  return tauMs > 0 ? Math.exp(-stepMs / tauMs) : 0;
}
