/**
 * A network of spiking neurons as its author describes it: populations, projections between them, inputs. What is
 * described is only checked and remembered here; `compile()` draws and connects.
 */
import {
  type CompiledNetwork,
  MAX_CHANNELS,
  MAX_NEURONS,
  MAX_POISSON_MEAN,
  type PoissonInput,
} from '../kernels/recurrent-network.ts';
import { compileNetwork } from './compile.ts';
import type { Rule } from './connectivity/index.ts';
import type { Values } from './distributions.ts';
import { ensure, NetworkError, requirePositive, requireWhole } from './errors.ts';
import { type Channel, delta, type NeuronModel } from './neurons.ts';
import type { Plasticity } from './plasticity.ts';
import type { Layout } from './positions.ts';

export interface NetworkOptions {
  /** Time step, ms. */
  readonly dtMs: number;
  /** Seed of everything random, 0 to 2^53 - 1; 0 by default. */
  readonly seed?: number;
  /** Names the network in results and errors. */
  readonly name?: string;
  /** How synapses act, by name, at most four. One channel `delta` by default. */
  readonly channels?: Readonly<Record<string, Channel>>;
}

export interface PopulationOptions {
  /** Where the neurons are, for connections that depend on distance. */
  readonly positions?: Layout;
}

export interface ProjectionOptions {
  readonly connect: Rule;
  /** Unit of the channel. May be left out where the rule brings weights: `given` or `fromFile`. */
  readonly weight?: Values;
  /**
   * Time from a spike to its effect, to the nearest step, 0 by default: a spike of step t acts at the start of step
   * t + 1 + delay / dt.
   */
  readonly delayMs?: Values;
  /** The name of a channel; may be left out where the network has only one. */
  readonly channel?: string;
  /** How the synapses learn; they don't by default. */
  readonly plasticity?: Plasticity;
  /** Names the projection in errors. */
  readonly name?: string;
}

/** Independent Poisson spikes from outside to each neuron of a population. */
export interface PoissonInputOptions {
  /** Of one input. */
  readonly rateHz: number;
  /** Inputs of a neuron, 1 by default. */
  readonly inputs?: number;
  /** Unit of the channel. */
  readonly weight: number;
  readonly channel?: string;
}

/** Neurons of a network side by side: a population, or a part of one or of several. */
export class Neurons {
  readonly network: Network;
  readonly name: string;
  /** The first one's number in the network. */
  readonly first: number;
  readonly count: number;

  constructor(network: Network, name: string, first: number, count: number) {
    this.network = network;
    this.name = name;
    this.first = first;
    this.count = count;
  }

  /**
   * Neurons `start` to `end` - 1 of these, as in arrays but without negative numbers.
   *
   * @throws {NetworkError} when they are not all there
   */
  slice(start: number, end = this.count): Neurons {
    const name = `${this.name}[${start}:${end}]`;
    ensure(
      Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start <= end && end <= this.count,
      () => `${name} is no part of ${this.count} neurons: give 0 <= start <= end <= ${this.count}`,
    );
    return new Neurons(this.network, name, this.first + start, end - start);
  }
}

/** A population as described. */
export interface PopulationDescription {
  readonly neurons: Neurons;
  readonly model: NeuronModel;
  readonly positions: Layout | undefined;
  readonly inputs: readonly PoissonInput[];
}

/** A projection as described. */
export interface ProjectionDescription {
  readonly from: Neurons;
  readonly to: Neurons;
  readonly channel: number;
  readonly options: ProjectionOptions;
  /** Names it in errors. */
  readonly place: string;
}

/** All that was said about a network. */
export interface NetworkDescription {
  readonly name: string;
  readonly dtMs: number;
  readonly seed: number;
  readonly neurons: number;
  readonly channels: Readonly<Record<string, Channel>>;
  readonly populations: readonly PopulationDescription[];
  readonly projections: readonly ProjectionDescription[];
}

/**
 * @example
 * const network = new Network({ dtMs: 0.1, channels: { excitatory: current({ tauMs: 5 }) } });
 * const neurons = network.population('neurons', 4000, lif({ tauMembraneMs: 20, thresholdMv: 15 }));
 * network.project(neurons, neurons, { connect: fixedProbability(0.02), weight: 1.6 });
 * network.poissonInput(neurons, { rateHz: 20, inputs: 800, weight: 0.2 });
 */
export class Network {
  readonly name: string;
  readonly dtMs: number;
  readonly seed: number;
  readonly #channels: Readonly<Record<string, Channel>>;
  readonly #populations: (PopulationDescription & { readonly inputs: PoissonInput[] })[] = [];
  readonly #projections: ProjectionDescription[] = [];
  #neurons = 0;

  /** @throws {NetworkError} naming the option */
  constructor({ dtMs, seed = 0, name = 'network', channels = { delta: delta() } }: NetworkOptions) {
    requirePositive(dtMs, 'dtMs');
    requireWhole(seed, 0, 'seed');
    const names = Object.keys(channels);
    ensure(
      names.length >= 1 && names.length <= MAX_CHANNELS,
      () => `there are ${names.length} channels (${names.join(', ')}): give 1 to ${MAX_CHANNELS}`,
    );
    this.name = name;
    this.dtMs = dtMs;
    this.seed = seed;
    this.#channels = channels;
  }

