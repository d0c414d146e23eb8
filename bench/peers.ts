/**
 * All comparisons with other systems by one command: their packages are installed from PyPI into one virtual environment,
 * and each case runs the same work on both sides, alternating in one go. What a peer can't do, and what could not be
 * installed, is written, not left out.
 *
 *   node bench/peers.ts [--case optuna,lyapunov] [--rounds 3] [--venv .venv | --python FILE]
 *     [--results bench/results/peers]
 *   node bench/render-performance.ts --peers bench/results/peers
 *
 * Each case's output is printed and kept in the folder of the results; the second command writes them into
 * docs/performance.md. `--python` names an interpreter that has the packages, into which nothing is installed then. Run it on
 * an idle machine: each case takes some minutes, all half an hour, and some GB of packages.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { PeerResult } from './peers/result.ts';

interface PeerCase {
  readonly name: string;
  /** What is compared, and what the peer can't do of it. */
  readonly about: string;
  /** Undefined where nothing can be run. */
  readonly run?: PeerRun;
}

interface PeerRun {
  /** As pip takes them, and what is imported from them. */
  readonly packages: readonly string[];
  readonly imports: string;
  /** The script and its arguments. */
  readonly command: (python: string) => readonly string[];
  /** Whether the script itself goes back and forth; else it is run as often as there are rounds. */
  readonly alternates: boolean;
}

const SURROGATE = {
  packages: ['torch==2.9.1', 'snntorch==1.0.0', 'norse', 'spikingjelly'],
  imports: 'torch, snntorch, norse, spikingjelly',
  alternates: false,
};

const CASES: readonly PeerCase[] = [
  {
    name: 'bindsnet',
    about:
      'Diehl & Cook training. BindsNET runs one network at a time: different networks side by side it can not, nor stop silent ones.',
    run: {
      packages: ['bindsnet==0.3.4'],
      imports: 'bindsnet',
      // As many steps as the recorded experiment shows an image.
      command: (python) => [
        ...['bench/peers/bindsnet.ts', '--steps', '100', '--repetitions', '3', '--python', python],
      ],
      alternates: true,
    },
  },
  {
    name: 'brian2',
    about:
      'CUBA with and without STDP, sixteen networks of a second, and one of Brunel, in C++ standalone. One network a process; no search, no silence.',
    run: {
      packages: ['brian2==2.9.0', 'numpy<2.4'],
      imports: 'brian2',
      // Brian2 builds a program for each case and repetition.
      command: (python) => [
        ...['bench/recurrent-peers.ts', '--case', 'cuba,cuba-stdp,brunel', '--networks', '16'],
        ...['--duration', '1000', '--repetitions', '3', '--python', python],
      ],
      alternates: true,
    },
  },
  {
    name: 'surrogate-recurrent',
    about:
      'snnTorch, Norse, SpikingJelly: forward and backward of a recurrent network. Each trains one network at a time; STDP in sparse networks of different sizes they can not.',
    run: {
      ...SURROGATE,
      command: (python) => ['bench/training.ts', '--task', 'recurrent', '--python', python],
    },
  },
  {
    name: 'surrogate-dense',
    about: 'snnTorch, Norse, SpikingJelly: forward and backward of 1,024 to 1,024 neurons over 500 steps.',
    run: {
      ...SURROGATE,
      command: (python) => ['bench/training.ts', '--task', 'dense', '--n', '1024', '--python', python],
    },
  },
  {
    name: 'lyapunov',
    about:
      'All exponents of a network in NumPy, SciPy and JAX, which know nothing of spiking networks: the same maps.',
    run: {
      packages: ['scipy', 'jax', 'numpy'],
      imports: 'scipy, jax',
      command: (python) => [
        ...['bench/lyapunov.ts', '--case', 'spectrum', '--steps', '200', '--peer-steps', '100'],
        ...['--peers', 'numpy-dense,numpy-sparse,jax-dense', '--python', python],
      ],
      alternates: true,
    },
  },
  {
    name: 'optuna',
    about: 'Ask and tell with two constraints: random, TPE, and GP. Optuna runs no networks.',
    run: {
      packages: ['optuna==4.6.0', 'scipy', 'torch==2.9.1'],
      imports: 'optuna, torch',
      // Optuna's Gaussian process takes seconds a trial after some hundreds, and more beside other work.
      command: (python) => [
        ...['bench/peers/optuna.ts', '--before', '60', '--count', '5', '--repetitions', '2'],
        ...['--python', python],
      ],
      alternates: true,
    },
  },
  {
    name: 'optuna-problems',
    about:
      'TPE and GP with constraints against our SCBO on the same problems, one proposal at a time, two seeds. Optuna has no trust regions.',
    run: {
      packages: ['optuna==4.6.0', 'scipy', 'torch==2.9.1'],
      imports: 'optuna, torch',
      command: (python) => [
        // Its Gaussian process takes seconds a trial, and both problems have feasible points that random ones find.
        ...['bench/peers/optimizers.ts', '--peer', 'optuna', '--problems', 'pressureVessel,weldedBeam'],
        ...['--evaluations', '30', '--python', python],
      ],
      alternates: true,
    },
  },
  {
    name: 'botorch',
    about:
      'SCBO on two test problems, two seeds each; docs/optimizer.md has more of both. BoTorch runs no networks.',
    run: {
      packages: ['torch==2.9.1', 'botorch==0.18.1'],
      imports: 'botorch',
      command: (python) => ['bench/peers/optimizers.ts', '--peer', 'botorch', '--python', python],
      alternates: true,
    },
  },
  {
    name: 'genn',
    about:
      'Not run: PyGeNN is not on PyPI, so it has to be built from its sources with a C++ compiler and libffi. Networks with connectivity of their own in one launch it can not (its issue 463).',
  },
];

