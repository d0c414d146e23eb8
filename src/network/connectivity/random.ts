/** Connections chosen by chance alone, all pairs alike; and those without any chance. */
import type { Draws } from '../../random/draws.ts';
import { ensure, requireProbability, requireWhole } from '../errors.ts';
import { checkCount, type Ends, type Rows, RowWriter, transposed } from './rows.ts';
import type { Dense, FixedInDegree, FixedProbability } from './rules.ts';

export function connectDense(rule: Dense, ends: Ends): Rows {
  const { sources, targets, selfShift } = ends;
  const rows = new RowWriter(ends, sources * targets);
  for (let source = 0; source < sources; source++) {
    const self = rule.selfConnections === true ? -1 : source + selfShift;
    for (let target = 0; target < targets; target++) if (target !== self) rows.push(target);
    rows.endRow();
  }
  return rows.finish();
}

export function connectOneToOne(ends: Ends): Rows {
  const { sources, targets, place } = ends;
  ensure(
    sources === targets,
    () => `${place} connects ${sources} neurons one to one with ${targets}: give slices of the same size`,
  );
  const offsets = Uint32Array.from({ length: sources + 1 }, (_, i) => i);
  return { offsets, targets: offsets.slice(0, sources) };
}

/**
 * Each pair with probability p. The gaps between the targets of a source are geometric, so the work grows with the
 * connections, not with the pairs. Draws of a source stand at (source, projection).
 */
export function connectWithProbability(
  rule: FixedProbability,
  ends: Ends,
  draws: Draws,
  projection: number,
): Rows {
  const { sources, targets, selfShift, place } = ends;
  const { probability, selfConnections = false } = rule;
  requireProbability(probability, `${place}: probability`);
  if (probability === 1) return connectDense({ rule: 'dense', selfConnections }, ends);
  const expected = sources * targets * probability;
  const rows = new RowWriter(ends, expected + 6 * Math.sqrt(expected));
  const scale = -1 / Math.log1p(-probability);
  for (let source = 0; source < sources; source++) {
    const self = selfConnections ? -1 : source + selfShift;
    draws.at(source, projection);
    for (let target = -1; ; ) {
      target += 1 + Math.floor(draws.exponential() * scale);
      if (!(target < targets)) break;
      if (target !== self) rows.push(target);
    }
    rows.endRow();
  }
  return rows.finish();
}

/** Each target from `degree` sources. Draws of a target stand at (target, projection). */
export function connectInDegree(rule: FixedInDegree, ends: Ends, draws: Draws, projection: number): Rows {
  const { sources, targets, selfShift, place } = ends;
  const { degree, selfConnections = false, repetition = false } = rule;
  requireWhole(degree, 0, `${place}: degree`);
  const hasSelf = !selfConnections && Math.max(0, selfShift) < Math.min(targets, sources + selfShift);
  const most = sources - (hasSelf ? 1 : 0);
  ensure(
    degree === 0 || (most > 0 && (repetition || degree <= most)),
    () => `${place}: degree is ${degree}: give at most ${most}, the sources that a target can have`,
  );
  checkCount(degree * targets, place);
  const offsets = Uint32Array.from({ length: targets + 1 }, (_, i) => i * degree);
  const chosen = new Uint32Array(degree * targets);
  // Drawing again when a source has been had before is quick while few have; beyond half, those left out are drawn.
  const leaveOut = !repetition && degree > most / 2;
  const marked = new Uint32Array(sources);
  for (let target = 0, at = 0; target < targets; target++) {
    draws.at(target, projection);
    const self = selfConnections ? -1 : target - selfShift;
    const own = self >= 0 && self < sources ? 1 : 0;
    const mark = target + 1;
    if (own === 1) marked[self] = mark;
    const wanted = leaveOut ? sources - own - degree : degree;
    for (let k = 0; k < wanted; ) {
      const source = draws.below(sources);
      if (repetition ? source === self : marked[source] === mark) continue;
      if (!repetition) marked[source] = mark;
      if (!leaveOut) chosen[at++] = source;
      k++;
    }
    for (let source = 0; leaveOut && source < sources; source++) {
      if (marked[source] !== mark) chosen[at++] = source;
    }
  }
  return transposed({ offsets, sources: chosen }, sources);
}
