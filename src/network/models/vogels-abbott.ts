/**
 * The balanced networks of Vogels and Abbott (2005) in the two forms in which simulators are compared (Brette et al.,
 * "Simulation of networks of spiking neurons", 2007): 4,000 neurons, 80 % of them excitatory, 2 % connected, no input
 * from outside. Their activity is irregular and sustains itself.
 */
import { fixedProbability } from '../connectivity/index.ts';
import { normal, uniform } from '../distributions.ts';
import { Network, type Neurons } from '../network.ts';
import { conductance, current, lif } from '../neurons.ts';

/** What both forms have in common. */
export interface VogelsAbbottOptions {
  readonly seed?: number;
  readonly name?: string;
  /** ms; 0.1 by default. */
  readonly dtMs?: number;
  readonly neurons?: number;
  /** Of a connection between two neurons. */
  readonly probability?: number;
  /** Weights of excitatory and inhibitory synapses: mV for CUBA, units of the leak for COBA. */
  readonly excitatoryWeight?: number;
  readonly inhibitoryWeight?: number;
}

const EXCITATORY_SHARE = 0.8;
const TAU_EXCITATORY_MS = 5;
const TAU_INHIBITORY_MS = 10;
/** Of every neuron. */
const MEMBRANE = { tauMembraneMs: 20, thresholdMv: -50, resetMv: -60, refractoryMs: 5 } as const;

/** With exponential currents. At its defaults, 5.6 spikes a second and neuron. */
export function cuba(options: VogelsAbbottOptions = {}): Network {
  const { seed = 0, name = 'cuba', dtMs = 0.1, neurons = 4000 } = options;
  const network = new Network({
    name,
    dtMs,
    seed,
    channels: {
      excitatory: current({ tauMs: TAU_EXCITATORY_MS }),
      inhibitory: current({ tauMs: TAU_INHIBITORY_MS }),
    },
  });
  const all = network.population(
    'neurons',
    neurons,
    lif({ ...MEMBRANE, restMv: -49, initialMv: uniform(-60, -50) }),
  );
  return connectBoth(network, all, options, [1.62, -9]);
}

/** With exponential conductances and a constant current. At its defaults, about 21 spikes a second and neuron. */
export function coba(options: VogelsAbbottOptions = {}): Network {
  const { seed = 0, name = 'coba', dtMs = 0.1, neurons = 4000 } = options;
  const network = new Network({
    name,
    dtMs,
    seed,
    channels: {
      excitatory: conductance({ tauMs: TAU_EXCITATORY_MS, reversalMv: 0 }),
      inhibitory: conductance({ tauMs: TAU_INHIBITORY_MS, reversalMv: -80 }),
    },
  });
  const all = network.population(
    'neurons',
    neurons,
    lif({
      ...MEMBRANE,
      restMv: -60,
      // 200 pA through a leak of 10 nS.
      biasMv: 20,
      initialMv: normal({ mean: -65, standardDeviation: 5 }),
      channels: {
        excitatory: { initial: normal({ mean: 4, standardDeviation: 1.5, low: 0 }) },
        inhibitory: { initial: normal({ mean: 20, standardDeviation: 12, low: 0 }) },
      },
    }),
  );
  return connectBoth(network, all, options, [0.6, 6.7]);
}

function connectBoth(
  network: Network,
  all: Neurons,
  { probability = 0.02, excitatoryWeight, inhibitoryWeight }: VogelsAbbottOptions,
  [excitatory, inhibitory]: readonly [number, number],
): Network {
  const border = Math.round(EXCITATORY_SHARE * all.count);
  const connect = fixedProbability(probability, { selfConnections: true });
  network.project(all.slice(0, border), all, {
    connect,
    channel: 'excitatory',
    weight: excitatoryWeight ?? excitatory,
  });
  network.project(all.slice(border), all, {
    connect,
    channel: 'inhibitory',
    weight: inhibitoryWeight ?? inhibitory,
  });
  return network;
}
