//! `shaders/tangent_step.wgsl`, `_events` and `_orthonormalize`: tangent vectors of networks, for Lyapunov spectra.

mod events;
mod householder;
mod orthonormalize;
mod step;

pub use events::KERNEL as EVENTS;
pub use orthonormalize::KERNEL as ORTHONORMALIZE;
pub use step::KERNEL as STEP;

use rayon::prelude::*;

use super::contract::{Buffer, shared_struct};
use super::disjoint::{Part, split};
use crate::device::launch::{Access, Binding, refused};
use crate::failure::Failure;

shared_struct!(TangentSlot {
    neurons: u32,
    channels: u32,
    rows: u32,
    count: u32,
    quads: u32,
    x: u32,
    bounds: u32,
    sources: u32,
    weights: u32,
    leaks: u32,
    coefficients: u32,
    overlaps: u32,
    logs: u32,
    squares: u32,
});

const SLOTS: Buffer = Buffer {
    name: "slots",
    access: Access::Read,
    element: "TangentSlot",
    stride: size_of::<TangentSlot>(),
};

const VECTORS: Buffer = Buffer {
    name: "vectors",
    access: Access::ReadWrite,
    element: "vec4f",
    stride: 16,
};

const fn scalars(name: &'static str, access: Access, element: &'static str) -> Buffer {
    Buffer {
        name,
        access,
        element,
        stride: 4,
    }
}

/// The slots that a launch works on.
fn slots_of(binding: Binding<'_>, count: u32, workgroups: [u32; 3]) -> Result<Vec<TangentSlot>, Failure> {
    let [x, y, z] = workgroups;
    let count = if x == 0 || z == 0 { 0 } else { count.min(y) };
    let slots = binding.read::<TangentSlot>()?;
    slots.at_least(u64::from(count), "the number of slots")?;
    let slots = slots.values[..count as usize].to_vec();
    for (index, slot) in slots.iter().enumerate() {
        let fits = u64::from(slot.rows) == u64::from(slot.neurons) * (1 + u64::from(slot.channels))
            && slot.count <= slot.rows
            && slot.quads == slot.count.div_ceil(4)
            && u64::from(slot.rows) * u64::from(slot.quads) < 1 << 31;
        if !fits {
            return Err(refused(format!(
                "slot {index} is no network with vectors: {slot:?}"
            )));
        }
    }
    Ok(slots)
}

impl TangentSlot {
    fn neurons(&self) -> usize {
        self.neurons as usize
    }

    fn channels(&self) -> usize {
        self.channels as usize
    }

    fn rows(&self) -> usize {
        self.rows as usize
    }

    fn count(&self) -> usize {
        self.count as usize
    }

    /// Floats from a row to the next.
    fn stride(&self) -> usize {
        4 * self.quads as usize
    }

    /// Floats of a plane, and where one begins.
    fn plane(&self, plane: u32) -> Part {
        let length = 4 * u64::from(self.rows) * u64::from(self.quads);
        Part {
            start: 4 * u64::from(self.x) + u64::from(plane & 1) * length,
            length,
        }
    }
}

/// A part of a buffer to read from.
fn part<'a, T>(name: &str, values: &'a [T], start: u64, length: u64) -> Result<&'a [T], Failure> {
    start
        .checked_add(length)
        .filter(|&end| end <= values.len() as u64)
        .map(|end| &values[start as usize..end as usize])
        .ok_or_else(|| {
            refused(format!(
                "\"{name}\" holds {} elements, but {length} from {start} on are needed",
                values.len()
            ))
        })
}

/// Components of vectors that stand side by side, as many as cache lines hold: loads across two lines take twice as long.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Row<const WIDTH: usize>([f32; WIDTH]);

impl<const WIDTH: usize> Row<WIDTH> {
    const ZEROS: Self = Self([0.0; WIDTH]);
}

/// Carries all vectors from one plane to another, `WIDTH` at a time on any thread: `carry` gets the slot and the tile, a
/// row for each variable.
fn carry_tiles<const WIDTH: usize>(
    vectors: &mut [f32],
    slots: &[TangentSlot],
    from: u32,
    to: u32,
    carry: impl Fn(usize, &mut [Row<WIDTH>]) + Sync,
) -> Result<(), Failure> {
    let mut tasks = Vec::new();
    for (index, slot) in slots.iter().enumerate() {
        let plane = slot.plane(from);
        part("vectors", vectors, plane.start, plane.length)?;
        tasks.extend((0..slot.stride()).step_by(WIDTH).map(|first| (index, first)));
    }
    let carried: Vec<Vec<Row<WIDTH>>> = tasks
        .par_iter()
        .map(|&(index, first)| {
            let slot = &slots[index];
            let plane = slot.plane(from);
            let values = &vectors[plane.start as usize..(plane.start + plane.length) as usize];
            let width = WIDTH.min(slot.stride() - first);
            let mut tile = vec![Row::ZEROS; slot.rows()];
            for (row, own) in values.chunks_exact(slot.stride()).zip(&mut tile) {
                own.0[..width].copy_from_slice(&row[first..first + width]);
            }
            carry(index, &mut tile);
            tile
        })
        .collect();
    let planes: Vec<Part> = slots.iter().map(|slot| slot.plane(to)).collect();
    let mut rest = &carried[..];
    for (slot, plane) in slots.iter().zip(split("vectors", vectors, &planes)?) {
        let (own, others) = rest.split_at(slot.stride().div_ceil(WIDTH));
        rest = others;
        if slot.stride() == 0 {
            continue;
        }
        plane
            .par_chunks_exact_mut(slot.stride())
            .enumerate()
            .for_each(|(row, values)| {
                for (values, tile) in values.chunks_mut(WIDTH).zip(own) {
                    values.copy_from_slice(&tile[row].0[..values.len()]);
                }
            });
    }
    Ok(())
}
