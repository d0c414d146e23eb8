/**
 * Tangent vectors of clocked networks: steps and orthonormalization, here and in NumPy/SciPy and JAX.
 *
 *   node bench/lyapunov.ts [--device native] [--case spectrum,leading,batch] [--neurons 1000] [--degree 100]
 *     [--steps 1000] [--interval 10] [--peers numpy-dense,numpy-sparse,jax-dense,jax-sparse] [--peer-steps 1000]
 *     [--repetitions 3] [--python .venv/bin/python] [--clock wall]
 *
 * spectrum  all exponents of one sparse network, everything in single precision, beside the peers, alternating in one go.
 *           A step is X' = leak X + leak W (gain X) with new gains at every step, given as coefficients on both sides.
 *           Peers may do fewer steps (`--peer-steps`); their time is then scaled to all.
 *           `--clock processor` compares processor times, peers on one thread: for machines that are not at rest.
 * leading   the 10 leading exponents of 10,000 neurons
 * batch     64 networks of 200 neurons with 10 exponents each: in one launch, and in 64 launches of one
 *
 * bounds    a step is 2 K n k flops, and reads n k vectors' components K times from the second-level cache: 0.5 flops a
 *           byte. An orthonormalization of n vectors is 8/3 n^3 flops, 4/3 n^3 for Householder's reflections and as many for the
 *           vectors. The roof is NumPy's (BLAS's) own product of two matrices on all threads, measured in the same go.
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { randomCoefficients, randomOperator } from '../src/bench/tangent-work.ts';
import { type Device, openDevice } from '../src/device/index.ts';
import { TangentBatch, type TangentOperator } from '../src/kernels/tangent-batch.ts';
import { interpreterWith } from './peers/interpreter.ts';
import { median } from './statistics.ts';

const { values: options } = parseArgs({
  options: {
    device: { type: 'string', default: 'native' },
    case: { type: 'string', default: 'spectrum,leading,batch' },
    neurons: { type: 'string', default: '1000' },
    degree: { type: 'string', default: '100' },
    steps: { type: 'string', default: '1000' },
    interval: { type: 'string', default: '10' },
    peers: { type: 'string', default: 'numpy-dense,numpy-sparse,jax-dense,jax-sparse' },
    'peer-steps': { type: 'string' },
    repetitions: { type: 'string', default: '3' },
    python: { type: 'string' },
    clock: { type: 'string', default: 'wall' },
  },
});

interface Answer {
  readonly version: string;
  readonly seconds: number;
  readonly largest: number;
  readonly median: number;
  readonly roof?: number;
}

/** For OpenBLAS, and for the products of XLA. */
const ONE_THREAD = { OPENBLAS_NUM_THREADS: '1', XLA_FLAGS: '--xla_cpu_multi_thread_eigen=false' };

function peer(python: string, request: Readonly<Record<string, unknown>>): Answer {
  const { status, stdout, stderr } = spawnSync(python, ['bench/peers/lyapunov_numpy_jax.py'], {
    input: JSON.stringify(request),
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    env: { ...process.env, ...(request.clock === 'processor' ? ONE_THREAD : {}) },
  });
  if (status !== 0) throw new Error(`the peer failed:\n${stderr}`);
  return JSON.parse(stdout.slice(stdout.lastIndexOf('{"system"'))) as Answer;
}

interface Work {
  readonly neurons: number;
  readonly degree: number;
  readonly count: number;
  readonly steps: number;
  readonly interval: number;
}

interface Outcome {
  readonly seconds: number;
  readonly kernels: ReadonlyMap<string, number>;
  readonly largest: number;
  readonly median: number;
  /** Processor time. */
  readonly busy: number;
}

async function carry(device: Device, operators: readonly TangentOperator[], work: Work): Promise<Outcome> {
  const { count, steps, interval } = work;
  using batch = await TangentBatch.create(device, operators, { count, steps: interval, seed: 1 });
  const own = Array.from({ length: 8 }, (_, seed) =>
    operators.map(({ neurons }) => randomCoefficients(neurons, interval, seed)),
  );
  await device.timings();
  const sums = new Float64Array(count);
  const cpu = process.cpuUsage();
  const started = performance.now();
  for (let done = 0; done < steps; done += interval) {
    batch.advance(interval, own[(done / interval) % own.length] as Float32Array[]);
    batch.orthonormalize();
    if ((done / interval) % 16 === 15 || done + interval >= steps) {
      for (const [growth] of await batch.growth()) {
        for (let i = 0; i < count; i++) sums[i] = (sums[i] as number) + (growth?.[i] as number);
      }
    }
  }
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const busy = (user + system) / 1e6;
  const kernels = new Map<string, number>();
  for (const { kernel, milliseconds } of await device.timings()) {
    kernels.set(kernel, (kernels.get(kernel) ?? 0) + milliseconds / 1000);
  }
  return {
    seconds,
    kernels,
    largest: Math.max(...sums) / steps,
    median: median([...sums]) / steps,
    busy,
  };
}

function spread(values: readonly number[]): string {
  return `${median(values).toFixed(2)} (${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)})`;
}

