//! One image backward in time, all layers step by step.

use super::job::{Gradients, Image, Job};
use super::neuron::{Errors, step_back};
use super::products::{Back, add_reals, send_back};
use super::shape::{CLASS_BLOCKS, CLASSES, IMAGE_SIDE, LANES, Reals};
use super::workspace::{StageSpace, Workspace};

/// Back through all steps: `slopes` are the loss's derivatives by the spikes of each class.
#[inline(always)]
pub fn backward(
    work: &mut Workspace,
    job: &Job,
    image: &Image<'_>,
    slopes: &[Reals; CLASS_BLOCKS],
    gradients: &mut Gradients,
) {
    let steps = job.shape.steps;
    let [one, two] = job.shape.stages;
    let [first, second] = &mut work.stages;
    let blocks = [one.blocks(), two.blocks()];
    let neuron = &job.neurons[4];
    let keep = [neuron.keep_current, neuron.keep_voltage].map(|keep| keep as f32 / 4096.0);
    let mut errors = [Errors::default(); CLASS_BLOCKS];
    let [first_decays, second_decays, output_decays] = &mut gradients.decays;
    let [first_delays, second_delays] = &mut gradients.delays;
    for t in (0..steps).rev() {
        back_stage(first, job, 0, t, first_decays, first_delays);
        let (row, columns) = (one.padded_side() * blocks[0], one.kernel * blocks[0]);
        for &pixel in image.events_at(t) {
            let (y, x) = (pixel as usize / IMAGE_SIDE, pixel as usize % IMAGE_SIDE);
            for ky in 0..one.kernel {
                let start = (y + one.kernel - 1 - ky) * row + x * blocks[0];
                add_reals(
                    &mut gradients.first[ky * columns..(ky + 1) * columns],
                    &first.errors[start..start + columns],
                );
            }
        }

        back_stage(second, job, 1, t, second_decays, second_delays);
        let (row, columns) = (two.padded_side() * blocks[1], two.kernel * blocks[1]);
        let pool_side = first.pool.side;
        for &(site, channel) in first.pool.sent_at(t) {
            let (y, x) = (site as usize / pool_side, site as usize % pool_side);
            for ky in 0..two.kernel {
                let start = (y + two.kernel - 1 - ky) * row + x * blocks[1];
                add_reals(
                    &mut gradients.second[(channel as usize * two.kernel + ky) * columns..][..columns],
                    &second.errors[start..start + columns],
                );
            }
        }
        let back = Back {
            errors: &second.dense_errors,
            padded_side: two.padded_side(),
            channels: two.channels,
            kernel: two.kernel,
            weights: &job.second_back,
            input_blocks: blocks[0],
        };
        send_back(&back, &work.pool_sites, &mut first.pool.gradients);

        for (block, errors) in errors.iter_mut().enumerate() {
            // The output of a step is what spiked the step before.
            let gradient = if t + 1 < steps {
                slopes[block]
            } else {
                [0.0; LANES]
            };
            step_back(
                keep,
                errors,
                &gradient,
                &work.output_derivatives[t * CLASS_BLOCKS + block],
            );
            if t > 0 {
                let last = work.output_voltages[(t - 1) * CLASS_BLOCKS + block];
                let before = if t > 1 {
                    work.output_voltages[(t - 2) * CLASS_BLOCKS + block]
                } else {
                    [0; LANES]
                };
                for l in 0..LANES {
                    let entered = last[l] - super::neuron::scaled(before[l], neuron.keep_voltage);
                    output_decays[0] += f64::from(errors.current[l]) * f64::from(entered) / 4096.0;
                    output_decays[1] += f64::from(errors.voltage[l]) * f64::from(last[l]) / 4096.0;
                }
            }
        }
        let output_errors = errors.map(|errors| errors.current);
        for &(site, channel) in second.pool.sent_at(t) {
            let at = (site as usize * blocks[1] * LANES + channel as usize) * CLASS_BLOCKS;
            add_reals(&mut gradients.output[at..at + CLASS_BLOCKS], &output_errors);
        }
        let sites = second.pool.side * second.pool.side;
        for (a, &site) in second.pool.active.iter().enumerate() {
            for block in 0..blocks[1] {
                let mut sum = [0.0; LANES];
                for class in 0..CLASSES {
                    let error = output_errors[class / LANES][class % LANES];
                    let row = &job.output_back[(class * sites + site as usize) * blocks[1] + block];
                    for l in 0..LANES {
                        sum[l] = error.mul_add(row[l], sum[l]);
                    }
                }
                second.pool.gradients[a * blocks[1] + block] = sum;
            }
        }
    }
}

