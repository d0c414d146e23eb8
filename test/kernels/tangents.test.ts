import { expect, it } from 'vitest';
import { orthonormalize } from '../../src/dynamics/orthonormal.ts';
import { TangentProgram } from '../../src/dynamics/tangent-program.ts';
import { TangentBatch, type TangentOperator } from '../../src/kernels/tangent-batch.ts';
import { philox4x32, unitReal } from '../../src/random/philox.ts';
import { describeOnDevices } from '../devices.ts';

function draw(...counter: [number, number, number, number]): number {
  return unitReal(philox4x32(counter, [7, 9])[0]);
}

/** A made-up network: each synapse present with probability `density`. */
function operatorOf(neurons: number, channels: number, density: number): TangentOperator {
  const bounds: number[] = [];
  const sources: number[] = [];
  const weights: number[] = [];
  for (let c = 0; c <= channels; c++) {
    for (let i = 0; i < neurons; i++) {
      bounds.push(sources.length);
      for (let j = 0; j < neurons; j++) {
        if (draw(i, j, c, 1) >= density) continue;
        sources.push(j);
        weights.push(draw(i, j, c, 2) - 0.5);
      }
    }
    bounds.push(sources.length);
  }
  return {
    neurons,
    channels,
    bounds: Uint32Array.from(bounds),
    sources: Uint32Array.from(sources),
    weights: Float32Array.from(weights),
    leaks: Float32Array.from(
      { length: neurons * (1 + 2 * channels) },
      (_, i) => 0.5 + 0.5 * draw(i, 0, 0, 3),
    ),
  };
}

function coefficientsOf(neurons: number, steps: number, seed: number): Float32Array {
  return Float32Array.from({ length: 3 * steps * neurons }, (_, i) => draw(i, seed, 0, 4));
}

/** One step by its definition. */
function stepReference(
  operator: TangentOperator,
  x: Float64Array,
  k: number,
  given: Float32Array,
): Float64Array {
  const { neurons: n, channels, bounds, sources, weights, leaks } = operator;
  const next = new Float64Array(x.length);
  for (let i = 0; i < n; i++) {
    for (let q = 0; q < k; q++) {
      let v = (given[n + i] as number) * (x[i * k + q] as number);
      for (let c = 0; c <= channels; c++) {
        const at = c * (n + 1) + i;
        let sum = 0;
        for (let s = bounds[at] as number; s < (bounds[at + 1] as number); s++) {
          const j = sources[s] as number;
          sum += (weights[s] as number) * (given[j] as number) * (x[j * k + q] as number);
        }
        const row = c * n + i;
        const g = c === 0 ? sum : (x[row * k + q] as number) + sum;
        v += (given[2 * n + i] as number) * (leaks[row] as number) * g;
        if (c > 0) next[row * k + q] = (leaks[(channels + c) * n + i] as number) * g;
      }
      next[i * k + q] = v;
    }
  }
  return next;
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs((a[i] as number) - (b[i] as number)));
  return most;
}

function nearOrthonormal(x: ArrayLike<number>, rows: number, k: number): number {
  let most = 0;
  for (let a = 0; a < k; a++) {
    for (let b = 0; b <= a; b++) {
      let sum = 0;
      for (let row = 0; row < rows; row++) sum += (x[row * k + a] as number) * (x[row * k + b] as number);
      most = Math.max(most, Math.abs(sum - (a === b ? 1 : 0)));
    }
  }
  return most;
}

const EPSILON = 2 ** -23;

