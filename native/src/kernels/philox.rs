//! Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011), the twin of
//! `shaders/philox.wgsl` and `src/random/philox.ts`. Draws are addressed by (counter, key), never consumed.

/// The second word of the counter for draws of initial weights; `src/random/philox.ts` lists all.
pub const INITIAL_WEIGHTS: u32 = 1;
/// For draws of the neuron that spikes among those that crossed.
pub const WINNER: u32 = 2;
/// For the spikes of sources that spike at random.
pub const SOURCE_SPIKES: u32 = 6;
/// For external input.
pub const POISSON_INPUT: u32 = 7;
/// For the noise of membrane potentials.
pub const MEMBRANE_NOISE: u32 = 8;

#[inline(always)]
pub fn philox4x32(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let [mut c0, mut c1, mut c2, mut c3] = counter;
    let [mut k0, mut k1] = key;
    for _ in 0..10 {
        let product0 = 0xd251_1f53_u64 * u64::from(c0);
        let product1 = 0xcd9e_8d57_u64 * u64::from(c2);
        c0 = (product1 >> 32) as u32 ^ c1 ^ k0;
        c1 = product1 as u32;
        c2 = (product0 >> 32) as u32 ^ c3 ^ k1;
        c3 = product0 as u32;
        k0 = k0.wrapping_add(0x9e37_79b9);
        k1 = k1.wrapping_add(0xbb67_ae85);
    }
    [c0, c1, c2, c3]
}

/// A real in [0, 1) with 24 bits: exact in f32.
#[inline(always)]
pub fn unit_real(word: u32) -> f32 {
    (word >> 8) as f32 * (1.0 / 16_777_216.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers published with the generator (Random123, `kat_vectors`).
    #[test]
    fn known_answers() {
        assert_eq!(
            philox4x32([0; 4], [0; 2]),
            [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
        );
        assert_eq!(
            philox4x32([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            philox4x32(
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0]
            ),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn unit_reals_stay_below_one() {
        assert_eq!(unit_real(0), 0.0);
        assert_eq!(unit_real(u32::MAX), 1.0 - 2.0_f32.powi(-24));
    }
}
