/** A figure of spikes as SVG: a raster of some neurons above the rates of the populations. It needs nothing else. */
import { rateOverTime, type Spikes, selectSpikes, spikeStatistics } from '../network/spikes.ts';
import { type Axis, linearAxis, roundStep } from './axis.ts';
import { escapeMarkup } from './escape-markup.ts';
import { colour, place, short } from './svg.ts';

/** A population in a figure: neurons first .. first + count - 1. */
export interface FigurePopulation {
  readonly name: string;
  readonly first: number;
  readonly count: number;
}

export interface SpikeFigure {
  readonly title: string;
  readonly spikes: Spikes;
  readonly populations: readonly FigurePopulation[];
}

const WIDTH = 880;
const LEFT = 64;
const RIGHT = 24;
const RASTER = { top: 64, height: 330 };
const RATE = { top: 428, height: 120 };
const HEIGHT = 604;
/** Neurons and spikes in the raster, at the most: about what the eye tells apart, and some 300 KB. */
const MOST_NEURONS = 300;
const MOST_SPIKES = 25_000;
const FEWEST_NEURONS = 20;
/** Bins of the rate across the figure, about. */
const RATE_BINS = 250;

/** Neurons that stand in a raster, and the row of each: evenly chosen, each population by its share. */
export interface RasterRows {
  /** Row of each neuron that is shown, by its number; the first population's first neuron in row 0. */
  readonly rowOf: ReadonlyMap<number, number>;
  readonly rows: number;
}

/** Chooses at most `most` neurons, of each population at least one. */
export function rasterRows(populations: readonly FigurePopulation[], most: number): RasterRows {
  const total = populations.reduce((sum, { count }) => sum + count, 0);
  const share = Math.min(1, most / Math.max(1, total));
  const rowOf = new Map<number, number>();
  for (const { first, count } of populations) {
    const shown = Math.min(count, Math.max(1, Math.round(count * share)));
    for (let k = 0; k < shown; k++) rowOf.set(first + Math.floor(((k + 0.5) * count) / shown), rowOf.size);
  }
  return { rowOf, rows: rowOf.size };
}

export function spikeFigure({ title, spikes, populations }: SpikeFigure): string {
  const from = spikes.firstStep * spikes.dtMs;
  const to = from + spikes.steps * spikes.dtMs;
  const time = linearAxis([from, to], [LEFT, WIDTH - RIGHT], 10);
  const perNeuron = spikes.neuron.length / Math.max(1, spikes.neurons);
  const fitting = Math.floor(MOST_SPIKES / Math.max(perNeuron, 1e-9));
  const rows = rasterRows(populations, Math.max(FEWEST_NEURONS, Math.min(MOST_NEURONS, fitting)));
  const neurons = populations.reduce((sum, { count }) => sum + count, 0);
  const shown = rows.rows < neurons ? `${rows.rows} of ${neurons.toLocaleString('en-US')} neurons` : 'neuron';
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" fill="#222">`,
    `<title>${escapeMarkup(title)}</title>`,
    '<rect width="100%" height="100%" fill="#fff"/>',
    `<text x="${LEFT}" y="24" font-size="15" font-weight="600">${escapeMarkup(title)}</text>`,
    legend(spikes, populations),
    frame(RASTER),
    sideLabel(shown, RASTER),
    ...raster(spikes, populations, rows, time),
    ...rates(spikes, populations, time),
    ...timeAxis(time),
    '</svg>',
  ];
  return `${parts.join('\n')}\n`;
}

function legend(spikes: Spikes, populations: readonly FigurePopulation[]): string {
  const entries = populations.map((population, p) => {
    const { rateHz, cvOfIntervals } = spikeStatistics(selectSpikes(spikes, population));
    const figures = [
      ...(rateHz === undefined ? [] : [`${short(rateHz)} Hz`]),
      ...(cvOfIntervals === undefined ? [] : [`CV ${cvOfIntervals.toFixed(2)}`]),
    ];
    return `<tspan fill="${colour(p)}" font-weight="600">${escapeMarkup(population.name)}</tspan><tspan fill="#555">  ${figures.join(', ')}    </tspan>`;
  });
  return `<text x="${LEFT}" y="48" xml:space="preserve">${entries.join('')}</text>`;
}

