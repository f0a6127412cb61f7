//! The threads that decompress packages.
//!
//! A decoder of xz takes some ten megabytes, which the C library keeps for the thread that had
//! them. So only as many threads decompress as there are cores, always the same ones, however many
//! wait for the network.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};

type Job = Box<dyn FnOnce() + Send>;

/// So many threads, started when they are needed first.
pub(super) struct Decoders {
    count: NonZeroUsize,
    started: OnceLock<Started>,
}

struct Started {
    /// None once they are to end.
    jobs: Option<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Decoders {
    pub(super) fn new(count: NonZeroUsize) -> Self {
        Self {
            count,
            started: OnceLock::new(),
        }
    }

    /// Does some work on one of the threads, and waits for it.
    pub(super) fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let started = self.started.get_or_init(|| Started::new(self.count));
        let Some(jobs) = started
            .jobs
            .as_ref()
            .filter(|_| !started.threads.is_empty())
        else {
            // A system that gives no more threads.
            return work();
        };
        let (sender, result) = mpsc::sync_channel(1);
        let job = move || {
            let _ = sender.send(catch_unwind(AssertUnwindSafe(work)));
        };
        // The threads live as long as this does.
        let _ = jobs.send(Box::new(job));
        match result.recv() {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => resume_unwind(panic),
            Err(ended) => resume_unwind(Box::new(ended)),
        }
    }
}

impl Started {
    fn new(count: NonZeroUsize) -> Self {
        let (jobs, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        let start = |_| {
            let queue = queue.clone();
            let named = thread::Builder::new().name("decoder".to_owned());
            named.spawn(move || work_off(&queue)).ok()
        };
        Self {
            jobs: Some(jobs),
            threads: (0..count.get()).filter_map(start).collect(),
        }
    }
}

fn work_off(queue: &Mutex<Receiver<Job>>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        drop(self.jobs.take());
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn work_is_done_on_so_many_threads_and_no_more() {
        let decoders = Decoders::new(NonZeroUsize::new(2).unwrap());
        let threads: BTreeSet<String> = thread::scope(|scope| {
            let ask = || decoders.run(|| format!("{:?}", thread::current().id()));
            let asking: Vec<_> = (0..16).map(|_| scope.spawn(ask)).collect();
            asking.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!((1..=2).contains(&threads.len()), "{threads:?}");
        assert!(!threads.contains(&format!("{:?}", thread::current().id())));
    }

    #[test]
    fn a_panic_is_the_asker_s() {
        let decoders = Decoders::new(NonZeroUsize::MIN);
        let asked = AssertUnwindSafe(|| decoders.run(|| panic!("a fault")));
        assert!(catch_unwind(asked).is_err());
        assert_eq!(decoders.run(|| 7), 7);
    }
}
