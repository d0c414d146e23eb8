import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Portrait } from '../../src/report/figures/portrait-data.ts';
import type { StudyData } from '../../src/report/figures/study-data.ts';
import { sparkline } from '../../src/report/sparkline.ts';
import { DEVICE, SMALL_SEARCH, tacet, temporaryFolder } from '../cli/tacet.ts';
import { addTrials } from './studies.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

/** The study in a written page. */
function readPage(name: string) {
  const html = readFileSync(join(folder.path, name), 'utf8');
  const json = /<script type="application\/json" id="study">(.*)<\/script>/.exec(html)?.[1] ?? '';
  return JSON.parse(json) as StudyData & { readonly portrait: Portrait };
}

describe('the best network, run again', () => {
  it('comes to the same accuracy, and shows its fields and spikes', async () => {
    expect((await tacet([...SMALL_SEARCH, '--trials', '6'], folder.path)).code).toBe(0);
    const args = [
      'report',
      'mnist-stdp',
      '--db',
      'study.db',
      '--rerun-best',
      '--devices',
      DEVICE,
      '-o',
      'r.html',
    ];
    const { code, stderr } = await tacet(args, folder.path);
    expect(code, stderr).toBe(0);
    const { portrait, trials } = readPage('r.html');
    const trial = trials[portrait.trial];
    const fields = portrait.fields as NonNullable<Portrait['fields']>;
    expect(portrait.accuracy).toBe(trial?.outcome?.objective);
    expect(portrait.recordedAccuracy).toBe(trial?.outcome?.objective);
    expect(portrait.neurons).toBe(trial?.values.map_size);
    expect(atob(fields.pixels)).toHaveLength(fields.neurons.length * 784);
    // Each field is scaled to its largest weight.
    for (const [k] of fields.neurons.entries()) {
      const field = atob(fields.pixels).slice(784 * k, 784 * (k + 1));
      expect(Math.max(...Array.from(field, (pixel) => pixel.charCodeAt(0)))).toBe(255);
    }
    expect(portrait.classes.reduce((sum, { samples }) => sum + samples, 0)).toBe(8);
    // Eight samples of the hold-out are all in the raster: as many spikes as the trial counted there.
    const holdOut = trial?.outcome?.phases.find(({ phase }) => phase === 'hold-out');
    expect(portrait.raster.spikes).toHaveLength(holdOut?.layers[0]?.spikes ?? -1);
  });

  it('of a training recipe shows how it learned, and what it takes for what', async () => {
    const settings = { classes: 3, samplesPerClass: 20, steps: 24 };
    const space = { hidden: 20, epochs: 3, batchSize: 16, tauMembraneMs: 10, tauSynapseMs: 5, inputGain: 8 };
    const set = (part: string, values: object) =>
      Object.entries(values).flatMap(([name, value]) => ['--set', `${part}.${name}=${value}`]);
    const study = ['--db', 'randman.db', '--devices', DEVICE];
    const search = await tacet(
      ['search', 'randman', ...study, '--trials', '4', ...set('settings', settings), ...set('space', space)],
      folder.path,
    );
    expect(search.code, search.stderr).toBe(0);
    const report = [
      'report',
      'randman',
      ...study,
      '--rerun-best',
      '-o',
      'l.html',
      '--figures',
      'figures',
      '--json',
    ];
    const { code, stderr, stdout } = await tacet(report, folder.path);
    expect(code, stderr).toBe(0);
    const { portrait, trials } = readPage('l.html');
    const trial = trials[portrait.trial];
    const holdOut = trial?.outcome?.phases.find(({ phase }) => phase === 'hold-out');
    expect([portrait.accuracy, portrait.recordedAccuracy]).toEqual([
      trial?.outcome?.objective,
      trial?.outcome?.objective,
    ]);
    expect(portrait).toMatchObject({ layer: 'hidden', neurons: 20, alpha: 1 });
    expect(portrait.epochs).toHaveLength(3);
    expect(portrait.epochs.at(-1)?.holdOut.accuracy).toBeCloseTo(portrait.accuracy, 9);
    const confusion = portrait.confusion ?? [];
    const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
    expect(sum(confusion.map(sum))).toBe(holdOut?.samples);
    expect(sum(confusion.map((row, label) => row[label] ?? 0))).toBe(
      Math.round(portrait.accuracy * (holdOut?.samples ?? 0)),
    );
    const [hidden] = portrait.rates;
    const spikes = (hidden?.mean ?? 0) * (hidden?.neurons ?? 0) * (holdOut?.samples ?? 0);
    expect(Math.round(spikes)).toBe(holdOut?.layers[0]?.spikes);
    expect(portrait.raster.spikes.length).toBeGreaterThan(0);
    expect(JSON.parse(stdout)).toMatchObject({
      figures: expect.arrayContaining([
        'raster',
        'spikes-by-class',
        'layer-rates',
        'learning-curves',
        'confusion',
      ]),
      missing: expect.arrayContaining([
        { id: 'receptive-fields', reason: 'Receptive fields are drawn of mnist-stdp alone.' },
      ]),
    });
    for (const id of ['layer-rates', 'learning-curves', 'confusion']) {
      expect(readFileSync(join(folder.path, 'figures', `${id}.svg`), 'utf8')).not.toMatch(/NaN|undefined/);
    }
  });

  it('is refused where there is none', async () => {
    addTrials(join(folder.path, 'study.db'), 'young', 0, 0);
    const { code, stderr } = await tacet(
      ['report', 'young', '--db', 'study.db', '--rerun-best'],
      folder.path,
    );
    expect([code, stderr]).toEqual([
      2,
      'tacet: --rerun-best: study young has no feasible trial yet: leave it out\n',
    ]);
  });
});

describe('a sparkline', () => {
  it.each([
    [[0, 1, 2, 3, 4, 5, 6, 7], 10, '▁▂▃▄▅▆▇█'],
    [[undefined, 5, 5], 10, ' ▁▁'],
    [[1, 2, 3, 4], 2, '▁█'],
    [[], 5, ''],
  ])('of %j is %s', (values, width, line) => {
    expect(sparkline(values, width as number)).toBe(line);
  });
});
