/** The native Gaussian process engine: every call is one promise on a thread of the addon. */
import type { ConditionedProcess, Features, GaussianEngine, Inputs } from './engine.ts';

/** What the addon exports, as far as it is used here (`native/src/gp/api.rs`). */
export interface GaussianAddon {
  readonly GaussianProcesses: new (threads: number) => AddonProcesses;
}

interface AddonProcesses {
  marginalLikelihood(
    x: Float64Array,
    groups: Int32Array,
    y: Float64Array,
    theta: Float64Array,
  ): Promise<Float64Array>;
  condition(x: Float64Array, groups: Int32Array, y: Float64Array, theta: Float64Array): Promise<number>;
  means(id: number, points: Float64Array, count: number): Promise<Float64Array>;
  predict(id: number, points: Float64Array, count: number): Promise<Float64Array>;
  drawPaths(
    id: number,
    y: Float64Array,
    frequencies: Float64Array,
    phases: Float64Array,
    weights: Float64Array,
    noise: Float64Array,
    paths: number,
  ): Promise<void>;
  evaluatePaths(id: number, points: Float64Array, count: number, shared: boolean): Promise<Float64Array>;
  release(id: number): void;
}

export class NativeEngine implements GaussianEngine {
  readonly kind = 'native';
  readonly #processes: AddonProcesses;

  /** `threads` 0 means one for each processor. */
  constructor(addon: GaussianAddon, threads = 0) {
    this.#processes = new addon.GaussianProcesses(threads);
  }

  async marginalLikelihood(inputs: Inputs, y: Float64Array, theta: Float64Array): Promise<Float64Array> {
    return this.#processes.marginalLikelihood(inputs.x, inputs.groups, y, theta);
  }

  async condition(inputs: Inputs, y: Float64Array, theta: Float64Array): Promise<ConditionedProcess> {
    const processes = this.#processes;
    const id = await processes.condition(inputs.x, inputs.groups, y, theta);
    return {
      means: (points, count) => processes.means(id, points, count),
      predict: (points, count) => processes.predict(id, points, count),
      drawPaths: (
        values: Float64Array,
        features: Features,
        weights: Float64Array,
        noise: Float64Array,
        paths: number,
      ) => processes.drawPaths(id, values, features.frequencies, features.phases, weights, noise, paths),
      evaluatePaths: (points, count, shared) => processes.evaluatePaths(id, points, count, shared),
      [Symbol.dispose]: () => processes.release(id),
    };
  }
}
