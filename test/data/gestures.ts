/** Files in the forms of DVS128 Gesture, with made-up gestures: bars that cross the field in four directions. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Draws } from '../../src/random/draws.ts';

export interface CameraEvent {
  readonly x: number;
  readonly y: number;
  readonly polarity: number;
  /** us */
  readonly time: number;
  readonly valid?: boolean;
}

/** A packet of AEDAT 3.1. */
export function aedatPacket(
  type: number,
  events: readonly CameraEvent[],
  { overflow = 0, capacity = events.length } = {},
): Uint8Array {
  const view = new DataView(new ArrayBuffer(28 + 8 * capacity));
  view.setInt16(0, type, true);
  for (const [at, value] of [
    [4, 8],
    [8, 4],
    [12, overflow],
    [16, capacity],
    [20, events.length],
    [24, events.length],
  ] as const) {
    view.setInt32(at, value, true);
  }
  for (const [i, { x, y, polarity, time, valid = true }] of events.entries()) {
    view.setUint32(28 + 8 * i, ((x << 17) | (y << 2) | (polarity << 1) | Number(valid)) >>> 0, true);
    view.setInt32(32 + 8 * i, time, true);
  }
  return new Uint8Array(view.buffer);
}

export const AEDAT_HEADER = Buffer.from(
  '#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n',
);

export function aedatFile(...packets: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat([AEDAT_HEADER, ...packets]));
}

const SIDE = 128;
/** Of a gesture and of the pause after it, us. */
const LENGTH = 200_000;
const DIRECTIONS = 4;

/** A bar that crosses the field to the right, the left, down or up, brighter in front, darker behind, and some noise. */
function bar(direction: number, from: number, draws: Draws): CameraEvent[] {
  const events: CameraEvent[] = [];
  const start = 40 * draws.unit();
  for (let time = 0; time < LENGTH; time += 2000) {
    const front = Math.floor(start + (time / LENGTH) * 100) % SIDE;
    const put = (at: number, polarity: number): void => {
      const along = Math.floor(draws.unit() * (SIDE - 1));
      // Two neighbours, 1 ms apart.
      for (const [step, place] of [along, along + 1].entries()) {
        const across = direction % 2 === 0 ? at : SIDE - 1 - at;
        const [x, y] = direction < 2 ? [across, place] : [place, across];
        events.push({ x, y, polarity, time: from + time + 1000 * step });
      }
    };
    for (let k = 0; k < 3; k++) {
      put(front, 1);
      put((front + SIDE - 16) % SIDE, 0);
    }
    const [x, y] = [Math.floor(draws.unit() * SIDE), Math.floor(draws.unit() * SIDE)];
    events.push({ x, y, polarity: 1, time: from + time });
  }
  return events.sort((a, b) => a.time - b.time);
}

/** Writes a data set: `train` and `test` recordings, each with so many gestures of every direction. */
export function writeGestures(
  folder: string,
  { train, test, repeats }: { readonly train: number; readonly test: number; readonly repeats: number },
): void {
  mkdirSync(folder, { recursive: true });
  const draws = new Draws([1, 2], 98);
  const write = (name: string): string => {
    const events: CameraEvent[] = [];
    const lines = ['class,startTime_usec,endTime_usec'];
    for (let gesture = 0; gesture < DIRECTIONS * repeats; gesture++) {
      const from = 1000 + 2 * LENGTH * gesture;
      events.push(...bar(gesture % DIRECTIONS, from, draws));
      lines.push(`${1 + (gesture % DIRECTIONS)},${from},${from + LENGTH}`);
    }
    writeFileSync(join(folder, `${name}.aedat`), aedatFile(aedatPacket(1, events)));
    writeFileSync(join(folder, `${name}_labels.csv`), `${lines.join('\n')}\n`);
    return `${name}.aedat\n`;
  };
  const part = (count: number, first: number) =>
    Array.from({ length: count }, (_, user) =>
      write(`user${String(first + user).padStart(2, '0')}_lab`),
    ).join('');
  writeFileSync(join(folder, 'trials_to_train.txt'), part(train, 1));
  writeFileSync(join(folder, 'trials_to_test.txt'), part(test, train + 1));
}
