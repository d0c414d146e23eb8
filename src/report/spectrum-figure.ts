/** A figure of a Lyapunov spectrum as SVG: the exponents with their errors, and how the first ones converged. */
import type { LyapunovSpectrum } from '../dynamics/index.ts';
import { type Axis, linearAxis } from './axis.ts';
import { escapeMarkup } from './escape-markup.ts';
import { colour, place, short } from './svg.ts';

const WIDTH = 880;
const HEIGHT = 420;
const TOP = 56;
const BOTTOM = 364;
const LEFT = { from: 72, to: 430 };
const RIGHT = { from: 512, to: 860 };
/** Exponents whose convergence is drawn, at the most. */
const MOST_CURVES = 7;

/** @param spectrum of a network: exponents per second */
export function spectrumFigure(title: string, spectrum: LyapunovSpectrum): string {
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" fill="#222">`,
    `<title>${escapeMarkup(title)}</title>`,
    '<rect width="100%" height="100%" fill="#fff"/>',
    `<text x="${LEFT.from}" y="24" font-size="15" font-weight="600">${escapeMarkup(title)}</text>`,
    ...exponents(spectrum),
    ...convergence(spectrum),
    '</svg>',
  ];
  return `${parts.join('\n')}\n`;
}

function exponents({ exponents: all, standardErrors }: LyapunovSpectrum): string[] {
  const finite = [...all].filter(Number.isFinite);
  const errors = [...standardErrors].map((error) => (Number.isFinite(error) ? error : 0));
  const value = valueAxis([...finite, ...finite.map((v, i) => v + (errors[i] as number))]);
  const index = linearAxis([0, all.length + 1], [LEFT.from, LEFT.to], 6);
  const radius = all.length > 60 ? 1.6 : 3;
  const points = [...all].flatMap((exponent, i) => {
    if (!Number.isFinite(exponent)) return [];
    const [x, error] = [place(index.at(i + 1)), errors[i] as number];
    return [
      `<path d="M${x} ${place(value.at(exponent - error))}V${place(value.at(exponent + error))}" stroke="#888"/>`,
      `<circle cx="${x}" cy="${place(value.at(exponent))}" r="${radius}" fill="${colour(0)}"/>`,
    ];
  });
  const lost = all.length - finite.length;
  const label = lost > 0 ? `exponent (${lost} lost directions not shown)` : 'exponent';
  return [...frame(LEFT, index, value, label, 'per second'), ...points];
}

function convergence({ exponents: all, history, blocks, duration }: LyapunovSpectrum): string[] {
  const k = all.length;
  const chosen = [...all.keys()].filter((i) => Number.isFinite(all[i])).slice(0, MOST_CURVES);
  const values = chosen.flatMap((i) =>
    Array.from({ length: blocks }, (_, b) => history[b * k + i] as number),
  );
  const value = valueAxis(values.filter(Number.isFinite));
  const time = linearAxis([0, duration], [RIGHT.from, RIGHT.to], 6);
  const curves = chosen.map((i, curve) => {
    let path = '';
    for (let block = 0; block < blocks; block++) {
      const at = history[block * k + i] as number;
      if (!Number.isFinite(at)) continue;
      path += `${path === '' ? 'M' : 'L'}${place(time.at(((block + 1) * duration) / blocks))} ${place(value.at(at))}`;
    }
    return `<path d="${path}" stroke="${colour(curve)}" fill="none" stroke-width="1.4"/>`;
  });
  return [...frame(RIGHT, time, value, 'averaged over (s)', `first ${chosen.length}, per second`), ...curves];
}

/** An axis that has 0 on it. */
function valueAxis(values: readonly number[]): Axis {
  const low = Math.min(0, ...values);
  const high = Math.max(0, ...values);
  const margin = 0.05 * Math.max(high - low, 1e-9);
  return linearAxis([low - margin, high + margin], [BOTTOM, TOP], 6);
}

function frame(
  { from, to }: { readonly from: number; readonly to: number },
  across: Axis,
  up: Axis,
  label: string,
  upLabel: string,
): string[] {
  const zero = place(up.at(0));
  return [
    `<rect x="${from}" y="${TOP}" width="${to - from}" height="${BOTTOM - TOP}" fill="none" stroke="#888"/>`,
    `<path d="M${from} ${zero}H${to}" stroke="#bbb" stroke-dasharray="4 3"/>`,
    ...across.ticks.map((tick) => {
      const x = place(across.at(tick));
      return `<path d="M${x} ${BOTTOM}v4" stroke="#888"/><text x="${x}" y="${BOTTOM + 18}" text-anchor="middle">${short(tick)}</text>`;
    }),
    ...up.ticks.map((tick) => {
      const y = place(up.at(tick));
      return `<path d="M${from - 4} ${y}h4" stroke="#888"/><text x="${from - 8}" y="${y}" dy="4" text-anchor="end">${short(tick)}</text>`;
    }),
    `<text x="${(from + to) / 2}" y="${BOTTOM + 40}" text-anchor="middle">${escapeMarkup(label)}</text>`,
    `<text transform="translate(${from - 52} ${(TOP + BOTTOM) / 2}) rotate(-90)" text-anchor="middle">${escapeMarkup(upLabel)}</text>`,
  ];
}
