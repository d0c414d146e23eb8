//! A rule of plasticity as `shaders/recurrent_plasticity.wgsl` has it in the tables.

use super::super::Slot;
use super::super::network::{Class, part};
use crate::device::launch::refused;
use crate::failure::Failure;

const RULE_WORDS: usize = 16;
const NEAREST: u32 = 1;
const MULTIPLICATIVE: u32 = 2;
const TIMES_DIFFER: u32 = 4;

/// The largest f32 below 2^30.
pub const MOST_CHANGE: f32 = 1_073_741_760.0;

/// Synapses that are depressed together.
pub const ROW: usize = 64;

/// A parameter of a rule: one for all synapses, or one for each synapse of the network.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    Same(f32),
    Each(&'a [f32]),
}

impl Value<'_> {
    #[inline(always)]
    pub fn of(&self, place: usize) -> f32 {
        match self {
            Value::Same(value) => *value,
            Value::Each(values) => values[place],
        }
    }
}

pub struct Rule<'a> {
    pub first_class: u32,
    pub end_class: u32,
    pub nearest: bool,
    pub multiplicative: bool,
    /// Synapses have time constants of their own.
    pub times_differ: bool,
    pub minimum: i32,
    pub maximum: i32,
    pub potentiation: Value<'a>,
    pub depression: Value<'a>,
    /// dt/tau
    pub plus: Value<'a>,
    pub minus: Value<'a>,
    /// Steps between two normalizations; 0: never.
    pub every: u32,
    /// In units.
    pub total: f32,
}

impl Rule<'_> {
    /// Traces that the rule keeps on either side.
    pub fn traces(&self, stride: usize, synapses: usize) -> usize {
        match (self.nearest, self.times_differ) {
            (true, _) => 0,
            (false, false) => stride,
            (false, true) => synapses,
        }
    }

    /// Floats of state that the rule keeps.
    pub fn length(&self, stride: usize, synapses: usize) -> usize {
        2 * stride + 2 * self.traces(stride, synapses)
    }

    pub fn has_synapse_traces(&self) -> bool {
        self.times_differ && !self.nearest
    }

    #[inline(always)]
    fn changed(&self, weight: i32, change: f32) -> i32 {
        let units = change.round_ties_even().clamp(-MOST_CHANGE, MOST_CHANGE) as i32;
        weight.wrapping_add(units).clamp(self.minimum, self.maximum)
    }

    #[inline(always)]
    pub fn depressed(&self, weight: i32, rate: f32, y: f32) -> i32 {
        let share = if self.multiplicative {
            weight.wrapping_sub(self.minimum) as f32
        } else {
            1.0
        };
        self.changed(weight, -(rate * share) * y)
    }

    /// [`Self::depressed`] of several synapses, by vectors.
    #[inline(always)]
    pub fn depress(&self, weights: &mut [i32; ROW], rates: &[f32; ROW], traces: &[f32; ROW]) {
        for k in 0..ROW {
            weights[k] = self.depressed(weights[k], rates[k], traces[k]);
        }
    }

    #[inline(always)]
    pub fn potentiated(&self, weight: i32, rate: f32, x: f32) -> i32 {
        let share = if self.multiplicative {
            self.maximum.wrapping_sub(weight) as f32
        } else {
            1.0
        };
        self.changed(weight, rate * share * x)
    }
}

/// The rules of plasticity, `shaders/recurrent_plasticity.wgsl`. The synapses by target are not read: a launch makes its
/// own.
pub fn parse_rules<'a>(slot: &Slot, tables: &'a [u32], classes: &[Class]) -> Result<Vec<Rule<'a>>, Failure> {
    let words = part(
        "tables",
        tables,
        "its rules",
        slot.rules,
        RULE_WORDS as u64 * u64::from(slot.rule_count),
    )?;
    let rules = words
        .as_chunks::<RULE_WORDS>()
        .0
        .iter()
        .map(|words| {
            let value = |at: usize| -> Result<Value<'a>, Failure> {
                let length = if words[at + 1] == 0 { 1 } else { slot.synapse_count };
                let values = part("tables", tables, "a rule", words[at], u64::from(length))?;
                let values: &[f32] = bytemuck::cast_slice(values);
                Ok(match words[at + 1] {
                    0 => Value::Same(values[0]),
                    _ => Value::Each(values),
                })
            };
            let rule = Rule {
                first_class: words[0],
                end_class: words[1],
                nearest: words[2] & NEAREST != 0,
                multiplicative: words[2] & MULTIPLICATIVE != 0,
                times_differ: words[2] & TIMES_DIFFER != 0,
                minimum: words[3].cast_signed(),
                maximum: words[4].cast_signed(),
                potentiation: value(5)?,
                depression: value(7)?,
                plus: value(9)?,
                minus: value(11)?,
                every: words[13],
                total: f32::from_bits(words[14]),
            };
            let shared = matches!((rule.plus, rule.minus), (Value::Same(_), Value::Same(_)));
            if rule.minimum > rule.maximum
                || rule.first_class > rule.end_class
                || (!rule.times_differ && !shared)
            {
                return Err(refused(format!(
                    "a rule is for classes {} to {} and weights from {} to {}",
                    rule.first_class, rule.end_class, rule.minimum, rule.maximum
                )));
            }
            Ok(rule)
        })
        .collect::<Result<Vec<_>, _>>()?;
    for (number, class) in (0..).zip(classes) {
        let own = (0..rules.len()).find(|&r| (rules[r].first_class..rules[r].end_class).contains(&number));
        if own != class.rule {
            return Err(refused(format!(
                "class {number} learns by rule {:?}; its rules say {own:?}",
                class.rule
            )));
        }
    }
    Ok(rules)
}
