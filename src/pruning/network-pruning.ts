/** Pruning of compiled networks: the pipeline with spectra, rates and activity taken from the networks themselves. */
import type { Device } from '../device/index.ts';
import { networkSpectra } from '../dynamics/index.ts';
import type { CompiledNetwork } from '../kernels/recurrent-network.ts';
import { SpikeFilter } from '../learning/index.ts';
import type { LinearAlgebra } from '../linalg/index.ts';
import { simulate } from '../network/simulate.ts';
import { graphOfNetwork, type PrunedGraph, prunedNetwork } from './network-graph.ts';
import type { NodeSpectrum } from './node-exponents.ts';
import { type PruningResult, prune } from './pipeline.ts';
import { completeSettings, type PruningInput } from './settings.ts';
import { optimizeTimescales, spectrumDistance } from './timescales.ts';

export interface SpectrumChoice {
  /** How tangents are carried; `rate` by default, which is what the paper's equation 3 is made of. */
  readonly route?: 'rate' | 'surrogate' | 'saltation';
  /** The largest exponents that are computed; 64 by default. */
  readonly exponents?: number;
  /** Simulated time, ms; 1,000 by default. */
  readonly durationMs?: number;
}

/** A spectrum of a network as pruning takes it, with the exponents in 1/ms. */
export async function spectrumOfNetwork(
  device: Device,
  network: CompiledNetwork,
  { route = 'rate', exponents = 64, durationMs = 1000 }: SpectrumChoice = {},
): Promise<NodeSpectrum> {
  const { neurons } = graphOfNetwork(network);
  const count = Math.min(exponents, neurons.length);
  const [found] = await networkSpectra(device, [network], { route, exponents: count, durationMs });
  if (found === undefined) throw new Error('no spectrum came of the network');
  const k = found.exponents.length;
  const lowest = found.exponents.reduce((a, b) => (b === -Infinity ? a : Math.min(a, b)), Infinity);
  const participation = new Float64Array(neurons.length * k);
  neurons.forEach((neuron, node) => {
    participation.set(found.participation.subarray(neuron * k, (neuron + 1) * k), node * k);
  });
  return {
    // Directions that are lost altogether count as the slowest that is not.
    exponents: found.exponents.map((exponent) => (exponent === -Infinity ? lowest : exponent) / 1000),
    participation,
  };
}

/**
 * Prunes a network.
 *
 * @param rates [neuron with a state], for the method `activity`: those of the network at its task, after training
 * @throws {PruningError} for settings that can't be; what the dynamics and the device throw
 * @example
 * const { result, network } = await pruneNetwork(device, algebra, hrsnn().compile(), { density: 0.2 });
 */
export async function pruneNetwork(
  device: Device,
  algebra: LinearAlgebra,
  network: CompiledNetwork,
  input: PruningInput,
  options: { readonly spectrum?: SpectrumChoice; readonly rates?: Float64Array } = {},
): Promise<{ readonly result: PruningResult; readonly network: CompiledNetwork }> {
  const settings = completeSettings(input);
  const { graph, tauMembraneMs } = graphOfNetwork(network);
  const needed = settings.covariance === 'spikes' || (settings.synapseScore === 'activity' && !options.rates);
  const measured = needed ? await activityOf(device, network) : undefined;
  const rates = options.rates ?? measured?.rates;
  const pruned = await prune(
    {
      graph,
      tauMembraneMs,
      spectrumOf: (left: PrunedGraph) =>
        spectrumOfNetwork(
          device,
          left.sources.length === graph.sources.length ? network : prunedNetwork(network, left),
          options.spectrum,
        ),
      ...(rates ? { rates } : {}),
      ...(measured ? { activity: measured.activity } : {}),
    },
    settings,
    algebra,
  );
  const result =
    settings.timescale < 1
      ? await slowedUntilStable(pruned, (tauMembraneMs) =>
          spectrumOfNetwork(device, prunedNetwork(network, { ...pruned, tauMembraneMs }), options.spectrum),
        )
      : pruned;
  if (settings.timescaleTrials === 0) return { result, network: prunedNetwork(network, result) };
  const wanted = (await spectrumOfNetwork(device, network, options.spectrum)).exponents;
  const timescales = await optimizeTimescales(
    result.tauMembraneMs,
    async (tried) => {
      const candidate = prunedNetwork(network, { ...result, tauMembraneMs: tried });
      const { exponents } = await spectrumOfNetwork(device, candidate, options.spectrum);
      return spectrumDistance(exponents, wanted, [result.nodes.length, graph.nodes]);
    },
    { trials: settings.timescaleTrials, seed: settings.seed },
  );
  const { tauMs, ...search } = timescales;
  const reshaped = { ...result, tauMembraneMs: tauMs, timescales: search };
  return { result: reshaped, network: prunedNetwork(network, reshaped) };
}

