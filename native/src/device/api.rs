//! The device as JavaScript sees it. TypeScript wraps it into the `Device` of `src/device/device.ts`.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use napi::Env;
use napi::bindgen_prelude::{Object, Uint8Array};
use napi_derive::napi;

use super::launch::{Access, Launch};
use super::memory::{Buffer, Memory};
use crate::failure::Failure;
use crate::kernels::{KERNELS, Kernel};
use crate::worker::Worker;

#[napi(object, object_from_js = false)]
#[derive(Clone)]
pub struct LaunchTiming {
    pub kernel: String,
    /// When it began, ms since the device was made.
    pub started: f64,
    pub milliseconds: f64,
}

/// What the jobs of a device share. Only one job runs at a time, so the lock is never waited for.
#[derive(Default)]
struct State {
    memory: Memory,
    /// The first failure that nobody has been told of. Launches after it are skipped: they would work on its ruins.
    failure: Option<Failure>,
    timings: Vec<LaunchTiming>,
}

impl State {
    fn take_failure(&mut self) -> Result<(), Failure> {
        self.failure.take().map_or(Ok(()), Err)
    }
}

/// A device: its memory, its queue, its threads.
#[napi(js_name = "Device")]
pub struct Device {
    worker: Worker,
    state: Arc<Mutex<State>>,
    alive: BTreeSet<u32>,
    last_id: u32,
    timing: bool,
    made: Instant,
    disposed: bool,
}

#[napi]
impl Device {
    /// `threads` 0 means one for each processor.
    #[napi(constructor)]
    pub fn new(threads: u32, timing: bool) -> napi::Result<Self> {
        Ok(Self {
            worker: Worker::new("tacet-device", threads as usize)?,
            state: Arc::default(),
            alive: BTreeSet::new(),
            last_id: 0,
            timing,
            made: Instant::now(),
            disposed: false,
        })
    }

    #[napi(getter)]
    pub fn threads(&self) -> u32 {
        self.worker.threads() as u32
    }

    /// Makes a buffer of zeros; its number.
    #[napi]
    pub fn create_buffer(&mut self, byte_length: f64) -> napi::Result<u32> {
        self.check_open()?;
        let buffer = Buffer::zeroed(size(byte_length, "a buffer's length")?)?;
        let id = self.last_id.checked_add(1).ok_or_else(|| {
            Failure::new(
                "capacity",
                "this device has made all the buffers that it can number",
            )
        })?;
        self.post(move |state| state.memory.insert(id, buffer))?;
        self.last_id = id;
        self.alive.insert(id);
        Ok(id)
    }

    /// Frees a buffer once all that was queued before is done. Again: nothing happens.
    #[napi]
    pub fn drop_buffer(&mut self, id: u32) -> napi::Result<()> {
        if !self.disposed && self.alive.remove(&id) {
            self.post(move |state| state.memory.remove(id))?;
        }
        Ok(())
    }

    /// Copies bytes into a buffer, in the order of the queue.
    #[napi]
    pub fn write(&self, id: u32, byte_offset: f64, data: Uint8Array) -> napi::Result<()> {
        self.check_buffer(id)?;
        let offset = size(byte_offset, "an offset")?;
        // A copy: JavaScript may change its array before the queue comes to it.
        let data = data.to_vec();
        self.post(move |state| {
            if let Err(failure) = state.memory.write(id, offset, &data) {
                state.failure.get_or_insert(failure);
            }
        })?;
        Ok(())
    }

    /// Queues one launch of a kernel.
    #[napi]
    pub fn launch(
        &self,
        kernel: u32,
        params: Uint8Array,
        buffers: Vec<u32>,
        constants: Vec<f64>,
        workgroups: Vec<u32>,
    ) -> napi::Result<()> {
        self.check_open()?;
        let kernel = KERNELS
            .get(kernel as usize)
            .ok_or_else(|| Failure::new("contract", format!("there is no kernel number {kernel}")))?;
        let workgroups: [u32; 3] = workgroups
            .try_into()
            .map_err(|_| Failure::new("launch", "workgroups are given as three numbers"))?;
        for &id in &buffers {
            self.check_buffer(id)?;
        }
        let params = params.to_vec();
        let (timing, made) = (self.timing, self.made);
        self.post(move |state| {
            if state.failure.is_some() {
                return;
            }
            let start = Instant::now();
            let outcome = run_kernel(
                &mut state.memory,
                kernel,
                &params,
                &buffers,
                &constants,
                workgroups,
            );
            if timing {
                state.timings.push(LaunchTiming {
                    kernel: kernel.contract.name.to_owned(),
                    started: (start - made).as_secs_f64() * 1e3,
                    milliseconds: start.elapsed().as_secs_f64() * 1e3,
                });
            }
            if let Err(failure) = outcome {
                let message = format!("launch of {}: {}", kernel.contract.name, failure.message);
                state.failure = Some(Failure::new(failure.code, message));
            }
        })?;
        Ok(())
    }

