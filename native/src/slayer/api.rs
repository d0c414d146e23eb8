//! The network as JavaScript sees it: one object that owns its threads, one promise for each batch.

use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{
    Float32Array, Float64Array, Int32Array, Object, Uint8Array, Uint16Array, Uint32Array,
};
use napi_derive::napi;

use super::batch::{Input, Spare, Sums, run};
use super::job::Job;
use super::layer::Routes;
use super::neuron::{Neuron, STATE};
use super::products::tile_widths;
use super::shape::{Bytes, CLASS_BLOCKS, CLASSES, IMAGE_SIDE, Ints, LANES, Reals, Shape, Stage};
use crate::failure::Failure;
use crate::worker::Worker;

/// The network as it is for one batch.
#[napi(object, object_to_js = false)]
pub struct SlayerNetwork {
    /// Steps, channels of both convolutions, kernels of both.
    pub sizes: Vec<u32>,
    /// For conv, pool, conv, pool, output: what a step keeps of current, voltage, threshold, refractory, in 1/4096.
    pub keeps: Int32Array,
    /// Threshold and its step, in units of the states.
    pub thresholds: Vec<i32>,
    /// The surrogate's peak, and its width in thresholds' units.
    pub surrogate: Vec<f64>,
    /// Weights in 1/32: [channel][row][column], [channel][input channel][row][column], [class][channel][row][column].
    pub first: Int32Array,
    pub second: Int32Array,
    pub output: Int32Array,
    /// Whole steps of delay by channel, of both convolutions.
    pub first_delays: Uint32Array,
    pub second_delays: Uint32Array,
    /// Rates of the labelled class and of the others.
    pub targets: Vec<f64>,
    /// Share of the conv layers' neurons that is dropped; only with `train`.
    pub dropout: f64,
    pub seed_words: Vec<u32>,
    /// Tells this batch's draws from others'.
    pub pass: u32,
    pub train: bool,
}

/// Images as events.
#[napi(object, object_to_js = false)]
pub struct SlayerImages {
    /// [image][step + 1]
    pub offsets: Uint32Array,
    pub events: Uint16Array,
    pub labels: Uint8Array,
    /// Number of the first image, for draws.
    pub first: u32,
}

#[napi(object, object_from_js = false)]
pub struct SlayerResult {
    /// [image][class]
    pub class_spikes: Uint32Array,
    /// Sum over images and classes.
    pub loss: f64,
    /// Of the images together: input, conv, pool, conv, pool, output.
    pub spikes: Float64Array,
    /// As the weights; empty without `train`.
    pub first: Float32Array,
    pub second: Float32Array,
    pub output: Float32Array,
    pub first_delays: Float64Array,
    pub second_delays: Float64Array,
    /// Of conv, conv, output: current and voltage.
    pub decays: Float64Array,
}

struct Found {
    sums: Sums,
    job: Job,
}

impl From<Found> for SlayerResult {
    fn from(Found { sums, job }: Found) -> Self {
        let [first, second, output] = sums.gradients.flat(&job);
        let mut spikes = vec![0.0; 6];
        for outcome in &sums.outcomes {
            for (sum, add) in spikes.iter_mut().zip(outcome.spikes) {
                *sum += add;
            }
        }
        let channels = job.shape.stages.map(|stage| stage.channels);
        let [first_delays, second_delays] = sums.gradients.delays;
        Self {
            class_spikes: sums
                .outcomes
                .iter()
                .flat_map(|outcome| outcome.class_spikes)
                .collect::<Vec<_>>()
                .into(),
            loss: sums.outcomes.iter().map(|outcome| outcome.loss).sum(),
            spikes: spikes.into(),
            first: first.into(),
            second: second.into(),
            output: output.into(),
            first_delays: first_delays[..channels[0]].to_vec().into(),
            second_delays: second_delays[..channels[1]].to_vec().into(),
            decays: sums.gradients.decays.concat().into(),
        }
    }
}

#[napi(js_name = "Slayer")]
pub struct Slayer {
    worker: Worker,
    spare: Arc<Spare>,
}

#[napi]
impl Slayer {
    /// `threads` 0 means one for each processor.
    #[napi(constructor)]
    pub fn new(threads: u32) -> napi::Result<Self> {
        Ok(Self {
            worker: Worker::new("tacet-slayer", threads as usize)?,
            spare: Arc::default(),
        })
    }

