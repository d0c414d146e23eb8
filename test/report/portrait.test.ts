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
    const html = readFileSync(join(folder.path, 'r.html'), 'utf8');
    const json = /<script type="application\/json" id="study">(.*)<\/script>/.exec(html)?.[1] ?? '';
    const { portrait, trials } = JSON.parse(json) as StudyData & { readonly portrait: Portrait };
    const trial = trials[portrait.trial];
    expect(portrait.accuracy).toBe(trial?.outcome?.objective);
    expect(portrait.recordedAccuracy).toBe(trial?.outcome?.objective);
    expect(portrait.neurons).toBe(trial?.values.map_size);
    expect(atob(portrait.fields.pixels)).toHaveLength(portrait.fields.neurons.length * 784);
    // Each field is scaled to its largest weight.
    for (const [k] of portrait.fields.neurons.entries()) {
      const field = atob(portrait.fields.pixels).slice(784 * k, 784 * (k + 1));
      expect(Math.max(...Array.from(field, (pixel) => pixel.charCodeAt(0)))).toBe(255);
    }
    expect(portrait.classes.reduce((sum, { samples }) => sum + samples, 0)).toBe(8);
    // Eight samples of the hold-out are all in the raster: as many spikes as the trial counted there.
    const holdOut = trial?.outcome?.phases.find(({ phase }) => phase === 'hold-out');
    expect(portrait.raster.spikes).toHaveLength(holdOut?.layers[0]?.spikes ?? -1);
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
