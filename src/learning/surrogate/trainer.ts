/**
 * Trains networks side by side on one device: each slot has a network with its own sizes, constants and optimizer; all
 * see the same batches.
 */
import type { SampleShape, SampleSource } from '../../data/samples.ts';
import { type Device, DeviceError } from '../../device/device.ts';
import { type SlotRun, SurrogateBatch } from '../../kernels/surrogate.ts';
import { activityBytes, type KernelRow, type SurrogateShape } from '../../kernels/surrogate-shape.ts';
import { Draws } from '../../random/draws.ts';
import { keyOf, STREAMS } from '../../random/philox.ts';
import type { TrainingDescription } from './description.ts';
import { EMPTY_GOAL, EMPTY_ROW, EMPTY_STEP } from './empty-rows.ts';
import { TrainingError } from './errors.ts';
import { initialParameters, type Parameter, packParameters, unpackParameters } from './parameters.ts';
import { rasterOf } from './raster.ts';
import { rateFactor } from './rates.ts';
import { goalRow, largestRoom, type ResolvedLayer, resolveLayers, stepRow } from './structure.ts';
import { join, newTally, reportOf, type Tally, tallyOf } from './tally.ts';
import type { PassOptions, SlotBatch, SlotReport, TrainedNetwork, Trainer } from './training.ts';

export interface TrainerOptions {
  readonly slots?: number;
  readonly batchSize: number;
  /** What the data look like; with `ownSamples`, those with the most steps. */
  readonly input: SampleShape & Pick<SampleSource, 'kind'>;
  /** The networks that will come, or the largest of them: room is made for each layer's largest. */
  readonly networks: readonly TrainingDescription[];
  /** Whether each slot has batches of its own ({@link Trainer.round}); otherwise all see the same. */
  readonly ownSamples?: boolean;
  /** Memory for activity, bytes: steps are cut into segments whose potentials are computed twice until it suffices. */
  readonly memoryBytes?: number;
}

/** Room for activity unless told otherwise: what leaves place for the system on a small machine. */
const DEFAULT_MEMORY = 2 ** 31;

interface Loaded {
  readonly description: TrainingDescription;
  readonly layers: readonly ResolvedLayer[];
  /** Updates made. */
  updates: number;
}

/** What a slot does in a launch. */
interface Work extends Omit<SlotBatch, 'slot' | 'source'> {
  readonly labels: Uint32Array;
  readonly inputSpikes: number;
  readonly steps: number;
}

/** A batch's inputs as the kernels read them. */
interface Prepared {
  readonly inputs: Uint32Array | Float32Array;
  /** Of all samples; 0 of real values. */
  readonly spikes: number;
}

export class SurrogateTrainer implements Trainer {
  readonly slots: number;
  readonly batchSize: number;
  readonly #batch: SurrogateBatch;
  readonly #input: TrainerOptions['input'];
  readonly #loaded: (Loaded | undefined)[];

  private constructor(batch: SurrogateBatch, options: TrainerOptions) {
    this.#batch = batch;
    this.slots = batch.shape.slots;
    this.batchSize = batch.shape.batch;
    this.#input = options.input;
    this.#loaded = new Array<Loaded | undefined>(this.slots).fill(undefined);
  }

