import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collectStudy } from '../../src/report/collect.ts';
import { svgWriter, writeFigures } from '../../src/report/figure-files.ts';
import { importances } from '../../src/report/figures/importance.ts';
import { FIGURES } from '../../src/report/figures/index.ts';
import { lanesOf } from '../../src/report/figures/occupancy.ts';
import { greyPng } from '../../src/report/figures/portrait.ts';
import { binsOf, wilson } from '../../src/report/figures/silence.ts';
import { classOf, incumbents, objectiveOf, type StudyData } from '../../src/report/figures/study-data.ts';
import { DARK, LIGHT } from '../../src/report/figures/theme.ts';
import { front } from '../../src/report/figures/trade-offs.ts';
import { openSqliteStore } from '../../src/study/sqlite-store.ts';
import { temporaryFolder } from '../cli/tacet.ts';
import { addTrials, specOf } from './studies.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());
let data: StudyData;

beforeAll(async () => {
  const path = join(folder.path, 'study.db');
  addTrials(path, 'study', 0, 200);
  using store = openSqliteStore(path);
  data = await collectStudy(store, 'study');
});

function figure(id: string) {
  const made = FIGURES.find((one) => one.id === id)?.build(data, LIGHT, 880);
  if (made === undefined || typeof made === 'string') throw new Error(`${id}: ${made}`);
  return made;
}

/** A column of a figure's table. */
function column(id: string, name: string) {
  const { columns, rows } = figure(id).table;
  return rows.map((row) => row[columns.indexOf(name)]);
}

describe('figures of a study', () => {
  it.each(FIGURES.map((one) => [one.id, one] as const))(
    '%s is drawn, or says why not',
    async (_, definition) => {
      const draw = await svgWriter();
      for (const theme of [LIGHT, DARK]) {
        const made = definition.build(data, theme, 880);
        if (typeof made === 'string') {
          expect(definition.section).toBe('Best network');
          continue;
        }
        const svg = draw(definition, made);
        expect(svg).toMatch(/^<svg[^>]*><title>/);
        expect(svg).not.toContain('NaN');
        expect(made.caption).not.toMatch(/NaN|undefined|Infinity/);
        for (const row of made.table.rows) expect(row).toHaveLength(made.table.columns.length);
      }
    },
  );

  it.each(FIGURES.map((one) => [one.id, one] as const))(
    '%s of a study without trials says why not',
    (_, definition) => {
      const empty: StudyData = { ...data, spec: specOf('empty', 3), trials: [], lengthScales: [] };
      expect(definition.build(empty, LIGHT, 880)).toMatch(/\.$/);
    },
  );

  it('count what the store holds', () => {
    const ended = data.trials.filter(({ outcome }) => outcome !== undefined);
    const states = column('incumbent-over-trials', 'class');
    expect(states).toHaveLength(200);
    for (const state of ['feasible', 'silent', 'failed'] as const) {
      expect(states.filter((one) => one === state)).toHaveLength(
        ended.filter((trial) => classOf(trial) === state).length,
      );
    }
    const best = Math.max(...ended.flatMap((trial) => objectiveOf(trial) ?? []));
    expect(column('incumbent-over-trials', 'best so far').at(-1)).toBe(best);
    expect(objectiveOf(incumbents(data).at(-1) as never)).toBe(best);
  });

  it('say how many samples stopping saved', () => {
    let run = 0;
    let planned = 0;
    for (const { state, values, outcome } of data.trials) {
      if (state !== 'silent' && state !== 'complete') continue;
      planned += 48_000 * (values.epochs as number) + 12_000;
      for (const phase of outcome?.phases ?? []) run += phase.samples;
    }
    expect(column('samples-saved', 'run so far').at(-1)).toBe(run);
    expect(column('samples-saved', 'not run so far').at(-1)).toBe(planned - run);
  });

  it('show where the silent region lies', () => {
    expect(figure('silent-by-hyperparameter').caption).toContain('differs most along e_thresh');
  });

  it('find the hyperparameters that matter: these objectives grow with map_size, and silence is at high e_thresh', () => {
    const found = importances(data) ?? [];
    expect(found.slice(0, 2).map(({ name }) => name)).toContain('map_size');
    expect(found.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
  });

  it('have every trial in one bin of a hyperparameter', () => {
    const ended = data.trials.filter(({ outcome }) => outcome !== undefined);
    for (const name of ['epochs', 'norm', 'decoder'] as const) {
      const { parameters } = data.spec.space as unknown as {
        parameters: Record<string, Parameters<typeof binsOf>[2]>;
      };
      const bins = binsOf(ended, name, parameters[name] as never);
      expect(bins.flatMap(({ trials }) => trials.map(({ number }) => number)).sort((a, b) => a - b)).toEqual(
        ended.map(({ number }) => number),
      );
    }
  });

  it('put the spikes of no two trials into one place of a device', () => {
    const bars = lanesOf(
      data.trials.filter(({ outcome }) => outcome?.device === 'card' && outcome.seconds > 0),
      data.createdAt,
    );
    const lanes = Map.groupBy(bars, ({ lane }) => lane);
    for (const lane of lanes.values()) {
      for (let i = 1; i < lane.length; i++) {
        expect((lane[i] as (typeof lane)[0]).from).toBeGreaterThanOrEqual(
          (lane[i - 1] as (typeof lane)[0]).to - 0.1,
        );
      }
    }
  });
});

describe("Wilson's interval", () => {
  // Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
  it.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])('of %i in %i is as published', (hits, count, low, high) => {
    const [from, to] = wilson(hits, count);
    expect(from).toBeCloseTo(low, 4);
    expect(to).toBeCloseTo(high, 4);
  });
});

describe('the front of few spikes and high objectives', () => {
  it('has those that nothing beats in both', () => {
    const points = [
      [1, 0.2],
      [2, 0.1],
      [3, 0.5],
      [3, 0.4],
      [4, 0.5],
      [9, 0.6],
    ].map(([spikes = 0, objective = 0]) => ({ spikes, objective, trial: {} as never }));
    expect(front(points).map(({ spikes, objective }) => [spikes, objective])).toEqual([
      [1, 0.2],
      [3, 0.5],
      [9, 0.6],
    ]);
  });
});

describe('figures as files', () => {
  it('are SVG and CSV of each, PNG where the machine has fonts', async () => {
    const into = join(folder.path, 'figures');
    const { written, missing, withoutPng } = await writeFigures(
      { ...data, trials: data.trials.slice(0, 60) },
      into,
    );
    expect(written.length + missing.length).toBe(FIGURES.length);
    for (const id of written) {
      expect(readFileSync(join(into, `${id}.csv`), 'utf8').split('\r\n').length).toBeGreaterThan(2);
      expect(existsSync(join(into, `${id}.png`))).toBe(withoutPng === undefined);
    }
    if (withoutPng === undefined) {
      const png = readFileSync(join(into, 'slices.png'));
      expect(png.subarray(0, 8).toString('latin1')).toBe('\x89PNG\r\n\x1a\n');
      expect(png.readUInt32BE(16)).toBe(1760);
    }
  });

  it('have grey images with right checksums', () => {
    // IEND's checksum is a constant of the format.
    const png = Buffer.from(greyPng(Uint8Array.of(0, 255, 128, 7), 2), 'base64');
    expect(png.subarray(-12).toString('hex')).toBe('0000000049454e44ae426082');
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([2, 2]);
  });
});
