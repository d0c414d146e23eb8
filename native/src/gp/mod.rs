//! Gaussian process regression in f64 for the optimizer: the native twin of `src/search/matern.ts`, which states the
//! model and its equations. Each call runs on one thread, and calls run side by side on as many threads as there are,
//! so that no result depends on how many that is.

mod api;
mod math;
mod process;
