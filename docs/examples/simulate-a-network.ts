/** A network of a thousand inhibitory neurons under Poisson input, for a second. */
import {
  current,
  fixedProbability,
  lif,
  Network,
  openDevice,
  simulate,
  spikeStatistics,
  uniform,
} from 'tacet';

const network = new Network({ dtMs: 0.1, seed: 1, channels: { synaptic: current({ tauMs: 5 }) } });
const model = lif({ tauMembraneMs: 20, thresholdMv: 15, refractoryMs: 2, initialMv: uniform(0, 15) });
const neurons = network.population('neurons', 1000, model);
network.project(neurons, neurons, { connect: fixedProbability(0.1), weight: -0.5, delayMs: 1.5 });
network.poissonInput(neurons, { rateHz: 10, inputs: 500, weight: 0.8 });

await using device = await openDevice('auto');
const [result] = await simulate(device, [network], { durationMs: 1000 });
if (result?.spikes === undefined) throw new Error('no spikes were recorded');
console.log(JSON.stringify(spikeStatistics(result.spikes)));