  /**
   * Adds neurons of one kind; their numbers follow those of the populations before.
   *
   * @throws {NetworkError} for a name that is taken, and for too many neurons
   */
  population(name: string, count: number, model: NeuronModel, options: PopulationOptions = {}): Neurons {
    ensure(
      !this.#populations.some(({ neurons }) => neurons.name === name),
      () => `there are two populations "${name}": give another name`,
    );
    requireWhole(count, 1, `population "${name}": count`);
    ensure(
      this.#neurons + count <= MAX_NEURONS,
      () => `population "${name}" makes ${this.#neurons + count} neurons: give at most ${MAX_NEURONS} in all`,
    );
    const neurons = new Neurons(this, name, this.#neurons, count);
    this.#populations.push({ neurons, model, positions: options.positions, inputs: [] });
    this.#neurons += count;
    return neurons;
  }

  /** All neurons that there are so far. */
  all(): Neurons {
    return new Neurons(this, 'all', 0, this.#neurons);
  }

  /** A population by its name. @throws {NetworkError} naming those that there are */
  find(name: string): Neurons {
    const found = this.#populations.find(({ neurons }) => neurons.name === name);
    if (found !== undefined) return found.neurons;
    const names = this.#populations.map(({ neurons }) => neurons.name).join(', ');
    throw new NetworkError(`there is no population "${name}": give one of ${names || 'none'}`);
  }

  /**
   * Adds synapses from neurons to neurons. Sources (Poisson, given spikes) can't be their targets.
   *
   * @throws {NetworkError} naming the projection, the value and what to give
   */
  project(from: Neurons, to: Neurons, options: ProjectionOptions): void {
    const place = `projection ${options.name === undefined ? `${from.name} to ${to.name}` : `"${options.name}"`}`;
    for (const end of [from, to]) this.#own(end, place);
    for (const { neurons, model } of this.#populations) {
      const meets = neurons.first < to.first + to.count && to.first < neurons.first + neurons.count;
      ensure(
        !meets || model.model === 'lif',
        () =>
          `${place} has targets in "${neurons.name}", whose neurons are sources: give neurons with a state`,
      );
    }
    const channel = this.#channelOf(options.channel, place);
    this.#projections.push({ from, to, channel, options, place });
  }

  /**
   * Gives each neuron of a population Poisson input of its own: `inputs` inputs of rate `rateHz`.
   *
   * @throws {NetworkError} when these are not a whole population of neurons with a state, and for too high rates
   */
  poissonInput(to: Neurons, { rateHz, inputs = 1, weight, channel }: PoissonInputOptions): void {
    const place = `Poisson input of ${to.name}`;
    this.#own(to, place);
    const whole = this.#populations.find(
      ({ neurons }) => neurons.first === to.first && neurons.count === to.count,
    );
    ensure(
      whole?.model.model === 'lif',
      () =>
        `${place}: these are not a population: make the neurons with this input a population of their own`,
    );
    ensure(rateHz >= 0, () => `${place}: rateHz is ${rateHz}: give a number of at least 0`);
    requireWhole(inputs, 0, `${place}: inputs`);
    ensure(Number.isFinite(weight), () => `${place}: weight is ${weight}: give a finite number`);
    const meanPerStep = (rateHz * inputs * this.dtMs) / 1000;
    ensure(
      meanPerStep <= MAX_POISSON_MEAN,
      () =>
        `${place}: ${inputs} inputs of ${rateHz} Hz are ${meanPerStep} spikes in a step of ${this.dtMs} ms: lower them to ${MAX_POISSON_MEAN}, or use biasMv and noiseMv`,
    );
    whole.inputs.push({ channel: this.#channelOf(channel, place), meanPerStep, weight });
  }

  /** All that was said so far. */
  describe(): NetworkDescription {
    return {
      name: this.name,
      dtMs: this.dtMs,
      seed: this.seed,
      neurons: this.#neurons,
      channels: this.#channels,
      populations: this.#populations,
      projections: this.#projections,
    };
  }

  /**
   * Draws all that is random and connects the neurons: the network as kernels run it. The same on every machine.
   *
   * @throws {NetworkError} naming the population or projection, the value and what to give
   */
  compile(): CompiledNetwork {
    return compileNetwork(this.describe());
  }

  #own(neurons: Neurons, place: string): void {
    ensure(
      neurons.network === this,
      () =>
        `${place}: "${neurons.name}" belongs to network "${neurons.network.name}": give neurons of "${this.name}"`,
    );
  }

  #channelOf(name: string | undefined, place: string): number {
    const names = Object.keys(this.#channels);
    if (name === undefined && names.length === 1) return 0;
    const channel = name === undefined ? -1 : names.indexOf(name);
    ensure(
      channel >= 0,
      () =>
        `${place}: ${name === undefined ? 'a channel is missing' : `there is no channel "${name}"`}: give one of ${names.join(', ')}`,
    );
    return channel;
  }
}
