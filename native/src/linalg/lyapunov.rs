//! The Lyapunov equation A X + X A^T + Q = 0 of a stable A, by the squared Smith method: nearly all of its work is matrix
//! products, so that it is an order of magnitude faster than Schur forms (`sylvester.rs`) for large matrices.
//!
//! With a shift p > 0 the Cayley transform B = (A - p)^-1 (A + p) turns the equation into X = B X B^T + R,
//! R = 2 p (A - p)^-1 Q (A - p)^-T, and A stable means that B's powers vanish: X is the sum of B^k R B^kT. Squaring B
//! doubles the number of terms with each step (Smith, "Matrix equation XA + BX = C", SIAM J. Appl. Math. 16, 1968).

use faer::linalg::matmul::matmul;
use faer::linalg::solvers::Solve;
use faer::{Accum, Mat, MatRef, Par};

use super::dense::check_finite;
use crate::failure::Failure;

/// Steps, each of which doubles the number of terms: 2^40 terms serve time constants that differ by 10^11.
const MAX_STEPS: usize = 40;
/// A relative residual above this is worth a second solution for the residual itself.
const REFINE_ABOVE: f64 = 1e-14;
/// A relative residual above this is no solution.
const ACCEPT_BELOW: f64 = 1e-9;

/// X with what remains of the equation.
pub struct Solution {
    /// n x n, row-major, symmetric.
    pub x: Vec<f64>,
    /// |A X + X A^T + Q| / (2 |A| |X| + |Q|) in the Frobenius norm.
    pub residual: f64,
}

/// X of A X + X A^T + Q = 0 for symmetric Q. The failure is `not-converged` when A is not stable.
pub fn stable_lyapunov(a: &[f64], n: usize, q: &[f64]) -> Result<Solution, Failure> {
    check_finite("a", a, n)?;
    check_finite("q", q, n)?;
    if n == 0 {
        return Ok(Solution {
            x: Vec::new(),
            residual: 0.0,
        });
    }
    let a = MatRef::from_row_major_slice(a, n, n).to_owned();
    let q = MatRef::from_row_major_slice(q, n, n).to_owned();
    let a_norm = a.norm_l2();
    let q_norm = q.norm_l2();
    let mut x = smith(&a, &q)?;
    let mut rest = remainder(&a, &x, &q);
    let mut residual = relative(rest.norm_l2(), a_norm, x.norm_l2(), q_norm);
    if residual > REFINE_ABOVE {
        x += smith(&a, &rest)?;
        rest = remainder(&a, &x, &q);
        residual = relative(rest.norm_l2(), a_norm, x.norm_l2(), q_norm);
    }
    if residual.is_nan() || residual > ACCEPT_BELOW {
        return Err(not_stable(n));
    }
    // X is symmetric, so either order is row-major.
    let mut values = Vec::with_capacity(n * n);
    for column in x.col_iter() {
        values.extend(column.iter());
    }
    Ok(Solution { x: values, residual })
}

fn not_stable(n: usize) -> Failure {
    Failure::new(
        "not-converged",
        format!(
            "the Lyapunov equation of a {n} x {n} matrix has no solution that can be found: make the matrix stable, all real parts of its eigenvalues well below 0"
        ),
    )
}

fn relative(rest: f64, a: f64, x: f64, q: f64) -> f64 {
    let scale = 2.0 * a * x + q;
    if scale > 0.0 { rest / scale } else { rest }
}

fn smith(a: &Mat<f64>, q: &Mat<f64>) -> Result<Mat<f64>, Failure> {
    let n = a.nrows();
    let par = Par::rayon(0);
    let p = shift_of(a);
    let mut shifted = a.clone();
    for i in 0..n {
        shifted[(i, i)] -= p;
    }
    let factors = shifted.partial_piv_lu();
    // (A - p)^-1 (A + p) = 1 + 2 p (A - p)^-1
    let mut power = Mat::<f64>::identity(n, n);
    factors.solve_in_place(power.as_mut());
    let mut product = Mat::<f64>::zeros(n, n);
    let mut x = Mat::<f64>::zeros(n, n);
    matmul(
        product.as_mut(),
        Accum::Replace,
        power.as_ref(),
        q.as_ref(),
        1.0,
        par,
    );
    matmul(
        x.as_mut(),
        Accum::Replace,
        product.as_ref(),
        power.transpose(),
        2.0 * p,
        par,
    );
    power *= faer::Scale(2.0 * p);
    for i in 0..n {
        power[(i, i)] += 1.0;
    }
    let mut term = Mat::<f64>::zeros(n, n);
    for _ in 0..MAX_STEPS {
        matmul(
            product.as_mut(),
            Accum::Replace,
            power.as_ref(),
            x.as_ref(),
            1.0,
            par,
        );
        matmul(
            term.as_mut(),
            Accum::Replace,
            product.as_ref(),
            power.transpose(),
            1.0,
            par,
        );
        let (size, change) = (x.norm_l2(), term.norm_l2());
        if !change.is_finite() || !size.is_finite() {
            return Err(not_stable(n));
        }
        x += &term;
        if change <= f64::EPSILON * size {
            symmetrize(&mut x);
            return Ok(x);
        }
        matmul(
            product.as_mut(),
            Accum::Replace,
            power.as_ref(),
            power.as_ref(),
            1.0,
            par,
        );
        std::mem::swap(&mut product, &mut power);
    }
    Err(not_stable(n))
}

