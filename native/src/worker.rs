//! One thread that runs jobs in the order in which they came, and a pool of threads that share each job's work.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;

use napi::bindgen_prelude::{Object, ToNapiValue};
use napi::{Env, JsDeferred};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::failure::Failure;

type Job = Box<dyn FnOnce() + Send>;
type Resolver<T> = Box<dyn FnOnce(Env) -> napi::Result<T> + Send>;

/// Runs jobs one after another off the JavaScript thread. Inside a job, rayon's parallel iterators (and so faer)
/// use this worker's own pool. Jobs that are queued when the worker is dropped still run.
pub struct Worker {
    queue: mpsc::Sender<Job>,
    threads: usize,
}

impl Worker {
    /// `threads` 0 means one for each processor that this process may use.
    pub fn new(name: &str, threads: usize) -> Result<Self, Failure> {
        let refused = |error: String| Failure::new("threads", format!("{name}: no threads: {error}"));
        let threads = match threads {
            0 => thread::available_parallelism().map_or(1, usize::from),
            given => given,
        };
        let pool_name = name.to_owned();
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(move |index| format!("{pool_name}-{index}"))
            .build()
            .map_err(|error| refused(error.to_string()))?;
        let (queue, jobs) = mpsc::channel::<Job>();
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run_all(&pool, &jobs))
            .map_err(|error| refused(error.to_string()))?;
        Ok(Self { queue, threads })
    }

    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Queues a job of which nobody waits for the end.
    pub fn post(&self, job: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
        self.queue
            .send(Box::new(job))
            .map_err(|_| Failure::new("internal", "the worker thread is gone"))
    }

    /// Queues a job; the returned promise settles with its result, or with its failure or panic as an `Error`.
    pub fn promise<'env, T, R>(
        &self,
        env: &'env Env,
        job: impl FnOnce() -> Result<R, Failure> + Send + 'static,
    ) -> napi::Result<Object<'env>>
    where
        T: ToNapiValue + From<R> + 'static,
        R: Send + 'static,
    {
        let (deferred, promise): (JsDeferred<T, Resolver<T>>, _) = env.create_deferred()?;
        self.post(move || {
            let outcome = catch_unwind(AssertUnwindSafe(job))
                .unwrap_or_else(|panic| Err(Failure::from_panic(panic.as_ref())));
            match outcome {
                Ok(result) => deferred.resolve(Box::new(move |_| Ok(T::from(result)))),
                Err(failure) => deferred.reject(failure.into()),
            }
        })?;
        Ok(promise)
    }
}

fn run_all(pool: &ThreadPool, jobs: &mpsc::Receiver<Job>) {
    for job in jobs {
        // A job that panics must not take the jobs behind it with it. `promise` has caught and reported it before.
        let _ = catch_unwind(AssertUnwindSafe(|| pool.install(job)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[test]
    fn jobs_run_in_order_and_outlive_a_panic() {
        let worker = Worker::new("test", 2).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (done, wait) = mpsc::channel();
        for index in 0..100 {
            let seen = Arc::clone(&seen);
            worker
                .post(move || {
                    assert!(index != 50, "on purpose");
                    seen.lock().unwrap().push(index);
                })
                .unwrap();
        }
        worker.post(move || done.send(()).unwrap()).unwrap();
        wait.recv().unwrap();
        let expected: Vec<i32> = (0..100).filter(|&index| index != 50).collect();
        assert_eq!(*seen.lock().unwrap(), expected);
    }
}
