/** The engine that a search uses unless it is given one: native where the addon is built, TypeScript elsewhere. */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { GaussianEngine } from './engine.ts';
import { type GaussianAddon, NativeEngine } from './native-engine.ts';
import { TypescriptEngine } from './typescript-engine.ts';

export function defaultEngine(): GaussianEngine {
  try {
    const file =
      process.env.TACET_GP ??
      fileURLToPath(new URL('../../native/tacet.linux-x64-gnu.node', import.meta.url));
    return new NativeEngine(createRequire(import.meta.url)(file) as GaussianAddon);
  } catch {
    return new TypescriptEngine();
  }
}
