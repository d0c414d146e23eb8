//! Orthonormal vectors by blocks of Householder reflections (Golub and Van Loan, "Matrix Computations", 5.2.3; compact
//! form I - V T V^T of Schreiber and Van Loan 1989).
//!
//! 4/3 n^3 flops for the reflections of n vectors of n components and as many for the vectors, however much of their
//! lengths the vectors lose: Gram-Schmidt takes 2 n^3, and again 2 n^3 where nine tenths are lost, which is nearly
//! everywhere in a whole spectrum.
//!
//! Vectors stand in tiles of 32, a row of a tile in two cache lines. While the tile behind a finished one is reflected and
//! made the next, other threads reflect the rest.

use multiversion::multiversion;
use rayon::prelude::*;

use super::Row;

/// Vectors of a tile.
const WIDTH: usize = 32;
/// Rows or columns of which sums are kept in registers together.
const TOGETHER: usize = 8;
/// Squared length below which nothing is there.
const NOTHING: f32 = 1e-36;

type Tile = Vec<Row<WIDTH>>;
type Square = [Row<WIDTH>; WIDTH];

/// What a vector was, and what of it was new.
pub struct Factor {
    /// Of R: the length of what lies across the vectors before.
    pub diagonal: f32,
    /// Squared length before.
    pub length: f32,
}

/// The reflections of a tile: I - V T V^T with V in the tile from its own first row on.
struct Reflections {
    t: Square,
    transposed: Square,
    /// The diagonal of R.
    diagonal: [f32; WIDTH],
}

/// Makes `count` vectors orthonormal, [row][stride]: X = Q R with a positive diagonal of R, X becomes Q. Where a
/// vector depends on those before it the diagonal is rounding, or 0, and any direction across them stands for it.
pub fn orthonormalize(vectors: &mut [f32], rows: usize, stride: usize, count: usize) -> Vec<Factor> {
    if count == 0 {
        return Vec::new();
    }
    let widths: Vec<usize> = (0..count)
        .step_by(WIDTH)
        .map(|first| WIDTH.min(count - first))
        .collect();
    let mut tiles: Vec<Tile> = widths
        .par_iter()
        .enumerate()
        .map(|(index, &width)| {
            let mut tile = vec![Row::ZEROS; rows];
            for (own, row) in tile.iter_mut().zip(vectors.chunks_exact(stride)) {
                own.0[..width].copy_from_slice(&row[WIDTH * index..WIDTH * index + width]);
            }
            tile
        })
        .collect();
    let before: Vec<[f32; WIDTH]> = tiles
        .par_iter()
        .map(|tile| squares_of(tile, |a, b, c| a * b + c))
        .collect();
    let reflections = factorize(&mut tiles, &widths);
    let mut columns: Vec<Tile> = (0..tiles.len())
        .into_par_iter()
        // The last take the longest.
        .rev()
        .map(|index| column_of(index, &tiles, &reflections, rows))
        .collect();
    columns.reverse();
    vectors
        .par_chunks_exact_mut(stride)
        .enumerate()
        .for_each(|(row, values)| {
            for ((index, &width), tile) in widths.iter().enumerate().zip(&columns) {
                values[WIDTH * index..WIDTH * index + width].copy_from_slice(&tile[row].0[..width]);
            }
        });
    let diagonals = reflections.iter().flat_map(|own| own.diagonal);
    diagonals
        .zip(before.into_iter().flatten())
        .take(count)
        .map(|(diagonal, length)| Factor {
            diagonal: diagonal.abs(),
            length,
        })
        .collect()
}

/// Reflects all tiles, so that each holds its V.
fn factorize(tiles: &mut [Tile], widths: &[usize]) -> Vec<Reflections> {
    let mut done = Vec::with_capacity(tiles.len());
    let mut next = match tiles.first_mut() {
        Some(tile) => reflections_of(tile, widths[0]),
        None => return done,
    };
    for index in 0..tiles.len() {
        let first = WIDTH * index;
        let (before, behind) = tiles.split_at_mut(index + 1);
        let v = &before[index][first..];
        let own = next;
        let Some((ahead, rest)) = behind.split_first_mut() else {
            done.push(own);
            break;
        };
        let (reflections, ()) = rayon::join(
            || {
                reflect(v, &own.t, &mut ahead[first..]);
                reflections_of(&mut ahead[first + WIDTH..], widths[index + 1])
            },
            || {
                rest.par_iter_mut()
                    .for_each(|tile| reflect(v, &own.t, &mut tile[first..]));
            },
        );
        next = reflections;
        done.push(own);
    }
    done
}

