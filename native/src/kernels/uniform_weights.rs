//! `shaders/uniform_weights.wgsl`: initial weights of the slots whose trials begin.

use multiversion::multiversion;
use rayon::prelude::*;

use super::Kernel;
use super::contract::{Buffer, KernelContract, shared_struct};
use super::disjoint::{Part, split};
use super::philox::{INITIAL_WEIGHTS, philox4x32, unit_real};
use crate::device::launch::{Access, Launch, refused};
use crate::failure::Failure;

shared_struct!(Params {
    inputs: u32,
    slot_tiles: u32,
});

shared_struct!(Fill {
    slot: u32,
    neurons: u32,
    seed_low: u32,
    seed_high: u32,
});

pub const KERNEL: Kernel = Kernel {
    contract: KernelContract {
        name: "uniform_weights",
        params: Params::LAYOUT,
        buffers: &[
            Buffer {
                name: "fills",
                access: Access::Read,
                element: "Fill",
                stride: size_of::<Fill>(),
            },
            Buffer {
                name: "weights",
                access: Access::ReadWrite,
                element: "vec4f",
                stride: 16,
            },
        ],
        structs: &[Fill::LAYOUT],
        constants: &["lanes"],
    },
    run,
};

type Quad = [f32; 4];
/// Quads in a row of a tile of 32 columns.
const ROW_QUADS: usize = 8;

fn run(launch: Launch<'_>) -> Result<(), Failure> {
    let params: Params = launch.params()?;
    let [x, y, z] = launch.workgroups.map(u64::from);
    let covered = x.saturating_mul(launch.constant(0)?);
    let [fills, weights] = launch.bindings()?;
    let fills = fills.read::<Fill>()?;
    let weights = weights.write::<Quad>()?;
    if z == 0 {
        return Ok(());
    }
    fills.at_least(y, "a fill for each workgroup row")?;
    let slot_quads = u64::from(params.slot_tiles)
        .checked_mul(u64::from(params.inputs) * ROW_QUADS as u64)
        .filter(|&quads| quads < 1 << 31 && params.slot_tiles < 1 << 26)
        .ok_or_else(|| refused("a slot has more weights than a buffer can hold".to_owned()))?;
    let written = slot_quads.min(covered);
    let fills = &fills.values[..y as usize];
    let parts: Vec<Part> = fills
        .iter()
        .map(|fill| Part {
            start: u64::from(fill.slot) * slot_quads,
            length: written,
        })
        .collect();
    let slots = split(weights.name, weights.values, &parts)?;
    let tile_quads = (params.inputs as usize * ROW_QUADS).max(1);
    slots.into_par_iter().zip(fills).for_each(|(slot, fill)| {
        slot.par_chunks_mut(tile_quads)
            .enumerate()
            .for_each(|(tile, quads)| fill_tile(quads, tile as u32, fill));
    });
    Ok(())
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
fn fill_tile(quads: &mut [Quad], tile: u32, fill: &Fill) {
    for (input, row) in quads.chunks_mut(ROW_QUADS).enumerate() {
        for (index, quad) in row.iter_mut().enumerate() {
            let column = tile * 32 + index as u32 * 4;
            let counter = [input as u32, INITIAL_WEIGHTS, column / 4, 0];
            let drawn = philox4x32(counter, [fill.seed_low, fill.seed_high]);
            for (lane, weight) in quad.iter_mut().enumerate() {
                let present = column + (lane as u32) < fill.neurons;
                *weight = if present { unit_real(drawn[lane]) } else { 0.0 };
            }
        }
    }
}
