/**
 * A roofline as SVG: what kernels compute in a second over their operations a byte, under the measured roofs. A point
 * below a slope waits for that memory, a point below the flat line for arithmetic. It needs nothing else.
 */
import { escapeMarkup } from './escape-markup.ts';

export interface RooflinePoint {
  readonly label: string;
  /** Operations a byte. */
  readonly intensity: number;
  readonly operationsPerSecond: number;
}

export interface RooflineRoof {
  readonly label: string;
  /** A slope: bytes per second. */
  readonly bytesPerSecond: number;
}

export interface Roofline {
  readonly title: string;
  readonly slopes: readonly RooflineRoof[];
  /** The flat roof, single operations per second. */
  readonly operationsPerSecond: number;
  readonly points: readonly RooflinePoint[];
}

const WIDTH = 880;
const HEIGHT = 560;
const PLOT = { left: 84, right: 30, top: 56, bottom: 60 };
/** Colours that people with any colour vision tell apart (Okabe and Ito 2008). */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000'];

/** A logarithmic axis over whole decades. */
function decades(values: readonly number[], from: number, to: number) {
  const logs = values.filter((value) => value > 0 && Number.isFinite(value)).map(Math.log10);
  const low = Math.floor(Math.min(...logs));
  const high = Math.max(low + 1, Math.ceil(Math.max(...logs)));
  const at = (value: number) => from + ((Math.log10(value) - low) / (high - low)) * (to - from);
  const ticks = Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index));
  return { at, ticks, low: 10 ** low, high: 10 ** high };
}

export function rooflineFigure({ title, slopes, operationsPerSecond, points }: Roofline): string {
  const x = decades([0.05, 16, ...points.map(({ intensity }) => intensity)], PLOT.left, WIDTH - PLOT.right);
  const rates = [
    operationsPerSecond,
    operationsPerSecond / 1000,
    ...points.map((point) => point.operationsPerSecond),
  ];
  const y = decades(rates, HEIGHT - PLOT.bottom, PLOT.top);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" fill="#222">`,
    `<title>${escapeMarkup(title)}</title>`,
    '<rect width="100%" height="100%" fill="#fff"/>',
    `<text x="${PLOT.left}" y="28" font-size="15" font-weight="600">${escapeMarkup(title)}</text>`,
    `<clipPath id="plot"><rect x="${PLOT.left}" y="${PLOT.top}" width="${WIDTH - PLOT.left - PLOT.right}" height="${HEIGHT - PLOT.top - PLOT.bottom}"/></clipPath>`,
  ];
  for (const tick of x.ticks) {
    const at = place(x.at(tick));
    parts.push(
      `<path d="M${at} ${PLOT.top}V${HEIGHT - PLOT.bottom}" stroke="#e4e4e4"/>`,
      `<text x="${at}" y="${HEIGHT - PLOT.bottom + 18}" text-anchor="middle">${short(tick)}</text>`,
    );
  }
  for (const tick of y.ticks) {
    const at = place(y.at(tick));
    parts.push(
      `<path d="M${PLOT.left} ${at}H${WIDTH - PLOT.right}" stroke="#e4e4e4"/>`,
      `<text x="${PLOT.left - 8}" y="${at}" dy="4" text-anchor="end">${short(tick / 1e9)}</text>`,
    );
  }
  for (const { label, bytesPerSecond } of slopes) {
    const ridge = operationsPerSecond / bytesPerSecond;
    const [x0, y0] = [place(x.at(x.low)), place(y.at(x.low * bytesPerSecond))];
    parts.push(
      `<path clip-path="url(#plot)" d="M${x0} ${y0}L${place(x.at(ridge))} ${place(y.at(operationsPerSecond))}" stroke="#555" fill="none"/>`,
      slopeLabel(label, x, y, { bytesPerSecond, operationsPerSecond }),
    );
  }
  const flat = place(y.at(operationsPerSecond));
  parts.push(
    `<path clip-path="url(#plot)" d="M${PLOT.left} ${flat}H${WIDTH - PLOT.right}" stroke="#555"/>`,
    `<text x="${WIDTH - PLOT.right - 4}" y="${flat - 6}" text-anchor="end" fill="#555">measured arithmetic, ${short(operationsPerSecond / 1e9)} Gop/s</text>`,
  );
  points.forEach(({ label, intensity, operationsPerSecond: rate }, index) => {
    const [cx, cy] = [place(x.at(intensity)), place(y.at(rate))];
    const colour = COLOURS[index % COLOURS.length];
    parts.push(
      `<circle cx="${cx}" cy="${cy}" r="5" fill="${colour}"/>`,
      `<text x="${cx + 9}" y="${cy + (index % 2 === 0 ? 4 : 15)}" fill="${colour}">${escapeMarkup(label)}</text>`,
    );
  });
  const middle = (PLOT.left + WIDTH - PLOT.right) / 2;
  parts.push(
    `<rect x="${PLOT.left}" y="${PLOT.top}" width="${WIDTH - PLOT.left - PLOT.right}" height="${HEIGHT - PLOT.top - PLOT.bottom}" fill="none" stroke="#888"/>`,
    `<text x="${middle}" y="${HEIGHT - 16}" text-anchor="middle">operations a byte</text>`,
    `<text transform="translate(20 ${(PLOT.top + HEIGHT - PLOT.bottom) / 2}) rotate(-90)" text-anchor="middle">Gop/s</text>`,
    '</svg>',
  );
  return `${parts.join('\n')}\n`;
}

type Decades = ReturnType<typeof decades>;

/** A roof's name along its slope, at the right of its foot. */
function slopeLabel(
  label: string,
  x: Decades,
  y: Decades,
  {
    bytesPerSecond,
    operationsPerSecond,
  }: { readonly bytesPerSecond: number; readonly operationsPerSecond: number },
): string {
  const start = Math.max(x.low, y.low / bytesPerSecond) * 1.3;
  const end = operationsPerSecond / bytesPerSecond;
  const rise =
    (Math.atan2(y.at(end * bytesPerSecond) - y.at(start * bytesPerSecond), x.at(end) - x.at(start)) * 180) /
    Math.PI;
  const at = `${place(x.at(start))} ${place(y.at(start * bytesPerSecond) - 5)}`;
  return `<text transform="translate(${at}) rotate(${place(rise)})" fill="#555">${escapeMarkup(label)}</text>`;
}

function place(value: number): number {
  return Math.round(value * 10) / 10;
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
