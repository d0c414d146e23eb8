//! The native half of Tacet, loaded by Node through N-API.
//!
//! * [`linalg`]: dense linear algebra in f64, for the Gaussian processes of the optimizer.
//! * [`gp`]: Gaussian process regression for the optimizer.
//! * [`graph`]: measures of directed graphs, for pruning.
//! * [`device`]: a queue of kernel launches with its own memory and threads, behind the seam of `src/device`.
//! * [`kernels`]: the kernels of `shaders/`, for the processor.
//! * [`vulkan`]: which of several identical graphics cards WebGPU gets to see.
//!
//! But for the Vulkan layer, nothing here is global: every object that JavaScript makes owns its threads and its memory,
//! so that any number of them live side by side, in any number of worker threads.

#![deny(clippy::unwrap_used, clippy::expect_used)]
// Unit tests are built without the exports to JavaScript, so what only JavaScript calls looks dead in them.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, dead_code))]

mod device;
mod failure;
mod gp;
mod graph;
mod kernels;
mod linalg;
mod vulkan;
mod worker;
