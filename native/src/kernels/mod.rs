//! The kernels of `shaders/` for the processor: same names, same bindings in the same order, same bytes.
//!
//! Each kernel states the interface that it was written for. TypeScript compares that with the WGSL when it makes a
//! kernel ready, so the two can't drift apart unnoticed.

pub mod contract;
mod diehl_cook;
mod disjoint;
pub mod philox;
mod philox_words;
mod recurrent;
mod roofs;
mod surrogate;
mod tangents;
mod uniform_weights;

use contract::KernelContract;

use crate::device::launch::Launch;
use crate::failure::Failure;

/// A kernel: its interface, and the function that runs one launch of it on the threads of the current pool.
pub struct Kernel {
    pub contract: KernelContract,
    pub run: fn(Launch<'_>) -> Result<(), Failure>,
}

pub const KERNELS: &[Kernel] = &[
    diehl_cook::KERNEL,
    philox_words::KERNEL,
    recurrent::KERNEL,
    recurrent::MODES,
    recurrent::UPDATE,
    recurrent::SCATTER,
    recurrent::GATHER,
    recurrent::RECORD,
    roofs::COPY,
    roofs::READ,
    roofs::GATHER,
    roofs::MULTIPLY_ADD,
    tangents::STEP,
    tangents::EVENTS,
    tangents::ORTHONORMALIZE,
    surrogate::backward::KERNEL,
    surrogate::forward::KERNEL,
    surrogate::loss::KERNEL,
    surrogate::matmul::KERNEL,
    surrogate::norm::KERNEL,
    surrogate::transposed::KERNEL,
    surrogate::update::KERNEL,
    surrogate::weights::KERNEL,
    uniform_weights::KERNEL,
];
