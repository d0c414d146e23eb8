//! `shaders/roof_*.wgsl`: what a device can do at best, of which `tacet bench` states every kernel's share.

use multiversion::multiversion;
use rayon::prelude::*;

use super::Kernel;
use super::contract::{Buffer, KernelContract, Struct, shared_struct};
use crate::device::launch::{Access, Launch, refused};
use crate::failure::Failure;

shared_struct!(CopyParams {
    count: u32,
    chunk: u32,
});

shared_struct!(ReadParams {
    groups: u32,
    window: u32,
    rounds: u32,
});

shared_struct!(GatherParams {
    count: u32,
    rounds: u32,
    mask: u32,
});

shared_struct!(ArithmeticParams {
    count: u32,
    rounds: u32,
    scale: f32,
    shift: f32,
});

/// The params are called `Params` in every shader.
const fn params(layout: Struct) -> Struct {
    Struct {
        name: "Params",
        ..layout
    }
}

const fn words(name: &'static str, access: Access) -> Buffer {
    Buffer {
        name,
        access,
        element: "u32",
        stride: 4,
    }
}

const fn quads(name: &'static str, access: Access) -> Buffer {
    Buffer {
        name,
        access,
        element: "vec4u",
        stride: 16,
    }
}

pub const COPY: Kernel = Kernel {
    contract: KernelContract {
        name: "roof_copy",
        params: params(CopyParams::LAYOUT),
        buffers: &[
            quads("original", Access::Read),
            quads("copied", Access::ReadWrite),
        ],
        structs: &[],
        constants: &["lanes"],
    },
    run: copy,
};

pub const READ: Kernel = Kernel {
    contract: KernelContract {
        name: "roof_read",
        params: params(ReadParams::LAYOUT),
        buffers: &[
            quads("values", Access::Read),
            Buffer {
                name: "sums",
                access: Access::ReadWrite,
                element: "atomic<u32>",
                stride: 4,
            },
        ],
        structs: &[],
        constants: &["lanes"],
    },
    run: read,
};

pub const GATHER: Kernel = Kernel {
    contract: KernelContract {
        name: "roof_gather",
        params: params(GatherParams::LAYOUT),
        buffers: &[words("table", Access::Read), words("found", Access::ReadWrite)],
        structs: &[],
        constants: &["lanes"],
    },
    run: gather,
};

pub const MULTIPLY_ADD: Kernel = Kernel {
    contract: KernelContract {
        name: "roof_multiply_add",
        params: params(ArithmeticParams::LAYOUT),
        buffers: &[Buffer {
            name: "sums",
            access: Access::ReadWrite,
            element: "f32",
            stride: 4,
        }],
        structs: &[],
        constants: &["lanes"],
    },
    run: multiply_add,
};

type Quad = [u32; 4];
/// Rounds of a launch, at the most: no launch may keep its device for hours.
const MAX_ROUNDS: u32 = 1 << 22;
/// Results that one task makes.
const TASK: usize = 256;

fn copy(launch: Launch<'_>) -> Result<(), Failure> {
    let params: CopyParams = launch.params()?;
    let covered = launch.workgroup_count().saturating_mul(u64::from(params.chunk));
    let count = u64::from(params.count).min(covered);
    let [from, to] = launch.bindings()?;
    let (from, to) = (from.read::<Quad>()?, to.write::<Quad>()?);
    from.at_least(count, "the number of elements")?;
    to.at_least(count, "the number of elements")?;
    if count == 0 {
        // Nothing to do, or a chunk of nothing.
        return Ok(());
    }
    // Fits: the buffers hold as many.
    let count = count as usize;
    let chunk = params.chunk as usize;
    to.values[..count]
        .par_chunks_mut(chunk)
        .zip(from.values[..count].par_chunks(chunk))
        .for_each(|(to, from)| to.copy_from_slice(from));
    Ok(())
}

fn check_rounds(rounds: u32) -> Result<(), Failure> {
    if rounds <= MAX_ROUNDS {
        return Ok(());
    }
    Err(refused(format!(
        "params.rounds is {rounds}; it must be at most {MAX_ROUNDS}"
    )))
}

