/** Every command that README and docs show is run here, or stands below with the reason why not. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/main.ts';
import { tacet, temporaryFolder } from '../cli/tacet.ts';
import { writeTwoDigits } from '../data/own-images.ts';
import { addTrials } from '../report/studies.ts';
import { blocks, commands, pages, ROOT, textOf } from './blocks.ts';

/** Makes trials so small that a search of some is over at once. */
const SMALL =
  '--trials 2 --set settings.trainSamples=24 --set settings.holdOutSamples=8 --set settings.steps=50 --set space.map_size.high=40 --set space.epochs=1';

/** The same for a recipe of training. */
const FEW_MANIFOLDS =
  '--trials 2 --set settings.samplesPerClass=20 --set settings.steps=20 --set space.epochs=2 --set space.hidden.high=32';

/** Commands that are run with some words more: the last word of an option counts. */
const SHORTENED: readonly (readonly [command: string, more: string])[] = [
  ['npx tacet devices', ''],
  ['npx tacet search mnist-stdp', SMALL],
  [
    'npx tacet search mnist-stdp --name full --trials 868 --set settings.trainSamples=48000 --set settings.holdOutSamples=12000',
    SMALL,
  ],
  [
    'npx tacet search mnist-stdp --name small --trials 40 --set space.map_size.high=400 --set space.decoder=vote',
    SMALL,
  ],
  ['npx tacet search randman', FEW_MANIFOLDS],
  ['npx tacet search randman --optimizer casbo', `${FEW_MANIFOLDS} --name cheap`],
  ['npx tacet lyapunov hrsnn --set neurons=200 -o spectrum.svg', '--duration 50'],
  [
    'npx tacet search hrsnn-spectrum',
    '--trials 2 --set settings.neurons=30 --set settings.durationMs=20 --set settings.transientMs=10',
  ],
  [
    'npx tacet search hrsnn-spectrum --name wide --trials 200 --set settings.objective=dimension --set settings.exponents=32',
    '--trials 2 --set settings.neurons=30 --set settings.durationMs=20 --set settings.transientMs=10',
  ],
  ['npx tacet simulate cuba', '--duration 10'],
  ['npx tacet simulate cuba --networks 8', '--duration 5'],
];

/** Commands that are run as they stand, after one another, in a folder with a study and what is imported. */
const RUN_AS_SHOWN = ['docs/tutorial.md', 'docs/reports.md', 'docs/how-to.md'];

const NOT_RUN: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/^npm (ci|test|run|install)/, 'it is what runs these tests, or would change the clone that they run in'],
  [/^scripts\/api-reference\.sh/, 'it installs TypeDoc'],
  [/^npx vitest/, 'it would run the tests from within the tests'],
  [
    /^scripts\/(fresh-clone|smoke-test-package|install-postgres)\.sh/,
    'it installs packages; .ci/run runs the package test',
  ],
  [/^(node_modules\/\.bin\/)?node bench\//, 'a bench: it needs an idle machine for minutes'],
  [
    /^sqlite3 /,
    "sqlite3 may not be there; test/study/store.test.ts reads the tables by the same queries' means",
  ],
  [/--devices (all|native,webgpu:radeon)/, 'it needs graphics cards'],
  [/--rerun-best$/, 'test/report/portrait.test.ts runs it on a study of its own'],
  [
    /^npx tacet dashboard/,
    'it runs until it is interrupted; test/report/pages.test.ts looks at it in a browser',
  ],
  [/--name warm --trials 1000$/, 'a thousand trials; test/study/exchange.test.ts goes on from an import'],
  [
    /^npx tacet (bench|profile)( |$)/,
    'a bench: it needs an idle machine; test/cli/bench.test.ts runs smaller ones',
  ],
  [
    /^npx tacet lyapunov (hrsnn .*surrogate|network)/,
    'a minute on a software adapter, or a file of its own; test/cli/lyapunov.test.ts runs smaller ones',
  ],
  [/^npx tacet search (spoken-digits|dvs-slayer)/, 'it needs the recordings'],
  [/^npx tacet search mnist-slayer/, 'it needs the native engine; test/study/slayer.test.ts runs its trials'],
  [
    /^npx tacet (train|evaluate mnist-dense)/,
    'it trains for minutes; test/cli/train.test.ts trains, saves and evaluates smaller ones',
  ],
  [
    /^npx tacet (prune|simulate sparse)/,
    "it needs the native engine's eigenvalues; test/cli/prune.test.ts runs smaller ones",
  ],
  [
    /^npx tacet simulate (brunel|hrsnn)/,
    'minutes on a software adapter; test/cli/simulate.test.ts runs smaller ones',
  ],
  [
    /(postgres:|tacet worker|tacet copy|TACET_DB|psql|createdb)/,
    'it needs a PostgreSQL server; test/cli/cluster.test.ts starts one',
  ],
];

