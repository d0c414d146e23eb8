/** How long asking takes at many points, and how long it blocks the event loop. */
import { cpus } from 'node:os';
import { createOptimizer, type Outcome, type Proposal, SearchSpace } from '../../src/search/index.ts';

export interface AskTimes {
  readonly points: number;
  readonly dimensions: number;
  readonly constraints: number;
  readonly withoutRefit: readonly number[];
  readonly withRefit: readonly number[];
  /** The longest time that the event loop stood still while asking, ms. */
  readonly longestBlockMs: number;
  readonly processor: string;
}

export async function timeAsks(points: number): Promise<AskTimes> {
  const dimensions = 18;
  const space = SearchSpace.from(
    Object.fromEntries(
      Array.from({ length: dimensions }, (_, i) => [`x${i}`, { type: 'real', low: 0, high: 1 }]),
    ),
  );
  const evaluate = ({ id, values }: Proposal): Outcome => {
    const x = Object.values(values).map(Number);
    const objective = -x.reduce((sum, v, i) => sum + (1 + (i % 3)) * (v - 0.4) ** 2, 0);
    const [a = 0, b = 0, c = 0, d = 0] = x;
    return { id, values, status: 'complete', objective, constraints: [a + b - 1.2, c * d - 0.6] };
  };
  let longestBlockMs = 0;
  const measure = async (refitShare: number) => {
    const optimizer = createOptimizer('scbo', space, { constraints: 2, initial: points, refitShare });
    for (let told = 0; told < points; told += 200) {
      optimizer.tell((await optimizer.ask(Math.min(200, points - told))).map(evaluate));
    }
    const seconds: number[] = [];
    for (let i = 0; i < 12; i++) {
      let last = performance.now();
      let running = true;
      const watch = (): void => {
        const now = performance.now();
        longestBlockMs = i < 2 ? 0 : Math.max(longestBlockMs, now - last);
        last = now;
        if (running) setImmediate(watch);
      };
      setImmediate(watch);
      const began = performance.now();
      const proposals = await optimizer.ask(1);
      // The first asks fit from scratch and warm the compiler up.
      if (i >= 2) seconds.push((performance.now() - began) / 1000);
      running = false;
      optimizer.tell(proposals.map(evaluate));
    }
    return seconds;
  };
  const withoutRefit = await measure(1);
  const first = longestBlockMs;
  const withRefit = await measure(0);
  return {
    points,
    dimensions,
    constraints: 2,
    withoutRefit,
    withRefit,
    longestBlockMs: Math.max(first, longestBlockMs),
    processor: `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores`,
  };
}
