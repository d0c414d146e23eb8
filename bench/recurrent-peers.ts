/**
 * Recurrent networks here and in Brian2 (PyPI, C++ standalone), alternating in one go: CUBA and Brunel's network, both
 * with and without STDP.
 *
 *   node bench/recurrent-peers.ts [--device native] [--case cuba,cuba-stdp,coba,brunel,brunel-stdp] [--networks 16]
 *     [--duration 1000] [--repetitions 3] [--processes 2] [--python .venv/bin/python]
 *
 * Brian2 runs one process a network, as many at once as there are processors; counted is its own time of the simulation
 * alone, without building, connecting and writing results, summed over the networks and divided by the processes. Here
 * counted is the wall time of the run with all spikes read back, without compiling and uploading networks. So both leave
 * out what happens once. Makes `.venv` with Brian2 in it unless `--python` names an interpreter that has it.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openDevice } from '../src/device/index.ts';
import { RecurrentBatch, type RecurrentRecord } from '../src/kernels/recurrent-batch.ts';
import { brunel } from '../src/network/models/brunel.ts';
import { coba, cuba } from '../src/network/models/vogels-abbott.ts';
import type { Network } from '../src/network/network.ts';
import { spikeStatistics, spikesOf } from '../src/network/spikes.ts';
import { interpreterWith } from './peers/interpreter.ts';
import { brunelWithStdp, cubaWithStdp } from './peers/plastic-networks.ts';
import { median } from './statistics.ts';

const { values: options } = parseArgs({
  options: {
    device: { type: 'string', default: 'native' },
    case: { type: 'string', default: 'cuba,cuba-stdp,brunel,brunel-stdp' },
    networks: { type: 'string', default: '16' },
    duration: { type: 'string', default: '1000' },
    repetitions: { type: 'string', default: '3' },
    processes: { type: 'string', default: String(availableParallelism()) },
    python: { type: 'string' },
  },
});

interface Case {
  readonly make: (options: { readonly seed: number }) => Network;
  readonly request: Readonly<Record<string, unknown>>;
  /** Networks at once; one where a single network is the question. */
  readonly networks: number;
  /** Share of the duration. */
  readonly durationShare: number;
  readonly warmUpMs: number;
}

const many = Number(options.networks);
const CASES: Readonly<Record<string, Case>> = {
  cuba: {
    make: cuba,
    request: { model: 'cuba', stdp: false },
    networks: many,
    durationShare: 1,
    warmUpMs: 0,
  },
  'cuba-stdp': {
    make: cubaWithStdp,
    request: { model: 'cuba', stdp: true },
    networks: many,
    durationShare: 1,
    warmUpMs: 0,
  },
  coba: {
    make: coba,
    request: { model: 'coba', stdp: false },
    networks: many,
    durationShare: 1,
    warmUpMs: 0,
  },
  brunel: {
    make: (seed) => brunel({ ...seed, g: 5, eta: 2 }),
    request: { model: 'brunel', stdp: false, g: 5, eta: 2 },
    networks: 1,
    durationShare: 1,
    warmUpMs: 100,
  },
  'brunel-stdp': {
    make: brunelWithStdp,
    request: { model: 'brunel', stdp: true, g: 5, eta: 2 },
    networks: 1,
    durationShare: 0.5,
    warmUpMs: 100,
  },
};

interface PeerNetwork {
  readonly seconds: number;
  readonly rateHz: number;
  readonly variation: number;
}

interface PeerAnswer {
  readonly brian2: string;
  readonly networks: readonly PeerNetwork[];
}

function runPeer(python: string, chosen: Case, durationMs: number, directory: string): PeerAnswer {
  const request = {
    ...chosen.request,
    networks: chosen.networks,
    processes: Math.min(chosen.networks, Number(options.processes)),
    durationMs,
    warmUpMs: chosen.warmUpMs,
    directory,
  };
  const { status, stdout, stderr } = spawnSync(python, ['bench/peers/brian2_recurrent.py'], {
    input: JSON.stringify(request),
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) throw new Error(`Brian2 failed:\n${stderr}`);
  return JSON.parse(stdout.slice(stdout.lastIndexOf('{"brian2"'))) as PeerAnswer;
}

await using device = await openDevice(options.device);

async function runHere(chosen: Case, durationMs: number) {
  const compiled = Array.from({ length: chosen.networks }, (_, seed) => chosen.make({ seed }).compile());
  const { dtMs } = compiled[0] as { dtMs: number };
  using batch = await RecurrentBatch.create(device, compiled, { record: { spikes: true } });
  await batch.run(Math.max(1, Math.round(chosen.warmUpMs / dtMs)));
  const started = performance.now();
  const records: RecurrentRecord[] = await batch.run(Math.round(durationMs / dtMs));
  const seconds = (performance.now() - started) / 1000;
  const statistics = records.map((record, index) =>
    spikeStatistics(spikesOf([record], dtMs, compiled[index]?.neurons ?? 0)),
  );
  return { seconds, statistics };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

// Brian2 2.9 uses what NumPy 2.4 no longer has.
const python = interpreterWith('brian2', ['brian2==2.9.0', 'numpy<2.4'], options.python);
const directory = mkdtempSync(join(tmpdir(), 'tacet-brian2-'));
try {
  for (const name of options.case.split(',')) {
    const chosen = CASES[name];
    if (!chosen) throw new Error(`there is no case "${name}": give some of ${Object.keys(CASES).join(', ')}`);
    const durationMs = Number(options.duration) * chosen.durationShare;
    const simulated = (chosen.networks * durationMs) / 1000;
    const processes = Math.min(chosen.networks, Number(options.processes));
    console.log(
      `${name}: ${chosen.networks} network(s), ${durationMs} ms; Brian2 in ${processes} process(es), ${device.info.name}`,
    );
    const ratios: number[] = [];
    for (let repetition = 0; repetition < Number(options.repetitions); repetition++) {
      const peer = runPeer(python, chosen, durationMs, join(directory, name));
      // Brian2's time includes the warm-up.
      const share = durationMs / (durationMs + chosen.warmUpMs);
      const peerSeconds = (share * peer.networks.reduce((sum, { seconds }) => sum + seconds, 0)) / processes;
      const here = await runHere(chosen, durationMs);
      const ratio = peerSeconds / here.seconds;
      ratios.push(ratio);
      const rates = here.statistics.map(({ rateHz }) => rateHz ?? 0);
      const variations = here.statistics.map(({ cvOfIntervals }) => cvOfIntervals ?? 0);
      console.log(
        `  Brian2 ${peer.brian2}: ${(simulated / peerSeconds).toFixed(2)} network-seconds a second ` +
          `(${mean(peer.networks.map(({ rateHz }) => rateHz)).toFixed(2)} Hz, ` +
          `CV ${mean(peer.networks.map(({ variation }) => variation)).toFixed(3)}); ` +
          `here ${(simulated / here.seconds).toFixed(2)} (${mean(rates).toFixed(2)} Hz, ` +
          `CV ${mean(variations).toFixed(3)}); ${ratio.toFixed(2)} times`,
      );
    }
    console.log(`  median: ${median(ratios).toFixed(2)} times`);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
