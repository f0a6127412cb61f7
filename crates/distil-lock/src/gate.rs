//! A bound on how many threads do something at once.

use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex, PoisonError};

/// Lets so many in at once; others wait.
#[derive(Debug)]
pub(crate) struct Gate {
    places: Mutex<usize>,
    left: Condvar,
}

/// The place of one who is in.
pub(crate) struct Place<'a>(&'a Gate);

impl Gate {
    pub(crate) fn new(places: NonZeroUsize) -> Self {
        Self {
            places: Mutex::new(places.get()),
            left: Condvar::new(),
        }
    }

    /// Waits for a place.
    pub(crate) fn enter(&self) -> Place<'_> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        while *places == 0 {
            let waited = self.left.wait(places);
            places = waited.unwrap_or_else(PoisonError::into_inner);
        }
        *places -= 1;
        Place(self)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.0.places.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.left.notify_one();
    }
}
