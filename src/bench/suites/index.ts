/** All suites, in the order in which `tacet bench` runs them. */
import { BenchError } from '../errors.ts';
import type { BenchSuite } from '../suite.ts';
import { kernels } from './kernels.ts';
import { lyapunov } from './lyapunov.ts';
import { networks } from './networks.ts';
import { scaling } from './scaling.ts';
import { search } from './search.ts';
import { sizes } from './sizes.ts';
import { training } from './training.ts';

export const SUITES: readonly BenchSuite[] = [kernels, networks, training, lyapunov, search, scaling, sizes];

/** @throws {BenchError} `bad-input` listing the suites there are */
export function suiteOf(name: string): BenchSuite {
  const suite = SUITES.find((candidate) => candidate.name === name);
  if (suite) return suite;
  const known = SUITES.map((candidate) => candidate.name).join(', ');
  throw new BenchError('bad-input', `there is no suite "${name}": give some of ${known}, or predict`);
}
