import { describe, expect, it } from 'vitest';
import { compareReports } from '../../src/bench/compare.ts';
import { BenchError } from '../../src/bench/errors.ts';
import { parseReport } from '../../src/bench/report.ts';
import { spreadOf } from '../../src/bench/statistics.ts';
import { reportOf } from './results.ts';

const verdicts = (
  now: Parameters<typeof reportOf>[0],
  before: Parameters<typeof reportOf>[0],
  least?: number,
) =>
  Object.fromEntries(
    compareReports(reportOf(now), reportOf(before), least).map(({ name, verdict }) => [name, verdict]),
  );

describe('a comparison with a baseline', () => {
  it('finds what is slower and what is faster beyond 10 %', () => {
    const before = { a: [10, 10, 10], b: [10, 10, 10], c: [10, 10, 10] };
    expect(verdicts({ a: [12, 12, 12], b: [10.9, 10.9, 10.9], c: [8, 8, 8] }, before)).toEqual({
      a: 'slower',
      b: 'same',
      c: 'faster',
    });
  });

  it('takes nothing for slower that lies within the noise of either side', () => {
    const noisy = { a: [8, 9, 10, 11, 12] };
    expect(verdicts({ a: [12.5, 12.5, 12.5, 12.5, 12.5] }, noisy)).toEqual({ a: 'same' });
    expect(verdicts({ a: [9, 11, 12.5, 14, 16] }, { a: [10, 10, 10] })).toEqual({ a: 'same' });
    expect(verdicts({ a: [20, 20, 20, 20, 20] }, noisy)).toEqual({ a: 'slower' });
  });

  it('does not call what got 20 % slower the same because 30 % are allowed to be faster', () => {
    expect(verdicts({ a: [12] }, { a: [10] }, 0.3)).toEqual({ a: 'same' });
    expect(verdicts({ a: [13.5] }, { a: [10] }, 0.3)).toEqual({ a: 'slower' });
  });

  it('names cases that are new and cases that are gone', () => {
    expect(verdicts({ a: [1], fresh: [1] }, { a: [1], old: [1] })).toEqual({
      a: 'same',
      fresh: 'new',
      old: 'gone',
    });
  });

  it('refuses another device', () => {
    expect(() => compareReports(reportOf({}), reportOf({}, 'another'))).toThrow(
      /baseline is of another, and this is a device/,
    );
  });
});

describe('a report', () => {
  it('is what it was after a file', () => {
    const report = reportOf({ a: [1, 2, 3] });
    expect(parseReport(JSON.stringify(report), 'x.json')).toEqual(report);
  });

  it.each([
    ['{', /x\.json is not JSON/],
    ['{"schema":"tacet-bench/9"}', /x\.json: schema is not as in a report/],
    [JSON.stringify({ ...reportOf({}), cases: [{ suite: 1 }] }), /cases\.0\.suite is not as/],
  ])('%s is refused', (text, message) => {
    expect(() => parseReport(text, 'x.json')).toThrow(message);
    expect(() => parseReport(text, 'x.json')).toThrow(BenchError);
  });
});

describe('the spread', () => {
  it('of five values has the middle, the ends and half of the distance of the quartiles', () => {
    expect(spreadOf([5, 1, 4, 2, 3])).toEqual({ median: 3, low: 1, high: 5, deviation: 1, repetitions: 5 });
  });

  it('of none is an error', () => {
    expect(() => spreadOf([])).toThrow(RangeError);
  });
});