function raster(
  { neuron, step, dtMs }: Spikes,
  populations: readonly FigurePopulation[],
  { rowOf, rows }: RasterRows,
  time: Axis,
): string[] {
  const pitch = RASTER.height / Math.max(1, rows);
  const tick = Math.max(1.6, Math.min(4, pitch * 0.8));
  const paths = populations.map(() => '');
  for (let s = 0; s < neuron.length; s++) {
    const number = neuron[s] as number;
    const row = rowOf.get(number);
    if (row === undefined) continue;
    const p = populations.findIndex(({ first, count }) => number >= first && number < first + count);
    const x = time.at((step[s] as number) * dtMs);
    const y = RASTER.top + RASTER.height - (row + 0.5) * pitch - tick / 2;
    paths[p] += `M${place(x)} ${place(y)}v${place(tick)}`;
  }
  return paths.flatMap((path, p) =>
    path === '' ? [] : [`<path d="${path}" stroke="${colour(p)}" stroke-width="1.3" fill="none"/>`],
  );
}

function rates(spikes: Spikes, populations: readonly FigurePopulation[], time: Axis): string[] {
  const { dtMs, steps, firstStep } = spikes;
  const binMs = Math.max(dtMs, roundStep(Math.max(dtMs, (steps * dtMs) / RATE_BINS)));
  const curves = populations.map((population) => rateOverTime(selectSpikes(spikes, population), binMs));
  const highest = curves.reduce((most, curve) => curve.reduce((a, b) => Math.max(a, b), most), 0);
  const axis = linearAxis([0, highest > 0 ? highest : 1], [RATE.top + RATE.height, RATE.top + 4], 4);
  const from = firstStep * dtMs;
  const end = from + steps * dtMs;
  const lines = curves.map((curve, p) => {
    let path = '';
    curve.forEach((rate, bin) => {
      const x = place(time.at(from + bin * binMs));
      path += `${bin === 0 ? 'M' : 'H'}${x}${bin === 0 ? ' ' : 'V'}${place(axis.at(rate))}`;
    });
    return `<path d="${path}H${place(time.at(end))}" stroke="${colour(p)}" fill="none"/>`;
  });
  const ticks = axis.ticks.map((value) => {
    const y = place(axis.at(value));
    return `<path d="M${LEFT - 4} ${y}h4" stroke="#888"/><text x="${LEFT - 8}" y="${y}" dy="4" text-anchor="end">${value}</text>`;
  });
  return [...lines, frame(RATE), ...ticks, sideLabel(`rate (Hz, ${short(binMs)} ms)`, RATE)];
}

function timeAxis(time: Axis): string[] {
  const bottom = RATE.top + RATE.height;
  const ticks = time.ticks.map((value) => {
    const x = place(time.at(value));
    return `<path d="M${x} ${bottom}v4" stroke="#888"/><text x="${x}" y="${bottom + 18}" text-anchor="middle">${value}</text>`;
  });
  const middle = (LEFT + WIDTH - RIGHT) / 2;
  return [...ticks, `<text x="${middle}" y="${bottom + 40}" text-anchor="middle">time (ms)</text>`];
}

function frame({ top, height }: { readonly top: number; readonly height: number }): string {
  return `<rect x="${LEFT}" y="${top}" width="${WIDTH - LEFT - RIGHT}" height="${height}" fill="none" stroke="#888"/>`;
}

function sideLabel(text: string, { top, height }: { readonly top: number; readonly height: number }): string {
  return `<text transform="translate(18 ${top + height / 2}) rotate(-90)" text-anchor="middle">${escapeMarkup(text)}</text>`;
}
