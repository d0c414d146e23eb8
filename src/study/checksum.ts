/** Checksums of data sets: what machines that run one study must have in common. */
import { createHash } from 'node:crypto';

/** SHA-256 of a data set's bytes. */
export function checksumOf(...parts: readonly (Uint8Array | string)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}
