//! Compressing the pieces of a layer, on several threads or on one.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crate::compression::{Compression, PieceCompressor};
use crate::pieces::{Piece, PieceCache};

/// The largest piece, in bytes of the tar stream. Larger ones compress hardly better (0.3 % for
/// gzip), smaller ones spread the work no better.
pub(crate) const PIECE: usize = 1 << 20;

/// How the pieces are compressed.
pub(crate) enum Compressor {
    NotStarted,
    Inline { worker: Worker, output: Vec<u8> },
    Parallel(Pool),
}

impl Compressor {
    pub(crate) fn start(
        compression: Compression,
        threads: NonZeroUsize,
        cache: Option<&PieceCache>,
    ) -> io::Result<Self> {
        // Without a cache there is nothing to do in parallel for bytes that stay as they are.
        let is_work = compression != Compression::None || cache.is_some();
        if threads.get() > 1 && is_work {
            let pool = Pool::start(compression, threads, cache);
            // Without a single thread the work still gets done, only slower.
            if !pool.workers.is_empty() {
                return Ok(Self::Parallel(pool));
            }
        }
        Ok(Self::Inline {
            worker: Worker::new(compression, cache)?,
            output: Vec::new(),
        })
    }
}

/// Compresses pieces one after another.
pub(crate) struct Worker {
    compressor: PieceCompressor,
    cache: Option<PieceCache>,
}

impl Worker {
    fn new(compression: Compression, cache: Option<&PieceCache>) -> io::Result<Self> {
        Ok(Self {
            compressor: PieceCompressor::new(compression)?,
            cache: cache.cloned(),
        })
    }

    pub(crate) fn compress(
        &mut self,
        input: &[u8],
        output: &mut Vec<u8>,
    ) -> io::Result<Option<Piece>> {
        match &self.cache {
            Some(cache) => cache
                .compress(&mut self.compressor, input, output)
                .map(Some),
            None => self.compressor.compress(input, output).map(|()| None),
        }
    }
}

/// A piece on its way to a worker, and where to send it when it is done.
struct Job {
    input: Vec<u8>,
    output: Vec<u8>,
    done: SyncSender<io::Result<Buffers>>,
}

/// Both buffers of a piece, to be used again; `output` holds the compressed bytes.
struct Buffers {
    input: Vec<u8>,
    output: Vec<u8>,
    /// Where it is in the store, if it went there.
    stored: Option<Piece>,
}

/// Threads that compress pieces, and the pieces in the order that they were given.
pub(crate) struct Pool {
    jobs: Option<Sender<Job>>,
    workers: Vec<JoinHandle<()>>,
    /// One receiver a piece under way, the oldest first. A worker that dies drops the other end.
    under_way: VecDeque<Receiver<io::Result<Buffers>>>,
    spare: Vec<Buffers>,
}

impl Pool {
    fn start(compression: Compression, threads: NonZeroUsize, cache: Option<&PieceCache>) -> Self {
        let (jobs, queue) = channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        let workers = (0..threads.get())
            .map_while(|_| {
                let (queue, cache) = (Arc::clone(&queue), cache.cloned());
                thread::Builder::new()
                    .name("compress".to_owned())
                    .spawn(move || work(&queue, compression, cache.as_ref()))
                    .ok()
            })
            .collect();
        Self {
            jobs: Some(jobs),
            workers,
            under_way: VecDeque::new(),
            spare: Vec::new(),
        }
    }

    /// Waits, and writes the oldest pieces, until another one may be given.
    pub(crate) fn make_room(
        &mut self,
        out: &mut impl Write,
        stored: &mut Vec<Piece>,
    ) -> io::Result<()> {
        while self.under_way.len() >= 2 * self.workers.len() {
            self.write_oldest(out, stored)?;
        }
        Ok(())
    }

    /// Takes the piece and leaves an empty buffer in its place.
    pub(crate) fn submit(&mut self, piece: &mut Vec<u8>) -> io::Result<()> {
        let Buffers {
            mut input, output, ..
        } = self.spare.pop().unwrap_or_else(|| Buffers {
            input: Vec::with_capacity(PIECE),
            output: Vec::new(),
            stored: None,
        });
        std::mem::swap(&mut input, piece);
        let (done, result) = sync_channel(1);
        let job = Job {
            input,
            output,
            done,
        };
        let sent = self
            .jobs
            .as_ref()
            .is_some_and(|jobs| jobs.send(job).is_ok());
        if !sent {
            return Err(worker_died());
        }
        self.under_way.push_back(result);
        Ok(())
    }

    fn write_oldest(&mut self, out: &mut impl Write, stored: &mut Vec<Piece>) -> io::Result<()> {
        if let Some(result) = self.under_way.pop_front() {
            let mut buffers = result.recv().map_err(|_| worker_died())??;
            out.write_all(&buffers.output)?;
            stored.extend(buffers.stored);
            buffers.input.clear();
            self.spare.push(buffers);
        }
        Ok(())
    }

    pub(crate) fn drain(
        &mut self,
        out: &mut impl Write,
        stored: &mut Vec<Piece>,
    ) -> io::Result<()> {
        while !self.under_way.is_empty() {
            self.write_oldest(out, stored)?;
        }
        Ok(())
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // Without a sender the workers end after the pieces that are queued.
        self.jobs = None;
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
    }
}

/// What each thread does: one piece after another until no more can come.
fn work(queue: &Mutex<Receiver<Job>>, compression: Compression, cache: Option<&PieceCache>) {
    let mut worker = None;
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job {
            input,
            mut output,
            done,
        }) = job
        else {
            return;
        };
        let result = compress(&mut worker, compression, cache, &input, &mut output);
        // Nobody listens any more when the writer was dropped half-way.
        let _ = done.send(result.map(|stored| Buffers {
            input,
            output,
            stored,
        }));
    }
}

fn compress(
    kept: &mut Option<Worker>,
    compression: Compression,
    cache: Option<&PieceCache>,
    input: &[u8],
    output: &mut Vec<u8>,
) -> io::Result<Option<Piece>> {
    if kept.is_none() {
        *kept = Some(Worker::new(compression, cache)?);
    }
    match kept {
        Some(worker) => worker.compress(input, output),
        None => Ok(None),
    }
}

fn worker_died() -> io::Error {
    io::Error::other("a thread that compresses the layer died")
}
