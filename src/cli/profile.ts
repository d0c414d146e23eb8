/** `tacet profile`: where the time of a study or of a benchmark's case goes. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { surroundings } from '../bench/report.ts';
import { measureRoofs, type Roofs } from '../bench/roofs.ts';
import { formatMs, formatPercent, formatRate, three } from '../bench/units.ts';
import { openDevice } from '../device/index.ts';
import { profileCase } from '../profile/case.ts';
import type { Recording } from '../profile/recording.ts';
import { runStudy } from '../profile/study.ts';
import { type ProfileSummary, summarize } from '../profile/summary.ts';
import { type Moment, traceOf } from '../profile/trace.ts';
import { rooflineFigure } from '../report/roofline-figure.ts';
import { recipeOf } from '../study/recipes.ts';
import { findRunDevices } from '../study/run-devices.ts';
import { TRAINING_RECIPES } from '../study/training/recipe.ts';
import { UsageError } from './errors.ts';
import { formatCount, formatTable } from './format.ts';
import { printJson } from './json-lines.ts';
import { jsonOption, setOption, wholeNumber } from './options.ts';
import { ProgressDisplay } from './progress-display.ts';
import { type Assignment, readStudyDocument } from './study-document.ts';
import { checkStudy, planStudy } from './study-plan.ts';

interface ProfileOptions {
  readonly device: string;
  readonly trials?: number;
  readonly seed?: number;
  readonly slots?: number;
  readonly set: readonly Assignment[];
  readonly repetitions: number;
  readonly overhead: boolean;
  readonly output: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  tacet profile mnist-stdp
  tacet profile mnist-stdp --device native --trials 64 --set settings.trainSamples=6000
  tacet profile randman --device native --trials 4 --slots 4
  tacet profile kernels/diehl_cook:400 --device webgpu:llvmpipe
  tacet profile networks/cuba -o profiles

It writes profile.json (all figures), trace.json (for https://ui.perfetto.dev) and roofline.svg.
docs/benchmarks.md tells what the figures mean.`;

/** What makes a profile of a recipe short, unless --set or --trials say otherwise. */
const SHORT = {
  trainSamples: 2000,
  holdOutSamples: 1000,
  trials: 32,
  softwareTrials: 16,
  otherTrials: 4,
  training: { epochs: 1, trainShare: 0.2 },
} as const;

export function profileCommand(): Command {
  return new Command('profile')
    .description(
      'record where time goes: kernels, gaps, host, memory; of a study or of a case of tacet bench',
    )
    .argument('<recipe|file|suite/case>', 'a recipe, a study file, or a case such as networks/cuba')
    .option('--device <device>', 'auto, webgpu, webgpu:<part of the name>, or native', 'auto')
    .option('--trials <count>', 'trials of a study (default: a few)', wholeNumber(1))
    .option('--seed <seed>', 'seed of a study (default: 0)', wholeNumber(0))
    .option(
      '--slots <count>',
      'networks side by side in a study (default: what suits the device)',
      wholeNumber(1),
    )
    .addOption(setOption('settings.trainSamples=6000'))
    .option('--repetitions <count>', 'repetitions of a case', wholeNumber(1), 5)
    .option('--no-overhead', 'do not run without recording too: what it costs is not known then')
    .option('-o, --output <folder>', 'where the files go', '.')
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)
    .action(run);
}

interface Profile {
  readonly title: string;
  readonly recordings: readonly Recording[];
  readonly moments: readonly Moment[];
  readonly roofs: Roofs;
  /** Time with recording over time without, less 1; undefined where it was not measured. */
  readonly overhead: number | undefined;
  /** Of a study. */
  readonly study?: {
    readonly samplesPerSecond: number | undefined;
    readonly occupancy: number | undefined;
    readonly mainCpuMs: number;
  };
}

