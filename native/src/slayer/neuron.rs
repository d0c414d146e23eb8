//! The adaptive LIF neuron of SLAYER: states in multiples of 1/4096, products truncated toward zero. The equations and
//! their source are in `src/learning/slayer/neuron.ts`.

use super::shape::{Ints, LANES, Reals};

/// One unit of the states.
pub const STATE: i32 = 4096;

/// The constants of one block's neurons.
#[derive(Clone, Copy, Debug)]
pub struct Neuron {
    /// What a step keeps of each state, in 1/4096: 4096 - round(4096 decay).
    pub keep_current: i32,
    pub keep_voltage: i32,
    pub keep_threshold: i32,
    pub keep_refractory: i32,
    /// In units of the states.
    pub threshold: i32,
    pub threshold_step: i32,
    /// The surrogate: peak exp(-|distance| / width), distance in units of the states.
    pub surrogate_peak: f32,
    pub surrogate_inverse_width: f32,
}

#[derive(Clone, Copy, Default)]
pub struct State {
    pub current: Ints,
    pub voltage: Ints,
    pub refractory: Ints,
    pub threshold: Ints,
}

impl State {
    pub fn at_rest(neuron: &Neuron) -> Self {
        Self {
            threshold: [neuron.threshold; LANES],
            ..Self::default()
        }
    }
}

impl Neuron {
    /// What a step keeps of current and voltage, as shares.
    #[inline(always)]
    pub fn keeps(&self) -> [f32; 2] {
        [self.keep_current, self.keep_voltage].map(|keep| keep as f32 / STATE as f32)
    }
}

/// a k / 4096 truncated toward zero, exactly, for any a and 0 <= k <= 4096, without 64-bit products.
#[inline(always)]
pub fn scaled(a: i32, keep: i32) -> i32 {
    let size = a.abs();
    let product = (size >> 12) * keep + (((size & 4095) * keep) >> 12);
    if a < 0 { -product } else { product }
}

/// One step. Gives the spikes, 0 or 1, and how far above the threshold the potential was.
#[inline(always)]
pub fn step(neuron: &Neuron, state: &mut State, input: &Ints) -> (Ints, Ints) {
    let mut spikes = [0; LANES];
    let mut distance = [0; LANES];
    for l in 0..LANES {
        let current = scaled(state.current[l], neuron.keep_current).wrapping_add(input[l]);
        let voltage = scaled(state.voltage[l], neuron.keep_voltage).wrapping_add(current);
        // The recorded runs kept these two in 32 bits, whose product wraps for refractory states of more than
        // 128 / (1 - decay): so here.
        let refractory = state.refractory[l].wrapping_mul(neuron.keep_refractory) >> 12;
        let threshold = ((state.threshold[l] - neuron.threshold).wrapping_mul(neuron.keep_threshold) >> 12)
            + neuron.threshold;
        distance[l] = voltage.wrapping_sub(threshold.wrapping_add(refractory));
        let spike = i32::from(distance[l] >= 0);
        spikes[l] = spike;
        state.current[l] = current;
        state.voltage[l] = voltage;
        state.refractory[l] = refractory + spike * 2 * threshold;
        state.threshold[l] = threshold + spike * neuron.threshold_step;
    }
    (spikes, distance)
}

/// The surrogate derivative of a spike with respect to the potential.
#[inline(always)]
pub fn surrogate(neuron: &Neuron, distance: &Ints) -> Reals {
    let mut found = [0.0; LANES];
    for l in 0..LANES {
        let far = (distance[l] as f32).abs() * neuron.surrogate_inverse_width;
        found[l] = neuron.surrogate_peak * exp_minus(far);
    }
    found
}

/// e^-x for x >= 0 to 3e-7 relative, as if x were at most 87. (Cody and Waite's reduction, Taylor's series to degree 6
/// on half an octave.)
#[inline(always)]
pub fn exp_minus(x: f32) -> f32 {
    const ROUNDER: f32 = 12_582_912.0; // 1.5 x 2^23: adding it rounds to a whole number, which its low bits hold.
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // Without the conversions and branches that would keep it from being computed for all lanes at once.
    let bounded = if x < 87.0 { x } else { 87.0 };
    let turns = bounded * -std::f32::consts::LOG2_E + ROUNDER;
    let k = turns - ROUNDER;
    let r = (-bounded - k * LN2_HIGH) - k * LN2_LOW;
    let mut sum = 1.0f32 / 720.0;
    for coefficient in [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        sum = sum.mul_add(r, coefficient);
    }
    sum * f32::from_bits(turns.to_bits().wrapping_add(127) << 23)
}

/// Errors that flow backward in time through the voltage and the current.
#[derive(Clone, Copy, Default)]
pub struct Errors {
    pub voltage: Reals,
    pub current: Reals,
}

/// One step backward: `gradient` is the loss's with respect to the spikes of the step. Afterwards `errors.current` is
/// its gradient with respect to the neuron's input.
#[inline(always)]
pub fn step_back(keep: [f32; 2], errors: &mut Errors, gradient: &Reals, derivative: &Reals) {
    for l in 0..LANES {
        errors.voltage[l] = gradient[l] * derivative[l] + keep[1] * errors.voltage[l];
        errors.current[l] = errors.voltage[l] + keep[0] * errors.current[l];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_truncated_as_in_64_bits() {
        let values = [0, 1, -1, 4095, 4096, -4097, 123_456_789, -987_654_321, i32::MAX];
        for a in values {
            for keep in [0, 1, 409, 4095, 4096] {
                assert_eq!(i64::from(scaled(a, keep)), i64::from(a) * i64::from(keep) / 4096);
            }
        }
    }

    #[test]
    fn exponential() {
        for index in 0..8700 {
            let x = index as f32 / 100.0;
            let exact = (-f64::from(x)).exp();
            assert!(
                (f64::from(exp_minus(x)) - exact).abs() <= 3e-7 * exact + 1e-38,
                "{x}"
            );
        }
        assert!(exp_minus(1e9) < 2e-38);
    }
}
