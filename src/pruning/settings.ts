/** The settings of pruning: every choice that the paper leaves open, with its default. docs/pruning.md explains them. */
import { z } from 'zod';
import { PruningError } from './errors.ts';

const share = z.number().min(0).max(1);
const positive = z.number().positive();

/**
 * What decides which synapses stay; `activity` prunes a network after training, by what it did on its task; with `all`
 * every synapse stays whose neurons do, whatever the density.
 */
export const SYNAPSE_SCORES = [
  'lyapunov-noise',
  'noise',
  'weight',
  'resistance',
  'random',
  'activity',
  'all',
] as const;
/** What decides which neurons stay. */
export const NEURON_SCORES = ['betweenness', 'random', 'activity', 'none'] as const;

export const pruningSettings = z.strictObject({
  /** Share of the synapses that stay, of all that there were. */
  density: z.number().gt(0).max(1).default(0.2),
  /** Share of the neurons that stay. */
  neurons: z.number().gt(0).max(1).default(0.5),
  synapseScore: z.enum(SYNAPSE_SCORES).default('lyapunov-noise'),
  neuronScore: z.enum(NEURON_SCORES).default('betweenness'),
  /** Rounds, each of which prunes the same share of what the one before left. */
  rounds: z.int().min(1).max(100).default(1),
  /** How exponents are given to nodes. */
  assignment: z.enum(['projection', 'expansion', 'index']).default('projection'),
  mean: z.enum(['floored-harmonic', 'shifted-harmonic', 'arithmetic', 'uniform']).default('floored-harmonic'),
  /** Floor of the exponents, as a share of their median. */
  floor: z.number().gt(0).max(1).default(0.05),
  /** Whether synapses differ by their exponents alone, as in the paper, or by their weights too. */
  magnitude: z.enum(['exponents', 'weights']).default('exponents'),
  shift: z.enum(['spectral', 'dominance', 'row-dominance']).default('spectral'),
  /** Distance of the linearization from instability, as a share of the mean leak. */
  margin: positive.default(0.1),
  /** How the covariance is had: exactly, from the linear network with noise, or from the spiking one. */
  covariance: z.enum(['lyapunov', 'noise', 'spikes']).default('lyapunov'),
  sigma: positive.default(1),
  rescaling: z.enum(['mask', 'rescale', 'capped']).default('capped'),
  /** Quantile of the factors at which they are capped. */
  capQuantile: share.default(0.9),
  diagonal: z.enum(['original', 'matched']).default('original'),
  /** The largest factor by which a matched diagonal changes a time constant. */
  mostTimeConstantChange: z.number().min(1).default(2),
  /** Lengths of the paths of betweenness: all the same, or 1 / |w|. */
  paths: z.enum(['unweighted', 'weighted']).default('unweighted'),
  /** The rule of new edges. */
  delocalization: z.enum(['equalizing', 'random', 'degree-variance', 'none']).default('equalizing'),
  /** New edges, as a share of the synapses that stay. */
  addedShare: share.default(0.05),
  /** Spectra that the search for time constants may compute after pruning; 0: time constants stay. */
  timescaleTrials: z.int().min(0).max(1000).default(0),
  /**
   * Factor of all time constants in the end, before any search for them. Below 1, those of
   * neurons that carry unstable directions are then doubled until the network is stable by its own spectrum.
   */
  timescale: positive.default(1),
  /** Whether the inverse participation ratio is measured before and after. */
  measureLocalization: z.boolean().default(true),
  seed: z.int().min(0).default(0),
});

export type PruningSettings = z.output<typeof pruningSettings>;
export type PruningInput = z.input<typeof pruningSettings>;

/** Settings with their defaults. @throws {PruningError} naming the first that can't be */
export function completeSettings(input: PruningInput): PruningSettings {
  const parsed = pruningSettings.safeParse(input);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const given = issue?.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown>)[key], input);
  const place = issue?.path.join('.') || 'settings';
  throw new PruningError(`${place} is ${JSON.stringify(given)}: ${issue?.message}`, { cause: parsed.error });
}

/** The method and its baselines: settings by name. All prune to the same numbers of synapses and neurons. */
export const METHODS = {
  lnp: {},
  noise: { synapseScore: 'noise' },
  /** The same with time constants a third as long: see docs/pruning.md. */
  'noise-fast': { synapseScore: 'noise', timescale: 0.35 },
  resistance: { synapseScore: 'resistance' },
  weight: { synapseScore: 'weight', rescaling: 'mask' },
  random: {
    synapseScore: 'random',
    neuronScore: 'random',
    rescaling: 'mask',
    delocalization: 'none',
  },
  activity: {
    synapseScore: 'activity',
    neuronScore: 'activity',
    rescaling: 'mask',
    delocalization: 'none',
  },
} as const satisfies Record<string, PruningInput>;

export type MethodName = keyof typeof METHODS;

/** `lnp` with one choice changed: each step off in turn, or done as the paper does it. */
export const ABLATIONS = {
  'lnp-no-exponents': { mean: 'uniform' },
  'lnp-weighted': { magnitude: 'weights' },
  'lnp-no-covariance': { synapseScore: 'random' },
  'lnp-mask': { rescaling: 'mask' },
  'lnp-rescale': { rescaling: 'rescale' },
  'lnp-random-neurons': { neuronScore: 'random' },
  'lnp-weighted-paths': { paths: 'weighted' },
  'lnp-no-delocalization': { delocalization: 'none' },
  'lnp-degree-variance': { delocalization: 'degree-variance' },
  'lnp-matched': { diagonal: 'matched' },
  'lnp-timescales': { timescaleTrials: 12 },
} as const satisfies Record<string, PruningInput>;

/** What may explain the lead of a method without what it is named for. */
export const CONTROLS = {
  'random-rescale': { ...METHODS.random, rescaling: 'capped' },
  'random-betweenness': { ...METHODS.random, neuronScore: 'betweenness' },
  half: { ...METHODS.random, synapseScore: 'all' },
  'noise-mask': { ...METHODS.noise, rescaling: 'mask' },
  'noise-random-neurons': { ...METHODS.noise, neuronScore: 'random' },
  'noise-no-delocalization': { ...METHODS.noise, delocalization: 'none' },
  'random-fast': { ...METHODS.random, timescale: 0.35 },
  /** Nothing pruned, time constants as those of the methods that shorten them. */
  'dense-fast': { ...METHODS.random, synapseScore: 'all', neuronScore: 'none', timescale: 0.35 },
} as const satisfies Record<string, PruningInput>;

/** Settings of all methods by name. */
export const ALL_METHODS: Readonly<Record<string, PruningInput>> = { ...METHODS, ...ABLATIONS, ...CONTROLS };

/** The settings of a method by its name. @throws {PruningError} naming those there are */
export function methodSettings(name: string): PruningInput {
  const found = ALL_METHODS[name];
  if (found !== undefined) return found;
  throw new PruningError(`there is no method "${name}": give one of ${Object.keys(ALL_METHODS).join(', ')}`);
}
