//! One network of a launch: its slot and its tables, once all indices are proved to be inside.

use rayon::prelude::*;

use super::plasticity::rule::{Rule, parse_rules};
use super::{CHANNEL_PARAMETERS, GROUP, NEURON_PARAMETERS, STATE_FIELDS, Slot};
use crate::device::launch::{Binding, Known, refused};
use crate::failure::Failure;

pub const TARGET_MASK: u32 = 0xf_ffff;
pub const CLASS_SHIFT: u32 = 20;
const MAX_PLANES: u32 = 5;
const MAX_DEPTH: u32 = 4095;
/// Synapses that one thread checks at a time.
const CHUNK: usize = 1 << 16;

/// A parameter: one value for all neurons, or one for each.
#[derive(Clone, Copy)]
pub enum Parameter<'a> {
    Same(f32),
    Each(&'a [f32]),
}

/// What synapses of a class have in common.
#[derive(Clone, Copy)]
pub struct Class {
    pub plane: usize,
    pub delay: usize,
    pub weight: i32,
    /// Each synapse has its own weight.
    pub weighted: bool,
    /// The number of the rule by which it learns.
    pub rule: Option<usize>,
}

/// External input to neurons first .. end.
pub struct Poisson<'a> {
    pub first: usize,
    pub end: usize,
    pub plane: usize,
    pub index: u32,
    pub weight: i32,
    pub thresholds: &'a [u32],
}

/// Sources first .. end that spike at random; one threshold, or one for each.
pub struct Rates<'a> {
    pub first: usize,
    pub end: usize,
    pub thresholds: &'a [u32],
}

impl Rates<'_> {
    #[inline(always)]
    pub fn threshold(&self, neuron: usize) -> u32 {
        match self.thresholds {
            [one] => *one,
            each => each.get(neuron - self.first).copied().unwrap_or(0),
        }
    }
}

/// The tables that all networks share.
#[derive(Clone, Copy)]
pub struct Tables<'a> {
    pub tables: &'a [u32],
    /// Absent for kernels that don't follow the spikes: their networks have no rows.
    pub rows: Option<Rows<'a>>,
}

impl<'a> Tables<'a> {
    /// The tables and the rows of a kernel that follows the spikes.
    pub fn with_rows(
        tables: Binding<'a>,
        rows: Binding<'a>,
        synapses: Binding<'a>,
        weights: &'a [i32],
    ) -> Result<Self, Failure> {
        Ok(Self {
            tables: tables.read()?.values,
            rows: Some(Rows {
                rows: rows.read()?.values,
                synapses: synapses.read_known()?,
                weights,
            }),
        })
    }
}

#[derive(Clone, Copy)]
pub struct Rows<'a> {
    rows: &'a [u32],
    synapses: Known<'a, u32>,
    weights: &'a [i32],
}

pub struct Network<'a> {
    pub slot: Slot,
    pub stride: usize,
    pub planes: usize,
    pub depth: usize,
    pub min_delay: usize,
    pub parts: usize,
    pub part_neurons: usize,
    pub parameters: Vec<Parameter<'a>>,
    pub classes: Vec<Class>,
    pub poisson: Vec<Poisson<'a>>,
    pub rates: Vec<Rates<'a>>,
    /// Where the spikes of each step begin in `tables`, and the end of the last.
    pub events: &'a [u32],
    pub tables: &'a [u32],
    pub traced: &'a [u32],
    /// [neuron * parts + part], and the end.
    pub rows: &'a [u32],
    pub synapses: &'a [u32],
    /// Empty when no class has weights of its own.
    pub weights: &'a [i32],
    pub rules: Vec<Rule<'a>>,
}

/// A part of a table, or an error that names it.
pub fn part<'a, T>(name: &str, of: &'a [T], what: &str, start: u32, length: u64) -> Result<&'a [T], Failure> {
    let total = of.len();
    u64::from(start)
        .checked_add(length)
        .filter(|&end| end <= total as u64)
        .map(|end| &of[start as usize..end as usize])
        .ok_or_else(|| {
            refused(format!(
                "\"{name}\" holds {total} elements, but {what} needs {length} from {start} on"
            ))
        })
}

impl<'a> Network<'a> {
    /// Takes a slot apart. Whatever is reached through it is checked here, so that computing can't leave the tables.
    pub fn new(index: usize, slot: Slot, all: Tables<'a>) -> Result<Self, Failure> {
        Self::parse(slot, all)
            .map_err(|failure| Failure::new(failure.code, format!("slot {index}: {}", failure.message)))
    }

