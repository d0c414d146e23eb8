/** What recipes of training share: hyperparameters of any training, and factors of decay. */
import { createHash } from 'node:crypto';
import { z } from 'zod';

export const share = z.number().min(0).max(1);

export const surrogates = [
  'fast-sigmoid',
  'arctangent',
  'triangular',
  'gaussian',
  'exponential',
  'straight-through',
] as const;

/** Hyperparameters of any training. */
export const common = {
  batchSize: z.int().min(1).max(4096),
  seed: z.int().min(0).default(0),
  /** Of the training samples. */
  trainShare: z.number().positive().max(1).default(1),
};

/** SHA-256 of a data set's bytes. */
export function checksumOf(...parts: readonly (Uint8Array | string)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

/** The factor of one step; 0 for a time constant of 0. */
export function decayOf(tauMs: number, stepMs: number): number {
  return tauMs > 0 ? Math.exp(-stepMs / tauMs) : 0;
}
