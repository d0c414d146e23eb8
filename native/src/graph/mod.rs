//! Measures of directed graphs. [`betweenness`] computes on slices; [`api`] is what JavaScript sees.

mod api;
pub mod betweenness;
