/** What the command line says when something is wrong, and with which exit code it ends. */
import { CommanderError } from 'commander';

/** Bad input on the command line or in a file given there: the place, the value, the remedy. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'usage';
}

/** Exit codes: 2 for input that the user can mend, 1 for failures, 130 for an interrupted search. */
export const EXIT = { ok: 0, failure: 1, badInput: 2, interrupted: 130 } as const;

/** Names of the error classes that report bad input, whatever their code. */
const INPUT_ERRORS = new Set([
  'UsageError',
  'SpaceError',
  'ModelError',
  'DataError',
  'NetworkError',
  'RecurrentNetworkError',
  'PruningError',
  'TrainingError',
]);
/** Codes of other error classes that report bad input. */
const INPUT_CODES: Readonly<Record<string, ReadonlySet<string>>> = {
  StudyError: new Set(['conflict', 'unknown-study', 'unknown-trial', 'bad-store', 'bad-input', 'mismatch']),
  OptimizerError: new Set(['settings', 'unknown-optimizer']),
  DynamicsError: new Set(['bad-input', 'unsupported']),
  BenchError: new Set(['bad-input']),
  DeviceError: new Set(['no-device', 'unknown-device', 'native-missing', 'same-card']),
};

/** The exit code for an error that ended a command. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.badInput;
  if (!(error instanceof Error)) return EXIT.failure;
  const code = 'code' in error ? String(error.code) : '';
  const isInput = INPUT_ERRORS.has(error.name) || INPUT_CODES[error.name]?.has(code);
  return isInput ? EXIT.badInput : EXIT.failure;
}

/** The one line for an error: `tacet: ` and what is wrong. With `debug`, the stack below it. */
export function describeError(error: unknown, debug = false): string {
  const message = error instanceof Error ? error.message : String(error);
  const oneLine = message.replace(/\s*\n\s*/g, ' ').trim();
  const line = `tacet: ${error instanceof CommanderError ? ownWords(oneLine) : oneLine}`;
  return debug && error instanceof Error ? `${line}\n${stackOf(error)}` : line;
}

/** Commander's message in the form of the others, with its remedy. */
function ownWords(message: string): string {
  return `${message.replace(/^error: /, '').replace(/\.$/, '')}; see --help`;
}

function stackOf(error: Error): string {
  const own = error.stack ?? '';
  return error.cause instanceof Error ? `${own}\ncaused by ${stackOf(error.cause)}` : own;
}
