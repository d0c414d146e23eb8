//! Factorizations, solves and products of row-major f64 matrices, given as slices.
//!
//! Shapes are the caller's promise (TypeScript checks them, and `api.rs` again); values are checked here.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{LltRegularization, cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::triangular_solve::{solve_lower_triangular_in_place, solve_upper_triangular_in_place};
use faer::{Accum, Mat, MatMut, MatRef, Par, Side};
use rayon::prelude::*;

use crate::failure::Failure;

/// A lower Cholesky factor with the jitter that it needed.
pub struct Cholesky {
    /// n x n, row-major, zeros above the diagonal.
    pub factor: Vec<f64>,
    /// What was added to the diagonal.
    pub jitter: f64,
    /// The logarithm of the determinant of the matrix, jitter included.
    pub log_determinant: f64,
}

/// A value as JavaScript writes it.
fn text(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    value.to_string()
}

/// Whole blocks are judged without a branch, which the compiler vectorizes; only a block that fails is searched.
pub fn check_finite(name: &str, values: &[f64], columns: usize) -> Result<(), Failure> {
    const BLOCK: usize = 1 << 10;
    let spoilt = values
        .chunks(BLOCK)
        .position(|block| !block.iter().fold(true, |all, value| all & value.is_finite()));
    let index = spoilt.and_then(|block| {
        let start = block * BLOCK;
        values[start..]
            .iter()
            .position(|value| !value.is_finite())
            .map(|offset| start + offset)
    });
    match index {
        None => Ok(()),
        Some(index) => Err(Failure::new(
            "not-finite",
            format!(
                "{name} holds {} at row {}, column {}; the values must be finite",
                text(values[index]),
                index / columns.max(1),
                index % columns.max(1)
            ),
        )),
    }
}

fn row_major(values: &[f64], rows: usize, columns: usize) -> MatRef<'_, f64> {
    MatRef::from_row_major_slice(values, rows, columns)
}

/// The row-major copy of a faer matrix.
fn to_row_major(matrix: MatRef<'_, f64>) -> Vec<f64> {
    let mut values = vec![0.0; matrix.nrows() * matrix.ncols()];
    MatMut::from_row_major_slice_mut(&mut values, matrix.nrows(), matrix.ncols()).copy_from(matrix);
    values
}

/// A = L L^T of a symmetric matrix, of which only the upper triangle is read. Each jitter is tried in turn, as an
/// addition to the diagonal, until the matrix is positive definite.
pub fn cholesky(a: &[f64], n: usize, jitters: &[f64]) -> Result<Cholesky, Failure> {
    check_finite("a", a, n)?;
    let par = Par::rayon(0);
    let mut scratch = MemBuffer::new(cholesky_in_place_scratch::<f64>(n, par, Default::default()));
    let mut work = Vec::new();
    for &jitter in jitters {
        // The factorization spoils both triangles, so a failed attempt needs the matrix again.
        work.clear();
        work.extend_from_slice(a);
        for diagonal in work.iter_mut().step_by(n + 1) {
            *diagonal += jitter;
        }
        // Read column-major, the row-major upper triangle is the lower one: faer's fast case, without a copy.
        let outcome = cholesky_in_place(
            MatMut::from_column_major_slice_mut(&mut work, n, n),
            LltRegularization::default(),
            par,
            MemStack::new(&mut scratch),
            Default::default(),
        );
        let log_determinant = 0.0 + 2.0 * work.iter().step_by(n + 1).map(|d| d.ln()).sum::<f64>();
        if outcome.is_ok() && log_determinant.is_finite() {
            mirror_lower(&mut work, n);
            return Ok(Cholesky {
                factor: work,
                jitter,
                log_determinant,
            });
        }
    }
    Err(Failure::new(
        "not-positive-definite",
        format!(
            "the {n} x {n} matrix is not positive definite, even with {:e} added to its diagonal",
            jitters.last().copied().unwrap_or(0.0)
        ),
    ))
}

/// Moves the upper triangle to the lower one and leaves zeros, in blocks that stay in the cache. In place: at n = 2000,
/// fresh pages for a transposed copy would take longer than the copying.
fn mirror_lower(a: &mut [f64], n: usize) {
    const BLOCK: usize = 32;
    for first_row in (0..n).step_by(BLOCK) {
        for first_column in (0..=first_row).step_by(BLOCK) {
            for i in first_row..(first_row + BLOCK).min(n) {
                for j in first_column..(first_column + BLOCK).min(i) {
                    a[i * n + j] = a[j * n + i];
                }
            }
        }
    }
    a.par_chunks_mut(n.max(1))
        .enumerate()
        .for_each(|(i, row)| row[i + 1..].fill(0.0));
}

