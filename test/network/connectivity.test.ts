import { describe, expect, it } from 'vitest';
import {
  clusteredSmallWorld,
  connect,
  dense,
  distanceDependent,
  fixedInDegree,
  fixedProbability,
  given,
  oneToOne,
  type Places,
  type Rows,
  type Rule,
  smallWorld,
} from '../../src/network/connectivity/index.ts';
import { grid, type Positions, placeNeurons, sheet } from '../../src/network/positions.ts';
import { keyOf } from '../../src/random/philox.ts';

/** Standard errors that a figure may be off: a chance of 6e-5, and the seeds are fixed. */
const ERRORS = 4;

interface Case {
  readonly targets?: number;
  readonly shift?: number;
  readonly seed?: number;
  readonly projection?: number;
  readonly places?: Places;
}

function connected(rule: Rule, sources: number, options: Case = {}): Rows {
  const { targets = sources, shift = 0, seed = 1, projection = 0, places } = options;
  const ends = { sources, targets, selfShift: shift, place: 'projection p' };
  return connect(rule, ends, keyOf(seed), projection, places);
}

function rowsOf({ offsets, targets }: Rows): number[][] {
  return Array.from({ length: offsets.length - 1 }, (_, j) => [
    ...targets.subarray(offsets[j], offsets[j + 1]),
  ]);
}

function inDegrees({ targets }: Rows, count: number): Float64Array {
  const degrees = new Float64Array(count);
  for (const target of targets) degrees[target] = (degrees[target] as number) + 1;
  return degrees;
}

function outDegrees({ offsets }: Rows): Float64Array {
  return Float64Array.from({ length: offsets.length - 1 }, (_, j) => offsets[j + 1]! - offsets[j]!);
}

/** Sum of squares of what degrees differ from their mean, in units of their variance: chi-square with n degrees. */
function expectDegrees(degrees: Float64Array, mean: number, variance: number): void {
  const n = degrees.length;
  const average = degrees.reduce((sum, d) => sum + d, 0) / n;
  expect(Math.abs(average - mean)).toBeLessThanOrEqual(ERRORS * Math.sqrt(variance / n) + 1e-12);
  const chiSquare = degrees.reduce((sum, d) => sum + (d - mean) ** 2, 0) / variance;
  expect(Math.abs(chiSquare - n)).toBeLessThan(ERRORS * Math.sqrt(2 * n));
}

/** No neuron with itself, no pair twice, targets in order. */
function expectSimple(rows: Rows): void {
  const bad = rowsOf(rows).findIndex(
    (row, j) => row.includes(j) || row.some((target, k) => k > 0 && target <= row[k - 1]!),
  );
  expect(bad).toBe(-1);
}

describe('fixed probability', () => {
  it('connects each pair with that probability', () => {
    const [n, p] = [1000, 0.05];
    const rows = connected(fixedProbability(p), n);
    expectSimple(rows);
    // n - 1 trials each, without the neuron itself.
    expectDegrees(outDegrees(rows), (n - 1) * p, (n - 1) * p * (1 - p));
    expectDegrees(inDegrees(rows, n), (n - 1) * p, (n - 1) * p * (1 - p));
  });

  it('favours no target by its place in the row', () => {
    const rows = connected(fixedProbability(0.3, { selfConnections: true }), 2000, { targets: 50 });
    expectDegrees(inDegrees(rows, 50), 600, 420);
  });

  it('connects neurons with themselves only when told', () => {
    const self = rowsOf(connected(fixedProbability(0.5, { selfConnections: true }), 400));
    const count = self.filter((row, j) => row.includes(j)).length;
    expect(Math.abs(count - 200)).toBeLessThan(ERRORS * 10);
  });

  it('knows which neurons are the same when slices overlap', () => {
    // Sources are neurons 30 .. 79, targets neurons 50 .. 149: source j is target j - 20.
    const rows = rowsOf(connected(fixedProbability(1), 50, { targets: 100, shift: -20 }));
    rows.forEach((row, j) => {
      expect(row.length).toBe(j >= 20 ? 99 : 100);
      expect(row).not.toContain(j - 20);
    });
  });

  it('has its ends: none and all', () => {
    expect(connected(fixedProbability(0), 10).targets.length).toBe(0);
    expect(connected(fixedProbability(1), 10).targets.length).toBe(90);
  });

  it('is the same again, another for another seed, and another for another projection', () => {
    const first = connected(fixedProbability(0.1), 100);
    expect(connected(fixedProbability(0.1), 100)).toEqual(first);
    expect(connected(fixedProbability(0.1), 100, { seed: 2 })).not.toEqual(first);
    expect(connected(fixedProbability(0.1), 100, { projection: 1 })).not.toEqual(first);
    // So it was on the machine where this was written; so it is to be on all others.
    expect([...first.targets.subarray(0, 8)]).toMatchInlineSnapshot(`
      [
        8,
        10,
        13,
        14,
        17,
        31,
        32,
        33,
      ]
    `);
  });
});

