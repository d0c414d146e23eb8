/**
 * Trains networks side by side on one device: each slot has a network with its own sizes, constants and optimizer; all
 * see the same batches.
 */
import type { SampleShape, SampleSource, ValueBatch } from '../../data/samples.ts';
import { type Device, DeviceError } from '../../device/device.ts';
import { SurrogateBatch } from '../../kernels/surrogate.ts';
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
import { join, newTally, reportOf, type Tally } from './tally.ts';
import type { PassOptions, SlotReport, TrainedNetwork, Trainer } from './training.ts';

export interface TrainerOptions {
  readonly slots?: number;
  readonly batchSize: number;
  /** What the data look like. */
  readonly input: SampleShape & Pick<SampleSource, 'kind'>;
  /** The networks that will come, or the largest of them: room is made for each layer's largest. */
  readonly networks: readonly TrainingDescription[];
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
    const { slots = 1, batchSize, input, networks, memoryBytes = DEFAULT_MEMORY } = options;
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
    const tallies = this.#loaded.map((loaded) => newTally(loaded?.layers.length ?? 0));
    const batches = Math.ceil(order.length / this.batchSize);
    const indicesOf = (batch: number): Uint32Array =>
      order.subarray(batch * this.batchSize, (batch + 1) * this.batchSize);
    let next = batches > 0 ? this.#prepare(source, indicesOf(0), pass) : undefined;
    for (let batch = 0; batch < batches && runs.includes(true); batch++) {
      signal?.throwIfAborted();
      const indices = indicesOf(batch);
      if (next) this.#batch.writeInputs(next);
      const labels = Uint32Array.from(indices, (sample) => source.labels[sample] as number);
      this.#batch.writeLabels(labels);
      const overall = (epoch * batches + batch) / Math.max(1, batches);
      this.#configure(
        indices.length,
        runs,
        learn ? { epoch, overall, batch: epoch * batches + batch } : undefined,
      );
      if (learn) this.#drop(indices, pass, runs);
      this.#batch.run(indices.length, learn, update);
      const outcome = this.#batch.outcomes(indices.length);
      // The next batch is made while this one is computed.
      next = batch + 1 < batches ? this.#prepare(source, indicesOf(batch + 1), pass) : undefined;
      const { loss, predicted, outputSpikes, spikes, norms } = await outcome;
      const samples = this.slots * indices.length;
      const reports = runs.map((does, slot): SlotReport | undefined => {
        const loaded = this.#loaded[slot];
        if (!does || !loaded) return undefined;
        const one = newTally(loaded.layers.length);
        for (let b = 0; b < indices.length; b++) {
          const at = slot * indices.length + b;
          one.samples += 1;
          one.loss += loss[at] as number;
          one.correct += Number(predicted[at] === labels[b]);
          one.silent += Number((outputSpikes[at] as number) < alpha);
          loaded.layers.forEach((_, l) => {
            one.spikes[l] = (one.spikes[l] as number) + (spikes[l * samples + at] as number);
          });
        }
        one.finite = Number.isFinite(one.loss);
        if (learn) {
          const own = norms.subarray(slot * loaded.layers.length, (slot + 1) * loaded.layers.length);
          if (update) one.finite &&= own.every(Number.isFinite);
          if (update) loaded.updates += 1;
        }
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

  /** The batch's inputs as the kernels read them. */
  #prepare(source: SampleSource, indices: Uint32Array, pass: number): Uint32Array | Float32Array {
    const batch = source.batch(indices, pass);
    return batch.kind === 'values' ? (batch as ValueBatch).values : rasterOf(batch, source);
  }

  #configure(
    batch: number,
    runs: readonly boolean[],
    when: { readonly epoch: number; readonly overall: number; readonly batch: number } | undefined,
  ): void {
    const rows = this.#batch.shape.layers.map((_, l) =>
      this.#loaded.map((loaded) => {
        const row = loaded?.layers[l]?.row;
        if (!loaded || !row) return EMPTY_ROW;
        // The penalty on rates is a part of each sample's loss.
        const weight = (row.rate_weight as number) * (goalRow(loaded.description, batch).weight as number);
        return inference({ ...row, rate_weight: weight }, when !== undefined);
      }),
    );
    rows.forEach((of, l) => {
      this.#batch.writeSlots(l, of, runs);
    });
    this.#batch.writeSizes(batch, rows, runs);
    this.#batch.writeGoals(
      this.#loaded.map((loaded, slot) => ({
        ...(loaded ? goalRow(loaded.description, batch) : EMPTY_GOAL),
        runs: Number(runs[slot]),
      })),
    );
    if (!when) return;
    this.#batch.shape.layers.forEach((_, l) => {
      this.#batch.writeSteps(
        l,
        this.#loaded.map((loaded, slot) => {
          if (!loaded) return EMPTY_STEP;
          const row = stepRow(loaded.description, rateFactor(loaded.description, when), loaded.updates + 1);
          return { ...row, runs: Number(runs[slot]), learns: loaded.layers[l]?.learns ?? 0 };
        }),
      );
    });
  }

  /** Draws which neurons of which layers are dropped for each sample, by the sample's number: the same in any order. */
  #drop(indices: Uint32Array, pass: number, runs: readonly boolean[]): void {
    this.#batch.shape.layers.forEach((room, l) => {
      if (!room.dropout) return;
      const words = Math.ceil(room.width / 32);
      const masks = new Uint32Array(this.slots * indices.length * words).fill(0xffffffff);
      this.#loaded.forEach((loaded, slot) => {
        const share = loaded?.layers[l]?.layer.dropout ?? 0;
        if (!loaded || !runs[slot] || share === 0) return;
        const draws = new Draws(keyOf(loaded.description.seed), STREAMS.dropout);
        const { neurons } = loaded.layers[l] as ResolvedLayer;
        indices.forEach((sample, b) => {
          draws.at(sample, pass * 64 + l);
          for (let j = 0; j < neurons; j++) {
            if (draws.unit() >= share) continue;
            const at = (slot * indices.length + b) * words + (j >>> 5);
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
    if (source.steps !== steps || source.inputs !== inputs || source.kind !== kind) {
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
  const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 16) / 16} MiB`;
  throw new DeviceError(
    'capacity',
    `${shape.slots} networks with batches of ${shape.batch} take ${mebibytes(whole)}, more than the ${mebibytes(memoryBytes)} allowed; lower the batch size or the slots, or allow more`,
  );
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
