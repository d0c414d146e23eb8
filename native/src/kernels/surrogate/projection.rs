//! Which weight leads from an input to which neuron: dense, convolution, pooling.

use super::{CONV, DENSE, Slot};

/// Rows of a slot's weights, of `columns` each; None where the shape makes no sense.
pub fn rows(slot: &Slot) -> Option<u64> {
    match slot.projection {
        DENSE => Some(u64::from(slot.inputs)),
        CONV => u64::from(slot.in_channels)
            .checked_mul(u64::from(slot.kernel))?
            .checked_mul(u64::from(slot.kernel)),
        _ => Some(0),
    }
}

/// Whether sizes and shapes belong together.
pub fn consistent(slot: &Slot) -> bool {
    if slot.projection == DENSE {
        return slot.columns == slot.width && slot.width.is_multiple_of(32);
    }
    let volume = |x: u32, y: u32, c: u32| u64::from(x) * u64::from(y) * u64::from(c);
    slot.recurrent == 0
        && slot.stride > 0
        && slot.dilation > 0
        && slot.kernel > 0
        && slot.kernel < 1 << 12
        && slot.padding < 1 << 12
        && slot.dilation < 1 << 12
        && [slot.in_x, slot.in_y, slot.in_channels, slot.out_x, slot.out_y]
            .iter()
            .all(|&side| side > 0 && side < 1 << 14)
        && volume(slot.in_x, slot.in_y, slot.in_channels) == u64::from(slot.inputs)
        && volume(slot.out_x, slot.out_y, slot.columns) == u64::from(slot.neurons)
        && (slot.projection == CONV || slot.columns == slot.in_channels)
}

/// The place of the output along one axis that kernel element `k` leads to from input `at`.
#[inline(always)]
fn target(at: u32, k: u32, slot: &Slot, size: u32) -> Option<u32> {
    let shifted = (at + slot.padding).checked_sub(k * slot.dilation)?;
    (shifted.is_multiple_of(slot.stride) && shifted / slot.stride < size).then(|| shifted / slot.stride)
}

/// Calls `each` with (kernel element ky * kernel + kx, output position) for each output position that an input at
/// (y, x) reaches.
#[inline(always)]
pub fn for_each_target(slot: &Slot, y: u32, x: u32, mut each: impl FnMut(u32, u32)) {
    for ky in 0..slot.kernel {
        let Some(out_y) = target(y, ky, slot, slot.out_y) else {
            continue;
        };
        for kx in 0..slot.kernel {
            if let Some(out_x) = target(x, kx, slot, slot.out_x) {
                each(ky * slot.kernel + kx, out_y * slot.out_x + out_x);
            }
        }
    }
}

/// (y, x, channel) of an input.
#[inline(always)]
pub fn place(slot: &Slot, input: u32) -> (u32, u32, u32) {
    let position = input / slot.in_channels;
    (
        position / slot.in_x,
        position % slot.in_x,
        input % slot.in_channels,
    )
}