    #[napi(getter)]
    pub fn threads(&self) -> u32 {
        self.worker.threads() as u32
    }

    /// Runs a batch, and computes its gradients with `train`.
    #[napi]
    pub fn run<'env>(
        &self,
        env: &'env Env,
        network: SlayerNetwork,
        images: SlayerImages,
    ) -> napi::Result<Object<'env>> {
        let job = job(&network)?;
        let input = input(&images, job.shape.steps)?;
        let spare = Arc::clone(&self.spare);
        self.worker.promise::<SlayerResult, _>(env, move || {
            let sums = run(&job, &input, &spare);
            Ok(Found { sums, job })
        })
    }
}

fn check(name: &str, found: usize, wanted: usize) -> Result<(), Failure> {
    if found == wanted {
        return Ok(());
    }
    Err(Failure::new(
        "shape",
        format!("{name} has {found} values, but is to have {wanted}"),
    ))
}

fn input(images: &SlayerImages, steps: usize) -> Result<Input, Failure> {
    let count = images.labels.len();
    check("offsets", images.offsets.len(), count * (steps + 1))?;
    let ordered = images
        .offsets
        .chunks_exact(steps + 1)
        .all(|offsets| offsets.is_sorted() && offsets[steps] as usize <= images.events.len());
    let inside = images
        .events
        .iter()
        .all(|&pixel| usize::from(pixel) < IMAGE_SIDE * IMAGE_SIDE);
    if !ordered || !inside || images.labels.iter().any(|&label| usize::from(label) >= CLASSES) {
        return Err(Failure::new(
            "shape",
            "offsets, events or labels are out of range",
        ));
    }
    Ok(Input {
        offsets: images.offsets.to_vec(),
        events: images.events.to_vec(),
        labels: images.labels.to_vec(),
        first: images.first,
    })
}

fn job(network: &SlayerNetwork) -> Result<Job, Failure> {
    check("sizes", network.sizes.len(), 5)?;
    check("keeps", network.keeps.len(), 20)?;
    check("thresholds", network.thresholds.len(), 2)?;
    check("surrogate", network.surrogate.len(), 2)?;
    check("targets", network.targets.len(), 2)?;
    check("seedWords", network.seed_words.len(), 2)?;
    let sizes = |index: usize| network.sizes[index] as usize;
    let shape = Shape::new(sizes(0), [sizes(1), sizes(2)], [sizes(3), sizes(4)])?;
    let [one, two] = shape.stages;
    let [first, second, output] = shape.weight_counts();
    check("first", network.first.len(), first)?;
    check("second", network.second.len(), second)?;
    check("output", network.output.len(), output)?;
    check("firstDelays", network.first_delays.len(), one.channels)?;
    check("secondDelays", network.second_delays.len(), two.channels)?;
    if network.keeps.iter().any(|keep| !(0..=STATE).contains(keep)) {
        return Err(Failure::new("shape", "keeps are to be from 0 to 4096"));
    }
    if !(0.0..1.0).contains(&network.dropout) {
        return Err(Failure::new("shape", "dropout is to be at least 0 and below 1"));
    }
    let neuron = |layer: usize| Neuron {
        keep_current: network.keeps[4 * layer],
        keep_voltage: network.keeps[4 * layer + 1],
        keep_threshold: network.keeps[4 * layer + 2],
        keep_refractory: network.keeps[4 * layer + 3],
        threshold: network.thresholds[0],
        threshold_step: network.thresholds[1],
        surrogate_peak: network.surrogate[0] as f32,
        surrogate_inverse_width: (1.0 / (network.surrogate[1] * f64::from(STATE))) as f32,
    };
    let dropout = if network.train { network.dropout } else { 0.0 };
    let routes = |delays: &[u32], blocks: usize| -> Vec<Routes> {
        let mut routes = vec![Routes::new(); blocks];
        for (block, routes) in routes.iter_mut().enumerate() {
            for (lane, &delay) in delays.iter().skip(block * LANES).take(LANES).enumerate() {
                let channel = Bytes::from(0xffu8) << (8 * lane);
                match routes.iter_mut().find(|route| route.0 == delay as usize) {
                    Some(route) => route.1 |= channel,
                    None => routes.push((delay as usize, channel)),
                }
            }
        }
        routes
    };
    Ok(Job {
        shape,
        train: network.train,
        neurons: std::array::from_fn(neuron),
        first: first_rows(&network.first, &one),
        second: second_rows(&network.second, &two),
        output: output_rows(&network.output, two.channels, two.pool_side()),
        second_back: back_rows(&network.second, one.channels, two.channels, two.kernel),
        output_back: output_back(&network.output, two.channels, two.pool_side()),
        routes: [
            routes(&network.first_delays, one.blocks()),
            routes(&network.second_delays, two.blocks()),
        ],
        dropout: (dropout * 2f64.powi(32)) as u64,
        amplitude: (1.0 / (1.0 - dropout)) as f32,
        key: [network.seed_words[0], network.seed_words[1]],
        pass: network.pass,
        targets: [network.targets[0] as f32, network.targets[1] as f32],
    })
}

