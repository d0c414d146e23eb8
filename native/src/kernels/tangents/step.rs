//! `shaders/tangent_step.wgsl`: tangent vectors through several steps of clocked networks.
//!
//! A tile of vectors stays in the second-level cache for all steps of a launch; only synapses and coefficients stream. Of
//! wide tiles a block of source neurons at a time stands in the first-level cache, with its synapses to all targets.

use std::borrow::Cow;

use multiversion::multiversion;
use rayon::prelude::*;

use super::{Row, SLOTS, TangentSlot, VECTORS, carry_tiles, part, scalars, slots_of};
use crate::device::launch::{Access, Launch, refused};
use crate::failure::Failure;
use crate::kernels::Kernel;
use crate::kernels::contract::{KernelContract, shared_struct};

shared_struct!(Params {
    slots: u32,
    steps: u32,
    plane: u32,
});

pub const KERNEL: Kernel = Kernel {
    contract: KernelContract {
        name: "tangent_step",
        params: Params::LAYOUT,
        buffers: &[
            SLOTS,
            scalars("tables", Access::Read, "u32"),
            scalars("reals", Access::Read, "f32"),
            scalars("coefficients", Access::Read, "f32"),
            VECTORS,
        ],
        structs: &[TangentSlot::LAYOUT],
        constants: &["lanes", "quads"],
    },
    run,
};

/// Vectors side by side, and source neurons of a block: four registers of sums hide the time that a multiplication takes,
/// and 160 of their rows are 40 KiB. Of 96 to 256 neurons these were the best (2.8 times a tile of 32 without blocks and
/// without whole cache lines; one core with AVX-512). Few vectors' rows are short enough for the second-level cache.
const WIDE: usize = 64;
const BLOCK: usize = 160;

/// What is known of a network.
struct Operator<'a> {
    neurons: usize,
    channels: usize,
    synapses: Synapses<'a>,
    /// [1 + 2 channels][neurons]
    leaks: &'a [f32],
    /// [step][3][neurons]
    coefficients: &'a [f32],
}

/// Synapses by blocks of their source neurons, in each by the row of the target.
struct Synapses<'a> {
    /// Source neurons of a block.
    block: usize,
    /// Of each block after the other: a row that synapses of the block lead to, c n + i, and how many.
    rows: Vec<(u32, u32)>,
    /// Where the rows of each block end.
    ends: Vec<usize>,
    sources: Cow<'a, [u32]>,
    weights: Cow<'a, [f32]>,
}

