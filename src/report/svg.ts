/** What figures that are written as SVG have in common. */

/** Colours that people with any colour vision tell apart (Okabe and Ito 2008). */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000'];

/** The colour of the n-th curve or population. */
export function colour(n: number): string {
  return COLOURS[n % COLOURS.length] as string;
}

/** A place in a drawing: a tenth of a pixel. */
export function place(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** Three digits. */
export function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
