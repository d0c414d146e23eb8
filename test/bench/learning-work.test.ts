/** The work of the suites `training` and `lyapunov`: proved right on every device, and every kernel has a stated cost. */
import { expect, it } from 'vitest';
import { bestFrom } from '../../src/bench/roofs.ts';
import { TangentWorkload } from '../../src/bench/tangent-work.ts';
import { LIF, READOUT, STRONG, type TrainingSizes, TrainingWorkload } from '../../src/bench/training-work.ts';
import { bytesOf } from '../../src/kernels/costs.ts';
import { type LayerWork, surrogateCosts } from '../../src/kernels/surrogate-costs.ts';
import { tangentOrthonormalizeCost, tangentStepCost } from '../../src/kernels/tangent-costs.ts';
import { describeOnDevices } from '../devices.ts';

const RECURRENT: TrainingSizes = {
  ...{ slots: 2, batch: 4, steps: 10, input: [1, 1, 40], density: 0.2 },
  layers: [{ kind: 'dense', neurons: 24, init: STRONG, recurrent: {}, neuron: LIF }, READOUT],
};
const CONVOLUTION: TrainingSizes = {
  ...{ slots: 2, batch: 2, steps: 6, input: [8, 8, 1], density: 0.3 },
  layers: [
    { kind: 'conv', channels: 4, kernel: 3, init: STRONG, neuron: LIF },
    { kind: 'conv', channels: 4, kernel: 3, init: STRONG, neuron: LIF },
    READOUT,
  ],
};

describeOnDevices('the work of benchmarks', (open) => {
  it.each([
    ['recurrent training', RECURRENT],
    ['a convolution', CONVOLUTION],
  ])('of %s is right, and states the cost of each kernel', async (_, sizes) => {
    const device = await open({ timing: true });
    using work = await TrainingWorkload.create(device, sizes);
    await work.check();
    await device.timings();
    const { amount, costs } = await work.run(1);
    expect(amount).toBe(sizes.slots * sizes.batch);
    const launched = new Set((await device.timings()).map(({ kernel }) => kernel));
    expect(launched.size).toBeGreaterThan(5);
    for (const kernel of launched) {
      expect(costs[kernel]?.operations, kernel).toBeGreaterThan(0);
      expect(bytesOf(costs[kernel] ?? { operations: 0, traffic: [], scattered: [] }), kernel).toBeGreaterThan(
        0,
      );
    }
  });

  it('of tangent vectors is right, and states the cost of each kernel', async () => {
    const device = await open({ timing: true });
    const sizes = { networks: 2, neurons: 40, degree: 8, vectors: 20, interval: 5, orthonormalizations: 2 };
    using work = await TangentWorkload.create(device, sizes, 5);
    await work.check();
    await device.timings();
    for (const run of [() => work.run(0), () => work.runEvents(0)]) {
      const ran = await run();
      expect(ran.amount).toBe(20);
      const launched = new Set((await device.timings()).map(({ kernel }) => kernel));
      expect([...launched].sort()).toEqual(Object.keys(ran.costs).sort());
      for (const cost of Object.values(ran.costs)) expect(cost.operations).toBeGreaterThan(0);
    }
  });
});

it('costs count each event, neuron and weight once', () => {
  const layer: LayerWork = {
    ...{ slots: 1, samples: 2, steps: 3, inputs: 5, neurons: 4, connections: 20, weights: 20 },
    ...{ recurrent: true, inputSpikes: 7, ownSpikes: 6, sendsErrors: false, dense: true, learned: 36 },
  };
  const costs = surrogateCosts([layer], 4);
  // 7 input spikes and 6 of its own reach 4 neurons each; 10 operations a neuron, step and sample.
  expect(costs.surrogate_forward?.operations).toBe((7 + 6) * 4 + 10 * 4 * 3 * 2);
  expect(costs.surrogate_weights?.operations).toBe((7 + 6) * 4);
  // Each of 16 recurrent weights in each step of each sample, and 20 a neuron.
  expect(costs.surrogate_backward?.operations).toBe(16 * 3 * 2 + 20 * 4 * 3 * 2);
  expect(costs.surrogate_matmul?.operations).toBe(0);
  // Leading 16 vectors: one panel, nothing before it.
  const work = { rows: 100, synapses: 1000, vectors: 16 };
  expect(tangentOrthonormalizeCost(work).operations).toBe(100 * 16 * 16);
  expect(bytesOf(tangentOrthonormalizeCost(work))).toBe(4 * 100 * 3 * 16);
  expect(tangentStepCost(work, 10).operations).toBe(10 * (1000 * 16 + 3 * 100 * 16));
});

it('a small set is read no slower than a larger one', () => {
  const rates = [5, 15, 8];
  expect(rates.map((_, index) => bestFrom(index, rates, (rate) => rate))).toEqual([15, 15, 8]);
});
