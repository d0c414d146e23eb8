//! The linear algebra as JavaScript sees it: one object that owns its threads, one promise for each call.

use napi::Env;
use napi::bindgen_prelude::{Float64Array, Object};
use napi_derive::napi;

use super::dense::{self, Operand};
use super::lyapunov;
use super::sylvester;
use crate::failure::Failure;
use crate::worker::Worker;

#[napi(object, object_from_js = false)]
pub struct CholeskyResult {
    pub factor: Float64Array,
    pub jitter: f64,
    pub log_determinant: f64,
}

impl From<dense::Cholesky> for CholeskyResult {
    fn from(found: dense::Cholesky) -> Self {
        Self {
            factor: found.factor.into(),
            jitter: found.jitter,
            log_determinant: found.log_determinant,
        }
    }
}

#[napi(object, object_from_js = false)]
pub struct SymmetricEigenResult {
    pub values: Float64Array,
    pub vectors: Float64Array,
}

#[napi(object, object_from_js = false)]
pub struct QrResult {
    pub q: Float64Array,
    pub r: Float64Array,
}

#[napi(object, object_from_js = false)]
pub struct ComplexVector {
    pub real: Float64Array,
    pub imaginary: Float64Array,
}

#[napi(object, object_from_js = false)]
pub struct LyapunovResult {
    pub x: Float64Array,
    pub residual: f64,
}

impl From<lyapunov::Solution> for LyapunovResult {
    fn from(found: lyapunov::Solution) -> Self {
        Self {
            x: found.x.into(),
            residual: found.residual,
        }
    }
}

macro_rules! from_pair {
    ($result:ident, $first:ident, $second:ident) => {
        impl From<(Vec<f64>, Vec<f64>)> for $result {
            fn from(pair: (Vec<f64>, Vec<f64>)) -> Self {
                Self {
                    $first: pair.0.into(),
                    $second: pair.1.into(),
                }
            }
        }
    };
}
from_pair!(SymmetricEigenResult, values, vectors);
from_pair!(QrResult, q, r);
from_pair!(ComplexVector, real, imaginary);

/// The owner of the threads. Calls run in order, each on all threads; the JavaScript thread only copies the input.
#[napi(js_name = "LinearAlgebra")]
pub struct LinearAlgebra {
    pub(crate) worker: Worker,
}

/// The copy of a JavaScript array that a job may keep, once its length fits the shape.
pub(crate) fn matrix(
    name: &str,
    values: &Float64Array,
    rows: u32,
    columns: u32,
) -> Result<Vec<f64>, Failure> {
    let wanted = (rows as usize).checked_mul(columns as usize);
    if wanted == Some(values.len()) {
        return Ok(values.to_vec());
    }
    Err(Failure::new(
        "shape",
        format!(
            "{name} has {} values, but is to be {rows} x {columns}",
            values.len()
        ),
    ))
}

#[napi]
impl LinearAlgebra {
    /// `threads` 0 means one for each processor.
    #[napi(constructor)]
    pub fn new(threads: u32) -> napi::Result<Self> {
        Ok(Self {
            worker: Worker::new("tacet-linalg", threads as usize)?,
        })
    }

    #[napi(getter)]
    pub fn threads(&self) -> u32 {
        self.worker.threads() as u32
    }

