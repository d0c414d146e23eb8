//! One layer of neurons for one image: its states, its spikes, and what the backward pass needs of the forward one.

use super::neuron::{Errors, Neuron, STATE, State, scaled, step, step_back, surrogate};
use super::products::pack;
use super::shape::{Bytes, Ints, LANES, Reals};

/// Which delays the channels of each block have: (steps, channels), each channel once.
pub type Routes = Vec<Vec<(usize, Bytes)>>;

/// Routes without delays.
pub fn straight(blocks: usize) -> Routes {
    vec![vec![(0, Bytes::MAX)]; blocks]
}

pub struct Layer {
    pub side: usize,
    pub blocks: usize,
    steps: usize,
    /// Sites that a spike of the image can reach, ascending. All but `out` is kept for these only.
    pub active: Vec<u32>,
    /// [active][block]
    states: Vec<State>,
    /// Input of the step.
    pub fed: Vec<Ints>,
    pub errors: Vec<Errors>,
    pub gradients: Vec<Reals>,
    /// [step][site][block]: what the layer sends at a step, after dropout, the shift by a step, and delays.
    pub out: Vec<Bytes>,
    /// [step][active][block]
    derivatives: Vec<Reals>,
    /// The same, for layers whose decays learn.
    voltages: Vec<Ints>,
    learns: bool,
    /// What [`Layer::list_sent`] has listed, and where each step ends.
    events: Vec<(u32, u32)>,
    ends: Vec<usize>,
}