  /**
   * Makes room on a device. The device stays the caller's.
   *
   * @throws {TrainingError} for descriptions that can't be trained or don't fit together
   * @throws {DeviceError} `capacity` when memory does not suffice at any length of segments
   */
  static async create(device: Device, options: TrainerOptions): Promise<SurrogateTrainer> {
    const {
      slots = 1,
      batchSize,
      input,
      networks,
      ownSamples = false,
      memoryBytes = DEFAULT_MEMORY,
    } = options;
    const resolved = networks.map((network) => resolveLayers(network, input.shape));
    const [first] = resolved;
    if (!first) throw new TrainingError('no networks are given: room is made by their sizes');
    for (const other of resolved) {
      const same =
        other.length === first.length &&
        other.every(
          ({ room }, l) => room.projection === first[l]?.room.projection && room.lag === first[l]?.room.lag,
        );
      if (!same)
        throw new TrainingError('networks that learn side by side need the same kinds of layers in turn');
    }
    for (const layers of resolved) checkClasses(layers, input.classes);
    const layers = first.map((_, l) => largestRoom(resolved.map((one) => (one[l] as ResolvedLayer).room)));
    const { steps, classes } = input;
    const whole = {
      slots,
      batch: batchSize,
      steps,
      classes,
      ownSamples,
      values: input.kind === 'values',
      layers,
      segment: steps,
    };
    const shape = fitSegment(whole, memoryBytes);
    return new SurrogateTrainer(await SurrogateBatch.create(device, shape), options);
  }

