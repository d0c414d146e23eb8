/** Lyapunov spectra of networks of spiking neurons: several networks side by side on a device. */
import type { Device } from '../device/device.ts';
import { RecurrentBatch, type RecurrentRecord } from '../kernels/recurrent-batch.ts';
import type { CompiledNetwork } from '../kernels/recurrent-network.ts';
import type { TangentBatch } from '../kernels/tangent-batch.ts';
import { Network } from '../network/index.ts';
import { ensureInput } from './errors.ts';
import { EventNetwork } from './event-network.ts';
import type { EventNeurons } from './event-neurons.ts';
import { BLOCK_STEPS, follow, type Source, type Subject } from './follow.ts';
import { rateSpectrum } from './rate.ts';
import { saltationSpectrum, variablesOf } from './saltation.ts';
import type { LyapunovSpectrum, Route } from './spectrum.ts';
import { completeSurrogate, operatorOf, SurrogateCoefficients, type TangentSurrogate } from './surrogate.ts';
import { TangentProgram } from './tangent-program.ts';
import { type SpectrumTimes, stepsOf } from './times.ts';

export interface NetworkSpectrumOptions extends SpectrumTimes {
  readonly route: Exclude<Route, 'given'>;
  /** Of the route `surrogate`. */
  readonly surrogate?: TangentSurrogate;
  /**
   * `double`: on the host, network after network (route `saltation` only, its default). `single`: on the device, all
   * networks in one launch (the default of `surrogate`).
   */
  readonly precision?: 'single' | 'double';
  /** Of the first tangent vectors. */
  readonly seed?: number;
}

/**
 * The Lyapunov spectra of networks, in their order, with the participation of each neuron in each exponent. Driven
 * networks have conditional exponents: those given their input. Networks that differ in their seed alone at run time (see
 * {@link withInputSeeds}) average over inputs.
 *
 * @throws {DynamicsError} `unsupported` for a network without a derivative by this route, `bad-input` naming an option
 * @throws {DeviceError} when the device can't hold them, or fails
 *
 * @example
 * const [spectrum] = await networkSpectra(device, [hrsnn({ neurons: 200 })], {
 *   route: 'surrogate', exponents: 10, durationMs: 1000,
 * });
 * console.log(spectrum?.exponents, spectrum?.participation);
 */
export async function networkSpectra(
  device: Device,
  networks: readonly (Network | CompiledNetwork)[],
  options: NetworkSpectrumOptions,
): Promise<LyapunovSpectrum[]> {
  const compiled = networks.map((network) => (network instanceof Network ? network.compile() : network));
  const [first] = compiled;
  if (first === undefined) return [];
  const different = compiled.find(({ dtMs }) => dtMs !== first.dtMs);
  ensureInput(
    different === undefined,
    () =>
      `"${different?.name}" has a time step of ${different?.dtMs} ms and "${first.name}" of ${first.dtMs} ms: give networks of one time step`,
  );
  const { route, precision = route === 'surrogate' ? 'single' : 'double' } = options;
  ensureInput(
    route === 'saltation' || route === 'surrogate' || route === 'rate',
    () => `route is ${JSON.stringify(route)}: give saltation, surrogate or rate`,
  );
  ensureInput(
    precision === 'single' ? route !== 'rate' : precision === 'double' && route !== 'surrogate',
    () =>
      `precision is ${JSON.stringify(precision)}: the route "${route}" is computed in ${route === 'surrogate' ? 'single' : 'double'} precision`,
  );
  const { exponents } = options;
  ensureInput(
    exponents === undefined || (Number.isInteger(exponents) && exponents >= 1),
    () => `exponents is ${exponents}: give a whole number from 1 on`,
  );
  if (precision === 'double') {
    const spectra: LyapunovSpectrum[] = [];
    for (const [index, network] of compiled.entries()) {
      const { onProgress } = options;
      const own = {
        ...options,
        ...(onProgress && {
          onProgress: (done: number, all: number) => onProgress(index * all + done, compiled.length * all),
        }),
      };
      spectra.push(
        await (route === 'rate' ? rateSpectrum(device, network, own) : saltationSpectrum(network, own)),
      );
    }
    return spectra;
  }
  using source =
    route === 'surrogate'
      ? await SurrogateSource.create(device, compiled, completeSurrogate(options.surrogate))
      : new EventSource(compiled);
  const { steps, transientSteps, intervalSteps } = stepsOf(options, first.dtMs);
  const { seed, onProgress } = options;
  return await follow(device, source, {
    ...{ route, steps, transientSteps, intervalSteps, exponents, seed, onProgress },
  });
}

