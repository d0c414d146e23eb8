//! A batch of images, in parts that threads share; the sums don't depend on how many threads there are.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::image::run_image;
use super::job::{Gradients, Image, Job, Outcome};
use super::products::add_reals;
use super::shape::{CLASSES, LANES};
use super::workspace::Workspace;

/// Sums are formed in this many parts, so at most as many threads work on a batch.
const PARTS: usize = 8;

/// The images of a batch as JavaScript gives them.
pub struct Input {
    /// [image][step + 1]
    pub offsets: Vec<u32>,
    pub events: Vec<u16>,
    pub labels: Vec<u8>,
    /// Number of the batch's first image, for draws.
    pub first: u32,
}

/// Memory of images that were computed, for the next.
#[derive(Default)]
pub struct Spare(Mutex<Vec<Workspace>>);

impl Spare {
    fn take(&self, job: &Job) -> Workspace {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Of one shape only: a search that changes shapes must not gather memory.
        kept.retain(|work| work.shape == job.shape);
        kept.pop().unwrap_or_else(|| Workspace::new(job.shape))
    }

    fn put(&self, work: Workspace) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(work);
    }
}

pub struct Sums {
    pub outcomes: Vec<Outcome>,
    pub gradients: Gradients,
}

pub fn run(job: &Job, input: &Input, spare: &Spare) -> Sums {
    let count = input.labels.len();
    let steps = job.shape.steps;
    let parts: Vec<Sums> = (0..PARTS.min(count))
        .into_par_iter()
        .map(|part| {
            let mut work = spare.take(job);
            let mut gradients = Gradients::new(job);
            let images = part * count / PARTS.min(count)..(part + 1) * count / PARTS.min(count);
            let outcomes = images
                .map(|index| {
                    let image = Image {
                        offsets: &input.offsets[index * (steps + 1)..][..steps + 1],
                        events: &input.events,
                        label: usize::from(input.labels[index]),
                        number: input.first.wrapping_add(index as u32),
                    };
                    run_image(&mut work, job, &image, &mut gradients)
                })
                .collect();
            spare.put(work);
            Sums { outcomes, gradients }
        })
        .collect();
    let mut sums = Sums {
        outcomes: Vec::with_capacity(count),
        gradients: Gradients::new(job),
    };
    for part in parts {
        sums.outcomes.extend(part.outcomes);
        sums.gradients.add(&part.gradients);
    }
    sums
}

impl Gradients {
    fn add(&mut self, part: &Self) {
        add_reals(self.first.as_flattened_mut(), part.first.as_flattened());
        add_reals(&mut self.second, &part.second);
        add_reals(self.output.as_flattened_mut(), part.output.as_flattened());
        for (sums, adds) in self.delays.iter_mut().zip(&part.delays) {
            for (sum, add) in sums.iter_mut().zip(adds) {
                *sum += add;
            }
        }
        for (sums, adds) in self.decays.iter_mut().zip(&part.decays) {
            for (sum, add) in sums.iter_mut().zip(adds) {
                *sum += add;
            }
        }
    }

    /// The weights' gradients as they are kept outside: [output channel][input channel][row][column] of both
    /// convolutions, [class][channel][row][column].
    pub fn flat(&self, job: &Job) -> [Vec<f32>; 3] {
        let [one, two] = job.shape.stages;
        if !job.train {
            return [Vec::new(), Vec::new(), Vec::new()];
        }
        let mut first = Vec::with_capacity(one.channels * one.kernel * one.kernel);
        for output in 0..one.channels {
            for pixel in self.first.chunks_exact(one.blocks()) {
                first.push(pixel[output / LANES][output % LANES]);
            }
        }
        let mut second = Vec::with_capacity(two.channels * two.inputs * two.kernel * two.kernel);
        for output in 0..two.channels {
            for input in 0..two.inputs {
                for ky in 0..two.kernel {
                    let row = &self.second[(ky * two.inputs + input) * two.kernel_row()..];
                    second.extend((0..two.kernel).rev().map(|kx| row[kx * two.channels + output]));
                }
            }
        }
        let sites = two.pool_side() * two.pool_side();
        let wide = two.blocks() * LANES;
        let class_blocks = CLASSES.div_ceil(LANES);
        let mut output = Vec::with_capacity(CLASSES * two.channels * sites);
        for class in 0..CLASSES {
            for channel in 0..two.channels {
                for site in 0..sites {
                    let place = (site * wide + channel) * class_blocks + class / LANES;
                    output.push(self.output[place][class % LANES]);
                }
            }
        }
        [first, second, output]
    }
}
