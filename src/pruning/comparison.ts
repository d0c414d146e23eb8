/**
 * Methods side by side: the same untrained networks pruned by each method to the same numbers of synapses and neurons, and
 * each of them, and the dense network, predicting the same series. One launch evaluates all networks of a seed.
 */
import type { Series } from '../data/chaotic-series.ts';
import type { Device } from '../device/index.ts';
import type { CompiledNetwork } from '../kernels/recurrent-network.ts';
import type { LinearAlgebra } from '../linalg/index.ts';
import type { SpikeTrains } from '../network/encoders/spike-trains.ts';
import { hrsnn } from '../network/models/hrsnn.ts';
import { ensure } from './errors.ts';
import {
  encodeSeries,
  type ForecastOptions,
  type ForecastScore,
  forecast,
  samplesNeeded,
} from './forecast.ts';
import { prunedNetwork } from './network-graph.ts';
import { pruneNetwork, type SpectrumChoice, spectrumOfNetwork } from './network-pruning.ts';
import type { PruningResult } from './pipeline.ts';
import { ABLATIONS, METHODS, type PruningInput } from './settings.ts';
import { seriesOf } from './tasks.ts';

/** What makes a comparison this comparison. */
export interface ComparisonSpec {
  /** Neurons of the dense networks. */
  readonly size: number;
  readonly methods: readonly string[];
  readonly densities: readonly number[];
  /** Share of the neurons that stay. */
  readonly neurons: number;
  readonly tasks: readonly string[];
  readonly seeds: readonly number[];
  /** Settings over those of all methods. */
  readonly settings: PruningInput;
  readonly spectrum: SpectrumChoice;
  readonly forecast: ForecastOptions;
}

/** The regime of the networks at their tasks: driven by their input, with little noise of their own. */
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

/** A method at a density; `dense` is the network as it was. */
export interface Variant {
  readonly method: string;
  readonly density: number;
}

/** What came of a variant with a seed. */
export interface ComparisonRecord extends Variant {
  readonly seed: number;
  readonly synapses: number;
  readonly neurons: number;
  /** Weights of the readouts of one task, in all its horizons. */
  readonly readoutWeights: number;
  readonly pruningSeconds: number;
  readonly shift: number | null;
  /** The largest exponents by the route of the comparison, 1/s, at most 64. */
  readonly exponents: readonly number[];
  readonly localization: PruningResult['localization'] | null;
  readonly tasks: Readonly<Record<string, Omit<ForecastScore, 'ratesHz'>>>;
}

/** The settings of a method by its name. @throws {PruningError} naming those there are */
export function methodSettings(name: string): PruningInput {
  const all: Readonly<Record<string, PruningInput>> = { ...METHODS, ...ABLATIONS };
  const found = all[name];
  ensure(
    found !== undefined,
    () => `there is no method "${name}": give one of ${Object.keys(all).join(', ')}`,
  );
  return found;
}

/** All variants of a comparison, `dense` first. */
export function variantsOf({ methods, densities }: ComparisonSpec): Variant[] {
  return [
    { method: 'dense', density: 1 },
    ...densities.flatMap((density) => methods.map((method) => ({ method, density }))),
  ];
}

/** The network of a seed, with the input of a task or with its background alone. */
export function comparedNetwork(size: number, seed: number, input?: SpikeTrains): CompiledNetwork {
  return hrsnn({ ...REGIME, neurons: size, seed, ...(input ? { input } : {}) }).compile();
}

/**
 * Prunes and evaluates variants with one seed.
 *
 * @param onStep called with what is being done
 */
export async function compareSeed(
  device: Device,
  algebra: LinearAlgebra,
  spec: ComparisonSpec,
  seed: number,
  variants: readonly Variant[],
  onStep: (what: string) => void = () => {},
): Promise<ComparisonRecord[]> {
  const options = { ...COMPARISON_FORECAST, ...spec.forecast };
  const series = spec.tasks.map((task): Series => seriesOf(task, samplesNeeded(options), seed));
  const plain = comparedNetwork(spec.size, seed);
  const dense = series.map((one) => comparedNetwork(spec.size, seed, encodeSeries(one, seed, options)));
  // What activity pruning ranks by: the dense networks at their tasks.
  let rates: Float64Array | undefined;
  if (variants.some(({ method }) => settingsOrNone(method).synapseScore === 'activity')) {
    onStep('the dense networks at their tasks');
    const scores = await forecast(device, algebra, dense, series, options);
    rates = scores
      .map(({ ratesHz }) => ratesHz)
      .reduce((sum, own) => sum.map((rate, node) => rate + (own[node] as number)));
  }
  const networks: CompiledNetwork[] = [];
  const drafts: Omit<ComparisonRecord, 'tasks'>[] = [];
  for (const { method, density } of variants) {
    onStep(`${method} at ${density}`);
    const started = performance.now();
    let result: PruningResult | undefined;
    let pruned = plain;
    if (method !== 'dense') {
      const settings = { ...methodSettings(method), ...spec.settings, density, neurons: spec.neurons, seed };
      const own = { spectrum: spec.spectrum, ...(rates ? { rates } : {}) };
      ({ result, network: pruned } = await pruneNetwork(device, algebra, plain, settings, own));
    }
    const pruningSeconds = (performance.now() - started) / 1000;
    const { exponents } = await spectrumOfNetwork(device, pruned, spec.spectrum);
    const neurons = result?.nodes.length ?? spec.size;
    drafts.push({
      method,
      density,
      seed,
      synapses: result?.sources.length ?? pruned.synapses.words.length,
      neurons,
      readoutWeights: (neurons + 1) * (options.horizons?.length ?? 9),
      pruningSeconds,
      shift: result?.rounds[0]?.shift ?? null,
      exponents: Array.from(exponents, (exponent) => 1000 * exponent),
      localization: result?.localization ?? null,
    });
    for (const network of dense) networks.push(result ? prunedNetwork(network, result) : network);
  }
  onStep('predictions');
  const scores = await forecast(device, algebra, networks, series, options);
  return drafts.map((draft, variant) => ({
    ...draft,
    tasks: Object.fromEntries(
      spec.tasks.map((task, t) => {
        const { ratesHz: _, ...score } = scores[variant * spec.tasks.length + t] as ForecastScore;
        return [task, score];
      }),
    ),
  }));
}

function settingsOrNone(method: string): PruningInput {
  return method === 'dense' ? {} : methodSettings(method);
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
