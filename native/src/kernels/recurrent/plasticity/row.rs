//! A spike goes along its row: each weight is brought up to date, sent, and changed by the spike itself.

use super::super::GROUP;
use super::super::network::{CLASS_SHIFT, Network, TARGET_MASK};
use super::super::part::Part;
use super::super::rows::{Ways, add};
use super::Sources;
use super::rule::{ROW, Rule, Value};
use super::synapses::Synapses;
use super::trace::decay_over;

/// Sends a spike along its row, each weight as it is once it has been changed by the spikes of its target; then weights
/// are changed by this spike.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "what a row needs")]
pub fn send(
    network: &Network<'_>,
    part: &mut Part,
    index: usize,
    source: usize,
    now: i32,
    own: &mut [Synapses],
    sources: &[Sources],
    ways: &Ways,
) {
    let row = source * network.parts + index;
    let (begin, end) = (network.rows[row] as usize, network.rows[row + 1] as usize);
    let (first, neurons) = (part.first, part.groups * GROUP);
    let ring = part.ring.as_flattened_mut();
    let mut at = begin;
    while at < end {
        let number = network.synapses[at] >> CLASS_SHIFT;
        let rest = &network.synapses[at..end];
        let length = rest.partition_point(|&word| word >> CLASS_SHIFT <= number);
        let words = &rest[..length];
        let start = ways.of(number as usize).start;
        let plane = &mut ring[start..start + neurons];
        let class = &network.classes[number as usize];
        match class.rule {
            Some(r) => {
                let row = Row {
                    words,
                    first,
                    source,
                    place: at,
                    now,
                };
                let (rule, sources) = (&network.rules[r], &sources[r]);
                match (rule.times_differ, rule.potentiation, rule.depression) {
                    (true, ..) => row.send_own(plane, rule, &mut own[r], sources),
                    (false, Value::Same(up), Value::Same(down)) => {
                        row.send(plane, rule, &mut own[r], sources, |_| (up, down));
                    }
                    (false, up, down) => {
                        row.send(plane, rule, &mut own[r], sources, |place| {
                            (up.of(place), down.of(place))
                        });
                    }
                }
            }
            None if class.weighted => {
                for (&word, &weight) in words.iter().zip(&network.weights[at..at + length]) {
                    add(plane, (word & TARGET_MASK) as usize, first, weight);
                }
            }
            None => {
                for &word in words {
                    add(plane, (word & TARGET_MASK) as usize, first, class.weight);
                }
            }
        }
        at += length;
    }
}

/// Synapses of one class in the row of a source that spikes.
struct Row<'a> {
    words: &'a [u32],
    /// First neuron of the part.
    first: usize,
    source: usize,
    /// Of the first synapse in the network.
    place: usize,
    now: i32,
}

impl Row<'_> {
    /// Where the synapses are in the copies.
    fn copy(&self, synapses: &Synapses) -> usize {
        synapses.begins[self.source] as usize + self.place - synapses.places[self.source] as usize
    }

    /// `rates` gives potentiation and depression of the synapse at a place.
    #[inline(always)]
    fn send(
        &self,
        plane: &mut [i32],
        rule: &Rule<'_>,
        synapses: &mut Synapses,
        sources: &Sources,
        rates: impl Fn(usize) -> (f32, f32),
    ) {
        let since = synapses.since(sources, self.source);
        let copy = self.copy(synapses);
        let mut kept = std::mem::take(&mut synapses.weights);
        let rows = kept[copy..copy + self.words.len()].chunks_mut(ROW);
        for (number, (words, kept)) in self.words.chunks(ROW).zip(rows).enumerate() {
            let place = self.place + ROW * number;
            // One loop for each thing that is done: they overlap better than the synapses of one loop that does all.
            let (mut neurons, mut weights) = ([0; ROW], [0; ROW]);
            let (mut down, mut traces) = ([0.0; ROW], [0.0; ROW]);
            for (k, &word) in words.iter().enumerate().take(ROW) {
                let neuron = ((word & TARGET_MASK) as usize)
                    .wrapping_sub(self.first)
                    .min(plane.len() - 1);
                let last = synapses.last[neuron];
                neurons[k] = neuron;
                down[k] = rates(place + k).1;
                traces[k] = last.trace * sources.minus.over(self.now.wrapping_sub(last.step));
            }
            for (k, &weight) in kept.iter().enumerate().take(ROW) {
                weights[k] = synapses.potentiated(weight, rule, rates(place + k).0, neurons[k], &since);
            }
            for (&neuron, &weight) in neurons.iter().zip(&weights).take(words.len()) {
                plane[neuron] = plane[neuron].wrapping_add(weight);
            }
            rule.depress(&mut weights, &down, &traces);
            kept.copy_from_slice(&weights[..kept.len()]);
        }
        synapses.weights = kept;
    }

    /// For synapses with time constants of their own.
    fn send_own(&self, plane: &mut [i32], rule: &Rule<'_>, synapses: &mut Synapses, sources: &Sources) {
        let since = synapses.since(sources, self.source);
        let copy = self.copy(synapses);
        for (k, &word) in self.words.iter().enumerate() {
            let (copy, place) = (copy + k, self.place + k);
            let neuron = ((word & TARGET_MASK) as usize).wrapping_sub(self.first);
            let (Some(sum), Some(&last)) = (plane.get_mut(neuron), synapses.last.get(neuron)) else {
                continue;
            };
            if last.step >= since.from {
                synapses.potentiate_own(rule, neuron, &since, (copy, place));
            }
            let weight = synapses.weights[copy];
            *sum = sum.wrapping_add(weight);
            let y = decay_over(self.now.wrapping_sub(last.step), rule.minus.of(place));
            let y = y * synapses.target_traces.get(copy).copied().unwrap_or(1.0);
            if let Some(x) = synapses.source_traces.get_mut(copy) {
                *x = *x * decay_over(self.now.wrapping_sub(since.source.step), rule.plus.of(place)) + 1.0;
            }
            synapses.weights[copy] = rule.depressed(weight, rule.depression.of(place), y);
        }
    }
}