/** Share of an unstable direction that the neurons take whose time constants are lengthened, and by how much. */
const CARRIED = 0.9;
const LENGTHENING = 2;
/** Spectra at the most: a neuron's time constant is then a thousand times as long. */
const MOST_SPECTRA = 10;

/**
 * Lengthens the time constants of neurons that carry unstable directions until the network is stable by its own spectrum:
 * short ones can turn a loop of a few neurons unstable.
 *
 * @param spectrumOf of the network with these time constants
 */
export async function slowedUntilStable(
  result: PruningResult,
  spectrumOf: (tauMembraneMs: Float64Array) => Promise<NodeSpectrum>,
): Promise<PruningResult> {
  const tauMembraneMs = result.tauMembraneMs.slice();
  for (let round = 0; round < MOST_SPECTRA; round++) {
    const { exponents, participation } = await spectrumOf(tauMembraneMs);
    const carriers = new Set<number>();
    exponents.forEach((exponent, k) => {
      if (exponent < 0) return;
      const shareOf = (node: number) => participation[node * exponents.length + k] as number;
      const order = [...tauMembraneMs.keys()].sort((a, b) => shareOf(b) - shareOf(a));
      const whole = order.reduce((sum, node) => sum + shareOf(node), 0);
      let carried = 0;
      for (const node of order) {
        if (carried >= CARRIED * whole) break;
        carried += shareOf(node);
        carriers.add(node);
      }
    });
    if (carriers.size === 0) break;
    for (const node of carriers) tauMembraneMs[node] = LENGTHENING * (tauMembraneMs[node] as number);
  }
  const sum = (list: Float64Array) => list.reduce((a, b) => a + b, 0);
  const longer = sum(tauMembraneMs) / sum(result.tauMembraneMs);
  return { ...result, timescale: result.timescale * longer, tauMembraneMs };
}

/** How long activity is recorded, ms, and how much of its beginning is left out. */
const ACTIVITY_MS = 5000;
const SETTLING_MS = 500;

/** Rates and filtered spikes of the neurons with a state, from a simulation on the device. */
async function activityOf(device: Device, network: CompiledNetwork) {
  const { neurons } = graphOfNetwork(network);
  const [run] = await simulate(device, [network], { durationMs: ACTIVITY_MS });
  const everySteps = Math.max(1, Math.round(10 / network.dtMs));
  const filter = new SpikeFilter({
    neurons: network.neurons,
    dtMs: network.dtMs,
    tauMs: 20,
    everySteps,
    read: neurons,
  });
  const words = Math.ceil(network.neurons / 32);
  const raster = new Uint32Array((run?.steps ?? 0) * words);
  const { neuron, step } = run?.spikes ?? { neuron: new Uint32Array(0), step: new Uint32Array(0) };
  neuron.forEach((number, spike) => {
    const word = (step[spike] as number) * words + (number >> 5);
    raster[word] = (raster[word] as number) | (1 << (number & 31));
  });
  const features = filter.push(raster, run?.steps ?? 0);
  const skipped = Math.floor(SETTLING_MS / (everySteps * network.dtMs)) * neurons.length;
  return {
    activity: features.slice(skipped),
    rates: Float64Array.from(neurons, (number) => (1000 * (run?.counts[number] ?? 0)) / ACTIVITY_MS),
  };
}