fn read(launch: Launch<'_>) -> Result<(), Failure> {
    let params: ReadParams = launch.params()?;
    check_rounds(params.rounds)?;
    let groups = u64::from(params.groups).min(launch.workgroup_count());
    let [values, sums] = launch.bindings()?;
    let (values, sums) = (values.read::<Quad>()?, sums.write::<u32>()?);
    values.at_least(groups * u64::from(params.window), "a window for each workgroup")?;
    sums.at_least(4 * groups, "four sums for each workgroup")?;
    // Fits: the buffers hold as many.
    let (sums, _) = sums.values[..4 * groups as usize].as_chunks_mut::<4>();
    let window = params.window as usize;
    sums.par_iter_mut().enumerate().for_each(|(group, sums)| {
        let found = sum_window(&values.values[group * window..][..window], params.rounds);
        for (sum, found) in sums.iter_mut().zip(found) {
            *sum = sum.wrapping_add(found);
        }
    });
    Ok(())
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
fn sum_window(values: &[Quad], rounds: u32) -> Quad {
    // Eight vectors of 16, so that additions need not wait for each other.
    const BLOCK: usize = 32;
    let mut sums = [[0_u32; 4]; BLOCK];
    let (blocks, rest) = values.as_chunks::<BLOCK>();
    for round in 0..rounds {
        for block in blocks {
            for (sum, value) in sums.iter_mut().zip(block) {
                for component in 0..4 {
                    sum[component] = sum[component].wrapping_add(value[component] ^ round);
                }
            }
        }
        for value in rest {
            for component in 0..4 {
                sums[0][component] = sums[0][component].wrapping_add(value[component] ^ round);
            }
        }
    }
    let mut total = [0_u32; 4];
    for sum in sums {
        for component in 0..4 {
            total[component] = total[component].wrapping_add(sum[component]);
        }
    }
    total
}

fn gather(launch: Launch<'_>) -> Result<(), Failure> {
    let params: GatherParams = launch.params()?;
    check_rounds(params.rounds)?;
    let invocations = launch.workgroup_count().saturating_mul(launch.constant(0)?);
    let count = u64::from(params.count).min(invocations);
    let [table, found] = launch.bindings()?;
    let (table, found) = (table.read::<u32>()?, found.write::<u32>()?);
    if !(u64::from(params.mask) + 1).is_power_of_two() {
        let mask = params.mask;
        return Err(refused(format!(
            "params.mask is {mask}; it must be a power of two less 1"
        )));
    }
    table.at_least(u64::from(params.mask) + 1, "its mask")?;
    found.at_least(count, "the number of results")?;
    let table = &table.values[..=params.mask as usize];
    found.values[..count as usize]
        .par_chunks_mut(TASK)
        .enumerate()
        .for_each(|(task, found)| gather_some(table, (task * TASK) as u32, params.rounds, found));
    Ok(())
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
fn gather_some(table: &[u32], first: u32, rounds: u32, found: &mut [u32]) {
    let mask = table.len() - 1;
    for (index, sum) in found.iter_mut().enumerate() {
        let base = first.wrapping_add(index as u32).wrapping_mul(rounds);
        *sum = 0;
        for round in 0..rounds {
            let place = mix(base.wrapping_add(round)) as usize & mask;
            *sum = sum.wrapping_add(table[place]);
        }
    }
}

#[inline(always)]
fn mix(number: u32) -> u32 {
    let mut x = number.wrapping_mul(0x9e37_79b1);
    x ^= x >> 15;
    x = x.wrapping_mul(0x85eb_ca6b);
    x ^ (x >> 13)
}

fn multiply_add(launch: Launch<'_>) -> Result<(), Failure> {
    let params: ArithmeticParams = launch.params()?;
    check_rounds(params.rounds)?;
    let invocations = launch.workgroup_count().saturating_mul(launch.constant(0)?);
    let count = u64::from(params.count).min(invocations);
    let [sums] = launch.bindings()?;
    let sums = sums.write::<f32>()?;
    sums.at_least(count, "the number of results")?;
    sums.values[..count as usize]
        .par_chunks_mut(TASK)
        .enumerate()
        .for_each(|(task, sums)| run_chains(task * TASK, &params, sums));
    Ok(())
}

/// Invocations side by side: eight vectors of 16 chains.
const TOGETHER: usize = 4;
const CHAINS: usize = 32;

#[multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512dq+avx512bw",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
fn run_chains(first: usize, params: &ArithmeticParams, sums: &mut [f32]) {
    for (block, sums) in sums.chunks_mut(TOGETHER).enumerate() {
        let mut x = [[0.0_f32; CHAINS]; TOGETHER];
        for (lane, x) in x.iter_mut().enumerate() {
            let index = (first + block * TOGETHER + lane) % 64;
            for (c, x) in x.iter_mut().enumerate() {
                *x = (index + c) as f32 / 64.0;
            }
        }
        for _ in 0..params.rounds {
            for x in &mut x {
                for x in x {
                    *x = x.mul_add(params.scale, params.shift);
                }
            }
        }
        for (sum, x) in sums.iter_mut().zip(&x) {
            *sum = x.iter().sum();
        }
    }
}
