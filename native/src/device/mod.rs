//! A device: memory, and launches that run on it in the order in which they were given.
//!
//! [`memory`] owns the buffers, [`launch`] hands a kernel the buffers that it is bound to, [`api`] is what
//! JavaScript sees.

mod api;
pub mod launch;
pub mod memory;
