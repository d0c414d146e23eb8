/**
 * Lyapunov exponents of maps and flows that are given with their Jacobians, in single precision on a device: trajectories
 * and Jacobians in double precision on the host, the tangent vectors of all systems side by side on the device.
 */
import type { Device } from '../device/device.ts';
import type { TangentBatch } from '../kernels/tangent-batch.ts';
import { ensureInput } from './errors.ts';
import { follow, type Source, type Subject } from './follow.ts';
import type { LyapunovSpectrum } from './spectrum.ts';
import { checkSystem, Stepper, type System, type SystemOptions } from './systems.ts';
import { TangentProgram } from './tangent-program.ts';

/** A system and the state that it begins with. */
export interface StartedSystem {
  readonly system: System;
  readonly initial: ArrayLike<number>;
}

/**
 * The Lyapunov spectra of maps or flows of one dimension (from several states, with several parameters), in single
 * precision; {@link systemSpectrum} has them in double precision, one by one.
 *
 * @throws {DynamicsError} `bad-input` naming the option; `not-finite` when a trajectory leaves every bound
 * @throws {DeviceError} when the device can't hold them, or fails
 *
 * @example
 * const starts = [1, 2, 3].map((x) => ({ system: lorenz, initial: [x, 1, 20] }));
 * const spectra = await systemSpectra(device, starts, { steps: 20_000 });
 */
export async function systemSpectra(
  device: Device,
  systems: readonly StartedSystem[],
  options: Omit<SystemOptions, 'initial'>,
): Promise<LyapunovSpectrum[]> {
  const [first] = systems;
  if (first === undefined) return [];
  const { dimension } = first.system;
  const { steps, transientSteps = Math.ceil(steps / 10), interval, exponents, seed } = options;
  for (const [index, { system, initial }] of systems.entries()) {
    ensureInput(
      system.dimension === dimension,
      () =>
        `system ${index} has ${system.dimension} variables and the first ${dimension}: give systems of one dimension`,
    );
    checkSystem(system, { ...options, initial }, exponents ?? dimension);
  }
  using source = new SystemSource(systems);
  return await follow(device, source, {
    ...{ route: 'given', steps, transientSteps, intervalSteps: interval, seed, onProgress: undefined },
    exponents: exponents ?? dimension,
  });
}

/** The state on the host; what a step does to tangents goes to the device as operations on their components. */
class SystemSource implements Source {
  readonly subjects: readonly Subject[];
  readonly #programs: readonly TangentProgram[];
  readonly #steppers: readonly Stepper[];
  readonly #states: readonly Float64Array[];

  constructor(systems: readonly StartedSystem[]) {
    this.subjects = systems.map(({ system }) => {
      const { dimension } = system;
      return {
        // The product needs room beside what it is made of: as many variables again.
        operator: {
          neurons: 2 * dimension,
          channels: 0,
          bounds: new Uint32Array(2 * dimension + 1),
          sources: new Uint32Array(0),
          weights: new Float32Array(0),
          leaks: new Float32Array(2 * dimension),
        },
        neuronOf: Uint32Array.from({ length: dimension }, (_, i) => i),
        neurons: dimension,
        stepTime: system.kind === 'flow' ? system.dt : 1,
      };
    });
    this.#programs = systems.map(({ system }) => new TangentProgram(2 * system.dimension, 0));
    this.#steppers = systems.map(({ system }) => new Stepper(system, system.dimension));
    this.#states = systems.map(({ initial }) => Float64Array.from(initial));
  }

  async skip(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) this.#advance(() => {});
  }

  async carry(batch: TangentBatch, steps: number): Promise<void> {
    for (const program of this.#programs) program.clear();
    for (let step = 0; step < steps; step++) {
      this.#advance((jacobian, slot) => multiply(this.#programs[slot] as TangentProgram, jacobian));
    }
    batch.apply(this.#programs);
  }

  /** One step of all, each with the derivative of its state by the state before. */
  #advance(use: (jacobian: Float64Array, slot: number) => void): void {
    this.#steppers.forEach((stepper, slot) => {
      const state = this.#states[slot] as Float64Array;
      const jacobian = identity(state.length);
      stepper.advance(state, jacobian);
      use(jacobian, slot);
    });
  }

  [Symbol.dispose](): void {}
}

/** Adds x' = J x, by way of the second half of the variables, which is 0 before and after. */
function multiply(program: TangentProgram, jacobian: Float64Array): void {
  const n = program.neurons / 2;
  for (let row = 0; row < n; row++) {
    for (let column = 0; column < n; column++) {
      const factor = jacobian[row * n + column] as number;
      // The first also clears what random initial vectors have there.
      if (column === 0 || factor !== 0) program.add(n + row, column, column === 0 ? 0 : 1, factor);
    }
  }
  for (let row = 0; row < n; row++) {
    program.add(row, n + row, 0, 1);
    program.add(n + row, row, 0, 0);
  }
}

function identity(n: number): Float64Array {
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++) matrix[i * n + i] = 1;
  return matrix;
}
