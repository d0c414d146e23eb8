//! One image through the network, forward and backward in time.

use multiversion::multiversion;

use super::layer::{Layer, Routes, reach, straight};
use super::neuron::{Errors, Neuron, State, step, step_back, surrogate};
use super::products::{Back, add_ints, add_reals, send_back};
use super::shape::{Bytes, CLASS_BLOCKS, CLASSES, IMAGE_SIDE, Ints, LANES, Reals, Shape};
use crate::kernels::philox::philox4x32;

/// The second word of Philox's counter; `src/random/philox.ts` lists all.
const DROPOUT: u32 = 24;

/// What holds for all images of a batch.
pub struct Job {
    pub shape: Shape,
    pub train: bool,
    /// Conv, pool, conv, pool, output.
    pub neurons: [Neuron; 5],
    /// Forward weights in units of the states: [kernel row][kernel column, reversed][block];
    pub first: Vec<Ints>,
    /// [input channel][kernel row][kernel column, reversed][block];
    pub second: Vec<Ints>,
    /// [site][channel][block of classes].
    pub output: Vec<Ints>,
    /// The second convolution's for [`send_back`], and the output's as [class][site][block].
    pub second_back: Vec<Reals>,
    pub output_back: Vec<Reals>,
    /// By stage.
    pub routes: [Routes; 2],
    /// Steps of each channel, by stage.
    pub delays: [Vec<usize>; 2],
    /// A draw below this drops a neuron.
    pub dropout: u64,
    /// What the spikes of neurons that stay count.
    pub amplitude: f32,
    pub key: [u32; 2],
    /// Tells the draws of this batch from others'.
    pub pass: u32,
    /// Spikes per step that the labelled class is to have, and the others.
    pub targets: [f32; 2],
}

/// Sums over images. The layouts of the weights are the forward ones.
pub struct Gradients {
    pub first: Vec<Reals>,
    pub second: Vec<Reals>,
    pub output: Vec<Reals>,
    pub delays: [Vec<f64>; 2],
    /// Of conv, conv, output: current, voltage.
    pub decays: [[f64; 2]; 3],
}

impl Gradients {
    pub fn new(job: &Job) -> Self {
        let zeros = |weights: &[Ints]| vec![[0.0; LANES]; if job.train { weights.len() } else { 0 }];
        Self {
            first: zeros(&job.first),
            second: zeros(&job.second),
            output: zeros(&job.output),
            delays: job.shape.stages.map(|stage| vec![0.0; stage.blocks() * LANES]),
            decays: [[0.0; 2]; 3],
        }
    }
}

/// What one image gave.
#[derive(Clone, Copy, Default)]
pub struct Outcome {
    pub class_spikes: [u32; CLASSES],
    pub loss: f64,
    /// Input, conv, pool, conv, pool, output, as the layers send them.
    pub spikes: [f64; 6],
}

/// An image's input: where each step's events begin, and which pixels spike.
pub struct Image<'a> {
    /// [step + 1], from the image's first event.
    pub offsets: &'a [u32],
    pub events: &'a [u16],
    pub label: usize,
    /// Tells its draws from other images'.
    pub number: u32,
}

impl Image<'_> {
    fn events_at(&self, t: usize) -> &[u16] {
        &self.events[self.offsets[t] as usize..self.offsets[t + 1] as usize]
    }
}

/// One stage's buffers: conv and pool.
struct StageSpace {
    conv: Layer,
    pool: Layer,
    /// Input of the conv layer: [padded site][block].
    input: Vec<Ints>,
    /// Which neurons dropout leaves: [site][block].
    kept: Vec<Bytes>,
    /// Errors at the conv layer's input: [padded site][block].
    errors: Vec<Reals>,
    /// The same of the second stage: [padded site][channel].
    dense_errors: Vec<f32>,
    /// Errors at the pool's input: [site, with one more on each side][block].
    pool_errors: Vec<Reals>,
    /// Gradients of what the conv layer sends, for the last steps: [slot][active][block].
    ring: Vec<Reals>,
    slots: usize,
}

pub struct Workspace {
    pub shape: Shape,
    stages: [StageSpace; 2],
    /// Row and column of the sites in reach of the first pool.
    pool_sites: Vec<(u32, u32)>,
    /// [step][block]
    output_derivatives: Vec<Reals>,
    output_voltages: Vec<Ints>,
}

