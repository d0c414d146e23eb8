//! The convolutional network of SLAYER (lava-dl) that the recorded experiment trained: conv, sum pool, conv, sum pool,
//! dense, all of adaptive LIF neurons in integers, forward and backward through time for a batch of images.
//!
//! It computes gradients and counts only; weight norm, quantizer, optimizer and the stopping rule are in
//! `src/learning/slayer`, whose `reference.ts` says the same plainly and is what this is tested against. It stands
//! beside the kernels of the training engine and not among them: it has no WGSL twin, since it exists to repeat recorded
//! experiments on processors.
//!
//! How the data goes, for one image: time is the outer loop and all layers advance together, so that their states stay
//! in the cache. Channels are innermost, in blocks of eight: a spike of one channel adds a row of weights, a few
//! contiguous vectors, so the work of the forward convolutions and of the weights' gradients is in proportion to the
//! spikes. Sites that no input spike of the image can reach are left out of everything: their states stay zero, and
//! their gradients meet no spike. What is left dense is the gradient that the second convolution sends back,
//! channels^2 x kernel^2 multiply-adds for each site in reach and step; it bounds the speed.
//!
//! Memory for an image in training: 4 bytes (surrogate derivative) for each neuron in reach and step, 4 more (potential)
//! for those whose decays learn, 1 for its spikes.

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
