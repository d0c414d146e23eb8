//! One image forward in time, layer by layer.

use super::job::{Job, Outcome};
use super::layer::{Layer, straight};
use super::neuron::{STATE, State, step, surrogate};
use super::products::{add_ints, gather, spiking};
use super::shape::{Bytes, CLASS_BLOCKS, Ints, LANES};
use super::workspace::{Input, StageSpace, Workspace};

/// All layers of an image; what each of them sent stays in the workspace.
#[inline(always)]
pub fn forward(work: &mut Workspace, job: &Job) -> Outcome {
    let Workspace {
        stages,
        input,
        output_derivatives,
        output_voltages,
        fed,
        ..
    } = work;
    let [first, second] = stages;
    let steps = job.shape.steps;
    first_conv(first, job, input, fed);
    pool(first, job, 0, fed);
    first.pool_events.list(&first.pool);
    second_conv(first, second, job, fed);
    pool(second, job, 1, fed);

    let pool = &second.pool;
    let mut input = vec![[[0; LANES]; CLASS_BLOCKS]; steps];
    for number in 0..pool.active.len() {
        let site = pool.active[number] as usize;
        for block in 0..pool.blocks {
            for (input, &sent) in input.iter_mut().zip(pool.sent(number, block)) {
                for lane in spiking(sent) {
                    let at = ((site * pool.blocks + block) * LANES + lane) * CLASS_BLOCKS;
                    let weights = &job.output[at..at + CLASS_BLOCKS];
                    add_ints(input.as_flattened_mut(), weights.as_flattened());
                }
            }
        }
    }
    let neuron = &job.neurons[4];
    let mut classes = [State::at_rest(neuron); CLASS_BLOCKS];
    let mut class_spikes = [[0; LANES]; CLASS_BLOCKS];
    for (t, input) in input.iter().enumerate() {
        for (block, state) in classes.iter_mut().enumerate() {
            let (spikes, distance) = step(neuron, state, &input[block]);
            output_derivatives[t * CLASS_BLOCKS + block] = surrogate(neuron, &distance);
            output_voltages[t * CLASS_BLOCKS + block] = state.voltage;
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

/// The conv layer that sees the image: each site sums the weights of the pixels that spike in its window.
#[inline(always)]
fn first_conv(stage: &mut StageSpace, job: &Job, input: &mut Input, fed: &mut [Ints]) {
    let conv = &mut stage.conv;
    for number in 0..conv.active.len() {
        let place = conv.place(number);
        input.look(place, stage.kernel);
        for block in 0..conv.blocks {
            for (t, fed) in fed.iter_mut().enumerate() {
                let mut sum: Ints = [0; LANES];
                for &pixel in input.seen(t) {
                    let weights = &job.first[usize::from(pixel) * conv.blocks + block];
                    for l in 0..LANES {
                        sum[l] = sum[l].wrapping_add(weights[l]);
                    }
                }
                *fed = sum;
            }
            let kept = stage.kept[number * conv.blocks + block];
            conv.advance(
                &job.neurons[0],
                (number, block),
                fed,
                &job.routes[0][block],
                kept,
                job.train,
            );
        }
    }
}

/// The other one, row by row: each spike adds its weights to the sums of a row.
#[inline(always)]
fn second_conv(first: &StageSpace, second: &mut StageSpace, job: &Job, fed: &mut [Ints]) {
    let stage = job.shape.stages[1];
    let (length, row) = (stage.row_length(), stage.kernel_row());
    let (conv, sums) = (&mut second.conv, &mut second.sums);
    for y in 0..conv.side {
        let sites = conv.row(y);
        if sites.is_empty() {
            continue;
        }
        sums.fill(0);
        for ky in 0..stage.kernel {
            let weights = &job.second[ky * stage.inputs * row..(ky + 1) * stage.inputs * row];
            for (t, sums) in sums.chunks_exact_mut(length).enumerate() {
                for (x, channels) in first.pool_events.at(y + ky, t) {
                    let start = x * stage.channels;
                    gather(&mut sums[start..start + row], weights, channels);
                }
            }
        }
        for number in sites {
            let (_, x) = conv.place(number);
            for block in 0..conv.blocks {
                let start = (x + stage.kernel - 1) * stage.channels + block * LANES;
                let lanes = stage.lanes(block);
                for (fed, sums) in fed.iter_mut().zip(sums.chunks_exact(length)) {
                    let sums = &sums[start..start + LANES];
                    for l in 0..LANES {
                        // Beyond the last channel stand the next site's sums.
                        fed[l] = if l < lanes { sums[l] } else { 0 };
                    }
                }
                let kept = second.kept[number * conv.blocks + block];
                conv.advance(
                    &job.neurons[2],
                    (number, block),
                    fed,
                    &job.routes[1][block],
                    kept,
                    job.train,
                );
            }
        }
    }
}

/// A pool sums what four sites send.
#[inline(always)]
fn pool(stage: &mut StageSpace, job: &Job, index: usize, fed: &mut [Ints]) {
    let StageSpace { conv, pool, .. } = stage;
    let straight = straight();
    for number in 0..pool.active.len() {
        let (y, x) = pool.place(number);
        for block in 0..pool.blocks {
            let sent = |dy: usize, dx: usize| Layer::sent_from(conv, y + dy, x + dx, block);
            let (a, b, c, d) = (sent(0, 0), sent(0, 1), sent(1, 0), sent(1, 1));
            for (t, fed) in fed.iter_mut().enumerate() {
                // Four bytes of 0 or 1 don't carry.
                let counts = a[t] + b[t] + c[t] + d[t];
                for (fed, count) in fed.iter_mut().zip(counts.to_le_bytes()) {
                    *fed = (f32::from(count) * job.amplitude * STATE as f32) as i32;
                }
            }
            pool.advance(
                &job.neurons[2 * index + 1],
                (number, block),
                fed,
                &straight,
                Bytes::MAX,
                job.train,
            );
        }
    }
}
