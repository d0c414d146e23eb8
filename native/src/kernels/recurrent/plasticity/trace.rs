//! Traces of spikes: how much of the last ones is left.

use super::rule::{Rule, Value};

/// Steps since a spike that never was.
const NEVER: f32 = 1e9;
/// A spike whose trace has decayed to less than this is forgotten: no rate makes half a unit of it.
const FORGOTTEN: f32 = 1e-12;
/// Entries of a table of decays at the most; what is longer ago is computed.
const MOST_DECAYS: usize = 1 << 16;

#[inline(always)]
pub fn decay_over(steps: i32, rate: f32) -> f32 {
    (-(steps as f32) * rate).exp()
}

/// e^(-steps dt/tau), for steps since a spike.
pub struct Decays {
    rate: f32,
    table: Vec<f32>,
    /// What is beyond the table is forgotten: its last entry is 0.
    complete: bool,
}

impl Decays {
    pub fn new(time: Value<'_>) -> Self {
        let Value::Same(rate) = time else {
            return Self {
                rate: 0.0,
                table: Vec::new(),
                complete: false,
            };
        };
        let mut table: Vec<f32> = (0..MOST_DECAYS as i32)
            .map(|steps| decay_over(steps, rate))
            .take_while(|&decay| decay > FORGOTTEN)
            .collect();
        let complete = table.len() < MOST_DECAYS;
        if complete {
            table.push(0.0);
        }
        Self {
            rate,
            table,
            complete,
        }
    }

    #[inline(always)]
    pub fn over(&self, steps: i32) -> f32 {
        if self.complete {
            return self.table[(steps as usize).min(self.table.len() - 1)];
        }
        match self.table.get(steps as usize) {
            Some(&decay) => decay,
            None => decay_over(steps, self.rate),
        }
    }
}

/// The last spike of a neuron.
#[derive(Clone, Copy)]
pub struct Last {
    /// Counted from the beginning of the launch.
    pub step: i32,
    /// The trace as of this spike: 1 where only nearest pairs count or synapses have traces of their own.
    pub trace: f32,
}

impl Last {
    /// From steps since the spike, as of the step before the launch.
    fn new(age: f32, trace: f32) -> Self {
        Self {
            step: -1 - age.clamp(0.0, NEVER) as i32,
            trace,
        }
    }

    /// Steps since the spike, as of the last of so many steps.
    pub fn age(&self, steps: u32) -> f32 {
        ((steps as i32).wrapping_sub(1).wrapping_sub(self.step) as f32).min(NEVER)
    }

    #[inline(always)]
    pub fn spike(&mut self, step: i32, rule: &Rule<'_>, decays: &Decays) {
        if !rule.nearest && !rule.times_differ {
            self.trace = self.trace * decays.over(step.wrapping_sub(self.step)) + 1.0;
        }
        self.step = step;
    }
}

/// A rule's neurons of one side.
pub fn lasts(ages: &[f32], traces: Option<&[f32]>) -> Vec<Last> {
    match traces {
        Some(traces) => ages
            .iter()
            .zip(traces)
            .map(|(&age, &trace)| Last::new(age, trace))
            .collect(),
        None => ages.iter().map(|&age| Last::new(age, 1.0)).collect(),
    }
}
