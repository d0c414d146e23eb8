//! Gaussian processes as JavaScript sees them: one object that owns threads and processes, one promise a call.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use napi::Env;
use napi::bindgen_prelude::{Float64Array, Int32Array, Object};
use napi_derive::napi;

use super::process::{Features, Inputs, Paths, Process, marginal_likelihood};
use crate::failure::Failure;
use crate::worker::Worker;

struct Held {
    process: Arc<Process>,
    paths: Option<Arc<Paths>>,
}

type Store = Arc<Mutex<HashMap<u32, Held>>>;

/// The owner of the threads and of the conditioned processes, which have numbers.
#[napi(js_name = "GaussianProcesses")]
pub struct GaussianProcesses {
    workers: Vec<Worker>,
    turn: AtomicUsize,
    next: AtomicU32,
    store: Store,
}

fn lock(store: &Store) -> MutexGuard<'_, HashMap<u32, Held>> {
    // A panic while the map was held can't leave it half changed.
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

fn check(name: &str, found: usize, wanted: usize) -> Result<(), Failure> {
    if found == wanted {
        return Ok(());
    }
    Err(Failure::new(
        "shape",
        format!("{name} has {found} values, but is to have {wanted}"),
    ))
}

fn read_inputs(
    x: &Float64Array,
    groups: &Int32Array,
    y: &Float64Array,
    theta: &Float64Array,
) -> Result<Inputs, Failure> {
    let width = groups.len();
    let count = y.len();
    check("x", x.len(), count * width)?;
    let scales = theta.len().saturating_sub(2);
    if theta.len() < 2 || groups.iter().any(|&group| group < 0 || group as usize >= scales) {
        return Err(Failure::new(
            "shape",
            format!("theta has {} values, too few for the groups", theta.len()),
        ));
    }
    Ok(Inputs {
        x: x.to_vec(),
        count,
        width,
        groups: groups.iter().map(|&group| group as usize).collect(),
    })
}

impl GaussianProcesses {
    /// The threads take turns.
    fn worker(&self) -> &Worker {
        &self.workers[self.turn.fetch_add(1, Ordering::Relaxed) % self.workers.len()]
    }

    fn held(&self, id: u32) -> Result<(Arc<Process>, Option<Arc<Paths>>), Failure> {
        lock(&self.store)
            .get(&id)
            .map(|held| (Arc::clone(&held.process), held.paths.clone()))
            .ok_or_else(|| Failure::new("released", format!("process {id} was released")))
    }
}

#[napi]
impl GaussianProcesses {
    /// `threads` 0 means one for each processor.
    #[napi(constructor)]
    pub fn new(threads: u32) -> napi::Result<Self> {
        let count = match threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            given => given as usize,
        };
        let workers = (0..count)
            .map(|_| Worker::new("tacet-gp", 1))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            workers,
            turn: AtomicUsize::new(0),
            next: AtomicU32::new(0),
            store: Arc::default(),
        })
    }

    #[napi]
    pub fn marginal_likelihood<'env>(
        &self,
        env: &'env Env,
        x: Float64Array,
        groups: Int32Array,
        y: Float64Array,
        theta: Float64Array,
    ) -> napi::Result<Object<'env>> {
        let inputs = read_inputs(&x, &groups, &y, &theta)?;
        let (y, theta) = (y.to_vec(), theta.to_vec());
        self.worker()
            .promise::<Float64Array, _>(env, move || Ok(marginal_likelihood(&inputs, &y, &theta)))
    }

    /// The number of the new process.
    #[napi]
    pub fn condition<'env>(
        &self,
        env: &'env Env,
        x: Float64Array,
        groups: Int32Array,
        y: Float64Array,
        theta: Float64Array,
    ) -> napi::Result<Object<'env>> {
        let inputs = read_inputs(&x, &groups, &y, &theta)?;
        let (y, theta) = (y.to_vec(), theta.to_vec());
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let store = Arc::clone(&self.store);
        self.worker().promise::<u32, u32>(env, move || {
            let process = Arc::new(Process::new(inputs, &y, theta)?);
            lock(&store).insert(id, Held { process, paths: None });
            Ok(id)
        })
    }

    #[napi]
    pub fn means<'env>(
        &self,
        env: &'env Env,
        id: u32,
        points: Float64Array,
        count: u32,
    ) -> napi::Result<Object<'env>> {
        let (process, _) = self.held(id)?;
        check("points", points.len(), count as usize * process.width())?;
        let points = points.to_vec();
        self.worker()
            .promise::<Float64Array, _>(env, move || Ok(process.means(&points, count as usize)))
    }

    #[napi]
    pub fn predict<'env>(
        &self,
        env: &'env Env,
        id: u32,
        points: Float64Array,
        count: u32,
    ) -> napi::Result<Object<'env>> {
        let (process, _) = self.held(id)?;
        check("points", points.len(), count as usize * process.width())?;
        let points = points.to_vec();
        self.worker()
            .promise::<Float64Array, _>(env, move || Ok(process.predict(&points, count as usize)))
    }

    #[napi]
    #[allow(clippy::too_many_arguments)] // The random numbers of a path, each with its own shape.
    pub fn draw_paths<'env>(
        &self,
        env: &'env Env,
        id: u32,
        y: Float64Array,
        frequencies: Float64Array,
        phases: Float64Array,
        weights: Float64Array,
        noise: Float64Array,
        paths: u32,
    ) -> napi::Result<Object<'env>> {
        let (process, _) = self.held(id)?;
        let (count, paths) = (phases.len(), paths as usize);
        check("y", y.len(), process.count())?;
        check("frequencies", frequencies.len(), count * process.width())?;
        check("weights", weights.len(), paths * count)?;
        check("noise", noise.len(), paths * process.count())?;
        let features = Features {
            count,
            frequencies: frequencies.to_vec(),
            phases: phases.to_vec(),
        };
        let (y, weights, noise) = (y.to_vec(), weights.to_vec(), noise.to_vec());
        let store = Arc::clone(&self.store);
        self.worker().promise::<(), ()>(env, move || {
            let drawn = Arc::new(process.draw_paths(&y, features, weights, noise));
            if let Some(held) = lock(&store).get_mut(&id) {
                held.paths = Some(drawn);
            }
            Ok(())
        })
    }

    #[napi]
    pub fn evaluate_paths<'env>(
        &self,
        env: &'env Env,
        id: u32,
        points: Float64Array,
        count: u32,
        shared: bool,
    ) -> napi::Result<Object<'env>> {
        let (process, paths) = self.held(id)?;
        let paths = paths.ok_or_else(|| Failure::new("shape", "no paths were drawn"))?;
        check("points", points.len(), count as usize * process.width())?;
        let points = points.to_vec();
        self.worker().promise::<Float64Array, _>(env, move || {
            Ok(process.evaluate_paths(&paths, &points, count as usize, shared))
        })
    }

    /// Frees a process once the calls under way are done with it.
    #[napi]
    pub fn release(&self, id: u32) {
        lock(&self.store).remove(&id);
    }
}