describe('fixed in-degree', () => {
  it.each([
    ['few of the sources', 60],
    ['most of the sources', 900],
  ])('gives each target exactly as many different sources: %s', (_, degree) => {
    const n = 1000;
    const rows = connected(fixedInDegree(degree), n);
    expectSimple(rows);
    expect(inDegrees(rows, n).every((d) => d === degree)).toBe(true);
    // Each of the other n - 1 targets has chosen a source with probability p = degree / (n - 1).
    const p = degree / (n - 1);
    expectDegrees(outDegrees(rows), degree, (n - 1) * p * (1 - p));
  });

  it('may choose a source more than once when told', () => {
    const [n, degree] = [500, 100];
    const rows = connected(fixedInDegree(degree, { repetition: true }), n);
    expect(inDegrees(rows, n).every((d) => d === degree)).toBe(true);
    rowsOf(rows).forEach((row, j) => {
      expect(row).not.toContain(j);
    });
    // A pair occurs k times with k binomial: the expected number of different pairs is n (n - 1) (1 - (1 - 1 / (n - 1))^degree).
    const pairs = rowsOf(rows).reduce((sum, row) => sum + new Set(row).size, 0);
    const hit = 1 - (1 - 1 / (n - 1)) ** degree;
    const expected = n * (n - 1) * hit;
    expect(Math.abs(pairs - expected)).toBeLessThan(ERRORS * Math.sqrt(n * (n - 1) * hit * (1 - hit)));
  });

  it('can take all there are', () => {
    expect(connected(fixedInDegree(9), 10)).toEqual(connected(dense(), 10));
    expect(connected(fixedInDegree(10, { selfConnections: true }), 10).targets.length).toBe(100);
    expect(connected(fixedInDegree(10), 10, { shift: 10 }).targets.length).toBe(100);
  });

  it.each([
    [fixedInDegree(10), 10, /projection p: degree is 10: give at most 9/],
    [fixedInDegree(1.5), 10, /degree is 1.5: give a whole number/],
    [fixedInDegree(1, { repetition: true }), 1, /degree is 1: give at most 0/],
  ])('refuses %j of %i', (rule, sources, message) => {
    expect(() => connected(rule, sources)).toThrow(message);
  });
});

describe('dense and one to one', () => {
  it('connect all, and pairs', () => {
    expect(rowsOf(connected(dense(), 3))).toEqual([
      [1, 2],
      [0, 2],
      [0, 1],
    ]);
    expect(rowsOf(connected(dense({ selfConnections: true }), 2, { targets: 3 }))).toEqual([
      [0, 1, 2],
      [0, 1, 2],
    ]);
    expect(rowsOf(connected(oneToOne(), 3))).toEqual([[0], [1], [2]]);
    expect(() => connected(oneToOne(), 3, { targets: 4 })).toThrow(/connects 3 neurons one to one with 4/);
  });
});

/** Share of the ordered pairs of a neuron's targets of which the first is connected to the second. */
function clustering(rows: readonly number[][]): number {
  const sets = rows.map((row) => new Set(row));
  let [closed, all] = [0, 0];
  for (const row of rows) {
    for (const a of row) {
      for (const b of row) {
        if (a === b) continue;
        all += 1;
        if (sets[a]?.has(b)) closed += 1;
      }
    }
  }
  return closed / all;
}

