//! One sample of one network.
//!
//! Within a sample only the columns of neurons that have spiked in it ("active", about ten) change. So the drive of
//! all other neurons is known beforehand, and is computed tile by tile for all steps at once: the rows that a
//! sample's events touch, some 25 KiB of a tile, then stay in the first-level cache. The loop over time reads that
//! drive as a stream, and only the active columns are touched event by event.

use super::Slot;
use super::TILE;
use super::active::Active;
use super::item::{Input, Sample};
use super::settling::{clamp_columns, scale_columns};
use crate::kernels::philox::{WINNER, philox4x32};

type Row = [f32; TILE];
const NONE: u32 = u32::MAX;

/// Spikes of a sample.
pub struct Counts {
    pub excitatory: u32,
    pub inhibitory: u32,
}

/// Memory that one item needs besides its buffers; nothing is allocated from sample to sample.
pub struct Workspace {
    tiles: usize,
    /// [step][tile]: the sum of the weights of the inputs that spiked in the step before.
    drive: Vec<Row>,
    /// [tile]: the adaptive parts of the thresholds, as of the sample's start plus what was added since.
    theta: Vec<Row>,
    /// e^(-(t + 1) / tau_theta), by step.
    theta_scale: Vec<f32>,
    active: Active,
}

/// What all neurons have in common at one step.
struct Step {
    now: f32,
    decay: f32,
    rest: f32,
    threshold: f32,
    theta_scale: f32,
}

impl Workspace {
    pub fn new(slot: &Slot, input: &Input<'_>) -> Self {
        let tiles = (slot.neurons as usize).div_ceil(TILE);
        Self {
            tiles,
            drive: vec![[0.0; TILE]; tiles * input.steps],
            theta: vec![[0.0; TILE]; tiles],
            theta_scale: (1..=input.steps)
                .map(|t| (-(t as f32) * slot.theta_rate).exp())
                .collect(),
            active: Active::new(input.inputs, tiles * TILE),
        }
    }

    /// Columns in use: the neurons, rounded up to whole tiles.
    pub fn columns(&self) -> usize {
        self.tiles * TILE
    }

    /// Runs a sample. `weights` and `theta` are those of the slot; neither changes.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)] // What the kernel is bound to.
    pub fn run<const LEARN: bool>(
        &mut self,
        slot: &Slot,
        input: &Input<'_>,
        sample: Sample<'_>,
        ordinal: u32,
        weights: &[f32],
        theta: &[f32],
        scratch: &mut [f32],
        record: &mut [u32],
    ) -> Counts {
        let (weights, _) = weights.as_chunks::<TILE>();
        let (theta, _) = theta.as_chunks::<TILE>();
        let (v, free) = scratch.split_at_mut(scratch.len() / 2);
        let (v, _) = v.as_chunks_mut::<TILE>();
        let (free, _) = free.as_chunks_mut::<TILE>();
        let (v, free) = (&mut v[..self.tiles], &mut free[..self.tiles]);
        v.fill([slot.exc_rest; TILE]);
        free.fill([0.0; TILE]);
        self.theta.copy_from_slice(&theta[..self.tiles]);
        self.active.clear();
        self.compute_drive(input, sample, weights);
        self.run_steps::<LEARN>(slot, input, sample, ordinal, weights, v, free, record)
    }

    /// The drive of all neurons at all steps, from the weights at the sample's start.
    #[inline(always)]
    fn compute_drive(&mut self, input: &Input<'_>, sample: Sample<'_>, weights: &[Row]) {
        let tiles = self.tiles;
        self.drive[..tiles].fill([0.0; TILE]);
        for (tile, rows) in weights.chunks_exact(input.inputs).take(tiles).enumerate() {
            for t in 1..input.steps {
                self.drive[t * tiles + tile] = sum_rows(rows, sample.step(t - 1));
            }
        }
    }

