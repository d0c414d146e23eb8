//! A device: memory, and launches that run on it in the order in which they were given.
//!
//! [`memory`] owns the buffers, [`findings`] what is known of them, [`launch`] hands a kernel the buffers that it is bound
//! to, [`api`] and [`describe`] are what JavaScript sees.

mod api;
mod describe;
mod findings;
pub mod launch;
pub mod memory;