async function run(argument: string, options: ProfileOptions): Promise<void> {
  const { json = false, output } = options;
  const began = performance.now();
  const line = () => `profiling ${argument}: ${((performance.now() - began) / 1000).toFixed(0)} s`;
  const display = new ProgressDisplay({ live: line, line }, { quiet: json });
  let profile: Profile;
  try {
    profile =
      argument.includes('/') && !/\.(ya?ml|json)$/i.test(argument)
        ? await profileBenchCase(argument, options)
        : await profileStudy(argument, options);
  } finally {
    display[Symbol.dispose]();
  }
  const summaries = profile.recordings.map((recording) => summarize(recording, profile.roofs));
  const files = {
    profile: join(output, 'profile.json'),
    trace: join(output, 'trace.json'),
    figure: join(output, 'roofline.svg'),
  };
  const { title, roofs, overhead, study } = profile;
  const document = {
    schema: 'tacet-profile/1',
    madeAt: new Date().toISOString(),
    ...surroundings(0),
    title,
    overhead: overhead ?? null,
    ...(study ? { study } : {}),
    roofs,
    devices: profile.recordings.map(({ device }, index) => ({ device, ...summaries[index] })),
  };
  write(files.profile, `${JSON.stringify(document, undefined, 1)}\n`);
  write(files.trace, `${JSON.stringify(traceOf(profile.recordings, profile.moments))}\n`);
  write(files.figure, figureOf(profile, summaries));
  if (json) {
    printJson({ ...document, files });
    return;
  }
  const parts = profile.recordings.map((recording, index) =>
    deviceText(recording, summaries[index] as ProfileSummary),
  );
  process.stdout.write(
    `${[title, ...parts, closing(profile), `Written: ${Object.values(files).join(', ')}`].join('\n')}\n`,
  );
}

async function profileBenchCase(name: string, { device, repetitions }: ProfileOptions): Promise<Profile> {
  const { recording, roofs, profiledMs, plainMs } = await profileCase(device, name, repetitions);
  return {
    title: `${name}, ${repetitions} repetitions`,
    recordings: [recording],
    moments: [],
    roofs,
    overhead: profiledMs / plainMs - 1,
  };
}

async function profileStudy(argument: string, options: ProfileOptions): Promise<Profile> {
  const document = readStudyDocument(argument, [...shortTraining(argument), ...options.set]);
  checkStudy(document, options);
  const software = (await findRunDevices(options.device)).every((choice) => choice.software);
  const quick = recipeOf(document.recipe).quick(software);
  const stdp = document.recipe === 'mnist-stdp';
  const { trainSamples, holdOutSamples } = SHORT;
  const settings = {
    ...quick.settings,
    ...(stdp && {
      trainSamples: Math.min(trainSamples, Number(quick.settings.trainSamples ?? trainSamples)),
      holdOutSamples: Math.min(holdOutSamples, Number(quick.settings.holdOutSamples ?? holdOutSamples)),
    }),
  };
  const usual = software ? SHORT.softwareTrials : SHORT.trials;
  const trials = stdp ? usual : Math.min(SHORT.otherTrials, quick.trials);
  const { spec } = planStudy(document, options, { quick: { settings, trials }, stored: undefined });
  let roofs: Roofs;
  {
    await using device = await openDevice(options.device, { timing: true });
    roofs = await measureRoofs(device, { repetitions: 3 });
  }
  const study = { devices: options.device, ...(options.slots === undefined ? {} : { slots: options.slots }) };
  // Without first: it finds out, and remembers, how many slots suit the device.
  const plain = options.overhead ? await runStudy(spec, false, study) : undefined;
  const { recordings, moments, ...figures } = await runStudy(spec, true, study);
  const [before, after] = [plain?.samplesPerSecond, figures.samplesPerSecond];
  return {
    title: `${spec.name}: ${spec.trials} trials of ${spec.recipe}`,
    recordings,
    moments,
    roofs,
    overhead: before === undefined || after === undefined ? undefined : before / after - 1,
    study: figures,
  };
}

/** What makes trials of a training recipe, meant by its name, short; --set goes before it. */
function shortTraining(argument: string): Assignment[] {
  const recipe = TRAINING_RECIPES.find(({ name }) => name === argument);
  if (recipe === undefined) return [];
  return Object.entries(SHORT.training).map(([name, least]) => {
    const searched = recipe.space[name];
    if (searched === undefined) return { path: ['settings', name], value: least };
    const low = 'low' in searched ? searched.low : least;
    return { path: ['space', name], value: Math.max(low, least) };
  });
}

