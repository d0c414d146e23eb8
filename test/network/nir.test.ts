import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { fixedProbability, given } from '../../src/network/connectivity/rules.ts';
import { readScipySparse } from '../../src/network/connectivity/scipy-sparse.ts';
import { normal } from '../../src/network/distributions.ts';
import { networkToNir } from '../../src/network/exchange/nir-export.ts';
import { readNir, writeNir } from '../../src/network/exchange/nir-file.ts';
import { type NirGraph, nirVector } from '../../src/network/exchange/nir-graph.ts';
import { networkFromNir } from '../../src/network/exchange/nir-import.ts';
import { writeWeights } from '../../src/network/exchange/weights-file.ts';
import { Network } from '../../src/network/network.ts';
import { conductance, current, delta, type Lif, lif, spikeSource } from '../../src/network/neurons.ts';
import { stdp } from '../../src/network/plasticity.ts';
import { simulate } from '../../src/network/simulate.ts';
import { temporaryFolder } from '../cli/tacet.ts';
import { describeOnDevices } from '../devices.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());
/** Written by `nir.write` of the Python package nir 1.0.8: Input, Affine, LIF, Output. */
const FIXTURE = fileURLToPath(new URL('./fixtures/lif.nir', import.meta.url));

/** The published test of a single LIF neuron: bins of 0.1 ms with an input spike, and those in which it spikes. */
const INPUT = [
  60, 220, 270, 310, 320, 350, 370, 400, 410, 430, 440, 450, 460, 470, 480, 490, 500, 510, 520, 530, 670, 680,
  690, 700, 710, 720, 730, 740, 750, 760, 770, 780, 840, 850,
];
const SPIKES = [460, 510, 710, 760];

function source(bins: readonly number[], dtMs: number) {
  return spikeSource({ neurons: bins.map(() => 0), timesMs: bins.map((bin) => bin * dtMs) });
}

describeOnDevices('a network from NIR', (device) => {
  it('spikes as published: nir 1.0, single LIF', async () => {
    const graph = await readNir(FIXTURE);
    const network = networkFromNir(graph, { dtMs: 0.1, inputs: source(INPUT, 0.1) });
    const [result] = await simulate(await device(), [network], { durationMs: 100 });
    const lifNeuron = network.find('lif').first;
    const steps = Array.from(result?.spikes?.neuron ?? [])
      .map((neuron, i) => ({ neuron, step: result?.spikes?.step[i] as number }))
      .filter(({ neuron }) => neuron === lifNeuron);
    // An edge takes a step.
    expect(steps.map(({ step }) => step - 1)).toEqual(SPIKES);
  });

  it('with a CubaLIF and a recurrence follows its equations', async () => {
    const dtMs = 0.1;
    const [tauSyn, tauMem, r, win, weight, back] = [0.005, 0.02, 2, 3, 0.4, -0.2];
    const graph: NirGraph = {
      nodes: {
        in: { type: 'Input', parameters: { shape: nirVector([1]) } },
        w: { type: 'Linear', parameters: { weight: { shape: [1, 1], values: Float64Array.of(weight) } } },
        cell: {
          type: 'CubaLIF',
          parameters: {
            tau_syn: nirVector([tauSyn]),
            tau_mem: nirVector([tauMem]),
            r: nirVector([r]),
            v_leak: nirVector([0.01]),
            v_threshold: nirVector([0.02]),
            v_reset: nirVector([-0.01]),
            w_in: nirVector([win]),
          },
        },
        rec: { type: 'Linear', parameters: { weight: { shape: [1, 1], values: Float64Array.of(back) } } },
      },
      edges: [
        ['in', 'w'],
        ['w', 'cell'],
        ['cell', 'rec'],
        ['rec', 'cell'],
      ],
    };
    const inputs = Array.from({ length: 200 }, (_, k) => 5 * k);
    const network = networkFromNir(graph, { dtMs, inputs: source(inputs, dtMs) });
    const cell = network.find('cell').first;
    const [result] = await simulate(await device(), [network], {
      durationMs: 100,
      record: { traces: [cell] },
    });
    // The same in f64, step by step: exact over a step with the input of the step held.
    const [decaySyn, decayMem] = [Math.exp(-dtMs / 1000 / tauSyn), Math.exp(-dtMs / 1000 / tauMem)];
    const coupling = (tauSyn / (tauMem - tauSyn)) * (decayMem - decaySyn);
    let [v, drive] = [0.01, 0];
    let [sent, spiked] = [0, 0];
    const spikes: number[] = [];
    for (let step = 0; step < 1000; step++) {
      drive += r * win * ((1 - decaySyn) / decaySyn) * (weight * sent + back * spiked);
      v = 0.01 + (v - 0.01) * decayMem + drive * coupling;
      drive *= decaySyn;
      spiked = 0;
      if (v > 0.02) {
        spikes.push(step);
        v = -0.01;
        spiked = 1;
      }
      expect(Math.abs((result?.traces[step] as number) - v)).toBeLessThan(1e-5);
      sent = step % 5 === 0 ? 1 : 0;
    }
    expect(spikes.length).toBeGreaterThan(5);
    expect(result?.counts[cell]).toBe(spikes.length);
  });
});

