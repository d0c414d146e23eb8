//! The neurons of a part of a network with all that one thread changes: a copy in blocks of 16 for the time of a launch.

use super::network::{Network, Parameter};
use super::{GROUP, LANES, REFRACTORY, STATE_FIELDS};

pub type Block = [f32; LANES];
pub type Bits = [u32; LANES];
pub type Arrivals = [i32; LANES];

/// Blocks of a group of 64 neurons.
pub const BLOCKS: usize = GROUP / LANES;
/// Steps of refractoriness from which on a neuron is held for ever: sources and padding.
const FOREVER: f32 = 16_777_216.0;
/// Buckets of the wheel of neurons to be released.
const BUCKETS: usize = 256;

/// A parameter of the part's neurons, block by block; one block if all neurons share its value.
pub struct Field {
    pub values: Vec<Block>,
    pub same: bool,
}

impl Field {
    fn new(parameter: Parameter<'_>, first: usize, blocks: usize) -> Self {
        match parameter {
            Parameter::Same(value) => Self {
                values: vec![[value; LANES]],
                same: true,
            },
            Parameter::Each(all) => Self {
                values: all[first..first + blocks * LANES].as_chunks::<LANES>().0.to_vec(),
                same: false,
            },
        }
    }

    #[inline(always)]
    pub fn block(&self, block: usize) -> Block {
        self.values[if self.same { 0 } else { block }]
    }

    #[inline(always)]
    pub fn of(&self, neuron: usize) -> f32 {
        self.block(neuron / LANES)[neuron % LANES]
    }
}

/// What a launch starts from.
#[derive(Clone, Copy)]
pub struct Before<'a> {
    pub state: &'a [f32],
    pub ring: &'a [i32],
}

pub struct Part {
    pub first: usize,
    pub blocks: usize,
    pub fields: Vec<Field>,
    pub v: Vec<Block>,
    pub adaptation: Vec<Block>,
    pub g: Vec<Vec<Block>>,
    /// [depth][plane][block]
    pub ring: Vec<Arrivals>,
    /// For each group: bit b of lane l is set where neuron 16 b + l of the group is refractory.
    pub refractory: Vec<Bits>,
    pub wheel: Wheel,
    /// Spikes of each neuron in this launch.
    pub counts: Vec<u32>,
    /// Neurons that spike, for each step of the current chunk.
    pub spikes: Vec<Vec<u32>>,
    /// (step of the launch, neuron) of all spikes, if they are recorded.
    pub log: Option<Vec<(u32, u32)>>,
    /// (place in the list of the network, neuron of the part) of the traced neurons.
    pub traced: Vec<(usize, usize)>,
    /// [step][traced neuron of this part]
    pub traces: Vec<f32>,
    /// Noise of a step; thresholds of a step with their adaptive part.
    pub noise: Vec<Block>,
    pub threshold: Vec<Block>,
}