/** Mean length of the shortest paths from some sources to all others. */
function pathLength(rows: readonly number[][], sources: readonly number[]): number {
  let [sum, count] = [0, 0];
  for (const source of sources) {
    const length = new Map([[source, 0]]);
    for (const node of length.keys()) {
      for (const next of rows[node] ?? []) if (!length.has(next)) length.set(next, length.get(node)! + 1);
    }
    for (const steps of length.values()) sum += steps;
    count += rows.length - 1;
  }
  return sum / count;
}

describe('small world', () => {
  const [n, k] = [1000, 20];

  it('is a ring when nothing is rewired', () => {
    const rows = rowsOf(connected(smallWorld({ degree: 4, rewire: 0 }), 10));
    expect(rows[0]).toEqual([1, 2, 8, 9]);
    expect(rows[5]).toEqual([3, 4, 6, 7]);
    // Watts and Strogatz: C(0) = 3 (k - 2) / (4 (k - 1)), and a path of d places takes ceil(d / (k / 2)) connections.
    const ring = rowsOf(connected(smallWorld({ degree: k, rewire: 0 }), n));
    expect(clustering(ring)).toBeCloseTo((3 * (k - 2)) / (4 * (k - 1)), 10);
    let steps = 0;
    for (let d = 1; d < n; d++) steps += Math.ceil(Math.min(d, n - d) / (k / 2));
    expect(pathLength(ring, [0, 17])).toBeCloseTo(steps / (n - 1), 10);
  });

  it.each([0.05, 0.2, 0.5, 1])('rewired with probability %f', (rewire) => {
    const all = connected(smallWorld({ degree: k, rewire }), n);
    expectSimple(all);
    const rows = rowsOf(all);
    expect(rows.every((row) => row.length === k)).toBe(true);
    // A rewired connection ends outside the k places of the ring but for a few that find a place just left.
    const isLocal = (j: number, target: number) =>
      Math.min((target - j + n) % n, (j - target + n) % n) <= k / 2;
    const moved = rows.reduce((sum, row, j) => sum + row.filter((target) => !isLocal(j, target)).length, 0);
    const error = Math.sqrt(n * k * rewire * (1 - rewire));
    expect(Math.abs(moved - n * k * rewire)).toBeLessThan(ERRORS * error + n * k * rewire * (k / n));
    // A triangle of the ring is left if none of its three connections was moved; others close by chance, k in n.
    const ring = (3 * (k - 2)) / (4 * (k - 1));
    const kept = (1 - rewire) ** 3;
    expect(Math.abs(clustering(rows) - ring * kept)).toBeLessThan(1.5 * (k / n) + 0.01);
  });

  it('has the short paths of a random graph when few connections are rewired', () => {
    const few = pathLength(rowsOf(connected(smallWorld({ degree: k, rewire: 0.1 }), n)), [0, 100, 200]);
    const random = pathLength(rowsOf(connected(smallWorld({ degree: k, rewire: 1 }), n)), [0, 100, 200]);
    const ring = n / (2 * k);
    // Random graphs: about ln n / ln k = 2.31.
    expect(random).toBeGreaterThan(Math.log(n) / Math.log(k));
    expect(random).toBeLessThan(1.3 * (Math.log(n) / Math.log(k)));
    expect(few).toBeLessThan(1.3 * random);
    expect(ring).toBeGreaterThan(5 * random);
  });

  it.each([
    [smallWorld({ degree: 5, rewire: 0.1 }), 10, /degree is 5: give an even number/],
    [smallWorld({ degree: 10, rewire: 0.1 }), 11, /degree is 10 on a ring of 11: give at most 9/],
    [smallWorld({ degree: 4, rewire: 1.1 }), 10, /rewire is 1.1: give a probability/],
  ])('refuses %j of %i', (rule, count, message) => {
    expect(() => connected(rule, count)).toThrow(message);
  });

  it('refuses two different populations', () => {
    expect(() => connected(smallWorld({ degree: 4, rewire: 0 }), 10, { shift: 10 })).toThrow(
      /between two populations: give the same neurons/,
    );
  });
});

