//! `shaders/surrogate_loss.wgsl`: what the last layer's output costs, its class, and the gradient of the cost.

use rayon::prelude::*;

use super::{check_length, floats, product, words};
use crate::device::launch::{Access, Launch, refused};
use crate::failure::Failure;
use crate::kernels::Kernel;
use crate::kernels::contract::{KernelContract, shared_struct};

shared_struct!(Params {
    slots: u32,
    batch: u32,
    steps: u32,
    width: u32,
    planes: u32,
    classes: u32,
    gradient: u32,
});

shared_struct!(Goal {
    runs: u32,
    samples: u32,
    steps: u32,
    kind: u32,
    rate_true: f32,
    rate_false: f32,
    gain: f32,
    epsilon: f32,
    weight: f32,
});

shared_struct!(Outcome {
    loss: f32,
    predicted: u32,
    spikes: u32,
});

pub const KERNEL: Kernel = Kernel {
    contract: KernelContract {
        name: "surrogate_loss",
        params: Params::LAYOUT,
        buffers: &[
            super::buffer("goals", Access::Read, "Goal", size_of::<Goal>()),
            words("counts", Access::Read),
            floats("trace", Access::Read),
            words("labels", Access::Read),
            floats("upstream", Access::ReadWrite),
            super::buffer("outcomes", Access::ReadWrite, "Outcome", size_of::<Outcome>()),
        ],
        structs: &[Goal::LAYOUT, Outcome::LAYOUT],
        constants: &["max_classes"],
    },
    run,
};

const RATE_MSE: u32 = 0;
const RATE_CROSS_ENTROPY: u32 = 1;
const SPIKE_MAX: u32 = 2;
const MEMBRANE_MAX: u32 = 3;

fn run(launch: Launch<'_>) -> Result<(), Failure> {
    let p: Params = launch.params()?;
    let [goals, counts, trace, labels, upstream, outcomes] = launch.bindings()?;
    let goals = goals.read::<Goal>()?;
    goals.at_least(u64::from(p.slots), "a goal for each slot")?;
    let goals = goals.values;
    let counts = counts.read::<u32>()?.values;
    let trace = trace.read::<f32>()?.values;
    let labels = labels.read::<u32>()?.values;
    let upstream = upstream.write::<f32>()?.values;
    let outcomes = outcomes.write::<Outcome>()?.values;
    let samples = product(&[p.slots, p.batch], "a batch")?;
    let (counts_length, width) = (p.width as usize, p.width as usize);
    let trace_length = product(&[p.steps, p.planes, p.width], "a trace")?;
    let upstream_length = product(&[p.steps, p.width], "an upstream")?;
    if p.classes == 0 || p.classes > p.width || p.planes == 0 || p.steps == 0 {
        return Err(refused(format!(
            "{} classes, {} planes and {} steps do not fit a last layer of {} neurons",
            p.classes, p.planes, p.steps, p.width
        )));
    }
    check_length("counts", counts, samples.saturating_mul(counts_length))?;
    check_length("trace", trace, samples.saturating_mul(trace_length))?;
    check_length("labels", labels, samples)?;
    check_length("upstream", upstream, samples.saturating_mul(upstream_length))?;
    check_length("outcomes", outcomes, samples)?;
    upstream
        .par_chunks_mut(upstream_length)
        .zip(outcomes.par_iter_mut())
        .take(samples)
        .enumerate()
        .for_each(|(index, (upstream, outcome))| {
            let goal = &goals[index / p.batch as usize];
            if goal.runs == 0 || index % p.batch as usize >= goal.samples as usize {
                return;
            }
            let counts = &counts[index * counts_length..(index + 1) * counts_length];
            let trace = &trace[index * trace_length..(index + 1) * trace_length];
            let label = labels[index] as usize;
            let one = Output {
                goal,
                counts,
                potential: |t: usize, c: usize| trace[t * p.planes as usize * width + c],
                steps: goal.steps.min(p.steps).max(1) as usize,
                classes: p.classes as usize,
            };
            *outcome = one.assess(label, width, if p.gradient == 1 { Some(upstream) } else { None });
            outcome.spikes = counts[..p.classes as usize]
                .iter()
                .fold(0_u32, |sum, &count| sum.wrapping_add(count));
        });
    Ok(())
}

