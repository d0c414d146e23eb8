//! The buffers that one image needs, and which of their sites it reaches.

use super::job::{Image, Job};
use super::layer::{Layer, reach};
use super::products::spiking;
use super::shape::{Bytes, CLASS_BLOCKS, IMAGE_SIDE, Ints, LANES, Reals, Shape};
use crate::kernels::philox::philox4x32;

/// The second word of Philox's counter; `src/random/philox.ts` lists all.
const DROPOUT: u32 = 24;

/// One stage's buffers: conv and pool.
pub struct StageSpace {
    pub conv: Layer,
    pub pool: Layer,
    pub kernel: usize,
    /// Which neurons of the conv layer dropout leaves: [active][block].
    pub kept: Vec<Bytes>,
    /// What the pool sends, by rows; of the first stage.
    pub pool_events: Events,
    /// One row of the conv layer's input: [step][number], as `shape::Stage::row_length` has it; of the second stage.
    pub sums: Vec<i32>,
    /// Errors of the conv layer's input: [row][step][number]; of the second stage.
    pub errors: Vec<f32>,
    /// Gradients of what a block of the conv layer sends, by step.
    pub sent: Vec<Reals>,
}

pub struct Workspace {
    pub shape: Shape,
    pub stages: [StageSpace; 2],
    pub input: Input,
    /// [step][block]
    pub output_derivatives: Vec<Reals>,
    pub output_voltages: Vec<Ints>,
    /// The input of one block, by step.
    pub fed: Vec<Ints>,
    /// Gradients of what the blocks of a site send, by step, with one entry more.
    pub series: Vec<Reals>,
}

impl Workspace {
    pub fn new(shape: Shape) -> Self {
        let steps = shape.steps;
        let [one, two] = shape.stages;
        let stages = shape.stages.map(|stage| StageSpace {
            conv: Layer::new(stage.conv_side(), stage.blocks(), steps, true),
            pool: Layer::new(stage.pool_side(), stage.blocks(), steps, false),
            kernel: stage.kernel,
            kept: Vec::new(),
            pool_events: Events::default(),
            sums: Vec::new(),
            errors: Vec::new(),
            sent: vec![[0.0; LANES]; steps],
        });
        let [first, mut second] = stages;
        second.sums = vec![0; steps * two.row_length()];
        second.errors = vec![0.0; two.conv_side() * steps * two.row_length()];
        Self {
            shape,
            stages: [first, second],
            input: Input::new(steps),
            output_derivatives: vec![[0.0; LANES]; steps * CLASS_BLOCKS],
            output_voltages: vec![[0; LANES]; steps * CLASS_BLOCKS],
            fed: vec![[0; LANES]; steps],
            series: vec![[0.0; LANES]; one.blocks().max(two.blocks()) * steps + 1],
        }
    }

    /// Makes ready for an image.
    pub fn begin(&mut self, job: &Job, image: &Image<'_>) {
        let mut reached = self.input.begin(image);
        for (index, space) in self.stages.iter_mut().enumerate() {
            let stage = job.shape.stages[index];
            let conv = reach(&reached, stage.input_side, stage.kernel);
            reached = reach(&conv, stage.conv_side(), 2);
            space.conv.begin(conv, job.train);
            space.pool.begin(reached.clone(), job.train);
            drop_out(job, image.number, index as u32, space);
            if job.train {
                space.errors.fill(0.0);
            }
        }
    }
}

/// Draws which neurons stay: channel c of site s by word c mod 4 of Philox at (s x blocks of four channels + c / 4,
/// stream, image, 2 pass + stage).
fn drop_out(job: &Job, image: u32, stage: u32, space: &mut StageSpace) {
    let StageSpace { conv, kept, .. } = space;
    kept.clear();
    if !job.train {
        kept.resize(conv.active.len() * conv.blocks, Bytes::MAX);
        return;
    }
    for &site in &conv.active {
        for block in 0..conv.blocks {
            let place = site as usize * conv.blocks + block;
            let mut bytes = [0u8; LANES];
            for half in 0..2 {
                let counter = [(2 * place + half) as u32, DROPOUT, image, 2 * job.pass + stage];
                for (lane, word) in philox4x32(counter, job.key).into_iter().enumerate() {
                    bytes[4 * half + lane] = if u64::from(word) < job.dropout { 0 } else { 255 };
                }
            }
            kept.push(u64::from_le_bytes(bytes));
        }
    }
}