/// One step backward of a pool, whose gradient is given for the step after, and of the conv layer before it.
#[inline(always)]
fn back_stage(
    space: &mut StageSpace,
    job: &Job,
    index: usize,
    t: usize,
    decays: &mut [f64; 2],
    delay_gradients: &mut [f64],
) {
    let StageSpace {
        conv,
        pool,
        kept,
        errors,
        dense_errors,
        pool_errors,
        ring,
        slots,
        ..
    } = space;
    let stage = job.shape.stages[index];
    let (side, blocks, slots) = (conv.side, conv.blocks, *slots);
    let pool_side = pool.side;
    let wide = pool_side + 2;
    pool.step_back(&job.neurons[2 * index + 1], t, &mut [0.0; 2]);
    for (a, &site) in pool.active.iter().enumerate() {
        let (y, x) = (site as usize / pool_side, site as usize % pool_side);
        for block in 0..blocks {
            pool_errors[((y + 1) * wide + x + 1) * blocks + block] = pool.errors[a * blocks + block].current;
        }
    }
    let count = conv.active.len() * blocks;
    let stride = side * side * blocks;
    let now = &conv.out[t * stride..(t + 1) * stride];
    let before = if t > 0 {
        &conv.out[(t - 1) * stride..t * stride]
    } else {
        &conv.out[..0]
    };
    for (a, &site) in conv.active.iter().enumerate() {
        let (y, x) = (site as usize / side, site as usize % side);
        for block in 0..blocks {
            let at = (y * wide + x) * blocks + block;
            let (p, q) = (&pool_errors[at], &pool_errors[at + blocks]);
            let (r, s) = (
                &pool_errors[at + wide * blocks],
                &pool_errors[at + (wide + 1) * blocks],
            );
            let mut raw = [0.0; LANES];
            for l in 0..LANES {
                raw[l] = (p[l] + q[l]) + (r[l] + s[l]);
            }
            ring[(t % slots) * count + a * blocks + block] = raw;
            let place = site as usize * blocks + block;
            let (sent, sent_before) = (now[place], before.get(place).copied().unwrap_or(0));
            if sent != sent_before {
                let (sent, sent_before) = (sent.to_le_bytes(), sent_before.to_le_bytes());
                for l in 0..LANES {
                    let change = f32::from(sent_before[l]) - f32::from(sent[l]);
                    delay_gradients[block * LANES + l] += f64::from(raw[l] * job.amplitude * change);
                }
            }
        }
    }
    let padded = stage.padded_side();
    let inset = stage.kernel - 1;
    let steps = job.shape.steps;
    for (a, &site) in conv.active.iter().enumerate() {
        for (block, routes) in job.routes[index].iter().enumerate() {
            let place = a * blocks + block;
            let stays = kept[site as usize * blocks + block];
            let mut found = [0.0; LANES];
            for &(delay, channels) in routes {
                let arrival = t + 1 + delay;
                if arrival < steps {
                    let row = &ring[(arrival % slots) * count + place];
                    let open = (stays & channels).to_le_bytes();
                    for l in 0..LANES {
                        found[l] += if open[l] != 0 { row[l] * job.amplitude } else { 0.0 };
                    }
                }
            }
            conv.gradients[place] = found;
        }
    }
    conv.step_back(&job.neurons[2 * index], t, decays);
    for (a, &site) in conv.active.iter().enumerate() {
        let (y, x) = (site as usize / side, site as usize % side);
        let at = (y + inset) * padded + x + inset;
        for block in 0..blocks {
            errors[at * blocks + block] = conv.errors[a * blocks + block].current;
        }
        if index == 1 {
            let row = &errors[at * blocks..(at + 1) * blocks].as_flattened()[..stage.channels];
            dense_errors[at * stage.channels..(at + 1) * stage.channels].copy_from_slice(row);
        }
    }
}
