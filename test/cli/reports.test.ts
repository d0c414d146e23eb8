import { describe, expect, it } from 'vitest';
import { bestTable, sharesLine, studiesTable, studyReport } from '../../src/cli/study-report.ts';
import { evaluationTable, trialReport } from '../../src/cli/trial-report.ts';
import { recipeOf } from '../../src/study/recipes.ts';
import { outcome, summary, trial } from './records.ts';
import { rowsOf } from './table.ts';

const CONSTRAINTS = ['silence_excitatory', 'silence_inhibitory'];

describe('table of the best trials', () => {
  it('puts feasible trials first, then higher objectives, then lower numbers', () => {
    const trials = [
      trial(0, { objective: 0.3 }),
      trial(1, { objective: 0.9, constraints: [0.2, -0.1] }),
      trial(2, { objective: 0.8, state: 'silent', constraints: [0.3, 0.1] }),
      trial(3, { objective: 0.5 }),
      trial(4, { objective: 0.5 }),
      trial(5, 'running'),
      trial(6, { state: 'failed', reason: 'not finite' }),
    ].map((one) =>
      one.number === 6 && one.outcome ? { ...one, outcome: withoutObjective(one.outcome) } : one,
    );
    const rows = rowsOf(bestTable(trials, CONSTRAINTS));
    expect(rows.map((row) => [row.trial, row.objective, row.feasible])).toEqual([
      ['3', '0.5000', 'yes'],
      ['4', '0.5000', 'yes'],
      ['0', '0.3000', 'yes'],
      ['1', '0.9000', 'no'],
      ['2', '0.8000', 'silent'],
    ]);
    expect(rows[3]).toMatchObject({ silence_excitatory: '0.2000', decoder: 'all', neurons: '101' });
  });

  it('shows at most ten, and as many hyperparameters as fit', () => {
    const many = Array.from({ length: 40 }, (_, i) => [`a_rather_long_name_${i}`, i] as const);
    const trials = Array.from({ length: 30 }, (_, i) => ({ ...trial(i), values: Object.fromEntries(many) }));
    const table = bestTable(trials, CONSTRAINTS) as string;
    expect(rowsOf(table)).toHaveLength(10);
    for (const line of table.split('\n')) expect(line.length).toBeLessThanOrEqual(110);
  });

  it('is none when no trial has an objective', () => {
    expect(bestTable([trial(0, 'running')], CONSTRAINTS)).toBeUndefined();
  });
});

function withoutObjective({ objective: _, ...rest }: ReturnType<typeof outcome>): ReturnType<typeof outcome> {
  return rest;
}

describe('a study', () => {
  it('says what share of its trials is complete, silent and failed', () => {
    const trials = [
      trial(0),
      trial(1, { state: 'silent' }),
      trial(2, { state: 'silent' }),
      trial(3, 'running'),
    ];
    expect(sharesLine(summary(trials, 10))).toBe(
      '3 trials: 1 complete (33 %), 2 silent (67 %), 0 failed (0 %); 7 to go',
    );
    expect(sharesLine(summary([], 1))).toBe('0 trials: 0 complete (–), 0 silent (–), 0 failed (–); 1 to go');
  });

  it('is reported with its reasons of failure, counted', () => {
    const failed = { state: 'failed', reason: 'weights are not finite' } as const;
    const trials = [trial(0), trial(1, failed), trial(2, failed)];
    const report = studyReport(summary(trials, 3), trials, recipeOf('mnist-stdp'));
    expect(report).toContain('recipe mnist-stdp, optimizer sobol, seed 1');
    expect(report).toContain('settings: beta 0.1');
    expect(report).toContain('failed 2 times: weights are not finite');
    expect(report).toContain('devices: a device; 9.0 s summed over trials');
  });

  it('has a row in the list', () => {
    const trials = [trial(0), trial(1, { state: 'failed' })];
    const [row] = rowsOf(studiesTable([{ ...summary(trials, 5), best: trial(0) }]));
    expect(row).toMatchObject({ study: 'first', trials: '2/5', complete: '1', failed: '1', best: '0.5000' });
  });
});

describe('a trial', () => {
  it('shows both forms of the constraints, spikes per sample and silent shares', () => {
    const one = trial(7, {
      constraints: [0.85, -0.1],
      plainConstraints: [0.01, -0.1],
      state: 'silent',
      reason: 'excitatory layer silent',
    });
    const report = trialReport('first', one, CONSTRAINTS);
    expect(report).toContain('trial 7 of first: silent (excitatory layer silent)');
    const rows = rowsOf(report);
    expect(rows).toContainEqual({
      constraint: 'silence_excitatory',
      graded: '0.8500',
      plain: '0.0100',
      met: 'no',
    });
    expect(rows).toContainEqual({
      constraint: 'silence_inhibitory',
      graded: '-0.1000',
      plain: '-0.1000',
      met: 'yes',
    });
    expect(rows).toContainEqual({ hyperparameter: 'rate', value: '1.235e-4' });
    expect(rows).toContainEqual(
      expect.objectContaining({ layer: 'excitatory', 'spikes per sample': '5.00', 'silent samples': '5 %' }),
    );
  });

  it('thins out a long history, keeping its end', () => {
    const history = Array.from({ length: 100 }, (_, i) => {
      return { phase: 'train' as const, samples: i + 1, silentShares: [i / 100, 0] };
    });
    const rows = rowsOf(trialReport('first', trial(0, { history }), CONSTRAINTS)).filter(
      (row) => 'accuracy so far' in row,
    );
    expect(rows.length).toBeLessThanOrEqual(12);
    expect(rows.at(-1)).toMatchObject({ samples: '100', 'silent share of the epoch': '0.9900 0.0000' });
  });
});

describe('evaluated networks', () => {
  it('have a row each, also when they failed or were not finished', () => {
    const failed = withoutObjective(
      outcome({ state: 'failed', reason: 'map_size is 0', accuracies: {}, phases: [], constraints: [] }),
    );
    const text = evaluationTable([outcome(), failed, undefined], CONSTRAINTS);
    const rows = rowsOf(text);
    expect(rows).toHaveLength(3);
    expect(rows[0]).toMatchObject({
      entry: '0',
      all: '0.5000',
      vote: '0.2500',
      'spikes per sample': '5.00 / 2.50',
      'silent samples': '5 % / 0 %',
      constraints: '-0.0500 / -0.1000',
    });
    expect(rows[1]).toMatchObject({ entry: '1', state: 'failed', all: '–' });
    expect(rows[2]).toMatchObject({ entry: '2', state: 'not finished' });
    expect(text).toContain('entry 1 failed: map_size is 0');
  });
});
