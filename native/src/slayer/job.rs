//! What the network is asked: a batch's job, its images, and what comes of them.

use super::layer::Routes;
use super::neuron::Neuron;
use super::shape::{CLASSES, Ints, LANES, Reals, Shape};

/// What holds for all images of a batch.
pub struct Job {
    pub shape: Shape,
    pub train: bool,
    /// Conv, pool, conv, pool, output.
    pub neurons: [Neuron; 5],
    /// Forward weights in units of the states: [kernel row][kernel column][block];
    pub first: Vec<Ints>,
    /// [kernel row][input channel][number], as [`Stage::kernel_row`] has them;
    ///
    /// [`Stage::kernel_row`]: super::shape::Stage::kernel_row
    pub second: Vec<i32>,
    /// [site][channel][block of classes].
    pub output: Vec<Ints>,
    /// The second convolution's for [`send_back`], and the output's as [class][site][block].
    pub second_back: Vec<Reals>,
    pub output_back: Vec<Reals>,
    /// By stage.
    pub routes: [Vec<Routes>; 2],
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
    pub second: Vec<f32>,
    pub output: Vec<Reals>,
    pub delays: [Vec<f64>; 2],
    /// Of conv, conv, output: current, voltage.
    pub decays: [[f64; 2]; 3],
}

impl Gradients {
    pub fn new(job: &Job) -> Self {
        let count = |weights: usize| if job.train { weights } else { 0 };
        let zeros = |weights: &[Ints]| vec![[0.0; LANES]; count(weights.len())];
        Self {
            first: zeros(&job.first),
            second: vec![0.0; count(job.second.len())],
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
    pub fn events_at(&self, t: usize) -> &[u16] {
        &self.events[self.offsets[t] as usize..self.offsets[t + 1] as usize]
    }
}
