//! `shaders/philox_words.wgsl`: fills a buffer with the words of the random generator.

use multiversion::multiversion;
use rayon::prelude::*;

use super::Kernel;
use super::contract::{Buffer, KernelContract, shared_struct};
use super::philox::philox4x32;
use crate::device::launch::{Access, Launch};
use crate::failure::Failure;

shared_struct!(Params {
    blocks: u32,
    first_block: u32,
    stream: u32,
    key_low: u32,
    key_high: u32,
});

pub const KERNEL: Kernel = Kernel {
    contract: KernelContract {
        name: "philox_words",
        params: Params::LAYOUT,
        buffers: &[Buffer {
            name: "words",
            access: Access::ReadWrite,
            element: "u32",
            stride: 4,
        }],
        structs: &[],
        constants: &["lanes"],
    },
    run,
};

/// Blocks that one thread takes at a time.
const CHUNK: usize = 4096;

fn run(launch: Launch<'_>) -> Result<(), Failure> {
    let params: Params = launch.params()?;
    let invocations = launch.workgroup_count().saturating_mul(launch.constant(0)?);
    let blocks = u64::from(params.blocks).min(invocations);
    let [words] = launch.bindings()?;
    let words = words.write::<u32>()?;
    words.at_least(4 * blocks, "this many blocks")?;
    // Fits: the buffer holds 4 words for each block.
    let (blocks, _) = words.values[..4 * blocks as usize].as_chunks_mut::<4>();
    blocks
        .par_chunks_mut(CHUNK)
        .enumerate()
        .for_each(|(chunk, blocks)| fill(blocks, (chunk * CHUNK) as u32, &params));
    Ok(())
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
fn fill(blocks: &mut [[u32; 4]], first: u32, params: &Params) {
    for (index, block) in blocks.iter_mut().enumerate() {
        let counter = params.first_block.wrapping_add(first).wrapping_add(index as u32);
        *block = philox4x32([counter, params.stream, 0, 0], [params.key_low, params.key_high]);
    }
}
