/** `dvs-slayer` on made-up gestures in the files of the real ones. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { openDevice } from '../../../src/device/index.ts';
import { resolveLayers } from '../../../src/learning/surrogate/structure.ts';
import { SearchSpace } from '../../../src/search/index.ts';
import { recipeOf } from '../../../src/study/recipes.ts';
import { runSearch } from '../../../src/study/search.ts';
import { openSqliteStore } from '../../../src/study/sqlite-store.ts';
import { extremesOf } from '../../../src/study/study-space.ts';
import { dvsSlayer } from '../../../src/study/training/dvs-slayer.ts';
import { paramsOfTrial, settingsSchemaOf } from '../../../src/study/training/params.ts';
import { rerunOf } from '../../../src/study/training/rerun.ts';
import { runTraining } from '../../../src/study/training/run.ts';
import type { JsonObject } from '../../../src/study/trial.ts';
import { writeGestures } from '../../data/gestures.ts';

const base = mkdtempSync(join(tmpdir(), 'tacet-gestures-'));
const path = join(base, 'DvsGesture');
beforeAll(() => {
  vi.stubEnv('XDG_CACHE_HOME', join(base, 'cache'));
  writeGestures(path, { train: 8, test: 2, repeats: 5 });
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(base, { recursive: true });
});

const SMALL = { sensorPool: 8, frames: 20, trainRecordings: 8, testRecordings: 2, hidden: 32 };
const settings = settingsSchemaOf(dvsSlayer);

describe('the network of dvs-slayer', () => {
  it('has the parameters that the best recorded trial had, at the size of the camera', () => {
    const params = dvsSlayer.params.parse({ sensorPool: 1 });
    const layers = resolveLayers(dvsSlayer.describe(params), [128, 128, 2]);
    const weights = layers.reduce((sum, { layer, room, columns }) => {
      return sum + (layer.kind === 'pool' ? 0 : room.rows * columns);
    }, 0);
    // 145.6 million are recorded.
    expect(Math.round(weights / 1e5)).toBe(1456);
  });

  it.each([1, 2, 4, 8, 16])('has room for every network of its space, at sensorPool %i', (sensorPool) => {
    const { space } = recipeOf('dvs-slayer');
    const known = extremesOf(SearchSpace.from(space)).map((values) =>
      paramsOfTrial(dvsSlayer, settings.parse({ sensorPool }), values),
    );
    const side = 128 / sensorPool;
    const layersOf = (params: (typeof known)[number]) =>
      resolveLayers(dvsSlayer.describe(params), [side, side, 2]);
    const rooms = (dvsSlayer.rooms?.(known) ?? known).map(layersOf);
    const between = SearchSpace.from(space);
    const most = (l: number, of: 'width' | 'rows' | 'columns') =>
      Math.max(...rooms.map((layers) => layers[l]?.room[of] as number));
    for (const c1Kernel of [4, 9, 20, 48]) {
      for (const c2Kernel of [4, 17, 48]) {
        const values = { ...extremesOf(between)[1], c1Kernel, c2Kernel };
        layersOf(paramsOfTrial(dvsSlayer, settings.parse({ sensorPool }), values)).forEach(({ room }, l) => {
          for (const of of ['width', 'rows', 'columns'] as const) {
            expect(room[of]).toBeLessThanOrEqual(most(l, of));
          }
        });
      }
    }
  });
});

// Seconds on the native engine, minutes on a software adapter; the kernels are tested on every device elsewhere.
const native = inject('presentDevices').some(({ spec }) => spec === 'native');

describe.runIf(native)(
  `dvs-slayer on moving bars${native ? '' : ': needs the native engine'}`,
  { timeout: 120_000 },
  () => {
    it.each(['rate', 'max'])('learns their directions by the loss %s', async (loss) => {
      const params = dvsSlayer.params.parse({
        ...{ path, ...SMALL, loss, c1Filters: 6, c2Filters: 8, epochs: 8 },
        ...{ learningRate: 0.01, threshold: 0.3, dropout: 0.05 },
      });
      const data = await dvsSlayer.load(params);
      await using device = await openDevice('native');
      const { test } = await runTraining(device, dvsSlayer, params, data);
      expect(test.samples).toBe(40);
      // Four directions: 0.25 by chance.
      expect(test.accuracy).toBeGreaterThan(0.8);
    });

    it('is searched by the pool, and trials whose output is silent are stopped', async () => {
      const { space, constraints } = recipeOf('dvs-slayer');
      expect(constraints).toEqual(['silence_output']);
      const json = (value: unknown) => JSON.parse(JSON.stringify(value)) as JsonObject;
      const bounds = { ...space, epochs: { type: 'integer', low: 1, high: 2 } } as typeof space;
      const spec = {
        name: 'bars',
        recipe: 'dvs-slayer',
        space: json(SearchSpace.from(bounds).fix({ c1Filters: 4, c2Filters: 4, batchSize: 5 })),
        settings: json(settings.parse({ path, ...SMALL })),
        optimizer: { name: 'sobol' },
        seed: 1,
        trials: 8,
      };
      using store = openSqliteStore(':memory:');
      expect(await runSearch(spec, store, { devices: 'native' })).toMatchObject({ finished: true });
      const trials = store.trials('bars');
      const states = trials.map(({ state }) => state);
      expect(states).toContain('silent');
      expect(states).toContain('complete');
      expect(states).not.toContain('failed');
      for (const { state, outcome } of trials) {
        expect(outcome?.constraints.length).toBe(1);
        // Silent with the 39th of 128 training samples without an output spike, after a batch of five.
        const [train] = outcome?.phases ?? [];
        const silent = train?.layers.find(({ layer }) => layer === 'output')?.silentSamples as number;
        if (state === 'silent') {
          expect(outcome?.reason).toBe('output layer silent');
          expect(silent).toBeGreaterThan(38);
        }
        if (state === 'complete') expect(outcome?.constraints[0]).toBeLessThanOrEqual(0);
      }
      // The first that is complete, again: every layer spikes as it did.
      const again = trials.find(({ state }) => state === 'complete') as (typeof trials)[number];
      const rerun = await rerunOf(dvsSlayer)(spec, again, 'native', () => {});
      const recorded = again.outcome?.phases.find(({ phase }) => phase === 'hold-out');
      expect(rerun.outcome.objective).toBe(again.outcome?.objective);
      expect(rerun).toMatchObject({ layer: 'output', neurons: 11, alpha: 1 });
      expect(rerun.samples.length).toBe(recorded?.samples);
      const spikes = rerun.rates.map(({ spikesPerSample }) =>
        spikesPerSample.reduce((sum, rate) => sum + rate, 0),
      );
      expect(spikes.map((count) => Math.round(count * rerun.samples.length))).toEqual(
        recorded?.layers.map((layer) => layer.spikes),
      );
      expect(rerun.samples.reduce((sum, { count }) => sum + count, 0)).toBe(recorded?.layers.at(-1)?.spikes);
    });

    it('says what it needs, and what is not there', async () => {
      expect(() => dvsSlayer.checkData?.(dvsSlayer.params.parse({}))).toThrow(
        /needs DVS128 Gesture.*settings\.path=/,
      );
      expect(() => dvsSlayer.checkData?.(dvsSlayer.params.parse({ path: base }))).toThrow(
        /trials_to_train\.txt.*give the folder of DVS Gesture/,
      );
    });
  },
);