const repetitions = Number(options.repetitions);
const work: Work = {
  neurons: Number(options.neurons),
  degree: Number(options.degree),
  count: Number(options.neurons),
  steps: Number(options.steps),
  interval: Number(options.interval),
};
const cases = options.case.split(',');
await using device = await openDevice(options.device, { timing: true });
console.log(`${device.info.name}, ${repetitions} repetitions`);

if (cases.includes('spectrum')) {
  const { neurons, degree, steps, interval } = work;
  const operator = randomOperator(neurons, degree, 1);
  const peers = options.peers === '' ? [] : options.peers.split(',');
  const python =
    peers.length > 0 ? interpreterWith('scipy, jax', ['numpy', 'scipy', 'jax'], options.python) : '';
  const peerSteps = Number(options['peer-steps'] ?? steps);
  console.log(
    `all exponents: N = ${neurons}, K = ${degree}, ${steps} steps, orthonormalized every ${interval}`,
  );
  await carry(device, [operator], { ...work, steps: 2 * interval });
  const here: Outcome[] = [];
  const there = new Map<string, Answer[]>(peers.map((system) => [system, []]));
  for (let repetition = 0; repetition < repetitions; repetition++) {
    here.push(await carry(device, [operator], work));
    for (const system of peers) {
      const { clock } = options;
      const request = {
        system,
        neurons,
        degree,
        vectors: neurons,
        steps: peerSteps,
        interval,
        seed: 1,
        clock,
      };
      there.get(system)?.push(peer(python, request));
    }
  }
  const seconds = here.map((outcome) => outcome.seconds);
  const last = here.at(-1) as Outcome;
  console.log(
    `  here: ${spread(seconds)} s; processor time ${spread(here.map(({ busy }) => busy))} s; largest exponent ${last.largest.toFixed(4)}, median ${last.median.toFixed(4)} a step`,
  );
  const flops: Readonly<Record<string, number>> = {
    tangent_step: 2 * degree * neurons * neurons * steps,
    tangent_orthonormalize: ((8 / 3) * neurons ** 3 * steps) / interval,
  };
  const roof = [...there.values()].flat().find((answer) => answer.roof !== undefined)?.roof;
  if (options.clock === 'processor') {
    const busy = median(here.map((outcome) => outcome.busy));
    const rate = Object.values(flops).reduce((a, b) => a + b) / busy / 1e9;
    const share = roof === undefined ? '' : `, ${((1e11 * rate) / roof).toFixed(0)} % of the roof`;
    console.log(`  both kernels and their host: ${rate.toFixed(1)} GFLOP/s of processor time${share}`);
  } else {
    for (const [kernel, work] of Object.entries(flops)) {
      const time = median(here.map(({ kernels }) => kernels.get(kernel) ?? Number.NaN));
      const rate = work / time / 1e9;
      const share = roof === undefined ? '' : `, ${((1e11 * rate) / roof).toFixed(0)} % of the roof`;
      console.log(`  ${kernel}: ${time.toFixed(2)} s, ${rate.toFixed(1)} GFLOP/s${share}`);
    }
  }
  if (roof !== undefined) console.log(`  roof (BLAS product): ${(roof / 1e9).toFixed(1)} GFLOP/s`);
  for (const [system, answers] of there) {
    const scaled = answers.map((answer) => (answer.seconds * steps) / peerSteps);
    const ours = options.clock === 'processor' ? here.map(({ busy }) => busy) : seconds;
    const ratios = scaled.map((time, i) => time / (ours[i] as number));
    const { version, largest, median: middle } = answers[0] as Answer;
    console.log(
      `  ${system} (${version}): ${spread(scaled)} s${peerSteps === steps ? '' : `, scaled from ${peerSteps} steps`}; largest ${largest.toFixed(4)}, median ${middle.toFixed(4)}; ${spread(ratios)} times`,
    );
  }
}

if (cases.includes('leading')) {
  const large: Work = { neurons: 10_000, degree: 100, count: 10, steps: 200, interval: 10 };
  const operator = randomOperator(large.neurons, large.degree, 2);
  await carry(device, [operator], { ...large, steps: 20 });
  const times: number[] = [];
  for (let repetition = 0; repetition < repetitions; repetition++) {
    times.push((1000 * (await carry(device, [operator], large)).seconds) / large.steps);
  }
  console.log(`10 leading exponents: N = 10,000, K = 100: ${spread(times)} ms a step`);
}

if (cases.includes('batch')) {
  const small: Work = { neurons: 200, degree: 20, count: 10, steps: 100, interval: 10 };
  const operators = Array.from({ length: 64 }, (_, seed) =>
    randomOperator(small.neurons, small.degree, seed),
  );
  const [first] = operators as [TangentOperator];
  await carry(device, operators, { ...small, steps: 10 });
  await carry(device, [first], { ...small, steps: 10 });
  const [together, alone]: [number[], number[]] = [[], []];
  for (let repetition = 0; repetition < repetitions; repetition++) {
    together.push((await carry(device, operators, small)).seconds);
    let sum = 0;
    for (const operator of operators) sum += (await carry(device, [operator], small)).seconds;
    alone.push(sum);
  }
  console.log(
    `64 networks: N = 200, K = 20, 10 exponents, 100 steps: ${spread(together)} s together, ${spread(alone)} s one by one, ${(median(alone) / median(together)).toFixed(2)} times`,
  );
}
