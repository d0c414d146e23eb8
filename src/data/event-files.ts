/** Files of event cameras: N-MNIST's samples, and AEDAT 3.1 as DVS Gesture has it. */
import { DataError } from './errors.ts';

/** Events by time. */
export interface CameraEvents {
  readonly x: Uint16Array;
  readonly y: Uint16Array;
  /** 1 where it became brighter. */
  readonly polarity: Uint8Array;
  readonly timesUs: Float64Array;
}

/** Collects events one after another: a recording of DVS Gesture has millions. */
export class EventWriter {
  readonly #x: Uint16Array;
  readonly #y: Uint16Array;
  readonly #polarity: Uint8Array;
  readonly #timesUs: Float64Array;
  #count = 0;

  /** @param most events at the most */
  constructor(most: number) {
    this.#x = new Uint16Array(most);
    this.#y = new Uint16Array(most);
    this.#polarity = new Uint8Array(most);
    this.#timesUs = new Float64Array(most);
  }

  add(x: number, y: number, polarity: number, timeUs: number): void {
    const at = this.#count++;
    this.#x[at] = x;
    this.#y[at] = y;
    this.#polarity[at] = polarity;
    this.#timesUs[at] = timeUs;
  }

  done(): CameraEvents {
    const count = this.#count;
    return {
      x: this.#x.slice(0, count),
      y: this.#y.slice(0, count),
      polarity: this.#polarity.slice(0, count),
      timesUs: this.#timesUs.slice(0, count),
    };
  }
}

/** The events from a time on and before another. */
export function eventsBetween(events: CameraEvents, startUs: number, endUs: number): CameraEvents {
  const chosen = events.timesUs.map((time) => Number(time >= startUs && time < endUs));
  const writer = new EventWriter(chosen.reduce((sum, one) => sum + one, 0));
  chosen.forEach((one, event) => {
    if (one === 1) copyEvent(events, event, writer);
  });
  return writer.done();
}

/** Adds one of the events to others. */
export function copyEvent({ x, y, polarity, timesUs }: CameraEvents, event: number, into: EventWriter): void {
  into.add(x[event] as number, y[event] as number, polarity[event] as number, timesUs[event] as number);
}

const NMNIST_EVENT = 5;
/** This row marks an overflow of the clock, by 2^13 us. */
const NMNIST_OVERFLOW_ROW = 240;

/**
 * Reads a sample of N-MNIST (Orchard and others 2015): 5 bytes an event, x, y, then polarity in the highest of 24 bits
 * and the time in us in the others, big-endian.
 *
 * @throws {DataError} `malformed` when its length is no multiple of 5
 */
export function readNMnist(bytes: Uint8Array, name: string): CameraEvents {
  if (bytes.length % NMNIST_EVENT !== 0) {
    throw new DataError(
      'malformed',
      `${name} has ${bytes.length} bytes, no multiple of 5: it is no sample of N-MNIST`,
    );
  }
  const events = new EventWriter(bytes.length / NMNIST_EVENT);
  let overflowUs = 0;
  for (let at = 0; at < bytes.length; at += NMNIST_EVENT) {
    const [x, y, high, middle, low] = bytes.subarray(at, at + NMNIST_EVENT) as unknown as [
      number,
      number,
      number,
      number,
      number,
    ];
    if (y === NMNIST_OVERFLOW_ROW) {
      overflowUs += 2 ** 13;
      continue;
    }
    events.add(x, y, high >> 7, ((high & 0x7f) << 16) + (middle << 8) + low + overflowUs);
  }
  return events.done();
}

const POLARITY = 1;
const PACKET_HEADER = 28;
/** Bytes of a polarity event, at the least. */
const AEDAT_EVENT = 8;

/**
 * Reads the polarity events of an AEDAT 3.1 file (inivation's format; DVS Gesture, Amir and others 2017). Packets of
 * other kinds and events that are marked invalid are left out.
 *
 * @throws {DataError} `malformed` when it is of another form, or cut short
 */
