/**
 * Diehl & Cook training, the same network and the same spikes, here and in BindsNET (PyPI), alternating in one go.
 *
 *   node bench/peers/bindsnet.ts [--device native] [--neurons 100] [--steps 250] [--python .venv/bin/python]
 *
 * Makes `.venv` with BindsNET in it unless `--python` names an interpreter that has it.
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { loadMnist } from '../../src/data/mnist.ts';
import { openDevice } from '../../src/device/index.ts';
import { DiehlCookBatch } from '../../src/kernels/diehl-cook.ts';
import { encodePoisson } from '../../src/network/encoders/poisson.ts';
import { diehlCookParameters, diehlCookSlot, traceTable } from '../../src/network/models/diehl-cook.ts';
import { interpreterWith } from './interpreter.ts';

const { values: options } = parseArgs({
  options: {
    device: { type: 'string', default: 'native' },
    neurons: { type: 'string', default: '100' },
    steps: { type: 'string', default: '250' },
    slots: { type: 'string', default: '16' },
    repetitions: { type: 'string', default: '3' },
    python: { type: 'string' },
  },
});

const WARM_UP = 5;
const PEER_SAMPLES = 20;
const SAMPLES = 400;
const steps = Number(options.steps);
const slots = Number(options.slots);
const repetitions = Number(options.repetitions);

/** BindsNET's own example for MNIST. */
const PARAMETERS = {
  map_size: Number(options.neurons),
  nu_pre: 1e-4,
  nu_post: 1e-2,
  strength_exc: 22.5,
  strength_inh: 120,
  norm: 78.4,
  e_thresh: -52,
  e_rest: -65,
  e_refrac: 5,
  theta_plus: 0.05,
  tc_theta_decay: 1e7,
  e_tc_decay: 100,
  i_thresh: -40,
  i_rest: -60,
  i_refrac: 2,
  i_tc_decay: 10,
};

interface PeerAnswer {
  readonly threads: number;
  readonly milliseconds: number;
  readonly spikes: number;
}

const data = encodePoisson(
  loadMnist('train'),
  Array.from({ length: SAMPLES }, (_, index) => index),
  { steps, maxRateHz: 128, dtMs: 1, seed: 1 },
);

function pairsOf(sample: number): [number, number][] {
  const pairs: [number, number][] = [];
  const base = sample * (steps + 1);
  for (let step = 0; step < steps; step++) {
    const [from, to] = [data.offsets[base + step] as number, data.offsets[base + step + 1] as number];
    for (let event = from; event < to; event++) pairs.push([step, data.events[event] as number]);
  }
  return pairs;
}

function runPeer(python: string): { torch: string; answers: PeerAnswer[] } {
  const request = {
    parameters: PARAMETERS,
    steps,
    inputs: 784,
    threads: [1, 2],
    warmUp: WARM_UP,
    samples: Array.from({ length: WARM_UP + PEER_SAMPLES }, (_, sample) => pairsOf(sample)),
  };
  const { status, stdout, stderr } = spawnSync(python, ['bench/peers/bindsnet_diehl_cook.py'], {
    input: JSON.stringify(request),
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) throw new Error(`BindsNET failed:\n${stderr}`);
  return JSON.parse(stdout.slice(stdout.lastIndexOf('{"bindsnet"'))) as {
    torch: string;
    answers: PeerAnswer[];
  };
}

await using device = await openDevice(options.device);
const shape = { slots, maxNeurons: PARAMETERS.map_size, maxItems: slots, maxRecords: slots * SAMPLES };

async function runHere(): Promise<{ milliseconds: number; spikes: number; peerSpikes: number }> {
  using batch = await DiehlCookBatch.create(device, shape, data, traceTable(steps));
  const silence = { excitatoryAlpha: 1, inhibitoryAlpha: 1 };
  for (let slot = 0; slot < slots; slot++) {
    batch.place(slot, diehlCookSlot(diehlCookParameters(PARAMETERS), silence, [slot, 0], steps));
  }
  const items = (first: number, count: number) =>
    Array.from({ length: slots }, (_, slot) => ({
      slot,
      first,
      count,
      learn: true,
      begins: first === 0,
      ordinal: first,
      excitatorySilentBudget: Number.POSITIVE_INFINITY,
      inhibitorySilentBudget: Number.POSITIVE_INFINITY,
    }));
  await batch.run(items(0, WARM_UP));
  const started = performance.now();
  // The peer's samples first, so that spikes can be compared, then the rest.
  const compared = await batch.run(items(WARM_UP, PEER_SAMPLES));
  const rest = await batch.run(items(WARM_UP + PEER_SAMPLES, SAMPLES - WARM_UP - PEER_SAMPLES));
  const milliseconds = (performance.now() - started) / (slots * (SAMPLES - WARM_UP));
  const spikesOf = (results: typeof rest) =>
    results.reduce((sum, result) => sum + result.excitatorySpikes, 0);
  return {
    milliseconds,
    spikes: (spikesOf(compared) + spikesOf(rest)) / (slots * (SAMPLES - WARM_UP)),
    peerSpikes: spikesOf(compared) / (slots * PEER_SAMPLES),
  };
}

const python = interpreterWith('bindsnet', ['bindsnet==0.3.4'], options.python);
console.log(`n = ${options.neurons}, T = ${steps}, learning; ${slots} networks at once here, one there`);
const ratios: number[] = [];
for (let repetition = 0; repetition < repetitions; repetition++) {
  const peer = runPeer(python);
  const best = peer.answers.reduce((a, b) => (b.milliseconds < a.milliseconds ? b : a));
  const here = await runHere();
  ratios.push(best.milliseconds / here.milliseconds);
  const threads = peer.answers
    .map((a) => `${a.milliseconds.toFixed(1)} ms with ${a.threads} thread(s)`)
    .join(', ');
  console.log(
    `BindsNET (torch ${peer.torch}): ${threads}, ${best.spikes.toFixed(1)} spikes a sample; ` +
      `${device.info.name}: ${here.milliseconds.toFixed(4)} ms, ${here.peerSpikes.toFixed(1)} spikes on the same samples; ` +
      `${(best.milliseconds / here.milliseconds).toFixed(0)} times`,
  );
}
ratios.sort((a, b) => a - b);
console.log(
  `median: ${(ratios[Math.floor(ratios.length / 2)] as number).toFixed(0)} times as many samples x networks per second`,
);
