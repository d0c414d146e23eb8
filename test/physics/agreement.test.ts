/** Whole networks: the kernels against the reference in f64, and against each other, spike for spike. */
import { describe, expect, it } from 'vitest';
import type { Device } from '../../src/device/index.ts';
import type { CompiledNetwork } from '../../src/kernels/recurrent-network.ts';
import { fixedPointShift } from '../../src/kernels/recurrent-numbers.ts';
import { brunel } from '../../src/network/models/brunel.ts';
import { chrsnn, hrsnn } from '../../src/network/models/hrsnn.ts';
import { coba, cuba } from '../../src/network/models/vogels-abbott.ts';
import { describeOnDevices } from '../devices.ts';
import { ReferenceRecurrent } from '../kernels/recurrent-reference.ts';
import { simulateOn } from './engines.ts';

const DURATION_MS = 100;

function stepsOf(network: CompiledNetwork): number {
  return Math.round(DURATION_MS / network.dtMs);
}

/** Steps in which each neuron spikes. */
function referenceSpikes(network: CompiledNetwork): number[][] {
  const spikes: number[][] = Array.from({ length: network.neurons }, () => []);
  const reference = new ReferenceRecurrent(network, { fixedPointShift: fixedPointShift(network) });
  for (const { step, neuron } of reference.run(stepsOf(network))) spikes[neuron]?.push(step);
  return spikes;
}

/** Where neurons spike well above and below their thresholds, rounding to f32 changes nothing for 100 ms. */
const ROBUST = {
  coba: coba({ neurons: 2000, probability: 0.04, seed: 1 }),
  'brunel, a tenth': brunel({ excitatory: 1000, weightMv: 1, seed: 1 }),
  hrsnn: hrsnn({ seed: 1 }),
  'its homogeneous twin': hrsnn({ seed: 1, heterogeneous: false }),
  chrsnn: chrsnn({ neurons: 500, seed: 1 }),
};
const expected = new Map<string, number[][]>();

/** CUBA's spikes on the devices seen so far. */
const cubaSpikes: { readonly device: string; readonly spikes: readonly (readonly number[])[] }[] = [];

describeOnDevices('networks', (open, present) => {
  let device: Device | undefined;

  for (const [name, described] of Object.entries(ROBUST)) {
    it(`${name}: spike for spike as in double precision, for ${DURATION_MS} ms`, async () => {
      device ??= await open();
      const network = described.compile();
      const reference = expected.get(name) ?? referenceSpikes(network);
      expected.set(name, reference);
      const { spikes } = await simulateOn(device, network, stepsOf(network));
      expect(spikes.flat().length).toBeGreaterThan(500);
      expect(spikes).toEqual(reference);
    });
  }

  it('cuba: as in double precision until rounding has moved spikes', async () => {
    // Neurons drift to their threshold at 0.005 mV a step, and v is rounded at 2e-6 mV in each of some hundred steps: a
    // spike in some hundred falls into a neighbouring step, and the network is chaotic.
    device ??= await open();
    const network = cuba({ seed: 3 }).compile();
    const { spikes } = await simulateOn(device, network, stepsOf(network));
    cubaSpikes.push({ device: present.name, spikes });
    const early = (steps: readonly number[]) => steps.filter((step) => step < 100);
    const reference = expected.get('cuba') ?? referenceSpikes(network);
    expected.set('cuba', reference);
    const all = reference.flatMap(early).length;
    const moved = reference.filter((steps, neuron) => `${early(steps)}` !== `${early(spikes[neuron] ?? [])}`);
    expect(all).toBeGreaterThan(300);
    expect(moved.length).toBeLessThanOrEqual(all / 100);
    const share = spikes.flat().length / reference.flat().length;
    expect(Math.abs(share - 1)).toBeLessThan(0.05);
  });
});

describe('devices among themselves', () => {
  it('have the same spikes of cuba, which is chaotic', ({ skip }) => {
    if (cubaSpikes.length < 2) skip('there is one device only');
    for (const { spikes, device } of cubaSpikes.slice(1)) {
      expect(spikes, device).toEqual(cubaSpikes[0]?.spikes);
    }
  });
});
