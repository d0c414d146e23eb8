/**
 * How many slots suit a device: measured once for each device and shape of the networks, then remembered.
 *
 * More slots fill a device better, until it is full; beyond that they only cost memory, make the end of a study longer
 * and the optimizer's news older. So: the fewest that reach the best throughput measured, less 5 %. The first number
 * tried is one that every device of the kind needs, and a processor that is busy with other work is not measured: it
 * would be remembered as something that it is not.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { cacheFolder, writeWhole } from '../cache.ts';
import { loadContract } from '../device/contract.ts';
import type { Device, DeviceInfo } from '../device/device.ts';
import { type BatchShape, batchBytes, DiehlCookBatch, type EventLists } from '../kernels/diehl-cook.ts';
import { encodePoisson } from '../network/encoders/poisson.ts';
import { diehlCookParameters, diehlCookSlot, traceTable } from '../network/models/diehl-cook.ts';
import { packageVersion } from '../version.ts';
import { launchMsOf, NEURONS_OF_OVERHEAD } from './slots.ts';

/** The networks that will run. */
export interface CalibrationShape {
  /** The largest network that may come. */
  readonly maxNeurons: number;
  readonly steps: number;
  readonly inputs: number;
  /** Rate of a white pixel, Hz. */
  readonly maxRateHz: number;
  /** Samples of a network in one launch, at the most. */
  readonly maxChunk: number;
  /** Memory of the encoded data set, bytes. */
  readonly dataBytes: number;
}

/** Throughput with a number of slots. */
export interface SlotRate {
  readonly slots: number;
  /** Neurons x samples per millisecond, summed over the slots; a network counts 150 neurons more than it has. */
  readonly rate: number;
}

export interface Calibration {
  readonly slots: number;
  /** `only`: there was no other number to choose; `busy`: the smallest, as other programs kept the processors busy. */
  readonly source: 'measured' | 'cached' | 'only' | 'busy';
  /** In the order of measuring. */
  readonly rates: readonly SlotRate[];
  /** Time that the calibration took, compiling included, seconds. */
  readonly seconds: number;
}

export interface CalibrationOptions {
  /** Time for measuring, ms; what was begun is finished. */
  readonly budgetMs?: number;
  /** Where results are kept; `calibration` in the user's cache folder by default. */
  readonly folder?: string;
  /** Whether other programs keep the processors busy; by default, whether there is more to do than processors. */
  readonly busy?: boolean;
}

/** Beyond this many trials at once no optimizer learns much from the ones before. */
const MOST_SLOTS = 512;
/** A doubling that gains less than this is not worth its slots. */
const LEAST_GAIN = 1.05;
const SLOTS_OF_A_THREAD = 4;
const BUDGET_MS = 2000;

/** How many slots a device has memory for, and no more than 512; at least 1. */
export function fittingSlots(
  info: Pick<DeviceInfo, 'limits' | 'memoryBytes'>,
  shape: CalibrationShape,
): number {
  const { maxBindingBytes, maxBufferBytes } = info.limits;
  // The other half is for staging, for the system, and for other programs.
  const memory = (info.memoryBytes ?? maxBufferBytes) / 2;
  const noData = { ...shape, samples: 0, offsets: new Uint32Array(0), events: new Uint16Array(0) };
  const one = Object.values(batchBytes(batchShape(1, shape), noData));
  const largest = Math.floor(Math.min(maxBindingBytes, maxBufferBytes) / Math.max(...one));
  const together = Math.floor((memory - shape.dataBytes) / one.reduce((sum, bytes) => sum + bytes, 0));
  return Math.max(1, Math.min(MOST_SLOTS, largest, together));
}

/**
 * The numbers of slots that are worth trying: from what every device of the kind needs, doubled as long as they fit.
 */
export function candidateSlots(
  info: Pick<DeviceInfo, 'kind' | 'software' | 'threads'>,
  fitting: number,
): number[] {
  // A processor's thread runs one network at a time, and waits at the end of a launch for the others: with four each
  // that is short. The smallest graphics cards run tens of workgroups at a time.
  const least = isOnProcessor(info) ? SLOTS_OF_A_THREAD * (info.threads ?? availableParallelism()) : 32;
  const candidates = [Math.min(least, fitting)];
  for (let slots = 2 * least; slots <= fitting; slots *= 2) candidates.push(slots);
  return candidates;
}

function isOnProcessor({ kind, software }: Pick<DeviceInfo, 'kind' | 'software'>): boolean {
  return kind === 'native' || software;
}

