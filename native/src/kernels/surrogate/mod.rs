//! Training by backpropagation through time: `shaders/surrogate_*.wgsl`.
//!
//! A launch works on one layer of every slot. What a slot's layer is stands in its [`Slot`]; all arrays have room for
//! the largest slot, so that a slot's part begins at a multiple of the same stride.
//!
//! * [`forward`]: input spikes to currents, membrane potentials and spikes, over a stretch of steps.
//! * [`loss`]: the last layer's output to losses, and their gradient.
//! * [`backward`]: gradients of a layer's output to those of its currents, back through the same steps.
//! * [`weights`]: spikes and gradients of currents to gradients of weights.
//! * [`matmul`]: the dense products.
//! * [`transposed`]: the same back through convolutions and pools.
//! * [`norm`], [`update`]: norms of gradients, and the optimizers.

pub mod backward;
pub mod forward;
pub mod loss;
mod math;
pub mod matmul;
pub mod norm;
mod projection;
pub mod transposed;
pub mod update;
pub mod weights;

use super::contract::{Buffer, shared_struct};
use crate::device::launch::{Access, refused};
use crate::failure::Failure;

shared_struct!(Slot {
    runs: u32,
    samples: u32,
    steps: u32,
    inputs: u32,
    neurons: u32,
    width: u32,
    columns: u32,
    projection: u32,
    in_x: u32,
    in_y: u32,
    in_channels: u32,
    out_x: u32,
    out_y: u32,
    kernel: u32,
    stride: u32,
    padding: u32,
    dilation: u32,
    recurrent: u32,
    integrator: u32,
    reset: u32,
    detach: u32,
    surrogate: u32,
    slope: f32,
    scale: f32,
    adaptation: f32,
    adaptation_decay: f32,
    adaptation_gradient: f32,
    refractory: f32,
    refractory_decay: f32,
    input_scale: f32,
    output_scale: f32,
    pool_weight: f32,
    rate_low: f32,
    rate_high: f32,
    rate_weight: f32,
});

impl Slot {
    /// Whether it goes back and learns too.
    fn learns(&self) -> bool {
        self.runs == 1
    }

    /// Its samples of a batch that has room for so many.
    fn samples_of(&self, batch: u32) -> usize {
        self.samples.min(batch) as usize
    }

    /// Its steps of a stretch that begins with `first`.
    fn steps_of(&self, first: u32, count: u32) -> u32 {
        self.steps.saturating_sub(first).min(count)
    }
}

pub const DENSE: u32 = 0;
pub const CONV: u32 = 1;

pub const RESET_SUBTRACT: u32 = 1;
pub const RESET_ZERO: u32 = 2;

const fn buffer(name: &'static str, access: Access, element: &'static str, stride: usize) -> Buffer {
    Buffer {
        name,
        access,
        element,
        stride,
    }
}

const fn floats(name: &'static str, access: Access) -> Buffer {
    buffer(name, access, "f32", 4)
}

/// Floats that the WGSL reads four at a time.
const fn quads(name: &'static str, access: Access) -> Buffer {
    buffer(name, access, "vec4f", 16)
}

const fn words(name: &'static str, access: Access) -> Buffer {
    buffer(name, access, "u32", 4)
}

/// The product of sizes, refused where it is more than any buffer holds.
fn product(sizes: &[u32], what: &str) -> Result<usize, Failure> {
    sizes
        .iter()
        .try_fold(1_u64, |total, &size| total.checked_mul(u64::from(size)))
        .filter(|&total| total < 1 << 40)
        .map(|total| total as usize)
        .ok_or_else(|| refused(format!("{what} has more elements than a buffer can hold")))
}

/// The slots of a launch, each checked against the strides of its arrays.
fn check_slots(slots: &[Slot], count: u32, width: u32, columns: u32, rows: u32) -> Result<&[Slot], Failure> {
    let Some(slots) = slots.get(..count as usize) else {
        return Err(refused(format!(
            "\"slots\" holds {} slots; the launch is for {count}",
            slots.len()
        )));
    };
    for (index, slot) in slots.iter().enumerate().filter(|(_, slot)| slot.runs != 0) {
        let fits = slot.width <= width
            && slot.neurons <= slot.width
            && slot.neurons > 0
            && slot.columns <= columns
            && slot.columns > 0
            && projection::rows(slot).is_some_and(|needed| needed <= u64::from(rows))
            && projection::consistent(slot);
        if !fits {
            return Err(refused(format!(
                "slot {index} does not fit its arrays or has an inconsistent shape"
            )));
        }
    }
    Ok(slots)
}

/// Refuses an array that is shorter than the launch needs.
fn check_length<T>(name: &str, values: &[T], needed: usize) -> Result<(), Failure> {
    if values.len() < needed {
        return Err(refused(format!(
            "\"{name}\" holds {} elements, but the launch needs {needed}",
            values.len()
        )));
    }
    Ok(())
}

/// How a slot's parameters lie one after another: weights, recurrent weights, then bias, decay of the current, decay of
/// the membrane potential and threshold, each one value a column.
struct ParameterLayout {
    width: u32,
    columns: u32,
    rows: u32,
    recurrent_at: u32,
    constants_at: u32,
    stride: u32,
    input_words: u32,
}

fn check_layout(layout: &ParameterLayout, slots: &[Slot]) -> Result<(), Failure> {
    let recurrent = slots.iter().any(|slot| slot.runs != 0 && slot.recurrent != 0);
    let weights = u64::from(layout.rows) * u64::from(layout.columns);
    let square = if recurrent {
        u64::from(layout.width) * u64::from(layout.columns)
    } else {
        0
    };
    let fits = weights <= u64::from(layout.recurrent_at)
        && u64::from(layout.recurrent_at) + square <= u64::from(layout.constants_at)
        && u64::from(layout.constants_at) + 4 * u64::from(layout.columns) <= u64::from(layout.stride)
        && slots.iter().filter(|slot| slot.runs != 0).all(|slot| {
            layout.input_words == 0 || u64::from(slot.inputs) <= 32 * u64::from(layout.input_words)
        });
    if fits {
        return Ok(());
    }
    Err(refused("parameters do not fit their stride".to_owned()))
}

/// Steps first .. first + count - 1 of `steps`.
fn check_window(first: u32, count: u32, steps: u32) -> Result<(), Failure> {
    if u64::from(first) + u64::from(count) <= u64::from(steps) {
        return Ok(());
    }
    Err(refused(format!(
        "steps {first} + {count} are more than the {steps} of a sample"
    )))
}

/// Rows are whole vectors, so that no loop over neurons has a rest.
fn check_vectors(width: u32) -> Result<(), Failure> {
    if (width as usize).is_multiple_of(math::PANEL) {
        return Ok(());
    }
    Err(refused(format!(
        "rows of {width} neurons are not whole vectors of {}",
        math::PANEL
    )))
}

/// A stretch of steps within another.
fn check_inside(first: u32, count: u32, outer_first: u32, outer_count: u32) -> Result<(), Failure> {
    let inside = first >= outer_first
        && u64::from(first) + u64::from(count) <= u64::from(outer_first) + u64::from(outer_count);
    if inside {
        return Ok(());
    }
    Err(refused(format!(
        "steps {first} + {count} are not within the {outer_count} from {outer_first} that are kept"
    )))
}

fn check_planes(planes: u32, current: u32, adaptation: u32) -> Result<(), Failure> {
    if planes > 0 && current < planes && adaptation < planes {
        return Ok(());
    }
    Err(refused(format!(
        "planes {current} and {adaptation} are not among the {planes} of a trace"
    )))
}
