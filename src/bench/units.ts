/** Quantities of benchmarks as people read them: three digits and a unit. */

/** 3.21 GB/s; decimal units, as bandwidths are stated. */
export function formatRate(perSecond: number, unit: string): string {
  if (!Number.isFinite(perSecond)) return '–';
  const prefixes = ['', 'k', 'M', 'G', 'T', 'P'];
  const power = perSecond > 0 ? Math.max(0, Math.min(5, Math.floor(Math.log10(perSecond) / 3))) : 0;
  return `${three(perSecond / 1000 ** power)} ${prefixes[power]}${unit}`;
}

/** Milliseconds in the unit that suits them. */
export function formatMs(ms: number): string {
  if (!Number.isFinite(ms)) return '–';
  if (ms < 0) return `-${formatMs(-ms)}`;
  if (ms >= 1000) return `${three(ms / 1000)} s`;
  if (ms >= 1 || ms === 0) return `${three(ms)} ms`;
  return ms >= 1e-3 ? `${three(ms * 1e3)} µs` : `${three(ms * 1e6)} ns`;
}

/** A share of a roof: 43 %, below ten with a decimal. */
export function formatPercent(share: number | undefined): string {
  if (share === undefined || !Number.isFinite(share)) return '–';
  return share < 0.0995 ? `${(100 * share).toFixed(1)} %` : `${Math.round(100 * share)} %`;
}

export function three(value: number): string {
  return String(Number(value.toPrecision(3)));
}