  load(slot: number, network: TrainingDescription | TrainedNetwork): void {
    const saved = 'parameters' in network ? network : undefined;
    const description = 'parameters' in network ? network.description : network;
    const layers = resolveLayers(description, this.#input.shape);
    if (saved && String(saved.input) !== String(this.#input.shape)) {
      throw new TrainingError(
        `the saved network reads inputs of ${saved.input.join(' x ')}, the data have ${this.#input.shape.join(' x ')}`,
      );
    }
    checkClasses(layers, this.#input.classes);
    layers.forEach((resolved, l) => {
      const room = this.#batch.shape.layers[l];
      const fits =
        room !== undefined &&
        layers.length === this.#batch.shape.layers.length &&
        resolved.room.width <= room.width &&
        resolved.room.rows <= room.rows &&
        resolved.room.columns <= room.columns;
      if (!fits) throw new TrainingError(`${resolved.name} is larger than the room that was made for it`);
      const named = saved
        ? Object.fromEntries(
            Object.entries(saved.parameters)
              .filter(([name]) => name.startsWith(`${l}.`))
              .map(([name, value]) => [name.slice(`${l}.`.length), value]),
          )
        : initialParameters(resolved, l, description.seed);
      this.#batch.writeParameters(l, slot, packParameters(resolved, room, named));
    });
    this.#loaded[slot] = { description, layers, updates: 0 };
  }

  async save(slot: number): Promise<TrainedNetwork> {
    const { description, layers } = this.#at(slot);
    return {
      description,
      input: this.#input.shape,
      steps: this.#input.steps,
      parameters: await this.#read(slot, layers, 'parameters'),
    };
  }

  /** The gradients of the last batch, named like the parameters; what does not learn is left as the kernels have it. */
  async gradients(slot: number): Promise<Readonly<Record<string, Parameter>>> {
    return this.#read(slot, this.#at(slot).layers, 'gradients');
  }

  async #read(
    slot: number,
    layers: readonly ResolvedLayer[],
    which: 'parameters' | 'gradients',
  ): Promise<Record<string, Parameter>> {
    const parameters: Record<string, Parameter> = {};
    for (const [l, resolved] of layers.entries()) {
      const packed = await this.#batch.readParameters(l, slot, which);
      const named = unpackParameters(resolved, this.#batch.shape.layers[l] as never, packed);
      for (const [name, value] of Object.entries(named)) parameters[`${l}.${name}`] = value;
    }
    return parameters;
  }

  /** The output spikes of a layer in the last batch, as bits: [slot][sample][step][ceil(width / 32)]. */
  readSpikes(layer: number): Promise<Uint32Array> {
    return this.#batch.readSpikes(layer);
  }

  /** A layer's neurons in a slot, and how {@link readSpikes} lays them out. */
  spikesOf(
    slot: number,
    layer: number,
  ): { readonly neurons: number; readonly words: number; readonly steps: number } {
    const { steps, layers } = this.#batch.shape;
    const neurons = this.#at(slot).layers[layer]?.neurons ?? 0;
    return { neurons, words: Math.ceil((layers[layer]?.width ?? 0) / 32), steps };
  }

  async step(
    source: SampleSource,
    indices: Uint32Array,
    options: PassOptions = {},
  ): Promise<readonly (SlotReport | undefined)[]> {
    return this.#pass(source, { ...options, order: indices }, true);
  }

  /** Loss and gradients of one batch without an update, for checks; read them by {@link gradients}. */
  async differentiate(
    source: SampleSource,
    indices: Uint32Array,
  ): Promise<readonly (SlotReport | undefined)[]> {
    return this.#pass(source, { order: indices }, true, false);
  }

  async epoch(source: SampleSource, options: PassOptions = {}): Promise<readonly (SlotReport | undefined)[]> {
    return this.#pass(source, options, true);
  }

  async evaluate(
    source: SampleSource,
    options: PassOptions = {},
  ): Promise<readonly (SlotReport | undefined)[]> {
    return this.#pass(source, options, false);
  }

  [Symbol.dispose](): void {
    this.#batch[Symbol.dispose]();
  }

  async round(batches: readonly SlotBatch[]): Promise<readonly SlotReport[]> {
    if (!this.#batch.shape.ownSamples) {
      throw new TrainingError('this trainer shows all slots the same samples: make it with `ownSamples`');
    }
    const works = this.#loaded.map((): Work | undefined => undefined);
    for (const { slot, source, indices, when, ...how } of batches) {
      this.#at(slot);
      this.#checkSource(source);
      if (indices.length > this.batchSize) {
        throw new TrainingError(
          `slot ${slot} has a batch of ${indices.length}; there is room for ${this.batchSize}`,
        );
      }
      const { inputs, spikes } = this.#prepare(source, indices, how.pass);
      this.#batch.writeInputs(inputs, slot);
      works[slot] = {
        ...how,
        indices,
        labels: labelsOf(source, indices),
        inputSpikes: spikes,
        steps: source.steps,
        when,
      };
    }
    const tallies = await this.#launch(works, this.batchSize, true);
    return batches.map(({ slot }) => reportOf(tallies[slot] as Tally));
  }

  async #pass(
    source: SampleSource,
    options: PassOptions,
    learn: boolean,
    update = learn,
  ): Promise<readonly (SlotReport | undefined)[]> {
    const { pass = 0, epoch = 0, alpha = 1, onBatch, signal } = options;
    const order = options.order ?? Uint32Array.from({ length: source.samples }, (_, index) => index);
    const runs = this.#loaded.map(
      (loaded, slot) => loaded !== undefined && (options.slots?.includes(slot) ?? true),
    );
    this.#checkSource(source);
    if (this.#batch.shape.ownSamples) {
      throw new TrainingError('this trainer gives each slot samples of its own: use `round`');
    }
    const tallies = this.#loaded.map((loaded) => newTally(loaded?.layers.length ?? 0));
    const batches = Math.ceil(order.length / this.batchSize);
    const indicesOf = (batch: number): Uint32Array =>
      order.subarray(batch * this.batchSize, (batch + 1) * this.batchSize);
    let next = batches > 0 ? this.#prepare(source, indicesOf(0), pass) : undefined;
    for (let batch = 0; batch < batches && runs.includes(true); batch++) {
      signal?.throwIfAborted();
      const indices = indicesOf(batch);
      const inputSpikes = next?.spikes ?? 0;
      if (next) this.#batch.writeInputs(next.inputs);
      const number = epoch * batches + batch;
      const when = { epoch, overall: number / Math.max(1, batches), batch: number };
      const work = {
        learn,
        alpha,
        pass,
        indices,
        labels: labelsOf(source, indices),
        inputSpikes,
        steps: source.steps,
        when,
      };
      const outcome = this.#launch(
        runs.map((does) => (does ? work : undefined)),
        indices.length,
        update,
      );
      // The next batch is made while this one is computed.
      next = batch + 1 < batches ? this.#prepare(source, indicesOf(batch + 1), pass) : undefined;
      const reports = (await outcome).map((one, slot) => {
        if (!one) return undefined;
        join(tallies[slot] as Tally, one);
        return reportOf(one);
      });
      onBatch?.({
        batch,
        batches,
        slots: reports,
        stop: (slot) => {
          runs[slot] = false;
        },
      });
    }
    return tallies.map((tally) => (tally.samples > 0 ? reportOf(tally) : undefined));
  }

