import { describe, expect, it } from 'vitest';
import {
  bytesOf,
  diehlCookCost,
  MEMORY,
  recurrentGatherCost,
  recurrentModesCost,
  recurrentScatterCost,
  recurrentUpdateCost,
  roofReadCost,
  sumOfCosts,
} from '../../src/kernels/costs.ts';

const SAMPLE = {
  neurons: 100,
  inputs: 784,
  steps: 100,
  samples: 1,
  events: 1250,
  active: 10,
  activeEvents: 12_500,
  spikes: 20,
};

describe('costs', () => {
  it('of diehl_cook are those of its head, with neurons in whole tiles', () => {
    const [E, n, T, I, A, S] = [1250, 128, 100, 784, 10, 20];
    const evaluating = diehlCookCost({ ...SAMPLE, learns: false });
    expect(evaluating.operations).toBe(E * n + 5 * T * n);
    expect(bytesOf(evaluating)).toBe(4 * (E * n + 5 * T * n));
    const learning = diehlCookCost({ ...SAMPLE, learns: true });
    expect(bytesOf(learning)).toBe(4 * (E * n + 5 * T * n + 3 * I * A + 2 * E * A + 2 * I * S));
  });

  it('add up, by the cache that serves them', () => {
    const small = roofReadCost(2, 64, 10);
    const large = roofReadCost(1, 1 << 20, 1);
    const sum = sumOfCosts([small, large, small]);
    expect(sum.traffic).toEqual([
      { within: 1024, bytes: 2 * 2 * 1024 * 10 },
      { within: 2 ** 24, bytes: 2 ** 24 },
    ]);
    expect(sum.operations).toBe(2 * small.operations + large.operations);
  });

  it('of scattering grow with events, of gathering with synapses', () => {
    const work = {
      neurons: 4000,
      synapses: 320_000,
      planes: 2,
      channels: 2,
      depth: 2,
      steps: 100,
      spikes: 24,
      events: 1920,
      weighted: false,
    };
    expect(bytesOf(recurrentScatterCost(work))).toBe(8 * 1920);
    expect(bytesOf(recurrentGatherCost(work))).toBe(8 * 320_000 * 100);
    expect(bytesOf(recurrentModesCost(work))).toBe(4 * 3 * 4000 * 100 + 12 * 1920);
    expect(bytesOf(recurrentUpdateCost(work))).toBe(4 * (4 + 5 + 4) * 4000 * 100);
    expect(bytesOf(recurrentScatterCost({ ...work, weighted: true }))).toBe(12 * 1920);
  });

  it('survive JSON, memory beyond all caches too', () => {
    expect(JSON.parse(JSON.stringify({ within: MEMORY }))).toEqual({ within: MEMORY });
  });
});
