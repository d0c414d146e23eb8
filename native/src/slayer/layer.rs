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
    errors: Vec<Errors>,
    /// [step][site][block]: what the layer sends at a step, after dropout, the shift by a step, and delays.
    pub out: Vec<Bytes>,
    /// [step][active][block]
    derivatives: Vec<Reals>,
    /// The same, for layers whose decays learn.
    voltages: Vec<Ints>,
    learns: bool,
    /// Spikes in `out`.
    pub sent: u64,
}

impl Layer {
    pub fn new(side: usize, blocks: usize, steps: usize, learns: bool) -> Self {
        Self {
            side,
            blocks,
            steps,
            active: Vec::new(),
            states: Vec::new(),
            errors: Vec::new(),
            out: vec![0; steps * side * side * blocks],
            derivatives: Vec::new(),
            voltages: Vec::new(),
            learns,
            sent: 0,
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
        self.sent = 0;
        if !train {
            return;
        }
        self.errors.clear();
        self.errors.resize(count, Errors::default());
        // Every entry is written before it is read, so what an earlier image left may stay.
        let history = count * self.steps;
        if self.derivatives.len() < history {
            self.derivatives.resize(history, [0.0; LANES]);
        }
        if self.learns && self.voltages.len() < history {
            self.voltages.resize(history, [0; LANES]);
        }
    }

    /// One step of all neurons in reach; `kept` has those that dropout leaves, all when absent. `input` gives a block's input for a site (number, row, column) and a block.
    #[inline(always)]
    pub fn advance(
        &mut self,
        neuron: &Neuron,
        t: usize,
        routes: &Routes,
        kept: Option<&[Bytes]>,
        train: bool,
        mut input: impl FnMut(usize, usize, usize) -> Ints,
    ) {
        let stride = self.side * self.side * self.blocks;
        let count = self.active.len() * self.blocks;
        for (a, &site) in self.active.iter().enumerate() {
            let (y, x) = (site as usize / self.side, site as usize % self.side);
            for (block, routes) in routes.iter().enumerate() {
                let place = a * self.blocks + block;
                let state = &mut self.states[place];
                let (spikes, distance) = step(neuron, state, &input(y, x, block));
                if train {
                    self.derivatives[t * count + place] = surrogate(neuron, &distance);
                    if self.learns {
                        self.voltages[t * count + place] = state.voltage;
                    }
                }
                let at = site as usize * self.blocks + block;
                let sent = pack(&spikes) & kept.map_or(Bytes::MAX, |kept| kept[at]);
                if sent != 0 {
                    for &(delay, channels) in routes {
                        let arrival = t + 1 + delay;
                        if arrival < self.steps {
                            self.out[arrival * stride + at] |= sent & channels;
                            self.sent += u64::from((sent & channels).count_ones());
                        }
                    }
                }
            }
        }
    }

    /// One step backward of all neurons in reach. `gradient` is the loss's with respect to the spikes of a block at a
    /// place [active][block]; `found` takes what results for its input. Adds to the gradients of the decays
    /// (current, voltage) where they learn.
    #[inline(always)]
    pub fn step_back(
        &mut self,
        neuron: &Neuron,
        t: usize,
        decays: &mut [f64; 2],
        mut gradient: impl FnMut(usize, usize, usize) -> Reals,
        mut found: impl FnMut(usize, usize, usize, &Reals),
    ) {
        let count = self.active.len() * self.blocks;
        let keep = [neuron.keep_current, neuron.keep_voltage].map(|keep| keep as f32 / STATE as f32);
        let mut current = [0.0f32; LANES];
        let mut voltage = [0.0f32; LANES];
        for (a, &site) in self.active.iter().enumerate() {
            for block in 0..self.blocks {
                let place = a * self.blocks + block;
                let errors = &mut self.errors[place];
                let gradient = gradient(site as usize, place, block);
                step_back(keep, errors, &gradient, &self.derivatives[t * count + place]);
                if self.learns && t > 0 {
                    let last = &self.voltages[(t - 1) * count + place];
                    let before = if t > 1 {
                        self.voltages[(t - 2) * count + place]
                    } else {
                        [0; LANES]
                    };
                    for l in 0..LANES {
                        // The current is what the step added to the potential.
                        let entered = last[l].wrapping_sub(scaled(before[l], neuron.keep_voltage));
                        current[l] += errors.current[l] * entered as f32;
                        voltage[l] += errors.voltage[l] * last[l] as f32;
                    }
                }
                found(site as usize, place, block, &errors.current);
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
