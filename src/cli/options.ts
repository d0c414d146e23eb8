/** Options that several subcommands share, and readers of their values. */
import { InvalidArgumentError, Option } from 'commander';
import { type Assignment, parseAssignment } from './study-document.ts';

export const DEFAULT_STORE = './tacet.db';

export function storeOption(): Option {
  return new Option('--db <file|url>', 'the store: a SQLite file, or postgres://user@host/database')
    .env('TACET_DB')
    .default(DEFAULT_STORE);
}

export function devicesOption(): Option {
  const forms = 'auto, all, native, webgpu, webgpu:<part of the name>';
  return new Option('--devices <list>', `one or several, with commas between: ${forms}`).default('auto');
}

/** `--slots` and `--chunk`. */
export function batchOptions(): Option[] {
  return [
    new Option(
      '--slots <count>',
      'networks that run side by side on a device (default: what suits it)',
    ).argParser(wholeNumber(1)),
    new Option('--chunk <samples>', 'samples of a network in one launch (default: measured)').argParser(
      wholeNumber(1),
    ),
  ];
}

export function jsonOption(): Option {
  return new Option('--json', 'print JSON lines and nothing else on stdout');
}

export function setOption(example: string): Option {
  return new Option('--set <path=value>', `set a part of the study, such as ${example}; repeatable`)
    .argParser((text: string, before: readonly Assignment[]) => [...before, parseAssignment(text)])
    .default([], 'none');
}

/** Reads a whole number of at least `least`. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`Give a whole number of at least ${least}.`);
    }
    return value;
  };
}

/** Reads a time in ms, at least 0. */
export function milliseconds(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value < Infinity)) {
    throw new InvalidArgumentError('Give a number of milliseconds.');
  }
  return value;
}