/// The image's spikes, and those that one site of the first convolution sees.
pub struct Input {
    /// [step][row]: a bit for each column.
    rows: Vec<[u32; IMAGE_SIDE]>,
    /// Places in the window, row by row, and where each step's end.
    seen: Vec<u16>,
    ends: Vec<usize>,
}

impl Input {
    fn new(steps: usize) -> Self {
        Self {
            rows: vec![[0; IMAGE_SIDE]; steps],
            seen: Vec::new(),
            ends: vec![0; steps],
        }
    }

    /// Takes an image; gives the pixels that spike at some time.
    fn begin(&mut self, image: &Image<'_>) -> Vec<bool> {
        let mut reached = vec![false; IMAGE_SIDE * IMAGE_SIDE];
        for (t, rows) in self.rows.iter_mut().enumerate() {
            rows.fill(0);
            for pixel in image.events_at(t).iter().map(|&pixel| usize::from(pixel)) {
                rows[pixel / IMAGE_SIDE] |= 1 << (pixel % IMAGE_SIDE);
                reached[pixel] = true;
            }
        }
        reached
    }

    /// Lists what the window sees whose first row and column these are.
    pub fn look(&mut self, (y, x): (usize, usize), kernel: usize) {
        self.seen.clear();
        let window = (1u32 << kernel) - 1;
        for (rows, end) in self.rows.iter().zip(&mut self.ends) {
            for (ky, row) in rows[y..y + kernel].iter().enumerate() {
                let mut bits = (row >> x) & window;
                while bits != 0 {
                    self.seen
                        .push((ky * kernel) as u16 + bits.trailing_zeros() as u16);
                    bits &= bits - 1;
                }
            }
            *end = self.seen.len();
        }
    }

    /// What it sees at a step.
    #[inline(always)]
    pub fn seen(&self, t: usize) -> &[u16] {
        let start = if t > 0 { self.ends[t - 1] } else { 0 };
        &self.seen[start..self.ends[t]]
    }
}

/// Spikes of a layer by row, step and column.
#[derive(Default)]
pub struct Events {
    channels: Vec<u16>,
    /// Columns that spike, and where their channels end.
    columns: Vec<(u16, u32)>,
    /// [row][step]: where the columns end.
    ends: Vec<u32>,
    steps: usize,
}

impl Events {
    pub fn list(&mut self, layer: &Layer) {
        self.channels.clear();
        self.columns.clear();
        self.ends.clear();
        self.steps = layer.steps;
        for y in 0..layer.side {
            let sites = layer.row(y);
            for t in 0..layer.steps {
                for number in sites.clone() {
                    let before = self.channels.len();
                    for block in 0..layer.blocks {
                        let sent = layer.sent(number, block)[t];
                        self.channels
                            .extend(spiking(sent).map(|lane| (block * LANES + lane) as u16));
                    }
                    if self.channels.len() > before {
                        let (_, x) = layer.place(number);
                        self.columns.push((x as u16, self.channels.len() as u32));
                    }
                }
                self.ends.push(self.columns.len() as u32);
            }
        }
    }

    /// The columns of a row that spike at a step, with their channels.
    #[inline(always)]
    pub fn at(&self, row: usize, t: usize) -> impl Iterator<Item = (usize, &[u16])> {
        let place = row * self.steps + t;
        let first = if place > 0 {
            self.ends[place - 1] as usize
        } else {
            0
        };
        let mut start = if first > 0 {
            self.columns[first - 1].1 as usize
        } else {
            0
        };
        self.columns[first..self.ends[place] as usize]
            .iter()
            .map(move |&(column, end)| {
                let channels = &self.channels[start..end as usize];
                start = end as usize;
                (usize::from(column), channels)
            })
    }
}
