/** The door of connectivity: rules, and the rows of targets that come of them. */
import { Draws } from '../../random/draws.ts';
import { STREAMS, type Words2 } from '../../random/philox.ts';
import { NetworkError } from '../errors.ts';
import { connectByDistance, type Places } from './distance.ts';
import { connectFromFile, connectGiven } from './given.ts';
import { connectDense, connectInDegree, connectOneToOne, connectWithProbability } from './random.ts';
import type { Ends, Rows } from './rows.ts';
import type { Rule } from './rules.ts';
import { connectClusters, connectSmallWorld } from './small-world.ts';

export type { Places } from './distance.ts';
export { type MatrixEntries, readMatrix } from './given.ts';
export { checkCount, type Ends, type Rows } from './rows.ts';
export * from './rules.ts';

const RULES: readonly Rule['rule'][] = [
  'dense',
  'one-to-one',
  'fixed-probability',
  'fixed-in-degree',
  'small-world',
  'clustered-small-world',
  'distance',
  'given',
  'file',
];

/**
 * Connects two groups of neurons by a rule. The same on every machine: all draws come from Philox, by the network's
 * key and the number of the projection.
 *
 * @throws {NetworkError} naming the projection, the value and what to give
 */
export function connect(
  rule: Rule,
  ends: Ends,
  key: Words2,
  projection: number,
  places: Places = { sources: undefined, targets: undefined },
): Rows {
  const draws = new Draws(key, STREAMS.connectivity);
  switch (rule.rule) {
    case 'dense':
      return connectDense(rule, ends);
    case 'one-to-one':
      return connectOneToOne(ends);
    case 'fixed-probability':
      return connectWithProbability(rule, ends, draws, projection);
    case 'fixed-in-degree':
      return connectInDegree(rule, ends, draws, projection);
    case 'small-world':
      return connectSmallWorld(rule, ends, draws, projection);
    case 'clustered-small-world':
      return connectClusters(rule, ends, draws, projection);
    case 'distance':
      return connectByDistance(rule, ends, places, draws, projection);
    case 'given':
      return connectGiven(rule, ends);
    case 'file':
      return connectFromFile(rule, ends);
    default:
      throw new NetworkError(
        `${ends.place}: there is no rule ${JSON.stringify((rule as { rule: unknown }).rule)}: use ${RULES.join(', ')}`,
      );
  }
}
