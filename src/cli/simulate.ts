/** `tacet simulate`: runs networks of spiking neurons and shows what they do. */
import { Command, Option } from 'commander';
import { type DeviceInfo, openDevice } from '../device/index.ts';
import {
  type CompiledNetwork,
  type PropagationMethod,
  type SimulationResult,
  type SpikeStatistics,
  type Spikes,
  selectSpikes,
  simulate,
  spikeStatistics,
} from '../network/index.ts';
import { MODELS } from '../network/models/catalog.ts';
import { spikeFigure } from '../report/spike-figure.ts';
import { terminalRaster } from '../report/terminal-raster.ts';
import { UsageError } from './errors.ts';
import { checkFigureName, writeFigure } from './figure-file.ts';
import { formatCount, formatDuration, formatShare, formatTable, formatValue, plural } from './format.ts';
import { printJson } from './json-lines.ts';
import { readNetworkSource } from './network-document.ts';
import { jsonOption, milliseconds, wholeNumber } from './options.ts';
import { ProgressDisplay } from './progress-display.ts';
import { type Assignment, parseAssignment } from './study-document.ts';

interface SimulateOptions {
  readonly duration: number;
  readonly discard: number;
  readonly seed?: number;
  readonly networks: number;
  readonly set: readonly Assignment[];
  readonly device: string;
  readonly method?: PropagationMethod;
  readonly output?: string;
  readonly json?: boolean;
}

const METHODS: readonly PropagationMethod[] = ['modes', 'network', 'scatter', 'gather'];

const EXAMPLES = `
Examples:
  tacet simulate cuba
  tacet simulate brunel --set g=6 --set eta=4 --duration 500 --discard 100 -o raster.svg
  tacet simulate hrsnn --networks 8 --json
  tacet simulate network.yaml --set populations.excitatory.count=800
  tacet simulate connectome.npz --set weightScale=0.5 --set neuron.tauMembraneMs=15

Models:
${MODELS.map(({ name, about }) => `  ${name.padEnd(8)}${about}`).join('\n')}

docs/networks.md describes network files, matrices, and how times and weights are meant.`;

export function simulateCommand(): Command {
  return new Command('simulate')
    .description('run networks of spiking neurons: a model, a network file, or a matrix of weights')
    .argument('<model|file>', 'a model, such as cuba; or a file: .yaml, .json, .mtx, .npz')
    .option('--duration <ms>', 'simulated time', milliseconds, 1000)
    .option('--discard <ms>', 'time at the start that no figure counts', milliseconds, 0)
    .option('--seed <seed>', 'seed of everything random (default: 0, or what the file says)', wholeNumber(0))
    .option('--networks <count>', 'networks side by side, with seeds one after the other', wholeNumber(1), 1)
    .addOption(
      new Option('--set <name=value>', 'set an option of the model, or a part of the file; repeatable')
        .argParser((text: string, before: readonly Assignment[]) => [...before, parseAssignment(text)])
        .default([], 'none'),
    )
    .option('--device <device>', 'auto, webgpu, webgpu:<part of the name>, or native', 'auto')
    .addOption(
      new Option(
        '--method <method>',
        'how networks are advanced, which changes no result but by the rounding of modes (default: what suits the networks and the device)',
      ).choices(METHODS),
    )
    .option('-o, --output <file.svg|file.png>', "write a figure of the first network's spikes and rates")
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)
    .action(run);
}

async function run(argument: string, options: SimulateOptions): Promise<void> {
  const { duration, discard, networks: count, method, output, json = false } = options;
  checkFigureName(output);
  if (discard >= duration) {
    throw new UsageError(`--discard ${discard} leaves nothing of --duration ${duration}: give less`);
  }
  const source = readNetworkSource(argument, options.set);
  const firstSeed = options.seed ?? source.seed ?? 0;
  const startedAt = performance.now();
  const compiled = Array.from({ length: count }, (_, n) => source.compile(firstSeed + n));
  const buildSeconds = secondsSince(startedAt);
  await using device = await openDevice(options.device);

  const openedAt = performance.now();
  let simulatedMs = 0;
  const line = () =>
    `${formatValue(simulatedMs)} of ${duration} ms; ${formatDuration(secondsSince(openedAt))}`;
  const display = new ProgressDisplay({ live: line, line }, { quiet: json });
  let results: SimulationResult[];
  try {
    results = await simulate(device, compiled, {
      durationMs: duration,
      ...(method === undefined ? {} : { method }),
      onProgress: (ms) => {
        simulatedMs = ms;
      },
    });
  } finally {
    display[Symbol.dispose]();
  }
  const seconds = { build: buildSeconds, run: secondsSince(openedAt) };
  const outcomes = results.map((result) => outcomeOf(result, discard));
  const [first] = outcomes;
  if (first !== undefined && output !== undefined) {
    const title = `${source.name}, seed ${first.network.seed}`;
    await writeFigure(
      output,
      spikeFigure({ title, spikes: first.spikes, populations: first.network.populations }),
    );
  }
  if (json) printOutcomes(outcomes, duration, device.info, seconds);
  else process.stdout.write(report(outcomes, duration, device.info, seconds));
}

