/** What the models learn instead of the raw outputs (Eriksson and Poloczek, SCBO, AISTATS 2021, section 3). */

/** Zero mean and unit variance; a constant becomes zeros. */
export function standardize(y: readonly number[]): Float64Array {
  const n = y.length;
  const mean = y.reduce((sum, v) => sum + v / n, 0);
  const variance = y.reduce((sum, v) => sum + (v - mean) ** 2 / n, 0);
  const scale = variance > 0 ? 1 / Math.sqrt(variance) : 0;
  return Float64Array.from(y, (v) => (v - mean) * scale);
}

/**
 * The Gaussian copula: each value becomes the normal score of its rank, Φ⁻¹((rank + ½) / n); ties share the mean of
 * their ranks. It spreads the best values apart, whatever the tails of the rest.
 */
export function copula(y: readonly number[]): Float64Array {
  const n = y.length;
  const order = Array.from(y.keys()).sort((a, b) => (y[a] as number) - (y[b] as number) || a - b);
  const out = new Float64Array(n);
  for (let start = 0; start < n; ) {
    let end = start + 1;
    while (end < n && y[order[end] as number] === y[order[start] as number]) end++;
    const score = normalQuantile((start + end) / 2 / n);
    for (let i = start; i < end; i++) out[order[i] as number] = score;
    start = end;
  }
  return out;
}

/**
 * bilog(c) = sign(c) log(1 + |c|), which keeps the sign, and so feasibility, and flattens the extremes, of the
 * constraint in units of its typical size: the boundary then stays as sharp as the data show it, whatever the unit in
 * which the constraint happens to be measured, and only extremes are flattened much.
 */
export function bilog(c: readonly number[]): Float64Array {
  const unit = typicalSize(c);
  return Float64Array.from(c, (v) => Math.sign(v) * Math.log1p(Math.abs(v) / unit));
}

/** The constraint divided by its typical size, which keeps the sign. */
export function scaleBySize(c: readonly number[]): Float64Array {
  const unit = typicalSize(c);
  return Float64Array.from(c, (v) => v / unit);
}

/** The 90th percentile of |c| over its nonzero values; 1 where there are none. */
function typicalSize(c: readonly number[]): number {
  // A typed array sorts by value, ten times as fast as with a comparison in JavaScript.
  const sizes = Float64Array.from(c, Math.abs)
    .filter((v) => v > 0)
    .sort();
  return sizes[Math.floor(0.9 * sizes.length)] ?? 1;
}

/** Φ⁻¹: Wichura's algorithm AS 241 (1988), relative error about 1e-16. */
export function normalQuantile(p: number): number {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return (q * horner(r, CENTRE_TOP)) / horner(r, CENTRE_BOTTOM);
  }
  const tail = Math.sqrt(-Math.log(q < 0 ? p : 1 - p));
  const value =
    tail <= 5
      ? horner(tail - 1.6, MIDDLE_TOP) / horner(tail - 1.6, MIDDLE_BOTTOM)
      : horner(tail - 5, FAR_TOP) / horner(tail - 5, FAR_BOTTOM);
  return q < 0 ? -value : value;
}

/** Coefficients from the highest power to the constant. */
function horner(x: number, coefficients: readonly number[]): number {
  return coefficients.reduce((sum, c) => sum * x + c, 0);
}

const CENTRE_TOP = [
  2509.0809287301227, 33430.57558358813, 67265.7709270087, 45921.95393154987, 13731.69376550946,
  1971.5909503065513, 133.14166789178438, 3.3871328727963665,
];
const CENTRE_BOTTOM = [
  5226.495278852854, 28729.085735721943, 39307.89580009271, 21213.794301586597, 5394.196021424751,
  687.1870074920579, 42.31333070160091, 1,
];
const MIDDLE_TOP = [
  0.0007745450142783414, 0.022723844989269184, 0.2417807251774506, 1.2704582524523684, 3.6478483247632045,
  5.769497221460691, 4.630337846156546, 1.4234371107496835,
];
const MIDDLE_BOTTOM = [
  1.0507500716444169e-9, 0.0005475938084995345, 0.015198666563616457, 0.14810397642748008, 0.6897673349851,
  1.6763848301838038, 2.053191626637759, 1,
];
const FAR_TOP = [
  2.0103343992922881e-7, 2.7115555687434876e-5, 0.0012426609473880784, 0.026532189526576124,
  0.29656057182850487, 1.7848265399172913, 5.463784911164114, 6.657904643501103,
];
const FAR_BOTTOM = [
  2.0442631033899397e-15, 1.421511758316446e-7, 1.8463183175100548e-5, 0.0007868691311456133,
  0.014875361290850615, 0.1369298809227358, 0.599832206555888, 1,
];
