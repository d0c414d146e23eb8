//! One image forward in time, all layers step by step.

use super::job::{Image, Job, Outcome};
use super::layer::{Routes, straight};
use super::neuron::{Neuron, State, step, surrogate};
use super::products::add_ints;
use super::shape::{CLASS_BLOCKS, IMAGE_SIDE, LANES};
use super::workspace::{StageSpace, Workspace};

/// All steps of an image; what each layer sent stays in the workspace.
#[inline(always)]
pub fn forward(work: &mut Workspace, job: &Job, image: &Image<'_>) -> Outcome {
    let steps = job.shape.steps;
    let [one, two] = job.shape.stages;
    let [first, second] = &mut work.stages;
    let second_blocks = two.blocks();
    let pool_routes = [straight(one.blocks()), straight(second_blocks)];
    let mut classes = [State {
        threshold: [job.neurons[4].threshold; LANES],
        ..State::default()
    }; CLASS_BLOCKS];
    let mut class_spikes = [[0; LANES]; CLASS_BLOCKS];
    for t in 0..steps {
        let (row, columns) = (one.padded_side() * one.blocks(), one.kernel * one.blocks());
        for &pixel in image.events_at(t) {
            let (y, x) = (pixel as usize / IMAGE_SIDE, pixel as usize % IMAGE_SIDE);
            for ky in 0..one.kernel {
                let start = (y + one.kernel - 1 - ky) * row + x * one.blocks();
                add_ints(
                    &mut first.input[start..start + columns],
                    &job.first[ky * columns..][..columns],
                );
            }
        }
        advance_stage(
            first,
            &job.neurons[..2],
            t,
            (&job.routes[0], &pool_routes[0]),
            one.kernel,
            job,
        );

        let (row, columns) = (two.padded_side() * second_blocks, two.kernel * second_blocks);
        let pool_side = first.pool.side;
        for &(site, channel) in first.pool.sent_at(t) {
            let (y, x) = (site as usize / pool_side, site as usize % pool_side);
            for ky in 0..two.kernel {
                let start = (y + two.kernel - 1 - ky) * row + x * second_blocks;
                add_ints(
                    &mut second.input[start..start + columns],
                    &job.second[(channel as usize * two.kernel + ky) * columns..][..columns],
                );
            }
        }
        advance_stage(
            second,
            &job.neurons[2..4],
            t,
            (&job.routes[1], &pool_routes[1]),
            two.kernel,
            job,
        );

        let mut input = [[0; LANES]; CLASS_BLOCKS];
        for &(site, channel) in second.pool.sent_at(t) {
            let at = (site as usize * second_blocks * LANES + channel as usize) * CLASS_BLOCKS;
            add_ints(&mut input, &job.output[at..at + CLASS_BLOCKS]);
        }
        for (block, state) in classes.iter_mut().enumerate() {
            let (spikes, distance) = step(&job.neurons[4], state, &input[block]);
            work.output_derivatives[t * CLASS_BLOCKS + block] = surrogate(&job.neurons[4], &distance);
            work.output_voltages[t * CLASS_BLOCKS + block] = state.voltage;
            // Those of the last step leave the window by the shift.
            if t + 1 < steps {
                for l in 0..LANES {
                    class_spikes[block][l] += spikes[l];
                }
            }
        }
    }
    let mut outcome = Outcome::default();
    for (class, count) in outcome.class_spikes.iter_mut().enumerate() {
        *count = class_spikes[class / LANES][class % LANES] as u32;
    }
    let amplitude = f64::from(job.amplitude);
    outcome.spikes = [
        0.0,
        first.conv.count_sent() as f64 * amplitude,
        first.pool.count_sent() as f64,
        second.conv.count_sent() as f64 * amplitude,
        second.pool.count_sent() as f64,
        outcome.class_spikes.iter().map(|&count| f64::from(count)).sum(),
    ];
    outcome
}

/// One step of a conv layer, whose input is summed, and of the pool behind it.
#[inline(always)]
fn advance_stage(
    space: &mut StageSpace,
    neurons: &[Neuron],
    t: usize,
    routes: (&Routes, &Routes),
    kernel: usize,
    job: &Job,
) {
    let StageSpace {
        conv,
        pool,
        input,
        kept,
        ..
    } = space;
    let (blocks, side) = (conv.blocks, conv.side);
    let padded = side + 2 * (kernel - 1);
    for (a, &site) in conv.active.iter().enumerate() {
        let (y, x) = (site as usize / side, site as usize % side);
        let at = ((y + kernel - 1) * padded + x + kernel - 1) * blocks;
        let input = &mut input[at..at + blocks];
        conv.fed[a * blocks..(a + 1) * blocks].copy_from_slice(input);
        input.fill([0; LANES]);
    }
    conv.advance(&neurons[0], t, routes.0, Some(kept), job.train);
    let sent = &conv.out[t * side * side * blocks..(t + 1) * side * side * blocks];
    for (a, &site) in pool.active.iter().enumerate() {
        let (y, x) = (site as usize / pool.side, site as usize % pool.side);
        for block in 0..blocks {
            let at = (y * side + x) * blocks + block;
            // Four bytes of 0 or 1 don't carry.
            let counts =
                sent[at] + sent[at + blocks] + sent[at + side * blocks] + sent[at + (side + 1) * blocks];
            let fed = &mut pool.fed[a * blocks + block];
            for (fed, count) in fed.iter_mut().zip(counts.to_le_bytes()) {
                *fed = (f32::from(count) * job.amplitude * 4096.0) as i32;
            }
        }
    }
    pool.advance(&neurons[1], t, routes.1, None, job.train);
    pool.list_sent(t);
}