/// The vectors of tile `index`: the unit vectors after all reflections, last first, with the signs that make the diagonal
/// of R positive.
fn column_of(index: usize, tiles: &[Tile], reflections: &[Reflections], rows: usize) -> Tile {
    let mut tile = vec![Row::ZEROS; rows];
    for (lane, row) in tile[WIDTH * index..].iter_mut().take(WIDTH).enumerate() {
        row.0[lane] = 1.0_f32.copysign(reflections[index].diagonal[lane]);
    }
    for earlier in (0..=index).rev() {
        let first = WIDTH * earlier;
        reflect(
            &tiles[earlier][first..],
            &reflections[earlier].transposed,
            &mut tile[first..],
        );
    }
    tile
}

/// Reflects a tile from its first row on, vector by vector; the tile becomes V.
#[multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512dq+avx512bw+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
fn reflections_of(tile: &mut [Row<WIDTH>], width: usize) -> Reflections {
    // Where there is no such instruction, mul_add would be a function call.
    if multiversion::target::target_cfg_f!(any(target_feature = "fma", target_feature = "neon")) {
        reflections_of_with(tile, width, |a, b, c| a.mul_add(b, c))
    } else {
        reflections_of_with(tile, width, |a, b, c| a * b + c)
    }
}

#[inline(always)]
fn reflections_of_with(
    tile: &mut [Row<WIDTH>],
    width: usize,
    multiply_add: impl Fn(f32, f32, f32) -> f32 + Copy,
) -> Reflections {
    let mut scales = [0.0; WIDTH];
    let mut diagonal = [0.0; WIDTH];
    // Of all vectors from row j on.
    let mut squares = squares_of(tile, multiply_add);
    for j in 0..width {
        let (above, below) = tile.split_at_mut(j + 1);
        let own = &mut above[j].0;
        let alpha = own[j];
        let length = squares[j];
        // Not for NaN, which goes on.
        if length <= NOTHING {
            own[j..].fill(0.0);
            own[j] = 1.0;
            for row in below.iter_mut() {
                row.0[j] = 0.0;
            }
            squares = squares_of(below, multiply_add);
            continue;
        }
        let beta = -length.sqrt().copysign(alpha);
        let scale = 1.0 / (alpha - beta);
        let mut sums = [0.0; WIDTH];
        for row in below.iter_mut() {
            let share = row.0[j] * scale;
            row.0[j] = share;
            for (sum, &value) in sums.iter_mut().zip(&row.0) {
                *sum = multiply_add(share, value, *sum);
            }
        }
        diagonal[j] = beta;
        scales[j] = (beta - alpha) / beta;
        for (lane, (sum, value)) in sums.iter_mut().zip(own.iter_mut()).enumerate() {
            // Vectors up to this one stay: they hold V.
            *sum = if lane > j {
                scales[j] * (*sum + *value)
            } else {
                0.0
            };
            *value -= *sum;
        }
        squares = [0.0; WIDTH];
        for row in below {
            let share = row.0[j];
            for lane in 0..WIDTH {
                let value = multiply_add(-share, sums[lane], row.0[lane]);
                row.0[lane] = value;
                squares[lane] = multiply_add(value, value, squares[lane]);
            }
        }
        own[j] = 1.0;
        own[j + 1..].fill(0.0);
    }
    // Columns of T one after another: T[..j, j] = -scale_j T[..j, ..j] (V^T V)[..j, j].
    let products = products(tile, tile);
    let mut transposed = [Row::ZEROS; WIDTH];
    for j in 0..width {
        let (before, rest) = transposed.split_at_mut(j);
        let own = &mut rest[0].0;
        for (column, product) in before.iter().zip(&products) {
            let factor = -scales[j] * product.0[j];
            for (sum, &value) in own.iter_mut().zip(&column.0) {
                *sum = multiply_add(factor, value, *sum);
            }
        }
        own[j] = scales[j];
    }
    let t = std::array::from_fn(|i| Row(std::array::from_fn(|j| transposed[j].0[i])));
    Reflections {
        t,
        transposed,
        diagonal,
    }
}

#[inline(always)]
fn squares_of(rows: &[Row<WIDTH>], multiply_add: impl Fn(f32, f32, f32) -> f32) -> [f32; WIDTH] {
    let mut squares = [0.0; WIDTH];
    for row in rows {
        for (square, &value) in squares.iter_mut().zip(&row.0) {
            *square = multiply_add(value, value, *square);
        }
    }
    squares
}

/// X = (I - V T^T V^T) X
fn reflect(v: &[Row<WIDTH>], t: &Square, x: &mut [Row<WIDTH>]) {
    subtract(v, &products(t, &products(v, x)), x);
}

