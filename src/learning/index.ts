/** The door of learning from spikes: filtered spikes and linear readouts. Decoders of unsupervised layers: `decoders.ts`. */
export * from './filtered-spikes.ts';
export * from './linear-readouts.ts';
