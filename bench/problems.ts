/**
 * Constrained test problems of the optimizer, minimised, feasible iff every constraint is at most 0.
 *
 * Definitions and optima: Eriksson and Poloczek (SCBO, AISTATS 2021) for Ackley-10, Keane-30 and the choice of the
 * engineering problems; Hedar and Fukushima (2006) for the welded beam; Coello and Mezura-Montes (2002) for the
 * spring and the pressure vessel, whose plates come in steps of 1/16 inch, in the objective and in the constraints;
 * Golinski (1973) and Lemonge et al. (2010) for the speed reducer; Mishra (2007) for Keane's bump. Published values
 * and code disagree on several of them, so `test/search/problems.test.ts` checks every optimum.
 */
import { RandomStream, SEARCH_STREAMS } from '../src/search/index.ts';
import { SearchSpace } from '../src/search/space.ts';

export interface Evaluation {
  /** Minimised. */
  readonly f: number;
  readonly constraints: readonly number[];
}

export interface Problem {
  readonly name: string;
  readonly title: string;
  readonly bounds: readonly (readonly [number, number])[];
  readonly constraints: number;
  /** The best feasible value known, and where. */
  readonly optimum: { readonly f: number; readonly x: readonly number[] };
  /** The noise of evaluation number `index` under `seed`; noiseless without a seed. */
  evaluate(x: readonly number[], noise?: { readonly seed: number; readonly index: number }): Evaluation;
}

export type ProblemName =
  | 'ackley10'
  | 'spring'
  | 'pressureVessel'
  | 'weldedBeam'
  | 'speedReducer'
  | 'keane30'
  | 'silence';

/** All parameters real and uniform, called x0, x1, ... */
export function spaceOf(problem: Problem): SearchSpace {
  return SearchSpace.from(
    Object.fromEntries(problem.bounds.map(([low, high], i) => [`x${i}`, { type: 'real', low, high }])),
  );
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const product = (values: readonly number[]) => values.reduce((total, value) => total * value, 1);
const clamp = (value: number) => Math.max(-100, Math.min(100, value));
const repeat = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);
/** Reads a coordinate; the bounds fix how many there are. */
const at = (x: readonly number[], i: number) => x[i] ?? Number.NaN;

const ackley10: Problem = {
  name: 'ackley10',
  title: 'Ackley, 10-D, 2 constraints',
  bounds: repeat(10, [-5, 10] as const),
  constraints: 2,
  optimum: { f: 0, x: repeat(10, 0) },
  evaluate(x) {
    const meanSquare = sum(x.map((v) => v * v)) / x.length;
    const meanCosine = sum(x.map((v) => Math.cos(2 * Math.PI * v))) / x.length;
    const f = -20 * Math.exp(-0.2 * Math.sqrt(meanSquare)) - Math.exp(meanCosine) + 20 + Math.E;
    return { f, constraints: [sum(x), Math.sqrt(sum(x.map((v) => v * v))) - 5] };
  },
};

const spring: Problem = {
  name: 'spring',
  title: 'Tension spring, 3-D, 4 constraints',
  bounds: [
    [0.05, 2],
    [0.25, 1.3],
    [2, 15],
  ],
  constraints: 4,
  optimum: { f: 0.0126652328, x: [0.051689061, 0.356717739, 11.28896578] },
  evaluate(x) {
    const d = at(x, 0);
    const D = at(x, 1);
    const n = at(x, 2);
    const shear = D * d ** 3 - d ** 4 || 1e-12;
    return {
      f: (n + 2) * D * d * d,
      // Near D = d the second one has a pole, which no simulator would report; all are cut alike.
      constraints: [
        1 - (D ** 3 * n) / (71785 * d ** 4),
        (4 * D * D - d * D) / (12566 * shear) + 1 / (5108 * d * d) - 1,
        1 - (140.45 * d) / (D * D * n),
        (D + d) / 1.5 - 1,
      ].map(clamp),
    };
  },
};

const pressureVessel: Problem = {
  name: 'pressureVessel',
  title: 'Pressure vessel, 4-D, 4 constraints',
  bounds: [
    [0, 10],
    [0, 10],
    [10, 50],
    [150, 200],
  ],
  constraints: 4,
  optimum: { f: 6059.714335, x: [0.8125, 0.4375, 42.0984455958, 176.636595842] },
  evaluate(x) {
    const shell = Math.floor(at(x, 0) / 0.0625 + 0.5) * 0.0625;
    const head = Math.floor(at(x, 1) / 0.0625 + 0.5) * 0.0625;
    const r = at(x, 2);
    const length = at(x, 3);
    return {
      f:
        0.6224 * shell * r * length +
        1.7781 * head * r * r +
        3.1661 * shell ** 2 * length +
        19.84 * shell ** 2 * r,
      constraints: [
        0.0193 * r - shell,
        0.00954 * r - head,
        1296000 - Math.PI * r * r * length - (4 / 3) * Math.PI * r ** 3,
        length - 240,
      ],
    };
  },
};

/** The published formula has this rounding of 1/√2. */
// biome-ignore lint/suspicious/noApproximativeNumericConstant: the exact one moves the optimum
const WELD = 0.707;

