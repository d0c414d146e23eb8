/** Tangent vectors of random networks for benchmarks. */
import type { Device } from '../device/device.ts';
import type { KernelCost } from '../kernels/costs.ts';
import { TangentBatch, type TangentOperations, type TangentOperator } from '../kernels/tangent-batch.ts';
import {
  type TangentWork,
  tangentEventsCost,
  tangentOrthonormalizeCost,
  tangentStepCost,
} from '../kernels/tangent-costs.ts';
import { Draws } from '../random/draws.ts';
import { keyOf } from '../random/philox.ts';
import { confirm } from './errors.ts';

export interface TangentSizes {
  readonly networks: number;
  readonly neurons: number;
  /** Synapses of a target. */
  readonly degree: number;
  readonly vectors: number;
  /** Steps between two orthonormalizations; of events, operations. */
  readonly interval: number;
  readonly orthonormalizations: number;
}

const LEAK = Math.exp(-0.05);

/** Networks whose first two are the same, so that their results can be compared. */
export class TangentWorkload implements Disposable {
  readonly #batch: TangentBatch;
  readonly #sizes: TangentSizes;
  readonly #operators: readonly TangentOperator[];

  private constructor(batch: TangentBatch, operators: readonly TangentOperator[], sizes: TangentSizes) {
    this.#batch = batch;
    this.#operators = operators;
    this.#sizes = sizes;
  }

  /** @param steps that there shall be room for at once */
  static async create(device: Device, sizes: TangentSizes, steps: number): Promise<TangentWorkload> {
    const { networks, neurons, degree, vectors } = sizes;
    const operators = Array.from({ length: networks }, (_, k) => randomOperator(neurons, degree, k >> 1));
    const options = { count: vectors, steps, seed: 1 };
    return new TangentWorkload(await TangentBatch.create(device, operators, options), operators, sizes);
  }

  /** A step against double precision, orthonormal vectors after it, the same bits for the same network. */
  async check(): Promise<void> {
    const { neurons } = this.#sizes;
    const [operator] = this.#operators;
    if (operator === undefined) return;
    const before = await this.#batch.vectors(0);
    const coefficients = this.#coefficients(1, 0);
    this.#batch.advance(1, coefficients);
    const after = await this.#batch.vectors(0);
    const k = before.length / neurons;
    let worst = 0;
    for (let target = 0; target < neurons; target++) {
      for (let v = 0; v < k; v += Math.max(1, k - 1)) {
        const { value, size } = stepped(operator, coefficients[0] as Float32Array, before, k, target, v);
        worst = Math.max(worst, Math.abs(value - (after[target * k + v] as number)) / (size + 1e-30));
      }
    }
    // Rounding of a sum of so many products of single precision.
    const allowed = 2 ** -23 * (this.#sizes.degree + 8);
    confirm(worst <= allowed, () => `tangent_step is off by ${worst}, of ${allowed} allowed`);
    this.#batch.orthonormalize();
    await this.#batch.growth();
    const vectors = await this.#batch.vectors(0);
    let product = 0;
    let square = 0;
    for (let row = 0; row < neurons; row++) {
      product += (vectors[row * k] as number) * (vectors[row * k + k - 1] as number);
      square += (vectors[row * k] as number) ** 2;
    }
    confirm(
      Math.abs(square - 1) < 1e-4 && (k === 1 || Math.abs(product) < 1e-4),
      () => `vectors are not orthonormal: ${square}, ${product}`,
    );
    if (this.#operators.length < 2) return;
    const twin = await this.#batch.vectors(1);
    confirm(
      vectors.every((value, index) => Object.is(value, twin[index])),
      () => 'the same network has other vectors in another slot',
    );
  }

  /** @returns network-steps as the amount */
  async run(repetition: number): Promise<{ amount: number; costs: Record<string, KernelCost> }> {
    const { networks, interval, orthonormalizations } = this.#sizes;
    const coefficients = this.#coefficients(interval, repetition + 1);
    for (let k = 0; k < orthonormalizations; k++) {
      this.#batch.advance(interval, coefficients);
      this.#batch.orthonormalize();
    }
    await this.#batch.growth();
    const costs = {
      tangent_step: this.#times(tangentStepCost(this.#work(), interval)),
      tangent_orthonormalize: this.#times(tangentOrthonormalizeCost(this.#work())),
    };
    return { amount: networks * interval * orthonormalizations, costs };
  }

  /** Random operations instead of steps. @returns operations as the amount */
  async runEvents(repetition: number): Promise<{ amount: number; costs: Record<string, KernelCost> }> {
    const { networks, neurons, interval, orthonormalizations } = this.#sizes;
    const operations = Array.from({ length: networks }, (_, k) =>
      randomOperations(neurons, interval, 1000 * repetition + (k >> 1)),
    );
    for (let k = 0; k < orthonormalizations; k++) {
      this.#batch.apply(operations);
      this.#batch.orthonormalize();
    }
    await this.#batch.growth();
    const costs = {
      tangent_events: this.#times(tangentEventsCost(this.#work(), 0, interval)),
      tangent_orthonormalize: this.#times(tangentOrthonormalizeCost(this.#work())),
    };
    return { amount: networks * interval * orthonormalizations, costs };
  }

  #work(): TangentWork {
    const { neurons, degree, vectors } = this.#sizes;
    return { rows: neurons, synapses: neurons * degree, vectors: Math.min(vectors, neurons) };
  }

  #times({ operations, traffic, scattered }: KernelCost): KernelCost {
    const count = this.#sizes.networks * this.#sizes.orthonormalizations;
    return {
      operations: operations * count,
      traffic: traffic.map(({ bytes, within }) => ({ bytes: bytes * count, within })),
      scattered,
    };
  }

