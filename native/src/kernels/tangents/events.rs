//! `shaders/tangent_events.wgsl`: tangent vectors through the events of networks in continuous time.

use multiversion::multiversion;

use super::{Row, SLOTS, TangentSlot, VECTORS, carry_tiles, part, scalars, slots_of};
use crate::device::launch::{Access, Launch, refused};
use crate::failure::Failure;
use crate::kernels::Kernel;
use crate::kernels::contract::{KernelContract, shared_struct};

shared_struct!(Params {
    slots: u32,
    plane: u32,
});

pub const KERNEL: Kernel = Kernel {
    contract: KernelContract {
        name: "tangent_events",
        params: Params::LAYOUT,
        buffers: &[
            SLOTS,
            scalars("ranges", Access::Read, "u32"),
            scalars("operations", Access::Read, "u32"),
            VECTORS,
        ],
        structs: &[TangentSlot::LAYOUT],
        constants: &["lanes"],
    },
    run,
};

/// Vectors that are carried together.
const TILE: usize = 32;

/// Words of an operation before those of its channels, and of each channel.
const NEURON_WORDS: usize = 4;
const CHANNEL_WORDS: usize = 3;

fn run(launch: Launch<'_>) -> Result<(), Failure> {
    let params: Params = launch.params()?;
    let covered = u64::from(launch.workgroups[0]) * launch.constant(0)?;
    let workgroups = launch.workgroups;
    let [slots, ranges, operations, vectors] = launch.bindings()?;
    let slots = slots_of(slots, params.slots, workgroups)?;
    let (ranges, operations) = (ranges.read::<u32>()?.values, operations.read::<u32>()?.values);
    let lists = slots
        .iter()
        .enumerate()
        .map(|(index, slot)| {
            let range = part("ranges", ranges, 2 * index as u64, 2)?;
            let width = NEURON_WORDS + CHANNEL_WORDS * slot.channels();
            let length = u64::from(range[1]).saturating_mul(width as u64);
            let list = part("operations", operations, u64::from(range[0]), length)?;
            let within = list
                .chunks_exact(width)
                .all(|operation| operation[0].max(operation[1]) < slot.neurons);
            if !within || u64::from(slot.quads) > covered {
                return Err(refused(format!(
                    "slot {index} has operations on neurons that it has not, or {} quads of vectors where the launch covers {covered}",
                    slot.quads
                )));
            }
            Ok(list)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let vectors = vectors.write::<f32>()?.values;
    carry_tiles(vectors, &slots, params.plane, params.plane, |index, tile| {
        carry(lists[index], &slots[index], tile);
    })
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
fn carry(operations: &[u32], slot: &TangentSlot, tile: &mut [Row<TILE>]) {
    let (n, channels) = (slot.neurons(), slot.channels());
    for operation in operations.chunks_exact(NEURON_WORDS + CHANNEL_WORDS * channels) {
        let (target, source) = (operation[0] as usize, operation[1] as usize);
        let number = |index: usize| f32::from_bits(operation[index]);
        let from = tile[source].0;
        let (a, c) = (number(2), number(3));
        let mut v = tile[target].0;
        for lane in 0..TILE {
            v[lane] = a * v[lane] + c * from[lane];
        }
        for channel in 0..channels {
            let place = NEURON_WORDS + CHANNEL_WORDS * channel;
            let (b, d, e) = (number(place), number(place + 1), number(place + 2));
            let g = &mut tile[(1 + channel) * n + target].0;
            for lane in 0..TILE {
                v[lane] += b * g[lane];
                g[lane] = d * g[lane] + e * from[lane];
            }
        }
        tile[target].0 = v;
    }
}