impl Workspace {
    pub fn new(shape: Shape) -> Self {
        let stages = shape.stages.map(|stage| {
            let blocks = stage.blocks();
            let padded = stage.padded_side() * stage.padded_side() * blocks;
            let pool = stage.pool_side() + 2;
            StageSpace {
                conv: Layer::new(stage.conv_side(), blocks, shape.steps, true),
                pool: Layer::new(stage.pool_side(), blocks, shape.steps, false),
                input: vec![[0; LANES]; padded],
                kept: vec![Bytes::MAX; stage.conv_side() * stage.conv_side() * blocks],
                errors: vec![[0.0; LANES]; padded],
                dense_errors: vec![0.0; stage.padded_side() * stage.padded_side() * stage.channels],
                pool_errors: vec![[0.0; LANES]; pool * pool * blocks],
                ring: Vec::new(),
                slots: 0,
            }
        });
        Self {
            shape,
            stages,
            pool_sites: Vec::new(),
            output_derivatives: vec![[0.0; LANES]; shape.steps * CLASS_BLOCKS],
            output_voltages: vec![[0; LANES]; shape.steps * CLASS_BLOCKS],
        }
    }

    fn begin(&mut self, job: &Job, image: &Image<'_>) {
        let mut reached = vec![false; IMAGE_SIDE * IMAGE_SIDE];
        let all = image.offsets[0] as usize..image.offsets[job.shape.steps] as usize;
        for &pixel in &image.events[all] {
            reached[pixel as usize] = true;
        }
        for (index, space) in self.stages.iter_mut().enumerate() {
            let stage = job.shape.stages[index];
            reached = reach(&reached, stage.input_side, stage.kernel);
            space.conv.begin(&reached, &job.neurons[2 * index], job.train);
            reached = reach(&reached, stage.conv_side(), 2);
            space.pool.begin(&reached, &job.neurons[2 * index + 1], job.train);
            space.input.fill([0; LANES]);
            if job.train {
                space.errors.fill([0.0; LANES]);
                space.pool_errors.fill([0.0; LANES]);
                space.dense_errors.fill(0.0);
                let longest = job.delays[index].iter().copied().max().unwrap_or(0);
                space.slots = longest.min(job.shape.steps) + 2;
                space.ring.clear();
                let slot = space.conv.active.len() * stage.blocks();
                space.ring.resize(space.slots * slot, [0.0; LANES]);
                drop_out(job, image.number, index as u32, &mut space.kept);
            } else {
                space.kept.fill(Bytes::MAX);
            }
        }
        let side = self.stages[0].pool.side as u32;
        self.pool_sites.clear();
        self.pool_sites.extend(
            self.stages[0]
                .pool
                .active
                .iter()
                .map(|&site| (site / side, site % side)),
        );
    }
}

/// Draws which neurons stay: channel c of site s by word c mod 4 of Philox at (s x blocks of four channels + c / 4,
/// stream, image, 2 pass + stage).
fn drop_out(job: &Job, image: u32, stage: u32, kept: &mut [Bytes]) {
    for (place, mask) in kept.iter_mut().enumerate() {
        let mut bytes = [0u8; LANES];
        for half in 0..2 {
            let counter = [(2 * place + half) as u32, DROPOUT, image, 2 * job.pass + stage];
            for (lane, word) in philox4x32(counter, job.key).into_iter().enumerate() {
                bytes[4 * half + lane] = if u64::from(word) < job.dropout { 0 } else { 255 };
            }
        }
        *mask = u64::from_le_bytes(bytes);
    }
}

/// Runs one image; adds to the gradients when the job is to train.
#[multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512dq+avx512bw+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
pub fn run_image(work: &mut Workspace, job: &Job, image: &Image<'_>, gradients: &mut Gradients) -> Outcome {
    work.begin(job, image);
    let mut outcome = forward(work, job, image);
    outcome.spikes[0] = f64::from(image.offsets[job.shape.steps] - image.offsets[0]);
    let mut slopes = [[0.0; LANES]; CLASS_BLOCKS];
    for (class, &spikes) in outcome.class_spikes.iter().enumerate() {
        let target = job.targets[usize::from(class != image.label)];
        let miss = spikes as f32 / job.shape.steps as f32 - target;
        outcome.loss += f64::from(miss) * f64::from(miss);
        slopes[class / LANES][class % LANES] = 2.0 * miss / job.shape.steps as f32;
    }
    if job.train {
        backward(work, job, image, &slopes, gradients);
    }
    outcome
}

#[inline(always)]
fn forward(work: &mut Workspace, job: &Job, image: &Image<'_>) -> Outcome {
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

#[inline(always)]
fn backward(
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
