/** `tacet lyapunov`: Lyapunov exponents of networks of spiking neurons. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { openDevice } from '../device/index.ts';
import { type LyapunovSpectrum, networkSpectra, type Route, withInputSeeds } from '../dynamics/index.ts';
import type { CompiledNetwork } from '../network/index.ts';
import { MODELS } from '../network/models/catalog.ts';
import { spectrumFigure } from '../report/spectrum-figure.ts';
import { checkFigureName, writeFigure } from './figure-file.ts';
import { formatCount, formatDuration, formatTable, formatValue, plural } from './format.ts';
import { printJson } from './json-lines.ts';
import { readNetworkSource } from './network-document.ts';
import { jsonOption, milliseconds, wholeNumber } from './options.ts';
import { ProgressDisplay } from './progress-display.ts';
import { type Assignment, parseAssignment } from './study-document.ts';

interface LyapunovOptions {
  readonly route: Exclude<Route, 'given'>;
  readonly exponents: number | 'all';
  readonly duration: number;
  readonly transient?: number;
  readonly interval?: number;
  readonly seed?: number;
  readonly inputs: number;
  readonly sharpness: number;
  readonly surrogate: 'fast-sigmoid' | 'triangle';
  readonly reset: 'detached' | 'attached';
  readonly precision?: 'single' | 'double';
  readonly set: readonly Assignment[];
  readonly device: string;
  readonly participation?: boolean;
  readonly output?: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  tacet lyapunov hrsnn --set neurons=200
  tacet lyapunov hrsnn --set neurons=200 --route surrogate --sharpness 5 --inputs 8 --json
  tacet lyapunov cuba --set neurons=400 --exponents 20 --duration 500 -o spectrum.svg
  tacet lyapunov network.yaml --route rate --exponents all

Routes:
  saltation  the exact derivative of the network in continuous time
  surrogate  the clocked network with a surrogate for the derivative of a spike; depends on --sharpness
  rate       the rates, linearized where they were measured

Models: ${MODELS.map(({ name }) => name).join(', ')}. Exponents are for delta and current synapses without delay.
docs/lyapunov.md tells what the routes compute and what the numbers mean.`;

export function lyapunovCommand(): Command {
  return new Command('lyapunov')
    .description('Lyapunov exponents of a network: a model, a network file, or a matrix of weights')
    .argument('<model|file>', 'a model, such as hrsnn; or a file: .yaml, .json, .mtx, .npz')
    .addOption(
      new Option('--route <route>', 'by which derivative')
        .choices(['saltation', 'surrogate', 'rate'])
        .default('saltation'),
    )
    .option('--exponents <count>', 'how many, the largest; or all', countOrAll, 10)
    .option('--duration <ms>', 'time over which is averaged', milliseconds, 1000)
    .option('--transient <ms>', 'time before that (default: a fifth of the duration)', milliseconds)
    .option('--interval <ms>', 'between two orthonormalizations (default: by condition)', milliseconds)
    .option('--seed <seed>', 'seed of everything random (default: 0, or what the file says)', wholeNumber(0))
    .option('--inputs <count>', 'the same network with so many seeds of its input', wholeNumber(1), 1)
    .option('--sharpness <number>', 'of the surrogate', aboveZero, 10)
    .addOption(
      new Option('--surrogate <shape>', 'shape of the surrogate')
        .choices(['fast-sigmoid', 'triangle'])
        .default('fast-sigmoid'),
    )
    .addOption(
      new Option('--reset <reset>', 'whether the derivative of route surrogate goes through the reset')
        .choices(['detached', 'attached'])
        .default('detached'),
    )
    .addOption(
      new Option('--precision <precision>', 'of route saltation (default: double)').choices([
        'single',
        'double',
      ]),
    )
    .addOption(
      new Option('--set <name=value>', 'set an option of the model, or a part of the file; repeatable')
        .argParser((text: string, before: readonly Assignment[]) => [...before, parseAssignment(text)])
        .default([], 'none'),
    )
    .option('--device <device>', 'auto, webgpu, webgpu:<part of the name>, or native', 'auto')
    .option('--participation', 'with --json: the participation of each neuron in each exponent')
    .option('-o, --output <file.svg|file.png>', 'write a figure of the first spectrum and its convergence')
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)
    .action(run);
}

async function run(argument: string, options: LyapunovOptions): Promise<void> {
  const { route, exponents, duration, transient, interval, inputs, output, json = false } = options;
  checkFigureName(output);
  const source = readNetworkSource(argument, options.set);
  const seed = options.seed ?? source.seed ?? 0;
  const network = source.compile(seed);
  const networks = withInputSeeds(
    network,
    Array.from({ length: inputs }, (_, n) => seed + n),
  );
  await using device = await openDevice(options.device);
  const startedAt = performance.now();
  let [done, all] = [0, 1];
  const line = () =>
    `${Math.round((100 * done) / all)} % of the steps; ${formatDuration((performance.now() - startedAt) / 1000)}`;
  const display = new ProgressDisplay({ live: line, line }, { quiet: json });
  let spectra: LyapunovSpectrum[];
  try {
    spectra = await networkSpectra(device, networks, {
      route,
      durationMs: duration,
      ...(exponents === 'all' ? {} : { exponents }),
      ...(transient === undefined ? {} : { transientMs: transient }),
      ...(interval === undefined ? {} : { intervalMs: interval }),
      ...(options.precision === undefined ? {} : { precision: options.precision }),
      surrogate: { shape: options.surrogate, sharpness: options.sharpness, reset: options.reset },
      onProgress: (now, of) => {
        done = now;
        all = of;
      },
    });
  } finally {
    display[Symbol.dispose]();
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const [first] = spectra;
  if (first !== undefined && output !== undefined) {
    await writeFigure(
      output,
      spectrumFigure(`${source.name}, seed ${seed}: ${describeRoute(options)}`, first),
    );
  }
  if (json) {
    spectra.forEach((spectrum, index) => {
      printSpectrum(networks[index] as CompiledNetwork, spectrum, options);
    });
    printJson({ kind: 'lyapunov', device: device.info.name, networks: spectra.length, seconds });
  } else {
    process.stdout.write(report(network, spectra, options));
    process.stdout.write(`In ${formatDuration(seconds)} on ${device.info.name}\n`);
  }
}

function describeRoute({ route, surrogate, sharpness, reset }: LyapunovOptions): string {
  return route === 'surrogate'
    ? `surrogate ${surrogate} of sharpness ${sharpness}, reset ${reset}`
    : `route ${route}`;
}

/** Lost directions have exponents of -Infinity, which JSON writes as null. */
function printSpectrum(network: CompiledNetwork, spectrum: LyapunovSpectrum, options: LyapunovOptions): void {
  const { exponents, participation, neurons } = spectrum;
  const k = exponents.length;
  printJson({
    kind: 'spectrum',
    name: network.name,
    seed: network.seed,
    route: spectrum.route,
    ...(options.route === 'surrogate'
      ? { surrogate: { shape: options.surrogate, sharpness: options.sharpness, reset: options.reset } }
      : {}),
    neurons,
    dimension: spectrum.dimension,
    durationMs: 1000 * spectrum.duration,
    intervalSteps: spectrum.interval,
    exponentsPerSecond: [...exponents],
    standardErrors: [...spectrum.standardErrors],
    summary: spectrum.summary,
    blocks: spectrum.blocks,
    history: rowsOf(spectrum.history, k),
    local: rowsOf(spectrum.local, k),
    ...(options.participation ? { participation: rowsOf(participation, k) } : {}),
  });
}

