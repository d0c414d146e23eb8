//! Sending spikes along their rows into the ring of arrivals of one part.

use prefetch_index::prefetch_index;

use super::GROUP;
use super::network::{CLASS_SHIFT, Network, TARGET_MASK};
use super::part::Part;

/// Words of a cache line.
const LINE_WORDS: usize = 16;

/// Where the synapses of a class write in one step: the place of neuron 0 of the network on their plane of the ring.
#[derive(Clone, Copy)]
pub struct Way {
    pub start: usize,
    weight: i32,
    weighted: bool,
}

/// Scratch of a thread, kept between steps.
#[derive(Default)]
pub struct Ways {
    ways: Vec<Way>,
    runs: Vec<Run>,
}

/// The synapses of one spike in a part, with the first and the last of their words.
#[derive(Clone, Copy)]
struct Run {
    begin: usize,
    end: usize,
    low: u32,
    high: u32,
}

impl Ways {
    /// Turns to a step, for a part of so many neurons.
    #[inline(always)]
    pub fn turn(&mut self, network: &Network<'_>, step: u32, neurons: usize) {
        let depth = network.depth;
        let now = step as usize % depth;
        self.ways.clear();
        self.ways.extend(network.classes.iter().map(|class| {
            let sum = now + class.delay;
            let slot = if sum < depth { sum } else { sum - depth };
            Way {
                start: (slot * network.planes + class.plane) * neurons,
                weight: class.weight,
                weighted: class.weighted,
            }
        }));
    }

    #[inline(always)]
    pub fn of(&self, class: usize) -> Way {
        self.ways[class]
    }
}

/// Sends the spikes of step `step` to the targets in part `index`.
#[inline(always)]
pub fn send(
    part: &mut Part,
    index: usize,
    network: &Network<'_>,
    step: u32,
    spikes: &[u32],
    ways: &mut Ways,
) {
    if spikes.is_empty() || network.rows.is_empty() {
        return;
    }
    let neurons = part.groups * GROUP;
    ways.turn(network, step, neurons);
    let Ways { ways, runs } = ways;
    // The ends of all rows first: each is somewhere else in memory, and these loads don't wait for each other.
    runs.clear();
    runs.extend(spikes.iter().filter_map(|&source| {
        let row = source as usize * network.parts + index;
        let (begin, end) = (network.rows[row] as usize, network.rows[row + 1] as usize);
        let words = &network.synapses[begin..end];
        Some(Run {
            begin,
            end,
            low: *words.first()?,
            high: *words.last()?,
        })
    }));
    let ring = part.ring.as_flattened_mut();
    let first = part.first;
    for (
        number,
        &Run {
            begin,
            end,
            low,
            high,
        },
    ) in runs.iter().enumerate()
    {
        if let Some(next) = runs.get(number + 1) {
            prefetch(&network.synapses[next.begin..next.end]);
        }
        let words = &network.synapses[begin..end];
        let way = ways[(low >> CLASS_SHIFT) as usize];
        if low >> CLASS_SHIFT == high >> CLASS_SHIFT {
            // A row of one class: the common case. Rows ascend, so the ends tell.
            let plane = &mut ring[way.start..way.start + neurons];
            if way.weighted {
                for (&word, &weight) in words.iter().zip(&network.weights[begin..end]) {
                    add(plane, (word & TARGET_MASK) as usize, first, weight);
                }
            } else {
                let (eights, rest) = words.as_chunks::<8>();
                for eight in eights {
                    for &word in eight {
                        add(plane, (word & TARGET_MASK) as usize, first, way.weight);
                    }
                }
                for &word in rest {
                    add(plane, (word & TARGET_MASK) as usize, first, way.weight);
                }
            }
            continue;
        }
        for (place, &word) in words.iter().enumerate() {
            let way = ways[(word >> CLASS_SHIFT) as usize];
            let weight = if way.weighted {
                network.weights[begin + place]
            } else {
                way.weight
            };
            let plane = &mut ring[way.start..way.start + neurons];
            add(plane, (word & TARGET_MASK) as usize, first, weight);
        }
    }
}

/// Asks for all cache lines of a row that is sent next: from memory, most of its time would be waiting for them.
#[inline(always)]
fn prefetch(words: &[u32]) {
    for place in (0..words.len()).step_by(LINE_WORDS) {
        prefetch_index(words, place);
    }
}

/// A target of another part is left out: the host grouped the rows by part.
#[inline(always)]
pub fn add(plane: &mut [i32], target: usize, first: usize, weight: i32) {
    if let Some(sum) = plane.get_mut(target.wrapping_sub(first)) {
        *sum = sum.wrapping_add(weight);
    }
}
