//! `shaders/tangent_step.wgsl`: tangent vectors through several steps of clocked networks.
//!
//! A tile of vectors stays in the second-level cache for all steps of a launch; only synapses and coefficients stream.

use multiversion::multiversion;

use super::{SLOTS, TILE, TangentSlot, Tile, VECTORS, carry_tiles, part, scalars, slots_of};
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

/// What is known of a network.
struct Operator<'a> {
    neurons: usize,
    channels: usize,
    /// [1 + channels][neurons + 1]
    bounds: &'a [u32],
    sources: &'a [u32],
    weights: &'a [f32],
    /// [1 + 2 channels][neurons]
    leaks: &'a [f32],
    /// [step][3][neurons]
    coefficients: &'a [f32],
}

fn run(launch: Launch<'_>) -> Result<(), Failure> {
    let params: Params = launch.params()?;
    let covered = u64::from(launch.workgroups[0]) * launch.constant(1)?;
    let workgroups = launch.workgroups;
    let [slots, tables, reals, coefficients, vectors] = launch.bindings()?;
    let slots = slots_of(slots, params.slots, workgroups)?;
    let (tables, reals) = (tables.read::<u32>()?.values, reals.read::<f32>()?.values);
    let coefficients = coefficients.read::<f32>()?.values;
    let operators = slots
        .iter()
        .enumerate()
        .map(|(index, slot)| {
            if u64::from(slot.quads) > covered {
                return Err(refused(format!(
                    "slot {index} has {} quads of vectors, but the launch covers {covered}",
                    slot.quads
                )));
            }
            Operator::new(slot, params.steps, tables, reals, coefficients)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let vectors = vectors.write::<f32>()?.values;
    let to = params.plane.wrapping_add(params.steps);
    carry_tiles(vectors, &slots, params.plane, to, |index, tile| {
        carry(&operators[index], tile);
    })
}

impl<'a> Operator<'a> {
    fn new(
        slot: &TangentSlot,
        steps: u32,
        tables: &'a [u32],
        reals: &'a [f32],
        coefficients: &'a [f32],
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
            bounds,
            sources,
            weights: part("reals", reals, u64::from(slot.weights), synapses)?,
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

#[multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512dq+avx512bw+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
fn carry(operator: &Operator<'_>, tile: &mut Tile) {
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
fn carry_with(operator: &Operator<'_>, tile: &mut Tile, multiply_add: impl Fn(f32, f32, f32) -> f32 + Copy) {
    let &Operator {
        neurons: n,
        channels,
        bounds,
        sources,
        weights,
        leaks,
        coefficients,
    } = operator;
    let mut next: Tile = vec![[0.0; TILE]; tile.len()];
    let mut gained: Tile = vec![[0.0; TILE]; n];
    for step in coefficients.chunks_exact((3 * n).max(1)) {
        let (gains, rest) = step.split_at(n);
        let (keeps, drives) = rest.split_at(n);
        for ((own, v), &gain) in gained.iter_mut().zip(&*tile).zip(gains) {
            for lane in 0..TILE {
                own[lane] = gain * v[lane];
            }
        }
        for i in 0..n {
            let keep = keeps[i];
            let (v, x) = (&mut next[i], &tile[i]);
            for lane in 0..TILE {
                v[lane] = keep * x[lane];
            }
        }
        for c in 0..=channels {
            for i in 0..n {
                let bound = c * (n + 1) + i;
                let synapses = bounds[bound] as usize..bounds[bound + 1] as usize;
                let mut sum = [0.0; TILE];
                for (&source, &weight) in sources[synapses.clone()].iter().zip(&weights[synapses]) {
                    let from = &gained[source as usize];
                    for lane in 0..TILE {
                        sum[lane] = multiply_add(weight, from[lane], sum[lane]);
                    }
                }
                let row = c * n + i;
                let effect = drives[i] * leaks[row];
                if c > 0 {
                    let decay = leaks[channels * n + row];
                    let (g, before) = (&mut next[row], &tile[row]);
                    for lane in 0..TILE {
                        sum[lane] += before[lane];
                        g[lane] = decay * sum[lane];
                    }
                }
                let v = &mut next[i];
                for lane in 0..TILE {
                    v[lane] = multiply_add(effect, sum[lane], v[lane]);
                }
            }
        }
        std::mem::swap(tile, &mut next);
    }
}
