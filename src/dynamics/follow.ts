/** The loop of all routes in single precision: several systems side by side, their tangent vectors on a device. */
import type { Device } from '../device/device.ts';
import { KEPT_GROWTHS, TangentBatch, type TangentOperator } from '../kernels/tangent-batch.ts';
import { Interval } from './orthonormal.ts';
import { type LyapunovSpectrum, type Route, spectrumOf } from './spectrum.ts';

/** The largest ratio of growths in one interval that single precision is given. */
const CONDITION = 300;
/** Steps that are simulated at once, about. */
export const BLOCK_STEPS = 256;

/** What is followed. */
export interface Subject {
  readonly operator: TangentOperator;
  /** The neuron that each variable of the state belongs to. Rows of the operator behind these are scratch, and 0. */
  readonly neuronOf: ArrayLike<number>;
  readonly neurons: number;
  /** Time of a step, in the unit of the results. */
  readonly stepTime: number;
}

/** Where the trajectories come from, and with them what carries the tangents. */
export interface Source extends Disposable {
  readonly subjects: readonly Subject[];
  /** Steps without tangents. */
  skip(steps: number): Promise<void>;
  /** Carries the tangents of all subjects through so many steps. */
  carry(batch: TangentBatch, steps: number): Promise<void>;
}

export interface FollowOptions {
  readonly route: Route;
  readonly steps: number;
  readonly transientSteps: number;
  /** Steps between two orthonormalizations; found from the condition of the tangent vectors if undefined. */
  readonly intervalSteps: number | undefined;
  readonly exponents: number | undefined;
  readonly seed: number | undefined;
  readonly onProgress: ((done: number, all: number) => void) | undefined;
}

/**
 * The spectra of all subjects of a source.
 *
 * @throws {DeviceError} when the device can't hold them, or fails
 */
export async function follow(
  device: Device,
  source: Source,
  options: FollowOptions,
): Promise<LyapunovSpectrum[]> {
  const { route, steps, transientSteps, intervalSteps } = options;
  const { subjects } = source;
  const most = Math.max(1, Math.min(BLOCK_STEPS, Math.floor(steps / 40)));
  const interval = new Interval(intervalSteps, CONDITION, most);
  const dimensions = subjects.map(({ neuronOf }) => neuronOf.length);
  const count = options.exponents ?? Math.max(...dimensions);
  // The vectors need only the second half of the transient.
  const skipped = Math.floor(transientSteps / 2);
  await source.skip(skipped);
  using batch = await TangentBatch.create(
    device,
    subjects.map(({ operator }) => operator),
    { count, steps: Math.max(most, intervalSteps ?? 1), seed: options.seed ?? 0 },
  );
  const logs: Float32Array[][] = subjects.map(() => []);
  const sizes: number[] = [];
  let pending = 0;
  const collect = async (settling: boolean) => {
    if (pending === 0) return;
    pending = 0;
    for (const growth of await batch.growth()) {
      let widest: Float32Array | undefined;
      growth.forEach((own, slot) => {
        if (!settling) logs[slot]?.push(own);
        widest ??= own;
        if (spread(own) > spread(widest)) widest = own;
      });
      if (widest) interval.learn(widest, settling);
    }
  };
  for (let done = skipped - transientSteps; done < steps; ) {
    const settling = done < 0;
    const size = Math.min(interval.steps, (settling ? 0 : steps) - done);
    await source.carry(batch, size);
    done += size;
    batch.orthonormalize(!settling);
    pending++;
    if (!settling) sizes.push(size);
    if (settling || pending === KEPT_GROWTHS) {
      await collect(settling);
      options.onProgress?.(done + transientSteps, steps + transientSteps);
    }
  }
  await collect(false);
  return await Promise.all(
    subjects.map(async ({ neuronOf, neurons, stepTime }, slot): Promise<LyapunovSpectrum> => {
      const k = Math.min(count, neuronOf.length);
      const times = sizes.map((size) => size * stepTime);
      return spectrumOf({
        ...{ route, k, neuronOf, neurons, interval: interval.steps },
        growth: { logs: logs[slot] ?? [], times },
        squares: await batch.squares(slot),
      });
    }),
  );
}

function spread(logs: Float32Array): number {
  let [low, high] = [Infinity, -Infinity];
  for (const log of logs) {
    if (log === -Infinity) continue;
    low = Math.min(low, log);
    high = Math.max(high, log);
  }
  return high - low;
}
