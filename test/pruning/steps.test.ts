/** The steps of pruning one by one, on graphs small enough to know what must come out. */
import { describe, expect, it } from 'vitest';
import { matchedTimeConstants, rowSumChanges } from '../../src/pruning/diagonal.ts';
import { spectralAbscissa, stableLinearization, systemMatrix } from '../../src/pruning/linearization.ts';
import { type LyapunovMean, lyapunovMatrix } from '../../src/pruning/lyapunov-matrix.ts';
import { nodeExponents } from '../../src/pruning/node-exponents.ts';
import { edgeDraws, sampleEdges, weightFactors } from '../../src/pruning/sampling.ts';
import { survivalProbabilities } from '../../src/pruning/survival.ts';
import { Draws } from '../../src/random/draws.ts';
import { algebra, graphOf, randomGraph, rowSums } from './graphs.ts';

describe('exponents of nodes', () => {
  const exponents = Float64Array.of(0.2, -0.1, -0.4);

  it('are means of the exponents by participation, which keep their sum where the vectors are complete', () => {
    // Rows and columns sum to 1: squared components of an orthonormal basis.
    const participation = Float64Array.of(0.5, 0.5, 0, 0.25, 0.25, 0.5, 0.25, 0.25, 0.5);
    const found = nodeExponents({ exponents, participation }, 3);
    expect([...found].map((value) => Number(value.toFixed(12)))).toEqual([0.05, -0.175, -0.175]);
    expect(found.reduce((a, b) => a + b)).toBeCloseTo(-0.3, 14);
  });

  it('lie within the spectrum, also where only some exponents are known', () => {
    const participation = Float64Array.of(0.6, 0.1, 0.4, 0.9);
    const found = nodeExponents({ exponents: Float64Array.of(0.2, -0.1), participation }, 2);
    expect(found[0]).toBeCloseTo((0.6 * 0.2 - 0.1 * 0.1) / 0.7, 14);
    expect(found[1]).toBeCloseTo((0.4 * 0.2 - 0.9 * 0.1) / 1.3, 14);
  });

  it('can be local rates, or go by index; what is missing is named', () => {
    const spectrum = { exponents, participation: new Float64Array(9), expansion: Float64Array.of(3, 2, 1) };
    expect([...nodeExponents(spectrum, 3, 'expansion')]).toEqual([3, 2, 1]);
    expect([...nodeExponents(spectrum, 6, 'index')]).toEqual([0.2, 0.2, -0.1, -0.1, -0.4, -0.4]);
    expect(() => nodeExponents({ exponents, participation: new Float64Array(9) }, 3, 'expansion')).toThrow(
      'this spectrum has no local rates of expansion',
    );
    expect(() => nodeExponents(spectrum, 4)).toThrow('participation has 9 values: give 4 x 3');
  });
});

describe('the Lyapunov matrix', () => {
  // 0 -> 1 <- 2, and 3 alone with 4.
  const graph = graphOf(5, [
    [0, 1, 2],
    [2, 1, -1],
    [3, 4, 5],
  ]);
  const exponents = Float64Array.of(-1, -2, -4, 0.5, -0.001);

  const value = (mean: LyapunovMean, edge: number, floor = 0.05) =>
    lyapunovMatrix(graph, exponents, { mean, floor })[edge] as number;

  it('has means over the neighbours of both ends with the signs of the weights', () => {
    // Neighbours of 0 and 1: {1} and {0, 2}. Of 2 and 1 the same.
    const harmonic = 3 / (1 / 1 + 1 / 2 + 1 / 4);
    expect(value('floored-harmonic', 0)).toBeCloseTo(harmonic, 12);
    expect(value('floored-harmonic', 1)).toBeCloseTo(-harmonic, 12);
    expect(value('arithmetic', 0)).toBeCloseTo(7 / 3, 12);
    expect(value('uniform', 1)).toBeCloseTo(-(1 + 2 + 4 + 0.5 + 0.001) / 5, 12);
  });

  it('floors exponents near 0 at a share of the median', () => {
    // The median of |lambda| is 1.
    expect(value('floored-harmonic', 2, 0.1)).toBeCloseTo(2 / (1 / 0.5 + 1 / 0.1), 12);
  });

  it('shifts signed exponents above 0', () => {
    expect(value('shifted-harmonic', 2, 0.1)).toBeCloseTo(2 / (1 / 4.6 + 1 / (4 - 0.001 + 0.1)), 12);
  });

  it('weighs by the weights where asked', () => {
    const options = { magnitude: 'weights' } as const;
    const [a, b] = lyapunovMatrix(graph, exponents, options);
    expect((a as number) / (b as number)).toBeCloseTo(-2, 12);
  });

  it('keeps harmonic means at or below arithmetic ones', () => {
    const large = randomGraph(80, 0.1, 3);
    const draws = new Draws([1, 0], 1).at(0, 0);
    const drawn = Float64Array.from({ length: 80 }, () => draws.normal());
    const harmonic = lyapunovMatrix(large, drawn);
    const arithmetic = lyapunovMatrix(large, drawn, { mean: 'arithmetic' });
    // Flooring raises terms by the floor at most.
    harmonic.forEach((h, edge) => {
      expect(Math.abs(h)).toBeLessThan(Math.abs(arithmetic[edge] as number) + 0.05);
    });
  });
});

