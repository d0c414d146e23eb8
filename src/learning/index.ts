/** The door of learning from spikes: filtered spikes and linear readouts. Decoders of unsupervised layers: `decoders.ts`. */
export * from './filtered-spikes.ts';
export * from './linear-readouts.ts';
export type * from './surrogate/description.ts';
export { TrainingError } from './surrogate/errors.ts';
export { loadNetwork, saveNetwork } from './surrogate/saved.ts';
export { type SlayerConstants, slayerNeuron } from './surrogate/slayer-neuron.ts';
export { SurrogateTrainer, type TrainerOptions } from './surrogate/trainer.ts';
export type * from './surrogate/training.ts';