/** What a network did after the time that is discarded. */
interface Outcome {
  readonly network: CompiledNetwork;
  readonly spikes: Spikes;
  readonly method: PropagationMethod;
  /** Of each population, in their order. */
  readonly populations: readonly (SpikeStatistics & { readonly name: string })[];
}

function outcomeOf({ network, spikes: recorded, method }: SimulationResult, discardMs: number): Outcome {
  if (recorded === undefined) throw new Error('the spikes were not recorded');
  const from = Math.round(discardMs / network.dtMs);
  const spikes = selectSpikes(recorded, { first: 0, count: network.neurons }, from);
  return {
    network,
    spikes,
    method,
    populations: network.populations.map((population) => ({
      name: population.name,
      ...spikeStatistics(selectSpikes(spikes, population)),
    })),
  };
}

interface Seconds {
  readonly build: number;
  readonly run: number;
}

function printOutcomes(
  outcomes: readonly Outcome[],
  durationMs: number,
  device: DeviceInfo,
  seconds: Seconds,
): void {
  for (const { network, populations } of outcomes) {
    printJson({
      kind: 'network',
      name: network.name,
      seed: network.seed,
      dtMs: network.dtMs,
      neurons: network.neurons,
      synapses: network.synapses.words.length,
      populations,
    });
  }
  printJson({
    kind: 'simulation',
    device: device.name,
    method: outcomes[0]?.method,
    networks: outcomes.length,
    durationMs,
    buildSeconds: seconds.build,
    runSeconds: seconds.run,
  });
}

function report(
  outcomes: readonly Outcome[],
  durationMs: number,
  device: DeviceInfo,
  seconds: Seconds,
): string {
  const [first] = outcomes;
  if (first === undefined) return '';
  const { network, spikes } = first;
  const rows = first.populations.map(({ name, neurons }, p) => {
    const of = (figure: (statistics: SpikeStatistics) => number | undefined) => {
      return meanAndDeviation(outcomes.map(({ populations }) => figure(populations[p] as SpikeStatistics)));
    };
    const silent = outcomes.reduce((sum, { populations }) => sum + (populations[p]?.silentShare ?? 0), 0);
    return [
      name,
      formatCount(neurons),
      of(({ rateHz }) => rateHz),
      of(({ cvOfIntervals }) => cvOfIntervals),
      formatShare(silent, outcomes.length),
    ];
  });
  const simulated = (outcomes.length * durationMs) / 1000;
  const lines = [
    `${network.name}: ${formatCount(network.neurons)} neurons, ${formatCount(network.synapses.words.length)} synapses, time step ${network.dtMs} ms, seed ${network.seed}`,
    ...terminalRaster(spikes, network.populations),
    formatTable(['population', 'neurons', 'rate (Hz)', 'CV of intervals', 'silent'], rows),
    `${outcomes.length > 1 ? `Mean and standard deviation over ${plural(outcomes.length, 'network')}; the raster is the first one's. ` : ''}${formatValue(simulated)} s simulated in ${formatDuration(seconds.run)} on ${device.name}, after ${formatDuration(seconds.build)} of building`,
  ];
  return `${lines.join('\n')}\n`;
}

/** `5.66`, or of several networks `5.66 ± 0.25`. */
function meanAndDeviation(given: readonly (number | undefined)[]): string {
  const values = given.filter((value) => value !== undefined);
  if (values.length === 0) return '–';
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length === 1) return rounded(mean);
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return `${rounded(mean)} ± ${rounded(Math.sqrt(squares / (values.length - 1)))}`;
}

function rounded(value: number): string {
  return value >= 100 ? value.toFixed(1) : value.toFixed(2);
}

function secondsSince(time: number): number {
  return (performance.now() - time) / 1000;
}