struct Output<'a, F: Fn(usize, usize) -> f32> {
    goal: &'a Goal,
    counts: &'a [u32],
    potential: F,
    steps: usize,
    classes: usize,
}

impl<F: Fn(usize, usize) -> f32> Output<'_, F> {
    fn assess(&self, label: usize, width: usize, upstream: Option<&mut [f32]>) -> Outcome {
        let steps = self.steps as f32;
        let goal = self.goal;
        let mut peak = vec![0_usize; self.classes];
        // What the classes are compared by: rates, or potentials.
        let score: Vec<f32> = (0..self.classes)
            .map(|c| match goal.kind {
                RATE_MSE | RATE_CROSS_ENTROPY | SPIKE_MAX => self.counts[c] as f32 / steps,
                MEMBRANE_MAX => {
                    for t in 1..self.steps {
                        if (self.potential)(t, c) > (self.potential)(peak[c], c) {
                            peak[c] = t;
                        }
                    }
                    (self.potential)(peak[c], c)
                }
                _ => (0..self.steps).map(|t| (self.potential)(t, c)).sum::<f32>() / steps,
            })
            .collect();
        let mut class = 0;
        for c in 1..self.classes {
            if score[c] > score[class] {
                class = c;
            }
        }
        // The loss, and its derivative with respect to each score.
        let (loss, slopes) = match goal.kind {
            RATE_MSE => {
                let off = |c: usize| {
                    score[c]
                        - if c == label {
                            goal.rate_true
                        } else {
                            goal.rate_false
                        }
                };
                let loss = (0..self.classes).map(|c| off(c) * off(c)).sum();
                (loss, (0..self.classes).map(|c| 2.0 * off(c)).collect())
            }
            SPIKE_MAX => self.spike_max(&score, label),
            _ => self.cross_entropy(&score, label),
        };
        if let Some(upstream) = upstream {
            upstream.fill(0.0);
            for (c, slope) in slopes.iter().enumerate() {
                let each = goal.weight * slope;
                if goal.kind == MEMBRANE_MAX {
                    upstream[peak[c] * width + c] = each;
                } else {
                    for t in 0..self.steps {
                        upstream[t * width + c] = each / steps;
                    }
                }
            }
        }
        Outcome {
            loss,
            predicted: class as u32,
            spikes: 0,
        }
    }

    /// -log softmax(gain score)[label].
    fn cross_entropy(&self, score: &[f32], label: usize) -> (f32, Vec<f32>) {
        let gain = self.goal.gain;
        let most = score
            .iter()
            .fold(f32::NEG_INFINITY, |most, &s| most.max(gain * s));
        let powers: Vec<f32> = score.iter().map(|&s| (gain * s - most).exp()).collect();
        let sum: f32 = powers.iter().sum();
        let of_label = score.get(label).map_or(0.0, |&s| gain * s - most);
        let slopes = powers
            .iter()
            .enumerate()
            .map(|(c, power)| gain * (power / sum - f32::from(c == label)))
            .collect();
        (sum.ln() - of_label, slopes)
    }

    /// -log of the label's share of all spikes, with epsilon spikes per step added to each class.
    fn spike_max(&self, score: &[f32], label: usize) -> (f32, Vec<f32>) {
        let epsilon = self.goal.epsilon;
        let sum: f32 = score.iter().map(|rate| rate + epsilon).sum();
        let own = score.get(label).map_or(epsilon, |rate| rate + epsilon);
        let slopes = (0..score.len())
            .map(|c| 1.0 / sum - if c == label { 1.0 / own } else { 0.0 })
            .collect();
        (sum.ln() - own.ln(), slopes)
    }
}