  /**
   * One launch: what each slot does, by slot.
   *
   * @param stride samples from one slot's to the next one's
   * @param update whether those that learn take the step
   */
  async #launch(
    works: readonly (Work | undefined)[],
    stride: number,
    update: boolean,
  ): Promise<(Tally | undefined)[]> {
    const labels = new Uint32Array(this.slots * stride);
    works.forEach((work, slot) => {
      if (work) labels.set(work.labels, slot * stride);
    });
    this.#batch.writeLabels(labels);
    this.#configure(works);
    this.#drop(works, stride);
    const learn = works.some((work) => work?.learn);
    this.#batch.run(stride, learn, learn && update);
    const outcomes = await this.#batch.outcomes(stride);
    return works.map((work, slot) => {
      const loaded = this.#loaded[slot];
      if (!work || !loaded) return undefined;
      const tally = tallyOf(outcomes, work, {
        slot,
        slots: this.slots,
        stride,
        layers: loaded.layers.length,
      });
      if (work.learn && update) {
        const own = outcomes.norms.subarray(slot * loaded.layers.length, (slot + 1) * loaded.layers.length);
        tally.finite &&= own.every(Number.isFinite);
        loaded.updates += 1;
      }
      return tally;
    });
  }

  #prepare(source: SampleSource, indices: Uint32Array, pass: number): Prepared {
    const batch = source.batch(indices, pass);
    if (batch.kind === 'events') {
      return { inputs: rasterOf(batch, source, this.#input), spikes: batch.events.length };
    }
    const { values } = batch;
    if (source.steps === this.#input.steps) return { inputs: values, spikes: 0 };
    const { steps, inputs } = this.#input;
    const wide = new Float32Array(indices.length * steps * inputs);
    const own = source.steps * inputs;
    indices.forEach((_, b) => {
      wide.set(values.subarray(b * own, (b + 1) * own), b * steps * inputs);
    });
    return { inputs: wide, spikes: 0 };
  }

  #configure(works: readonly (Work | undefined)[]): void {
    const runs = works.map((work): SlotRun => {
      if (!work) return { does: 'nothing', samples: 0, steps: 0 };
      const { learn, indices, steps } = work;
      return { does: learn ? 'learn' : 'forward', samples: indices.length, steps };
    });
    const rows = this.#batch.shape.layers.map((_, l) =>
      this.#loaded.map((loaded, slot) => {
        const row = loaded?.layers[l]?.row;
        const work = works[slot];
        if (!loaded || !row || !work) return EMPTY_ROW;
        // The penalty on rates is a part of each sample's loss.
        const goal = goalRow(loaded.description, work.indices.length);
        const weight = (row.rate_weight as number) * (goal.weight as number);
        return inference({ ...row, rate_weight: weight }, work.learn);
      }),
    );
    rows.forEach((of, l) => {
      this.#batch.writeSlots(l, of, runs);
    });
    this.#batch.writeSizes(rows, runs);
    this.#batch.writeGoals(
      this.#loaded.map((loaded, slot) => {
        const { samples, steps } = runs[slot] as SlotRun;
        const goal = loaded ? goalRow(loaded.description, samples) : EMPTY_GOAL;
        return { ...goal, runs: Number(works[slot] !== undefined), samples, steps };
      }),
    );
    this.#batch.shape.layers.forEach((_, l) => {
      this.#batch.writeSteps(
        l,
        this.#loaded.map((loaded, slot) => {
          const work = works[slot];
          if (!loaded || !work?.learn) return EMPTY_STEP;
          const factor = rateFactor(loaded.description, work.when);
          const row = stepRow(loaded.description, factor, loaded.updates + 1);
          return { ...row, runs: 1, learns: loaded.layers[l]?.learns ?? 0 };
        }),
      );
    });
  }

  /** Draws which neurons of which layers are dropped for each sample, by the sample's number: the same in any order. */
  #drop(works: readonly (Work | undefined)[], stride: number): void {
    if (!works.some((work) => work?.learn)) return;
    this.#batch.shape.layers.forEach((room, l) => {
      if (!room.dropout) return;
      const words = Math.ceil(room.width / 32);
      const masks = new Uint32Array(this.slots * stride * words).fill(0xffffffff);
      this.#loaded.forEach((loaded, slot) => {
        const share = loaded?.layers[l]?.layer.dropout ?? 0;
        const work = works[slot];
        if (!loaded || !work?.learn || share === 0) return;
        const draws = new Draws(keyOf(loaded.description.seed), STREAMS.dropout);
        const { neurons } = loaded.layers[l] as ResolvedLayer;
        work.indices.forEach((sample, b) => {
          draws.at(sample, work.pass * 64 + l);
          for (let j = 0; j < neurons; j++) {
            if (draws.unit() >= share) continue;
            const at = (slot * stride + b) * words + (j >>> 5);
            masks[at] = (masks[at] as number) & ~(1 << (j & 31));
          }
        });
      });
      this.#batch.writeMasks(l, masks);
    });
  }

  #at(slot: number): Loaded {
    const loaded = this.#loaded[slot];
    if (!loaded) throw new TrainingError(`slot ${slot} of ${this.slots} holds no network: load one first`);
    return loaded;
  }

  #checkSource(source: SampleSource): void {
    const { steps, inputs, kind } = this.#input;
    const fits = this.#batch.shape.ownSamples ? source.steps <= steps : source.steps === steps;
    if (!fits || source.inputs !== inputs || source.kind !== kind) {
      throw new TrainingError(
        `the data have ${source.inputs} ${source.kind} in ${source.steps} steps; the trainer was made for ${inputs} ${kind} in ${steps}`,
      );
    }
  }
}

