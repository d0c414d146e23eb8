/** A small raster and the rate below it, in the characters of a terminal. */
import { rateOverTime, type Spikes } from '../network/spikes.ts';
import { type FigurePopulation, rasterRows } from './spike-figure.ts';

const COLUMNS = 72;
const LINES = 8;
/** A braille character has 2 x 4 dots; their bits by row and column. */
const DOTS = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const;
const BLANK_BRAILLE = 0x2800;
const BARS = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/** Lines of text: a dot for each of 32 neurons that spikes in one of 144 stretches of time, then the rate of all. */
export function terminalRaster(spikes: Spikes, populations: readonly FigurePopulation[]): string[] {
  const { rowOf, rows } = rasterRows(populations, 4 * LINES);
  const lines = Math.ceil(rows / 4);
  const cells = Array.from({ length: lines }, () => new Uint8Array(COLUMNS));
  const { neuron, step, firstStep, steps, dtMs } = spikes;
  for (let s = 0; s < neuron.length; s++) {
    const row = rowOf.get(neuron[s] as number);
    if (row === undefined) continue;
    const fromTop = rows - 1 - row;
    const column = Math.floor((((step[s] as number) - firstStep) / steps) * 2 * COLUMNS);
    const line = cells[fromTop >> 2] as Uint8Array;
    const bit = DOTS[fromTop & 3]?.[column & 1] ?? 0;
    line[column >> 1] = (line[column >> 1] as number) | bit;
  }
  const rates = rateOverTime(spikes, (steps * dtMs) / COLUMNS).subarray(0, COLUMNS);
  const highest = rates.reduce((a, b) => Math.max(a, b), 0);
  const bars = Array.from(rates, (rate) => {
    return BARS[highest > 0 ? Math.ceil((8 * rate) / highest) : 0];
  }).join('');
  const dots = cells.map((line) => {
    return Array.from(line, (bits) => String.fromCharCode(BLANK_BRAILLE + bits)).join('');
  });
  return [...dots, `${bars}  up to ${Number(highest.toPrecision(3))} Hz`];
}
