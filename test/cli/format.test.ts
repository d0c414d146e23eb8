import { CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { nearestFirst, shown } from '../../src/cli/check.ts';
import { describeError, exitCodeOf, UsageError } from '../../src/cli/errors.ts';
import {
  formatCount,
  formatDuration,
  formatScore,
  formatShare,
  formatTable,
  formatValue,
  plural,
} from '../../src/cli/format.ts';
import { DeviceError } from '../../src/device/device.ts';
import { StudyError } from '../../src/study/store.ts';

describe('numbers', () => {
  it.each([
    [0, '0'],
    [20, '20'],
    [0.1 + 0.2, '0.3'],
    [-57.6612, '-57.66'],
    [0.000_848_21, '8.482e-4'],
    [0.001_234_6, '0.001235'],
    [14_840_000, '1.484e+7'],
    [999_999, '999999'],
    [Number.NaN, '–'],
    ['2gram', '2gram'],
  ])('value %s is shown as %s', (value, text) => {
    expect(formatValue(value)).toBe(text);
  });

  it.each([
    [0, '0.0 s'],
    [9.94, '9.9 s'],
    [59.4, '59 s'],
    [59.6, '1 min 0 s'],
    [125, '2 min 5 s'],
    [3600, '1 h 0 min'],
    [7859, '2 h 10 min'],
  ])('%s seconds are shown as %s', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });

  it('counts, shares, scores', () => {
    expect(formatCount(1_234_567.4)).toBe('1,234,567');
    expect(formatShare(2, 3)).toBe('67 %');
    expect(formatShare(0, 0)).toBe('–');
    expect(formatScore(0.83)).toBe('0.8300');
    expect(formatScore(undefined)).toBe('–');
    expect([plural(1, 'trial'), plural(1200, 'trial')]).toEqual(['1 trial', '1,200 trials']);
  });
});

describe('tables', () => {
  it('have numbers on the right and text on the left', () => {
    const lines = formatTable(
      ['name', 'count'],
      [
        ['a', '1,000'],
        ['long', '–'],
        ['b', '20'],
      ],
    ).split('\n');
    expect(lines.slice(3, 6)).toEqual(['│ a    │ 1,000 │', '│ long │     – │', '│ b    │    20 │']);
  });
});

describe('errors', () => {
  it.each([
    [new UsageError('x'), 2],
    [new StudyError('conflict', 'x'), 2],
    [new StudyError('not-running', 'x'), 1],
    [new DeviceError('unknown-device', 'x'), 2],
    [new DeviceError('lost', 'x'), 1],
    [new CommanderError(1, 'commander.unknownOption', 'error: x'), 2],
    [new CommanderError(0, 'commander.helpDisplayed', '(outputHelp)'), 0],
    [new TypeError('x'), 1],
    ['x', 1],
  ])('%s ends with %i', (error, code) => {
    expect(exitCodeOf(error)).toBe(code);
  });

  it('are one line', () => {
    expect(describeError(new Error('first\n  second'))).toBe('tacet: first second');
    expect(describeError(new CommanderError(1, 'x', "error: unknown option '-x'."))).toBe(
      "tacet: unknown option '-x'; see --help",
    );
    expect(describeError('text')).toBe('tacet: text');
  });

  it('name the nearest of the known names first', () => {
    expect(nearestFirst('mapsize', ['norm', 'map_size'])).toBe('map_size, norm');
    expect(nearestFirst('something', ['norm', 'map_size'])).toBe('norm, map_size');
    expect(shown('x'.repeat(100))).toHaveLength(60);
  });
});
