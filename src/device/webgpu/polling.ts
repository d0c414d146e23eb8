/**
 * Waiting for Dawn without burning a core.
 *
 * While one of its promises is pending, Dawn's Node binding polls through `globalThis.setImmediate`, about 100,000
 * times a second: one core for each waiting worker, which on a software adapter is taken from the computation
 * (2.3 times slower, measured). Dawn looks the function up at every poll, so while something is pending we put a
 * patient one in its place: a few hundred immediate polls, then one a millisecond. A short wait costs no latency.
 */

/** Polls before backing off: about 5 ms of spinning, so that short launches are seen at once. */
const EAGER_POLLS = 300;
const PATIENT_INTERVAL_MS = 1;

type SetImmediate = typeof globalThis.setImmediate;
type Callback = (...args: unknown[]) => void;

/** How many waits are under way, and what to put back after the last. One for each thread, as `globalThis` is. */
const waiting: { count: number; polls: number; original: SetImmediate } = {
  count: 0,
  polls: 0,
  original: globalThis.setImmediate,
};

/** Awaits a promise of Dawn's with patient polling. */
export async function patiently<T>(promise: Promise<T>): Promise<T> {
  if (waiting.count === 0) {
    waiting.original = globalThis.setImmediate;
    globalThis.setImmediate = patientSetImmediate as SetImmediate;
  }
  waiting.polls = 0;
  waiting.count += 1;
  try {
    return await promise;
  } finally {
    waiting.count -= 1;
    if (waiting.count === 0) globalThis.setImmediate = waiting.original;
  }
}

function patientSetImmediate(callback: Callback, ...args: unknown[]): unknown {
  if (!isNative(callback)) return waiting.original(callback, ...args);
  waiting.polls += 1;
  if (waiting.polls <= EAGER_POLLS) return waiting.original(callback, ...args);
  return setTimeout(callback, PATIENT_INTERVAL_MS, ...args);
}

/** True for a function made outside JavaScript, as Dawn's poll is: nobody else's immediates may be held up. */
function isNative(callback: Callback): boolean {
  return Function.prototype.toString.call(callback).endsWith('{ [native code] }');
}
