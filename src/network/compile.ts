/** From the description of a network to the form that kernels run: values drawn, neurons connected, one matrix. */
import { accumulate } from '../kernels/offsets.ts';
import {
  type ChannelParameters,
  type CompiledNetwork,
  type CompiledPopulation,
  type LifPopulation,
  type Parameter,
  type SourcePopulation,
  valueAt,
} from '../kernels/recurrent-network.ts';
import { keyOf, STREAMS, type Words2 } from '../random/philox.ts';
import { compileSynapses } from './compile-synapses.ts';
import { type Values, valuesOf } from './distributions.ts';
import { ensure, NetworkError } from './errors.ts';
import type { NetworkDescription, PopulationDescription } from './network.ts';
import type { Channel, Lif, SpikeSource } from './neurons.ts';

/** Draws of a population's parameters stand in groups of their own: this many for each population. */
const GROUPS = 64;
/** The groups of a population's channels begin here; two parameters for each. */
const CHANNEL_GROUPS = 32;
const GROUP_OF = {
  tauMembraneMs: 0,
  thresholdMv: 1,
  restMv: 2,
  resetMv: 3,
  refractoryMs: 4,
  biasMv: 5,
  noiseMv: 6,
  incrementMv: 7,
  adaptationTauMs: 8,
  rateHz: 9,
} as const;

/** @throws {NetworkError} naming the population or projection, the value and what to give */
export function compileNetwork(network: NetworkDescription): CompiledNetwork {
  const { name, dtMs, seed, neurons, channels } = network;
  ensure(neurons > 0, () => `network "${name}" has no neurons: add a population`);
  const key = keyOf(seed);
  return {
    name,
    dtMs,
    seed,
    neurons,
    populations: network.populations.map((population, i) => compilePopulation(population, i, network, key)),
    channels: Object.entries(channels).map(([channel, { kind }]) => ({ name: channel, kind })),
    synapses: compileSynapses(network, key),
  };
}

function compilePopulation(
  population: PopulationDescription,
  index: number,
  network: NetworkDescription,
  key: Words2,
): CompiledPopulation {
  const { model, neurons } = population;
  const values = new PopulationValues(neurons.name, neurons.count, index, key);
  switch (model.model) {
    case 'lif':
      return compileLif(population, model, network, values);
    case 'poisson': {
      const rateHz = values.of('rateHz', model.rateHz);
      const most = 1000 / network.dtMs;
      values.check(
        'rateHz',
        rateHz,
        (rate) => rate >= 0 && rate <= most,
        `a rate from 0 to ${most}, one spike a step`,
      );
      return source(population, { kind: 'rates', rateHz });
    }
    case 'spikes':
      return source(population, eventsOf(model, neurons.count, network.dtMs, values.place));
    default:
      throw new NetworkError(
        `${values.place}: there is no model ${JSON.stringify((model as { model: unknown }).model)}: use lif, poisson or spikes`,
      );
  }
}

function compileLif(
  { neurons, inputs }: PopulationDescription,
  model: Lif,
  network: NetworkDescription,
  values: PopulationValues,
): LifPopulation {
  const { dtMs } = network;
  const tauMembraneMs = values.positive('tauMembraneMs', model.tauMembraneMs);
  const restMv = values.of('restMv', model.restMv ?? 0);
  const thresholdMv = values.of('thresholdMv', model.thresholdMv);
  const resetMv = model.resetMv === undefined ? restMv : values.of('resetMv', model.resetMv);
  const { reset = 'value', adaptation } = model;
  ensure(
    reset === 'value' || reset === 'subtract',
    () => `${values.place}: reset is ${JSON.stringify(reset)}: give value or subtract`,
  );
  for (let i = 0; i < neurons.count; i++) {
    const [threshold, after] = [valueAt(thresholdMv, i), reset === 'value' ? valueAt(resetMv, i) : 0];
    ensure(threshold > after, () =>
      reset === 'value'
        ? `${values.place}: neuron ${i} has its threshold at ${threshold} mV and its reset at ${after} mV: set the threshold above the reset`
        : `${values.place}: neuron ${i} has its threshold at ${threshold} mV, which a spike subtracts: set it above 0`,
    );
    if (typeof thresholdMv === 'number' && typeof resetMv === 'number') break;
  }
  const refractoryMs = values.notNegative('refractoryMs', model.refractoryMs ?? 0);
  const names = Object.keys(network.channels);
  for (const channel of Object.keys(model.channels ?? {})) {
    ensure(
      names.includes(channel),
      () => `${values.place}: there is no channel "${channel}": give one of ${names.join(', ')}`,
    );
  }
  const initial = names.map((channel) => model.channels?.[channel]?.initial ?? 0);
  return {
    kind: 'lif',
    name: neurons.name,
    first: neurons.first,
    count: neurons.count,
    tauMembraneMs,
    restMv,
    biasMv: values.of('biasMv', model.biasMv ?? 0),
    thresholdMv,
    reset,
    resetMv,
    refractorySteps: mapped(refractoryMs, (ms) => Math.round(ms / dtMs)),
    noiseMv: values.notNegative('noiseMv', model.noiseMv ?? 0),
    ...(adaptation === undefined
      ? {}
      : {
          adaptation: {
            incrementMv: values.of('incrementMv', adaptation.incrementMv),
            tauMs: values.positive('adaptationTauMs', adaptation.tauMs),
          },
        }),
    channels: Object.entries(network.channels).map(([channel, parameters], c) =>
      compileChannel(channel, parameters, c, model, values),
    ),
    poisson: inputs,
    initialMv: model.initialMv === undefined ? restMv : values.initial('initialMv', 0, model.initialMv),
    ...(initial.every((value) => value === 0)
      ? {}
      : {
          initialChannels: initial.map((value, c) =>
            values.initial(`channel "${names[c]}": initial`, 1 + c, value),
          ),
        }),
  };
}

