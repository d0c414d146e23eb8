/**
 * What is trained and how, as plain data: layers, loss, optimizer, schedule. Nothing here computes.
 *
 * Time is counted in steps. A decay is the factor of one step: exp(-dt / tau).
 */

/**
 * Stands for the derivative of a spike with respect to u = membrane potential - threshold, in the backward pass.
 *
 * - `fast-sigmoid`: 1 / (1 + slope |u|)^2
 * - `arctangent`: 1 / (1 + (pi slope u / 2)^2) (slope 2 is snnTorch's `atan(alpha=2)` without its factor alpha / 2)
 * - `triangular`: max(0, 1 - slope |u|)
 * - `gaussian`: exp(-(slope u)^2 / 2)
 * - `exponential` (SLAYER): slope / 2 exp(-slope |u|)
 * - `straight-through`: 1 where |u| <= 1 / (2 slope), else 0
 *
 * All are multiplied by `scale`.
 */
export const SURROGATE_KINDS = [
  'fast-sigmoid',
  'arctangent',
  'triangular',
  'gaussian',
  'exponential',
  'straight-through',
] as const;

export type SurrogateKind = (typeof SURROGATE_KINDS)[number];

export interface Surrogate {
  readonly kind: SurrogateKind;
  readonly slope: number;
  readonly scale?: number;
}

/** Constants of a neuron that may be learned, one value a neuron; all neurons of a layer begin with the same. */
export type LearnableConstant = 'currentDecay' | 'membraneDecay' | 'threshold';

/**
 * A neuron of a layer. With x the weighted input of the step and s the spikes of the step before:
 *
 *   I = currentDecay I + x                      (currentDecay 0: LIF; above 0: current-based LIF)
 *   V = membraneDecay V + I                     after a reset of V by what spiked the step before
 *   A = adaptationDecay A + s                   (adaptation 0: none)
 *   R = refractoryDecay R + refractory s (threshold + adaptation A of the step before)      (refractory 0: none)
 *   spike where V >= threshold + adaptation A + R
 *
 * Reset `subtract` takes `threshold` away from the decayed V, `zero` sets V to 0 before it decays, `none` leaves it.
 */
export interface SpikingNeuron {
  readonly kind: 'lif';
  readonly membraneDecay: number;
  readonly currentDecay?: number;
  readonly threshold: number;
  readonly reset?: 'subtract' | 'zero' | 'none';
  /** True: no gradient passes through the reset (snnTorch's way). Default true. */
  readonly detachReset?: boolean;
  readonly adaptation?: number;
  readonly adaptationDecay?: number;
  /** True: no gradient passes through A, as in SLAYER. Default false. None ever passes through R. */
  readonly detachAdaptation?: boolean;
  /** How far a spike raises what the next ones need, in thresholds: SLAYER's neurons have this instead of a reset. */
  readonly refractory?: number;
  readonly refractoryDecay?: number;
  readonly surrogate: Surrogate;
  readonly learn?: readonly LearnableConstant[];
}

/** A leaky integrator: the same V without spikes or reset; the readout of membrane losses. */
export interface Integrator {
  readonly kind: 'integrator';
  readonly membraneDecay: number;
  readonly currentDecay?: number;
  readonly learn?: readonly Exclude<LearnableConstant, 'threshold'>[];
}

export type Neuron = SpikingNeuron | Integrator;

/** Initial weights: uniform in +-gain / sqrt(fan-in), or normal with standard deviation gain / sqrt(fan-in). */
export interface WeightInit {
  readonly kind: 'uniform' | 'normal';
  readonly gain: number;
}

interface LayerBase {
  /** In reports; `layer 0` and so on when absent. */
  readonly name?: string;
  readonly neuron: Neuron;
  /** Share of the neurons whose output is dropped for a whole training sample; the others' is scaled by 1 / (1 - p). */
  readonly dropout?: number;
  /** Output is a step later than the spike, as between SLAYER's layers. */
  readonly shift?: boolean;
  /** Spikes per step that neurons are drawn to stay between, with the weight of the squared violation in the loss. */
  readonly rate?: { readonly low: number; readonly high: number; readonly weight: number };
}

interface Weighted {
  /** Uniform with gain 1 when absent. */
  readonly init?: WeightInit;
}

/** All to all; with `recurrent`, all neurons of the layer to one another, one step later. */
export interface DenseLayer extends LayerBase, Weighted {
  readonly kind: 'dense';
  readonly neurons: number;
  readonly bias?: boolean;
  /** Density below 1: a random share of the recurrent synapses exists, the others stay 0. */
  readonly recurrent?: { readonly init?: WeightInit; readonly density?: number };
}

/** Square kernels over [height, width, channels]. */
export interface ConvLayer extends LayerBase, Weighted {
  readonly kind: 'conv';
  readonly channels: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: number;
  readonly dilation?: number;
}

/** The sum (or with weight 1 / kernel^2 the average) of each channel over squares. */
export interface PoolLayer extends LayerBase {
  readonly kind: 'pool';
  readonly kernel: number;
  readonly stride?: number;
  readonly weight?: number;
}

export type Layer = DenseLayer | ConvLayer | PoolLayer;

/**
 * What is minimized, of the last layer's output. r is the share of the steps in which an output neuron spikes.
 *
 * - `rate-mse`: the sum over classes of (r - target)^2 (SLAYER's SpikeRate)
 * - `rate-cross-entropy`: cross-entropy of softmax(gain r)
 * - `spike-max`: cross-entropy of r / sum r, both with `epsilon` added so that a silent output is finite
 * - `membrane-max`: cross-entropy of softmax(gain max over time of V), of an integrator
 * - `membrane-mean`: the same of the mean over time
 */
export type Loss =
  | { readonly kind: 'rate-mse'; readonly rateTrue: number; readonly rateFalse: number }
  | { readonly kind: 'rate-cross-entropy'; readonly gain: number }
  | { readonly kind: 'spike-max'; readonly epsilon?: number }
  | { readonly kind: 'membrane-max'; readonly gain?: number }
  | { readonly kind: 'membrane-mean'; readonly gain?: number };

export type GradientOptimizer =
  | { readonly kind: 'sgd'; readonly rate: number; readonly momentum?: number; readonly nesterov?: boolean }
  | {
      readonly kind: 'adam' | 'adamw';
      readonly rate: number;
      readonly beta1?: number;
      readonly beta2?: number;
      readonly epsilon?: number;
    };

/** The learning rate's factor over time. */
export type Schedule =
  | { readonly kind: 'constant' }
  /** gamma^epoch */
  | { readonly kind: 'exponential'; readonly gamma: number }
  /** Half a cosine from 1 to `end` over `epochs`, after a linear rise over the first `warmup` batches. */
  | { readonly kind: 'cosine'; readonly epochs: number; readonly end?: number; readonly warmup?: number };

/** A network and its training: one slot's. */
export interface TrainingDescription {
  readonly layers: readonly Layer[];
  readonly loss: Loss;
  /** The batch's loss is the mean over its samples, or their sum (SLAYER). Default mean. */
  readonly reduction?: 'mean' | 'sum';
  readonly optimizer: GradientOptimizer;
  readonly schedule?: Schedule;
  /** L2 for sgd and adam, decoupled for adamw. */
  readonly weightDecay?: number;
  /** Gradients are scaled down to this global norm. */
  readonly clipNorm?: number;
  readonly seed: number;
}
