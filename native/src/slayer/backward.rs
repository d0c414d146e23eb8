//! One image backward in time, layer by layer.

use super::job::{Gradients, Job};
use super::layer::Layer;
use super::neuron::{Errors, STATE, scaled, step_back};
use super::products::{Back, add_reals, scatter, send_back, spiking};
use super::shape::{CLASS_BLOCKS, CLASSES, LANES, Reals};
use super::workspace::{Input, StageSpace, Workspace};

/// Back through all layers: `slopes` are the loss's derivatives by the spikes of each class.
#[inline(always)]
pub fn backward(work: &mut Workspace, job: &Job, slopes: &[Reals; CLASS_BLOCKS], gradients: &mut Gradients) {
    let errors = output_errors(work, job, slopes, &mut gradients.decays[2]);
    let Workspace {
        stages,
        input,
        series,
        ..
    } = work;
    let [first, second] = stages;
    output_weights(&second.pool, &errors, gradients);
    second_pool(second, job, &errors, series);
    second_conv(second, job, gradients, series);
    second_weights(first, second, job, gradients);
    first_pool(first, second, job, series);
    first_conv(first, job, input, gradients, series);
}

type ClassErrors = [Reals; CLASS_BLOCKS];

/// Errors of the output neurons' input, by step.
#[inline(always)]
fn output_errors(
    work: &Workspace,
    job: &Job,
    slopes: &[Reals; CLASS_BLOCKS],
    decays: &mut [f64; 2],
) -> Vec<ClassErrors> {
    let steps = job.shape.steps;
    let neuron = &job.neurons[4];
    let mut errors = [Errors::default(); CLASS_BLOCKS];
    let mut found = vec![[[0.0; LANES]; CLASS_BLOCKS]; steps];
    for t in (0..steps).rev() {
        for (block, errors) in errors.iter_mut().enumerate() {
            // The output of a step is what spiked the step before.
            let gradient = if t + 1 < steps {
                slopes[block]
            } else {
                [0.0; LANES]
            };
            let derivative = &work.output_derivatives[t * CLASS_BLOCKS + block];
            step_back(neuron.keeps(), errors, &gradient, derivative);
            found[t][block] = errors.current;
            if t == 0 {
                continue;
            }
            let last = work.output_voltages[(t - 1) * CLASS_BLOCKS + block];
            let before = if t > 1 {
                work.output_voltages[(t - 2) * CLASS_BLOCKS + block]
            } else {
                [0; LANES]
            };
            for l in 0..LANES {
                let entered = last[l] - scaled(before[l], neuron.keep_voltage);
                decays[0] += f64::from(errors.current[l]) * f64::from(entered) / f64::from(STATE);
                decays[1] += f64::from(errors.voltage[l]) * f64::from(last[l]) / f64::from(STATE);
            }
        }
    }
    found
}

#[inline(always)]
fn output_weights(pool: &Layer, errors: &[ClassErrors], gradients: &mut Gradients) {
    for number in 0..pool.active.len() {
        let site = pool.active[number] as usize;
        for block in 0..pool.blocks {
            for (errors, &sent) in errors.iter().zip(pool.sent(number, block)) {
                for lane in spiking(sent) {
                    let at = ((site * pool.blocks + block) * LANES + lane) * CLASS_BLOCKS;
                    let sums = gradients.output[at..at + CLASS_BLOCKS].as_flattened_mut();
                    add_reals(sums, errors.as_flattened());
                }
            }
        }
    }
}

/// The pool that the output layer sees.
#[inline(always)]
fn second_pool(stage: &mut StageSpace, job: &Job, errors: &[ClassErrors], series: &mut [Reals]) {
    let pool = &mut stage.pool;
    let sites = pool.side * pool.side;
    let steps = errors.len();
    series[steps - 1] = [0.0; LANES];
    for number in 0..pool.active.len() {
        let site = pool.active[number] as usize;
        for block in 0..pool.blocks {
            let mut weights = [[0.0; LANES]; CLASSES];
            for (class, weights) in weights.iter_mut().enumerate() {
                *weights = job.output_back[(class * sites + site) * pool.blocks + block];
            }
            // What is sent at a step spiked the step before.
            for (gradient, errors) in series.iter_mut().zip(&errors[1..]) {
                let errors = errors.as_flattened();
                let mut sum = [0.0; LANES];
                for (weights, &error) in weights.iter().zip(errors) {
                    for l in 0..LANES {
                        sum[l] = error.mul_add(weights[l], sum[l]);
                    }
                }
                *gradient = sum;
            }
            pool.back(&job.neurons[3], (number, block), &series[..steps]);
        }
    }
}

/// The conv layer before it, whose errors are kept by rows.
#[inline(always)]
fn second_conv(stage: &mut StageSpace, job: &Job, gradients: &mut Gradients, series: &mut [Reals]) {
    let shape = job.shape.stages[1];
    let (length, steps) = (shape.row_length(), job.shape.steps);
    for number in 0..stage.conv.active.len() {
        let (y, x) = stage.conv.place(number);
        for block in 0..stage.conv.blocks {
            conv_errors(stage, job, 1, (number, block), gradients, series);
            let start = (x + shape.kernel - 1) * shape.channels + block * LANES;
            let lanes = shape.lanes(block);
            let rows = stage.errors[y * steps * length..(y + 1) * steps * length].chunks_exact_mut(length);
            for (row, errors) in rows.zip(&series[..]) {
                row[start..start + lanes].copy_from_slice(&errors[..lanes]);
            }
        }
    }
}