/**
 * Measures the candidates in turn until two of them were no better than a smaller one; then all of these again in the
 * opposite order, as far as there is time, since whatever else the machine did meanwhile is gone or has come.
 *
 * @param measure throughput with so many slots, given one that was measured just before
 * @param left ms that are left for measuring
 */
export async function measureSlots(
  candidates: readonly number[],
  measure: (slots: number, before: number | undefined) => Promise<number>,
  left: () => number,
): Promise<SlotRate[]> {
  const rates: SlotRate[] = [];
  let best = 0;
  let inVain = 0;
  for (const slots of candidates) {
    if (inVain === 2 || (rates.length > 0 && left() <= 0)) break;
    const rate = await measure(slots, rates.at(-1)?.rate);
    rates.push({ slots, rate });
    inVain = rate < LEAST_GAIN * best ? inVain + 1 : 0;
    best = Math.max(best, rate);
  }
  for (let index = rates.length - 1; index >= 0 && left() > 0; index--) {
    const { slots, rate } = rates[index] as SlotRate;
    rates[index] = { slots, rate: Math.max(rate, await measure(slots, rate)) };
  }
  return rates;
}

/** The fewest slots that come within 5 % of the best rate. */
export function fewestSlots(rates: readonly SlotRate[]): number {
  const best = Math.max(...rates.map(({ rate }) => rate));
  return rates.find(({ rate }) => rate * LEAST_GAIN >= best)?.slots ?? 1;
}

/**
 * The number of slots for a device, from the cache or by running networks of random weights on random spikes for about
 * two seconds. The device is as it was afterwards.
 *
 * @throws {DeviceError} `capacity` when not even one slot fits; and what running kernels throws
 *
 * @example const { slots } = await calibrateSlots(device, { maxNeurons: 1000, steps: 100, inputs: 784, ... });
 */
export async function calibrateSlots(
  device: Device,
  shape: CalibrationShape,
  options: CalibrationOptions = {},
): Promise<Calibration> {
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  const { budgetMs = BUDGET_MS, folder = join(cacheFolder(), 'calibration') } = options;
  const candidates = candidateSlots(device.info, fittingSlots(device.info, shape));
  const [only, ...others] = candidates;
  if (only !== undefined && others.length === 0) {
    return { slots: only, source: 'only', rates: [], seconds: seconds() };
  }
  const key = keyOf(device.info, shape, candidates);
  const path = join(folder, `${createHash('sha256').update(key).digest('hex').slice(0, 32)}.json`);
  const known = readCached(path, key);
  if (known) return { slots: fewestSlots(known), source: 'cached', rates: known, seconds: seconds() };

  const { busy = (loadavg()[0] ?? 0) > availableParallelism() } = options;
  if (only !== undefined && busy && isOnProcessor(device.info)) {
    return { slots: only, source: 'busy', rates: [], seconds: seconds() };
  }
  const data = randomData(shape);
  const launchMs = launchMsOf(device.info);
  let end: number | undefined;
  const rates = await measureSlots(
    candidates,
    async (slots, before) => {
      using batch = await DiehlCookBatch.create(
        device,
        batchShape(slots, shape),
        data,
        traceTable(shape.steps),
      );
      // Kernels are compiled by now, which is not part of the measuring.
      end ??= performance.now() + budgetMs;
      return await measureRate(batch, launchMs, networkSizes(slots, shape.maxNeurons), shape, before);
    },
    () => (end ?? Number.POSITIVE_INFINITY) - performance.now(),
  );
  try {
    writeWhole(path, JSON.stringify({ key, rates }));
  } catch {
    // A cache that can't be written costs two seconds the next time, no more.
  }
  return { slots: fewestSlots(rates), source: 'measured', rates, seconds: seconds() };
}

function batchShape(slots: number, { maxNeurons, maxChunk }: CalibrationShape): BatchShape {
  return { slots, maxNeurons, maxItems: slots, maxRecords: slots * maxChunk };
}

/** Everything that the rates depend on; the size of the data set only by what it leaves room for. */
function keyOf(info: DeviceInfo, shape: CalibrationShape, candidates: readonly number[]): string {
  const { name, driver, backend } = info;
  const { dataBytes: _, ...networks } = shape;
  const kernel = createHash('sha256').update(loadContract('diehl_cook').source).digest('hex');
  return JSON.stringify({ version: packageVersion(), kernel, name, driver, backend, networks, candidates });
}

