/** All suites, in the order in which `tacet bench` runs them. */
import { BenchError } from '../errors.ts';
import type { BenchSuite } from '../suite.ts';
import { kernels } from './kernels.ts';
import { networks } from './networks.ts';
import { scaling } from './scaling.ts';
import { search } from './search.ts';

export const SUITES: readonly BenchSuite[] = [kernels, networks, search, scaling];

/** @throws {BenchError} `bad-input` listing the suites there are */
export function suiteOf(name: string): BenchSuite {
  const suite = SUITES.find((candidate) => candidate.name === name);
  if (suite) return suite;
  const known = SUITES.map((candidate) => candidate.name).join(', ');
  throw new BenchError('bad-input', `there is no suite "${name}": give some of ${known}, or predict`);
}
