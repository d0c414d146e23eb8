/**
 * Rules that say which neurons a projection connects. They are plain data, the same in TypeScript and in a network
 * file: `fixedProbability(0.02)` is `{ rule: 'fixed-probability', probability: 0.02 }`.
 *
 * Unless a rule says otherwise a neuron never connects to itself; `selfConnections: true` lets it.
 */

interface SelfConnections {
  readonly selfConnections?: boolean;
}

/** Every source with every target. */
export interface Dense extends SelfConnections {
  readonly rule: 'dense';
}

/** Source i with target i. */
export interface OneToOne {
  readonly rule: 'one-to-one';
}

/** Each pair with the same probability, independently. */
export interface FixedProbability extends SelfConnections {
  readonly rule: 'fixed-probability';
  readonly probability: number;
}

/** Each target from the same number of sources, chosen at random. */
export interface FixedInDegree extends SelfConnections {
  readonly rule: 'fixed-in-degree';
  readonly degree: number;
  /** Whether a source may be chosen more than once for a target; false by default. */
  readonly repetition?: boolean;
}

/**
 * A directed small world after Watts and Strogatz (1998): each neuron connects to its `degree` nearest neighbours on a
 * ring, half of them on each side; each connection is moved, with probability `rewire`, to a target chosen at random
 * among those that the neuron does not connect to.
 */
export interface SmallWorld {
  readonly rule: 'small-world';
  /** Even. */
  readonly degree: number;
  readonly rewire: number;
}

/**
 * Clusters of equal size, each a small world in itself; the clusters are a small world too, and each neuron connects
 * to `betweenDegree` random neurons in each of the clusters that its own connects to.
 */
export interface ClusteredSmallWorld {
  readonly rule: 'clustered-small-world';
  readonly clusters: number;
  /** Connections of a neuron within its cluster, even. */
  readonly degree: number;
  readonly rewire: number;
  /** Clusters that a cluster connects to, even; 2 by default. */
  readonly clusterDegree?: number;
  /** Connections of a neuron to each of these clusters. */
  readonly betweenDegree: number;
}

/**
 * Pairs at distance d with probability `peak` e^(-d^2 / (2 width^2)) (gaussian) or `peak` e^(-d / width) (exponential).
 * Both populations need positions.
 */
export interface DistanceDependent extends SelfConnections {
  readonly rule: 'distance';
  readonly kernel: 'gaussian' | 'exponential';
  readonly peak: number;
  /** Unit of the positions. */
  readonly width: number;
  /** Whether opposite edges of the sheet are the same place; false by default. */
  readonly wrap?: boolean;
}

/** Synapses given one by one; a pair may come more than once. */
export interface Given {
  readonly rule: 'given';
  /** Numbers of the neurons within the populations or slices that are connected. */
  readonly sources: ArrayLike<number>;
  readonly targets: ArrayLike<number>;
  /** One for each synapse; used where the projection gives no weight. */
  readonly weights?: ArrayLike<number>;
  /** One for each synapse; used where the projection gives no delay. */
  readonly delaysMs?: ArrayLike<number>;
}

/** A matrix in a file: Matrix Market (.mtx) or a sparse matrix saved by SciPy (.npz). Its values are weights. */
export interface FromFile {
  readonly rule: 'file';
  readonly path: string;
  /** Whether a row of the matrix is a source (the default) or a target. */
  readonly rows?: 'sources' | 'targets';
}

export type Rule =
  | Dense
  | OneToOne
  | FixedProbability
  | FixedInDegree
  | SmallWorld
  | ClusteredSmallWorld
  | DistanceDependent
  | Given
  | FromFile;

export function dense(options: SelfConnections = {}): Dense {
  return { rule: 'dense', ...options };
}

export function oneToOne(): OneToOne {
  return { rule: 'one-to-one' };
}

export function fixedProbability(probability: number, options: SelfConnections = {}): FixedProbability {
  return { rule: 'fixed-probability', probability, ...options };
}

export function fixedInDegree(
  degree: number,
  options: SelfConnections & { readonly repetition?: boolean } = {},
): FixedInDegree {
  return { rule: 'fixed-in-degree', degree, ...options };
}

export function smallWorld(options: Omit<SmallWorld, 'rule'>): SmallWorld {
  return { rule: 'small-world', ...options };
}

export function clusteredSmallWorld(options: Omit<ClusteredSmallWorld, 'rule'>): ClusteredSmallWorld {
  return { rule: 'clustered-small-world', ...options };
}

export function distanceDependent(options: Omit<DistanceDependent, 'rule'>): DistanceDependent {
  return { rule: 'distance', ...options };
}

export function given(options: Omit<Given, 'rule'>): Given {
  return { rule: 'given', ...options };
}

export function fromFile(path: string, options: Omit<FromFile, 'rule' | 'path'> = {}): FromFile {
  return { rule: 'file', path, ...options };
}
