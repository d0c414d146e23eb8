/**
 * A model of one's own, searched: a balanced network whose weights SCBO chooses so that neurons spike irregularly at a
 * wanted rate. Eight candidates run side by side in one call; those with too many silent neurons break a constraint.
 */
import {
  createOptimizer,
  current,
  fixedInDegree,
  lif,
  Network,
  openDevice,
  SearchSpace,
  simulate,
  spikeStatistics,
  uniform,
} from 'tacet';

const WANTED_HZ = 10;
const MOST_SILENT = 0.1;

interface Weights {
  readonly excitatory: number;
  readonly inhibition: number;
}

/** The model: any function that builds a network from its hyperparameters. */
function balanced({ excitatory, inhibition }: Weights, seed: number): Network {
  const network = new Network({ dtMs: 0.5, seed, channels: { synaptic: current({ tauMs: 5 }) } });
  const model = lif({ tauMembraneMs: 20, thresholdMv: 15, refractoryMs: 2, initialMv: uniform(0, 15) });
  const neurons = network.population('neurons', 500, model);
  const connect = fixedInDegree(40);
  network.project(neurons.slice(0, 400), neurons, { connect, weight: excitatory, delayMs: 1 });
  network.project(neurons.slice(400), neurons, { connect, weight: -inhibition * excitatory, delayMs: 1 });
  network.poissonInput(neurons, { rateHz: 10, inputs: 500, weight: 0.8 });
  return network;
}

const space = SearchSpace.from({
  excitatory: { type: 'real', low: 0.01, high: 1, scale: 'log' },
  inhibition: { type: 'real', low: 0, high: 12 },
});
const optimizer = createOptimizer('scbo', space, { seed: 1, constraints: 1, initial: 16 });
await using device = await openDevice(process.env.TACET_DEVICES ?? 'auto');

for (let round = 0; round < 4; round++) {
  const proposals = await optimizer.ask(8);
  const networks = proposals.map(({ values, id }) => balanced(values as unknown as Weights, id));
  const results = await simulate(device, networks, { durationMs: 300 });
  optimizer.tell(
    proposals.map(({ id, values }, k) => {
      const spikes = results[k]?.spikes;
      if (spikes === undefined) throw new Error('no spikes were recorded');
      const { rateHz = 0, silentShare } = spikeStatistics(spikes);
      const objective = -Math.abs(Math.log((rateHz + 0.1) / WANTED_HZ));
      return { id, values, status: 'complete', objective, constraints: [silentShare - MOST_SILENT] };
    }),
  );
}
console.log(JSON.stringify(optimizer.summary().incumbent));
