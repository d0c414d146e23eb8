/** `hrsnn-spectrum`: heterogeneous recurrent networks searched by their Lyapunov exponents, untrained. */
import { openedSlots, type Recipe } from '../recipe.ts';
import { settingsSchema } from './settings.ts';
import { SpectrumSlots } from './slots.ts';

/** Networks side by side: the exponents of all take one launch. */
const SLOTS = 16;

export const hrsnnSpectrum: Recipe = {
  name: 'hrsnn-spectrum',
  summary:
    'Lyapunov exponents of untrained heterogeneous recurrent networks; 8 hyperparameters, bounded chaos',
  settings: settingsSchema,
  space: {
    gain: { type: 'real', low: 0.2, high: 20, scale: 'log' },
    balanceMv: { type: 'real', low: -10, high: 2 },
    rewire: { type: 'real', low: 0, high: 1 },
    backgroundHz: { type: 'real', low: 50, high: 2000, scale: 'log' },
    backgroundMv: { type: 'real', low: 0.02, high: 1, scale: 'log' },
    tauMembraneMs: { type: 'real', low: 5, high: 60, scale: 'log' },
    tauSynapseMs: { type: 'real', low: 2, high: 40, scale: 'log' },
    shape: { type: 'real', low: 1.5, high: 20, scale: 'log' },
  },
  constraints: ['chaos'],
  quick: () => ({ settings: { neurons: 100, durationMs: 200, transientMs: 100 }, trials: 40 }),
  // Networks are made of the settings.
  checkData: () => {},
  checksum: () => 'generated',
  load: async () => ({}),
  async openSlots(device, setup) {
    return openedSlots(setup, SLOTS, new SpectrumSlots(device, settingsSchema.parse(setup.settings)));
  },
};
