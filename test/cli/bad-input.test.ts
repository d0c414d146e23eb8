import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { type Finished, tacet, temporaryFolder } from './tacet.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

const PARAMS = {
  decoder: 'all',
  epochs: 1,
  map_size: 40,
  nu_pre: 5e-4,
  nu_post: 5e-3,
  strength_exc: 300,
  strength_inh: 300,
  norm: 120,
  e_thresh: -55,
  e_rest: -62,
  e_refrac: 5,
  theta_plus: 0.05,
  tc_theta_decay: 2e6,
  e_tc_decay: 1000,
  i_thresh: -30,
  i_rest: -55,
  i_refrac: 5,
  i_tc_decay: 1000,
};

const FILES: Readonly<Record<string, string>> = {
  'empty.yaml': '',
  'list.yaml': '- recipe: mnist-stdp\n',
  'broken.yaml': 'recipe: mnist-stdp\nspace: {map_size: {low: 20\n',
  'broken.json': '{ "recipe": "mnist-stdp", ',
  'unknown-key.yaml': 'recipe: mnist-stdp\nsettigns:\n  beta: 0.1\n',
  'no-recipe.yaml': 'trials: 10\n',
  'unknown-recipe.yaml': 'recipe: mnist-stpd\n',
  'wrong-type.yaml': 'recipe: mnist-stdp\ntrials: many\n',
  'wrong-setting.yaml': 'recipe: mnist-stdp\nsettings:\n  beta: none\n',
  'unknown-setting.yaml': 'recipe: mnist-stdp\nsettings:\n  trainSample: 100\n',
  'large-setting.yaml': 'recipe: mnist-stdp\nsettings:\n  beta: 1.5\n',
  'large-split.yaml': 'recipe: mnist-stdp\nsettings:\n  trainSamples: 55000\n  holdOutSamples: 5001\n',
  'reversed.yaml': 'recipe: mnist-stdp\nspace:\n  norm: 100\n  map_size: { low: 400, high: 20 }\n',
  'unknown-parameter.yaml': 'recipe: mnist-stdp\nspace:\n  mapsize: { high: 20 }\n',
  'unknown-part.yaml': 'recipe: mnist-stdp\nspace:\n  map_size: { hihg: 20 }\n',
  'text-bound.yaml': 'recipe: mnist-stdp\nspace:\n  map_size: { high: big }\n',
  'fraction.yaml': 'recipe: mnist-stdp\nspace:\n  map_size: { high: 20.5 }\n',
  'infinite.yaml': 'recipe: mnist-stdp\nspace:\n  norm: { high: .inf }\n',
  'bad-log.yaml': 'recipe: mnist-stdp\nspace:\n  nu_pre: { low: 0 }\n',
  'bad-choice.yaml': 'recipe: mnist-stdp\nspace:\n  decoder: svm\n',
  'bad-fixed.yaml': 'recipe: mnist-stdp\nspace:\n  map_size: 5000\n',
  'bad-optimizer.yaml': 'recipe: mnist-stdp\noptimizer: magic\n',
  'bad-optimizer-setting.yaml': 'recipe: mnist-stdp\noptimizer: { name: sobol, initial: -1 }\n',
  'unknown-optimizer-setting.yaml': 'recipe: mnist-stdp\noptimizer: { name: sobol, seed: 3 }\n',
  'good.yaml': 'recipe: mnist-stdp\n',
  'list.json': '[]',
  'number.json': '[3]',
  'unknown.json': JSON.stringify({ ...PARAMS, mapsize: 3 }),
  'missing.json': JSON.stringify([PARAMS, { ...PARAMS, norm: undefined }]),
  'text.json': JSON.stringify({ ...PARAMS, norm: 'high' }),
  'fraction.json': JSON.stringify({ ...PARAMS, map_size: 40.5 }),
  'decoder.json': JSON.stringify({ ...PARAMS, decoder: 'svm' }),
  'good.json': JSON.stringify(PARAMS),
  'notes.txt': 'not a database, but long enough to be taken for one by its size alone\n'.repeat(20),
};

