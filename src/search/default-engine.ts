/** The engine that a search uses unless it is given one: native where the addon is built, TypeScript elsewhere. */
import { loadAddon } from '../device/native/addon.ts';
import type { ConditionedProcess, GaussianEngine, Inputs } from './engine.ts';
import { type GaussianAddon, NativeEngine } from './native-engine.ts';
import { TypescriptEngine } from './typescript-engine.ts';

/** Makes the engine when it is first needed: an optimizer that only checks settings starts no thread. */
export class DefaultEngine implements GaussianEngine {
  #engine: GaussianEngine | undefined;

  get kind(): GaussianEngine['kind'] {
    return this.#open().kind;
  }

  marginalLikelihood(inputs: Inputs, y: Float64Array, theta: Float64Array): Promise<Float64Array> {
    return this.#open().marginalLikelihood(inputs, y, theta);
  }

  condition(inputs: Inputs, y: Float64Array, theta: Float64Array): Promise<ConditionedProcess> {
    return this.#open().condition(inputs, y, theta);
  }

  #open(): GaussianEngine {
    this.#engine ??= openEngine();
    return this.#engine;
  }
}

function openEngine(): GaussianEngine {
  const addon = loadGaussianAddon();
  return addon === undefined ? new TypescriptEngine() : new NativeEngine(addon);
}

/** The addon, where it is built and recent enough. */
export function loadGaussianAddon(): GaussianAddon | undefined {
  try {
    const addon = loadAddon() as unknown as Partial<GaussianAddon>;
    return addon.GaussianProcesses === undefined ? undefined : (addon as GaussianAddon);
  } catch {
    // The search is right without it, only slower; `tacet devices` tells what is missing and why.
    return undefined;
  }
}