/// Solves T X = B, or T^T X = B, for a triangular n x n matrix T and an n x columns matrix B.
pub fn solve_triangular(
    t: &[f64],
    n: usize,
    mut b: Vec<f64>,
    columns: usize,
    upper: bool,
    transposed: bool,
) -> Result<Vec<f64>, Failure> {
    check_finite("b", &b, columns)?;
    check_triangle(t, n, upper)?;
    let matrix = row_major(t, n, n);
    let matrix = if transposed { matrix.transpose() } else { matrix };
    let solution = MatMut::from_row_major_slice_mut(&mut b, n, columns);
    if upper != transposed {
        solve_upper_triangular_in_place(matrix, solution, Par::rayon(0));
    } else {
        solve_lower_triangular_in_place(matrix, solution, Par::rayon(0));
    }
    Ok(b)
}

/// Solves L L^T X = B.
pub fn solve_cholesky(l: &[f64], n: usize, mut b: Vec<f64>, columns: usize) -> Result<Vec<f64>, Failure> {
    check_finite("b", &b, columns)?;
    check_triangle(l, n, false)?;
    let factor = row_major(l, n, n);
    let mut solution = MatMut::from_row_major_slice_mut(&mut b, n, columns);
    solve_lower_triangular_in_place(factor, solution.as_mut(), Par::rayon(0));
    solve_upper_triangular_in_place(factor.transpose(), solution, Par::rayon(0));
    Ok(b)
}

/// The used triangle must be finite and its diagonal free of zeros.
fn check_triangle(t: &[f64], n: usize, upper: bool) -> Result<(), Failure> {
    for (i, row) in t.chunks_exact(n.max(1)).enumerate() {
        let (used, offset) = if upper { (&row[i..], i) } else { (&row[..=i], 0) };
        if let Some(index) = used.iter().position(|value| !value.is_finite()) {
            return Err(Failure::new(
                "not-finite",
                format!(
                    "the triangular matrix holds {} at row {i}, column {}; the values must be finite",
                    text(used[index]),
                    index + offset
                ),
            ));
        }
        if row[i] == 0.0 {
            return Err(Failure::new(
                "singular",
                format!("the triangular matrix is singular: its diagonal is 0 at row {i}"),
            ));
        }
    }
    Ok(())
}

/// Eigenvalues in ascending order and orthonormal eigenvectors (the columns) of a symmetric matrix, of which only
/// the lower triangle is read.
pub fn symmetric_eigen(a: &[f64], n: usize) -> Result<(Vec<f64>, Vec<f64>), Failure> {
    check_finite("a", a, n)?;
    let eigen = row_major(a, n, n)
        .self_adjoint_eigen(Side::Lower)
        .map_err(|_| not_converged("symmetric eigendecomposition", n))?;
    let values = eigen.S().column_vector().iter().copied().collect();
    Ok((values, to_row_major(eigen.U())))
}

/// The thin factorization A = Q R: Q is rows x k, R is k x columns, k = min(rows, columns); R's diagonal is >= 0.
pub fn qr(a: &[f64], rows: usize, columns: usize) -> Result<(Vec<f64>, Vec<f64>), Failure> {
    check_finite("a", a, columns)?;
    let k = rows.min(columns);
    let factors = row_major(a, rows, columns).qr();
    let mut q = factors.compute_thin_Q();
    let mut r: Mat<f64> = factors.thin_R().to_owned();
    for i in 0..k {
        if r[(i, i)] < 0.0 {
            r.row_mut(i).iter_mut().for_each(|value| *value = -*value);
            q.col_mut(i).iter_mut().for_each(|value| *value = -*value);
        }
        // What lies below the diagonal is zero by definition, not by rounding.
        for j in 0..i {
            r[(i, j)] = 0.0;
        }
    }
    Ok((to_row_major(q.as_ref()), to_row_major(r.as_ref())))
}

/// The eigenvalues (real parts, imaginary parts) of a general matrix, by descending real part, then imaginary part.
pub fn eigenvalues(a: &[f64], n: usize) -> Result<(Vec<f64>, Vec<f64>), Failure> {
    check_finite("a", a, n)?;
    let mut values = row_major(a, n, n)
        .eigenvalues()
        .map_err(|_| not_converged("eigenvalue iteration", n))?;
    values.sort_by(|x, y| y.re.total_cmp(&x.re).then(y.im.total_cmp(&x.im)));
    Ok((
        values.iter().map(|value| value.re).collect(),
        values.iter().map(|value| value.im).collect(),
    ))
}

