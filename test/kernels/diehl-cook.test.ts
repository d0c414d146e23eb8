/** The kernels `uniform_weights` and `diehl_cook` against a plain f64 reference, on every device. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../src/device/index.ts';
import { type BatchItem, type BatchItemResult, DiehlCookBatch } from '../../src/kernels/diehl-cook.ts';
import { diehlCookParameters, diehlCookSlot, traceTable } from '../../src/network/models/diehl-cook.ts';
import { describeOnDevices } from '../devices.ts';
import { ReferenceNetwork } from './diehl-cook-reference.ts';
import { eventLists, LIVELY, spikeTrains } from './samples.ts';

const INPUTS = 40;
const STEPS = 50;
const SAMPLES = 12;
const TRAINS = spikeTrains(SAMPLES, STEPS, INPUTS, 0.3);
const DATA = eventLists(TRAINS, INPUTS);
const SILENCE = { excitatoryAlpha: 3, inhibitoryAlpha: 1 };
const NEVER = Number.POSITIVE_INFINITY;

function network(changes: Readonly<Record<string, number>>, seed: number): Record<string, number> {
  return diehlCookSlot(diehlCookParameters({ ...LIVELY, ...changes }), SILENCE, [seed, 7], STEPS);
}

function item(changes: Partial<BatchItem>): BatchItem {
  return {
    slot: 0,
    first: 0,
    count: SAMPLES,
    learn: true,
    begins: true,
    ordinal: 0,
    excitatorySilentBudget: NEVER,
    inhibitorySilentBudget: NEVER,
    ...changes,
  };
}

/** Spikes of each sample as the kernel recorded them. */
function recorded(result: BatchItemResult): { step: number; neuron: number }[][] {
  return Array.from({ length: result.processed }, (_, sample) => {
    const record = result.records.subarray(sample * (STEPS + 1), (sample + 1) * (STEPS + 1));
    const count = (record[0] as number) & 0xffff;
    return Array.from(record.subarray(1, 1 + count), (word) => ({
      step: word >>> 16,
      neuron: word & 0xffff,
    }));
  });
}

/** The largest difference as a share of what is allowed: absolute plus relative. */
function worstShare(
  actual: Float32Array,
  expected: Float64Array,
  absolute: number,
  relative: number,
): number {
  expect(actual.length).toBe(expected.length);
  return actual.reduce((worst, value, place) => {
    const wanted = expected[place] as number;
    return Math.max(worst, Math.abs(value - wanted) / (absolute + relative * Math.abs(wanted)));
  }, 0);
}