describeOnDevices('tangent vectors', (open) => {
  it.each([
    { sizes: [5], channels: 0, count: 1 },
    { sizes: [33], channels: 1, count: 66 },
    { sizes: [20, 7, 41], channels: 2, count: 10 },
    { sizes: [70], channels: 0, count: 70 },
    // More neurons than the native engine takes in a block, and vectors in a wide tile and in part of another.
    { sizes: [331, 12], channels: 1, count: 70 },
  ])('steps agree with their definition: %j', async ({ sizes, channels, count }) => {
    const device = await open();
    const operators = sizes.map((neurons) => operatorOf(neurons, channels, 0.3));
    const steps = 3;
    using batch = await TangentBatch.create(device, operators, { count, steps, seed: 1 });
    const before = await Promise.all(operators.map((_, slot) => batch.vectors(slot)));
    const coefficients = operators.map(({ neurons }, seed) => coefficientsOf(neurons, steps, seed));
    batch.advance(steps, coefficients);
    for (const [slot, operator] of operators.entries()) {
      const rows = operator.neurons * (1 + channels);
      const k = Math.min(count, rows);
      let expected = Float64Array.from(before[slot] as Float32Array);
      const given = coefficients[slot] as Float32Array;
      const width = 3 * operator.neurons;
      for (let t = 0; t < steps; t++) {
        expected = stepReference(
          operator,
          expected,
          k,
          given.subarray(t * width, (t + 1) * width),
        ) as Float64Array<ArrayBuffer>;
      }
      const found = await batch.vectors(slot);
      // A sum of n terms and three steps; values stay below a few.
      const allowed = EPSILON * (operator.neurons + 10) * steps;
      expect(largestDifference(found, expected)).toBeLessThan(allowed);
    }
  });

  it('operations of events agree with double precision, each network its own', async () => {
    const device = await open();
    const operators = [operatorOf(9, 1, 0), operatorOf(4, 1, 0), operatorOf(17, 1, 0)];
    using batch = await TangentBatch.create(device, operators, { count: 6, steps: 1, seed: 2 });
    const programs = operators.map(({ neurons }, slot) => {
      const program = new TangentProgram(neurons, 1);
      for (let op = 0; op < 30 * slot; op++) {
        const [target, source] = [1, 2].map((c) => Math.floor(neurons * draw(op, slot, 0, 10 + c))) as [
          number,
          number,
        ];
        const at = program.add(target, source, draw(op, slot, 0, 5), draw(op, slot, 0, 6) - 0.5);
        program.channel(at, 0, draw(op, slot, 0, 7) - 0.5, draw(op, slot, 0, 8), draw(op, slot, 0, 9) - 0.5);
      }
      return program;
    });
    const before = await Promise.all(operators.map((_, slot) => batch.vectors(slot)));
    batch.apply(programs);
    for (const [slot, program] of programs.entries()) {
      const expected = Float64Array.from(before[slot] as Float32Array);
      program.run(expected, 6);
      expect(largestDifference(await batch.vectors(slot), expected)).toBeLessThan(EPSILON * 200);
    }
  });

  it.each([
    { sizes: [40], count: 40 },
    { sizes: [90], count: 50 },
    { sizes: [150], count: 134 },
    { sizes: [1], count: 1 },
    { sizes: [30, 12, 55], count: 20 },
  ])(
    'vectors become orthonormal, and their growth is that in double precision: %j',
    async ({ sizes, count }) => {
      const device = await open();
      const operators = sizes.map((neurons) => operatorOf(neurons, 0, 0.3));
      using batch = await TangentBatch.create(device, operators, { count, steps: 2, seed: 3 });
      const coefficients = operators.map(({ neurons }, seed) => coefficientsOf(neurons, 2, seed));
      batch.advance(2, coefficients);
      const before = await Promise.all(operators.map((_, slot) => batch.vectors(slot)));
      batch.orthonormalize(true);
      const [growth] = await batch.growth();
      for (const [slot, { neurons }] of operators.entries()) {
        const k = Math.min(count, neurons);
        const vectors = await batch.vectors(slot);
        expect(nearOrthonormal(vectors, neurons, k)).toBeLessThan(100 * EPSILON);
        const expected = Float64Array.from(before[slot] as Float32Array);
        const logs = new Float64Array(k);
        orthonormalize(expected, neurons, k, logs);
        // The condition of these vectors is some hundreds, so that the last entries of R lose two digits or three.
        const condition = Math.exp(Math.max(...logs) - Math.min(...logs));
        const found = growth?.[slot] as Float32Array;
        expect(largestDifference(found, logs)).toBeLessThan(EPSILON * (50 + 50 * condition));
        expect(
          largestDifference(
            await batch.squares(slot),
            vectors.map((x) => x * x),
          ),
        ).toBeLessThan(EPSILON);
      }
    },
  );

  it('directions that are lost are told, replaced, and found again in the next step', async () => {
    const device = await open();
    const operator = operatorOf(24, 0, 0);
    using batch = await TangentBatch.create(device, [operator], { count: 24, steps: 1, seed: 4 });
    // Without synapses a state of 24 neurons of which five forget theirs.
    const coefficients = new Float32Array(3 * 24);
    for (let i = 0; i < 24; i++) coefficients[24 + i] = i < 5 ? 0 : 0.9;
    for (let time = 0; time < 3; time++) {
      batch.advance(1, [coefficients]);
      batch.orthonormalize();
      const [[logs]] = (await batch.growth()) as [[Float32Array]];
      expect([...logs].filter((log) => log === -Infinity).length).toBe(5);
      // From the second step on the first 19 span what the network remembers.
      if (time > 0) for (const log of logs.subarray(0, 19)) expect(log).toBeCloseTo(Math.log(0.9), 4);
      expect(nearOrthonormal(await batch.vectors(0), 24, 24)).toBeLessThan(100 * EPSILON);
    }
  });

  it('numbers that are not finite are told', async () => {
    const device = await open();
    const operator = operatorOf(8, 0, 0.5);
    using batch = await TangentBatch.create(device, [operator], { count: 4, steps: 1, seed: 4 });
    batch.advance(1, [new Float32Array(24).fill(1e30)]);
    batch.advance(1, [new Float32Array(24).fill(1e30)]);
    batch.orthonormalize();
    const [[logs]] = (await batch.growth()) as [[Float32Array]];
    expect(logs[0]).toBeNaN();
  });

  it('a network gets the same vectors whatever else is in the launch', async () => {
    const device = await open();
    const [alone, ...others] = [operatorOf(30, 1, 0.2), operatorOf(50, 1, 0.2), operatorOf(10, 1, 0.2)];
    const run = async (operators: readonly TangentOperator[]) => {
      using batch = await TangentBatch.create(device, operators, { count: 12, steps: 2, seed: 5 });
      batch.advance(
        2,
        operators.map(({ neurons }) => coefficientsOf(neurons, 2, 0)),
      );
      batch.orthonormalize();
      await batch.growth();
      return batch.vectors(0);
    };
    const first = await run([alone as TangentOperator]);
    expect(largestDifference(first, await run([alone as TangentOperator, ...others]))).toBeLessThan(
      20 * EPSILON,
    );
  });
});
