/** `tacet prune`: Lyapunov Noise Pruning of a network; `tacet prune compare`: methods side by side. */
import { writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { openDevice } from '../device/index.ts';
import { loadLinearAlgebra } from '../linalg/index.ts';
import {
  ABLATIONS,
  CONTROLS,
  graphOfNetwork,
  METHODS,
  methodSettings,
  type PruningResult,
  pruneNetwork,
  pruningSettings,
  spectrumOfNetwork,
} from '../pruning/index.ts';
import { check, placeAfter } from './check.ts';
import { UsageError } from './errors.ts';
import { formatCount, formatDuration, formatShare, formatTable, formatValue } from './format.ts';
import { printJson } from './json-lines.ts';
import { readNetworkSource } from './network-document.ts';
import { networkDocument } from './network-file.ts';
import { jsonOption, wholeNumber } from './options.ts';
import { ProgressDisplay } from './progress-display.ts';
import { compareCommand } from './prune-compare.ts';
import { routeOption, share } from './prune-options.ts';
import { type Assignment, laidOver, parseAssignment } from './study-document.ts';

interface PruneOptions {
  readonly density: number;
  readonly neurons: number;
  readonly method: string;
  readonly seed: number;
  readonly set: readonly Assignment[];
  readonly network: readonly Assignment[];
  readonly route: 'rate' | 'surrogate' | 'saltation';
  readonly exponents: number;
  readonly device: string;
  readonly output?: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  tacet prune hrsnn -o sparse.json
  tacet prune chrsnn --density 0.1 --neurons 0.8 --set diagonal=matched --json
  tacet prune hrsnn --network neurons=300 --method random --seed 3
  tacet prune network.yaml --set covariance=spikes --set timescaleTrials=20

The file that -o writes is a network file: tacet simulate sparse.json runs it.
Methods: ${Object.keys(METHODS).join(', ')};
lnp with one choice changed: ${Object.keys(ABLATIONS).join(', ')};
controls: ${Object.keys(CONTROLS).join(', ')}.
tacet prune compare --help compares methods. docs/pruning.md describes the settings.`;

export function pruneCommand(): Command {
  return (
    new Command('prune')
      .description('prune an untrained recurrent network to fewer synapses and neurons')
      .argument('<model|file>', 'a model, such as hrsnn; or a network file: .yaml, .json, .mtx, .npz')
      .option('--density <share>', 'share of the recurrent synapses that stay', share, 0.2)
      .option('--neurons <share>', 'share of the neurons that stay', share, 0.5)
      .option('--method <name>', 'lnp, a baseline, or lnp with a choice changed', 'lnp')
      .option('--seed <seed>', 'seed of the network and of what is sampled', wholeNumber(0), 0)
      .addOption(assignments('--set <setting=value>', 'set a choice of the method; repeatable'))
      .addOption(
        assignments(
          '--network <name=value>',
          'set an option of the model, or a part of the file; repeatable',
        ),
      )
      .addOption(routeOption())
      .option('--exponents <count>', 'the largest exponents that are computed', wholeNumber(1), 64)
      .option('--device <device>', 'auto, webgpu, webgpu:<part of the name>, or native', 'auto')
      .option('-o, --output <file.json>', 'save the pruned network')
      .addOption(jsonOption())
      .addHelpText('after', EXAMPLES)
      .action(run)
      // Else options that both have would be taken from `compare`.
      .enablePositionalOptions()
      .addCommand(compareCommand())
  );
}

function assignments(flags: string, description: string): Option {
  return new Option(flags, description)
    .argParser((text: string, before: readonly Assignment[]) => [...before, parseAssignment(text)])
    .default([], 'none');
}

async function run(argument: string, options: PruneOptions): Promise<void> {
  const { density, neurons, method, seed, output, json = false } = options;
  if (output !== undefined && !/\.json$/i.test(output)) {
    throw new UsageError(`--output ${output} is no network file: give a name that ends in .json`);
  }
  const { content, placeOf } = laidOver(
    { content: {}, file: undefined, placeOf: placeAfter('--set') },
    options.set,
  );
  const settings = check(
    pruningSettings,
    { ...methodSettings(method), density, neurons, seed, ...(content as object) },
    placeOf,
  );
  const network = readNetworkSource(argument, options.network).compile(seed);
  const { graph } = graphOfNetwork(network);
  const algebra = loadLinearAlgebra();
  await using device = await openDevice(options.device);
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  const line = () => `pruning ${network.name}: ${formatDuration(seconds())}`;
  const display = new ProgressDisplay({ live: line, line }, { quiet: json });
  const spectrum = { route: options.route, exponents: options.exponents };
  try {
    const { result, network: pruned } = await pruneNetwork(device, algebra, network, settings, { spectrum });
    const pruningSeconds = seconds();
    const [before, after] = [
      (await spectrumOfNetwork(device, network, spectrum)).exponents,
      (await spectrumOfNetwork(device, pruned, spectrum)).exponents,
    ];
    if (output !== undefined) save(output, networkDocument(pruned));
    const largest = [before[0] ?? 0, after[0] ?? 0].map((exponent) => 1000 * exponent) as [number, number];
    if (json) {
      printJson({
        kind: 'pruned',
        network: network.name,
        method,
        seed,
        synapses: { before: graph.sources.length, after: result.sources.length },
        neurons: { before: graph.nodes, after: result.nodes.length },
        largestExponentPerSecond: { before: largest[0], after: largest[1] },
        localization: result.localization ?? null,
        rounds: result.rounds,
        timescale: result.timescale,
        timescales: result.timescales ?? null,
        settings: result.settings,
        device: device.info.name,
        seconds: pruningSeconds,
        ...(output === undefined ? {} : { output }),
      });
    } else {
      display[Symbol.dispose]();
      process.stdout.write(report(network.name, method, result, largest, pruningSeconds, output));
    }
  } finally {
    display[Symbol.dispose]();
  }
}

function report(
  name: string,
  method: string,
  result: PruningResult,
  [before, after]: readonly [number, number],
  seconds: number,
  output: string | undefined,
): string {
  const { synapsesBefore, neuronsBefore, sources, nodes, localization, rounds } = result;
  const last = rounds.at(-1);
  const rows = [
    [
      'synapses',
      formatCount(synapsesBefore),
      formatCount(sources.length),
      formatShare(sources.length, synapsesBefore),
    ],
    [
      'neurons',
      formatCount(neuronsBefore),
      formatCount(nodes.length),
      formatShare(nodes.length, neuronsBefore),
    ],
    ['largest exponent (1/s)', formatValue(before), formatValue(after), ''],
    ...(localization
      ? [
          [
            'participation ratio, mean',
            formatValue(localization[0].mean),
            formatValue(localization[2].mean),
            '',
          ],
          [
            'participation ratio, first',
            formatValue(localization[0].principal),
            formatValue(localization[2].principal),
            '',
          ],
        ]
      : []),
  ];
  const lines = [
    `${name}, pruned by ${method} in ${formatDuration(seconds)}`,
    formatTable(['', 'before', 'after', 'stays'], rows),
    ...(last?.shift === undefined
      ? []
      : [
          `The linearization was made stable by ${formatValue(last.shift)} /ms; weights grew by up to ${formatValue(last.largestFactor)}; ${last.added} synapses are new.`,
        ]),
    ...(result.timescales === undefined
      ? []
      : [
          `Time constants: ${formatValue(result.timescales.factor)} times as long, spread by ${formatValue(result.timescales.spread)}; distance of the spectra ${formatValue(1e6 * result.timescales.before)} before, ${formatValue(1e6 * result.timescales.after)} 1/s^2 after.`,
        ]),
    ...(output === undefined ? [] : [`Saved in ${output}. Run it: tacet simulate ${output}`]),
  ];
  return `${lines.join('\n')}\n`;
}

function save(file: string, document: object): void {
  try {
    writeFileSync(file, `${JSON.stringify(document)}\n`);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw new UsageError(`${file} can't be written (${code}): give --output another place`, { cause });
  }
}