const folder = temporaryFolder();
afterAll(() => folder.remove());

/** The generated page has the examples of --help, which test/cli/help.test.ts tries. */
const SHOWN = pages()
  .filter((page) => page !== 'docs/reference/cli.md')
  .map((page) => ({ page, shown: [...new Set(commands(textOf(page)))] }));
const reasonOf = (command: string) => NOT_RUN.find(([pattern]) => pattern.test(command))?.[1];

/** Runs a command of `tacet` in the folder; it must end well. */
async function run(command: string, cwd: string): Promise<void> {
  const [, , ...args] = command.trim().split(' ');
  const { code, stderr } = await tacet(args, cwd, { XDG_CACHE_HOME: process.env.XDG_CACHE_HOME });
  expect(code, `${command}: ${stderr}`).toBe(0);
}

describe('commands in the documentation', () => {
  it('are all run, or have a reason not to be', () => {
    const known = new Set(SHORTENED.map(([command]) => command));
    const unknown = SHOWN.filter(({ page }) => !RUN_AS_SHOWN.includes(page)).flatMap(({ page, shown }) =>
      shown
        .filter((command) => !known.has(command) && reasonOf(command) === undefined)
        .map((one) => `${page}: ${one}`),
    );
    expect(unknown).toEqual([]);
  });

  it('that are shortened are still shown', () => {
    const all = new Set(SHOWN.flatMap(({ shown }) => shown));
    expect(SHORTENED.map(([command]) => command).filter((command) => !all.has(command))).toEqual([]);
  });

  it('name scripts and benches that are there', () => {
    for (const { page, shown } of SHOWN) {
      for (const file of shown.flatMap((command) => command.match(/\b(bench|scripts)\/[\w./-]+/g) ?? [])) {
        expect(existsSync(join(ROOT, file)), `${page}: ${file}`).toBe(true);
      }
    }
  });

  it.each(SHOWN.flatMap(({ shown }) => shown.filter((one) => one.startsWith('npx tacet'))))(
    '%s is a command',
    (command) => {
      const program = createProgram();
      const [, , name] = command.split(' ');
      expect(program.commands.map((one) => one.name())).toContain(name);
    },
  );

  it.each(SHORTENED)('%s runs, with less to do', async (command, more) => {
    await run(`${command} ${more}`, folder.path);
  });
});

describe.each(RUN_AS_SHOWN)('the commands of %s', (page) => {
  const place = temporaryFolder();
  afterAll(() => place.remove());
  beforeAll(() => {
    if (page === 'docs/tutorial.md') return;
    addTrials(join(place.path, 'tacet.db'), 'mnist-stdp', 0, 30);
    writeFileSync(join(place.path, 'all_evaluations.csv'), TABLE);
    writeTwoDigits(place.path, 200);
    const [network = ''] = blocks(textOf('docs/networks.md'), ['yaml']);
    writeFileSync(join(place.path, 'two-populations.yaml'), network);
  });

  it.each(commands(textOf(page)).filter((command) => reasonOf(command) === undefined))('%s', (command) =>
    run(command, place.path),
  );
});

const TABLE = `decoder,epochs,map_size,nu_pre,nu_post,strength_exc,strength_inh,norm,e_thresh,e_rest,e_refrac,theta_plus,tc_theta_decay,e_tc_decay,i_thresh,i_rest,i_refrac,i_tc_decay,valid,stopped,processed_images,constraint_0,constraint_1
all,1,148,0.001,0.008,221,115,85,-8,-64,1,0.4,9000000,3890,-20,-53,19,4917,0.8,False,48000,-0.05,-0.1
`;
