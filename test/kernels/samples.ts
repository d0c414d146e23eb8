/** Small made-up data for tests of the Diehl & Cook kernels. */
import type { EventLists } from '../../src/kernels/diehl-cook.ts';
import { philox4x32, unitReal } from '../../src/random/philox.ts';

/** [sample][step]: inputs that spike, ascending. */
export type SpikeTrains = readonly (readonly (readonly number[])[])[];

/** Inputs that spike independently with a rate of their own between 0 and `rate` a step. */
export function spikeTrains(samples: number, steps: number, inputs: number, rate: number): SpikeTrains {
  return Array.from({ length: samples }, (_, sample) =>
    Array.from({ length: steps }, (_, step) =>
      Array.from({ length: inputs }, (_, input) => input).filter((input) => {
        const [word] = philox4x32([input, step, sample, 99], [5, 6]);
        const [own] = philox4x32([input, sample % 3, 0, 98], [5, 6]);
        return unitReal(word) < rate * unitReal(own);
      }),
    ),
  );
}

/** The same as event lists. */
export function eventLists(trains: SpikeTrains, inputs: number): EventLists {
  const steps = trains[0]?.length ?? 0;
  const events = Uint16Array.from(trains.flat(2));
  const offsets: number[] = [];
  let index = 0;
  for (const sample of trains) {
    for (const spiking of sample) {
      offsets.push(index);
      index += spiking.length;
    }
    offsets.push(index);
  }
  return { samples: trains.length, steps, inputs, offsets: Uint32Array.from(offsets), events };
}

/** Hyperparameters with which small networks of 40 inputs spike and learn. */
export const LIVELY = {
  nu_pre: 2e-3,
  nu_post: 8e-3,
  strength_exc: 60,
  strength_inh: 30,
  norm: 20,
  e_thresh: -52,
  e_rest: -65,
  e_refrac: 3,
  theta_plus: 0.3,
  tc_theta_decay: 3e3,
  e_tc_decay: 60,
  i_thresh: -20,
  i_rest: -55,
  i_refrac: 2,
  i_tc_decay: 25,
} as const;