impl Part {
    /// Part `index` of a network as it stands before step `step`.
    pub fn new(network: &Network<'_>, index: usize, step: u32, before: Before<'_>, raster: bool) -> Self {
        let first = index * network.part_neurons;
        let neurons = network.part_neurons.min(network.stride - first);
        let blocks = neurons / LANES;
        let field = |number: usize| -> &[f32] {
            let start = number * network.stride + first;
            &before.state[start..start + neurons]
        };
        let copied = |number: usize| field(number).as_chunks::<LANES>().0.to_vec();
        let mut part = Self {
            first,
            blocks,
            fields: network
                .parameters
                .iter()
                .map(|&parameter| Field::new(parameter, first, blocks))
                .collect(),
            v: copied(0),
            adaptation: copied(2),
            g: (STATE_FIELDS..STATE_FIELDS + network.slot.exponential as usize)
                .map(copied)
                .collect(),
            ring: (0..network.depth * network.planes)
                .flat_map(|plane| {
                    let start = plane * network.stride + first;
                    before.ring[start..start + neurons]
                        .as_chunks::<LANES>()
                        .0
                        .iter()
                        .copied()
                })
                .collect(),
            refractory: vec![[0; LANES]; neurons / GROUP],
            wheel: Wheel::default(),
            counts: vec![0; neurons],
            spikes: Vec::new(),
            log: raster.then(Vec::new),
            traced: network
                .traced
                .iter()
                .enumerate()
                .filter(|&(_, &neuron)| (first..first + neurons).contains(&(neuron as usize)))
                .map(|(place, &neuron)| (place, neuron as usize - first))
                .collect(),
            traces: Vec::new(),
            noise: vec![[0.0; LANES]; blocks],
            threshold: vec![[0.0; LANES]; blocks],
        };
        for (neuron, &left) in field(1).iter().enumerate() {
            if left > 0.0 {
                part.hold(neuron);
                if left < FOREVER {
                    part.wheel.insert(step.wrapping_add(left as u32), neuron as u32);
                }
            }
        }
        part
    }

    #[inline(always)]
    pub fn hold(&mut self, neuron: usize) {
        let (group, within) = (neuron / GROUP, neuron % GROUP);
        self.refractory[group][within % LANES] |= 1 << (within / LANES);
    }

    /// Steps for which a neuron that spikes is held.
    #[inline(always)]
    pub fn refractory_steps(&self, neuron: usize) -> u32 {
        self.fields[REFRACTORY].of(neuron) as u32
    }

    /// Writes what the launch changed to where it came from.
    pub fn write_back(
        &self,
        network: &Network<'_>,
        step: u32,
        state: &mut [f32],
        ring: &mut [i32],
        counts: &mut [u32],
    ) {
        let neurons = self.blocks * LANES;
        let put = |state: &mut [f32], number: usize, blocks: &[Block]| {
            let start = number * network.stride + self.first;
            state[start..start + neurons].copy_from_slice(blocks.as_flattened());
        };
        put(state, 0, &self.v);
        put(state, 2, &self.adaptation);
        for (channel, g) in self.g.iter().enumerate() {
            put(state, STATE_FIELDS + channel, g);
        }
        let held = &mut state[network.stride + self.first..][..neurons];
        for left in held.iter_mut().filter(|left| **left < FOREVER) {
            *left = 0.0;
        }
        for &(release, neuron) in self.wheel.entries() {
            held[neuron as usize] = release.wrapping_sub(step) as f32;
        }
        for (plane, blocks) in self.ring.chunks(self.blocks).enumerate() {
            let start = plane * network.stride + self.first;
            ring[start..start + neurons].copy_from_slice(blocks.as_flattened());
        }
        for (count, new) in counts[self.first..].iter_mut().zip(&self.counts) {
            *count = count.wrapping_add(*new);
        }
    }
}

/// Refractory neurons by the step at whose start they are released.
#[derive(Default)]
pub struct Wheel {
    buckets: Vec<Vec<(u32, u32)>>,
}

impl Wheel {
    #[inline(always)]
    pub fn insert(&mut self, step: u32, neuron: u32) {
        if self.buckets.is_empty() {
            self.buckets.resize(BUCKETS, Vec::new());
        }
        self.buckets[step as usize % BUCKETS].push((step, neuron));
    }

    /// Calls `release` with the neurons that are refractory no more from `step` on.
    #[inline(always)]
    pub fn turn(&mut self, step: u32, mut release: impl FnMut(usize)) {
        if let Some(bucket) = self.buckets.get_mut(step as usize % BUCKETS)
            && !bucket.is_empty()
        {
            bucket.retain(|&(due, neuron)| {
                if due == step {
                    release(neuron as usize);
                }
                due != step
            });
        }
    }

    fn entries(&self) -> impl Iterator<Item = &(u32, u32)> {
        self.buckets.iter().flatten()
    }
}
