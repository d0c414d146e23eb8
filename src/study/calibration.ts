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
import { batchBytes } from '../kernels/diehl-cook.ts';
import { packageVersion } from '../version.ts';
import { batchShape, type NetworkShape, SlotThroughput } from './slot-throughput.ts';
import { launchMsOf } from './slots.ts';

/** The networks that will run, and what they run on. */
export interface CalibrationShape extends NetworkShape {
  /** Memory of the encoded data set, bytes. */
  readonly dataBytes: number;
}

/** Throughput with a number of slots. */
export interface SlotRate {
  readonly slots: number;
  /** Work per millisecond, as {@link SlotThroughput} measures it. */
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
  const throughput = new SlotThroughput(device, shape);
  let end: number | undefined;
  const rates = await measureSlots(
    candidates,
    (slots, before) => {
      return throughput.measure(slots, launchMsOf(device.info), before, () => {
        // Making the first batch compiles the kernels, which is not part of the measuring.
        end ??= performance.now() + budgetMs;
      });
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