describe('the stable linearization', () => {
  const graph = randomGraph(60, 0.2, 5);
  const leaks = Float64Array.from({ length: 60 }, (_, node) => 0.05 + 0.002 * node);
  const couplings = graph.weights.map((weight) => 0.05 * weight);

  it.runIf(algebra.kind === 'native')(
    'finds the largest real part, and shifts it to the margin',
    async () => {
      const { real } = await algebra.eigenvalues(systemMatrix(graph, couplings, leaks), 60);
      const abscissa = spectralAbscissa(graph, couplings, leaks);
      expect(abscissa).toBeCloseTo(real[0] as number, 3);
      const found = stableLinearization(graph, couplings, leaks, { margin: 0.1 });
      const after = await algebra.eigenvalues(systemMatrix(graph, couplings, found.leaks), 60);
      const mean = leaks.reduce((a, b) => a + b) / 60;
      expect((after.real[0] as number) / mean).toBeCloseTo(-0.1, 1);
      expect(found.leaks[7]).toBeCloseTo((leaks[7] as number) + found.shift, 14);
    },
  );

  it('leaves a stable matrix as it is', () => {
    const weak = couplings.map((coupling) => coupling / 50);
    expect(stableLinearization(graph, weak, leaks)).toMatchObject({ shift: 0, leaks });
  });

  it.each(['dominance', 'row-dominance'] as const)('makes the diagonal dominant by %s', (shift) => {
    const found = stableLinearization(graph, couplings, leaks, { shift, margin: 0.1 });
    const sums = rowSums({ ...graph, weights: couplings });
    const slack = found.leaks.map((leak, node) => leak - (sums[node] as number));
    const margin = (0.1 * leaks.reduce((a, b) => a + b)) / 60;
    expect(Math.min(...slack)).toBeCloseTo(margin, 12);
    if (shift === 'dominance') expect((found.leaks[3] as number) - (leaks[3] as number)).toBe(found.shift);
  });
});

