//! The Sylvester equation A X + X B = C, by the method of Bartels and Stewart ("Solution of the matrix equation
//! AX + XB = C", CACM 15, 1972), on complex Schur forms, which need no 2 x 2 blocks.

use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use faer::linalg::evd::hessenberg::{hessenberg_in_place, hessenberg_in_place_scratch};
use faer::linalg::householder::{
    apply_block_householder_sequence_on_the_right_in_place_scratch as householder_scratch,
    apply_block_householder_sequence_on_the_right_in_place_with_conj as apply_householder,
};
use faer::linalg::qr::no_pivoting::factor::recommended_block_size;
use faer::{Conj, Mat, MatRef, Par, c64};

use super::dense::{check_finite, not_converged};
use crate::failure::Failure;

/// QR steps allowed for one eigenvalue; a few are usual.
const MAX_STEPS: usize = 60;

/// X of A X + X B = C, with A m x m, B n x n, C and X m x n, all row-major. The solution is unique if and only if
/// no eigenvalue of A is the negative of one of B; else the failure is `singular`.
pub fn sylvester(a: &[f64], m: usize, b: &[f64], n: usize, c: &[f64]) -> Result<Vec<f64>, Failure> {
    check_finite("a", a, m)?;
    check_finite("b", b, n)?;
    check_finite("c", c, n)?;
    if m == 0 || n == 0 {
        return Ok(Vec::new());
    }
    let left = Schur::of(a, m)?;
    let right = Schur::of(b, n)?;
    let c = MatRef::from_row_major_slice(c, m, n);
    let c = Mat::from_fn(m, n, |i, j| c64::new(c[(i, j)], 0.0));
    let rotated = left.vectors.adjoint() * &c * &right.vectors;
    let y = solve_triangular_pair(&left, &right, &rotated)?;
    let x = &left.vectors * &y * right.vectors.adjoint();
    Ok((0..m * n).map(|index| x[(index / n, index % n)].re).collect())
}

/// S Y + Y T = F for upper triangular S and T, column by column.
fn solve_triangular_pair(s: &Schur, t: &Schur, f: &Mat<c64>) -> Result<Mat<c64>, Failure> {
    let (m, n) = (s.n, t.n);
    let smallest = f64::EPSILON * (s.magnitude() + t.magnitude());
    let mut y = Mat::<c64>::zeros(m, n);
    let mut column = vec![c64::ZERO; m];
    for k in 0..n {
        for (i, value) in column.iter_mut().enumerate() {
            *value = f[(i, k)];
        }
        for j in 0..k {
            let factor = t.triangle[j * n + k];
            for (i, value) in column.iter_mut().enumerate() {
                *value -= y[(i, j)] * factor;
            }
        }
        let shift = t.triangle[k * n + k];
        for i in (0..m).rev() {
            let row = &s.triangle[i * m..(i + 1) * m];
            let mut sum = column[i];
            for j in i + 1..m {
                sum -= row[j] * column[j];
            }
            let pivot = row[i] + shift;
            if pivot.norm() <= smallest {
                return Err(Failure::new(
                    "singular",
                    format!(
                        "A X + X B = C has no unique solution: A has the eigenvalue {}, B its negative",
                        row[i]
                    ),
                ));
            }
            column[i] = sum / pivot;
        }
        for (i, value) in column.iter().enumerate() {
            y[(i, k)] = *value;
        }
    }
    Ok(y)
}

/// A = U T U^H with U unitary and T upper triangular.
struct Schur {
    n: usize,
    /// T, row-major.
    triangle: Vec<c64>,
    /// U.
    vectors: Mat<c64>,
}

impl Schur {
    fn of(a: &[f64], n: usize) -> Result<Self, Failure> {
        let (mut h, mut z_transposed) = hessenberg(a, n);
        reduce(&mut h, &mut z_transposed, n)?;
        Ok(Self {
            n,
            triangle: h,
            vectors: Mat::from_fn(n, n, |i, j| z_transposed[j * n + i]),
        })
    }

    /// The largest row sum of T: the infinity norm.
    fn magnitude(&self) -> f64 {
        self.triangle
            .chunks_exact(self.n)
            .map(|row| row.iter().map(|value| value.norm()).sum())
            .fold(0.0, f64::max)
    }
}

/// A = Z H Z^T: H, with zeros below the first subdiagonal, and Z^T, both row-major.
fn hessenberg(a: &[f64], n: usize) -> (Vec<c64>, Vec<c64>) {
    let par = Par::rayon(0);
    let mut h = MatRef::from_row_major_slice(a, n, n).to_owned();
    let mut z = Mat::<f64>::identity(n, n);
    if n > 2 {
        let block = recommended_block_size::<f64>(n - 1, n - 1);
        let mut reflectors = Mat::<f64>::zeros(block, n - 1);
        let mut scratch = MemBuffer::new(StackReq::any_of(&[
            hessenberg_in_place_scratch::<f64>(n, block, par, Default::default()),
            householder_scratch::<f64>(n - 1, block, n - 1),
        ]));
        hessenberg_in_place(
            h.as_mut(),
            reflectors.as_mut(),
            par,
            MemStack::new(&mut scratch),
            Default::default(),
        );
        apply_householder(
            h.as_ref().submatrix(1, 0, n - 1, n - 1),
            reflectors.as_ref(),
            Conj::No,
            z.as_mut().submatrix_mut(1, 1, n - 1, n - 1),
            par,
            MemStack::new(&mut scratch),
        );
    }
    let at = |index: usize| (index / n, index % n);
    let h = (0..n * n)
        .map(at)
        .map(|(i, j)| if i > j + 1 { 0.0 } else { h[(i, j)] });
    let z_transposed = (0..n * n).map(at).map(|(i, j)| z[(j, i)]);
    let complex = |value: f64| c64::new(value, 0.0);
    (h.map(complex).collect(), z_transposed.map(complex).collect())
}

