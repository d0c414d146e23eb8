//! Dense linear algebra in f64 on faer. All matrices cross the border row-major.
//!
//! [`dense`], [`lyapunov`] and [`sylvester`] compute on slices and know nothing of JavaScript; [`api`] is what JavaScript sees.

mod api;
pub mod dense;
pub mod lyapunov;
pub mod sylvester;