fn run(launch: Launch<'_>) -> Result<(), Failure> {
    let params: Params = launch.params()?;
    let covered = u64::from(launch.workgroups[0]) * launch.constant(1)?;
    let workgroups = launch.workgroups;
    let [slots, tables, reals, coefficients, vectors] = launch.bindings()?;
    let slots = slots_of(slots, params.slots, workgroups)?;
    let (tables, reals) = (tables.read::<u32>()?.values, reals.read::<f32>()?.values);
    let coefficients = coefficients.read::<f32>()?.values;
    let widest = slots.iter().map(TangentSlot::stride).max().unwrap_or(0);
    let operators = slots
        .par_iter()
        .enumerate()
        .map(|(index, slot)| {
            if u64::from(slot.quads) > covered {
                return Err(refused(format!(
                    "slot {index} has {} quads of vectors, but the launch covers {covered}",
                    slot.quads
                )));
            }
            // By its own vectors alone: the order of sums must not depend on the networks beside.
            let block = if slot.stride() > WIDE / 2 {
                BLOCK
            } else {
                slot.neurons().max(1)
            };
            Operator::new(slot, params.steps, tables, reals, coefficients, block)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let vectors = vectors.write::<f32>()?.values;
    let (from, to) = (params.plane, params.plane.wrapping_add(params.steps));
    match widest {
        0..=16 => carry_tiles::<16>(vectors, &slots, from, to, |index, tile| {
            carry(&operators[index], tile)
        }),
        17..=32 => carry_tiles::<32>(vectors, &slots, from, to, |index, tile| {
            carry(&operators[index], tile)
        }),
        _ => carry_tiles::<WIDE>(vectors, &slots, from, to, |index, tile| {
            carry(&operators[index], tile)
        }),
    }
}

impl<'a> Operator<'a> {
    fn new(
        slot: &TangentSlot,
        steps: u32,
        tables: &'a [u32],
        reals: &'a [f32],
        coefficients: &'a [f32],
        block: usize,
    ) -> Result<Self, Failure> {
        let n = u64::from(slot.neurons);
        let planes = 1 + u64::from(slot.channels);
        let bounds = part("tables", tables, u64::from(slot.bounds), planes * (n + 1))?;
        let ascending = bounds.is_sorted();
        let synapses = u64::from(bounds.last().copied().unwrap_or(0));
        let sources = part("tables", tables, u64::from(slot.sources), synapses)?;
        if !ascending || sources.iter().any(|&source| source >= slot.neurons) {
            return Err(refused(
                "a slot's synapses do not ascend, or come from beyond its neurons".to_owned(),
            ));
        }
        Ok(Self {
            neurons: slot.neurons(),
            channels: slot.channels(),
            synapses: Synapses::new(
                (slot.neurons(), bounds),
                sources,
                part("reals", reals, u64::from(slot.weights), synapses)?,
                block,
            ),
            leaks: part("reals", reals, u64::from(slot.leaks), (2 * planes - 1) * n)?,
            coefficients: part(
                "coefficients",
                coefficients,
                u64::from(slot.coefficients),
                u64::from(steps) * 3 * n,
            )?,
        })
    }
}

impl<'a> Synapses<'a> {
    /// `bounds`: for each plane of synapses, [neurons + 1]; the planes follow each other.
    fn new((neurons, bounds): (usize, &[u32]), sources: &'a [u32], weights: &'a [f32], block: usize) -> Self {
        let ranges = || {
            bounds
                .chunks_exact(neurons + 1)
                .flat_map(|plane| plane.windows(2))
        };
        let mut rows = Vec::new();
        let mut ends = Vec::new();
        if neurons <= block {
            rows.extend((0..).zip(ranges()).map(|(row, range)| (row, range[1] - range[0])));
            ends.push(rows.len());
            return Self {
                block,
                rows,
                ends,
                sources: Cow::Borrowed(sources),
                weights: Cow::Borrowed(weights),
            };
        }
        let all_rows = bounds.len() / (neurons + 1) * neurons;
        let mut counts = vec![0_u32; neurons.div_ceil(block) * all_rows];
        let place = |row: usize, source: u32| source as usize / block * all_rows + row;
        for (row, range) in ranges().enumerate() {
            for &source in &sources[range[0] as usize..range[1] as usize] {
                counts[place(row, source)] += 1;
            }
        }
        let mut next = Vec::with_capacity(counts.len());
        let mut sum = 0;
        for block in counts.chunks_exact(all_rows) {
            for (row, &count) in (0..).zip(block) {
                next.push(sum);
                sum += count as usize;
                if count > 0 {
                    rows.push((row, count));
                }
            }
            ends.push(rows.len());
        }
        let mut ordered_sources = vec![0; sum];
        let mut ordered_weights = vec![0.0; sum];
        for (row, range) in ranges().enumerate() {
            for synapse in range[0] as usize..range[1] as usize {
                let at = &mut next[place(row, sources[synapse])];
                ordered_sources[*at] = sources[synapse];
                ordered_weights[*at] = weights[synapse];
                *at += 1;
            }
        }
        Self {
            block,
            rows,
            ends,
            sources: Cow::Owned(ordered_sources),
            weights: Cow::Owned(ordered_weights),
        }
    }
}

#[multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512dq+avx512bw+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
fn carry<const WIDTH: usize>(operator: &Operator<'_>, tile: &mut [Row<WIDTH>]) {
    // Where there is no such instruction, mul_add would be a function call.
    if multiversion::target::target_cfg_f!(any(target_feature = "fma", target_feature = "neon")) {
        carry_with(operator, tile, |a, b, c| a.mul_add(b, c));
    } else {
        carry_with(operator, tile, |a, b, c| a * b + c);
    }
}

/// The step with one way to multiply and add. Loops over lanes stand alone and sums are arrays of their own, so that the
/// compiler makes vectors of them: with `map` and arrays chosen by a condition it made scalars, eight times slower.
#[inline(always)]
fn carry_with<const WIDTH: usize>(
    operator: &Operator<'_>,
    tile: &mut [Row<WIDTH>],
    multiply_add: impl Fn(f32, f32, f32) -> f32 + Copy,
) {
    let &Operator {
        neurons: n,
        channels,
        ref synapses,
        leaks,
        coefficients,
    } = operator;
    let (v, g) = tile.split_at_mut(n);
    let mut gained = vec![Row::<WIDTH>::ZEROS; synapses.block.min(n)];
    // What all synapses give, [1 + channels][neurons].
    let mut given = vec![Row::<WIDTH>::ZEROS; v.len() + g.len()];
    for step in coefficients.chunks_exact((3 * n).max(1)) {
        let (gains, rest) = step.split_at(n);
        let (keeps, drives) = rest.split_at(n);
        given.fill(Row::ZEROS);
        let (mut first_row, mut synapse) = (0, 0);
        let blocks = v.chunks(synapses.block).zip(gains.chunks(synapses.block));
        for (block, ((values, gains), &end)) in blocks.zip(&synapses.ends).enumerate() {
            for ((own, v), &gain) in gained.iter_mut().zip(values).zip(gains) {
                for lane in 0..WIDTH {
                    own.0[lane] = gain * v.0[lane];
                }
            }
            let from = &gained[..values.len()];
            let first = block * synapses.block;
            for &(row, count) in &synapses.rows[first_row..end] {
                let own = synapse..synapse + count as usize;
                synapse = own.end;
                let mut sum = [0.0; WIDTH];
                for (&source, &weight) in synapses.sources[own.clone()].iter().zip(&synapses.weights[own]) {
                    let from = &from[source as usize - first].0;
                    for lane in 0..WIDTH {
                        sum[lane] = multiply_add(weight, from[lane], sum[lane]);
                    }
                }
                let into = &mut given[row as usize].0;
                for lane in 0..WIDTH {
                    into[lane] += sum[lane];
                }
            }
            first_row = end;
        }
        let (delta, currents) = given.split_at(n);
        for i in 0..n {
            let (keep, effect) = (keeps[i], drives[i] * leaks[i]);
            let (v, given) = (&mut v[i].0, &delta[i].0);
            for lane in 0..WIDTH {
                v[lane] = multiply_add(effect, given[lane], keep * v[lane]);
            }
        }
        for (at, (g, given)) in g.iter_mut().zip(currents).enumerate() {
            let (i, row) = (at % n, n + at);
            let (effect, decay) = (drives[i] * leaks[row], leaks[channels * n + row]);
            let (v, g) = (&mut v[i].0, &mut g.0);
            for lane in 0..WIDTH {
                let sum = g[lane] + given.0[lane];
                v[lane] = multiply_add(effect, sum, v[lane]);
                g[lane] = decay * sum;
            }
        }
    }
}