/// Shifted QR steps by Givens rotations (Golub and Van Loan, "Matrix computations", 7.5) until H is triangular;
/// the rotations are collected in Z^T.
fn reduce(h: &mut [c64], z_transposed: &mut [c64], n: usize) -> Result<(), Failure> {
    let mut last = n - 1;
    let mut steps = 0;
    while last > 0 {
        let mut first = last;
        while first > 0 {
            let neighbours = h[(first - 1) * n + first - 1].norm() + h[first * n + first].norm();
            let subdiagonal = &mut h[first * n + first - 1];
            if subdiagonal.norm() <= f64::EPSILON * neighbours || subdiagonal.norm() < f64::MIN_POSITIVE {
                *subdiagonal = c64::ZERO;
                break;
            }
            first -= 1;
        }
        if first == last {
            last -= 1;
            steps = 0;
            continue;
        }
        steps += 1;
        if steps > MAX_STEPS {
            return Err(not_converged("Schur decomposition", n));
        }
        let shift = if steps % 10 == 0 {
            // Now and then another shift breaks a cycle.
            c64::new(h[last * n + last - 1].norm() * 1.5, 0.0) + h[last * n + last]
        } else {
            wilkinson_shift(h, n, last)
        };
        step(h, z_transposed, n, first, last, shift);
    }
    Ok(())
}

/// The eigenvalue of the last 2 x 2 block that is nearer to its last element.
fn wilkinson_shift(h: &[c64], n: usize, last: usize) -> c64 {
    let (a, b) = (h[(last - 1) * n + last - 1], h[(last - 1) * n + last]);
    let (c, d) = (h[last * n + last - 1], h[last * n + last]);
    let half = (a - d) * 0.5;
    let root = (half * half + b * c).sqrt();
    let middle = (a + d) * 0.5;
    let (x, y) = (middle + root, middle - root);
    if (x - d).norm() < (y - d).norm() { x } else { y }
}

/// One implicit QR step on the rows and columns `first..=last`.
fn step(h: &mut [c64], z_transposed: &mut [c64], n: usize, first: usize, last: usize, shift: c64) {
    let mut x = h[first * n + first] - shift;
    let mut y = h[(first + 1) * n + first];
    for k in first..last {
        let length = x.norm().hypot(y.norm());
        if length > 0.0 {
            let (p, q) = (x / length, y / length);
            let start = if k > first { k - 1 } else { k };
            let (upper, lower) = h[k * n..(k + 2) * n].split_at_mut(n);
            for (u, l) in upper[start..].iter_mut().zip(&mut lower[start..]) {
                (*u, *l) = (p.conj() * *u + q.conj() * *l, p * *l - q * *u);
            }
            for row in h.chunks_exact_mut(n).take((k + 2).min(last) + 1) {
                let (u, l) = (row[k], row[k + 1]);
                row[k] = u * p + l * q;
                row[k + 1] = l * p.conj() - u * q.conj();
            }
            let (upper, lower) = z_transposed[k * n..(k + 2) * n].split_at_mut(n);
            for (u, l) in upper.iter_mut().zip(lower) {
                (*u, *l) = (*u * p + *l * q, *l * p.conj() - *u * q.conj());
            }
        }
        if k + 1 < last {
            x = h[(k + 1) * n + k];
            y = h[(k + 2) * n + k];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn residual(a: &[f64], m: usize, b: &[f64], n: usize, c: &[f64], x: &[f64]) -> f64 {
        let mut worst = 0.0_f64;
        for i in 0..m {
            for j in 0..n {
                let left: f64 = (0..m).map(|k| a[i * m + k] * x[k * n + j]).sum();
                let right: f64 = (0..n).map(|k| x[i * n + k] * b[k * n + j]).sum();
                worst = worst.max((left + right - c[i * n + j]).abs());
            }
        }
        worst
    }

    #[test]
    fn the_equation_holds() {
        for (m, n) in [(1, 1), (2, 3), (5, 2), (17, 40), (60, 60)] {
            let spread = |count: usize, f: f64| {
                (0..count)
                    .map(|i| ((i as f64 + 1.0) * f).sin())
                    .collect::<Vec<_>>()
            };
            let (mut a, b, c) = (
                spread(m * m, 12.9898),
                spread(n * n, 78.233),
                spread(m * n, 37.719),
            );
            // Moved away from the eigenvalues of -B, all of which are smaller than n.
            a.iter_mut()
                .step_by(m + 1)
                .for_each(|d| *d += 2.0 * (m + n) as f64);
            let x = sylvester(&a, m, &b, n, &c).unwrap();
            assert!(residual(&a, m, &b, n, &c, &x) < 1e-12, "{m} {n}");
        }
    }

    #[test]
    fn a_defective_matrix_is_no_obstacle() {
        let jordan = [1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0];
        let c = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
        let x = sylvester(&jordan, 3, &jordan, 3, &c).unwrap();
        assert!(residual(&jordan, 3, &jordan, 3, &c, &x) < 1e-13);
    }

    #[test]
    fn opposite_eigenvalues_are_named() {
        assert_eq!(
            sylvester(&[2.0], 1, &[-2.0], 1, &[1.0]).unwrap_err().code,
            "singular"
        );
    }
}
