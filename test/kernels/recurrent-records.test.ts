/** Spikes as lists are those of the rasters: by every method, on every device, however time is cut. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../src/device/index.ts';
import { RecurrentBatch, type RecurrentOptions } from '../../src/kernels/recurrent-batch.ts';
import type { PropagationMethod } from '../../src/kernels/recurrent-method.ts';
import type { CompiledNetwork } from '../../src/kernels/recurrent-network.ts';
import { spikesInRaster } from '../../src/kernels/recurrent-records.ts';
import { coba, cuba } from '../../src/network/models/vogels-abbott.ts';
import { describeOnDevices } from '../devices.ts';
import { events, lif, networkOf, source } from '../physics/networks.ts';

const STEPS = 150;
/** Equal neurons, neurons with conductances, and sources of both kinds. */
const networks: readonly CompiledNetwork[] = [
  cuba({ seed: 1, neurons: 300, probability: 0.1 }).compile(),
  coba({ seed: 2, neurons: 130, probability: 0.1 }).compile(),
  networkOf({
    dtMs: 1,
    seed: 3,
    channels: ['delta'],
    classes: [{ channel: 0, delaySteps: 1, weight: 0.4 }],
    edges: Array.from({ length: 30 }, (_, from) => ({ from: 40 + from, to: from, class: 0 })),
    populations: [
      lif(40),
      source(20, { kind: 'rates', rateHz: 100 }),
      events(Array.from({ length: 10 }, (_, n) => [n, 3 * n + 5, 90])),
    ],
  }),
];
const methods: readonly (PropagationMethod | undefined)[] = [undefined, 'network', 'scatter', 'gather'];

describeOnDevices('spikes as lists', (open) => {
  let device: Device;
  beforeAll(async () => {
    device = await open();
  });

  async function run(
    record: RecurrentOptions['record'],
    method: PropagationMethod | undefined,
    stepsPerLaunch?: number,
  ) {
    using batch = await RecurrentBatch.create(device, networks, {
      ...(record === undefined ? {} : { record }),
      ...(method === undefined ? {} : { method }),
      ...(stepsPerLaunch === undefined ? {} : { stepsPerLaunch }),
    });
    // Two runs, of which the second does not begin at 0.
    const first = await batch.run(STEPS - 40);
    const second = await batch.run(40);
    return [...first, ...second];
  }

  describe.each(methods)('by the method %s', (method) => {
    it('are those of the rasters', async () => {
      const rasters = await run({ raster: true }, method, 23);
      const lists = await run({ spikes: true, traces: networks.map(() => [0]) }, method, 17);
      const expected = rasters.map(spikesInRaster);
      expect(lists.map(({ spikes }) => spikes)).toEqual(expected);
      for (const { step } of expected.slice(0, networks.length)) expect(step.length).toBeGreaterThan(20);
      expect(Math.min(...(expected[networks.length]?.step ?? []))).toBeGreaterThanOrEqual(STEPS - 40);
      for (const { raster, traces } of lists) {
        expect(raster).toHaveLength(0);
        expect(traces.length).toBeGreaterThan(0);
      }
      for (const { spikes } of rasters) expect(spikes.step).toHaveLength(0);
    });
  });

  it('come with the rasters where both are asked for', async () => {
    const both = await run({ spikes: true, raster: true }, undefined);
    expect(both.map(({ spikes }) => spikes)).toEqual(both.map(spikesInRaster));
    expect(both[0]?.spikes.step.length).toBeGreaterThan(20);
  });
});
