//! `shaders/surrogate_matmul.wgsl`: products of matrices, one for each slot, by faer.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use super::{check_length, floats};
use crate::device::launch::{Access, Launch, refused};
use crate::failure::Failure;
use crate::kernels::Kernel;
use crate::kernels::contract::{KernelContract, shared_struct};

shared_struct!(Params {
    slots: u32,
    a_transposed: u32,
    a_at: u32,
    a_slot: u32,
    a_row: u32,
    b_transposed: u32,
    b_at: u32,
    b_slot: u32,
    b_row: u32,
    c_at: u32,
    c_slot: u32,
    c_row: u32,
    accumulate: u32,
});

shared_struct!(Size {
    rows: u32,
    inner: u32,
    columns: u32,
});

pub const KERNEL: Kernel = Kernel {
    contract: KernelContract {
        name: "surrogate_matmul",
        params: Params::LAYOUT,
        buffers: &[
            super::buffer("sizes", Access::Read, "Size", size_of::<Size>()),
            floats("a", Access::Read),
            floats("b", Access::Read),
            floats("c", Access::ReadWrite),
        ],
        structs: &[Size::LAYOUT],
        constants: &[],
    },
    run,
};

/// A stored matrix of `rows` x `columns`, or its transpose, from element `at` on.
fn matrix<'a>(
    name: &str,
    values: &'a [f32],
    at: u64,
    (rows, columns): (usize, usize),
    stride: usize,
) -> Result<MatRef<'a, f32>, Failure> {
    if stride < columns {
        return Err(refused(format!(
            "rows of \"{name}\" are {stride} apart, but hold {columns} elements"
        )));
    }
    let needed = at.saturating_add((rows as u64).saturating_mul(stride as u64));
    // The last row may end with its last element.
    let needed = needed.saturating_sub((stride - columns) as u64);
    check_length(name, values, usize::try_from(needed).unwrap_or(usize::MAX))?;
    let part = &values[at as usize..needed as usize];
    Ok(MatRef::from_row_major_slice_with_stride(
        part, rows, columns, stride,
    ))
}

fn run(launch: Launch<'_>) -> Result<(), Failure> {
    let p: Params = launch.params()?;
    let [sizes, a, b, c] = launch.bindings()?;
    let sizes = sizes.read::<Size>()?;
    sizes.at_least(u64::from(p.slots), "a size for each slot")?;
    let (a, b) = (a.read::<f32>()?.values, b.read::<f32>()?.values);
    let c = c.write::<f32>()?.values;
    for (index, size) in sizes.values[..p.slots as usize].iter().enumerate() {
        let (rows, inner, columns) = (size.rows as usize, size.inner as usize, size.columns as usize);
        if rows == 0 || columns == 0 || inner == 0 {
            continue;
        }
        let start = |at: u32, slot: u32| u64::from(at) + index as u64 * u64::from(slot);
        let left = if p.a_transposed == 1 {
            matrix("a", a, start(p.a_at, p.a_slot), (inner, rows), p.a_row as usize)?.transpose()
        } else {
            matrix("a", a, start(p.a_at, p.a_slot), (rows, inner), p.a_row as usize)?
        };
        let right = if p.b_transposed == 1 {
            matrix(
                "b",
                b,
                start(p.b_at, p.b_slot),
                (columns, inner),
                p.b_row as usize,
            )?
            .transpose()
        } else {
            matrix(
                "b",
                b,
                start(p.b_at, p.b_slot),
                (inner, columns),
                p.b_row as usize,
            )?
        };
        let c_at = start(p.c_at, p.c_slot);
        matrix("c", c, c_at, (rows, columns), p.c_row as usize)?;
        let end = c_at as usize + (rows - 1) * p.c_row as usize + columns;
        let out = MatMut::from_column_major_slice_with_stride_mut(
            &mut c[c_at as usize..end],
            columns,
            rows,
            p.c_row as usize,
        )
        .transpose_mut();
        let beta = if p.accumulate == 1 {
            Accum::Add
        } else {
            Accum::Replace
        };
        // Small products are done before a second thread has begun.
        let parallel = if rows.saturating_mul(inner).saturating_mul(columns) < 1 << 18 {
            Par::Seq
        } else {
            Par::rayon(0)
        };
        matmul(out, beta, left, right, 1.0, parallel);
    }
    Ok(())
}
