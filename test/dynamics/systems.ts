/** Systems with published spectra. */
import type { FlowSystem, MapSystem } from '../../src/dynamics/index.ts';

type State = readonly [number, number, number];

/** Lorenz (1963): sigma 10, rho 28, beta 8/3. */
export const LORENZ: FlowSystem = {
  kind: 'flow',
  dimension: 3,
  dt: 0.005,
  derivative(state, into) {
    const [x, y, z] = state as unknown as State;
    into[0] = 10 * (y - x);
    into[1] = x * (28 - z) - y;
    into[2] = x * y - (8 / 3) * z;
  },
  jacobian(state, into) {
    const [x, y, z] = state as unknown as State;
    into.set([-10, 10, 0, 28 - z, -1, -x, y, x, -8 / 3]);
  },
};

/** Roessler (1976): a = b = 0.2, c = 5.7. */
export const ROESSLER: FlowSystem = {
  kind: 'flow',
  dimension: 3,
  dt: 0.01,
  derivative(state, into) {
    const [x, y, z] = state as unknown as State;
    into[0] = -y - z;
    into[1] = x + 0.2 * y;
    into[2] = 0.2 + z * (x - 5.7);
  },
  jacobian(state, into) {
    const [x, , z] = state as unknown as State;
    into.set([0, -1, -1, 1, 0.2, 0, z, 0, x - 5.7]);
  },
};

/** Henon (1976): a 1.4, b 0.3. */
export const HENON: MapSystem = {
  kind: 'map',
  dimension: 2,
  map(state, into) {
    const [x, y] = state as unknown as State;
    into[0] = 1 - 1.4 * x * x + y;
    into[1] = 0.3 * x;
  },
  jacobian(state, into) {
    into.set([-2.8 * (state[0] as number), 1, 0.3, 0]);
  },
};
