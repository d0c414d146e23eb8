//! Measures of graphs as JavaScript sees them: one object that owns its threads, one promise for each call.

use napi::Env;
use napi::bindgen_prelude::{Float64Array, Object, Uint32Array};
use napi_derive::napi;

use super::betweenness::{Graph, betweenness};
use crate::failure::Failure;
use crate::worker::Worker;

#[napi(js_name = "Graphs")]
pub struct Graphs {
    worker: Worker,
}

/// Searches index by these without looking.
fn check(offsets: &[u32], targets: &[u32], lengths: Option<&[f64]>) -> Result<(), Failure> {
    let refused = |what: &str| Err(Failure::new("shape", what.to_owned()));
    let Some(nodes) = offsets.len().checked_sub(1) else {
        return refused("a graph needs an offset for each node, and one more");
    };
    let ascending = offsets.windows(2).all(|pair| pair[0] <= pair[1]);
    if !ascending || offsets.last().map(|&last| last as usize) != Some(targets.len()) {
        return refused("the offsets of a graph must ascend to the number of its edges");
    }
    if targets.iter().any(|&target| target as usize >= nodes) {
        return refused("an edge of the graph ends at a node that is not there");
    }
    if let Some(lengths) = lengths
        && (lengths.len() != targets.len()
            || !lengths.iter().all(|length| *length > 0.0 && length.is_finite()))
    {
        return refused("each edge of the graph needs a length above 0");
    }
    Ok(())
}

#[napi]
impl Graphs {
    /// `threads` 0 means one for each processor.
    #[napi(constructor)]
    pub fn new(threads: u32) -> napi::Result<Self> {
        Ok(Self {
            worker: Worker::new("tacet-graphs", threads as usize)?,
        })
    }

    #[napi]
    pub fn betweenness<'env>(
        &self,
        env: &'env Env,
        offsets: Uint32Array,
        targets: Uint32Array,
        lengths: Option<Float64Array>,
    ) -> napi::Result<Object<'env>> {
        let (offsets, targets) = (offsets.to_vec(), targets.to_vec());
        let lengths = lengths.map(|lengths| lengths.to_vec());
        check(&offsets, &targets, lengths.as_deref())?;
        self.worker.promise::<Float64Array, _>(env, move || {
            Ok(betweenness(&Graph {
                offsets: &offsets,
                targets: &targets,
                lengths: lengths.as_deref(),
            }))
        })
    }
}
