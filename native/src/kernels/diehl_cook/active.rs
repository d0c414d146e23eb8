//! The columns of weights whose neurons have spiked in the current sample: the only ones that learn in it.
//!
//! They are kept as copies, 16 side by side, so that one event reads and changes all of them at once. After the
//! sample they are scaled to their norm and written back.

use super::TILE;
use super::item::Input;
use super::settling::{factors, is_unsettled, largest};

/// Columns of a group.
const GROUP: usize = 16;
const NOWHERE: u16 = u16::MAX;
/// An input that has not spiked in the sample.
const NEVER: u32 = u32::MAX;

type Row = [f32; TILE];
type GroupRow = [f32; GROUP];

/// The inhibitory neuron of an active column.
pub struct Inhibitory {
    pub v: f32,
    /// The first step that `v` does not cover yet.
    pub step: u32,
    /// The first step at which it is not refractory.
    pub free: u32,
}

/// A neuron that has spiked in the sample.
pub struct Member {
    pub neuron: u32,
    pub last_spike: u32,
    pub inhibitory: Inhibitory,
}

pub struct Active {
    inputs: usize,
    pub members: Vec<Member>,
    /// Position among the members, by neuron.
    place_of: Vec<u16>,
    /// [group][input]: copies of the members' columns.
    columns: Vec<GroupRow>,
    /// The step at which each input spiked last.
    input_spike: Vec<u32>,
    /// The inputs that have spiked, in the order of their first spikes.
    spiked: Vec<u16>,
}

impl Active {
    pub fn new(inputs: usize, columns: usize) -> Self {
        Self {
            inputs,
            members: Vec::new(),
            place_of: vec![NOWHERE; columns],
            columns: Vec::new(),
            input_spike: vec![NEVER; inputs],
            spiked: Vec::new(),
        }
    }

    /// Forgets the last sample.
    #[inline(always)]
    pub fn clear(&mut self) {
        for member in self.members.drain(..) {
            self.place_of[member.neuron as usize] = NOWHERE;
        }
        for input in self.spiked.drain(..) {
            self.input_spike[usize::from(input)] = NEVER;
        }
    }

    /// The place of a neuron that spikes at step `t`, which becomes a member if it is none yet.
    #[inline(always)]
    pub fn spike(&mut self, neuron: u32, t: u32, inhibitory_rest: f32) -> (usize, bool) {
        let place = &mut self.place_of[neuron as usize];
        if *place != NOWHERE {
            let place = usize::from(*place);
            self.members[place].last_spike = t;
            return (place, false);
        }
        *place = self.members.len() as u16;
        let inhibitory = Inhibitory {
            v: inhibitory_rest,
            step: 0,
            free: 0,
        };
        self.members.push(Member {
            neuron,
            last_spike: t,
            inhibitory,
        });
        (self.members.len() - 1, true)
    }

    /// Copies the column of the newest member out of the tiles.
    #[inline(always)]
    pub fn copy_column(&mut self, weights: &[Row]) {
        let place = self.members.len() - 1;
        let (group, lane) = (place / GROUP, place % GROUP);
        if self.columns.len() < (group + 1) * self.inputs {
            self.columns.resize((group + 1) * self.inputs, [0.0; GROUP]);
        }
        let (tile, column) = self.tile_of(place);
        let rows = &weights[tile * self.inputs..(tile + 1) * self.inputs];
        let copies = &mut self.columns[group * self.inputs..(group + 1) * self.inputs];
        for (copy, row) in copies.iter_mut().zip(rows) {
            copy[lane] = row[column];
        }
    }

    fn tile_of(&self, place: usize) -> (usize, usize) {
        let neuron = self.members[place].neuron as usize;
        (neuron / TILE, neuron % TILE)
    }

    /// Notes the inputs that spike at step `t`.
    #[inline(always)]
    pub fn note_inputs(&mut self, events: &[u16], t: u32) {
        for &input in events {
            let last = &mut self.input_spike[usize::from(input)];
            if *last == NEVER {
                self.spiked.push(input);
            }
            *last = t;
        }
    }

    /// The column that spikes at step `t`: depression by the inputs of this step, potentiation by all that have spiked.
    #[inline(always)]
    pub fn potentiate(&mut self, place: usize, t: u32, input: &Input<'_>, nu_pre: f32, nu_post: f32) {
        let (group, lane) = (place / GROUP, place % GROUP);
        let column = &mut self.columns[group * self.inputs..(group + 1) * self.inputs];
        for &spiked in &self.spiked {
            let last = self.input_spike[usize::from(spiked)];
            let depression = if last == t { nu_pre } else { 0.0 };
            let potentiation = nu_post * input.trace[(t - last) as usize];
            let weight = &mut column[usize::from(spiked)][lane];
            *weight = (*weight - depression + potentiation).clamp(0.0, 1.0);
        }
    }

    /// Depression of all members but `spiking` by the inputs that spike at step `t`; puts the members' next drive,
    /// from the weights as they are then, into the drive of the next step.
    #[inline(always)]
    pub fn depress(
        &mut self,
        events: &[u16],
        spiking: Option<usize>,
        t: u32,
        input: &Input<'_>,
        nu_pre: f32,
        mut next_drive: Option<&mut [Row]>,
    ) {
        for (group, members) in self.members.chunks(GROUP).enumerate() {
            let mut depression = [0.0; GROUP];
            for (lane, member) in members.iter().enumerate() {
                if spiking != Some(group * GROUP + lane) {
                    depression[lane] = nu_pre * input.trace[(t - member.last_spike) as usize];
                }
            }
            let columns = &mut self.columns[group * self.inputs..(group + 1) * self.inputs];
            let mut drive = [0.0; GROUP];
            for &event in events {
                let row = &mut columns[usize::from(event)];
                for lane in 0..GROUP {
                    let weight = row[lane] - depression[lane];
                    row[lane] = if weight > 0.0 { weight } else { 0.0 };
                    drive[lane] += row[lane];
                }
            }
            if let Some(next_drive) = &mut next_drive {
                for (member, drive) in members.iter().zip(drive) {
                    let neuron = member.neuron as usize;
                    next_drive[neuron / TILE][neuron % TILE] = drive;
                }
            }
        }
    }

    /// Writes the members' columns back, scaled to sum `norm`, and marks those that are unsettled then.
    #[inline(always)]
    pub fn write_back(&self, weights: &mut [Row], norm: f32, unsettled: &mut [u32]) {
        for (group, members) in self.members.chunks(GROUP).enumerate() {
            let columns = &self.columns[group * self.inputs..(group + 1) * self.inputs];
            let factors = factors(columns, norm);
            let largest = largest(columns);
            for (lane, member) in members.iter().enumerate() {
                let neuron = member.neuron as usize;
                unsettled[neuron] = is_unsettled(largest[lane] * factors[lane]);
                let start = neuron / TILE * self.inputs;
                let rows = &mut weights[start..start + self.inputs];
                for (row, copy) in rows.iter_mut().zip(columns) {
                    row[neuron % TILE] = copy[lane] * factors[lane];
                }
            }
        }
    }
}
