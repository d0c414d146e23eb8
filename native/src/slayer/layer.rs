//! One layer of neurons for one image: which of its sites are in reach, what it sends, and what the backward pass needs
//! of the forward one. Neurons are computed a block at a time through all steps, so that their states stay in registers.

use super::neuron::{Errors, Neuron, STATE, State, scaled, step, step_back, surrogate};
use super::products::pack;
use super::shape::{Bytes, Ints, LANES, Reals};

/// Which delays the channels of a block have: (steps, channels), each channel once.
pub type Routes = Vec<(usize, Bytes)>;

/// Routes without delays.
pub fn straight() -> Routes {
    vec![(0, Bytes::MAX)]
}

pub struct Layer {
    pub side: usize,
    pub blocks: usize,
    pub steps: usize,
    /// Sites that a spike of the image can reach, ascending. The rest is kept for these only.
    pub active: Vec<u32>,
    /// The number of each site in `active`; for others what an earlier image left.
    numbers: Vec<u32>,
    reached: Vec<bool>,
    /// [active][block][step]: what the layer sends, after dropout, the shift by a step, and delays.
    out: Vec<Bytes>,
    /// [active][block][step]
    derivatives: Vec<Reals>,
    /// The same, for layers whose decays learn.
    voltages: Vec<Ints>,
    /// [active][block][step]: the loss's gradient by the layer's input; of pools alone.
    errors: Vec<Reals>,
    learns: bool,
    /// What sites out of reach send, and their errors: one block's steps.
    none_sent: Vec<Bytes>,
    no_errors: Vec<Reals>,
}

impl Layer {
    /// `learns` says that its decays learn, and that it is not a pool.
    pub fn new(side: usize, blocks: usize, steps: usize, learns: bool) -> Self {
        Self {
            side,
            blocks,
            steps,
            active: Vec::new(),
            numbers: vec![0; side * side],
            reached: Vec::new(),
            out: Vec::new(),
            derivatives: Vec::new(),
            voltages: Vec::new(),
            errors: Vec::new(),
            learns,
            none_sent: vec![0; steps],
            no_errors: vec![[0.0; LANES]; steps],
        }
    }

    /// Starts an image whose spikes reach these sites.
    pub fn begin(&mut self, reached: Vec<bool>, train: bool) {
        self.active.clear();
        for (site, _) in (0u32..).zip(&reached).filter(|&(_, &reached)| reached) {
            self.numbers[site as usize] = self.active.len() as u32;
            self.active.push(site);
        }
        self.reached = reached;
        let history = self.active.len() * self.blocks * self.steps;
        self.out.clear();
        self.out.resize(history, 0);
        if !train {
            return;
        }
        // Every entry is written before it is read, so what an earlier image left may stay.
        if self.derivatives.len() < history {
            self.derivatives.resize(history, [0.0; LANES]);
            if self.learns {
                self.voltages.resize(history, [0; LANES]);
            } else {
                self.errors.resize(history, [0.0; LANES]);
            }
        }
    }

    /// Row and column of an active site.
    #[inline(always)]
    pub fn place(&self, number: usize) -> (usize, usize) {
        let site = self.active[number] as usize;
        (site / self.side, site % self.side)
    }

    /// The numbers of the active sites of a row.
    pub fn row(&self, y: usize) -> std::ops::Range<usize> {
        let below = |site: usize| self.active.partition_point(|&active| (active as usize) < site);
        below(y * self.side)..below((y + 1) * self.side)
    }

    #[inline(always)]
    fn history(&self, number: usize, block: usize) -> std::ops::Range<usize> {
        let start = (number * self.blocks + block) * self.steps;
        start..start + self.steps
    }

