//! One image through the network, forward and backward in time.

use multiversion::multiversion;

use super::backward::backward;
use super::forward::forward;
use super::job::{Gradients, Image, Job, Outcome};
use super::shape::{CLASS_BLOCKS, LANES};
use super::workspace::Workspace;

/// Runs one image; adds to the gradients when the job is to train.
#[multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512dq+avx512bw+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
pub fn run_image(work: &mut Workspace, job: &Job, image: &Image<'_>, gradients: &mut Gradients) -> Outcome {
    work.begin(job, image);
    let mut outcome = forward(work, job);
    outcome.spikes[0] = f64::from(image.offsets[job.shape.steps] - image.offsets[0]);
    let mut slopes = [[0.0; LANES]; CLASS_BLOCKS];
    for (class, &spikes) in outcome.class_spikes.iter().enumerate() {
        let target = job.targets[usize::from(class != image.label)];
        let miss = spikes as f32 / job.shape.steps as f32 - target;
        outcome.loss += f64::from(miss) * f64::from(miss);
        slopes[class / LANES][class % LANES] = 2.0 * miss / job.shape.steps as f32;
    }
    if job.train {
        backward(work, job, &slopes, gradients);
    }
    outcome
}