function rowsOf(values: Float64Array, k: number): number[][] {
  return Array.from({ length: values.length / Math.max(1, k) }, (_, row) => [
    ...values.subarray(row * k, (row + 1) * k),
  ]);
}

const MOST_ROWS = 20;

function report(
  network: CompiledNetwork,
  spectra: readonly LyapunovSpectrum[],
  options: LyapunovOptions,
): string {
  const [first] = spectra;
  if (first === undefined) return '';
  const { exponents } = first;
  const shown = exponents.length <= MOST_ROWS ? exponents.length : MOST_ROWS - 1;
  const row = (i: number) => [
    String(i + 1),
    ...spectra.slice(0, 6).map(({ exponents: own, standardErrors }) => {
      const exponent = own[i] as number;
      if (!Number.isFinite(exponent)) return 'lost';
      const error = standardErrors[i] as number;
      return error > 0 ? `${exponent.toFixed(2)} ± ${error.toFixed(2)}` : exponent.toFixed(2);
    }),
  ];
  const rows = Array.from({ length: shown }, (_, i) => row(i));
  if (shown < exponents.length) rows.push(row(exponents.length - 1));
  const heads = spectra
    .slice(0, 6)
    .map((_, n) => (spectra.length > 1 ? `input ${network.seed + n}` : 'per second'));
  const lines = [
    `${network.name}: ${formatCount(network.neurons)} neurons, state of ${formatCount(first.dimension)} variables, ${describeRoute(options)}`,
    formatTable(['exponent', ...heads], rows),
    ...spectra.map(({ summary }, n) => {
      const dimension =
        summary.kaplanYorkeDimension === undefined
          ? 'needs more exponents'
          : formatValue(Number(summary.kaplanYorkeDimension.toFixed(2)));
      return `${spectra.length > 1 ? `input ${network.seed + n}: ` : ''}${plural(summary.positive, 'positive exponent')}, entropy rate ${summary.entropyRate.toFixed(2)} nats/s, Kaplan-Yorke dimension ${dimension}`;
    }),
    `Averaged over ${formatValue(1000 * first.duration)} ms, orthonormalized every ${plural(first.interval, 'step')}`,
  ];
  return `${lines.join('\n')}\n`;
}

function aboveZero(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < Infinity)) throw new InvalidArgumentError('Give a number above 0.');
  return value;
}

function countOrAll(text: string): number | 'all' {
  return text === 'all' ? text : wholeNumber(1)(text);
}
