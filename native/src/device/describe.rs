//! What the engine says of itself: the interfaces that its kernels were written for, and the instructions they use.

use napi_derive::napi;

use super::launch::Access;
use crate::kernels::contract::Struct;
use crate::kernels::{KERNELS, Kernel};

#[napi(object, object_from_js = false)]
pub struct FieldDescription {
    pub name: String,
    #[napi(js_name = "type")]
    pub type_name: String,
    pub offset: u32,
}

#[napi(object, object_from_js = false)]
pub struct StructDescription {
    pub name: String,
    pub byte_length: u32,
    pub fields: Vec<FieldDescription>,
}

#[napi(object, object_from_js = false)]
pub struct BindingDescription {
    pub name: String,
    pub access: String,
    pub element: String,
    pub stride: u32,
}

/// The interface that a kernel was written for.
#[napi(object, object_from_js = false)]
pub struct KernelDescription {
    pub name: String,
    pub params: StructDescription,
    pub buffers: Vec<BindingDescription>,
    pub structs: Vec<StructDescription>,
    pub constants: Vec<String>,
}

fn describe_struct(layout: &Struct) -> StructDescription {
    StructDescription {
        name: layout.name.to_owned(),
        byte_length: layout.byte_length as u32,
        fields: layout
            .fields
            .iter()
            .map(|field| FieldDescription {
                name: field.name.to_owned(),
                type_name: field.type_name.to_owned(),
                offset: field.offset as u32,
            })
            .collect(),
    }
}

/// The interfaces of all kernels. A kernel's place in this list is its number in `launch`.
#[napi]
pub fn kernels() -> Vec<KernelDescription> {
    let describe = |kernel: &Kernel| {
        let contract = &kernel.contract;
        let buffers = contract.buffers.iter().map(|buffer| BindingDescription {
            name: buffer.name.to_owned(),
            access: match buffer.access {
                Access::Read => "read".to_owned(),
                Access::ReadWrite => "read_write".to_owned(),
            },
            element: buffer.element.to_owned(),
            stride: buffer.stride as u32,
        });
        KernelDescription {
            name: contract.name.to_owned(),
            params: describe_struct(&contract.params),
            buffers: buffers.collect(),
            structs: contract.structs.iter().map(describe_struct).collect(),
            constants: contract.constants.iter().map(|&name| name.to_owned()).collect(),
        }
    };
    KERNELS.iter().map(describe).collect()
}

/// The vector instructions that the kernels use on this processor.
#[napi]
pub fn instruction_set() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        let avx512 = std::is_x86_feature_detected!("avx512f")
            && std::is_x86_feature_detected!("avx512vl")
            && std::is_x86_feature_detected!("avx512dq")
            && std::is_x86_feature_detected!("avx512bw");
        if avx512 {
            return "AVX-512";
        }
        if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
            return "AVX2";
        }
        "SSE2"
    }
    #[cfg(target_arch = "aarch64")]
    {
        "NEON"
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        "plain"
    }
}