    #[napi]
    pub fn cholesky<'env>(
        &self,
        env: &'env Env,
        a: Float64Array,
        n: u32,
        jitters: Vec<f64>,
    ) -> napi::Result<Object<'env>> {
        let a = matrix("a", &a, n, n)?;
        self.worker
            .promise::<CholeskyResult, _>(env, move || dense::cholesky(&a, n as usize, &jitters))
    }

    #[napi]
    #[allow(clippy::too_many_arguments)] // One for each operand of the equation, as in every BLAS.
    pub fn solve_triangular<'env>(
        &self,
        env: &'env Env,
        t: Float64Array,
        n: u32,
        b: Float64Array,
        columns: u32,
        upper: bool,
        transposed: bool,
    ) -> napi::Result<Object<'env>> {
        let t = matrix("t", &t, n, n)?;
        let b = matrix("b", &b, n, columns)?;
        self.worker.promise::<Float64Array, _>(env, move || {
            dense::solve_triangular(&t, n as usize, b, columns as usize, upper, transposed)
        })
    }

    #[napi]
    pub fn solve_cholesky<'env>(
        &self,
        env: &'env Env,
        factor: Float64Array,
        n: u32,
        b: Float64Array,
        columns: u32,
    ) -> napi::Result<Object<'env>> {
        let factor = matrix("factor", &factor, n, n)?;
        let b = matrix("b", &b, n, columns)?;
        self.worker.promise::<Float64Array, _>(env, move || {
            dense::solve_cholesky(&factor, n as usize, b, columns as usize)
        })
    }

    #[napi]
    pub fn symmetric_eigen<'env>(
        &self,
        env: &'env Env,
        a: Float64Array,
        n: u32,
    ) -> napi::Result<Object<'env>> {
        let a = matrix("a", &a, n, n)?;
        self.worker
            .promise::<SymmetricEigenResult, _>(env, move || dense::symmetric_eigen(&a, n as usize))
    }

    #[napi]
    pub fn qr<'env>(
        &self,
        env: &'env Env,
        a: Float64Array,
        rows: u32,
        columns: u32,
    ) -> napi::Result<Object<'env>> {
        let a = matrix("a", &a, rows, columns)?;
        self.worker
            .promise::<QrResult, _>(env, move || dense::qr(&a, rows as usize, columns as usize))
    }

    #[napi]
    pub fn eigenvalues<'env>(&self, env: &'env Env, a: Float64Array, n: u32) -> napi::Result<Object<'env>> {
        let a = matrix("a", &a, n, n)?;
        self.worker
            .promise::<ComplexVector, _>(env, move || dense::eigenvalues(&a, n as usize))
    }

    /// A X + X B = C with A m x m, B n x n, C m x n.
    #[napi]
    pub fn sylvester<'env>(
        &self,
        env: &'env Env,
        a: Float64Array,
        m: u32,
        b: Float64Array,
        n: u32,
        c: Float64Array,
    ) -> napi::Result<Object<'env>> {
        let a = matrix("a", &a, m, m)?;
        let b = matrix("b", &b, n, n)?;
        let c = matrix("c", &c, m, n)?;
        self.worker.promise::<Float64Array, _>(env, move || {
            sylvester::sylvester(&a, m as usize, &b, n as usize, &c)
        })
    }

    /// A X + X A^T + Q = 0 with A stable and Q symmetric, all n x n.
    #[napi]
    pub fn stable_lyapunov<'env>(
        &self,
        env: &'env Env,
        a: Float64Array,
        n: u32,
        q: Float64Array,
    ) -> napi::Result<Object<'env>> {
        let a = matrix("a", &a, n, n)?;
        let q = matrix("q", &q, n, n)?;
        self.worker
            .promise::<LyapunovResult, _>(env, move || lyapunov::stable_lyapunov(&a, n as usize, &q))
    }

    /// The product of A (rows x columns as stored) and B, either of them transposed.
    #[napi]
    #[allow(clippy::too_many_arguments)] // Two matrices with shape and orientation, as in every BLAS.
    pub fn matmul<'env>(
        &self,
        env: &'env Env,
        a: Float64Array,
        a_rows: u32,
        a_columns: u32,
        a_transposed: bool,
        b: Float64Array,
        b_rows: u32,
        b_columns: u32,
        b_transposed: bool,
    ) -> napi::Result<Object<'env>> {
        let a_values = matrix("a", &a, a_rows, a_columns)?;
        let b_values = matrix("b", &b, b_rows, b_columns)?;
        let inner_a = if a_transposed { a_rows } else { a_columns };
        let inner_b = if b_transposed { b_columns } else { b_rows };
        if inner_a != inner_b {
            let message = format!("the inner sizes of the product differ: {inner_a} and {inner_b}");
            return Err(Failure::new("shape", message).into());
        }
        self.worker.promise::<Float64Array, _>(env, move || {
            let operand = |values, rows: u32, columns: u32, transposed| Operand {
                values,
                rows: rows as usize,
                columns: columns as usize,
                transposed,
            };
            Ok(dense::matmul(
                &operand(&a_values[..], a_rows, a_columns, a_transposed),
                &operand(&b_values[..], b_rows, b_columns, b_transposed),
            ))
        })
    }
}
