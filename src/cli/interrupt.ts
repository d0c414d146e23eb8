/** Ctrl-C: once to stop at the next chunk boundary, twice to stop at once. */

export interface Interruption extends Disposable {
  /** Aborted by the first signal. */
  readonly stop: AbortSignal;
}

/**
 * Listens for SIGINT and SIGTERM until disposed.
 *
 * @param said what to do besides aborting: `first` when the run is asked to stop, `second` before the process ends
 */
export function listenForInterrupt(said: { first(): void; second(): void }): Interruption {
  const controller = new AbortController();
  const signalled = () => {
    if (!controller.signal.aborted) {
      said.first();
      controller.abort();
      return;
    }
    said.second();
    // Not process.exit: it would end the worker's thread while Dawn has a promise pending, which aborts the process
    // with a core dump. Whatever was finished is on the disk.
    process.kill(process.pid, 'SIGKILL');
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, signalled);
  return {
    stop: controller.signal,
    [Symbol.dispose]() {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, signalled);
    },
  };
}
