/** Studies of spectra: what a trial measures, and that it depends on nothing but itself. */
import { describe, expect, it } from 'vitest';
import type { Device } from '../../../src/device/index.ts';
import { networkSpectra } from '../../../src/dynamics/index.ts';
import type { TrialOrder, WorkerSetup } from '../../../src/study/messages.ts';
import { recipeOf } from '../../../src/study/recipes.ts';
import { networkOf, objectiveOf, settingsSchema } from '../../../src/study/spectra/settings.ts';
import type { Hyperparameters, JsonObject, TrialOutcome } from '../../../src/study/trial.ts';
import { describeOnDevices } from '../../devices.ts';
import { serveOrders } from '../serve-orders.ts';

const SMALL = { neurons: 30, degree: 6, durationMs: 40, transientMs: 20, intervalMs: 2, exponents: 6 };

function order(number: number, values: Hyperparameters = {}): TrialOrder {
  return { number, seed: 2 ** 40 + number, values };
}

async function serve(
  device: Device,
  orders: readonly TrialOrder[],
  slots: number,
  changes: JsonObject = {},
): Promise<TrialOutcome[]> {
  const recipe = recipeOf('hrsnn-spectrum');
  const setup: WorkerSetup = {
    device: { kind: 'native', spec: 'native', name: '', software: true, why: 'given' },
    recipe: recipe.name,
    settings: recipe.settings.parse({ ...SMALL, ...changes }),
    networks: orders.map(({ values }) => values),
    slots,
  };
  using opened = await recipe.openSlots(device, setup, await recipe.load(setup.settings), (batch) => batch);
  return await serveOrders(opened.engine, orders, slots);
}

describeOnDevices('trials of spectra', (open) => {
  it('come to the same in any slot, beside any others', async () => {
    const device = await open();
    const orders = [order(0), order(1, { gain: 8 }), order(2, { backgroundHz: 100 }), order(3, { shape: 8 })];
    const [alone, together] = [await serve(device, orders, 1), await serve(device, orders, 3)];
    expect(alone.map(({ state }) => state)).toEqual(orders.map(() => 'complete'));
    expect(together).toEqual(alone);
    expect(new Set(alone.map(({ objective }) => objective)).size).toBe(4);
  });

  it('have the exponents of their networks, an objective and a constraint made of the largest', async () => {
    const device = await open();
    const [outcome] = await serve(device, [order(0, { gain: 4 })], 2, { mostChaos: -3 });
    const settings = settingsSchema.parse(SMALL);
    const network = networkOf(settings, { gain: 4 }, 2 ** 40);
    const { durationMs, transientMs, intervalMs, exponents } = SMALL;
    const [spectrum] = await networkSpectra(device, [network], {
      ...{ route: 'surrogate', durationMs, transientMs, intervalMs, exponents },
    });
    const largest = spectrum?.summary.largest as number;
    expect(outcome?.accuracies.largest_exponent).toBe(largest);
    expect(outcome?.accuracies.positive_exponents).toBe(spectrum?.summary.positive);
    expect(outcome?.objective).toBe(-Math.abs(largest));
    expect(outcome?.constraints).toEqual([largest + 3]);
  });
});

describeOnDevices(
  'trials of spectra that fail',
  (open) => {
    it('do so alone, with their reason', async () => {
      const device = await open();
      const orders = [order(0), order(1, { gain: 'large' }), order(2, { rewire: 2 })];
      const outcomes = await serve(device, orders, 3);
      expect(outcomes.map(({ state }) => state)).toEqual(['complete', 'failed', 'failed']);
      expect(outcomes[1]?.reason).toMatch(/^hrsnn-spectrum: gain: /);
      expect(outcomes[2]?.reason).toMatch(/^hrsnn-spectrum: rewire: /);
    });

    it('by a dimension that needs more exponents', async () => {
      const device = await open();
      const settings = { objective: 'dimension', exponents: 1, sharpness: 0.1 };
      // Strong excitation, seen by a surrogate that is nearly flat: the tangent vectors grow.
      const [outcome] = await serve(device, [order(0, { gain: 20, balanceMv: 20 })], 1, settings);
      expect(outcome).toMatchObject({ state: 'failed', reason: expect.stringContaining('"exponents"') });
    });
  },
  { kind: 'native' },
);

describe('objectives of spectra', () => {
  const numbers = {
    largest_exponent: -2,
    positive_exponents: 0,
    entropy_rate: 0.5,
    kaplan_yorke_dimension: 3.5,
  };
  it.each([
    ['edge', -2],
    ['largest', -2],
    ['smallest', 2],
    ['dimension', 3.5],
    ['entropy-rate', 0.5],
  ])('%s', (objective, expected) => {
    expect(objectiveOf(settingsSchema.parse({ objective }), numbers)).toBe(expected);
  });
});
