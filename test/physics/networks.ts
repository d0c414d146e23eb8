/** Small networks for tests, made by hand out of the compiled form: no builder stands between a test and its network. */
import type { PlasticityRule } from '../../src/kernels/plasticity.ts';
import {
  type CompiledNetwork,
  type LifPopulation,
  MAX_NEURONS,
  type ReceptorChannel,
  type SourcePopulation,
  type SourceSpikes,
  type SynapseClass,
  synapseWord,
} from '../../src/kernels/recurrent-network.ts';

export interface Edge {
  readonly from: number;
  readonly to: number;
  readonly class: number;
  /** For classes without a weight of their own. */
  readonly weight?: number | undefined;
}

/** A population of neurons that rest at 0 mV, spike above 1 mV and have nothing else, but for what is given. */
export function lif(count: number, given: Partial<LifPopulation> = {}): LifPopulation {
  return {
    kind: 'lif',
    name: 'neurons',
    first: 0,
    count,
    tauMembraneMs: 20,
    restMv: 0,
    biasMv: 0,
    thresholdMv: 1,
    reset: 'value',
    resetMv: 0,
    refractorySteps: 0,
    noiseMv: 0,
    channels: [],
    poisson: [],
    initialMv: 0,
    ...given,
  };
}

/** Source neurons that spike in the steps given for each: `steps[neuron]`. */
export function events(steps: readonly (readonly number[])[]): SourcePopulation {
  const last = Math.max(-1, ...steps.flat());
  const bySteps = Array.from({ length: last + 1 }, (_, step) =>
    steps.flatMap((own, neuron) => (own.includes(step) ? [neuron] : [])),
  );
  const offsets = new Uint32Array(last + 2);
  for (const [step, neurons] of bySteps.entries()) {
    offsets[step + 1] = (offsets[step] as number) + neurons.length;
  }
  return source(steps.length, { kind: 'events', offsets, neurons: Uint32Array.from(bySteps.flat()) });
}

export function source(count: number, spikes: SourceSpikes): SourcePopulation {
  return { kind: 'source', name: 'sources', first: 0, count, spikes };
}

export interface NetworkParts {
  readonly dtMs?: number;
  readonly seed?: number;
  /** In the order of their neurons; `first` is set here. */
  readonly populations: readonly (LifPopulation | SourcePopulation)[];
  readonly channels?: readonly ReceptorChannel['kind'][];
  readonly classes?: readonly SynapseClass[];
  readonly edges?: readonly Edge[];
  readonly plasticity?: readonly PlasticityRule[];
}

export function networkOf(parts: NetworkParts): CompiledNetwork {
  const { classes = [], edges = [], channels = [] } = parts;
  let neurons = 0;
  const populations = parts.populations.map((population) => {
    const placed = { ...population, first: neurons };
    if (placed.kind === 'lif' && placed.channels.length === 0) {
      placed.channels = channels.map(() => ({ tauMs: 1, reversalMv: 0 }));
    }
    neurons += population.count;
    return placed;
  });
  const sorted = [...edges].sort(
    (a, b) => a.from - b.from || a.class * MAX_NEURONS + a.to - (b.class * MAX_NEURONS + b.to),
  );
  const rows = new Uint32Array(neurons + 1);
  for (const { from } of sorted) rows[from + 1] = (rows[from + 1] as number) + 1;
  for (let row = 0; row < neurons; row++) rows[row + 1] = (rows[row + 1] as number) + (rows[row] as number);
  return {
    name: 'test',
    dtMs: parts.dtMs ?? 0.1,
    seed: parts.seed ?? 1,
    neurons,
    populations,
    channels: channels.map((kind) => ({ name: kind, kind })),
    synapses: {
      rows,
      words: Uint32Array.from(sorted, (edge) => synapseWord(edge.to, edge.class)),
      classes,
      ...(sorted.some(({ weight }) => weight !== undefined) && {
        weights: Float32Array.from(sorted, ({ weight }) => weight ?? 0),
      }),
      ...(parts.plasticity && { plasticity: parts.plasticity }),
    },
  };
}