describeOnDevices('diehl_cook', (open, present) => {
  let device: Device;
  beforeAll(async () => {
    device = await open();
  });

  async function batchOf(slots: number, maxNeurons: number, lanes?: number): Promise<DiehlCookBatch> {
    const shape = { slots, maxNeurons, maxItems: slots, maxRecords: slots * SAMPLES };
    return DiehlCookBatch.create(device, shape, DATA, traceTable(STEPS), lanes);
  }

  describe.each([
    ['one neuron', { map_size: 1 }],
    ['a tile less one', { map_size: 31 }],
    ['a tile', { map_size: 32 }],
    ['more than a tile', { map_size: 33 }],
    ['several tiles', { map_size: 130 }],
    ['no refractory period', { map_size: 40, e_refrac: 0, i_refrac: 0 }],
    ['no inhibition', { map_size: 40, strength_inh: 0 }],
    ['slow membranes', { map_size: 40, e_tc_decay: 4000, i_tc_decay: 4000 }],
    ['many spikes', { map_size: 20, e_thresh: -58, theta_plus: 0, strength_inh: 1 }],
    ['no learning rates', { map_size: 20, nu_pre: 0, nu_post: 0 }],
  ])('%s', (_, changes) => {
    it('agrees with the equations in f64', async () => {
      const slot = network(changes, 11);
      const reference = new ReferenceNetwork(slot, INPUTS, STEPS);
      using batch = await batchOf(1, changes.map_size);
      batch.place(0, slot);
      const [learned] = await batch.run([item({})]);
      const expected = TRAINS.map((train) => reference.show(train, true));
      expect(recorded(learned as BatchItemResult)).toEqual(expected.map(({ excitatory }) => excitatory));
      expect(learned).toMatchObject({
        processed: SAMPLES,
        excitatorySpikes: expected.reduce((sum, { excitatory }) => sum + excitatory.length, 0),
        inhibitorySpikes: expected.reduce((sum, { inhibitory }) => sum + inhibitory, 0),
        excitatorySilent: expected.filter(({ excitatory }) => excitatory.length < 3).length,
        inhibitorySilent: expected.filter(({ inhibitory }) => inhibitory < 1).length,
      });
      // A weight takes at most a few roundings a step and two a sample; 2^-24 each.
      const { weights, theta } = await batch.readNetwork(0, changes.map_size);
      const shares = {
        weights: worstShare(weights, reference.weights, 2e-6, 1e-5),
        theta: worstShare(theta, reference.theta, 1e-6, 1e-5),
      };
      console.info(
        `${present.name}, ${_}: worst error as a share of what is allowed: ` +
          `weights ${shares.weights.toFixed(3)}, theta ${shares.theta.toFixed(3)}`,
      );
      expect(shares.weights).toBeLessThan(1);
      expect(shares.theta).toBeLessThan(1);

      const [evaluated] = await batch.run([item({ learn: false, begins: false, ordinal: SAMPLES })]);
      const unlearned = TRAINS.map((train) => reference.show(train, false));
      expect(recorded(evaluated as BatchItemResult)).toEqual(unlearned.map(({ excitatory }) => excitatory));
      const after = await batch.readNetwork(0, changes.map_size);
      expect(after.weights).toEqual(weights);
      expect(after.theta).toEqual(theta);
    });
  });

  it('draws the same initial weights on every device, bit for bit', async () => {
    for (const neurons of [1, 31, 100]) {
      const slot = network({ map_size: neurons }, 17);
      using batch = await batchOf(2, 130);
      batch.place(0, network({ map_size: 130 }, 5));
      batch.place(1, slot);
      await batch.run([item({ slot: 1, count: 0 })]);
      const { weights } = await batch.readNetwork(1, neurons);
      expect(weights).toEqual(Float32Array.from(new ReferenceNetwork(slot, INPUTS, STEPS).weights));
    }
  });

  it('makes networks that spike and learn, so that the comparison means something', () => {
    const reference = new ReferenceNetwork(network({ map_size: 33 }, 11), INPUTS, STEPS);
    const before = reference.weights.slice();
    const spikes = TRAINS.map((train) => reference.show(train, true).excitatory);
    expect(spikes.flat().length).toBeGreaterThan(3 * SAMPLES);
    expect(new Set(spikes.flat().map(({ neuron }) => neuron)).size).toBeGreaterThan(10);
    expect(reference.weights).not.toEqual(before);
  });

  it('scales every column to the norm after each sample', async () => {
    const neurons = 70;
    using batch = await batchOf(1, neurons);
    batch.place(0, network({ map_size: neurons }, 3));
    await batch.run([item({ count: 5 })]);
    const { weights } = await batch.readNetwork(0, neurons);
    for (let neuron = 0; neuron < neurons; neuron++) {
      let sum = 0;
      for (let input = 0; input < INPUTS; input++) sum += weights[input * neurons + neuron] as number;
      expect(Math.abs(sum / LIVELY.norm - 1)).toBeLessThan(1e-5);
    }
  });

  it('gives the same bits alone, among others, in another slot, and cut into other chunks', async () => {
    const neurons = 45;
    const mine = network({ map_size: neurons }, 21);
    const run = async (slots: number, slot: number, cuts: readonly number[], reused: boolean) => {
      using batch = await batchOf(slots, 90);
      for (let other = 0; other < slots; other++) {
        if (other !== slot || reused) batch.place(other, network({ map_size: 5 + 5 * other }, 100 + other));
      }
      if (reused) await batch.run([item({ slot, count: 3 })]);
      batch.place(slot, mine);
      const records: number[] = [];
      let first = 0;
      for (const count of cuts) {
        const items = Array.from({ length: slots }, (_, other) =>
          other === slot
            ? item({ slot, first, count, begins: first === 0, ordinal: first })
            : item({ slot: other, count: 2, begins: first === 0 && !(reused && other === slot) }),
        );
        const results = await batch.run(items);
        const own = results[slot] as BatchItemResult;
        // Words after the recorded spikes are left over from earlier launches.
        for (const spikes of recorded(own))
          records.push(spikes.length, ...spikes.map((s) => s.step * 4096 + s.neuron));
        first += count;
      }
      return { records, ...(await batch.readNetwork(slot, neurons)) };
    };
    const alone = await run(1, 0, [SAMPLES], false);
    expect(alone.records.length).toBeGreaterThan(2 * SAMPLES);
    expect(await run(16, 9, [SAMPLES], false)).toEqual(alone);
    expect(await run(16, 3, [5, 1, 6], false)).toEqual(alone);
    expect(await run(4, 2, [7, 5], true)).toEqual(alone);
  });

  it('ends an item after the sample that brings the silent ones above the budget', async () => {
    const quiet = network({ map_size: 10, e_thresh: 400 }, 2);
    using batch = await batchOf(2, 10);
    batch.place(0, quiet);
    batch.place(1, quiet);
    const [excitatory, inhibitory] = await batch.run([
      item({ excitatorySilentBudget: 4 }),
      item({ slot: 1, inhibitorySilentBudget: 0 }),
    ]);
    expect(excitatory).toMatchObject({ processed: 5, excitatorySilent: 5, excitatorySpikes: 0 });
    expect(inhibitory).toMatchObject({ processed: 1, inhibitorySilent: 1 });
  });

  it('runs no items, and items of no samples', async () => {
    using batch = await batchOf(1, 10);
    batch.place(0, network({ map_size: 10 }, 2));
    expect(await batch.run([])).toEqual([]);
    expect(await batch.run([item({ count: 0 })])).toMatchObject([{ processed: 0 }]);
  });

  it('refuses what it has no room for', async () => {
    using batch = await batchOf(1, 10);
    expect(() => batch.place(1, network({ map_size: 10 }, 2))).toThrow(/slot 1: there are 1 slots of 10/);
    expect(() => batch.place(0, network({ map_size: 11 }, 2))).toThrow(/can't place 11 neurons/);
    await expect(batch.run([item({}), item({})])).rejects.toThrow(/2 items of 24 samples/);
  });
});

describeOnDevices(
  'diehl_cook in workgroups of any size',
  (open) => {
    it('gives the same bits for 8, 16, 64 and 128 lanes', async () => {
      const device = await open();
      const run = async (lanes: number) => {
        const shape = { slots: 1, maxNeurons: 100, maxItems: 1, maxRecords: SAMPLES };
        using batch = await DiehlCookBatch.create(device, shape, DATA, traceTable(STEPS), lanes);
        batch.place(0, network({ map_size: 100 }, 31));
        const [result] = await batch.run([item({})]);
        return { spikes: recorded(result as BatchItemResult), ...(await batch.readNetwork(0, 100)) };
      };
      const eight = await run(8);
      expect(eight.spikes.flat().length).toBeGreaterThan(SAMPLES);
      for (const lanes of [16, 64, 128]) expect(await run(lanes)).toEqual(eight);
    });
  },
  { kind: 'webgpu' },
);