const cached = z.strictObject({
  key: z.string(),
  rates: z.array(z.strictObject({ slots: z.int().min(1), rate: z.number().positive() })),
});

/** What was measured before; undefined when it was not, or the file is not what it should be. */
function readCached(path: string, key: string): SlotRate[] | undefined {
  try {
    const parsed = cached.parse(JSON.parse(readFileSync(path, 'utf8')));
    return parsed.key === key && parsed.rates.length > 0 ? parsed.rates : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Sizes spread over the search space as a search would: multiples of the golden ratio, modulo 1, lie evenly whatever
 * their number. Equal sizes would hide that the slots of a launch wait for its last one.
 */
function networkSizes(slots: number, maxNeurons: number): number[] {
  const golden = (Math.sqrt(5) - 1) / 2;
  return Array.from({ length: slots }, (_, slot) => 1 + Math.floor((((slot + 1) * golden) % 1) * maxNeurons));
}

/** Neurons x samples per ms; the best of two launches of about the length that launches of a study have. */
async function measureRate(
  batch: DiehlCookBatch,
  launchMs: number,
  sizes: readonly number[],
  shape: CalibrationShape,
  before: number | undefined,
): Promise<number> {
  const silence = { excitatoryAlpha: 0, inhibitoryAlpha: 0 };
  sizes.forEach((neurons, slot) => {
    const parameters = diehlCookParameters({ ...LIVELY, map_size: neurons });
    batch.place(slot, diehlCookSlot(parameters, silence, [slot, 0], shape.steps));
  });
  let ordinal = 0;
  const run = async (workPerSlot: number): Promise<{ ms: number; rate: number }> => {
    const counts = sizes.map((neurons) => {
      const samples = Math.round(workPerSlot / (neurons + NEURONS_OF_OVERHEAD));
      return Math.max(1, Math.min(samples, shape.maxChunk));
    });
    const started = performance.now();
    await batch.run(
      counts.map((count, slot) => ({
        slot,
        first: 0,
        count,
        learn: true,
        begins: ordinal === 0,
        ordinal,
        excitatorySilentBudget: Number.POSITIVE_INFINITY,
        inhibitorySilentBudget: Number.POSITIVE_INFINITY,
      })),
    );
    ordinal += Math.max(...counts);
    const ms = performance.now() - started;
    const work = counts.reduce((sum, count, slot) => {
      return sum + count * ((sizes[slot] as number) + NEURONS_OF_OVERHEAD);
    }, 0);
    return { ms, rate: work / ms };
  };
  // One sample each: weights are drawn, and with the first number of slots code is made.
  let { rate } = await run(0);
  let best = 0;
  // The first launches are shorter than they should be where the rate is not known yet.
  for (let launch = 0, full = 0; full < 2 && launch < 8; launch++) {
    const result = await run((launchMs * Math.max(rate, before ?? 0)) / sizes.length);
    rate = result.rate;
    best = Math.max(best, rate);
    if (result.ms > launchMs / 2) full += 1;
  }
  return best;
}

/** A few random images' spikes, over and over: as many samples as a launch may have. */
function randomData({ steps, inputs, maxRateHz, maxChunk }: CalibrationShape): EventLists {
  const images = 16;
  // A fifth of an MNIST digit is ink, of two thirds of the full intensity.
  const pixels = Uint8Array.from({ length: images * inputs }, (_, pixel) => (pixel % 5 === 0 ? 170 : 0));
  const few = encodePoisson(
    { pixels, pixelsPerImage: inputs },
    Array.from({ length: images }, (_, image) => image),
    { steps, maxRateHz, dtMs: 1, seed: 1 },
  );
  const offsets = new Uint32Array(maxChunk * (steps + 1));
  for (let sample = 0; sample < maxChunk; sample++) {
    const first = (sample % images) * (steps + 1);
    offsets.set(few.offsets.subarray(first, first + steps + 1), sample * (steps + 1));
  }
  return { ...few, samples: maxChunk, offsets };
}

/** A network that spikes, from the middle of the recorded experiment's good ones. */
const LIVELY = {
  nu_pre: 8.48e-4,
  nu_post: 8.88e-3,
  strength_exc: 356.9,
  strength_inh: 433.6,
  norm: 123.4,
  e_thresh: -57.66,
  e_rest: -60.8,
  e_refrac: 6,
  theta_plus: 0.044,
  tc_theta_decay: 2.04e6,
  e_tc_decay: 4167,
  i_thresh: -22.82,
  i_rest: -51.11,
  i_refrac: 19,
  i_tc_decay: 1516,
};