/// V^T X. Eight rows of sums at a time, each with a name of its own so that they stay in registers.
#[multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512dq+avx512bw+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
fn products(v: &[Row<WIDTH>], x: &[Row<WIDTH>]) -> Square {
    // Where there is no such instruction, mul_add would be a function call.
    if multiversion::target::target_cfg_f!(any(target_feature = "fma", target_feature = "neon")) {
        products_with(v, x, |a, b, c| a.mul_add(b, c))
    } else {
        products_with(v, x, |a, b, c| a * b + c)
    }
}

#[inline(always)]
fn products_with(
    v: &[Row<WIDTH>],
    x: &[Row<WIDTH>],
    multiply_add: impl Fn(f32, f32, f32) -> f32 + Copy,
) -> Square {
    let mut all = [Row::ZEROS; WIDTH];
    for (part, into) in all.chunks_exact_mut(TOGETHER).enumerate() {
        let first = TOGETHER * part;
        let [mut a, mut b, mut c, mut d] = [[0.0_f32; WIDTH]; 4];
        let [mut e, mut f, mut g, mut h] = [[0.0_f32; WIDTH]; 4];
        for (v, x) in v.iter().zip(x) {
            let by = &v.0[first..first + TOGETHER];
            for lane in 0..WIDTH {
                let value = x.0[lane];
                a[lane] = multiply_add(by[0], value, a[lane]);
                b[lane] = multiply_add(by[1], value, b[lane]);
                c[lane] = multiply_add(by[2], value, c[lane]);
                d[lane] = multiply_add(by[3], value, d[lane]);
                e[lane] = multiply_add(by[4], value, e[lane]);
                f[lane] = multiply_add(by[5], value, f[lane]);
                g[lane] = multiply_add(by[6], value, g[lane]);
                h[lane] = multiply_add(by[7], value, h[lane]);
            }
        }
        for (into, sums) in into.iter_mut().zip([a, b, c, d, e, f, g, h]) {
            into.0 = sums;
        }
    }
    all
}

/// X -= V C
#[multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512dq+avx512bw+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
fn subtract(v: &[Row<WIDTH>], c: &Square, x: &mut [Row<WIDTH>]) {
    // Where there is no such instruction, mul_add would be a function call.
    if multiversion::target::target_cfg_f!(any(target_feature = "fma", target_feature = "neon")) {
        subtract_with(v, c, x, |a, b, c| a.mul_add(b, c));
    } else {
        subtract_with(v, c, x, |a, b, c| a * b + c);
    }
}

#[inline(always)]
fn subtract_with(
    v: &[Row<WIDTH>],
    c: &Square,
    x: &mut [Row<WIDTH>],
    multiply_add: impl Fn(f32, f32, f32) -> f32 + Copy,
) {
    let mut rows = x.chunks_exact_mut(TOGETHER);
    let mut factors = v.chunks_exact(TOGETHER);
    for (rows, factors) in (&mut rows).zip(&mut factors) {
        let [mut s0, mut s1, mut s2, mut s3] = [rows[0].0, rows[1].0, rows[2].0, rows[3].0];
        let [mut s4, mut s5, mut s6, mut s7] = [rows[4].0, rows[5].0, rows[6].0, rows[7].0];
        for (m, c) in c.iter().enumerate() {
            for lane in 0..WIDTH {
                let value = c.0[lane];
                s0[lane] = multiply_add(-factors[0].0[m], value, s0[lane]);
                s1[lane] = multiply_add(-factors[1].0[m], value, s1[lane]);
                s2[lane] = multiply_add(-factors[2].0[m], value, s2[lane]);
                s3[lane] = multiply_add(-factors[3].0[m], value, s3[lane]);
                s4[lane] = multiply_add(-factors[4].0[m], value, s4[lane]);
                s5[lane] = multiply_add(-factors[5].0[m], value, s5[lane]);
                s6[lane] = multiply_add(-factors[6].0[m], value, s6[lane]);
                s7[lane] = multiply_add(-factors[7].0[m], value, s7[lane]);
            }
        }
        for (row, sums) in rows.iter_mut().zip([s0, s1, s2, s3, s4, s5, s6, s7]) {
            row.0 = sums;
        }
    }
    for (row, factors) in rows.into_remainder().iter_mut().zip(factors.remainder()) {
        for (factor, c) in factors.0.iter().zip(c) {
            for lane in 0..WIDTH {
                row.0[lane] = multiply_add(-factor, c.0[lane], row.0[lane]);
            }
        }
    }
}