export function readAedat(bytes: Uint8Array, name: string): CameraEvents {
  const malformed = (why: string) => new DataError('malformed', `${name}: ${why}; give a file of AEDAT 3.1`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  for (let line = 0; ; line++) {
    const end = bytes.indexOf(0x0a, at);
    // A packet may begin with the byte of "#", so the header ends with its last line, not with another first byte.
    const text = end < 0 ? '' : new TextDecoder().decode(bytes.subarray(at, end)).trim();
    if (!text.startsWith('#')) throw malformed('its header has no end');
    if (line === 0 && text !== '#!AER-DAT3.1') throw malformed(`it begins with "${text.slice(0, 20)}"`);
    at = end + 1;
    if (text === '#!END-HEADER') break;
  }
  const events = new EventWriter(Math.floor(bytes.length / AEDAT_EVENT));
  while (at < bytes.length) {
    if (at + PACKET_HEADER > bytes.length) throw malformed('its last packet is cut short');
    const type = view.getInt16(at, true);
    const size = view.getInt32(at + 4, true);
    const timeOffset = view.getInt32(at + 8, true);
    const overflow = view.getInt32(at + 12, true);
    const capacity = view.getInt32(at + 16, true);
    const count = view.getInt32(at + 20, true);
    const from = at + PACKET_HEADER;
    at = from + size * capacity;
    if (size < 1 || capacity < 0 || at > bytes.length) throw malformed('a packet is cut short');
    if (type !== POLARITY) continue;
    if (size < AEDAT_EVENT || count > capacity)
      throw malformed('a packet of polarity events has another size of events');
    for (let event = 0; event < count; event++) {
      const data = view.getUint32(from + size * event, true);
      if ((data & 1) === 0) continue;
      // 31 bits of time in the event, the others in the packet: more than 32, so by products.
      const timeUs = overflow * 2 ** 31 + view.getInt32(from + size * event + timeOffset, true);
      events.add(data >>> 17, (data >>> 2) & 0x7fff, (data >>> 1) & 1, timeUs);
    }
  }
  return events.done();
}

/** A gesture in a recording. */
export interface Gesture {
  /** From 0. */
  readonly label: number;
  readonly startUs: number;
  readonly endUs: number;
}

/**
 * Reads the labels of a recording of DVS Gesture: `class,startTime_usec,endTime_usec`, classes from 1.
 *
 * @throws {DataError} `malformed`, naming the line
 */
export function readGestures(text: string, name: string): Gesture[] {
  const [head, ...lines] = text.trim().split(/\r?\n/);
  if (head !== 'class,startTime_usec,endTime_usec') {
    throw new DataError(
      'malformed',
      `${name} begins with "${head}", not with class,startTime_usec,endTime_usec`,
    );
  }
  return lines.map((line, index) => {
    const [label = 0, startUs = 0, endUs = 0, ...more] = line.split(',').map(Number);
    if (!(label >= 1 && label <= 11 && endUs >= startUs) || more.length > 0) {
      throw new DataError(
        'malformed',
        `${name} line ${index + 2}: "${line}" is no class 1 to 11 with two times`,
      );
    }
    return { label: label - 1, startUs, endUs };
  });
}

export interface Frames {
  /** Rows and columns of the camera. */
  readonly side: number;
  /** Pixels of the camera in one of the sample, along each side. */
  readonly pool?: number;
  readonly steps: number;
  /** Absent: all from the first event to the last is cut into `steps` steps of the same length, in whole microseconds. */
  readonly stepMs?: number;
  /** Where the sample begins; events before it and after its steps are left out. */
  readonly startUs?: number;
  readonly endUs?: number;
}

/** Events as the inputs that spike at each step: input (y width + x) 2 + polarity. */
export function eventsByStep(events: CameraEvents, frames: Frames): number[][] {
  const { side, pool = 1, steps, endUs = Number.POSITIVE_INFINITY } = frames;
  const { startUs, stepUs } = clockOf(events, frames);
  const width = Math.ceil(side / pool);
  const found = Array.from({ length: steps }, (): number[] => []);
  for (const [event, time] of events.timesUs.entries()) {
    const [x, y] = [events.x[event] as number, events.y[event] as number];
    if (!(time >= startUs && time < endUs && x < side && y < side)) continue;
    const pixel = Math.floor(y / pool) * width + Math.floor(x / pool);
    found[Math.floor((time - startUs) / stepUs)]?.push(2 * pixel + (events.polarity[event] as number));
  }
  return found;
}

/** When the first step begins, and how long each is. */
function clockOf(
  { timesUs }: CameraEvents,
  { steps, stepMs, startUs = 0 }: Frames,
): { readonly startUs: number; readonly stepUs: number } {
  if (stepMs !== undefined) return { startUs, stepUs: 1000 * stepMs };
  const first = timesUs.reduce((least, time) => Math.min(least, time), Number.POSITIVE_INFINITY);
  const last = timesUs.reduce((most, time) => Math.max(most, time), Number.NEGATIVE_INFINITY);
  return { startUs: first, stepUs: Math.max(1, Math.floor((last - first) / steps)) };
}
