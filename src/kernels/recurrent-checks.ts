/** Whether a compiled network is one: every index inside, every number usable, before anything reaches a device. */
import { wrongRule } from './recurrent-learning.ts';
import {
  type CompiledNetwork,
  classOf,
  type LifPopulation,
  MAX_CHANNELS,
  MAX_CLASSES,
  MAX_DELAY_STEPS,
  MAX_NEURONS,
  MAX_POISSON_MEAN,
  type Parameter,
  type SourcePopulation,
  targetOf,
} from './recurrent-network.ts';

export type RecurrentNetworkErrorCode =
  | 'shape'
  | 'parameter'
  | 'synapses'
  | 'sources'
  | 'plasticity'
  | 'capacity';

/** A compiled network that can't be run: where, what was found, and what to do. */
export class RecurrentNetworkError extends Error {
  override readonly name = 'RecurrentNetworkError';
  readonly code: RecurrentNetworkErrorCode;

  constructor(code: RecurrentNetworkErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Checks everything that the kernels rely on: they don't check indices again on adapters that run without bounds checks.
 *
 * @throws {RecurrentNetworkError}
 */
export function checkNetwork(network: CompiledNetwork): void {
  const refuse = (code: RecurrentNetworkErrorCode, what: string): never => {
    throw new RecurrentNetworkError(code, `network "${network.name}": ${what}`);
  };
  const { neurons, dtMs, seed, channels, populations } = network;
  if (!(Number.isInteger(neurons) && neurons >= 1 && neurons <= MAX_NEURONS)) {
    refuse('capacity', `${neurons} neurons; it must have from 1 to ${MAX_NEURONS}`);
  }
  if (!(dtMs > 0 && Number.isFinite(dtMs))) refuse('parameter', `dtMs is ${dtMs}; it must be above 0`);
  if (!(Number.isSafeInteger(seed) && seed >= 0)) {
    refuse('parameter', `seed is ${seed}; it must be a whole number from 0 to 2^53 - 1`);
  }
  if (channels.length > MAX_CHANNELS) {
    refuse(
      'capacity',
      `${channels.length} channels; merge some, there may be ${MAX_CHANNELS} in one network`,
    );
  }
  let next = 0;
  for (const population of populations) {
    if (population.first !== next || !(Number.isInteger(population.count) && population.count >= 0)) {
      refuse(
        'shape',
        `population "${population.name}" has neurons ${population.first} + ${population.count}; the next is ${next}`,
      );
    }
    next += population.count;
    if (population.kind === 'lif') checkLif(network, population, refuse);
    else checkSource(network, population, refuse);
  }
  if (next !== neurons)
    refuse('shape', `its populations have ${next} neurons; neurons is ${neurons}, make them equal`);
  checkSynapses(network, refuse);
  const wrong = wrongRule(network);
  if (wrong !== undefined) refuse('plasticity', wrong);
}

type Refuse = (code: RecurrentNetworkErrorCode, what: string) => never;

function checkParameter(
  refuse: Refuse,
  place: string,
  parameter: Parameter,
  count: number,
  allowed: (value: number) => boolean,
  remedy: string,
): void {
  if (typeof parameter === 'number') {
    if (!allowed(parameter)) refuse('parameter', `${place} is ${parameter}; ${remedy}`);
    return;
  }
  if (parameter.length !== count) {
    refuse('parameter', `${place} has ${parameter.length} values; give one for each of ${count} neurons`);
  }
  const wrong = parameter.findIndex((value) => !allowed(value));
  if (wrong >= 0) refuse('parameter', `${place}[${wrong}] is ${parameter[wrong]}; ${remedy}`);
}

const FINITE = 'it must be a finite number';
const POSITIVE = 'it must be above 0';
const isReal = (value: number) => Number.isFinite(value);
const isPositive = (value: number) => value > 0 && Number.isFinite(value);

function checkLif({ channels }: CompiledNetwork, population: LifPopulation, refuse: Refuse): void {
  const { name, count, adaptation } = population;
  const check = (
    field: string,
    parameter: Parameter,
    allowed: (value: number) => boolean,
    remedy: string,
  ): void => checkParameter(refuse, `population "${name}": ${field}`, parameter, count, allowed, remedy);
  check('tauMembraneMs', population.tauMembraneMs, isPositive, POSITIVE);
  check('restMv', population.restMv, isReal, FINITE);
  check('biasMv', population.biasMv, isReal, FINITE);
  check('thresholdMv', population.thresholdMv, isReal, FINITE);
  check('resetMv', population.resetMv, isReal, FINITE);
  check('initialMv', population.initialMv, isReal, FINITE);
  check('noiseMv', population.noiseMv, (value) => value >= 0 && isReal(value), 'it must be 0 or more');
  check(
    'refractorySteps',
    population.refractorySteps,
    (value) => Number.isInteger(value) && value >= 0 && value < 2 ** 24,
    'it must be a whole number of steps, 0 or more',
  );
  if (adaptation) {
    check('adaptation.tauMs', adaptation.tauMs, isPositive, POSITIVE);
    check('adaptation.incrementMv', adaptation.incrementMv, isReal, FINITE);
  }
  if (population.channels.length !== channels.length) {
    refuse(
      'shape',
      `population "${name}" has ${population.channels.length} channels; the network has ${channels.length}`,
    );
  }
  population.channels.forEach(({ tauMs, reversalMv }, index) => {
    const channel = `channel "${channels[index]?.name}"`;
    if (channels[index]?.kind !== 'delta') check(`${channel}: tauMs`, tauMs, isPositive, POSITIVE);
    if (channels[index]?.kind === 'conductance') check(`${channel}: reversalMv`, reversalMv, isReal, FINITE);
  });
  population.initialChannels?.forEach((initial, index) => {
    check(`initialChannels[${index}]`, initial, isReal, FINITE);
  });
  population.poisson.forEach(({ channel, meanPerStep, weight }, index) => {
    const place = `population "${name}": poisson[${index}]`;
    if (!channels[channel])
      refuse('shape', `${place} is on channel ${channel}; there are ${channels.length}`);
    if (!(meanPerStep >= 0 && meanPerStep <= MAX_POISSON_MEAN)) {
      refuse('parameter', `${place}.meanPerStep is ${meanPerStep}; it must be from 0 to ${MAX_POISSON_MEAN}`);
    }
    if (!isReal(weight)) refuse('parameter', `${place}.weight is ${weight}; ${FINITE}`);
  });
}

function checkSource({ dtMs }: CompiledNetwork, population: SourcePopulation, refuse: Refuse): void {
  const { name, count, spikes } = population;
  if (spikes.kind === 'rates') {
    checkParameter(
      refuse,
      `population "${name}": rateHz`,
      spikes.rateHz,
      count,
      (rate) => rate >= 0 && rate * dtMs <= 1000,
      `it must be from 0 to ${1000 / dtMs}, one spike a step`,
    );
    return;
  }
  const { offsets, neurons } = spikes;
  if (offsets.length < 1 || offsets[0] !== 0 || offsets.at(-1) !== neurons.length) {
    refuse(
      'sources',
      `population "${name}": offsets must go from 0 to the number of spikes, ${neurons.length}`,
    );
  }
  const seen = new Int32Array(count).fill(-1);
  for (let step = 0; step + 1 < offsets.length; step++) {
    const begin = offsets[step] as number;
    const end = offsets[step + 1] as number;
    if (end < begin) refuse('sources', `population "${name}": offsets decrease after step ${step}`);
    for (let event = begin; event < end; event++) {
      const neuron = neurons[event] as number;
      if (neuron >= count) {
        refuse('sources', `population "${name}": neuron ${neuron} spikes at step ${step}; it has ${count}`);
      }
      if (seen[neuron] === step)
        refuse('sources', `population "${name}": neuron ${neuron} spikes twice at step ${step}`);
      seen[neuron] = step;
    }
  }
}

function checkSynapses({ neurons, channels, synapses }: CompiledNetwork, refuse: Refuse): void {
  const { rows, words, classes, weights } = synapses;
  if (rows.length !== neurons + 1) {
    refuse(
      'synapses',
      `rows has ${rows.length} entries; it must have ${neurons + 1}, one for each neuron and the end`,
    );
  }
  if (classes.length > MAX_CLASSES) {
    refuse(
      'capacity',
      `${classes.length} classes of synapses; there may be ${MAX_CLASSES}: use fewer delays`,
    );
  }
  classes.forEach(({ channel, delaySteps, weight }, index) => {
    if (!channels[channel]) {
      refuse('synapses', `classes[${index}] is on channel ${channel}; there are ${channels.length}`);
    }
    if (!(Number.isInteger(delaySteps) && delaySteps >= 1 && delaySteps <= MAX_DELAY_STEPS)) {
      refuse(
        'synapses',
        `classes[${index}].delaySteps is ${delaySteps}; it must be a whole number from 1 to ${MAX_DELAY_STEPS}`,
      );
    }
    if (weight !== undefined && !isReal(weight)) {
      refuse('synapses', `classes[${index}].weight is ${weight}; ${FINITE}`);
    }
    if (weight === undefined && weights === undefined) {
      refuse('synapses', `classes[${index}] has no weight, and there are no weights for each synapse`);
    }
  });
  if (weights) {
    if (weights.length !== words.length) {
      refuse('synapses', `there are ${weights.length} weights for ${words.length} synapses`);
    }
    const wrong = weights.findIndex((weight) => !isReal(weight));
    if (wrong >= 0) refuse('synapses', `weights[${wrong}] is ${weights[wrong]}; ${FINITE}`);
  }
  if (rows[0] !== 0 || rows[neurons] !== words.length) {
    refuse('synapses', `rows go from ${rows[0]} to ${rows[neurons]}; they must go from 0 to ${words.length}`);
  }
  for (let source = 0; source < neurons; source++) {
    const begin = rows[source] as number;
    const end = rows[source + 1] as number;
    if (end < begin) refuse('synapses', `rows decrease after neuron ${source}`);
    let last = 0;
    for (let place = begin; place < end; place++) {
      const word = words[place] as number;
      if (word < last) refuse('synapses', `the synapses of neuron ${source} are not in ascending order`);
      if (targetOf(word) >= neurons) {
        refuse(
          'synapses',
          `neuron ${source} has a synapse on neuron ${targetOf(word)}; there are ${neurons}`,
        );
      }
      if (classOf(word) >= classes.length) {
        refuse(
          'synapses',
          `neuron ${source} has a synapse of class ${classOf(word)}; there are ${classes.length}`,
        );
      }
      last = word;
    }
  }
}
