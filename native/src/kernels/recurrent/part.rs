//! The neurons of a part of a network with all that one thread changes: a copy in groups of 64 for the time of a launch.

use super::inputs::Span;
use super::network::{Network, Parameter};
use super::{GROUP, REFRACTORY, STATE_FIELDS};

pub type Reals = [f32; GROUP];
pub type Arrivals = [i32; GROUP];
/// 1 for yes, 0 for no.
pub type Flags = [u8; GROUP];

/// Steps of refractoriness from which on a neuron is held for ever: sources and padding.
pub const FOREVER: f32 = 16_777_216.0;
/// Buckets of the wheel of neurons to be released.
const BUCKETS: usize = 256;

/// A parameter of the part's neurons, group by group; one group if all neurons share its value.
pub struct Field {
    values: Vec<Reals>,
    pub same: bool,
}

impl Field {
    fn new(parameter: Parameter<'_>, first: usize, neurons: usize) -> Self {
        match parameter {
            Parameter::Same(value) => Self {
                values: vec![[value; GROUP]],
                same: true,
            },
            Parameter::Each(all) => Self {
                values: all[first..first + neurons].as_chunks::<GROUP>().0.to_vec(),
                same: false,
            },
        }
    }

    #[inline(always)]
    pub fn group(&self, group: usize) -> &Reals {
        &self.values[if self.same { 0 } else { group }]
    }

    #[inline(always)]
    pub fn of(&self, neuron: usize) -> f32 {
        self.group(neuron / GROUP)[neuron % GROUP]
    }
}

/// What a launch starts from.
#[derive(Clone, Copy)]
pub struct Before<'a> {
    pub state: &'a [f32],
    pub ring: &'a [i32],
}

pub struct Part {
    /// Number of the first neuron in the network.
    pub first: usize,
    pub groups: usize,
    pub fields: Vec<Field>,
    pub v: Vec<Reals>,
    pub adaptation: Vec<Reals>,
    pub g: Vec<Vec<Reals>>,
    /// [depth][plane][group]
    pub ring: Vec<Arrivals>,
    /// 1 where a neuron is not refractory.
    pub free: Vec<Flags>,
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
    pub noise: Vec<Reals>,
    pub threshold: Vec<Reals>,
}

impl Part {
    /// Part `index` of a network as it stands before step `step`.
    pub fn new(network: &Network<'_>, index: usize, step: u32, before: Before<'_>, log: bool) -> Self {
        let first = index * network.part_neurons;
        let neurons = network.part_neurons.min(network.stride - first);
        let groups = neurons / GROUP;
        let field = |number: usize| -> &[f32] {
            let start = number * network.stride + first;
            &before.state[start..start + neurons]
        };
        let copied = |number: usize| field(number).as_chunks::<GROUP>().0.to_vec();
        let mut part = Self {
            first,
            groups,
            fields: network
                .parameters
                .iter()
                .map(|&parameter| Field::new(parameter, first, neurons))
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
                        .as_chunks::<GROUP>()
                        .0
                        .iter()
                        .copied()
                })
                .collect(),
            free: vec![[1; GROUP]; groups],
            wheel: Wheel::default(),
            counts: vec![0; neurons],
            spikes: Vec::new(),
            log: log.then(Vec::new),
            traced: network
                .traced
                .iter()
                .enumerate()
                .filter(|&(_, &neuron)| (first..first + neurons).contains(&(neuron as usize)))
                .map(|(place, &neuron)| (place, neuron as usize - first))
                .collect(),
            traces: Vec::new(),
            noise: vec![[0.0; GROUP]; groups],
            threshold: vec![[0.0; GROUP]; groups],
        };
        for (neuron, &left) in field(1).iter().enumerate() {
            if left > 0.0 {
                part.free[neuron / GROUP][neuron % GROUP] = 0;
                if left < FOREVER {
                    part.wheel.insert(step.wrapping_add(left as u32), neuron as u32);
                }
            }
        }
        part
    }

    pub fn span(&self) -> Span {
        Span {
            first: self.first,
            groups: self.groups,
        }
    }

    /// Holds a neuron that spikes at `step` for its refractory period.
    #[inline(always)]
    pub fn hold(&mut self, neuron: usize, step: u32) {
        let steps = self.fields[REFRACTORY].of(neuron) as u32;
        if steps > 0 {
            self.free[neuron / GROUP][neuron % GROUP] = 0;
            self.wheel
                .insert(step.wrapping_add(1).wrapping_add(steps), neuron as u32);
        }
    }

    /// Frees the neurons that are refractory no more from `step` on.
    #[inline(always)]
    pub fn release(&mut self, step: u32) {
        let Self { wheel, free, .. } = self;
        wheel.turn(step, |neuron| free[neuron / GROUP][neuron % GROUP] = 1);
    }

    /// Writes what the launch changed to where it came from, as it stands before step `step`.
    pub fn write_back(
        &self,
        network: &Network<'_>,
        step: u32,
        state: &mut [f32],
        ring: &mut [i32],
        counts: &mut [u32],
    ) {
        let neurons = self.groups * GROUP;
        let put = |state: &mut [f32], number: usize, values: &[Reals]| {
            let start = number * network.stride + self.first;
            state[start..start + neurons].copy_from_slice(values.as_flattened());
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
        for (plane, values) in self.ring.chunks(self.groups).enumerate() {
            let start = plane * network.stride + self.first;
            ring[start..start + neurons].copy_from_slice(values.as_flattened());
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

    /// Calls `release` with the neurons whose step has come. Longer periods than the wheel has buckets go round again.
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

    pub fn entries(&self) -> impl Iterator<Item = &(u32, u32)> {
        self.buckets.iter().flatten()
    }
}
