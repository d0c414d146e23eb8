/** Published spectra in single precision, tangent vectors on every device. */
import { expect, it } from 'vitest';
import { type StartedSystem, type System, systemSpectra } from '../../src/dynamics/index.ts';
import { describeOnDevices } from '../devices.ts';
import { HENON, LORENZ, ROESSLER } from './systems.ts';

interface Case {
  readonly name: string;
  readonly system: System;
  readonly initial: (start: number) => number[];
  readonly steps: number;
  readonly transientSteps: number;
  /** Exponents with what their references (of `systems.test.ts`) leave open. */
  readonly expected: readonly (readonly [value: number, open: number])[];
  /** The sum of all exponents, which the computed trajectory has exactly. */
  readonly sum?: number;
}

/** Trajectories, from all around the attractors: those that are in phase would share the error of their ends. */
const STARTS = 16;
const CASES: readonly Case[] = [
  {
    name: 'Lorenz',
    system: LORENZ,
    initial: (start) => [1 + 0.1 * start, 1, 20],
    steps: 6000,
    transientSteps: 3000,
    expected: [
      [0.9058, 5e-4],
      [0, 5e-4],
      [-14.5723, 5e-4],
    ],
    sum: -41 / 3,
  },
  {
    name: 'Roessler',
    system: ROESSLER,
    initial: (start) => {
      const angle = (2 * Math.PI * start) / STARTS;
      return [6 * Math.cos(angle), 6 * Math.sin(angle), 0.05];
    },
    steps: 12_000,
    transientSteps: 3000,
    expected: [
      [0.0714, 3e-4],
      [0, 3e-4],
      [-5.3969, 3e-3],
    ],
  },
  {
    name: 'Henon',
    system: HENON,
    initial: (start) => [0.1 + 0.01 * start, 0.1],
    steps: 600,
    transientSteps: 100,
    expected: [
      [0.41922, 1e-5],
      [-1.62319, 1e-5],
    ],
    sum: Math.log(0.3),
  },
];

describeOnDevices('systems given with their Jacobians, in single precision', (open) => {
  it.each(CASES)(
    '$name: within three standard errors of the published spectrum',
    { timeout: 60_000 },
    async ({ system, initial, steps, transientSteps, expected, sum }) => {
      const device = await open({ checked: false });
      const starts = Array.from({ length: STARTS }, (_, start): StartedSystem => {
        return { system, initial: initial(start) };
      });
      const spectra = await systemSpectra(device, starts, { steps, transientSteps });
      const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
      for (const [i, [value, open]] of expected.entries()) {
        const found = spectra.map(({ exponents }) => exponents[i] as number);
        // From the scatter of the trajectories, which know nothing of each other.
        const scatter = found.map((exponent) => (exponent - mean(found)) ** 2);
        const standardError = Math.sqrt(mean(scatter) / (STARTS - 1));
        expect(Math.abs(mean(found) - value)).toBeLessThan(3 * standardError + open);
        expect(standardError).toBeLessThan(0.03);
      }
      if (sum === undefined) return;
      for (const { summary } of spectra) expect(Math.abs(summary.sum - sum)).toBeLessThan(2e-3);
    },
  );

  it('systems of different dimensions are refused', async () => {
    const systems = [
      { system: LORENZ, initial: [1, 1, 20] },
      { system: HENON, initial: [0.1, 0.1] },
    ];
    await expect(systemSpectra(await open(), systems, { steps: 100 })).rejects.toThrow(
      /system 1 has 2 variables and the first 3: give systems of one dimension/,
    );
  });
});
