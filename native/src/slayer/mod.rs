//! The convolutional network of SLAYER (lava-dl) that the recorded experiment trained: conv, sum pool, conv, sum pool,
//! dense, all of adaptive LIF neurons in integers, forward and backward through time for a batch of images.
//!
//! It computes gradients and counts only; weight norm, quantizer, optimizer and the stopping rule are in
//! `src/learning/slayer`, whose `reference.ts` says the same plainly and is what this is tested against. It stands
//! beside the kernels of the training engine and not among them: it has no WGSL twin, since it exists to repeat recorded
//! experiments on processors.
//!
//! How the data goes, for one image: layer by layer, since no layer feeds an earlier one, and within a layer a block of
//! eight neurons through all steps, so that states stay in registers and only what others need of them is written:
//! spikes, and in training the surrogate's derivative and, where decays learn, the potential. Sites that no spike of the
//! image can reach are left out of everything. What costs time, in proportion to it:
//! - neurons in reach x steps, forward and back, which move 8 to 12 bytes a neuron and step each way;
//! - spikes of the first pool x kernel^2 x channels of the second convolution, for its sums and its weights' gradient:
//!   of the spikes that a column sends at a step, the sums of a kernel row stay in registers;
//! - dense, what the second convolution sends back: channels^2 x kernel^2 multiply-adds for each site in reach and step.
//!
//! Memory for an image in training: 4 bytes (surrogate derivative) for each neuron in reach and step, 4 more for the
//! potential (conv layers) or the error (pools), 1 for its spikes.

mod api;
mod backward;
mod batch;
mod forward;
mod image;
mod job;
mod layer;
mod neuron;
mod products;
mod shape;
mod workspace;