    #[inline(always)]
    #[allow(clippy::too_many_arguments)] // What the kernel is bound to.
    fn run_steps<const LEARN: bool>(
        &mut self,
        slot: &Slot,
        input: &Input<'_>,
        sample: Sample<'_>,
        ordinal: u32,
        weights: &[Row],
        v: &mut [Row],
        free: &mut [Row],
        record: &mut [u32],
    ) -> Counts {
        let tiles = self.tiles;
        let key = [slot.seed_low, slot.seed_high];
        let no_inhibition = [0.0; TILE];
        let inhibition = [slot.inh_strength; TILE];
        let mut counts = Counts {
            excitatory: 0,
            inhibitory: 0,
        };
        let mut spiking: Option<usize> = None;
        let mut inhibitor: Option<u32> = None;
        for t in 0..input.steps {
            let step = Step {
                now: t as f32,
                decay: slot.exc_decay,
                rest: slot.exc_rest,
                threshold: slot.exc_threshold,
                theta_scale: self.theta_scale[t],
            };
            let mut winner = NONE;
            let rows = v
                .iter_mut()
                .zip(free.iter_mut())
                .zip(&mut self.theta)
                .zip(&self.drive[t * tiles..]);
            for (tile, (((v, free), theta), drive)) in rows.enumerate() {
                let crossed = match inhibitor {
                    None => advance(v, free, theta, drive, &no_inhibition, &step),
                    // The inhibitory neuron spares its own column.
                    Some(neuron) if neuron as usize / TILE == tile => {
                        let mut others = inhibition;
                        others[neuron as usize % TILE] = 0.0;
                        advance(v, free, theta, drive, &others, &step)
                    }
                    Some(_) => advance(v, free, theta, drive, &inhibition, &step),
                };
                if crossed {
                    let first = (tile * TILE) as u32;
                    let present = (slot.neurons - first).min(TILE as u32) as usize;
                    for lane in 0..present {
                        if v[lane] >= step.threshold + theta[lane] * step.theta_scale {
                            let neuron = first + lane as u32;
                            v[lane] = slot.exc_reset;
                            free[lane] = step.now + slot.exc_refractory.wrapping_add(1) as f32;
                            if LEARN {
                                theta[lane] += slot.theta_plus / step.theta_scale;
                            }
                            let drawn = philox4x32([neuron, WINNER, ordinal, t as u32], key)[0];
                            winner = winner.min((drawn & 0xffff_f800) | neuron);
                        }
                    }
                }
            }

            inhibitor = spiking.and_then(|place| self.inhibit(place, t as u32, slot));
            counts.inhibitory += u32::from(inhibitor.is_some());
            spiking = None;
            if winner != NONE {
                let neuron = winner & 0x7ff;
                let (place, new) = self.active.spike(neuron, t as u32, slot.inh_rest);
                if new && LEARN {
                    self.active.copy_column(weights);
                }
                spiking = Some(place);
                counts.excitatory += 1;
                record[counts.excitatory as usize] = (t as u32) << 16 | neuron;
            }

            if LEARN {
                let events = sample.step(t);
                self.active.note_inputs(events, t as u32);
                if let Some(place) = spiking {
                    self.active
                        .potentiate(place, t as u32, input, slot.nu_pre, slot.nu_post);
                }
                if !events.is_empty() && !self.active.members.is_empty() {
                    let next_drive = self.drive.get_mut((t + 1) * tiles..(t + 2) * tiles);
                    self.active
                        .depress(events, spiking, t as u32, input, slot.nu_pre, next_drive);
                }
            }
        }
        counts
    }

    /// Brings the inhibitory neuron of the column that spiked in the last step up to step `t`; it, if it spikes.
    #[inline(always)]
    fn inhibit(&mut self, place: usize, t: u32, slot: &Slot) -> Option<u32> {
        let member = &mut self.active.members[place];
        let neuron = &mut member.inhibitory;
        for _ in neuron.step..=t {
            neuron.v = slot.inh_decay * (neuron.v - slot.inh_rest) + slot.inh_rest;
        }
        neuron.step = t + 1;
        if t >= neuron.free {
            neuron.v += slot.exc_strength;
        }
        let spikes = neuron.v >= slot.inh_threshold;
        if spikes {
            neuron.v = slot.inh_reset;
            neuron.free = t.wrapping_add(slot.inh_refractory).wrapping_add(1);
        }
        spikes.then_some(member.neuron)
    }

    /// Clamps the unsettled columns, as learning does at its first step.
    #[inline(always)]
    pub fn clamp(&self, input: &Input<'_>, weights: &mut [f32], unsettled: &[u32]) {
        let (weights, _) = weights.as_chunks_mut::<TILE>();
        clamp_columns(&mut weights[..self.tiles * input.inputs], input.inputs, unsettled);
    }

    /// What learning leaves behind after a sample: the active and the unsettled columns scaled to their norm, and the
    /// adaptive thresholds.
    #[inline(always)]
    pub fn finish(
        &mut self,
        slot: &Slot,
        input: &Input<'_>,
        weights: &mut [f32],
        theta: &mut [f32],
        unsettled: &mut [u32],
    ) {
        let (weights, _) = weights.as_chunks_mut::<TILE>();
        let weights = &mut weights[..self.tiles * input.inputs];
        // Active columns are scaled in their copies; the marks of the others say what is left.
        for member in &self.active.members {
            unsettled[member.neuron as usize] = 0;
        }
        scale_columns(weights, input.inputs, slot.weight_norm, unsettled);
        self.active.write_back(weights, slot.weight_norm, unsettled);
        for (kept, found) in theta.iter_mut().zip(self.theta.as_flattened()) {
            *kept = found - found * slot.theta_sample_loss;
        }
    }
}

/// The sum of the rows named by `events`; even and odd ones apart, so that additions need not wait for each other.
#[inline(always)]
fn sum_rows(rows: &[Row], events: &[u16]) -> Row {
    let (pairs, rest) = events.as_chunks::<2>();
    let mut even = match rest {
        [single] => rows[usize::from(*single)],
        _ => [0.0; TILE],
    };
    let mut odd = [0.0; TILE];
    for [a, b] in pairs {
        let (a, b) = (&rows[usize::from(*a)], &rows[usize::from(*b)]);
        for lane in 0..TILE {
            even[lane] += a[lane];
            odd[lane] += b[lane];
        }
    }
    for lane in 0..TILE {
        even[lane] += odd[lane];
    }
    even
}

/// One step of the membrane potentials of a tile; whether any of them has reached its threshold.
#[inline(always)]
fn advance(v: &mut Row, free: &Row, theta: &Row, drive: &Row, inhibition: &Row, step: &Step) -> bool {
    let mut crossed = 0;
    for lane in 0..TILE {
        let decayed = step.decay * (v[lane] - step.rest) + step.rest;
        let driven = decayed + (drive[lane] - inhibition[lane]);
        v[lane] = if step.now >= free[lane] { driven } else { decayed };
        crossed |= u32::from(v[lane] >= step.threshold + theta[lane] * step.theta_scale);
    }
    crossed != 0
}
