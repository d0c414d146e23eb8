//! `shaders/surrogate_backward.wgsl`: back through a stretch of steps of one layer. A task is up to eight samples of a
//! slot, so that each recurrent weight that is loaded serves all of them.

use multiversion::multiversion;
use rayon::prelude::*;

use super::math::{PANEL, for_each_bit, lanes, multiply_add, spikes_of, surrogate_in_place};
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
    super::check_vectors(p.width)?;
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

/// gathered[s][k] = sum over j of errors[j][s] panels[k][j], for all samples of the tile. Eight sums with names of their
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
            gathered[at..at + PANEL].copy_from_slice(sums);
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
    // Whole vectors: what lies beyond the neurons comes to nothing.
    let width = (slot.width as usize).next_multiple_of(PANEL);
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
    for r in (0..count).rev() {
        let t = p.first as usize + r;
        if slot.recurrent == 1 && t + 1 < steps {
            for (s, current) in current.chunks_exact(width).enumerate() {
                for (turned, value) in turned.as_chunks_mut::<TILE>().0.iter_mut().zip(current) {
                    turned[s] = *value;
                }
            }
            multiply_panels(panels, &turned, width, &mut gathered);
        }
        for s in 0..samples {
            let row = t - p.trace_first as usize + s * p.trace_steps as usize;
            let plane =
                |row: usize, index: u32| &tile.trace[(row * planes + index as usize) * stride..][..width];
            let potential = plane(row, 0);
            let raised = (p.adaptation_plane != 0).then(|| plane(row, p.adaptation_plane));
            let above = (t + p.out_lag as usize).wrapping_sub(p.upstream_first as usize);
            let reaches = t + (p.out_lag as usize) < steps && above < p.upstream_steps as usize;
            let upstream =
                reaches.then(|| &tile.upstream[(s * p.upstream_steps as usize + above) * stride..][..width]);
            let earlier = (p.current_plane != 0 && t > p.trace_first as usize)
                .then(|| (plane(row - 1, p.current_plane), plane(row - 1, 0)));
            let raster = &tile.spikes[s * all_steps * raster_words..][..all_steps * raster_words];
            let errors = &mut tile.errors[(s * p.segment as usize + r) * stride..][..width];
            for at in (0..width).step_by(PANEL) {
                let own = s * width + at;
                let from_above = upstream.map_or([0.0; PANEL], |row| lanes(row, at));
                let mut of_v = lanes(&membrane, own);
                let decay = lanes(&membrane_decay, at);
                let mut before = [0.0; PANEL];
                if integrator {
                    for k in 0..PANEL {
                        of_v[k] = decay[k] * of_v[k] + from_above[k];
                    }
                } else {
                    let spiked = spikes_of(&raster[t * raster_words..], at);
                    if t > 0 {
                        before = spikes_of(&raster[(t - 1) * raster_words..], at);
                    }
                    let (v, threshold) = (lanes(potential, at), lanes(&threshold, at));
                    let raised = raised.map_or([0.0; PANEL], |row| lanes(row, at));
                    let mut h = [0.0_f32; PANEL];
                    for k in 0..PANEL {
                        h[k] = v[k] - threshold[k] - raised[k];
                    }
                    surrogate_in_place(slot, &mut h);
                    if at + PANEL > neurons {
                        h[neurons.saturating_sub(at)..].fill(0.0);
                    }
                    let (met, of_rate) = (lanes(&gathered, own), lanes(&of_rate, own));
                    let (amplitude, mut of_a) = (lanes(&amplitude, own), lanes(&adapted, own));
                    let mut of_bound = lanes(&of_threshold, own);
                    for k in 0..PANEL {
                        let of_reset = zero * decay[k] * v[k] + subtract * threshold[k];
                        let of_spike = amplitude[k] * from_above[k] + met[k] + of_rate[k] + of_a[k]
                            - through_reset * of_reset * of_v[k];
                        let of_distance = of_spike * h[k];
                        of_a[k] = slot.adaptation_decay * of_a[k] - slot.adaptation_gradient * of_distance;
                        of_v[k] = decay[k] * (1.0 - zero * spiked[k]) * of_v[k] + of_distance;
                        of_bound[k] -= of_distance + subtract * before[k] * of_v[k];
                    }
                    adapted[own..own + PANEL].copy_from_slice(&of_a);
                    of_threshold[own..own + PANEL].copy_from_slice(&of_bound);
                }
                let (mut of_i, decay) = (lanes(&current, own), lanes(&current_decay, at));
                let mut bias = lanes(&of_bias, own);
                for k in 0..PANEL {
                    of_i[k] = decay[k] * of_i[k] + of_v[k];
                    bias[k] += of_i[k];
                }
                errors[at..at + PANEL].copy_from_slice(&of_i);
                current[own..own + PANEL].copy_from_slice(&of_i);
                membrane[own..own + PANEL].copy_from_slice(&of_v);
                of_bias[own..own + PANEL].copy_from_slice(&bias);
                if let Some((currents, potentials)) = earlier {
                    let (i, v) = (lanes(currents, at), lanes(potentials, at));
                    let (mut of_current_decay, mut of_decay) =
                        (lanes(&of_current, own), lanes(&of_membrane, own));
                    for k in 0..PANEL {
                        of_current_decay[k] += of_i[k] * i[k];
                        of_decay[k] += of_v[k] * v[k] * (1.0 - zero * before[k]);
                    }
                    of_current[own..own + PANEL].copy_from_slice(&of_current_decay);
                    of_membrane[own..own + PANEL].copy_from_slice(&of_decay);
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
