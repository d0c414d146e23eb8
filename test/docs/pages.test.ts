/** Pages that follow from the code are as the code is now; examples run; links lead somewhere. */
import { execFile } from 'node:child_process';
import { existsSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { GENERATED } from '../../scripts/generate-docs.ts';
import { temporaryFolder } from '../cli/tacet.ts';
import { NO_POSTGRES, startPostgres } from '../study/temporary-postgres.ts';
import { blocks, pages, ROOT, textOf } from './blocks.ts';

const run = promisify(execFile);
const folder = temporaryFolder();
afterAll(() => folder.remove());

describe('generated pages', () => {
  it.each(Object.entries(GENERATED))('docs/%s is up to date: else npm run docs', (page, generate) => {
    expect(textOf(`docs/${page}`)).toBe(generate());
  });

  it('describe every setting', () => {
    const text = textOf('docs/reference/recipes.md');
    expect(text).not.toContain('undefined');
    expect(text).toContain(
      '| `beta` | number from 0 to 1 | 0.1 | Share of the training samples that may be silent',
    );
    expect(text).toContain('| `fitPoints` | whole number above 0 | 400 | The most points that a fit');
  });
});

/** Runs a program that imports the package by its name. */
async function runProgram(name: string, code: string, ...args: readonly string[]): Promise<string> {
  // In a clone the package is not built: its name stands for the sources.
  const file = join(ROOT, 'test', 'docs', `.${name}.${process.pid}.ts`);
  writeFileSync(file, code.replace("from 'tacet'", "from '../../src/index.ts'"));
  try {
    const given = args.length > 0 ? args : [join(folder.path, `${name}.db`)];
    return (await run(process.execPath, [file, ...given])).stdout;
  } finally {
    rmSync(file);
  }
}

describe('examples', () => {
  const example = (name: string) => readFileSync(join(ROOT, 'docs/examples', `${name}.ts`), 'utf8');

  it('are all tried here', () => {
    expect(globSync('docs/examples/*.ts', { cwd: ROOT }).sort()).toEqual([
      'docs/examples/optimize-a-function.ts',
      'docs/examples/own-kernel.ts',
      'docs/examples/own-optimizer.ts',
      'docs/examples/profile-a-launch.ts',
      'docs/examples/search-from-a-program.ts',
      'docs/examples/search-on-a-cluster.ts',
      'docs/examples/search-on-several-devices.ts',
      'docs/examples/search-own-model.ts',
      'docs/examples/simulate-a-network.ts',
      'docs/examples/train-on-own-data.ts',
    ]);
  });

  it('optimize-a-function finds the best that is allowed', async () => {
    const { values, feasible } = JSON.parse(await runProgram('optimize', example('optimize-a-function')));
    expect(feasible).toBe(true);
    expect(values.units).toBeGreaterThan(35);
    expect(values.units).toBeLessThanOrEqual(40);
    expect(Math.abs(Math.log10(values.rate) + 2)).toBeLessThan(0.5);
  });

  it('simulate-a-network has neurons that spike, irregularly and not too often', async () => {
    const { rateHz, cvOfIntervals } = JSON.parse(await runProgram('simulate', example('simulate-a-network')));
    expect(rateHz).toBeGreaterThan(1);
    expect(rateHz).toBeLessThan(100);
    expect(cvOfIntervals).toBeGreaterThan(0.1);
  });

  it('search-from-a-program ends its eight trials', async () => {
    const { finished, counts } = JSON.parse(await runProgram('search', example('search-from-a-program')));
    expect(finished).toBe(true);
    expect(counts.complete + counts.silent).toBe(8);
  });

  it('search-own-model finds weights that give the wanted rate', async () => {
    const { feasible, objective } = JSON.parse(await runProgram('own-model', example('search-own-model')));
    expect(feasible).toBe(true);
    expect(objective).toBeGreaterThan(-Math.log(1.5));
  });

  it('own-optimizer comes to the optimum', async () => {
    const { values } = JSON.parse(await runProgram('own-optimizer', example('own-optimizer')));
    expect(Math.hypot(values.x - 1, values.y + 2)).toBeLessThan(0.05);
  });

  it('own-kernel counts as plain TypeScript does', async ({ skip }) => {
    if (!inject('presentDevices').some(({ spec }) => spec.startsWith('webgpu'))) skip('no WebGPU adapter');
    const file = join(ROOT, 'docs/examples/own-kernel.wgsl');
    const printed = await runProgram('own-kernel', example('own-kernel'), 'no store', file);
    expect(JSON.parse(printed)).toMatchObject({ neurons: 1000, wrong: -1 });
  });

  it('train-on-own-data tells the classes apart', async () => {
    const { accuracy } = JSON.parse(await runProgram('own-data', example('train-on-own-data')));
    expect(accuracy).toBeGreaterThan(0.9);
  });

  it('profile-a-launch has times of kernels', async () => {
    const kernels = Object.values(JSON.parse(await runProgram('profile', example('profile-a-launch'))));
    expect(kernels.length).toBeGreaterThan(0);
    for (const one of kernels) {
      expect(one).toMatchObject({ launches: expect.any(Number), milliseconds: expect.any(Number) });
      expect((one as { launches: number }).launches).toBeGreaterThan(0);
    }
  });

  it('search-on-several-devices runs all trials, each on one of them', async () => {
    // The first word of a name, as names may have commas of their own.
    const specs = inject('presentDevices')
      .map(({ spec }) => spec.split(' ')[0] as string)
      .slice(0, 2);
    const store = join(folder.path, 'several.db');
    const code = example('search-on-several-devices');
    const { finished, ran } = JSON.parse(await runProgram('several', code, store, specs.join(',')));
    expect(finished).toBe(true);
    expect(ran).toHaveLength(12);
    expect(ran).not.toContain(null);
  });

  it.skipIf(NO_POSTGRES)('search-on-a-cluster ends its eight trials', async () => {
    await using server = await startPostgres();
    const address = server.urlOf(await server.createDatabase());
    const { finished, counts } = JSON.parse(
      await runProgram('cluster', example('search-on-a-cluster'), address),
    );
    expect(finished).toBe(true);
    expect(counts.complete + counts.silent).toBe(8);
  });

  it.each(['README.md', 'docs/how-to.md'])('the program in %s runs', async (page) => {
    const programs = blocks(textOf(page), ['ts']).filter((code) => code.includes("from 'tacet'"));
    expect(programs.length).toBeGreaterThan(0);
    for (const [index, code] of programs.entries()) {
      expect(await runProgram(`${page.replace('/', '-')}-${index}`, code)).not.toMatch(/undefined/);
    }
  });
});

describe('links', () => {
  it.each(pages())('of %s lead to pages and headings that are there', (page) => {
    const text = textOf(page);
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = '', heading] = target.split('#');
      const file = path === '' ? page : join(dirname(page), path);
      expect(existsSync(join(ROOT, file)), `${page}: ${target}`).toBe(true);
      if (heading === undefined) continue;
      const headings = [...textOf(file).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
        title
          .toLowerCase()
          .replaceAll(/[^\w\s-]/g, '')
          .replaceAll(' ', '-'),
      );
      expect(headings, `${page}: ${target}`).toContain(heading);
    }
  });
});