    /// Waits for everything queued; the bytes of a part of a buffer, or the first failure since it was last asked for.
    #[napi]
    pub fn read<'env>(
        &self,
        env: &'env Env,
        id: u32,
        byte_offset: f64,
        byte_length: f64,
    ) -> napi::Result<Object<'env>> {
        self.check_buffer(id)?;
        let (offset, length) = (size(byte_offset, "an offset")?, size(byte_length, "a length")?);
        let state = Arc::clone(&self.state);
        self.worker.promise::<Uint8Array, Vec<u8>>(env, move || {
            let mut state = lock(&state);
            state.take_failure()?;
            state.memory.read(id, offset, length)
        })
    }

    /// Waits for everything queued; rejects with the first failure since it was last asked for.
    #[napi]
    pub fn idle<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        self.check_open()?;
        let state = Arc::clone(&self.state);
        self.worker
            .promise::<(), ()>(env, move || lock(&state).take_failure())
    }

    /// Waits for everything queued; the times of the launches since this was last asked for.
    #[napi]
    pub fn timings<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        self.check_open()?;
        let state = Arc::clone(&self.state);
        self.worker
            .promise::<Vec<LaunchTiming>, Vec<LaunchTiming>>(env, move || {
                Ok(std::mem::take(&mut lock(&state).timings))
            })
    }

    /// Waits for everything queued and frees all memory. Every later call fails.
    #[napi]
    pub fn dispose<'env>(&mut self, env: &'env Env) -> napi::Result<Object<'env>> {
        self.disposed = true;
        self.alive.clear();
        let state = Arc::clone(&self.state);
        self.worker.promise::<(), ()>(env, move || {
            *lock(&state) = State::default();
            Ok(())
        })
    }

    fn post(&self, job: impl FnOnce(&mut State) + Send + 'static) -> Result<(), Failure> {
        let state = Arc::clone(&self.state);
        self.worker.post(move || job(&mut lock(&state)))
    }

    fn check_open(&self) -> Result<(), Failure> {
        if self.disposed {
            return Err(Failure::new("lost", "this device is disposed; open another"));
        }
        Ok(())
    }

    fn check_buffer(&self, id: u32) -> Result<(), Failure> {
        self.check_open()?;
        if self.alive.contains(&id) {
            return Ok(());
        }
        Err(Failure::new(
            "launch",
            format!("buffer {id} is disposed, or belongs to another device"),
        ))
    }
}

fn run_kernel(
    memory: &mut Memory,
    kernel: &Kernel,
    params: &[u8],
    buffers: &[u32],
    constants: &[f64],
    workgroups: [u32; 3],
) -> Result<(), Failure> {
    let contract = &kernel.contract;
    if params.len() != contract.params.byte_length || constants.len() != contract.constants.len() {
        let message = format!(
            "{} bytes of params and {} constants were given; it takes {} and {}",
            params.len(),
            constants.len(),
            contract.params.byte_length,
            contract.constants.len()
        );
        return Err(Failure::new("contract", message));
    }
    let wanted: Vec<(&'static str, Access)> = contract
        .buffers
        .iter()
        .map(|buffer| (buffer.name, buffer.access))
        .collect();
    // Kernels report what is wrong with their input; a panic is a defect, but must not end the process.
    catch_unwind(AssertUnwindSafe(|| {
        memory.bind(contract.name, &wanted, buffers, |bindings| {
            (kernel.run)(Launch {
                params,
                constants,
                workgroups,
                bindings,
            })
        })?
    }))
    .unwrap_or_else(|panic| Err(Failure::from_panic(panic.as_ref())))
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A JavaScript number as a size in bytes.
fn size(value: f64, what: &str) -> Result<usize, Failure> {
    const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;
    if (0.0..=MAX_SAFE_INTEGER).contains(&value) && value.fract() == 0.0 {
        return Ok(value as usize);
    }
    Err(Failure::new(
        "launch",
        format!("{what} is {value}; it must be a whole number of bytes"),
    ))
}
