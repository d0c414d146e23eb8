//! The native half of Tacet, loaded by Node through N-API.
//!
//! * [`linalg`]: dense linear algebra in f64, for the Gaussian processes of the optimizer.
//!
//! Nothing here is global: every object that JavaScript makes owns its threads and its memory, so that any number
//! of them live side by side, in any number of worker threads.

#![deny(clippy::unwrap_used, clippy::expect_used)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod failure;
mod linalg;
mod worker;