describe('clustered small world', () => {
  it('connects clusters inside and among each other, with exact numbers', () => {
    const [n, clusters] = [600, 6];
    const rule = clusteredSmallWorld({
      clusters,
      degree: 10,
      rewire: 0.2,
      betweenDegree: 3,
      clusterDegree: 2,
    });
    const all = connected(rule, n);
    expectSimple(all);
    const reached = rowsOf(all).map((row, j) => {
      const own = Math.floor(j / 100);
      expect(row.filter((target) => Math.floor(target / 100) === own).length).toBe(10);
      const others = row.map((target) => Math.floor(target / 100)).filter((cluster) => cluster !== own);
      expect(others.length).toBe(6);
      return [...new Set(others)].sort().join(' ');
    });
    // Neurons of one cluster reach the same two others.
    for (let cluster = 0; cluster < clusters; cluster++) {
      expect(new Set(reached.slice(100 * cluster, 100 * (cluster + 1))).size).toBe(1);
    }
  });

  it('chooses the neurons in other clusters evenly', () => {
    const rule = clusteredSmallWorld({ clusters: 3, degree: 2, rewire: 0, betweenDegree: 20 });
    const rows = connected(rule, 900);
    // 600 neurons choose 20 of 300 each; two ring neighbours are sure.
    expectDegrees(inDegrees(rows, 900), 42, 600 * (1 / 15) * (14 / 15));
  });

  it('is a small world where there is one cluster', () => {
    const one = clusteredSmallWorld({ clusters: 1, degree: 4, rewire: 0.3, betweenDegree: 0 });
    expect(connected(one, 50)).toEqual(connected(smallWorld({ degree: 4, rewire: 0.3 }), 50));
  });

  it.each([
    [{ clusters: 20, degree: 2, rewire: 0, betweenDegree: 0 }, /clusters is 20: give at most 10/],
    [{ clusters: 2, degree: 2, rewire: 0, betweenDegree: 6 }, /betweenDegree is 6: give at most 5/],
    [
      { clusters: 2, degree: 2, rewire: 0, betweenDegree: 1 },
      /clusterDegree is 2 on a ring of 2: give at most 1/,
    ],
  ])('refuses %j', (options, message) => {
    expect(() => connected(clusteredSmallWorld(options), 10)).toThrow(message);
  });
});