const weldedBeam: Problem = {
  name: 'weldedBeam',
  title: 'Welded beam, 4-D, 5 constraints',
  bounds: [
    [0.125, 10],
    [0.1, 10],
    [0.1, 10],
    [0.1, 10],
  ],
  constraints: 5,
  optimum: { f: 2.381134, x: [0.244369, 6.218607, 8.291472, 0.244369] },
  evaluate(x) {
    const h = at(x, 0);
    const l = at(x, 1);
    const t = at(x, 2);
    const b = at(x, 3);
    const arm = Math.sqrt(0.25 * (l * l + (h + t) ** 2));
    const primary = 6000 / (Math.SQRT2 * h * l);
    const secondary =
      (6000 * (14 + 0.5 * l) * arm) / (2 * WELD * h * l * ((l * l) / 12 + 0.25 * (h + t) ** 2));
    const shear = Math.sqrt(primary ** 2 + secondary ** 2 + (l * primary * secondary) / arm);
    return {
      f: 1.10471 * h * h * l + 0.04811 * t * b * (14 + l),
      constraints: [
        shear - 13600,
        504000 / (t * t * b) - 30000,
        h - b,
        6000 - 64746.022 * (1 - 0.0282346 * t) * t * b ** 3,
        2.1952 / (t ** 3 * b) - 0.25,
      ],
    };
  },
};

const speedReducer: Problem = {
  name: 'speedReducer',
  title: 'Speed reducer, 7-D, 11 constraints',
  bounds: [
    [2.6, 3.6],
    [0.7, 0.8],
    [17, 28],
    [7.3, 8.3],
    [7.8, 8.3],
    [2.9, 3.9],
    [5, 5.5],
  ],
  constraints: 11,
  optimum: { f: 2996.348165, x: [3.5, 0.7, 17, 7.3, 7.8, 3.350214666, 5.28668323] },
  evaluate(x) {
    const [x1, x2, x3, x4, x5, x6, x7] = [0, 1, 2, 3, 4, 5, 6].map((i) => at(x, i)) as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    return {
      f:
        0.7854 * x1 * x2 ** 2 * (3.3333 * x3 ** 2 + 14.9334 * x3 - 43.0934) -
        1.508 * x1 * (x6 ** 2 + x7 ** 2) +
        7.4777 * (x6 ** 3 + x7 ** 3) +
        0.7854 * (x4 * x6 ** 2 + x5 * x7 ** 2),
      constraints: [
        27 / (x1 * x2 ** 2 * x3) - 1,
        397.5 / (x1 * x2 ** 2 * x3 ** 2) - 1,
        (1.93 * x4 ** 3) / (x2 * x3 * x6 ** 4) - 1,
        (1.93 * x5 ** 3) / (x2 * x3 * x7 ** 4) - 1,
        Math.sqrt(((745 * x4) / (x2 * x3)) ** 2 + 16.9e6) / (0.1 * x6 ** 3) - 1100,
        Math.sqrt(((745 * x5) / (x2 * x3)) ** 2 + 157.5e6) / (0.1 * x7 ** 3) - 850,
        x2 * x3 - 40,
        5 - x1 / x2,
        x1 / x2 - 12,
        (1.5 * x6 + 1.9) / x4 - 1,
        (1.1 * x7 + 1.9) / x5 - 1,
      ],
    };
  },
};

/** By sequential quadratic programming from 60 starts; published values (-0.818056) are higher. */
const KEANE_30 = [
  6.264841, 3.150346, 3.128091, 3.10609, 3.084238, 3.062432, 3.040573, 3.01856, 2.996281, 2.973614, 2.950419,
  2.926522, 0.476668, 0.473093, 0.469645, 0.466315, 0.463096, 0.459978, 0.456955, 0.454023, 0.451174,
  0.448404, 0.445708, 0.443083, 0.440525, 0.43803, 0.435595, 0.433217, 0.430893, 0.428622,
];

const keane30: Problem = {
  name: 'keane30',
  title: "Keane's bump, 30-D, 2 constraints",
  bounds: repeat(30, [0, 10] as const),
  constraints: 2,
  optimum: { f: -0.8218844, x: KEANE_30 },
  evaluate(x) {
    const squares = x.map((v) => Math.cos(v) ** 2);
    const weighted = sum(x.map((v, i) => (i + 1) * v * v));
    const top = sum(squares.map((v) => v * v)) - 2 * product(squares);
    return {
      f: -Math.abs(top / Math.sqrt(Math.max(weighted, 1e-12))),
      constraints: [0.75 - product(x), sum(x) - 7.5 * x.length],
    };
  },
};

const SILENCE_CENTRE = [0.3, 0.7, 0.45, 0.6];
const SILENCE_RADIUS = 0.3;
const SILENCE_BEST = [0.42, 0.62, 0.5, 0.5, 0.25, 0.8, 0.5, 0.4];

/** Like a network that is silent outside a small part of the space: chance accuracy there, and a jump. */
const silence: Problem = {
  name: 'silence',
  title: 'Silence-like step, noisy, 8-D, 1 constraint',
  bounds: repeat(8, [0, 1] as const),
  constraints: 1,
  optimum: { f: -0.95, x: SILENCE_BEST },
  evaluate(x, noise) {
    const random =
      noise === undefined
        ? undefined
        : new RandomStream(noise.seed, SEARCH_STREAMS.initial, noise.index + 1_000_000);
    const normal = () => random?.normal() ?? 0;
    const alive = sum(SILENCE_CENTRE.map((c, i) => (at(x, i) - c) ** 2)) < SILENCE_RADIUS ** 2;
    const error = sum(SILENCE_BEST.map((best, i) => (at(x, i) - best) ** 2)) / x.length;
    const accuracy = alive ? 0.95 - 2 * error : 0.1;
    return { f: -(accuracy + 0.005 * normal()), constraints: [(alive ? -0.1 : 0.9) + 0.02 * normal()] };
  },
};

export const PROBLEMS: Readonly<Record<ProblemName, Problem>> = {
  ackley10,
  spring,
  pressureVessel,
  weldedBeam,
  speedReducer,
  keane30,
  silence,
};
