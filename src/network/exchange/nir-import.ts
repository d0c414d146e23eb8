/**
 * From a NIR graph to a network.
 *
 * NIR's equations (spikes S are 0 or 1 in a step, I = W S):
 *   LIF      tau dv/dt = v_leak - v + r I;  v > v_threshold: spike, v = v_reset
 *   CubaLIF  tau_syn dI/dt = -I + w_in W S;  tau_mem dv/dt = v_leak - v + r I
 *
 * Time is discrete here. With the input of a step held over the step, the exact solution at its end is
 *   LIF      v = v_leak + (v - v_leak) P + r I (1 - P),  P = e^(-dt / tau)
 *   CubaLIF  I = I P + w_in W S (1 - P),  P = e^(-dt / tau_syn)
 * A synapse here acts at the start of a step and decays with the rest over it, so its weight is the last term over P,
 * r w (e^(dt / tau) - 1) and the like: a LIF is exact at the end of every step, and so is the drive of a CubaLIF, whose
 * v takes the pulse as it comes at the step's start. A spike acts in the step after it.
 * Times in NIR are seconds. Its voltages have no fixed unit; they are taken as they stand, as mV.
 */
import { given } from '../connectivity/rules.ts';
import { ensure, NetworkError } from '../errors.ts';
import { Network, type Neurons } from '../network.ts';
import { current, delta, lif, type NeuronModel } from '../neurons.ts';
import type { NirArray, NirGraph, NirNode } from './nir-graph.ts';

export interface NirImport {
  /** Time step, ms. */
  readonly dtMs: number;
  readonly seed?: number;
  /** What each Input node's neurons are: a source of spikes, such as `spikeSource`. By name; or one for all. */
  readonly inputs: NeuronModel | Readonly<Record<string, NeuronModel>>;
}

/**
 * Makes a network of a graph of Input, Output, LIF and CubaLIF nodes, joined directly or by Linear and Affine nodes
 * (without bias). Populations have the nodes' names. Cycles are recurrences.
 *
 * @throws {NetworkError} naming the node that can't be held, and why
 */
export function networkFromNir({ nodes, edges }: NirGraph, { dtMs, seed = 0, inputs }: NirImport): Network {
  const network = new Network({
    dtMs,
    seed,
    name: 'nir',
    channels: { pulse: delta(), synaptic: current({ tauMs: 1 }) },
  });
  const populations = new Map<string, Neurons>();
  for (const [name, node] of Object.entries(nodes)) {
    const model = modelOf(name, node, inputs);
    if (model !== undefined) populations.set(name, network.population(name, sizeOf(name, node), model));
  }
  for (const [from, to] of edges) {
    for (const end of [from, to])
      ensure(nodes[end] !== undefined, () => `NIR edge ${from} to ${to}: there is no node "${end}"`);
  }
  for (const [name, target] of populations) {
    const node = nodes[name] as NirNode;
    for (const before of sourcesOf(name, edges)) {
      const source = populations.get(before);
      if (source !== undefined) {
        ensure(
          source.count === target.count,
          () =>
            `NIR edge ${before} to ${name} joins ${source.count} with ${target.count}: put a Linear node between`,
        );
        connect(network, source, target, node, undefined, dtMs);
        continue;
      }
      const weights = weightsOf(before, nodes[before] as NirNode);
      for (const origin of sourcesOf(before, edges)) {
        const neurons = populations.get(origin);
        ensure(
          neurons !== undefined,
          () =>
            `NIR node "${before}" follows "${origin}" of type ${nodes[origin]?.type}: only neurons and inputs can be before weights`,
        );
        connect(network, neurons, target, node, weights, dtMs);
      }
    }
  }
  return network;
}

function sourcesOf(name: string, edges: NirGraph['edges']): string[] {
  return edges.filter(([, to]) => to === name).map(([from]) => from);
}

