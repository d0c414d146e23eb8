/** The sizes of layers that are trained by surrogate gradients, and the memory that they take. */

/** Room for a layer: the largest of all slots. */
export interface LayerRoom {
  readonly inputs: number;
  /** Neurons, rounded up to a multiple of 16; of 32 for a dense layer. */
  readonly width: number;
  readonly columns: number;
  readonly rows: number;
  readonly projection: 'dense' | 'conv' | 'pool';
  readonly recurrent: boolean;
  /** Keep currents and adaptations along with membrane potentials, for gradients that need them. */
  readonly keepCurrents: boolean;
  readonly keepAdaptations: boolean;
  /** Whether some of its output may be dropped. */
  readonly dropout: boolean;
  /** Steps by which its output comes later. */
  readonly lag: number;
}

export interface SurrogateShape {
  readonly slots: number;
  /** Samples of a batch, at the most. */
  readonly batch: number;
  readonly steps: number;
  readonly classes: number;
  /** Whether each slot has samples of its own; otherwise all see the same. */
  readonly ownSamples: boolean;
  /** Whether inputs are real values rather than spikes. */
  readonly values: boolean;
  readonly layers: readonly LayerRoom[];
  /** Steps whose membrane potentials are kept at once. */
  readonly segment: number;
}

/** Where a layer's parameters lie within a slot's stretch. */
export interface ParameterPlaces {
  readonly recurrentAt: number;
  readonly constantsAt: number;
  /** Parameters of a slot. */
  readonly stride: number;
}

export type KernelRow = Readonly<Record<string, number>>;

export function parameterPlaces(room: LayerRoom): ParameterPlaces {
  const recurrentAt = room.rows * room.columns;
  const constantsAt = recurrentAt + (room.recurrent ? room.width * room.columns : 0);
  return { recurrentAt, constantsAt, stride: constantsAt + 4 * room.columns };
}

/** Bytes that a slot's sample takes for a step of a neuron, and in all, at a length of segments. */
export function activityBytes(shape: SurrogateShape): number {
  const { slots, batch, steps, segment, layers } = shape;
  const samples = slots * batch;
  const copies = segment < steps ? Math.ceil(steps / segment) + 2 : 1;
  let bytes = 4 * samples * 3 * layers.length;
  layers.forEach((room, l) => {
    const last = l === layers.length - 1;
    const kept = last || segment === steps ? steps : segment + 1;
    const perSample =
      steps * Math.ceil(room.width / 32) +
      kept * planesOf(room) * room.width +
      (last ? steps : segment) * room.width +
      segment * room.width +
      (4 * copies + 5) * room.width +
      4 * room.columns;
    bytes += 4 * samples * perSample;
  });
  const [first] = layers;
  const inputs = shape.values
    ? (first?.width ?? 0) + (first?.inputs ?? 0)
    : Math.ceil((first?.inputs ?? 0) / 32);
  return bytes + 4 * samples * steps * inputs;
}

/** Arrays that are kept of a layer: membrane potentials, and what else gradients need. */
export function planesOf(room: LayerRoom): number {
  return 1 + Number(room.keepCurrents) + Number(room.keepAdaptations);
}

/** The stretches into which the steps are cut. */
export function segmentsOf({ steps, segment }: SurrogateShape): Stretch[] {
  return Array.from({ length: Math.ceil(steps / segment) }, (_, number) => {
    const first = number * segment;
    return { number, first, count: Math.min(segment, steps - first) };
  });
}

export interface Stretch {
  readonly number: number;
  readonly first: number;
  readonly count: number;
}
