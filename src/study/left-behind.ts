/** Ending a process that has a thread which does not answer. */

/**
 * To be called when a thread is left to itself. When the process ends, Node ends its threads and waits for them: with
 * a promise of Dawn's pending that aborts the process, and a thread that hangs in a driver never comes back. So this
 * process is then replaced by one that does nothing but end with the same exit code.
 */
export function leaveBehind(): void {
  if (!process.listeners('exit').includes(replaceProcess)) process.once('exit', replaceProcess);
}

function replaceProcess(code: number): void {
  try {
    // Windows has no exec.
    process.execve?.(process.execPath, [process.execPath, '-e', `process.exit(${code})`], {});
  } finally {
    process.kill(process.pid, 'SIGKILL');
  }
}