function deviceText(
  { device }: Recording,
  { kernels, time, busy, host, counts, memory, clockUncertaintyMs }: ProfileSummary,
): string {
  const share = (ms: number) => formatPercent(time.wall > 0 ? ms / time.wall : undefined);
  const kernelRows = kernels.map((kernel) => [
    kernel.kernel,
    String(kernel.calls),
    String(kernel.alone),
    formatMs(kernel.totalMs),
    formatPercent(kernel.share),
    formatMs(kernel.meanMs),
    formatMs(kernel.medianMs),
    formatMs(kernel.p95Ms),
    formatMs(kernel.leastMs),
    kernel.bytesPerSecond === undefined ? '–' : formatRate(kernel.bytesPerSecond, 'B/s'),
    kernel.operationsPerSecond === undefined ? '–' : formatRate(kernel.operationsPerSecond, 'op/s'),
    kernel.intensity === undefined ? '–' : three(kernel.intensity),
    kernel.boundBy ?? '–',
    formatPercent(kernel.ofRoof),
  ]);
  const timeRows = [
    ['kernels, by the clock of the device', formatMs(time.kernels), share(time.kernels)],
    ['nothing queued: the host was at something else', formatMs(time.hostGaps), share(time.hostGaps)],
    [
      `${counts.waits} round trips from a submit to the answer`,
      formatMs(time.roundTrips),
      share(time.roundTrips),
    ],
    [
      'between launches in the queue, by the same clock',
      formatMs(time.betweenLaunches),
      share(time.betweenLaunches),
    ],
    [
      'not explained by these',
      formatMs(time.unexplained),
      formatPercent(Math.abs(time.unexplained) / time.wall),
    ],
    ['wall time', formatMs(time.wall), ''],
  ];
  return [
    `\n${device.name}; ${device.driver}; ${device.backend}`,
    formatTable(
      [
        'kernel',
        'calls',
        'alone',
        'total',
        'share',
        'mean',
        'median',
        '95 %',
        'least',
        'moved',
        'computed',
        'op/B',
        'bound by',
        'of its roof',
      ],
      kernelRows,
    ),
    formatTable(['time', '', ''], timeRows),
    `device busy ${formatPercent(busy)}, idle ${formatPercent(1 - busy)}; ${counts.submits} submits of ${counts.launches} launches${counts.untimed > 0 ? ` (${counts.untimed} without times)` : ''}; ${megabytes(counts.bytesUp)} up, ${megabytes(counts.bytesDown)} down`,
    ...(counts.together > 0
      ? [
          `${counts.together} short launches were timed together with others, some milliseconds at a time: what each took is a share of that, as one alone takes`,
        ]
      : []),
    `host: encoding and submitting ${formatMs(host.encodeMs)}, writing ${formatMs(host.writeMs)}, waiting ${formatMs(host.waitMs)}; its thread computed ${formatMs(host.threadCpuMs)}; fetching times, for the profile alone, ${formatMs(host.fetchMs)}`,
    `memory: ${megabytes(memory.peakDeviceBytes)} in buffers at the most; the process had up to ${megabytes(memory.residentBytes)}`,
    ...(clockUncertaintyMs === undefined
      ? []
      : [`the device's clock is known against the host's to ${formatMs(clockUncertaintyMs)}`]),
  ].join('\n');
}

function closing({ overhead, study }: Profile): string {
  const cost =
    overhead === undefined
      ? 'What profiling costs was not measured.'
      : `Profiling made it ${overhead >= 0 ? 'slower' : 'faster'} by ${formatPercent(Math.abs(overhead))}.`;
  if (!study) return cost;
  const { samplesPerSecond, occupancy, mainCpuMs } = study;
  const rate =
    samplesPerSecond === undefined ? '' : `${formatCount(samplesPerSecond)} samples x networks per second; `;
  return `${rate}slots occupied ${formatPercent(occupancy)}; the main thread computed ${formatMs(mainCpuMs)}. ${cost}`;
}

function figureOf({ title, roofs, recordings }: Profile, summaries: readonly ProfileSummary[]): string {
  const kernels = summaries.flatMap((summary) => summary.kernels);
  return rooflineFigure({
    title: `${title}, ${recordings[0]?.device.name ?? ''}`,
    slopes: [
      {
        label: `copy, ${formatRate(roofs.copyBytesPerSecond, 'B/s')}`,
        bytesPerSecond: roofs.copyBytesPerSecond,
      },
      ...roofs.reads.map(({ withinBytes, bytesPerSecond }) => ({
        label: `${withinBytes / 1024} KiB, ${formatRate(bytesPerSecond, 'B/s')}`,
        bytesPerSecond,
      })),
    ],
    // The flops count a multiply-add as two.
    operationsPerSecond: roofs.flopsPerSecond / 2,
    points: kernels.flatMap(({ kernel, intensity, operationsPerSecond }) =>
      intensity === undefined || operationsPerSecond === undefined
        ? []
        : [{ label: kernel, intensity, operationsPerSecond }],
    ),
  });
}

function megabytes(bytes: number): string {
  return `${three(bytes / 1e6)} MB`;
}

function write(file: string, content: string): void {
  try {
    writeFileSync(file, content);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw new UsageError(`${file} can't be written (${code}): give --output a folder that is there`, {
      cause,
    });
  }
}