    fn parse(slot: Slot, all: Tables<'a>) -> Result<Self, Failure> {
        let table = |what: &str, start: u32, length: u64| part("tables", all.tables, what, start, length);
        check_sizes(&slot)?;
        let planes = (slot.delta + slot.exponential) as usize;
        let (neurons, stride) = (slot.neurons as usize, slot.stride as usize);
        let count = NEURON_PARAMETERS + CHANNEL_PARAMETERS * slot.exponential as usize;
        let directory = table("its parameters", slot.parameters, 2 * count as u64)?;
        let mut parameters = Vec::with_capacity(count);
        for entry in directory.as_chunks::<2>().0 {
            let [first, each] = *entry;
            parameters.push(match each {
                0 => Parameter::Same(f32::from_bits(table("a parameter", first, 1)?[0])),
                _ => Parameter::Each(bytemuck::cast_slice(table("a parameter", first, stride as u64)?)),
            });
        }
        let classes = table("its classes", slot.classes, 4 * u64::from(slot.class_count))?
            .as_chunks::<4>()
            .0
            .iter()
            .map(|&[plane, delay, weight, weighted]| {
                if plane as usize >= planes || delay < slot.min_delay || delay > slot.depth {
                    return Err(refused(format!(
                        "a class of synapses is on plane {plane} with delay {delay}; there are {planes} planes and delays from {} to {}",
                        slot.min_delay,
                        slot.depth
                    )));
                }
                Ok(Class {
                    plane: plane as usize,
                    delay: delay as usize,
                    weight: weight.cast_signed(),
                    weighted: weighted != 0,
                    rule: weighted.checked_sub(2).map(|rule| rule as usize),
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let range = |what: &str, first: u32, end: u32| {
            if first <= end && end <= slot.neurons {
                return Ok((first as usize, end as usize));
            }
            Err(refused(format!(
                "{what} is for neurons {first} to {end} of {neurons}"
            )))
        };
        let mut poisson = Vec::new();
        for &[first, end, plane, index, weight, at, count] in table(
            "its Poisson input",
            slot.poisson,
            7 * u64::from(slot.poisson_count),
        )?
        .as_chunks::<7>()
        .0
        {
            let (first, end) = range("a Poisson input", first, end)?;
            if plane as usize >= planes {
                return Err(refused(format!(
                    "a Poisson input is on plane {plane} of {planes}"
                )));
            }
            poisson.push(Poisson {
                first,
                end,
                plane: plane as usize,
                index,
                weight: weight.cast_signed(),
                thresholds: table("the thresholds of a Poisson input", at, u64::from(count))?,
            });
        }
        let mut rates = Vec::new();
        for &[first, end, at, each] in table(
            "the rates of its sources",
            slot.rates,
            4 * u64::from(slot.rate_count),
        )?
        .as_chunks::<4>()
        .0
        {
            let (first, end) = range("a source", first, end)?;
            let length = if each == 0 { 1 } else { (end - first) as u64 };
            rates.push(Rates {
                first,
                end,
                thresholds: table("the rates of a source", at, length)?,
            });
        }
        let events = match slot.event_steps {
            0 => &[],
            steps => check_events(
                &slot,
                all.tables,
                table("its source spikes", slot.events, u64::from(steps) + 1)?,
            )?,
        };
        let traced = table("its traced neurons", slot.traced, u64::from(slot.trace_count))?;
        if let Some(wrong) = traced.iter().find(|&&neuron| neuron >= slot.neurons) {
            return Err(refused(format!(
                "neuron {wrong} is to be traced; there are {neurons}"
            )));
        }
        let (rows, synapses, weights) = match all.rows {
            Some(all) => (
                check_rows(&slot, all.rows)?,
                check_synapses("synapses", &slot, all.synapses)?,
                check_weights(&slot, all.weights, &classes)?,
            ),
            None => Default::default(),
        };
        let rules = parse_rules(&slot, all.tables, &classes)?;
        Ok(Self {
            slot,
            stride,
            planes,
            depth: slot.depth as usize,
            min_delay: slot.min_delay as usize,
            parts: slot.parts as usize,
            part_neurons: slot.part_neurons as usize,
            parameters,
            classes,
            poisson,
            rates,
            events,
            tables: all.tables,
            traced,
            rows,
            synapses,
            weights,
            rules,
        })
    }

    /// Floats of state without what the rules of plasticity keep: fields, channels, and a list of spikes.
    pub fn state_length(&self) -> usize {
        (STATE_FIELDS + self.slot.exponential as usize + 1) * self.stride
    }

    /// Sums of arrivals in the ring.
    pub fn ring_length(&self) -> usize {
        self.depth * self.planes * self.stride
    }

    /// Floats of state that the rules of plasticity keep.
    pub fn learning_length(&self) -> usize {
        self.rules
            .iter()
            .map(|rule| rule.length(self.stride, self.synapses.len()))
            .sum()
    }

    /// The sources that spike at a step by their lists.
    #[inline(always)]
    pub fn events_of(&self, step: u32) -> &'a [u32] {
        match self.events.get(step as usize..) {
            Some([begin, end, ..]) => &self.tables[*begin as usize..*end as usize],
            _ => &[],
        }
    }
}

fn check_sizes(slot: &Slot) -> Result<(), Failure> {
    let group = GROUP as u32;
    let limits = [
        ("neurons", slot.neurons, 1, TARGET_MASK + 1),
        (
            "stride",
            slot.stride,
            slot.neurons,
            slot.neurons.saturating_add(group - 1),
        ),
        ("delta", slot.delta, 0, 1),
        (
            "exponential",
            slot.exponential,
            u32::from(slot.delta == 0),
            MAX_PLANES - slot.delta.min(1),
        ),
        ("depth", slot.depth, 1, MAX_DEPTH),
        ("min_delay", slot.min_delay, 1, slot.depth),
        ("parts", slot.parts, 1, slot.stride / group),
        ("part_neurons", slot.part_neurons, group, slot.stride),
    ];
    for (name, value, least, most) in limits {
        if value < least || value > most {
            return Err(refused(format!(
                "{name} is {value}; it must be from {least} to {most}"
            )));
        }
    }
    if !slot.stride.is_multiple_of(group) || !slot.part_neurons.is_multiple_of(group) {
        return Err(refused(format!(
            "stride {} and part_neurons {} must be multiples of {group}",
            slot.stride, slot.part_neurons
        )));
    }
    if slot.stride.div_ceil(slot.part_neurons) != slot.parts {
        return Err(refused(format!(
            "{} parts of {} neurons do not make {}",
            slot.parts, slot.part_neurons, slot.stride
        )));
    }
    Ok(())
}

/// The offsets of source spikes, once they and the neurons that they lead to are proved to be inside.
fn check_events<'a>(slot: &Slot, tables: &[u32], offsets: &'a [u32]) -> Result<&'a [u32], Failure> {
    let (Some(&begin), Some(&end)) = (offsets.first(), offsets.last()) else {
        return Ok(&[]);
    };
    if !offsets.is_sorted() {
        return Err(refused("the offsets of its source spikes decrease".to_owned()));
    }
    let spikes = part(
        "tables",
        tables,
        "its source spikes",
        begin,
        u64::from(end - begin),
    )?;
    match spikes.iter().max() {
        Some(&largest) if largest >= slot.neurons => Err(refused(format!(
            "source {largest} spikes; there are {} neurons",
            slot.neurons
        ))),
        _ => Ok(offsets),
    }
}

/// Where the rows of a network begin.
fn check_rows<'a>(slot: &Slot, all: &'a [u32]) -> Result<&'a [u32], Failure> {
    let entries = u64::from(slot.neurons) * u64::from(slot.parts) + 1;
    let rows = part("rows", all, "its sources", slot.rows, entries)?;
    check_bounds("rows", slot, rows)?;
    Ok(rows)
}