/// What the spikes of the first pool give the second convolution's weights.
#[inline(always)]
fn second_weights(first: &StageSpace, second: &StageSpace, job: &Job, gradients: &mut Gradients) {
    let shape = job.shape.stages[1];
    let (length, row) = (shape.row_length(), shape.kernel_row());
    let steps = job.shape.steps;
    for (ky, sums) in gradients.second.chunks_exact_mut(shape.inputs * row).enumerate() {
        for y in 0..second.conv.side {
            let rows = second.errors[y * steps * length..(y + 1) * steps * length].chunks_exact(length);
            for (t, errors) in rows.enumerate() {
                for (x, channels) in first.pool_events.at(y + ky, t) {
                    let start = x * shape.channels;
                    scatter(sums, &errors[start..start + row], channels);
                }
            }
        }
    }
}

/// The pool that the second convolution sees.
#[inline(always)]
fn first_pool(first: &mut StageSpace, second: &StageSpace, job: &Job, series: &mut [Reals]) {
    let shape = job.shape.stages[1];
    let pool = &mut first.pool;
    let steps = job.shape.steps;
    let back = Back {
        errors: &second.errors,
        row_length: shape.row_length(),
        side: second.conv.side,
        steps,
        channels: shape.channels,
        kernel: shape.kernel,
        weights: &job.second_back,
        input_blocks: pool.blocks,
    };
    // What is sent at a step spiked the step before: each block's series is read one step later.
    series[pool.blocks * steps] = [0.0; LANES];
    for number in 0..pool.active.len() {
        send_back(&back, pool.place(number), series);
        for block in 0..pool.blocks {
            series[block * steps] = [0.0; LANES];
        }
        for block in 0..pool.blocks {
            let gradients = &series[block * steps + 1..][..steps];
            pool.back(&job.neurons[1], (number, block), gradients);
        }
    }
}

#[inline(always)]
fn first_conv(
    stage: &mut StageSpace,
    job: &Job,
    input: &mut Input,
    gradients: &mut Gradients,
    series: &mut [Reals],
) {
    let blocks = stage.conv.blocks;
    for number in 0..stage.conv.active.len() {
        input.look(stage.conv.place(number), stage.kernel);
        for block in 0..blocks {
            conv_errors(stage, job, 0, (number, block), gradients, series);
            for (t, errors) in series[..job.shape.steps].iter().enumerate() {
                for &pixel in input.seen(t) {
                    let sums = &mut gradients.first[usize::from(pixel) * blocks + block];
                    for l in 0..LANES {
                        sums[l] += errors[l];
                    }
                }
            }
        }
    }
}

/// Errors of the input of a block of a conv layer, by step, from those of the pool behind it; adds to the gradients of
/// delays and decays.
#[inline(always)]
fn conv_errors(
    stage: &mut StageSpace,
    job: &Job,
    index: usize,
    (number, block): (usize, usize),
    gradients: &mut Gradients,
    series: &mut [Reals],
) {
    let StageSpace {
        conv,
        pool,
        kept,
        sent,
        ..
    } = stage;
    let steps = job.shape.steps;
    let (y, x) = conv.place(number);
    let at = |dy: usize, dx: usize| Layer::errors_at(pool, y.checked_sub(dy), x.checked_sub(dx), block);
    let (a, b, c, d) = (at(1, 1), at(1, 0), at(0, 1), at(0, 0));
    for (t, sum) in sent.iter_mut().enumerate() {
        let (a, b, c, d) = (&a[t], &b[t], &c[t], &d[t]);
        for l in 0..LANES {
            sum[l] = (a[l] + b[l]) + (c[l] + d[l]);
        }
    }
    let mut before = 0;
    let delays = &mut gradients.delays[index][block * LANES..(block + 1) * LANES];
    for (gradient, &now) in sent.iter().zip(conv.sent(number, block)) {
        if now != before {
            let (now, before) = (now.to_le_bytes(), before.to_le_bytes());
            for l in 0..LANES {
                let change = f32::from(before[l]) - f32::from(now[l]);
                delays[l] += f64::from(gradient[l] * job.amplitude * change);
            }
        }
        before = now;
    }
    // A spike is sent a step and its delay later, unless dropout takes it.
    let series = &mut series[..steps];
    series.fill([0.0; LANES]);
    let stays = kept[number * conv.blocks + block];
    for &(delay, channels) in &job.routes[index][block] {
        let open = (stays & channels).to_le_bytes();
        let mut gain = [0.0; LANES];
        for l in 0..LANES {
            gain[l] = if open[l] != 0 { job.amplitude } else { 0.0 };
        }
        for (gradient, sent) in series.iter_mut().zip(sent.iter().skip(1 + delay)) {
            for l in 0..LANES {
                gradient[l] += gain[l] * sent[l];
            }
        }
    }
    conv.back_learning(
        &job.neurons[2 * index],
        (number, block),
        series,
        &mut gradients.decays[index],
    );
}