describe('distance', () => {
  /** Expected and found connections by distance, over all pairs. */
  function expectByDistance(
    positions: Positions,
    rule: ReturnType<typeof distanceDependent>,
    probability: (d: number) => number,
  ): void {
    const n = positions.x.length;
    const rows = connected(rule, n, { places: { sources: positions, targets: positions } });
    expectSimple(rows);
    const bins = 8;
    const far = Math.hypot(positions.width, positions.height) + 1e-9;
    const [expected, variance, found] = [0, 1, 2].map(() => new Float64Array(bins)) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const side = (a: number, b: number, length: number) => {
      const d = Math.abs(a - b);
      return rule.wrap ? Math.min(d, length - d) : d;
    };
    rowsOf(rows).forEach((row, i) => {
      const chosen = new Set(row);
      for (let j = 0; j < n; j++) {
        if (i === j) continue;
        const d = Math.hypot(
          side(positions.x[i]!, positions.x[j]!, positions.width),
          side(positions.y[i]!, positions.y[j]!, positions.height),
        );
        const bin = Math.floor((bins * d) / far);
        const p = probability(d);
        expected[bin] = expected[bin]! + p;
        variance[bin] = variance[bin]! + p * (1 - p);
        if (chosen.has(j)) found[bin] = found[bin]! + 1;
      }
    });
    for (let bin = 0; bin < bins; bin++) {
      const off = Math.abs(found[bin]! - expected[bin]!);
      expect(off).toBeLessThanOrEqual(ERRORS * Math.sqrt(variance[bin]!) + 1);
    }
  }

  const lattice = placeNeurons(grid(30, 20), 600, keyOf(1), 0, 'p');
  const scattered = placeNeurons(sheet(2, 3), 700, keyOf(1), 0, 'p');

  it.each([
    ['a grid', lattice, 3, false],
    ['a grid that wraps', lattice, 3, true],
    ['a sheet', scattered, 0.4, false],
    ['a sheet that wraps', scattered, 0.4, true],
  ])('connects by a Gaussian of it on %s', (_, positions, width, wrap) => {
    const rule = distanceDependent({ kernel: 'gaussian', peak: 0.8, width, wrap });
    expectByDistance(positions, rule, (d) => 0.8 * Math.exp(-(d * d) / (2 * width * width)));
  });

  it('connects by an exponential of it, up to a peak of 1', () => {
    const rule = distanceDependent({ kernel: 'exponential', peak: 1, width: 0.3 });
    expectByDistance(scattered, rule, (d) => Math.exp(-d / 0.3));
  });

  it('connects all at one place when the peak is 1', () => {
    const at = { x: new Float64Array(40).fill(0.5), y: new Float64Array(40).fill(0.5), width: 1, height: 1 };
    const rule = distanceDependent({ kernel: 'gaussian', peak: 1, width: 1 });
    expect(connected(rule, 40, { places: { sources: at, targets: at } })).toEqual(connected(dense(), 40));
  });

  it('places neurons', () => {
    expect([...lattice.x.subarray(28, 32)]).toEqual([28.5, 29.5, 0.5, 1.5]);
    expect([...lattice.y.subarray(28, 32)]).toEqual([0.5, 0.5, 1.5, 1.5]);
    const mean = (values: Float64Array) => values.reduce((sum, v) => sum + v, 0) / values.length;
    expect(Math.abs(mean(scattered.x) - 1)).toBeLessThan((ERRORS * 2) / Math.sqrt(12 * 700));
    expect(Math.abs(mean(scattered.y) - 1.5)).toBeLessThan((ERRORS * 3) / Math.sqrt(12 * 700));
    expect(() => placeNeurons(grid(3, 4), 13, keyOf(1), 0, 'population "a"')).toThrow(
      /population "a": a grid of 3 x 4 has 12 places for 13 neurons/,
    );
  });

  it('refuses populations without positions', () => {
    const rule = distanceDependent({ kernel: 'gaussian', peak: 1, width: 1 });
    expect(() => connected(rule, 40)).toThrow(/its source population has no positions: give it grid/);
  });
});

describe('given synapses', () => {
  it('are sorted by source and target, with their weights and delays; equal pairs keep their order', () => {
    const rows = connected(
      given({
        sources: [2, 0, 2, 0, 2],
        targets: [1, 3, 0, 0, 1],
        weights: [10, 20, 30, 40, 50],
        delaysMs: [1, 2, 3, 4, 5],
      }),
      3,
      { targets: 4 },
    );
    expect(rows).toEqual({
      offsets: Uint32Array.of(0, 2, 2, 5),
      targets: Uint32Array.of(0, 3, 0, 1, 1),
      weights: Float64Array.of(40, 20, 30, 10, 50),
      delaysMs: Float64Array.of(4, 2, 3, 1, 5),
    });
  });

  it.each([
    [{ sources: [0], targets: [0, 1] }, /projection p: targets is a list of 2, sources of 1/],
    [{ sources: [0, 3], targets: [0, 1] }, /sources, entry 1 is 3: give a neuron from 0 to 2/],
    [{ sources: [0], targets: [-1] }, /targets, entry 0 is -1/],
    [{ sources: [0.5], targets: [0] }, /sources, entry 0 is 0.5/],
  ])('refuses %j', (lists, message) => {
    expect(() => connected(given(lists), 3)).toThrow(message);
  });

  it('refuses a rule that it does not know', () => {
    expect(() => connected({ rule: 'small-word' } as never, 3)).toThrow(
      /projection p: there is no rule "small-word": use dense, one-to-one/,
    );
  });
});
