/** A recurrent network as a reservoir, from encoder to readout: it knows its input, and remembers the one before. */
import { expect, it } from 'vitest';
import { RecurrentBatch } from '../../src/kernels/recurrent-batch.ts';
import { SpikeFilter } from '../../src/learning/filtered-spikes.ts';
import {
  applyReadout,
  classify,
  type DenseMatrix,
  fitLogistic,
  fitRidge,
} from '../../src/learning/linear-readouts.ts';
import { TypeScriptLinearAlgebra } from '../../src/linalg/index.ts';
import { encodeRates } from '../../src/network/encoders/spike-trains.ts';
import { hrsnn } from '../../src/network/models/hrsnn.ts';
import { Draws } from '../../src/random/draws.ts';
import { keyOf, STREAMS } from '../../src/random/philox.ts';
import { describeOnDevices } from '../devices.ts';

const [SAMPLES, STEPS, NEURONS, TRAINED] = [400, 40, 250, 300];
const algebra = new TypeScriptLinearAlgebra();

function correlation(a: Float64Array, b: Float64Array): number {
  const mean = (x: Float64Array) => x.reduce((sum, value) => sum + value, 0) / x.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((value, k) => {
    ab += (value - ma) * ((b[k] as number) - mb);
    aa += (value - ma) ** 2;
    bb += ((b[k] as number) - mb) ** 2;
  });
  return ab / Math.sqrt(aa * bb);
}

describeOnDevices(
  'a reservoir',
  (open) => {
    it('lets readouts tell its input, and the one before', async () => {
      const draws = new Draws(keyOf(21), STREAMS.encoding).at(0, 0);
      const values = Float64Array.from({ length: SAMPLES }, () => draws.unit());
      const input = encodeRates(
        { values, valuesPerSample: 1 },
        { dtMs: 0.5, sampleMs: STEPS * 0.5, maxRateHz: 500, neuronsPerValue: 40, seed: 1 },
      );
      const network = hrsnn({ neurons: NEURONS, input, inputDegree: 20, seed: 3 }).compile();
      using batch = await RecurrentBatch.create(await open(), [network], { record: { raster: true } });
      const [record] = await batch.run(SAMPLES * STEPS);
      const read = Array.from({ length: NEURONS }, (_, neuron) => neuron);
      const options = { neurons: network.neurons, dtMs: 0.5, tauMs: 20, everySteps: STEPS, read };
      const features = new SpikeFilter(options).push(record?.raster as Uint32Array, SAMPLES * STEPS);
      const rows = (first: number, end: number): DenseMatrix => ({
        values: features.slice(first * NEURONS, end * NEURONS),
        rows: end - first,
        columns: NEURONS,
      });
      const column = (x: Float64Array): DenseMatrix => ({ values: x, rows: x.length, columns: 1 });

      for (const [back, least] of [
        [0, 0.9],
        [1, 0.5],
      ] as const) {
        const target = (first: number, end: number) => values.slice(first - back, end - back);
        const readout = await fitRidge(algebra, rows(1, TRAINED), column(target(1, TRAINED)), 30);
        const found = await applyReadout(algebra, readout, rows(TRAINED, SAMPLES));
        expect(correlation(found, target(TRAINED, SAMPLES)), `${back} samples back`).toBeGreaterThan(least);
      }

      const labels = Array.from(values, (value) => (value > 0.5 ? 1 : 0));
      const readout = await fitLogistic(algebra, rows(0, TRAINED), labels.slice(0, TRAINED), 2, {
        penalty: 30,
      });
      const found = await classify(algebra, readout, rows(TRAINED, SAMPLES));
      const right = labels.slice(TRAINED).filter((label, row) => found[row] === label).length;
      expect(right / (SAMPLES - TRAINED)).toBeGreaterThan(0.85);
    });
  },
  { kind: 'native' },
);
