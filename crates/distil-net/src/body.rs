//! What is sent with a request: read by blocking calls, and sent while it is read.

use std::fmt;
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::mpsc;

/// What opens a body, from its beginning, each time that it is sent.
type Open = dyn Fn() -> io::Result<Box<dyn Read + Send>> + Send + Sync;

/// A body that can be sent any number of times: a repeated attempt, a redirect and a challenge all send
/// it again from its beginning.
#[derive(Clone)]
pub struct Body {
    size: u64,
    open: Arc<Open>,
}

impl Body {
    /// A body of `size` bytes, which `open` gives from the first on.
    pub fn new(
        size: u64,
        open: impl Fn() -> io::Result<Box<dyn Read + Send>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            size,
            open: Arc::new(open),
        }
    }

    /// A body in memory.
    pub fn of_bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        Self::new(bytes.len() as u64, move || {
            Ok(Box::new(io::Cursor::new(Arc::clone(&bytes))))
        })
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// A reader of the whole.
    pub(crate) fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        (self.open)()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.size)
    }
}

/// How much is read at once; a few of these are in memory.
const PIECE: usize = 128 << 10;

/// How a body's sending goes.
#[derive(Default)]
pub(crate) struct Sending {
    sent: AtomicU64,
    failure: Mutex<Option<io::Error>>,
}

impl Sending {
    /// How many bytes were taken from the body so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Why the body could not be read, if that is what ended the request.
    pub(crate) fn failure(&self) -> Option<io::Error> {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.take()
    }

    fn fail(&self, error: io::Error) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        *failure = Some(error);
    }
}

/// A stream of the body's bytes, opened and read on a thread of the runtime's for such work: a body
/// may come from a server itself.
pub(crate) fn stream(body: &Body) -> (reqwest::Body, Arc<Sending>) {
    let body = body.clone();
    let sending = Arc::new(Sending::default());
    let (sender, mut receiver) = mpsc::channel(2);
    let state = Arc::clone(&sending);
    tokio::task::spawn_blocking(move || {
        let pumped = body
            .open()
            .and_then(|reader| pump(reader, body.size(), &sender));
        if let Err(error) = pumped {
            let broken = io::Error::from(error.kind());
            state.fail(error);
            // Nobody listens any more when the connection failed first.
            let _ = sender.blocking_send(Err(broken));
        }
    });
    let state = Arc::clone(&sending);
    let stream = futures_util::stream::poll_fn(move |context| {
        let next = receiver.poll_recv(context);
        if let std::task::Poll::Ready(Some(Ok(bytes))) = &next {
            let bytes: &Bytes = bytes;
            state.sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
        next
    });
    (reqwest::Body::wrap_stream(stream), sending)
}

fn pump(
    mut reader: Box<dyn Read + Send>,
    size: u64,
    sender: &mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<()> {
    let mut left = size;
    while left > 0 {
        let wanted = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let mut piece = Vec::with_capacity(wanted);
        (&mut reader).take(wanted as u64).read_to_end(&mut piece)?;
        if piece.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        left -= piece.len() as u64;
        if sender.blocking_send(Ok(piece.into())).is_err() {
            return Ok(());
        }
    }
    Ok(())
}