/// The geometric mean of the eigenvalues' magnitudes, between the slowest and the fastest of them.
fn shift_of(a: &Mat<f64>) -> f64 {
    let factors = a.partial_piv_lu();
    let upper = factors.U();
    let logs: f64 = (0..a.nrows()).map(|i| upper[(i, i)].abs().ln()).sum();
    let shift = (logs / a.nrows() as f64).exp();
    if shift.is_finite() && shift > 0.0 {
        shift
    } else {
        a.norm_l2().max(f64::MIN_POSITIVE)
    }
}

/// A X + X A^T + Q, for symmetric X.
fn remainder(a: &Mat<f64>, x: &Mat<f64>, q: &Mat<f64>) -> Mat<f64> {
    let mut rest = Mat::<f64>::zeros(a.nrows(), a.nrows());
    matmul(
        rest.as_mut(),
        Accum::Replace,
        a.as_ref(),
        x.as_ref(),
        1.0,
        Par::rayon(0),
    );
    let n = a.nrows();
    for j in 0..n {
        for i in 0..=j {
            let sum = rest[(i, j)] + rest[(j, i)];
            rest[(i, j)] = sum + q[(i, j)];
            rest[(j, i)] = sum + q[(j, i)];
        }
    }
    rest
}

fn symmetrize(x: &mut Mat<f64>) {
    for j in 0..x.ncols() {
        for i in 0..j {
            let mean = 0.5 * (x[(i, j)] + x[(j, i)]);
            x[(i, j)] = mean;
            x[(j, i)] = mean;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::sylvester::sylvester;

    fn spread(count: usize, factor: f64) -> Vec<f64> {
        (0..count).map(|i| ((i as f64 + 1.0) * factor).sin()).collect()
    }

    /// Row sums of the off-diagonal part stay below the diagonal's size: stable.
    fn stable(n: usize) -> Vec<f64> {
        let mut a: Vec<f64> = spread(n * n, 12.9898).iter().map(|v| v / n as f64).collect();
        a.iter_mut()
            .step_by(n + 1)
            .enumerate()
            .for_each(|(i, d)| *d = -1.01 - 0.1 * (i % 7) as f64);
        a
    }

    #[test]
    fn it_agrees_with_bartels_and_stewart() {
        for n in [1, 2, 17, 60] {
            let a = stable(n);
            let half = spread(n * n, 78.233);
            let q: Vec<f64> = (0..n * n).map(|k| half[k] + half[(k % n) * n + k / n]).collect();
            let found = stable_lyapunov(&a, n, &q).unwrap();
            let transposed: Vec<f64> = (0..n * n).map(|k| a[(k % n) * n + k / n]).collect();
            let negative: Vec<f64> = q.iter().map(|v| -v).collect();
            let known = sylvester(&a, n, &transposed, n, &negative).unwrap();
            assert!(found.residual < 1e-14, "{n} {}", found.residual);
            for (x, y) in found.x.iter().zip(&known) {
                assert!((x - y).abs() < 1e-12, "{n}: {x} {y}");
            }
        }
    }

    #[test]
    fn slow_and_fast_together() {
        let a = [-1e-6, 0.0, 0.0, -1e3];
        let found = stable_lyapunov(&a, 2, &[1.0, 0.0, 0.0, 1.0]).unwrap();
        assert!((found.x[0] - 0.5e6).abs() < 1e-6 && (found.x[3] - 0.5e-3).abs() < 1e-15);
    }

    #[test]
    fn an_unstable_matrix_is_refused() {
        for a in [[1.0, 0.0, 0.0, -1.0], [0.0, 1.0, -1.0, 0.0], [0.0; 4]] {
            let failure = stable_lyapunov(&a, 2, &[1.0, 0.0, 0.0, 1.0]).err().unwrap();
            assert_eq!(failure.code, "not-converged");
        }
    }
}