function twoPopulations(changes: Partial<Lif> = {}, channel = current({ tauMs: 4 })): Network {
  const network = new Network({ dtMs: 0.1, seed: 3, channels: { drive: channel } });
  const a = network.population('a', 5, spikeSource({ neurons: [0], timesMs: [1] }));
  const model = lif({
    tauMembraneMs: normal({ mean: 20, standardDeviation: 2 }),
    thresholdMv: 15,
    restMv: 1,
    biasMv: 2,
    initialMv: 1,
    ...changes,
  });
  const b = network.population('b', 7, model);
  network.project(a, b, {
    connect: fixedProbability(0.6),
    weight: normal({ mean: 2, standardDeviation: 0.5 }),
  });
  network.project(b, b, { connect: fixedProbability(0.4), weight: -0.5 });
  return network;
}

describe('NIR files', () => {
  it('of the reference implementation are read, and what is written is the same again', async () => {
    const graph = await readNir(FIXTURE);
    expect(graph.edges).toEqual([
      ['input', 'affine'],
      ['affine', 'lif'],
      ['lif', 'output'],
    ]);
    expect(graph.nodes.lif).toMatchObject({
      type: 'LIF',
      parameters: { tau: nirVector([0.0025]), v_threshold: nirVector([0.1]) },
    });
    const path = join(folder.path, 'copy.nir');
    await writeNir(path, graph);
    expect(await readNir(path)).toEqual(graph);
  });

  it('take a network there and back: the same neurons and synapses', async () => {
    for (const channel of [current({ tauMs: 4 }), delta()]) {
      const network = twoPopulations({}, channel as never);
      const path = join(folder.path, 'there.nir');
      await writeNir(path, networkToNir(network));
      const back = networkFromNir(await readNir(path), {
        dtMs: 0.1,
        inputs: spikeSource({ neurons: [0], timesMs: [1] }),
      });
      const [was, is] = [network.compile(), back.compile()];
      expect(is.populations.map(({ name, count }) => [name, count])).toEqual(
        was.populations.map(({ name, count }) => [name, count]),
      );
      expect(is.synapses.rows).toEqual(was.synapses.rows);
      const [wasB, isB] = [was.populations[1], is.populations[1]];
      if (wasB?.kind !== 'lif' || isB?.kind !== 'lif') throw new Error('b are neurons');
      const list = (value: number | Float64Array | undefined) =>
        typeof value === 'number' ? Array(7).fill(value) : Array.from(value ?? []);
      for (const [index, tau] of list(wasB.tauMembraneMs).entries())
        expect(list(isB.tauMembraneMs)[index]).toBeCloseTo(tau, 12);
      expect(list(isB.restMv)).toEqual(list(3));
      // Written again, weights are the same to f32, in which synapses have them.
      const again = networkToNir(back);
      const weights = (graph: NirGraph) => Array.from(graph.nodes.a_to_b?.parameters.weight?.values ?? []);
      const before = weights(networkToNir(network));
      expect(before.filter((weight) => weight !== 0).length).toBeGreaterThan(10);
      for (const [i, weight] of weights(again).entries()) {
        expect(Math.abs(weight - (before[i] as number))).toBeLessThanOrEqual(
          3e-7 * Math.abs(before[i] as number),
        );
      }
    }
  });

  it.each<[string, () => Network]>([
    ['a refractory period', () => twoPopulations({ refractoryMs: 2 })],
    ['noise', () => twoPopulations({ noiseMv: 1 })],
    ['an adaptive threshold', () => twoPopulations({ adaptation: { incrementMv: 1, tauMs: 10 } })],
    ['a reset by subtraction', () => twoPopulations({ reset: 'subtract' })],
    ['an initial state other than rest', () => twoPopulations({ initialMv: 5 })],
    ['are conductances', () => twoPopulations({}, conductance({ tauMs: 5, reversalMv: 0 }) as never)],
    [
      'Poisson input',
      () => {
        const network = twoPopulations();
        network.poissonInput(network.find('b'), { rateHz: 1, weight: 1 });
        return network;
      },
    ],
    [
      'delays of more than a step',
      () => {
        const network = twoPopulations();
        network.project(network.find('b'), network.find('b'), {
          connect: given({ sources: [0], targets: [1] }),
          weight: 1,
          delayMs: 2,
        });
        return network;
      },
    ],
    [
      'plastic synapses',
      () => {
        const network = twoPopulations();
        const plasticity = stdp({
          tauPlusMs: 20,
          tauMinusMs: 20,
          potentiation: 0.01,
          depression: 0.01,
          maximum: 1,
        });
        network.project(network.find('a'), network.find('b'), {
          connect: given({ sources: [0], targets: [1] }),
          weight: 0.5,
          plasticity,
        });
        return network;
      },
    ],
  ])('cannot hold %s: refused by name', (what, network) => {
    expect(() => networkToNir(network())).toThrow(what);
  });

  it.each<[string, NirGraph['nodes'][string]]>([
    ['is of type Conv2d, which', { type: 'Conv2d', parameters: {} }],
    ['is of type LI, which', { type: 'LI', parameters: {} }],
    [
      'has a bias',
      {
        type: 'Affine',
        parameters: { weight: { shape: [1, 1], values: Float64Array.of(1) }, bias: nirVector([0.5]) },
      },
    ],
    ['has no weight matrix', { type: 'Linear', parameters: {} }],
    [
      'shape 1 x 2: give 1 x 1',
      { type: 'Linear', parameters: { weight: { shape: [1, 2], values: new Float64Array(2) } } },
    ],
  ])('with a node that %s is refused', async (message, node) => {
    const graph = await readNir(FIXTURE);
    const changed = { ...graph, nodes: { ...graph.nodes, affine: node } };
    expect(() => networkFromNir(changed, { dtMs: 0.1, inputs: source(INPUT, 0.1) })).toThrow(message);
  });

  it('that are none are refused', async () => {
    const path = join(folder.path, 'none.nir');
    writeFileSync(path, 'no HDF5');
    await expect(readNir(path)).rejects.toThrow('give a NIR file');
    await expect(readNir(join(folder.path, 'nowhere.nir'))).rejects.toThrow('is not there');
  });
});

describe('weights in a file of SciPy', () => {
  it('are read again as they were', () => {
    const network = twoPopulations().compile();
    const path = join(folder.path, 'weights.npz');
    writeWeights(path, network);
    const { rows, columns, row, column, values } = readScipySparse(path);
    expect([rows, columns]).toEqual([12, 12]);
    const { synapses } = network;
    expect(column).toEqual(Uint32Array.from(synapses.words, (word) => word & 0xfffff));
    expect(Array.from(row)).toEqual(
      Array.from({ length: 12 }, (_, i) =>
        Array((synapses.rows[i + 1] as number) - (synapses.rows[i] as number)).fill(i),
      ).flat(),
    );
    expect(values?.filter((value) => value === -0.5).length).toBeGreaterThan(5);
    const changed = Float32Array.from(values as Float64Array, (_, i) => i);
    writeWeights(path, network, changed);
    expect(readScipySparse(path).values).toEqual(Float64Array.from(changed));
  });
});
