//! `shaders/surrogate_backward.wgsl`: back through a stretch of steps of one layer. A task is up to eight samples of a
//! slot, so that each recurrent weight that is loaded serves all of them.

use multiversion::multiversion;
use rayon::prelude::*;

use super::math::{PANEL, for_each_bit, multiply_add, surrogate_in_place};
use super::{DENSE, RESET_SUBTRACT, RESET_ZERO, Slot, check_length, check_slots, product, quads, words};
use crate::device::launch::{Access, Launch, refused};
use crate::failure::Failure;
use crate::kernels::Kernel;
use crate::kernels::contract::{KernelContract, shared_struct};

shared_struct!(Params {
    slots: u32,
    batch: u32,
    steps: u32,
    first: u32,
    count: u32,
    segment: u32,
    out_lag: u32,
    width: u32,
    columns: u32,
    rows: u32,
    recurrent_at: u32,
    constants_at: u32,
    stride: u32,
    trace_first: u32,
    trace_steps: u32,
    planes: u32,
    current_plane: u32,
    adaptation_plane: u32,
    upstream_first: u32,
    upstream_steps: u32,
    masked: u32,
});

pub const KERNEL: Kernel = Kernel {
    contract: KernelContract {
        name: "surrogate_backward",
        params: Params::LAYOUT,
        buffers: &[
            super::buffer("slots", Access::Read, "Slot", size_of::<Slot>()),
            quads("parameters", Access::Read),
            quads("trace", Access::Read),
            words("spikes", Access::Read),
            words("counts", Access::Read),
            quads("upstream", Access::Read),
            words("masks", Access::Read),
            quads("errors", Access::ReadWrite),
            quads("adjoint", Access::ReadWrite),
            quads("partials", Access::ReadWrite),
        ],
        structs: &[Slot::LAYOUT],
        constants: &["lanes", "parts"],
    },
    run,
};

/// Samples of a task.
const TILE: usize = 8;

struct Shared<'a> {
    params: &'a Params,
    slot: &'a Slot,
    constants: &'a [f32],
    /// [panel][from neuron j][to neuron k of the panel]: the weight from k to j.
    panels: &'a [f32],
}

/// The parts of up to [`TILE`] samples, side by side.
struct Tile<'a> {
    trace: &'a [f32],
    spikes: &'a [u32],
    counts: &'a [u32],
    upstream: &'a [f32],
    masks: &'a [u32],
    errors: &'a mut [f32],
    adjoint: &'a mut [f32],
    partials: &'a mut [f32],
}