/** The model of a population; undefined for nodes that are none. */
function modelOf(name: string, node: NirNode, inputs: NirImport['inputs']): NeuronModel | undefined {
  const read = (parameter: string) => parameterOf(name, node, parameter);
  const reset = () => (node.parameters.v_reset ? read('v_reset') : read('v_threshold').map(() => 0));
  switch (node.type) {
    case 'Input': {
      const model =
        'model' in inputs ? (inputs as NeuronModel) : (inputs as Readonly<Record<string, NeuronModel>>)[name];
      ensure(model !== undefined, () => `NIR input "${name}" has no source: give one in inputs`);
      return model;
    }
    case 'LIF':
      return lif({
        tauMembraneMs: milliseconds(read('tau')),
        thresholdMv: read('v_threshold'),
        restMv: read('v_leak'),
        resetMv: reset(),
      });
    case 'CubaLIF':
      return lif({
        tauMembraneMs: milliseconds(read('tau_mem')),
        thresholdMv: read('v_threshold'),
        restMv: read('v_leak'),
        resetMv: reset(),
        channels: { synaptic: { tauMs: milliseconds(read('tau_syn')) } },
      });
    case 'Output':
    case 'Linear':
    case 'Affine':
      return undefined;
    default:
      throw new NetworkError(
        `NIR node "${name}" is of type ${node.type}, which can't be held here: Input, Output, Linear, Affine, LIF and CubaLIF can`,
      );
  }
}

function sizeOf(name: string, node: NirNode): number {
  if (node.type === 'Input')
    return Array.from(parameterOf(name, node, 'shape')).reduce((product, size) => product * size, 1);
  return parameterOf(name, node, 'v_threshold').length;
}

function weightsOf(name: string, node: NirNode): NirArray {
  const weight = node.parameters.weight;
  ensure(
    weight?.shape.length === 2,
    () => `NIR node "${name}" has no weight matrix: give one of shape [out, in]`,
  );
  const biased = node.parameters.bias?.values.some((value) => value !== 0);
  ensure(
    !biased,
    () => `NIR node "${name}" has a bias, which can't be held here: move it into v_leak of the neurons`,
  );
  return weight;
}

/** Synapses from neurons to neurons; one to one without weights. Weights of 0 make none. */
function connect(
  network: Network,
  from: Neurons,
  to: Neurons,
  node: NirNode,
  weight: NirArray | undefined,
  dtMs: number,
): void {
  const [rows, columns] = weight?.shape ?? [to.count, from.count];
  ensure(
    rows === to.count && columns === from.count,
    () =>
      `NIR weights from "${from.name}" to "${to.name}" have shape ${rows} x ${columns}: give ${to.count} x ${from.count}`,
  );
  const gains = gainsOf(to.name, node, dtMs);
  const sources: number[] = [];
  const targets: number[] = [];
  const weights: number[] = [];
  for (let target = 0; target < to.count; target++) {
    for (let source = 0; source < from.count; source++) {
      const value =
        weight === undefined
          ? Number(source === target)
          : (weight.values[target * from.count + source] as number);
      if (value === 0) continue;
      sources.push(source);
      targets.push(target);
      weights.push(value * (gains[target] as number));
    }
  }
  const channel = node.type === 'CubaLIF' ? 'synaptic' : 'pulse';
  network.project(from, to, { connect: given({ sources, targets, weights }), channel });
}

/** What a spike of weight 1 adds to v, or to the drive, of each neuron. */
export function gainsOf(name: string, node: NirNode, dtMs: number): Float64Array {
  const r = parameterOf(name, node, 'r');
  const isCuba = node.type === 'CubaLIF';
  const tau = parameterOf(name, node, isCuba ? 'tau_syn' : 'tau');
  const win = isCuba && node.parameters.w_in ? parameterOf(name, node, 'w_in') : r.map(() => 1);
  return r.map((value, i) => value * (win[i] as number) * Math.expm1(dtMs / (1000 * (tau[i] as number))));
}

function parameterOf(name: string, { type, parameters }: NirNode, parameter: string): Float64Array {
  const found = parameters[parameter]?.values;
  ensure(found !== undefined, () => `NIR node "${name}" of type ${type} has no ${parameter}: write it again`);
  return found;
}

function milliseconds(seconds: Float64Array): Float64Array {
  return seconds.map((value) => 1000 * value);
}
