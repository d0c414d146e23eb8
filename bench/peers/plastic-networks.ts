/** The networks of `brian2_recurrent.py` that learn: CUBA's and Brunel's with STDP among the excitatory neurons. */
import { fixedInDegree, fixedProbability } from '../../src/network/connectivity/index.ts';
import { uniform } from '../../src/network/distributions.ts';
import { Network } from '../../src/network/network.ts';
import { current, lif } from '../../src/network/neurons.ts';
import { type Plasticity, stdp } from '../../src/network/plasticity.ts';

/** Additive pairs, all to all, with a little more depression; weights from 0 to twice what they begin with. */
function learning(weight: number): Plasticity {
  return stdp({
    potentiation: 0.005 * weight,
    depression: 0.00525 * weight,
    tauPlusMs: 20,
    tauMinusMs: 20,
    maximum: 2 * weight,
  });
}

export function cubaWithStdp({ seed }: { readonly seed: number }): Network {
  const network = new Network({
    name: 'cuba with STDP',
    dtMs: 0.1,
    seed,
    channels: { excitatory: current({ tauMs: 5 }), inhibitory: current({ tauMs: 10 }) },
  });
  const all = network.population(
    'neurons',
    4000,
    lif({
      tauMembraneMs: 20,
      thresholdMv: -50,
      resetMv: -60,
      restMv: -49,
      refractoryMs: 5,
      initialMv: uniform(-60, -50),
    }),
  );
  const connect = fixedProbability(0.02, { selfConnections: true });
  const [e, i] = [all.slice(0, 3200), all.slice(3200)];
  const weight = 1.62;
  network.project(e, e, { connect, channel: 'excitatory', weight, plasticity: learning(weight) });
  network.project(e, i, { connect, channel: 'excitatory', weight });
  network.project(i, all, { connect, channel: 'inhibitory', weight: -9 });
  return network;
}

export function brunelWithStdp({ seed }: { readonly seed: number }): Network {
  const network = new Network({ name: 'brunel with STDP', dtMs: 0.1, seed });
  const neuron = lif({
    tauMembraneMs: 20,
    thresholdMv: 20,
    resetMv: 10,
    refractoryMs: 2,
    initialMv: uniform(0, 10),
  });
  const e = network.population('excitatory', 10_000, neuron);
  const i = network.population('inhibitory', 2500, neuron);
  const [weight, delayMs] = [0.1, 1.5];
  const from = { e: fixedInDegree(1000), i: fixedInDegree(250) };
  network.project(e, e, { connect: from.e, weight, delayMs, plasticity: learning(weight) });
  network.project(e, i, { connect: from.e, weight, delayMs });
  network.project(i, network.all(), { connect: from.i, weight: -5 * weight, delayMs });
  // Twice the rate that would just bring a neuron to its threshold: 10 Hz from each of 1,000 inputs.
  for (const population of [e, i]) network.poissonInput(population, { rateHz: 20, inputs: 1000, weight });
  return network;
}
