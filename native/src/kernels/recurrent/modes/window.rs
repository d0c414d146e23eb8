//! Windows of steps in which most neurons can't reach their threshold, and are not looked at.
//!
//! No row has a target twice, so that a spike raises s of any neuron by no more than its largest weight does until the
//! window's end. A window has a budget of such raises, and is over when it is spent. Where it begins, the neurons are looked
//! at by blocks: one whose neurons stay further from the threshold than the budget, in the whole window if nothing arrives,
//! is left alone until then, whatever arrives where. So arrivals have nothing to note, as they do in the shader, where each
//! neuron has a headroom of its own.

use super::Modal;
use super::state::{BLOCK, Block, Powers, State};

/// Steps of a window at the most.
const LONGEST: u32 = 16;
/// Windows get longer while fewer than one in `FEW` blocks have to be looked at, and shorter while more than one in `MANY`.
const FEW: usize = 5;
const MANY: usize = 3;
/// By how much a budget grows where it did not last, and shrinks where it did: about one in six does not.
const GROW: f32 = 1.3;
const SHRINK: f32 = 0.95;
/// What share of its modes is added to s for rounding, of up to some thousand arrivals in a window.
const ROUNDING: f32 = 1.0 / 4096.0;
/// No factor is below: a period has four steps at the least, and a power is not below 2^-16 in it.
const LEAST_DECAY: f32 = 0.0625;
/// Blocks in a word.
const WORD: usize = 64;

pub struct Window {
    /// Bit b % 64 of word b / 64 is set where block b is looked at.
    open: Vec<u64>,
    blocks: usize,
    /// Steps that the next window takes, if it can.
    length: u32,
    /// Steps that are to come.
    left: u32,
    /// How far s of a neuron may be raised by arrivals, and how far it may have been, mV.
    budget: f32,
    spent: f32,
}

impl Window {
    /// A window that is over.
    pub fn new(neurons: usize) -> Self {
        let blocks = neurons / BLOCK;
        Self {
            open: vec![0; blocks.div_ceil(WORD)],
            blocks,
            length: 1,
            left: 0,
            budget: 0.0,
            spent: 0.0,
        }
    }

    /// Begins a step, `k` steps after the last multiple of the period and with `coming` of the launch, itself among them.
    #[inline(always)]
    pub fn step<const C: usize>(&mut self, modal: &Modal<'_>, state: &State<'_, C>, k: usize, coming: u32) {
        if self.left == 0 || self.spent > self.budget {
            self.adapt(k);
            self.left = self.length.min(modal.period + 1 - k as u32).min(coming);
            self.look_ahead(modal, state, k);
        }
        self.left -= 1;
    }

    /// Steps of the window after this one.
    pub fn left(&self) -> u32 {
        self.left
    }

    /// A spike raises s of its targets by so much at the most until the window's end, in mV.
    #[inline(always)]
    pub fn spend(&mut self, raise: f32) {
        self.spent += raise;
    }

    /// From now on a neuron is looked at.
    #[inline(always)]
    pub fn open(&mut self, neuron: usize) {
        let block = neuron / BLOCK;
        self.open[block / WORD] |= 1 << (block % WORD);
    }

    /// Adds the neurons whose s is above the margin to the list, in their order.
    #[inline(always)]
    pub fn list_above<const C: usize>(
        &self,
        state: &State<'_, C>,
        powers: &Powers<C>,
        margin: f32,
        spikes: &mut Vec<u32>,
    ) {
        let blocks = state.blocks();
        for (word, &open) in self.open.iter().enumerate() {
            let mut hits = 0;
            for bit in Bits(open) {
                let s = blocks.sum(WORD * word + bit, powers);
                hits |= u64::from(any_above(&s, margin)) << bit;
            }
            for bit in Bits(hits) {
                let block = WORD * word + bit;
                let s = blocks.sum(block, powers);
                let above = s
                    .iter()
                    .enumerate()
                    .fold(0, |bits, (lane, &s)| bits | u64::from(s > margin) << lane);
                spikes.extend(Bits(above).map(|lane| (block * BLOCK + lane) as u32));
            }
        }
    }

    /// Finds length and budget of the next window by what the last one took.
    #[inline(always)]
    fn adapt(&mut self, k: usize) {
        self.budget = if self.spent > self.budget {
            self.spent.max(GROW * self.budget)
        } else {
            SHRINK * self.budget
        };
        self.spent = 0.0;
        let opened: usize = self.open.iter().map(|word| word.count_ones() as usize).sum();
        if MANY * opened > self.blocks {
            self.length = (self.length - 1).max(1);
        } else if FEW * opened < self.blocks {
            self.length = (self.length + 1).min(LONGEST);
        }
        // A window of one step looks at all; every period tries again whether a longer one has to.
        if k == 1 {
            self.length = self.length.max(2);
        }
    }

    /// Opens the blocks of which a neuron may reach its threshold within `left` steps.
    #[inline(always)]
    fn look_ahead<const C: usize>(&mut self, modal: &Modal<'_>, state: &State<'_, C>, k: usize) {
        let blocks = state.blocks();
        let words = self.open.iter_mut().enumerate().map(|(word, open)| {
            let first = WORD * word;
            (first..self.blocks.min(first + WORD), open)
        });
        if self.left == 1 {
            for (range, open) in words {
                *open = u64::MAX >> (WORD - range.len());
            }
            return;
        }
        let length = self.left - 1;
        let begin = Powers::<C>::of(modal, k);
        let end = Powers::<C>::of(modal, k + length as usize);
        let decay = Powers::<C>::of(modal, 1);
        // A mode's share by which s may be above the larger of its ends: h^2 / 8 of its second derivative, and rounding.
        let share = |decay: f32| {
            let h = decay.max(LEAST_DECAY).ln() * length as f32;
            h * h * 0.125 + ROUNDING
        };
        let bend = Powers::<C> {
            membrane: share(decay.membrane) * begin.membrane,
            channels: std::array::from_fn(|c| share(decay.channels[c]) * begin.channels[c]),
        };
        let margin = modal.threshold - modal.rest - self.budget;
        for (range, open) in words {
            let mut reaching = 0;
            for (bit, block) in range.enumerate() {
                let s = blocks.highest(block, &begin, &end, &bend);
                reaching |= u64::from(any_above(&s, margin)) << bit;
            }
            *open = reaching;
        }
    }
}

/// Whether some s is above the margin. (A sum of whole numbers: the compiler makes 16 comparisons one instruction, which it
/// does not of a maximum.)
#[inline(always)]
fn any_above(s: &Block, margin: f32) -> bool {
    s.iter().fold(0, |any, &s| any | u32::from(s > margin)) != 0
}

/// The bits of a word that are set.
struct Bits(u64);

impl Iterator for Bits {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        let bit = self.0.trailing_zeros() as usize;
        self.0 &= self.0.wrapping_sub(1);
        (bit < WORD).then_some(bit)
    }
}