    /// Runs a block of an active site through all steps. `fed` is its input, `kept` has the neurons that dropout leaves.
    #[inline(always)]
    pub fn advance(
        &mut self,
        neuron: &Neuron,
        (number, block): (usize, usize),
        fed: &[Ints],
        routes: &Routes,
        kept: Bytes,
        train: bool,
    ) {
        let steps = self.steps;
        let history = self.history(number, block);
        let out = &mut self.out[history.clone()];
        let mut state = State::at_rest(neuron);
        let (mut derivatives, mut voltages): (&mut [Reals], &mut [Ints]) = (&mut [], &mut []);
        if train {
            derivatives = &mut self.derivatives[history.clone()];
            if self.learns {
                voltages = &mut self.voltages[history];
            }
        }
        for (t, fed) in fed[..steps].iter().enumerate() {
            let (spikes, distance) = step(neuron, &mut state, fed);
            if let Some(derivative) = derivatives.get_mut(t) {
                *derivative = surrogate(neuron, &distance);
            }
            if let Some(voltage) = voltages.get_mut(t) {
                *voltage = state.voltage;
            }
            let sent = pack(&spikes) & kept;
            if sent != 0 {
                for &(delay, channels) in routes {
                    if let Some(arrival) = out.get_mut(t + 1 + delay) {
                        *arrival |= sent & channels;
                    }
                }
            }
        }
    }

    /// What a block of an active site sends, by step.
    #[inline(always)]
    pub fn sent(&self, number: usize, block: usize) -> &[Bytes] {
        &self.out[self.history(number, block)]
    }

    /// The same of any site, and of none beyond the edges.
    #[inline(always)]
    pub fn sent_from(&self, y: usize, x: usize, block: usize) -> &[Bytes] {
        match self.number(y, x) {
            Some(number) => self.sent(number, block),
            None => &self.none_sent,
        }
    }

    #[inline(always)]
    fn number(&self, y: usize, x: usize) -> Option<usize> {
        let site = y * self.side + x;
        (y < self.side && x < self.side && self.reached[site]).then(|| self.numbers[site] as usize)
    }

    /// Spikes that are sent.
    pub fn count_sent(&self) -> u64 {
        self.out.iter().map(|spikes| u64::from(spikes.count_ones())).sum()
    }

    /// Goes back through all steps of a block of a pool: `gradients` are the loss's by its spikes.
    #[inline(always)]
    pub fn back(&mut self, neuron: &Neuron, (number, block): (usize, usize), gradients: &[Reals]) {
        let history = self.history(number, block);
        let derivatives = &self.derivatives[history.clone()];
        let keep = neuron.keeps();
        let mut errors = Errors::default();
        let found = &mut self.errors[history];
        for ((found, gradient), derivative) in found.iter_mut().zip(gradients).zip(derivatives).rev() {
            step_back(keep, &mut errors, gradient, derivative);
            *found = errors.current;
        }
    }

    /// The same of a layer whose decays learn; adds to their gradients (current, voltage), and gives the errors of its
    /// input in place of the gradients.
    #[inline(always)]
    pub fn back_learning(
        &self,
        neuron: &Neuron,
        (number, block): (usize, usize),
        gradients: &mut [Reals],
        decays: &mut [f64; 2],
    ) {
        let history = self.history(number, block);
        let derivatives = &self.derivatives[history.clone()];
        let voltages = &self.voltages[history];
        let keep = neuron.keeps();
        let mut errors = Errors::default();
        let (mut current, mut voltage) = ([0.0f32; LANES], [0.0f32; LANES]);
        for (t, (gradient, derivative)) in gradients.iter_mut().zip(derivatives).enumerate().rev() {
            step_back(keep, &mut errors, gradient, derivative);
            *gradient = errors.current;
            if t == 0 {
                break;
            }
            let last = &voltages[t - 1];
            let before = if t > 1 { voltages[t - 2] } else { [0; LANES] };
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

    /// What [`Layer::back`] found at any site, by step; zeros beyond the edges.
    #[inline(always)]
    pub fn errors_at(&self, y: Option<usize>, x: Option<usize>, block: usize) -> &[Reals] {
        match y.zip(x).and_then(|(y, x)| self.number(y, x)) {
            Some(number) => &self.errors[self.history(number, block)],
            None => &self.no_errors,
        }
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
