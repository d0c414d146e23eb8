/**
 * What the kernels of tangent vectors have to move and to compute, by the formulas at the heads of `shaders/tangent_*.wgsl`;
 * see `costs.ts`. A multiply-add counts as one operation.
 */
import type { KernelCost } from './costs.ts';

/** Tangent vectors of one network. */
export interface TangentWork {
  /** Variables of its state. */
  readonly rows: number;
  readonly synapses: number;
  readonly vectors: number;
}

/** Vectors that a workgroup takes through the steps side by side. */
const TILE = 64;

/** A step: a multiply-add and 4 B of a vector for each synapse and vector, and 8 B of the synapse for each tile. */
export function tangentStepCost({ rows, synapses, vectors }: TangentWork, steps: number): KernelCost {
  const tile = Math.min(vectors, TILE);
  const perStep = synapses * vectors;
  return {
    operations: (perStep + 3 * rows * vectors) * steps,
    traffic: [
      { bytes: 4 * (perStep + 2 * rows * vectors) * steps, within: 4 * rows * tile },
      { bytes: 8 * synapses * Math.ceil(vectors / TILE) * steps, within: 8 * synapses },
    ],
    scattered: [],
  };
}

/** Vectors of a panel of an orthonormalization. */
const PANEL = 16;

/** One pass: rows k^2 multiply-adds; the vectors before a panel are read twice for it, and it twice and written. */
export function tangentOrthonormalizeCost({ rows, vectors }: TangentWork): KernelCost {
  const before = (vectors * Math.max(0, vectors - PANEL)) / (2 * PANEL);
  return {
    operations: rows * vectors ** 2,
    traffic: [{ bytes: 4 * rows * (2 * before + 3 * vectors), within: 4 * rows * vectors }],
    scattered: [],
  };
}

/** An operation of a vector reads a row of the source, and reads and writes the target's, of v and each channel. */
export function tangentEventsCost(work: TangentWork, channels: number, operations: number): KernelCost {
  const count = operations * work.vectors;
  return {
    operations: (2 + 2 * channels) * count,
    // Of four vectors, which an invocation carries through all operations.
    traffic: [{ bytes: 4 * (3 + 2 * channels) * count, within: 16 * work.rows }],
    scattered: [],
  };
}
