/** A data set of one's own in NumPy's files: bars, upright or lying, 10 x 10 pixels, in two classes. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { npyOf } from '../../src/network/exchange/weights-file.ts';

export const SIDE = 10;

/** Pixel by pixel, 0 to 255, of one bar. */
export function bar(sample: number): number[] {
  const at = 1 + (sample % (SIDE - 2));
  return Array.from({ length: SIDE * SIDE }, (_, pixel) => {
    const place = sample % 2 === 0 ? pixel % SIDE : Math.floor(pixel / SIDE);
    return Math.abs(place - at) <= 1 ? 255 : 0;
  });
}

/** Writes images.npz (fractions) and labels.npz into a folder. */
export function writeTwoDigits(folder: string, samples: number): void {
  const images = Float64Array.from({ length: samples }, (_, k) => k).reduce<number[]>((all, k) => {
    all.push(...bar(k).map((value) => (value === 255 ? 0.999 : 0)));
    return all;
  }, []);
  const x = npyOf(Float64Array.from(images), '<f8', [samples, SIDE, SIDE]);
  writeFileSync(join(folder, 'images.npz'), zipSync({ 'x.npy': x }));
  const labels = Int32Array.from({ length: samples }, (_, k) => k % 2);
  writeFileSync(join(folder, 'labels.npz'), zipSync({ 'y.npy': npyOf(labels, '<i4') }));
}