/// A weight of 1/32 in units of the states.
const WEIGHT: i32 = STATE / 32;

/// Forward weights of the first convolution: [row][column][block].
fn first_rows(weights: &[i32], stage: &Stage) -> Vec<Ints> {
    let pixels = stage.kernel * stage.kernel;
    let mut found = vec![[0; LANES]; pixels * stage.blocks()];
    for (index, &weight) in weights.iter().enumerate() {
        let (pixel, output) = (index % pixels, index / pixels);
        found[pixel * stage.blocks() + output / LANES][output % LANES] = weight * WEIGHT;
    }
    found
}

/// Those of the second: [row][input channel][number], as [`Stage::kernel_row`] has them.
fn second_rows(weights: &[i32], stage: &Stage) -> Vec<i32> {
    let Stage {
        inputs,
        channels,
        kernel,
        ..
    } = *stage;
    let mut found = vec![0; kernel * inputs * stage.kernel_row()];
    for (index, &weight) in weights.iter().enumerate() {
        let (kx, rest) = (index % kernel, index / kernel);
        let (ky, rest) = (rest % kernel, rest / kernel);
        let (input, output) = (rest % inputs, rest / inputs);
        let row = (ky * inputs + input) * stage.kernel_row();
        found[row + (kernel - 1 - kx) * channels + output] = weight * WEIGHT;
    }
    found
}

/// What the second convolution sends back by, as [`Back`] has it.
///
/// [`Back`]: super::products::Back
fn back_rows(weights: &[i32], inputs: usize, outputs: usize, kernel: usize) -> Vec<Reals> {
    let blocks = inputs.div_ceil(LANES);
    let terms = kernel * kernel * outputs;
    let mut found = vec![[0.0; LANES]; terms * blocks];
    let mut first = 0;
    for width in tile_widths(blocks) {
        for block in first..first + width {
            for input in (block * LANES..(block + 1) * LANES).take_while(|&input| input < inputs) {
                for (term, place) in found[first * terms..(first + width) * terms]
                    .chunks_exact_mut(width)
                    .enumerate()
                {
                    let (output, rest) = (term % outputs, term / outputs);
                    let (kx, ky) = (kernel - 1 - rest % kernel, rest / kernel);
                    let weight = weights[((output * inputs + input) * kernel + ky) * kernel + kx];
                    place[block - first][input % LANES] = weight as f32 / 32.0;
                }
            }
        }
        first += width;
    }
    found
}

/// Forward weights of the output layer: [site][channel, in whole blocks][block of classes].
fn output_rows(weights: &[i32], channels: usize, side: usize) -> Vec<Ints> {
    let sites = side * side;
    let wide = channels.div_ceil(LANES) * LANES;
    let mut found = vec![[0; LANES]; sites * wide * CLASS_BLOCKS];
    for (index, &weight) in weights.iter().enumerate() {
        let (site, rest) = (index % sites, index / sites);
        let (channel, class) = (rest % channels, rest / channels);
        found[(site * wide + channel) * CLASS_BLOCKS + class / LANES][class % LANES] = weight * WEIGHT;
    }
    found
}

/// The same for what the output layer sends back: [class][site][block].
fn output_back(weights: &[i32], channels: usize, side: usize) -> Vec<Reals> {
    let sites = side * side;
    let blocks = channels.div_ceil(LANES);
    let mut found = vec![[0.0; LANES]; CLASSES * sites * blocks];
    for (index, &weight) in weights.iter().enumerate() {
        let (site, rest) = (index % sites, index / sites);
        let (channel, class) = (rest % channels, rest / channels);
        found[(class * sites + site) * blocks + channel / LANES][channel % LANES] = weight as f32 / 32.0;
    }
    found
}