/// Where rows or columns begin: ascending, and not beyond the synapses.
pub fn check_bounds(name: &str, slot: &Slot, bounds: &[u32]) -> Result<(), Failure> {
    if bounds.is_sorted() && bounds.last().is_none_or(|&end| end <= slot.synapse_count) {
        return Ok(());
    }
    Err(refused(format!(
        "\"{name}\" decrease, or go beyond its {} synapses",
        slot.synapse_count
    )))
}

/// The weights of a network; none when no class has weights of its own.
pub fn check_weights<'a>(slot: &Slot, weights: &'a [i32], classes: &[Class]) -> Result<&'a [i32], Failure> {
    if !classes.iter().any(|class| class.weighted) {
        return Ok(&[]);
    }
    part(
        "weights",
        weights,
        "its synapses",
        slot.weights,
        u64::from(slot.synapse_count),
    )
}

/// The words of a network's synapses, with neurons and classes that there are.
pub fn check_synapses<'a>(name: &str, slot: &Slot, all: Known<'a, u32>) -> Result<&'a [u32], Failure> {
    let words = part(
        name,
        all.values,
        "its synapses",
        slot.synapses,
        u64::from(slot.synapse_count),
    )?;
    let [neuron, class] = all
        .findings
        .of("synapses", slot.synapses as usize, words.len(), || largest(words));
    if !words.is_empty() && (neuron >= slot.neurons || class >= slot.class_count) {
        return Err(refused(format!(
            "\"{name}\" names neuron {neuron} and class {class}; there are {} neurons and {} classes",
            slot.neurons, slot.class_count
        )));
    }
    Ok(words)
}

/// The largest neuron and the largest class of synapses.
fn largest(words: &[u32]) -> [u32; 2] {
    let of_both = |a: [u32; 2], b: [u32; 2]| [a[0].max(b[0]), a[1].max(b[1])];
    words
        .par_chunks(CHUNK)
        .map(|chunk| {
            chunk.iter().fold([0; 2], |most, &word| {
                of_both(most, [word & TARGET_MASK, word >> CLASS_SHIFT])
            })
        })
        .reduce(|| [0; 2], of_both)
}
