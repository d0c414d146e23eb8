//! The state of a network that is computed by its modes.

use super::super::GROUP;
use super::super::part::Reals;
use super::Modal;

/// U of refractory neurons, of sources and of padding; whatever is below `HELD_BELOW` is held.
pub const HELD: f32 = -1e30;
pub const HELD_BELOW: f32 = -1e20;
/// Neurons that are looked at together.
pub const BLOCK: usize = 16;
pub type Block = [f32; BLOCK];
/// Words of a cache line.
pub const LINE_WORDS: usize = 16;
/// A neuron's modes in the buffer: U, X[0], X[1] and what the shader keeps; X[2], X[3].
const QUAD: usize = 4;
/// Fields of the state before these, and after them: the lists that the shader works with.
const FIELDS: usize = 2;
const SCRATCH_FIELDS: usize = 4;

/// Numbers of the state of a network.
pub fn state_length(channels: usize, stride: usize) -> usize {
    (FIELDS + quads_of(channels) * QUAD + SCRATCH_FIELDS) * stride
}

/// Quads of a neuron.
fn quads_of(channels: usize) -> usize {
    if channels > 2 { 2 } else { 1 }
}

/// Where X of a channel of a neuron is behind the first fields of the state.
fn place_of(channel: usize, neuron: usize, stride: usize) -> usize {
    if channel < 2 {
        QUAD * neuron + 1 + channel
    } else {
        QUAD * (stride + neuron) + channel - 2
    }
}

/// The state of a network while it is advanced.
pub struct State<'a, const C: usize> {
    /// Of refractory neurons.
    pub v: &'a mut [f32],
    pub left: &'a mut [f32],
    /// U and X as they are in the buffer, and here: groups of neurons.
    kept: &'a mut [f32],
    pub u: &'a mut [Reals],
    pub x: [&'a mut [Reals]; C],
}

impl<'a, const C: usize> State<'a, C> {
    /// Room for U and X, and the length of a cache line besides.
    pub fn memory(stride: usize) -> Vec<f32> {
        vec![0.0; (1 + C) * stride + LINE_WORDS]
    }

    /// Takes a state out of its buffer into [`Self::memory`].
    pub fn new(state: &'a mut [f32], memory: &'a mut [f32], stride: usize) -> Self {
        let (v, rest) = state.split_at_mut(stride);
        let (left, rest) = rest.split_at_mut(stride);
        let (kept, _) = rest.split_at_mut(quads_of(C) * QUAD * stride);
        // Vectors that lie across two cache lines take twice as long.
        let first = memory.as_ptr().align_offset(4 * LINE_WORDS).min(LINE_WORDS);
        let mut fields = memory[first..].chunks_exact_mut(stride);
        let mut gather = |place: &dyn Fn(usize) -> usize| -> &'a mut [Reals] {
            let field = fields.next().unwrap_or_default();
            for (neuron, number) in field.iter_mut().enumerate() {
                *number = kept[place(neuron)];
            }
            field.as_chunks_mut().0
        };
        Self {
            u: gather(&|neuron| QUAD * neuron),
            x: std::array::from_fn(|c| gather(&|neuron| place_of(c, neuron, stride))),
            v,
            left,
            kept,
        }
    }

    /// Puts U and X where they are kept from one launch to the next.
    pub fn keep(self) {
        let stride = self.v.len();
        for (neuron, &u) in self.u.as_flattened().iter().enumerate() {
            self.kept[QUAD * neuron] = u;
        }
        for (c, x) in self.x.iter().enumerate() {
            for (neuron, &x) in x.as_flattened().iter().enumerate() {
                self.kept[place_of(c, neuron, stride)] = x;
            }
        }
    }

    #[inline(always)]
    pub fn blocks(&self) -> Blocks<'_, C> {
        Blocks {
            u: self.u.as_flattened().as_chunks().0,
            x: std::array::from_fn(|c| self.x[c].as_flattened().as_chunks().0),
        }
    }

    /// v of a neuron, given the powers of this step.
    #[inline(always)]
    pub fn membrane(&self, neuron: usize, rest: f32, powers: &Powers<C>) -> f32 {
        let (group, lane) = (neuron / GROUP, neuron % GROUP);
        if self.u[group][lane] < HELD_BELOW {
            return self.v[neuron];
        }
        let mut sum = self.u[group][lane] * powers.membrane;
        for c in 0..C {
            sum += self.x[c][group][lane] * powers.channels[c];
        }
        rest + sum
    }
}

/// U and X by blocks of neurons.
pub struct Blocks<'a, const C: usize> {
    u: &'a [Block],
    x: [&'a [Block]; C],
}

impl<const C: usize> Blocks<'_, C> {
    /// s of the neurons of a block.
    #[inline(always)]
    pub fn sum(&self, block: usize, powers: &Powers<C>) -> Block {
        let mut s = self.u[block].map(|u| u * powers.membrane);
        for c in 0..C {
            for (s, x) in s.iter_mut().zip(&self.x[c][block]) {
                *s += x * powers.channels[c];
            }
        }
        s
    }

    /// What s of the neurons of a block stays below between two steps if nothing arrives: the larger of both, and what the
    /// modes' bend adds.
    #[inline(always)]
    pub fn highest(&self, block: usize, begin: &Powers<C>, end: &Powers<C>, bend: &Powers<C>) -> Block {
        let begin = self.sum(block, begin);
        let end = self.sum(block, end);
        std::array::from_fn(|lane| {
            let mut s = self.u[block][lane].abs() * bend.membrane;
            for c in 0..C {
                s += self.x[c][block][lane].abs() * bend.channels[c];
            }
            s + if begin[lane] > end[lane] {
                begin[lane]
            } else {
                end[lane]
            }
        })
    }
}

/// The factors' powers of one step.
pub struct Powers<const C: usize> {
    pub membrane: f32,
    pub channels: [f32; C],
}

impl<const C: usize> Powers<C> {
    /// Those k steps after the last multiple of the period.
    #[inline(always)]
    pub fn of(modal: &Modal<'_>, k: usize) -> Self {
        Self {
            membrane: modal.power(0, k),
            channels: std::array::from_fn(|c| modal.power(1 + c, k)),
        }
    }
}