  /** The same for the two of a pair. */
  #coefficients(steps: number, seed: number): Float32Array[] {
    const { networks, neurons } = this.#sizes;
    return Array.from({ length: networks }, (_, network) =>
      randomCoefficients(neurons, steps, seed, network >> 1),
    );
  }

  [Symbol.dispose](): void {
    this.#batch[Symbol.dispose]();
  }
}

/** Each neuron with `degree` sources, no two the same, and normal weights of standard deviation 1.5 / sqrt(degree). */
export function randomOperator(neurons: number, degree: number, seed: number): TangentOperator {
  const draws = new Draws(keyOf(seed), 0);
  const sources = new Uint32Array(neurons * degree);
  const weights = new Float32Array(neurons * degree);
  for (let target = 0; target < neurons; target++) {
    draws.at(target, 0);
    const chosen = new Set<number>();
    while (chosen.size < degree) chosen.add(draws.below(neurons));
    [...chosen].forEach((source, s) => {
      sources[target * degree + s] = source;
      weights[target * degree + s] = (1.5 / Math.sqrt(degree)) * draws.normal();
    });
  }
  const bounds = Uint32Array.from({ length: neurons + 1 }, (_, i) => i * degree);
  const leaks = new Float32Array(neurons).fill(LEAK);
  return { neurons, channels: 0, bounds, sources, weights, leaks };
}

/** Coefficients of some steps, [step][3][neurons]: gains from 0 to 1, the leak, and 1. */
export function randomCoefficients(neurons: number, steps: number, seed: number, number = 0): Float32Array {
  const draws = new Draws(keyOf(seed), 1).at(number, 0);
  const all = new Float32Array(3 * steps * neurons);
  for (let step = 0; step < steps; step++) {
    const at = 3 * step * neurons;
    for (let i = 0; i < neurons; i++) all[at + i] = draws.unit();
    all.fill(LEAK, at + neurons, at + 2 * neurons);
    all.fill(1, at + 2 * neurons, at + 3 * neurons);
  }
  return all;
}

function randomOperations(neurons: number, length: number, seed: number): TangentOperations {
  const draws = new Draws(keyOf(seed), 2).at(0, 0);
  const targets = Uint32Array.from({ length }, () => draws.below(neurons));
  const sources = Uint32Array.from({ length }, () => draws.below(neurons));
  const numbers = Float64Array.from({ length: 2 * length }, () => draws.unit());
  return { length, targets, sources, numbers };
}

/** A component after a step, as `shaders/tangent_step.wgsl` defines it, and the sum of what it is added up from. */
function stepped(
  { bounds, sources, weights, leaks, neurons }: TangentOperator,
  coefficients: Float32Array,
  vectors: Float32Array,
  k: number,
  target: number,
  v: number,
): { readonly value: number; readonly size: number } {
  let sum = 0;
  let size = 0;
  for (let s = bounds[target] as number; s < (bounds[target + 1] as number); s++) {
    const source = sources[s] as number;
    const part =
      (weights[s] as number) * (coefficients[source] as number) * (vectors[source * k + v] as number);
    sum += part;
    size += Math.abs(part);
  }
  const keep = (coefficients[neurons + target] as number) * (vectors[target * k + v] as number);
  const drive = (coefficients[2 * neurons + target] as number) * (leaks[target] as number);
  return { value: keep + drive * sum, size: Math.abs(keep) + Math.abs(drive) * size };
}