impl Layer {
    pub fn new(side: usize, blocks: usize, steps: usize, learns: bool) -> Self {
        Self {
            side,
            blocks,
            steps,
            active: Vec::new(),
            states: Vec::new(),
            fed: Vec::new(),
            errors: Vec::new(),
            gradients: Vec::new(),
            out: vec![0; steps * side * side * blocks],
            derivatives: Vec::new(),
            voltages: Vec::new(),
            learns,
            events: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// Starts an image whose spikes reach these sites.
    pub fn begin(&mut self, reached: &[bool], neuron: &Neuron, train: bool) {
        self.active.clear();
        self.active.extend(
            (0u32..)
                .zip(reached)
                .filter(|&(_, &reached)| reached)
                .map(|(site, _)| site),
        );
        let count = self.active.len() * self.blocks;
        let rest = State {
            threshold: [neuron.threshold; LANES],
            ..State::default()
        };
        self.states.clear();
        self.states.resize(count, rest);
        self.out.fill(0);
        self.fed.clear();
        self.fed.resize(count, [0; LANES]);
        self.events.clear();
        self.ends.clear();
        if !train {
            return;
        }
        self.errors.clear();
        self.errors.resize(count, Errors::default());
        self.gradients.clear();
        self.gradients.resize(count, [0.0; LANES]);
        // Every entry is written before it is read, so what an earlier image left may stay.
        let history = count * self.steps;
        if self.derivatives.len() < history {
            self.derivatives.resize(history, [0.0; LANES]);
        }
        if self.learns && self.voltages.len() < history {
            self.voltages.resize(history, [0; LANES]);
        }
    }

    /// One step of all neurons in reach, whose input stands in `fed`; `kept` has those that dropout leaves, all when
    /// absent.
    #[inline(always)]
    pub fn advance(
        &mut self,
        neuron: &Neuron,
        t: usize,
        routes: &Routes,
        kept: Option<&[Bytes]>,
        train: bool,
    ) {
        let stride = self.side * self.side * self.blocks;
        let count = self.active.len() * self.blocks;
        let history = t * count;
        for (a, &site) in self.active.iter().enumerate() {
            for (block, routes) in routes.iter().enumerate() {
                let place = a * self.blocks + block;
                let state = &mut self.states[place];
                let (spikes, distance) = step(neuron, state, &self.fed[place]);
                if train {
                    self.derivatives[history + place] = surrogate(neuron, &distance);
                    if self.learns {
                        self.voltages[history + place] = state.voltage;
                    }
                }
                let at = site as usize * self.blocks + block;
                let sent = pack(&spikes) & kept.map_or(Bytes::MAX, |kept| kept[at]);
                if sent != 0 {
                    for &(delay, channels) in routes {
                        let arrival = t + 1 + delay;
                        if arrival < self.steps {
                            self.out[arrival * stride + at] |= sent & channels;
                        }
                    }
                }
            }
        }
    }

    /// Lists what the layer sends at a step; to be called once for each, in order.
    #[inline(always)]
    pub fn list_sent(&mut self, t: usize) {
        let stride = self.side * self.side * self.blocks;
        let out = &self.out[t * stride..(t + 1) * stride];
        for &site in &self.active {
            for (block, &spikes) in out[site as usize * self.blocks..][..self.blocks]
                .iter()
                .enumerate()
            {
                let mut rest = spikes;
                while rest != 0 {
                    let channel = block * LANES + rest.trailing_zeros() as usize / LANES;
                    self.events.push((site, channel as u32));
                    rest &= rest - 1;
                }
            }
        }
        self.ends.push(self.events.len());
    }

    /// Site and channel of each spike that the layer sends at a step.
    #[inline(always)]
    pub fn sent_at(&self, t: usize) -> &[(u32, u32)] {
        let start = if t > 0 { self.ends[t - 1] } else { 0 };
        &self.events[start..self.ends[t]]
    }

    /// Spikes in `out`.
    pub fn count_sent(&self) -> u64 {
        self.out.iter().map(|spikes| u64::from(spikes.count_ones())).sum()
    }

    /// One step backward of all neurons in reach. `gradients` are the loss's with respect to their spikes; afterwards
    /// `errors` has those of their input. Adds to the gradients of the decays (current, voltage) where they learn.
    #[inline(always)]
    pub fn step_back(&mut self, neuron: &Neuron, t: usize, decays: &mut [f64; 2]) {
        let count = self.active.len() * self.blocks;
        let keep = [neuron.keep_current, neuron.keep_voltage].map(|keep| keep as f32 / STATE as f32);
        let derivatives = &self.derivatives[t * count..(t + 1) * count];
        let all = self.errors[..count].iter_mut().zip(&self.gradients[..count]);
        for ((errors, gradient), derivative) in all.zip(derivatives) {
            step_back(keep, errors, gradient, derivative);
        }
        if !self.learns || t == 0 {
            return;
        }
        let mut current = [0.0f32; LANES];
        let mut voltage = [0.0f32; LANES];
        let last = &self.voltages[(t - 1) * count..t * count];
        let none;
        let before = if t > 1 {
            &self.voltages[(t - 2) * count..(t - 1) * count]
        } else {
            none = vec![[0; LANES]; count];
            &none
        };
        for ((errors, last), before) in self.errors[..count].iter().zip(last).zip(before) {
            for l in 0..LANES {
                // The current is what the step added to the potential.
                let entered = last[l].wrapping_sub(scaled(before[l], neuron.keep_voltage));
                current[l] += errors.current[l] * entered as f32;
                voltage[l] += errors.voltage[l] * last[l] as f32;
            }
        }
        let total = |lanes: &[f32; LANES]| lanes.iter().map(|&lane| f64::from(lane)).sum::<f64>();
        decays[0] += total(&current) / f64::from(STATE);
        decays[1] += total(&voltage) / f64::from(STATE);
    }
}

/// Which sites a square kernel reaches from the sites that are reached of its input.
pub fn reach(input: &[bool], input_side: usize, kernel: usize) -> Vec<bool> {
    let side = input_side + 1 - kernel;
    let mut reached = vec![false; side * side];
    for (site, _) in input.iter().enumerate().filter(|&(_, &reached)| reached) {
        let (y, x) = (site / input_side, site % input_side);
        for oy in (y + 1).saturating_sub(kernel)..=y.min(side - 1) {
            let row = oy * side;
            reached[row + (x + 1).saturating_sub(kernel)..=row + x.min(side - 1)].fill(true);
        }
    }
    reached
}
