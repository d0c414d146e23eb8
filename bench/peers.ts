/**
 * All comparisons with other systems by one command: each installs its peer from PyPI into `.venv` and runs the same work on
 * both sides, alternating. What a peer can't do is written, not left out.
 *
 *   node bench/peers.ts [--only bindsnet,optuna] [--results bench/results/peers]
 *
 * Each comparison's output is printed and kept in the folder of the results. Run it on an idle machine: half an hour, and
 * some GB of packages.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

interface Peer {
  readonly name: string;
  /** What is compared, and what the peer can't do of it. */
  readonly about: string;
  /** The script and its arguments; undefined where nothing can be run. */
  readonly command?: readonly string[];
}

const PEERS: readonly Peer[] = [
  {
    name: 'bindsnet',
    about:
      'Diehl & Cook training. BindsNET runs one network at a time; different networks side by side it can not',
    command: ['bench/peers/bindsnet.ts'],
  },
  {
    name: 'brian2',
    about:
      'CUBA and Brunel, with and without STDP, in C++ standalone. One network a process; no search, no silence',
    command: ['bench/recurrent-peers.ts'],
  },
  {
    name: 'optuna',
    about: 'ask and tell with two constraints, TPE, and GP where torch is installed. Optuna runs no networks',
    command: ['bench/peers/optuna.ts'],
  },
  {
    name: 'botorch',
    about: 'SCBO on test problems. BoTorch runs no networks',
    command: ['bench/optimizer.ts'],
  },
  {
    name: 'genn',
    about:
      'not run: PyGeNN is not on PyPI, so it has to be built from its sources with a C++ compiler and libffi; networks with connectivity of their own in one launch it can not (its issue 463)',
  },
  {
    name: 'snntorch, norse, spikingjelly',
    about:
      'not run: they train dense networks by surrogate gradients, which bench/peers compares once the suite of training is there; STDP in sparse networks of different sizes side by side they can not',
  },
  {
    name: 'lyapunov',
    about: 'not run: a spectrum in NumPy or JAX is compared once the suite of Lyapunov spectra is there',
  },
];

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    results: { type: 'string', default: 'bench/results/peers' },
  },
});
const wanted = values.only?.split(',');
const unknown = wanted?.find((name) => !PEERS.some((peer) => peer.name === name));
if (unknown !== undefined) {
  throw new Error(`there is no peer "${unknown}": give some of ${PEERS.map(({ name }) => name).join('; ')}`);
}
mkdirSync(values.results, { recursive: true });
for (const { name, about, command } of PEERS) {
  if (wanted && !wanted.includes(name)) continue;
  console.log(`\n${name}: ${about}`);
  if (!command) continue;
  const { status, stdout } = spawnSync(process.execPath, command, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 26,
  });
  process.stdout.write(stdout);
  writeFileSync(join(values.results, `${name}.txt`), `node ${command.join(' ')}\n${stdout}`);
  if (status !== 0) console.log(`${name} failed with ${status}`);
}