function compileChannel(
  name: string,
  channel: Channel,
  index: number,
  model: Lif,
  values: PopulationValues,
): ChannelParameters {
  const own = model.channels?.[name];
  const place = (parameter: string): string => `channel "${name}": ${parameter}`;
  const group = CHANNEL_GROUPS + 2 * index;
  const tau = channel.kind === 'delta' ? 1 : (own?.tauMs ?? channel.tauMs);
  const reversal = channel.kind === 'conductance' ? (own?.reversalMv ?? channel.reversalMv) : 0;
  ensure(
    (channel.kind !== 'delta' || (own?.tauMs ?? own?.initial) === undefined) &&
      (channel.kind === 'conductance' || own?.reversalMv === undefined),
    () =>
      `${values.place}, channel "${name}" is of kind ${channel.kind}: leave out what only other kinds have`,
  );
  const tauMs = values.drawn(place('tauMs'), group, tau);
  values.check(place('tauMs'), tauMs, (ms) => ms > 0, 'a time above 0');
  return { tauMs, reversalMv: values.drawn(place('reversalMv'), group + 1, reversal) };
}

function source(
  { neurons: { name, first, count } }: PopulationDescription,
  spikes: SourcePopulation['spikes'],
): SourcePopulation {
  return { kind: 'source', name, first, count, spikes };
}

/** Spikes grouped by step, each neuron once in a step. */
function eventsOf(
  { neurons, timesMs }: SpikeSource,
  count: number,
  dtMs: number,
  place: string,
): SourcePopulation['spikes'] {
  ensure(
    neurons.length === timesMs.length,
    () =>
      `${place}: there are ${neurons.length} neurons and ${timesMs.length} timesMs: give one of each a spike`,
  );
  const spikes = Array.from({ length: neurons.length }, (_, i) => {
    const [neuron, timeMs] = [neurons[i] as number, timesMs[i] as number];
    ensure(
      Number.isInteger(neuron) && neuron >= 0 && neuron < count,
      () => `${place}: neurons, entry ${i} is ${neuron}: give a neuron from 0 to ${count - 1}`,
    );
    const step = Math.round(timeMs / dtMs);
    ensure(
      step >= 0 && step < 2 ** 32 - 1,
      () => `${place}: timesMs, entry ${i} is ${timeMs}: give a time from 0 on`,
    );
    return { step, neuron };
  });
  spikes.sort((a, b) => a.step - b.step || a.neuron - b.neuron);
  const distinct = spikes.filter(
    ({ step, neuron }, i) => i === 0 || step !== spikes[i - 1]?.step || neuron !== spikes[i - 1]?.neuron,
  );
  const steps = (distinct.at(-1)?.step ?? -1) + 1;
  const offsets = new Uint32Array(steps + 1);
  for (const { step } of distinct) offsets[step + 1] = (offsets[step + 1] as number) + 1;
  accumulate(offsets);
  return { kind: 'events', offsets, neurons: Uint32Array.from(distinct, ({ neuron }) => neuron) };
}

/** Draws and checks the parameters of one population. */
class PopulationValues {
  readonly place: string;
  readonly #count: number;
  readonly #index: number;
  readonly #key: Words2;

  constructor(name: string, count: number, index: number, key: Words2) {
    this.place = `population "${name}"`;
    this.#count = count;
    this.#index = index;
    this.#key = key;
  }

  of(name: keyof typeof GROUP_OF, values: Values): Parameter {
    return this.drawn(name, GROUP_OF[name], values);
  }

  positive(name: keyof typeof GROUP_OF, values: Values): Parameter {
    const drawn = this.of(name, values);
    this.check(name, drawn, (value) => value > 0, 'a number above 0');
    return drawn;
  }

  notNegative(name: keyof typeof GROUP_OF, values: Values): Parameter {
    const drawn = this.of(name, values);
    this.check(name, drawn, (value) => value >= 0, 'a number of at least 0');
    return drawn;
  }

  drawn(name: string, group: number, values: Values): Parameter {
    return this.#valuesOf(name, STREAMS.parameters, group, values);
  }

  initial(name: string, group: number, values: Values): Parameter {
    return this.#valuesOf(name, STREAMS.initialState, group, values);
  }

  check(name: string, parameter: Parameter, holds: (value: number) => boolean, what: string): void {
    const list = typeof parameter === 'number' ? [parameter] : parameter;
    const bad = list.findIndex((value) => !holds(value));
    const where = typeof parameter === 'number' ? '' : ` of neuron ${bad}`;
    ensure(bad < 0, () => `${this.place}: ${name}${where} is ${list[bad]}: give ${what}`);
  }

  #valuesOf(name: string, stream: number, group: number, values: Values): Parameter {
    const address = { key: this.#key, stream, group: this.#index * GROUPS + group };
    return valuesOf(values, this.#count, address, `${this.place}: ${name}`);
  }
}

function mapped(parameter: Parameter, map: (value: number) => number): Parameter {
  return typeof parameter === 'number' ? map(parameter) : parameter.map(map);
}
