//! The buffers that one image needs, and which of their sites it reaches.

use super::job::{Image, Job};
use super::layer::{Layer, reach};
use super::shape::{Bytes, CLASS_BLOCKS, IMAGE_SIDE, Ints, LANES, Reals, Shape};
use crate::kernels::philox::philox4x32;

/// The second word of Philox's counter; `src/random/philox.ts` lists all.
const DROPOUT: u32 = 24;

/// One stage's buffers: conv and pool.
pub struct StageSpace {
    pub conv: Layer,
    pub pool: Layer,
    /// Input of the conv layer: [padded site][block].
    pub input: Vec<Ints>,
    /// Which neurons dropout leaves: [site][block].
    pub kept: Vec<Bytes>,
    /// Errors at the conv layer's input: [padded site][block].
    pub errors: Vec<Reals>,
    /// The same of the second stage: [padded site][channel].
    pub dense_errors: Vec<f32>,
    /// Errors at the pool's input: [site, with one more on each side][block].
    pub pool_errors: Vec<Reals>,
    /// Gradients of what the conv layer sends, for the last steps: [slot][active][block].
    pub ring: Vec<Reals>,
    pub slots: usize,
}

pub struct Workspace {
    pub shape: Shape,
    pub stages: [StageSpace; 2],
    /// Row and column of the sites in reach of the first pool.
    pub pool_sites: Vec<(u32, u32)>,
    /// [step][block]
    pub output_derivatives: Vec<Reals>,
    pub output_voltages: Vec<Ints>,
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

    /// Makes ready for an image.
    pub fn begin(&mut self, job: &Job, image: &Image<'_>) {
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
