/** What is sent arrives, once, in its step, with its weight; and a held neuron is held as long as it should be. */
import { expect, it } from 'vitest';
import { Draws } from '../../src/random/draws.ts';
import { keyOf, STREAMS } from '../../src/random/philox.ts';
import { describeOnEngines } from './engines.ts';
import { type Edge, events, lif, networkOf } from './networks.ts';

/** No leak that a double could show: v is the sum of what arrived. */
const NO_LEAK = { tauMembraneMs: 1e20, thresholdMv: 1e6 };

describeOnEngines('a spike', (simulate) => {
  it('arrives after the delay of each of its synapses, to the step', async () => {
    const delays = Array.from({ length: 70 }, (_, index) => index + 1);
    const sent = [0, 3, 64, 150, 151, 400];
    const network = networkOf({
      populations: [events([sent]), lif(delays.length)],
      channels: ['delta'],
      classes: delays.map((delaySteps) => ({ channel: 0, delaySteps, weight: 50 })),
      edges: delays.map((_, index) => ({ from: 0, to: 1 + index, class: index })),
    });
    const { spikes } = await simulate(network, 500);
    expect(spikes[0]).toEqual(sent);
    for (const [index, delay] of delays.entries()) {
      expect(spikes[1 + index], `delay ${delay}`).toEqual(sent.map((step) => step + delay));
    }
  });

  it('passes on along a ring, one delay after the other', async () => {
    const delays = [1, 2, 5, 7, 11];
    const n = delays.length;
    const network = networkOf({
      populations: [lif(n), events([[0]])],
      channels: ['delta'],
      classes: delays.map((delaySteps) => ({ channel: 0, delaySteps, weight: 50 })),
      edges: [
        ...delays.map((_, index) => ({ from: index, to: (index + 1) % n, class: index })),
        { from: n, to: 0, class: 0 },
      ],
    });
    const { spikes } = await simulate(network, 400);
    const round = delays.reduce((sum, delay) => sum + delay, 0);
    let first = 1;
    for (const [index, delay] of delays.entries()) {
      const expected = [];
      for (let step = first; step < 400; step += round) expected.push(step);
      expect(spikes[index]).toEqual(expected);
      first += delay;
    }
  });

  it('brings each target the weight of each of its synapses, and no other, through any graph', async () => {
    const [sources, targets, synapses, steps] = [150, 90, 4000, 120];
    const draws = new Draws(keyOf(7), STREAMS.connectivity).at(0, 0);
    const delays = [1, 4, 9];
    // Classes 0 to 2 with one weight each, 3 to 5 with weights of their own; multiples of 1/64, so sums are exact.
    const classes = [...delays, ...delays].map((delaySteps, index) => ({
      channel: 0,
      delaySteps,
      weight: index < 3 ? (index - 1.25) / 2 : undefined,
    }));
    const edges: Edge[] = Array.from({ length: synapses }, () => {
      const own = draws.below(6);
      const weight = own < 3 ? undefined : (draws.below(401) - 200) / 64;
      return { from: draws.below(sources), to: sources + draws.below(targets), class: own, weight };
    });
    const sent = Array.from({ length: sources }, () =>
      Array.from({ length: steps }, (_, step) => step).filter(() => draws.below(10) === 0),
    );
    const network = networkOf({
      populations: [events(sent), lif(targets, NO_LEAK)],
      channels: ['delta'],
      classes,
      edges,
    });
    const traced = Array.from({ length: targets }, (_, index) => sources + index);
    const { spikes, traces } = await simulate(network, steps, traced);
    for (const [source, own] of sent.entries()) expect(spikes[source]).toEqual(own);
    const expected = new Float64Array(steps * targets);
    for (const edge of edges) {
      const { delaySteps, weight } = classes[edge.class] as (typeof classes)[number];
      for (const step of sent[edge.from] as number[]) {
        for (let later = step + delaySteps; later < steps; later++) {
          const place = later * targets + edge.to - sources;
          expected[place] = (expected[place] as number) + (weight ?? (edge.weight as number));
        }
      }
    }
    expect(Float64Array.from(traces)).toEqual(expected);
  });
});

describeOnEngines('a refractory neuron', (simulate, accuracy) => {
  it('is held for exactly so many steps', async () => {
    const held = [0, 1, 2, 7, 20, 100];
    const network = networkOf({
      populations: [
        lif(held.length, { biasMv: 1e6, refractorySteps: Float64Array.from(held), resetMv: -0.25 }),
      ],
    });
    const traced = held.map((_, index) => index);
    const { spikes, traces } = await simulate(network, 300, traced);
    for (const [neuron, steps] of held.entries()) {
      const expected = [];
      for (let step = 0; step < 300; step += steps + 1) expected.push(step);
      expect(spikes[neuron]).toEqual(expected);
      for (let step = 0; step < 300; step++) {
        expect(traces[step * held.length + neuron]).toBe(-0.25);
      }
    }
  });

  it('drops jumps, and goes on integrating currents', async () => {
    // Both spike in step 0; jumps arrive in steps 1 to 4, held are steps 1 to 3.
    const network = networkOf({
      populations: [
        lif(1, { initialMv: 2000, refractorySteps: 3, ...NO_LEAK, thresholdMv: 1000, channels: both(5) }),
        lif(1, {
          initialMv: 2000,
          refractorySteps: 3,
          thresholdMv: 1000,
          channels: both(5),
          tauMembraneMs: 20,
        }),
        events([[0, 1, 2, 3], [0]]),
      ],
      channels: ['delta', 'current'],
      classes: [
        { channel: 0, delaySteps: 1, weight: 8 },
        { channel: 1, delaySteps: 1, weight: 8 },
      ],
      edges: [
        { from: 2, to: 0, class: 0 },
        { from: 3, to: 1, class: 1 },
      ],
    });
    const { spikes, traces } = await simulate(network, 6, [0, 1]);
    expect(spikes[0]).toEqual([0]);
    expect(spikes[1]).toEqual([0]);
    const at = (step: number, neuron: number) => traces[step * 2 + neuron] as number;
    for (const step of [1, 2, 3]) expect([at(step, 0), at(step, 1)]).toEqual([0, 0]);
    expect([at(4, 0), at(5, 0)]).toEqual([8, 8]);
    // g arrived in step 1 and decayed over three steps.
    const g = 8 * Math.exp(-0.3 / 5);
    const propagator = (5 / (5 - 20)) * (Math.exp(-0.1 / 5) - Math.exp(-0.1 / 20));
    expect(Math.abs(at(4, 1) - g * propagator)).toBeLessThan(8 * accuracy);
  });
});

function both(tauMs: number) {
  return [
    { tauMs, reversalMv: 0 },
    { tauMs, reversalMv: 0 },
  ];
}
