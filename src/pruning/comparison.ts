/**
 * Methods side by side: the same untrained networks pruned by each method to the same numbers of synapses and neurons, and
 * each of them, and the dense network, at the same tasks. A launch runs all networks of a seed that are asked for.
 */
import { splitIndices } from '../data/split.ts';
import type { Device } from '../device/index.ts';
import type { CompiledNetwork } from '../kernels/recurrent-network.ts';
import type { LinearAlgebra } from '../linalg/index.ts';
import type { SpikeTrains } from '../network/encoders/spike-trains.ts';
import { heterogeneousStdp, hrsnn } from '../network/models/hrsnn.ts';
import { classifySamples, encodeLabelled, readingMs } from './classification.ts';
import type { NetworkActivity, Reading } from './features.ts';
import {
  encodeSeries,
  FORECAST_DEFAULTS,
  type ForecastOptions,
  forecast,
  samplesNeeded,
} from './forecast.ts';
import { prunedNetwork } from './network-graph.ts';
import { pruneNetwork, type SpectrumChoice, spectrumOfNetwork } from './network-pruning.ts';
import type { PruningResult } from './pipeline.ts';
import { methodSettings, type PruningInput } from './settings.ts';
import { trainedByStdp, withoutPlasticity } from './stdp.ts';
import { openTask, type Task, type TaskData } from './tasks.ts';

/** What a comparison holds equal for all methods. */
export interface ComparisonSpec {
  /** Neurons of the dense networks. */
  readonly size: number;
  /** Share of the neurons that stay. */
  readonly neurons: number;
  readonly tasks: readonly string[];
  /** Samples of a series to which readouts are fitted, and labelled samples of a class. */
  readonly train: number;
  readonly labelled: number;
  /** What learns: readouts alone, or recurrent synapses by STDP before them. */
  readonly training: 'readout' | 'stdp';
  readonly spectrum: SpectrumChoice;
  /** Settings over those of all methods. */
  readonly settings: PruningInput;
}

/** The regime of the networks at series: driven by their input, with little noise of their own. */
export const REGIME = {
  inputDegree: 60,
  inputMv: 0.1,
  backgroundHz: 100,
} as const;

/** Encoding that goes with it. */
export const COMPARISON_FORECAST = {
  neuronsPerValue: 200,
  maxRateHz: 200,
  sampleMs: 20,
} as const satisfies ForecastOptions;

/** Inputs of a neuron at labelled samples, and what they bring together in the mean, mV/s: as much as series do. */
const LABELLED_DEGREE = 20;
const LABELLED_DRIVE = 500;

/** Changes of weights by STDP, mV for a pair: a tenth of the model's default, so that minutes don't bind all weights. */
const STDP = { potentiation: 0.0005, depression: 0.000525 } as const;

/** A method at a density; `dense` is the network as it was, `dense-half-read` the same with half of it read. */
export interface Variant {
  readonly method: string;
  readonly density: number;
}

/** Methods that prune nothing, so that they are the same at every density. */
export const DENSE: readonly string[] = ['dense', 'dense-half-read'];

/** How a network did at a task. */
export interface TaskScore extends Omit<NetworkActivity, 'ratesHz'> {
  /** Normalized root mean squared error at the first horizon, or the share of samples whose class was not found. */
  readonly error: number;
  /** Of series whose Lyapunov time is known, in Lyapunov times; else NaN. */
  readonly validPredictionTime: number;
  /** The same before recurrent synapses were trained; NaN where they were not. */
  readonly errorBefore: number;
  readonly synapticOperationsBeforeHz: number;
}

/** What came of a variant with a seed. */
export interface ComparisonRecord extends Variant {
  readonly seed: number;
  readonly synapses: number;
  readonly neurons: number;
  /** Features that a readout weighs at a moment. */
  readonly read: number;
  readonly pruningSeconds: number;
  /** Addition to the leaks that made the linearization stable, 1/ms; 0 where there was none. */
  readonly shift: number;
  /** Factor of the time constants, in the mean. */
  readonly timescale: number;
  /** The largest exponents by the route of the comparison, 1/s, by their index: {@link SPECTRUM_POINTS} of them. */
  readonly exponents: readonly (readonly [index: number, perSecond: number])[];
  readonly tasks: Readonly<Record<string, TaskScore>>;
}

export const SPECTRUM_POINTS = 16;

/** The network of a seed, with the input of a task or with its background alone. */
export function comparedNetwork(
  { size, training }: Pick<ComparisonSpec, 'size' | 'training'>,
  seed: number,
  input:
    | { readonly spikes: SpikeTrains; readonly inputDegree?: number; readonly inputMv?: number }
    | undefined,
): CompiledNetwork {
  const { spikes, ...drive } = input ?? {};
  return hrsnn({
    ...REGIME,
    ...drive,
    neurons: size,
    seed,
    ...(spikes ? { input: spikes } : {}),
    ...(training === 'stdp' ? { plasticity: heterogeneousStdp(STDP) } : {}),
  }).compile();
}