describe('sampling', () => {
  const draws = new Draws([9, 0], 1).at(0, 0);
  // A long tail, and zeros: with probabilities clipped at 1.
  const scores = Float64Array.from({ length: 40_000 }, (_, edge) => (edge % 50 === 0 ? 0 : draws.gamma(0.3)));

  it.each([0.01, 0.1, 0.2, 0.6, 0.99])('meets a density of %d by its probabilities', (density) => {
    const expected = density * scores.length;
    const probabilities = survivalProbabilities(scores, expected);
    const sum = probabilities.reduce((a, b) => a + b);
    expect(Math.abs(sum / expected - 1)).toBeLessThan(1e-9);
    expect(Math.max(...probabilities)).toBeLessThanOrEqual(1);
    // Higher scores are never less likely to stay.
    const order = [...scores.keys()].sort((a, b) => (scores[a] as number) - (scores[b] as number));
    for (let k = 1; k < order.length; k++) {
      expect(probabilities[order[k] as number]).toBeGreaterThanOrEqual(
        probabilities[order[k - 1] as number] as number,
      );
    }
    const kept = sampleEdges(probabilities, edgeDraws(scores.length, 4)).reduce((a, b) => a + b, 0);
    const deviation = Math.sqrt(probabilities.reduce((a, p) => a + p * (1 - p), 0));
    expect(Math.abs(kept - expected)).toBeLessThan(4 * deviation + 1);
  });

  it('keeps all or none where that is asked, and refuses more', () => {
    expect(survivalProbabilities(scores, scores.length).every((p) => p === 1)).toBe(true);
    expect(survivalProbabilities(scores, 0).every((p) => p === 0)).toBe(true);
    expect(() => survivalProbabilities(scores, 40_001)).toThrow("can't keep 40001 of 40000 synapses");
  });

  it('is uniform where nothing has a score', () => {
    const probabilities = survivalProbabilities(new Float64Array(10), 3);
    expect([...probabilities]).toEqual(Array(10).fill(probabilities[0]));
    expect(probabilities[0]).toBeCloseTo(0.3, 12);
  });

  it('keeps a sparser sample within a denser one of the same seed', () => {
    const uniform = edgeDraws(scores.length, 4);
    const sparse = sampleEdges(survivalProbabilities(scores, 4000), uniform);
    const dense = sampleEdges(survivalProbabilities(scores, 8000), uniform);
    expect(sparse.every((kept, edge) => kept <= (dense[edge] as number))).toBe(true);
    expect(sampleEdges(survivalProbabilities(scores, 4000), edgeDraws(scores.length, 5))).not.toEqual(sparse);
  });

  it('keeps the sum of the weights in the mean by rescaling, and caps factors', () => {
    const probabilities = survivalProbabilities(scores, 8000).map((p) => Math.max(p, 0.01));
    let total = 0;
    const repetitions = 40;
    for (let seed = 0; seed < repetitions; seed++) {
      const keep = sampleEdges(probabilities, edgeDraws(scores.length, seed));
      total += weightFactors(probabilities, keep, 'rescale').reduce((a, b) => a + b);
    }
    const variance = probabilities.reduce((sum, p) => sum + 1 / p - 1, 0) / repetitions;
    expect(Math.abs(total / repetitions - scores.length)).toBeLessThan(4 * Math.sqrt(variance));

    const keep = sampleEdges(probabilities, edgeDraws(scores.length, 1));
    expect(new Set(weightFactors(probabilities, keep, 'mask'))).toEqual(new Set([0, 1]));
    const capped = weightFactors(probabilities, keep, 'capped', { factor: 3 });
    expect(Math.max(...capped)).toBe(3);
    const inverse = weightFactors(probabilities, keep, 'rescale');
    const byQuantile = weightFactors(probabilities, keep, 'capped', { quantile: 0.5 });
    const kept = inverse.filter((factor) => factor > 0);
    const most = Math.max(...byQuantile);
    const below = kept.filter((factor) => factor <= most).length / kept.length;
    expect(below).toBeGreaterThanOrEqual(0.5);
    expect(kept.filter((factor) => factor < most).length / kept.length).toBeLessThanOrEqual(0.5);
  });
});

describe('the diagonal', () => {
  const graph = graphOf(3, [
    [0, 1, 1],
    [2, 1, -3],
    [1, 2, 2],
  ]);

  it('changes by what rows have lost and gained', () => {
    // Edges in order: 0 -> 1 is rescaled, 1 -> 2 stays, 2 -> 1 goes.
    const changes = rowSumChanges(graph, graph.weights, Float64Array.of(2, 1, 0));
    expect([...changes]).toEqual([0, 1 - 3, 0]);
  });

  it('is 0 in the mean where weights are rescaled', () => {
    const large = randomGraph(100, 0.3, 8);
    const probabilities = survivalProbabilities(large.weights.map(Math.abs), 900);
    const mean = new Float64Array(100);
    const repetitions = 400;
    for (let seed = 0; seed < repetitions; seed++) {
      const keep = sampleEdges(probabilities, edgeDraws(large.sources.length, seed));
      const changes = rowSumChanges(large, large.weights, weightFactors(probabilities, keep, 'rescale'));
      changes.forEach((change, node) => {
        mean[node] = (mean[node] as number) + change / repetitions;
      });
    }
    const variances = new Float64Array(100);
    large.targets.forEach((target, edge) => {
      const p = probabilities[edge] as number;
      variances[target] = (variances[target] as number) + (large.weights[edge] as number) ** 2 * (1 / p - 1);
    });
    mean.forEach((value, node) => {
      expect(Math.abs(value)).toBeLessThan(5 * Math.sqrt((variances[node] as number) / repetitions));
    });
  });

  it('becomes time constants that stay positive', () => {
    const tau = matchedTimeConstants(
      Float64Array.of(20, 20, 20, 20),
      Float64Array.of(0.1, 0.1, 0.1, 0.1),
      Float64Array.of(0, 0.05, -0.3, 1),
      2,
    );
    expect([...tau].map((value) => Number(value.toFixed(9)))).toEqual([20, 13.333333333, 40, 10]);
  });
});