const { values } = parseArgs({
  options: {
    case: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    venv: { type: 'string', default: '.venv' },
    python: { type: 'string' },
    results: { type: 'string', default: 'bench/results/peers' },
  },
});
const wanted = values.case?.split(',');
const unknown = wanted?.find((name) => !CASES.some((one) => one.name === name));
if (unknown !== undefined) {
  throw new Error(`there is no case "${unknown}": give some of ${CASES.map(({ name }) => name).join(', ')}`);
}
const python = values.python ?? join(values.venv, 'bin', 'python');
mkdirSync(values.results, { recursive: true });
for (const one of CASES) {
  if (wanted && !wanted.includes(one.name)) continue;
  console.log(`\n${one.name}: ${one.about}`);
  const made = one.run === undefined ? { output: '' } : resultOf(one.run);
  const result: PeerResult = {
    name: one.name,
    about: one.about,
    madeAt: new Date().toISOString(),
    ...made,
  };
  writeFileSync(join(values.results, `${one.name}.json`), `${JSON.stringify(result, null, 2)}\n`);
}

/** Installs what is missing, and runs both sides. */
function resultOf(run: PeerRun): Pick<PeerResult, 'command' | 'output'> {
  const missing = install(run);
  if (missing !== undefined) {
    console.log(missing);
    return { output: missing };
  }
  const command = run.command(python);
  const rounds = run.alternates ? 1 : Number(values.rounds);
  let output = '';
  for (let round = 0; round < rounds; round++) {
    const { status, stdout } = spawnSync(process.execPath, command, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      maxBuffer: 2 ** 26,
    });
    process.stdout.write(stdout);
    output += status === 0 ? stdout : `${stdout}It failed with ${status}.\n`;
  }
  const times = rounds === 1 ? '' : `, ${rounds} times`;
  // As anybody would type it, wherever the environment was this time.
  return { command: `node ${run.command('.venv/bin/python').join(' ')}${times}`, output };
}

/** @returns why it could not be installed */
function install({ packages, imports }: PeerRun): string | undefined {
  const works = () => spawnSync(python, ['-c', `import ${imports}`]).status === 0;
  if (existsSync(python) && works()) return undefined;
  if (values.python !== undefined) return `Not run: ${values.python} can't import ${imports}.`;
  if (!existsSync(python)) spawnSync('python3', ['-m', 'venv', values.venv], { stdio: 'inherit' });
  const { status, stderr } = spawnSync(python, ['-m', 'pip', 'install', '--quiet', ...packages], {
    encoding: 'utf8',
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  if (status === 0 && works()) return undefined;
  const reason = (stderr ?? '').trim().split('\n').at(-1);
  return `Not run: ${packages.join(', ')} could not be installed: ${reason === '' ? `import ${imports} fails` : reason}`;
}
