//! What a kernel declares of its interface.

use crate::device::launch::Access;

/// A field of a struct that host and kernel share.
pub struct Field {
    pub name: &'static str,
    /// `u32`, `i32` or `f32`.
    pub type_name: &'static str,
    pub offset: usize,
}

pub struct Struct {
    pub name: &'static str,
    pub byte_length: usize,
    pub fields: &'static [Field],
}

pub struct Buffer {
    pub name: &'static str,
    pub access: Access,
    /// The WGSL name of the element.
    pub element: &'static str,
    pub stride: usize,
}

pub struct KernelContract {
    pub name: &'static str,
    pub params: Struct,
    /// All bindings but the params, in the order of their numbers.
    pub buffers: &'static [Buffer],
    /// Structs that occur as elements.
    pub structs: &'static [Struct],
    /// Names of the override constants, in WGSL's order.
    pub constants: &'static [&'static str],
}

/// Defines a struct of 32-bit scalars as both host and kernel see it, together with its [`Struct`] description.
macro_rules! shared_struct {
    ($(#[$meta:meta])* $name:ident { $($field:ident: $type:ident),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
        #[repr(C)]
        pub struct $name {
            $(pub $field: $type),+
        }

        impl $name {
            pub const LAYOUT: $crate::kernels::contract::Struct = $crate::kernels::contract::Struct {
                name: stringify!($name),
                byte_length: size_of::<$name>(),
                fields: &[$($crate::kernels::contract::Field {
                    name: stringify!($field),
                    type_name: stringify!($type),
                    offset: std::mem::offset_of!($name, $field),
                }),+],
            };
        }
    };
}
pub(crate) use shared_struct;