/** Arguments, and what the one line must say: the place, the value, the remedy. */
const CASES: readonly (readonly [args: string, ...patterns: RegExp[]])[] = [
  ['serach mnist-stdp', /unknown command 'serach'/, /Did you mean search/],
  ['search', /missing required argument 'recipe\|file\|study'/],
  ['search mnist-stdp more', /too many arguments/],
  ['search mnist-stdp --trails 5', /unknown option '--trails'/, /--trials/],
  ['search mnist-stdp --trials 0', /--trials/, /'0'/, /at least 1/],
  ['search mnist-stdp --trials 1e9', /--trials/, /'1e9'/, /whole number/],
  ['search mnist-stdp --seed 9007199254740993', /--seed/, /whole number/],
  ['search mnist-stdp --slots none', /--slots/, /'none'/],
  ['search mnist-stdp --optimizer magic', /--optimizer/, /'magic'/, /sobol/],
  ['search mnist-stpd', /recipe "mnist-stpd"/, /give mnist-stdp/],
  ['search none.yaml', /none\.yaml is not there/, /another file/],
  ['search .//', /is a directory/],
  ['search empty.yaml', /empty\.yaml is empty/, /recipe:/],
  ['search list.yaml', /list\.yaml/, /give an object/],
  ['search broken.yaml', /broken\.yaml line \d+ can't be read/],
  ['search broken.json', /broken\.json line \d+ can't be read/],
  ['search unknown-key.yaml', /unknown-key\.yaml line 2: settigns is not known/, /use settings/],
  ['search no-recipe.yaml', /no-recipe\.yaml: recipe is missing/, /give one of mnist-stdp, /],
  [
    'search unknown-recipe.yaml',
    /unknown-recipe\.yaml line 1: recipe is "mnist-stpd"/,
    /give one of mnist-stdp, /,
  ],
  ['search wrong-type.yaml', /wrong-type\.yaml line 2: trials is "many"/, /give a number/],
  ['search wrong-setting.yaml', /line 3: settings\.beta is "none"/, /give a number/],
  ['search unknown-setting.yaml', /line 3: settings\.trainSample is not known/, /use trainSamples/],
  ['search large-setting.yaml', /line 3: settings\.beta is 1\.5/, /give 1 or less/],
  ['search large-split.yaml', /line 3: settings\.trainSamples is 55000/, /give fewer/, /60,000/],
  ['search reversed.yaml', /reversed\.yaml line 4/, /map_size/, /low 400 above high 20/, /swap the bounds/],
  ['search unknown-parameter.yaml', /line 3: space\.mapsize is not known/, /has map_size/],
  ['search unknown-part.yaml', /line 3: space\.map_size\.hihg is not known/, /use high/],
  ['search text-bound.yaml', /line 3: space\.map_size\.high is "big"/, /give a number/],
  ['search fraction.yaml', /line 3/, /map_size/, /20\.5/, /whole numbers/],
  ['search infinite.yaml', /line 3: space\.norm\.high is Infinity/, /give a number/],
  ['search bad-log.yaml', /line 3/, /nu_pre/, /low 0/, /positive low/],
  ['search bad-choice.yaml', /line 3/, /decoder/, /svm/, /choose one of all, vote/],
  ['search bad-fixed.yaml', /line 3/, /map_size is 5000/, /from 20 to 2000/],
  ['search bad-optimizer.yaml', /line 2: optimizer\.name is "magic"/, /sobol/],
  ['search bad-optimizer-setting.yaml', /line 2: optimizer\.initial is -1/],
  ['search unknown-optimizer-setting.yaml', /line 2: optimizer\.seed is not known/],
  [
    'search mnist-stdp --set space.map_size.high',
    /--set space\.map_size\.high assigns nothing/,
    /path=value/,
  ],
  ['search mnist-stdp --set space.map_size.high=', /has no value/],
  [
    'search mnist-stdp --set space.map_size.high=big',
    /--set space\.map_size\.high is "big"/,
    /give a number/,
  ],
  ['search mnist-stdp --set space.map_size.low=3000', /--set space\.map_size/, /low 3000 above high 2000/],
  ['search mnist-stdp --set space.mapsize=30', /--set space\.mapsize is not known/, /map_size/],
  ['search mnist-stdp --set settings.samples=30', /--set settings\.samples is not known/, /trainSamples/],
  ['search mnist-stdp --set study=30', /--set study is not known/, /settings/],
  ['search mnist-stdp --devices cuda', /device "cuda"/, /webgpu/],
  ['search mnist-stdp --devices webgpu:no-such-card', /"no-such-card"/, /tacet devices/],
  ['search mnist-stdp --metrics here', /--metrics here/, /give a port such as 9464/],
  ['search mnist-stdp --deterministic 0', /--deterministic/, /at least 1/],
  ['search mnist-stdp --deterministic --optimizer casbo', /casbo/, /leave --deterministic out/],
  ['search mnist-stdp --set optimizer.deterministic=no', /optimizer\.deterministic is "no"/, /give a number/],
  ['search mnist-stdp --db somewhere', /somewhere is a directory/, /--db/],
  ['search mnist-stdp --db notes.txt', /notes\.txt is not a SQLite database/, /--db/],
  ['search mnist-stdp --db none/tacet.db', /there is no directory none/, /--db/],
  ['studies --db none.db', /there is no store none\.db/, /--db/],
  ['studies --db notes.txt', /notes\.txt is not a SQLite database/, /--db/],
  ['show mnist-stdp --db none.db', /there is no store none\.db/],
  ['show', /missing required argument 'study'/],
  ['show mnist-stdp --trial first', /--trial/, /'first'/, /whole number/],
  ['evaluate mnist-stdp', /--params is missing: give a JSON file/],
  ['evaluate mnist-stdp --params none.json', /none\.json is not there/],
  ['evaluate mnist-stdp --params broken.json', /broken\.json can't be read/],
  ['evaluate mnist-stdp --params list.json', /list\.json has an empty list/],
  ['evaluate mnist-stdp --params number.json', /number\.json entry 0 is 3/, /give an object/],
  ['evaluate mnist-stdp --params unknown.json', /unknown\.json: mapsize is not known/, /map_size/],
  ['evaluate mnist-stdp --params missing.json', /missing\.json entry 1: norm is missing/, /give a number/],
  ['evaluate mnist-stdp --params text.json', /text\.json: norm is "high"/, /give a number/],
  ['evaluate mnist-stdp --params fraction.json', /fraction\.json: map_size is 40\.5/, /whole number/],
  ['evaluate mnist-stdp --params decoder.json', /decoder\.json: decoder is "svm"/, /one of all, vote/],
  ['evaluate mnist-stdp --params good.json --samples 2', /--samples/, /'2'/],
  ['evaluate mnist-stdp --params good.json --devices cuda', /device "cuda"/],
  ['evaluate mnist-stpd --params good.json', /recipe "mnist-stpd"/],
];

/** The cases that are run as a user runs them, in a process of their own: one of each kind, and all that open devices. */
const OWN_PROCESS = [
  'serach mnist-stdp',
  'search mnist-stdp --trials 0',
  'search none.yaml',
  'search reversed.yaml',
  'search mnist-stdp --set space.mapsize=30',
  'search mnist-stdp --devices cuda',
  'search mnist-stdp --devices webgpu:no-such-card',
  'search mnist-stdp --db notes.txt',
  'show mnist-stdp --db none.db',
  'evaluate mnist-stdp --params missing.json',
];
/** Cases that open a device or a store only after one: these too need a process of their own. */
const OPENS_DEVICE = /--devices|^search mnist-stdp --db/;

/** Runs the command in this process. */
async function inThisProcess(args: string): Promise<Finished> {
  const written = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    vi.spyOn(process[stream], 'write').mockImplementation((text) => {
      written[stream] += String(text);
      return true;
    }),
  );
  const before = { exitCode: process.exitCode, directory: process.cwd() };
  process.chdir(folder.path);
  try {
    process.exitCode = undefined;
    await main(['node', 'tacet', ...args.split(' ')]);
    return { code: Number(process.exitCode ?? 0), signal: null, ...written };
  } finally {
    process.chdir(before.directory);
    process.exitCode = before.exitCode;
    for (const spy of spies) spy.mockRestore();
  }
}

describe('bad input', () => {
  beforeAll(() => {
    mkdirSync(join(folder.path, 'somewhere'));
    for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder.path, name), text);
  });

  const cases = CASES.map(([args, ...patterns]) => ({ args, patterns }));
  const isOwn = ({ args }: { readonly args: string }) =>
    OWN_PROCESS.includes(args) || OPENS_DEVICE.test(args);

  function expectRefusal({ code, stdout, stderr }: Finished, patterns: readonly RegExp[]): void {
    expect(stderr).toMatch(/^tacet: [^\n]+\n$/);
    expect(stderr).not.toMatch(/undefined|\[object|NaN/);
    for (const pattern of patterns) expect(stderr).toMatch(pattern);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  }

  it.each(cases.filter((one) => !isOwn(one)))('tacet $args', async ({ args, patterns }) => {
    expectRefusal(await inThisProcess(args), patterns);
  });

  it.each(cases.filter(isOwn))('tacet $args, in a process of its own', async ({ args, patterns }) => {
    expectRefusal(await tacet(args.split(' '), folder.path), patterns);
  });

  it('shows the stack when asked, below the same line', async () => {
    const { code, stderr } = await tacet(['search', 'reversed.yaml'], folder.path, { TACET_DEBUG: '1' });
    expect(stderr).toMatch(/^tacet: reversed\.yaml line 4.*\n(.*\n)*\s+at .*study-plan/);
    expect(stderr).toContain('caused by SpaceError');
    expect(code).toBe(2);
  });
});