/** Copies of a network whose inputs from outside have other seeds, while its neurons and synapses are the same. */
export function withInputSeeds(network: CompiledNetwork, seeds: readonly number[]): CompiledNetwork[] {
  return seeds.map((seed) => ({ ...network, seed }));
}

function subjectsOf(networks: readonly CompiledNetwork[], neurons: readonly EventNeurons[]): Subject[] {
  return networks.map((network, slot) => {
    const own = neurons[slot] as EventNeurons;
    return {
      operator: operatorOf(network, own),
      neuronOf: variablesOf(own.numbers, own.channels),
      neurons: network.neurons,
      stepTime: network.dtMs / 1000,
    };
  });
}

/** Clocked networks on the device, block by block; their recorded potentials give the coefficients. */
class SurrogateSource implements Source {
  readonly subjects: readonly Subject[];
  readonly #batch: RecurrentBatch;
  readonly #coefficients: readonly SurrogateCoefficients[];
  /** Coefficients of the block, [network], and how many steps of it there are and are used. */
  #block: readonly Float32Array[] = [];
  #steps = 0;
  #used = 0;

  private constructor(
    batch: RecurrentBatch,
    networks: readonly CompiledNetwork[],
    coefficients: readonly SurrogateCoefficients[],
  ) {
    this.#batch = batch;
    this.#coefficients = coefficients;
    this.subjects = subjectsOf(
      networks,
      coefficients.map(({ neurons }) => neurons),
    );
  }

  static async create(
    device: Device,
    networks: readonly CompiledNetwork[],
    surrogate: Required<TangentSurrogate>,
  ) {
    const coefficients = networks.map((network) => new SurrogateCoefficients(network, surrogate));
    const traces = coefficients.map(({ neurons }) => [...neurons.numbers]);
    const batch = await RecurrentBatch.create(device, networks, {
      record: { raster: true, traces, beforeReset: true },
    });
    return new SurrogateSource(batch, networks, coefficients);
  }

  async skip(steps: number): Promise<void> {
    for (let left = steps; left > 0; left -= this.#steps) await this.#simulate(Math.min(left, BLOCK_STEPS));
    this.#used = this.#steps;
  }

  async carry(batch: TangentBatch, steps: number): Promise<void> {
    for (let left = steps; left > 0; ) {
      if (this.#used === this.#steps) await this.#simulate(BLOCK_STEPS);
      const count = Math.min(left, this.#steps - this.#used);
      const from = this.#used;
      batch.advance(
        count,
        this.#block.map((all, slot) => {
          const width = 3 * (this.#coefficients[slot]?.neurons.count ?? 0);
          return all.subarray(from * width, (from + count) * width);
        }),
      );
      this.#used += count;
      left -= count;
    }
  }

  async #simulate(steps: number): Promise<void> {
    const records = await this.#batch.run(steps);
    this.#block = records.map((record, slot) => this.#coefficientsOf(record, slot));
    this.#steps = steps;
    this.#used = 0;
  }

  #coefficientsOf({ traces, raster, rasterWords, steps }: RecurrentRecord, slot: number): Float32Array {
    const coefficients = this.#coefficients[slot] as SurrogateCoefficients;
    const { numbers } = coefficients.neurons;
    return coefficients.of(traces, steps, (step, place) => {
      const neuron = numbers[place] as number;
      return ((raster[step * rasterWords + (neuron >> 5)] as number) & (1 << (neuron & 31))) !== 0;
    });
  }

  [Symbol.dispose](): void {
    this.#batch[Symbol.dispose]();
  }
}

/** Networks in continuous time on the host; the device gets the operations on the tangents. */
class EventSource implements Source {
  readonly subjects: readonly Subject[];
  readonly #programs: readonly TangentProgram[];
  readonly #networks: readonly EventNetwork[];

  constructor(networks: readonly CompiledNetwork[]) {
    const neurons = networks.map((network) => new EventNetwork(network).neurons);
    this.subjects = subjectsOf(networks, neurons);
    this.#programs = neurons.map(({ count, channels }) => new TangentProgram(count, channels));
    this.#networks = networks.map((network, slot) => new EventNetwork(network, this.#programs[slot]));
  }

  async skip(steps: number): Promise<void> {
    for (const [slot, network] of this.#networks.entries()) {
      network.run(steps);
      network.finishTangents();
      this.#programs[slot]?.clear();
    }
  }

  async carry(batch: TangentBatch, steps: number): Promise<void> {
    for (const network of this.#networks) {
      network.run(steps);
      network.finishTangents();
    }
    batch.apply(this.#programs);
    for (const program of this.#programs) program.clear();
  }

  [Symbol.dispose](): void {}
}