/** A task of a seed, and the dense network that hears it. */
interface SeedTask {
  readonly name: string;
  readonly data: TaskData;
  readonly dense: CompiledNetwork;
  /** For how long the input shows what readouts are fitted to. */
  readonly trainMs: number;
}

/** The dense networks of a seed: what all its variants share. */
interface SeedWork {
  readonly seed: number;
  readonly plain: CompiledNetwork;
  readonly tasks: readonly SeedTask[];
  /** Rates at the tasks, summed; measured when a method first needs them. */
  rates?: Float64Array;
}

/** Runs the variants of a comparison, seed by seed. */
export class Comparison {
  readonly spec: ComparisonSpec;
  readonly #tasks: readonly (readonly [string, Task])[];
  #work: SeedWork | undefined;

  /** Reads the tasks' files. @throws {PruningError} and what loaders throw, for tasks that can't be */
  constructor(spec: ComparisonSpec) {
    this.spec = spec;
    this.#tasks = spec.tasks.map((name) => [name, openTask(name)]);
  }

  /** Prunes and evaluates variants with one seed. */
  async run(
    device: Device,
    algebra: LinearAlgebra,
    seed: number,
    variants: readonly Variant[],
  ): Promise<ComparisonRecord[]> {
    const { spec } = this;
    const work = this.#workOf(seed);
    const subjects: { reading: (task: SeedTask) => Reading; draft: Omit<ComparisonRecord, 'tasks'> }[] = [];
    for (const { method, density } of variants) {
      const started = performance.now();
      let result: PruningResult | undefined;
      let pruned = work.plain;
      if (!DENSE.includes(method)) {
        const given = { ...methodSettings(method), ...spec.settings };
        const settings = { ...given, density, neurons: spec.neurons, seed, measureLocalization: false };
        const rates =
          given.synapseScore === 'activity' ? await this.#rates(device, algebra, work) : undefined;
        const options = { spectrum: spec.spectrum, ...(rates ? { rates } : {}) };
        ({ result, network: pruned } = await pruneNetwork(device, algebra, work.plain, settings, options));
      }
      const pruningSeconds = (performance.now() - started) / 1000;
      const { exponents } = await spectrumOfNetwork(device, pruned, spec.spectrum);
      const neurons = result?.nodes.length ?? spec.size;
      const read = method === 'dense-half-read' ? randomHalf(spec, seed) : undefined;
      subjects.push({
        reading: ({ dense }) => ({
          network: result ? prunedNetwork(dense, result) : dense,
          ...(read ? { read } : {}),
        }),
        draft: {
          method,
          density,
          seed,
          synapses: result?.sources.length ?? pruned.synapses.words.length,
          neurons,
          read: read?.length ?? neurons,
          pruningSeconds,
          shift: result?.rounds[0]?.shift ?? 0,
          timescale: result?.timescale ?? 1,
          exponents: thinned(exponents),
        },
      });
    }
    const scores: Record<string, TaskScore>[] = subjects.map(() => ({}));
    const evaluated = await this.#evaluate(
      device,
      algebra,
      work.tasks.map((task) => ({ task, readings: subjects.map(({ reading }) => reading(task)) })),
    );
    work.tasks.forEach(({ name }, t) => {
      for (const [subject, own] of scores.entries()) own[name] = evaluated[t]?.[subject] as TaskScore;
    });
    return subjects.map(({ draft }, subject) => ({ ...draft, tasks: scores[subject] ?? {} }));
  }

  /** [task][reading]: before and after training of recurrent synapses, where they are trained. */
  async #evaluate(device: Device, algebra: LinearAlgebra, work: readonly TaskReadings[]) {
    if (this.spec.training === 'readout') return await this.#scores(device, algebra, work);
    const trained: TaskReadings[] = [];
    for (const { task, readings } of work) {
      const networks = readings.map(({ network }) => network);
      const after = await trainedByStdp(device, networks, task.trainMs);
      trained.push({
        task,
        readings: readings.map((reading, k) => ({ ...reading, network: after[k] as CompiledNetwork })),
      });
    }
    const frozen = work.map(({ task, readings }) => ({
      task,
      readings: readings.map((reading) => ({ ...reading, network: withoutPlasticity(reading.network) })),
    }));
    const before = await this.#scores(device, algebra, frozen);
    const after = await this.#scores(device, algebra, trained);
    return after.map((own, t) =>
      own.map((score, k): TaskScore => {
        const earlier = before[t]?.[k];
        return {
          ...score,
          errorBefore: earlier?.error ?? Number.NaN,
          synapticOperationsBeforeHz: earlier?.synapticOperationsHz ?? Number.NaN,
        };
      }),
    );
  }

  /** [task][reading]: all series in one launch, labelled samples task by task. */
  async #scores(device: Device, algebra: LinearAlgebra, work: readonly TaskReadings[]) {
    const untrained = { errorBefore: Number.NaN, synapticOperationsBeforeHz: Number.NaN };
    const found = new Map<string, TaskScore[]>();
    const series = work.flatMap(({ task, readings }) => {
      const { data, name } = task;
      if (data.kind !== 'series') return [];
      return readings.map((reading) => ({ name, reading, series: data.series }));
    });
    const forecasts = await forecast(
      device,
      algebra,
      series.map(({ reading }) => reading),
      series.map((one) => one.series),
      this.#forecast(),
    );
    for (const [k, { nrmse, nrmseByHorizon: _, ratesHz: __, ...score }] of forecasts.entries()) {
      const { name, series: own } = series[k] as (typeof series)[number];
      const time = own.lyapunovTime === undefined ? Number.NaN : score.validPredictionTime;
      const all = found.get(name) ?? [];
      found.set(name, [...all, { ...score, ...untrained, error: nrmse, validPredictionTime: time }]);
    }
    for (const { task, readings } of work) {
      const { data, name } = task;
      if (data.kind !== 'classes') continue;
      const scores = await classifySamples(device, algebra, readings, data.data);
      found.set(
        name,
        scores.map(({ ratesHz: _, ...score }) => ({
          ...score,
          ...untrained,
          validPredictionTime: Number.NaN,
        })),
      );
    }
    return work.map(({ task }) => found.get(task.name) ?? []);
  }

  #forecast(): ForecastOptions {
    return { ...COMPARISON_FORECAST, train: this.spec.train };
  }

  #workOf(seed: number): SeedWork {
    if (this.#work?.seed === seed) return this.#work;
    const { spec } = this;
    const options = this.#forecast();
    const sizes = { samples: samplesNeeded(options), labelled: spec.labelled };
    const tasks = this.#tasks.map(([name, task]): SeedTask => {
      const data = task(sizes, seed);
      if (data.kind === 'series') {
        const dense = comparedNetwork(spec, seed, { spikes: encodeSeries(data.series, seed, options) });
        const { warmUp } = FORECAST_DEFAULTS;
        return { name, data, dense, trainMs: (warmUp + spec.train) * COMPARISON_FORECAST.sampleMs };
      }
      const spikes = encodeLabelled(data.data);
      const seconds = (spikes.timesMs.at(-1) ?? 0) / 1000;
      const meanHz = spikes.timesMs.length / spikes.count / Math.max(seconds, 1e-3);
      const inputDegree = Math.min(LABELLED_DEGREE, spikes.count);
      const inputMv = LABELLED_DRIVE / (inputDegree * Math.max(meanHz, 1));
      const dense = comparedNetwork(spec, seed, { spikes, inputDegree, inputMv });
      return { name, data, dense, trainMs: data.data.train * 5 * readingMs(data.data) };
    });
    this.#work = { seed, plain: withoutPlasticity(comparedNetwork(spec, seed, undefined)), tasks };
    return this.#work;
  }

  /** What activity pruning ranks by: rates of the dense networks at their tasks. */
  async #rates(device: Device, algebra: LinearAlgebra, work: SeedWork): Promise<Float64Array> {
    if (work.rates !== undefined) return work.rates;
    const all: Float64Array[] = [];
    const series = work.tasks.flatMap(({ data, dense }) => (data.kind === 'series' ? [{ data, dense }] : []));
    const scores = await forecast(
      device,
      algebra,
      series.map(({ dense }) => withoutPlasticity(dense)),
      series.map(({ data }) => data.series),
      this.#forecast(),
    );
    all.push(...scores.map(({ ratesHz }) => ratesHz));
    for (const { data, dense } of work.tasks) {
      if (data.kind !== 'classes') continue;
      const [score] = await classifySamples(device, algebra, [withoutPlasticity(dense)], data.data);
      if (score) all.push(score.ratesHz);
    }
    const sum = all.reduce((a, b) => a.map((rate, node) => rate + (b[node] as number)));
    work.rates = sum;
    return sum;
  }
}

interface TaskReadings {
  readonly task: SeedTask;
  readonly readings: readonly Reading[];
}

/** Of the neurons, as many as pruning leaves. */
function randomHalf({ size, neurons }: ComparisonSpec, seed: number): Uint32Array {
  const [half] = splitIndices(size, [Math.round(size * neurons)], seed);
  return Uint32Array.from(half ?? []).sort();
}

/** Some of the exponents, evenly over their indices, in 1/s. */
function thinned(exponents: Float64Array): ComparisonRecord['exponents'] {
  const count = Math.min(SPECTRUM_POINTS, exponents.length);
  return Array.from({ length: count }, (_, k) => {
    const index = count === 1 ? 0 : Math.round((k * (exponents.length - 1)) / (count - 1));
    return [index, 1000 * (exponents[index] as number)] as const;
  });
}

/** A mean over seeds with its standard error. */
export interface Estimate {
  readonly mean: number;
  /** NaN of a single value. */
  readonly standardError: number;
  readonly count: number;
}

export function estimateOf(values: readonly number[]): Estimate {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, standardError: Math.sqrt(squares / (count - 1) / count), count };
}
