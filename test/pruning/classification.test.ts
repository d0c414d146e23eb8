/** Labelled samples as a task of networks: their encoding, what is told apart, and training by STDP. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { SampleWriter } from '../../src/data/event-lists.ts';
import { heterogeneousStdp, hrsnn } from '../../src/network/models/hrsnn.ts';
import { simulate } from '../../src/network/simulate.ts';
import { classifySamples, encodeLabelled, readingMs } from '../../src/pruning/classification.ts';
import { trainedByStdp, withoutPlasticity } from '../../src/pruning/stdp.ts';
import { openTask } from '../../src/pruning/tasks.ts';
import { describeOnDevices } from '../devices.ts';
import { algebra } from './graphs.ts';

/** Class 0 drives the first half of the inputs, class 1 the second; class 2 neither. */
function halves(count: number) {
  const writer = new SampleWriter(40, [1, 1, 20]);
  for (let sample = 0; sample < count; sample++) {
    const label = (sample * 7) % 3;
    const inputs = Array.from({ length: 10 }, (_, k) => k + 10 * label);
    writer.add(
      Array.from({ length: 40 }, (_, step) => (label < 2 && step % 4 === sample % 4 ? inputs : [])),
      label,
    );
  }
  return { name: 'halves', samples: writer.done(3), train: count - 30, stepMs: 1 };
}

describe('labelled samples', () => {
  it('are shown one after the other, each with a pause, in whole time steps', () => {
    const data = halves(60);
    expect(readingMs(data, { pauseMs: 21, readings: 4 })).toBe(15.5);
    const trains = encodeLabelled(data, { pauseMs: 20, readings: 5 });
    expect(trains.count).toBe(20);
    expect(trains.timesMs.length).toBe(data.samples.events.length);
    // Sample 1 has label 1 and spikes at steps 1, 5, ...; a sample and its pause take 60 ms.
    const first = trains.timesMs.findIndex((time) => time >= 60);
    expect(trains.timesMs[first]).toBe(61);
    expect(Array.from(trains.neurons.slice(first, first + 10))).toEqual([
      10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
    ]);
    expect(trains.timesMs.every((time, k) => k === 0 || time >= (trains.timesMs[k - 1] as number))).toBe(
      true,
    );
  });

  it('are the same for a seed, and others for another', () => {
    const task = openTask('sequential-mnist');
    const of = (seed: number) => {
      const found = task({ samples: 0, labelled: 20 }, seed);
      if (found.kind !== 'classes') throw new Error('no classes');
      return found.data;
    };
    const [a, b, c] = [of(1), of(1), of(2)];
    expect(a.samples.labels.length).toBe(32);
    expect(a.train).toBe(20);
    expect(a).toEqual(b);
    expect(a.samples.labels).not.toEqual(c.samples.labels);
    expect(() => task({ samples: 0, labelled: 60_001 }, 0)).toThrow('lower labelled');
  });

  const recordings = fileURLToPath(new URL('../../../shared/data/fsdd/recordings.tar.gz', import.meta.url));
  it.runIf(existsSync(recordings))('are spoken digits, tested on those held back', () => {
    const found = openTask(`spoken-digits:${recordings}`)({ samples: 0, labelled: 10 }, 3);
    if (found.kind !== 'classes') throw new Error('no classes');
    const { samples, train } = found.data;
    expect([train, samples.labels.length, samples.inputs, samples.steps]).toEqual([10, 16, 64, 600]);
    expect(samples.offsets.length).toBe(16 * 601);
    expect(samples.offsets.at(-1)).toBe(samples.events.length);
  });
});

describeOnDevices(
  'networks',
  (open) => {
    it('tell classes apart that differ, and guess at those that do not', async () => {
      const device = await open();
      const data = halves(90);
      const network = (input: ReturnType<typeof encodeLabelled>) =>
        hrsnn({ neurons: 60, degree: 8, input, inputDegree: 5, inputMv: 0.8, backgroundHz: 100 }).compile();
      const silent = { ...encodeLabelled(data), neurons: new Uint32Array(0), timesMs: new Float64Array(0) };
      const [clear, blind] = await classifySamples(
        device,
        algebra,
        [network(encodeLabelled(data)), network(silent)],
        data,
      );
      expect(clear?.error).toBeLessThan(0.1);
      expect(blind?.error).toBeGreaterThan(0.4);
      const read = Uint32Array.of(0);
      const [few] = await classifySamples(
        device,
        algebra,
        [{ network: network(encodeLabelled(data)), read }],
        data,
      );
      // All spikes count, whatever is read.
      expect(few?.synapticOperationsHz).toBe(clear?.synapticOperationsHz);
    });

    it('keep the weights that STDP came to, and no plasticity', async () => {
      const device = await open();
      const network = hrsnn({ neurons: 50, degree: 8, plasticity: heterogeneousStdp() }).compile();
      const [trained] = await trainedByStdp(device, [network], 500);
      const [run] = await simulate(device, [network], {
        durationMs: 500,
        record: { spikes: false, weights: true },
      });
      expect(trained?.synapses.weights).toEqual(run?.weights);
      expect(trained?.synapses.weights).not.toEqual(network.synapses.weights);
      expect(trained?.synapses.plasticity).toBeUndefined();
      expect(withoutPlasticity(network).synapses.weights).toBe(network.synapses.weights);
      const [later] = await simulate(device, trained ? [trained] : [], {
        durationMs: 200,
        record: { spikes: false, weights: true },
      });
      expect(later?.weights).toEqual(trained?.synapses.weights);
    });
  },
  { kind: 'native' },
);