pub fn not_converged(what: &str, n: usize) -> Failure {
    Failure::new(
        "not-converged",
        format!("the {what} of a {n} x {n} matrix did not converge; scale or regularize the matrix"),
    )
}

/// A matrix operand: its values with rows and columns as stored, and whether it enters transposed.
pub struct Operand<'a> {
    pub values: &'a [f64],
    pub rows: usize,
    pub columns: usize,
    pub transposed: bool,
}

impl<'a> Operand<'a> {
    fn view(&self) -> MatRef<'a, f64> {
        let stored = row_major(self.values, self.rows, self.columns);
        if self.transposed {
            stored.transpose()
        } else {
            stored
        }
    }
}

/// The product of two operands whose inner sizes agree. Values that are not finite pass through.
pub fn matmul(a: &Operand<'_>, b: &Operand<'_>) -> Vec<f64> {
    let (a, b) = (a.view(), b.view());
    let mut product = vec![0.0; a.nrows() * b.ncols()];
    faer::linalg::matmul::matmul(
        MatMut::from_row_major_slice_mut(&mut product, a.nrows(), b.ncols()),
        Accum::Replace,
        a,
        b,
        1.0,
        Par::rayon(0),
    );
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Well spread values without structure.
    fn values(count: usize) -> Vec<f64> {
        (0..count).map(|i| ((i as f64 + 1.0) * 12.9898).sin()).collect()
    }

    fn product(a: &[f64], b: &[f64], n: usize, transpose_b: bool) -> Vec<f64> {
        let operand = |values, transposed| Operand {
            values,
            rows: n,
            columns: n,
            transposed,
        };
        matmul(&operand(a, false), &operand(b, transpose_b))
    }

    #[test]
    fn cholesky_rebuilds_the_matrix() {
        for n in [0, 1, 2, 17, 70] {
            let m = values(n * n);
            let mut a = product(&m, &m, n, true);
            a.iter_mut().step_by(n + 1).for_each(|d| *d += 1.0);
            let found = cholesky(&a, n, &[0.0]).unwrap();
            let rebuilt = product(&found.factor, &found.factor, n, true);
            for (x, y) in rebuilt.iter().zip(&a) {
                assert!((x - y).abs() < 1e-12 * n as f64, "{x} {y}");
            }
        }
    }

    #[test]
    fn cholesky_takes_the_first_jitter_that_serves() {
        let indefinite = [1.0, 1.0, 1.0, 1.0 - 1e-9];
        let found = cholesky(&indefinite, 2, &[0.0, 1e-12, 1e-6]).unwrap();
        assert_eq!(found.jitter, 1e-6);
        let corner = (1.0 + 1e-6_f64).sqrt();
        let expected = [corner, 0.0, 1.0 / corner];
        assert!(
            found
                .factor
                .iter()
                .zip(expected)
                .all(|(x, y)| (x - y).abs() < 1e-14)
        );
        let failure = cholesky(&indefinite, 2, &[0.0]).err().unwrap();
        assert_eq!(failure.code, "not-positive-definite");
    }

    #[test]
    fn values_that_are_not_finite_are_refused() {
        let failure = symmetric_eigen(&[1.0, 0.0, f64::NAN, 1.0], 2).unwrap_err();
        assert_eq!(failure.code, "not-finite");
        assert!(failure.message.contains("row 1, column 0"), "{}", failure.message);
    }

    #[test]
    fn qr_is_orthonormal_and_rebuilds() {
        for (rows, columns) in [(0, 0), (1, 1), (17, 5), (5, 17), (70, 70)] {
            let a = values(rows * columns);
            let (q, r) = qr(&a, rows, columns).unwrap();
            let k = rows.min(columns);
            let q_view = |transposed| Operand {
                values: &q,
                rows,
                columns: k,
                transposed,
            };
            let r_view = Operand {
                values: &r,
                rows: k,
                columns,
                transposed: false,
            };
            for (x, y) in matmul(&q_view(false), &r_view).iter().zip(&a) {
                assert!((x - y).abs() < 1e-12);
            }
            for (index, x) in matmul(&q_view(true), &q_view(false)).iter().enumerate() {
                let identity = f64::from(u8::from(index / k == index % k));
                assert!((x - identity).abs() < 1e-12);
            }
        }
    }
}
