//! What a kernel gets to see of a launch: its params, its constants, its buffers, each typed and checked.

use bytemuck::Pod;

use super::findings::Findings;
use crate::failure::Failure;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Read,
    ReadWrite,
}

enum Bytes<'a> {
    Read(&'a [u8], &'a Findings),
    Write(&'a mut [u8]),
}

/// A buffer bound to a kernel under the name that the WGSL gives it.
pub struct Binding<'a> {
    name: &'static str,
    bytes: Bytes<'a>,
}

impl<'a> Binding<'a> {
    pub fn readable(name: &'static str, bytes: &'a [u8], findings: &'a Findings) -> Self {
        Self {
            name,
            bytes: Bytes::Read(bytes, findings),
        }
    }

    pub fn writable(name: &'static str, bytes: &'a mut [u8]) -> Self {
        Self {
            name,
            bytes: Bytes::Write(bytes),
        }
    }

    /// The whole elements in the buffer; bytes after the last whole one are left out, as in WGSL.
    pub fn read<T: Pod>(self) -> Result<Elements<&'a [T]>, Failure> {
        let bytes = match self.bytes {
            Bytes::Read(bytes, _) => bytes,
            Bytes::Write(bytes) => bytes,
        };
        let whole = bytes.len() / size_of::<T>() * size_of::<T>();
        let values =
            bytemuck::try_cast_slice(&bytes[..whole]).map_err(|error| cast_failed(self.name, error))?;
        Ok(Elements {
            name: self.name,
            values,
        })
    }

    /// Like [`Binding::read`] of a buffer that the kernel can't write to, with what is known of it.
    pub fn read_known<T: Pod>(self) -> Result<Known<'a, T>, Failure> {
        let Bytes::Read(_, findings) = self.bytes else {
            return Err(Failure::new(
                "internal",
                format!("\"{}\" is bound to be written to", self.name),
            ));
        };
        let values = self.read()?.values;
        Ok(Known { values, findings })
    }

    /// Like [`Binding::read`], to write to.
    pub fn write<T: Pod>(self) -> Result<Elements<&'a mut [T]>, Failure> {
        let Bytes::Write(bytes) = self.bytes else {
            return Err(Failure::new(
                "internal",
                format!("\"{}\" is bound to be read only", self.name),
            ));
        };
        let whole = bytes.len() / size_of::<T>() * size_of::<T>();
        let values = bytemuck::try_cast_slice_mut(&mut bytes[..whole])
            .map_err(|error| cast_failed(self.name, error))?;
        Ok(Elements {
            name: self.name,
            values,
        })
    }
}

fn cast_failed(name: &str, error: bytemuck::PodCastError) -> Failure {
    Failure::new(
        "internal",
        format!("\"{name}\" cannot be seen as its elements: {error}"),
    )
}

/// Elements that are not written to, with what launches have found out about them.
#[derive(Clone, Copy)]
pub struct Known<'a, T> {
    pub values: &'a [T],
    pub findings: &'a Findings,
}

/// The elements of a binding, which know their binding's name for the sake of errors.
pub struct Elements<S> {
    pub name: &'static str,
    pub values: S,
}

impl<S> Elements<S> {
    /// Fails unless there are at least `needed` elements.
    pub fn at_least<T>(&self, needed: u64, why: &str) -> Result<(), Failure>
    where
        S: AsRef<[T]>,
    {
        let present = self.values.as_ref().len();
        if present as u64 >= needed {
            return Ok(());
        }
        let name = self.name;
        Err(refused(format!(
            "\"{name}\" holds {present} elements, but {why} needs {needed}"
        )))
    }
}

/// A launch that its buffers or tables do not allow.
pub fn refused(message: String) -> Failure {
    Failure::new("launch", message)
}

/// One launch, checked as far as that goes without knowing the kernel.
pub struct Launch<'a> {
    pub params: &'a [u8],
    /// The override constants, in the order in which the kernel declares them.
    pub constants: &'a [f64],
    pub workgroups: [u32; 3],
    pub bindings: Vec<Binding<'a>>,
}

impl<'a> Launch<'a> {
    pub fn params<P: Pod>(&self) -> Result<P, Failure> {
        bytemuck::try_pod_read_unaligned(self.params).map_err(|_| {
            let (given, wanted) = (self.params.len(), size_of::<P>());
            Failure::new("contract", format!("the params take {wanted} bytes, not {given}"))
        })
    }

    /// The bindings, of which there are `N`.
    pub fn bindings<const N: usize>(self) -> Result<[Binding<'a>; N], Failure> {
        let given = self.bindings.len();
        self.bindings
            .try_into()
            .map_err(|_| Failure::new("contract", format!("{given} bindings were given instead of {N}")))
    }

    /// An override constant that is a whole number from 1 on.
    pub fn constant(&self, index: usize) -> Result<u64, Failure> {
        match self.constants.get(index) {
            Some(&value) if value >= 1.0 && value <= f64::from(u32::MAX) && value.fract() == 0.0 => {
                Ok(value as u64)
            }
            other => Err(refused(format!(
                "override constant {index} is {other:?}; it must be a whole number from 1 on"
            ))),
        }
    }

    /// How many workgroups in all.
    pub fn workgroup_count(&self) -> u64 {
        let [x, y, z] = self.workgroups.map(u64::from);
        x.saturating_mul(y).saturating_mul(z)
    }
}