fn run(launch: Launch<'_>) -> Result<(), Failure> {
    let p: Params = launch.params()?;
    let [
        slots,
        parameters,
        trace,
        spikes,
        counts,
        upstream,
        masks,
        errors,
        adjoint,
        partials,
    ] = launch.bindings()?;
    let slots = slots.read::<Slot>()?.values;
    let parameters = parameters.read::<f32>()?.values;
    let (trace, upstream) = (trace.read::<f32>()?.values, upstream.read::<f32>()?.values);
    let (spikes, counts) = (spikes.read::<u32>()?.values, counts.read::<u32>()?.values);
    let (errors, adjoint) = (errors.write::<f32>()?.values, adjoint.write::<f32>()?.values);
    let partials = partials.write::<f32>()?.values;
    let masks = masks.read::<u32>()?.values;
    let slots = check_slots(slots, p.slots, p.width, p.columns, p.rows)?;
    let layout = super::ParameterLayout {
        width: p.width,
        columns: p.columns,
        rows: p.rows,
        recurrent_at: p.recurrent_at,
        constants_at: p.constants_at,
        stride: p.stride,
        input_words: 0,
    };
    super::check_layout(&layout, slots)?;
    super::check_window(p.first, p.count, p.steps)?;
    super::check_inside(p.first, p.count, p.trace_first, p.trace_steps)?;
    super::check_inside(p.first, p.count, p.upstream_first, p.upstream_steps)?;
    super::check_inside(0, p.count, 0, p.segment)?;
    super::check_planes(p.planes, p.current_plane, p.adaptation_plane)?;
    let samples = product(&[p.slots, p.batch], "a batch")?;
    let lengths = [
        product(&[p.trace_steps, p.planes, p.width], "a trace")?,
        product(&[p.steps, p.width.div_ceil(32)], "a raster")?,
        p.width as usize,
        product(&[p.upstream_steps, p.width], "an upstream")?,
        product(&[p.segment, p.width], "errors")?,
        product(&[4, p.width], "an adjoint")?,
        product(&[4, p.columns], "partials")?,
    ];
    let [
        trace_length,
        spikes_length,
        counts_length,
        upstream_length,
        errors_length,
        adjoint_length,
        partials_length,
    ] = lengths;
    check_length(
        "parameters",
        parameters,
        product(&[p.slots, p.stride], "parameters")?,
    )?;
    check_length("trace", trace, samples.saturating_mul(trace_length))?;
    check_length("spikes", spikes, samples.saturating_mul(spikes_length))?;
    check_length("counts", counts, samples.saturating_mul(counts_length))?;
    check_length("upstream", upstream, samples.saturating_mul(upstream_length))?;
    check_length("errors", errors, samples.saturating_mul(errors_length))?;
    check_length("adjoint", adjoint, samples.saturating_mul(adjoint_length))?;
    check_length("partials", partials, samples.saturating_mul(partials_length))?;
    let mask_words = p.width.div_ceil(32) as usize;
    if p.masked == 1 {
        check_length("masks", masks, samples.saturating_mul(mask_words))?;
    }
    if samples == 0 || slots.iter().all(|slot| !slot.learns()) {
        return Ok(());
    }
    if p.segment == 0 {
        return Err(refused("errors are kept of no steps".to_owned()));
    }
    let batch = p.batch as usize;
    let stride = p.stride as usize;
    let running = |index: usize| slots[index].learns();
    let panels: Vec<Vec<f32>> = slots
        .par_iter()
        .enumerate()
        .map(|(index, slot)| {
            if !slot.learns() || slot.recurrent == 0 {
                return Vec::new();
            }
            transpose_to_panels(slot, &p, &parameters[index * stride + p.recurrent_at as usize..])
        })
        .collect();
    let mut tasks: Vec<(usize, Tile<'_>)> = Vec::new();
    let per_slot = errors
        .chunks_mut(batch * errors_length)
        .zip(adjoint.chunks_mut(batch * adjoint_length))
        .zip(partials.chunks_mut(batch * partials_length))
        .take(slots.len())
        .enumerate();
    for (index, ((errors, adjoint), partials)) in per_slot.filter(|(index, _)| running(*index)) {
        let samples = slots[index].samples_of(p.batch);
        let tiles = errors[..samples * errors_length]
            .chunks_mut(TILE * errors_length)
            .zip(adjoint.chunks_mut(TILE * adjoint_length))
            .zip(partials.chunks_mut(TILE * partials_length))
            .enumerate();
        for (tile, ((errors, adjoint), partials)) in tiles {
            let from = index * batch + tile * TILE;
            let to = (from + TILE).min(index * batch + samples);
            tasks.push((
                index,
                Tile {
                    trace: &trace[from * trace_length..to * trace_length],
                    spikes: &spikes[from * spikes_length..to * spikes_length],
                    counts: &counts[from * counts_length..to * counts_length],
                    upstream: &upstream[from * upstream_length..to * upstream_length],
                    masks: if p.masked == 1 {
                        &masks[from * mask_words..to * mask_words]
                    } else {
                        &[]
                    },
                    errors: &mut errors[..(to - from) * errors_length],
                    adjoint: &mut adjoint[..(to - from) * adjoint_length],
                    partials: &mut partials[..(to - from) * partials_length],
                },
            ));
        }
    }
    tasks.into_par_iter().for_each(|(index, tile)| {
        let constants_at = index * stride + p.constants_at as usize;
        let shared = Shared {
            params: &p,
            slot: &slots[index],
            constants: &parameters[constants_at..constants_at + 4 * p.columns as usize],
            panels: &panels[index],
        };
        run_tile(&shared, tile);
    });
    Ok(())
}

fn transpose_to_panels(slot: &Slot, p: &Params, recurrent: &[f32]) -> Vec<f32> {
    let width = slot.width as usize;
    let columns = p.columns as usize;
    let mut panels = vec![0.0; width.div_ceil(PANEL) * width * PANEL];
    for from in 0..slot.neurons as usize {
        let row = &recurrent[from * columns..from * columns + width];
        let panel = from / PANEL * width * PANEL + from % PANEL;
        for (to, &weight) in row.iter().enumerate() {
            panels[panel + to * PANEL] = weight;
        }
    }
    panels
}

/// gathered[s][k] += sum over j of errors[j][s] panels[k][j], for all samples of the tile. Eight sums with names of their
/// own stay in registers: 59 GFLOP/s on one core with AVX-512, where an array of arrays gave 22.
#[inline(always)]
fn multiply_panels(panels: &[f32], errors: &[f32], width: usize, gathered: &mut [f32]) {
    let (rows, _) = panels.as_chunks::<PANEL>();
    let (errors, _) = errors.as_chunks::<TILE>();
    for (panel, rows) in rows.chunks_exact(width).enumerate() {
        let mut s0 = [0.0_f32; PANEL];
        let (mut s1, mut s2, mut s3, mut s4, mut s5, mut s6, mut s7) = (s0, s0, s0, s0, s0, s0, s0);
        for (row, error) in rows.iter().zip(errors) {
            multiply_add(&mut s0, error[0], row);
            multiply_add(&mut s1, error[1], row);
            multiply_add(&mut s2, error[2], row);
            multiply_add(&mut s3, error[3], row);
            multiply_add(&mut s4, error[4], row);
            multiply_add(&mut s5, error[5], row);
            multiply_add(&mut s6, error[6], row);
            multiply_add(&mut s7, error[7], row);
        }
        for (s, sums) in [s0, s1, s2, s3, s4, s5, s6, s7].iter().enumerate() {
            let at = s * width + panel * PANEL;
            for (total, sum) in gathered[at..at + PANEL].iter_mut().zip(sums) {
                *total += sum;
            }
        }
    }
}

#[multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512dq+avx512bw+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
fn run_tile(shared: &Shared<'_>, tile: Tile<'_>) {
    let Shared {
        params: p,
        slot,
        constants,
        panels,
    } = *shared;
    let stride = p.width as usize;
    let columns = p.columns as usize;
    let width = slot.width as usize;
    let neurons = slot.neurons as usize;
    let planes = p.planes as usize;
    let raster_words = stride.div_ceil(32);
    let samples = tile.counts.len() / stride;
    let spread = |index: usize| -> Vec<f32> {
        let values = &constants[index * columns..][..slot.columns as usize];
        values.iter().copied().cycle().take(width).collect()
    };
    let (current_decay, membrane_decay, threshold) = (spread(1), spread(2), spread(3));
    let zero = f32::from(slot.reset == RESET_ZERO);
    let subtract = f32::from(slot.reset == RESET_SUBTRACT);
    let through_reset = f32::from(slot.detach == 0);
    let integrator = slot.integrator == 1;
    let all_steps = p.steps as usize;
    let steps = slot.steps.min(p.steps) as usize;
    let count = slot.steps_of(p.first, p.count) as usize;

    // [sample][neuron]: gradients with respect to current, membrane and adaptation of the step after.
    let mut current = vec![0.0_f32; TILE * width];
    let mut membrane = vec![0.0_f32; TILE * width];
    let mut adapted = vec![0.0_f32; TILE * width];
    let mut gathered = vec![0.0_f32; TILE * width];
    // [neuron][sample]: `current` as the product reads it.
    let mut turned = vec![0.0_f32; TILE * width];
    let mut of_bias = vec![0.0_f32; TILE * width];
    let mut of_current = vec![0.0_f32; TILE * width];
    let mut of_membrane = vec![0.0_f32; TILE * width];
    let mut of_threshold = vec![0.0_f32; TILE * width];
    let last = p.first + p.count == p.steps;
    for s in 0..samples {
        let adjoint = &tile.adjoint[s * 4 * stride..];
        if !last {
            current[s * width..(s + 1) * width].copy_from_slice(&adjoint[..width]);
            membrane[s * width..(s + 1) * width].copy_from_slice(&adjoint[stride..][..width]);
            adapted[s * width..(s + 1) * width].copy_from_slice(&adjoint[2 * stride..][..width]);
        }
    }
    // The gradient of the penalty on a neuron's rate r in a sample: weight (r - bound)^2 beyond a bound.
    let mut of_rate = vec![0.0_f32; TILE * width];
    if slot.rate_weight > 0.0 {
        for s in 0..samples {
            for j in 0..neurons {
                let rate = tile.counts[s * stride + j] as f32 / steps as f32;
                let beyond = (rate - slot.rate_high).max(0.0) - (slot.rate_low - rate).max(0.0);
                of_rate[s * width + j] = 2.0 * slot.rate_weight * beyond / steps as f32;
            }
        }
    }
    // What an output spike counts above: nothing where it is dropped.
    let mut amplitude = vec![1.0_f32; TILE * width];
    if p.masked == 1 {
        amplitude.fill(0.0);
        for s in 0..samples {
            for_each_bit(
                &tile.masks[s * raster_words..][..raster_words],
                slot.neurons,
                |j| {
                    amplitude[s * width + j as usize] = slot.output_scale;
                },
            );
        }
    }
    let mut spiked = vec![0.0_f32; width];
    let mut spiked_before = vec![0.0_f32; width];
    let mut h = vec![0.0_f32; width];
    let nothing = vec![0.0_f32; width];

    for r in (0..count).rev() {
        let t = p.first as usize + r;
        gathered.fill(0.0);
        if slot.recurrent == 1 && t + 1 < steps {
            for (j, turned) in turned.as_chunks_mut::<TILE>().0.iter_mut().enumerate() {
                for (s, value) in turned.iter_mut().enumerate() {
                    *value = current[s * width + j];
                }
            }
            multiply_panels(panels, &turned, width, &mut gathered);
        }
        for s in 0..samples {
            let part = s * width..(s + 1) * width;
            let row = t - p.trace_first as usize + s * p.trace_steps as usize;
            let plane = |index: usize| &tile.trace[(row * planes + index) * stride..][..width];
            let potential = plane(0);
            let upstream = if t + (p.out_lag as usize) < steps {
                let row = t + p.out_lag as usize - p.upstream_first as usize;
                if row < p.upstream_steps as usize {
                    &tile.upstream[(s * p.upstream_steps as usize + row) * stride..][..width]
                } else {
                    &nothing[..]
                }
            } else {
                &nothing[..]
            };
            let (current, membrane) = (&mut current[part.clone()], &mut membrane[part.clone()]);
            let adapted = &mut adapted[part.clone()];
            let of_threshold = &mut of_threshold[part.clone()];
            spiked_before.fill(0.0);
            if integrator {
                for j in 0..width {
                    membrane[j] = membrane_decay[j] * membrane[j] + upstream[j];
                }
            } else {
                let raster = &tile.spikes[s * all_steps * raster_words..];
                spiked.fill(0.0);
                for_each_bit(&raster[t * raster_words..][..raster_words], slot.neurons, |j| {
                    spiked[j as usize] = 1.0;
                });
                if t > 0 {
                    let before = &raster[(t - 1) * raster_words..][..raster_words];
                    for_each_bit(before, slot.neurons, |j| spiked_before[j as usize] = 1.0);
                }
                if p.adaptation_plane != 0 {
                    let raised = plane(p.adaptation_plane as usize);
                    for j in 0..width {
                        h[j] = potential[j] - threshold[j] - raised[j];
                    }
                } else {
                    for j in 0..width {
                        h[j] = potential[j] - threshold[j];
                    }
                }
                surrogate_in_place(slot, &mut h);
                h[neurons..].fill(0.0);
                let (gathered, of_rate) = (&gathered[part.clone()], &of_rate[part.clone()]);
                let amplitude = &amplitude[part.clone()];
                for j in 0..width {
                    let of_reset = zero * membrane_decay[j] * potential[j] + subtract * threshold[j];
                    let of_spike = amplitude[j] * upstream[j] + gathered[j] + of_rate[j] + adapted[j]
                        - through_reset * of_reset * membrane[j];
                    let of_distance = of_spike * h[j];
                    adapted[j] = slot.adaptation_decay * adapted[j] - slot.adaptation_gradient * of_distance;
                    let kept = membrane_decay[j] * (1.0 - zero * spiked[j]);
                    membrane[j] = kept * membrane[j] + of_distance;
                    of_threshold[j] -= of_distance + subtract * spiked_before[j] * membrane[j];
                }
            }
            let errors = &mut tile.errors[(s * p.segment as usize + r) * stride..][..width];
            let of_bias = &mut of_bias[part.clone()];
            for j in 0..width {
                current[j] = current_decay[j] * current[j] + membrane[j];
                errors[j] = current[j];
                of_bias[j] += current[j];
            }
            if p.current_plane != 0 && t > p.trace_first as usize {
                let (of_current, of_membrane) = (&mut of_current[part.clone()], &mut of_membrane[part]);
                let row = row - 1;
                let before = &tile.trace[(row * planes + p.current_plane as usize) * stride..][..width];
                let potential = &tile.trace[row * planes * stride..][..width];
                for j in 0..width {
                    of_current[j] += current[j] * before[j];
                    of_membrane[j] += membrane[j] * potential[j] * (1.0 - zero * spiked_before[j]);
                }
            }
        }
    }
    for s in 0..samples {
        for r in count..p.segment as usize {
            tile.errors[(s * p.segment as usize + r) * stride..][..width].fill(0.0);
        }
        let adjoint = &mut tile.adjoint[s * 4 * stride..(s + 1) * 4 * stride];
        adjoint[..width].copy_from_slice(&current[s * width..(s + 1) * width]);
        adjoint[stride..stride + width].copy_from_slice(&membrane[s * width..(s + 1) * width]);
        adjoint[2 * stride..2 * stride + width].copy_from_slice(&adapted[s * width..(s + 1) * width]);
        let partials = &mut tile.partials[s * 4 * columns..(s + 1) * 4 * columns];
        if last {
            partials.fill(0.0);
        }
        // Constants of channels do not learn.
        if slot.projection != DENSE {
            continue;
        }
        let sums = [&of_bias, &of_current, &of_membrane, &of_threshold];
        for (index, sums) in sums.into_iter().enumerate() {
            let into = &mut partials[index * columns..index * columns + slot.columns as usize];
            for (total, sum) in into.iter_mut().zip(&sums[s * width..(s + 1) * width]) {
                *total += sum;
            }
        }
    }
}
