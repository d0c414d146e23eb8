//! What launches have found out about a buffer, for the launches after them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A part of a buffer by its first element and its length, and what was looked for in it.
type Key = (&'static str, usize, usize);

/// Two numbers about parts of a buffer that take long to find, such as its largest elements. Writing to the buffer forgets
/// them.
#[derive(Default)]
pub struct Findings(Mutex<HashMap<Key, [u32; 2]>>);

impl Findings {
    /// What was found of a part, or what `find` finds of it now.
    pub fn of(
        &self,
        what: &'static str,
        start: usize,
        length: usize,
        find: impl FnOnce() -> [u32; 2],
    ) -> [u32; 2] {
        let key = (what, start, length);
        let known = self.lock().get(&key).copied();
        // Not locked while it looks: a thread that waits for others may do their work meanwhile, and come here again.
        known.unwrap_or_else(|| {
            let found = find();
            self.lock().insert(key, found);
            found
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, [u32; 2]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn forget(&mut self) {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