/** The longest segments that memory allows. */
function fitSegment(shape: SurrogateShape, memoryBytes: number): SurrogateShape {
  const whole = activityBytes(shape);
  if (whole <= memoryBytes) return shape;
  if (!shape.values && shape.layers.every(({ lag }) => lag === 0)) {
    for (let parts = 2; parts <= shape.steps; parts++) {
      const cut = { ...shape, segment: Math.ceil(shape.steps / parts) };
      if (activityBytes(cut) <= memoryBytes) return cut;
    }
  }
  const size = (bytes: number): string =>
    bytes < 2 ** 20 ? `${bytes} bytes` : `${Math.ceil(bytes / 2 ** 16) / 16} MiB`;
  throw new DeviceError(
    'capacity',
    `${shape.slots} networks with batches of ${shape.batch} take ${size(whole)}, more than the ${size(memoryBytes)} allowed; lower the batch size or the slots, or allow more`,
  );
}

function labelsOf({ labels }: SampleSource, indices: Uint32Array): Uint32Array {
  return Uint32Array.from(indices, (sample) => labels[sample] as number);
}

/** Without dropout when nothing is learned. */
function inference(row: KernelRow, learn: boolean): KernelRow {
  return learn ? row : { ...row, input_scale: 1, output_scale: 1 };
}

function checkClasses(layers: readonly ResolvedLayer[], classes: number): void {
  const neurons = layers.at(-1)?.neurons;
  if (neurons !== classes) {
    throw new TrainingError(
      `the last layer has ${neurons} neurons, the data ${classes} classes; give as many`,
    );
  }
}
