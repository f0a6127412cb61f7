//! A file server on loopback (HTTP/1.1, RFC 9112) that misbehaves as it is told.
//!
//! It answers GET and HEAD, keeps connections open, knows `Range`, `If-None-Match` and
//! `If-Modified-Since`, and writes down every request. A connection is a thread. A hang is held
//! until [`Server::release`] or the end of the server, so no test has to sleep.

mod connection;
mod fault;

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use fault::{Due, Script};
pub use fault::{Fault, Times};

/// One request, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// `GET` or `HEAD`.
    pub method: String,
    /// The path with its query, as it was asked for.
    pub path: String,
    /// The headers in their order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The connection that it came over: 1 is the first that was accepted.
    pub connection: u64,
    /// The status of the answer; 0 when no status line was sent.
    pub status: u16,
}

impl Recorded {
    /// The value of the first header of this name, in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// A running server; it ends when this is dropped.
///
/// ```
/// use distil_fixture::{Fault, Server, Times};
/// let directory = tempfile::tempdir().unwrap();
/// let server = Server::start(directory.path()).unwrap();
/// server.fault("/pool/a.deb", Times::First(2), Fault::status(503));
/// server.fault("/dists/*", Times::Always, Fault::HangBeforeHeaders);
/// assert!(server.url().starts_with("http://127.0.0.1:"));
/// ```
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves the files under `root` at a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no port can be bound.
    pub fn start(root: &Path) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(root));
        let acceptor = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Ok(Self {
            address,
            shared,
            acceptor: Some(acceptor),
        })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Misbehaves when `path` is asked for. A path starts with `/`; one that ends in `*` is for
    /// everything that starts so. Of several scripts for a path the first that is not used up
    /// counts, so faults can follow one another.
    pub fn fault(&self, path: &str, times: Times, fault: Fault) {
        let mut state = self.shared.state();
        let releases = state.releases;
        state
            .scripts
            .push(Script::new(path, times, fault, releases));
    }

    /// Takes back every fault that was scripted.
    pub fn heal(&self) {
        self.shared.state().scripts.clear();
    }

    /// Every request until now, in the order in which they were read.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.state().requests.clone()
    }

    /// How many requests there were for `path`, or with a `*` at the end for all that start so.
    #[must_use]
    pub fn count(&self, path: &str) -> usize {
        self.shared
            .state()
            .requests
            .iter()
            .filter(|request| fault::matches(path, &request.path))
            .count()
    }

    /// Forgets the requests until now, and the highest number of connections.
    pub fn forget(&self) {
        let mut state = self.shared.state();
        state.requests.clear();
        state.most_open = state.open.len();
    }

    /// The highest number of connections that were open at the same time.
    #[must_use]
    pub fn max_connections(&self) -> usize {
        self.shared.state().most_open
    }

    /// How many connections there were in all.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.state().accepted
    }

    /// Waits until `count` requests have come; a test that needs one to be under way calls it
    /// instead of sleeping.
    pub fn wait_for_requests(&self, count: usize) {
        let mut state = self.shared.state();
        while state.requests.len() < count {
            state = self
                .shared
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends every hang that was scripted until now, those to come as well: what was held is
    /// answered as if there had been no hang.
    pub fn release(&self) {
        self.shared.state().releases += 1;
        self.shared.changed.notify_all();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        {
            // Under the lock, so that no thread is between asking and waiting, and no connection
            // between being accepted and being known.
            let state = self.shared.state();
            self.shared.stopping.store(true, Ordering::SeqCst);
            for (_, stream) in &state.open {
                // It may be closed already, which is as good.
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        self.shared.changed.notify_all();
        // Wakes the acceptor, which then sees that it is to stop.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

/// What the threads of a server share.
#[derive(Debug)]
struct Shared {
    root: PathBuf,
    stopping: AtomicBool,
    state: Mutex<State>,
    /// Told of when a request came, when hangs end and when the server does.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    scripts: Vec<Script>,
    requests: Vec<Recorded>,
    open: Vec<(u64, TcpStream)>,
    most_open: usize,
    accepted: u64,
    releases: u64,
}

impl Shared {
    fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            stopping: AtomicBool::new(false),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Writes a request down; the result is its number, and the fault that is due.
    fn record(&self, request: Recorded) -> (usize, Option<Due>) {
        let mut state = self.state();
        let fault = state
            .scripts
            .iter_mut()
            .find_map(|script| script.take(&request.path));
        state.requests.push(request);
        let number = state.requests.len() - 1;
        drop(state);
        self.changed.notify_all();
        (number, fault)
    }

    fn set_status(&self, number: usize, status: u16) {
        if let Some(request) = self.state().requests.get_mut(number) {
            request.status = status;
        }
    }

    /// Waits until there were more than `releases`, or for the end of the server.
    fn hang(&self, releases: u64) {
        let mut state = self.state();
        while state.releases <= releases && !self.is_stopping() {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for this long, or until the end of the server.
    fn pause(&self, time: std::time::Duration) {
        let state = self.state();
        let _ = self
            .changed
            .wait_timeout_while(state, time, |_| !self.is_stopping());
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut threads = Vec::new();
    while let Ok((stream, _)) = listener.accept() {
        let Ok(copy) = stream.try_clone() else {
            continue;
        };
        let id = {
            let mut state = shared.state();
            if shared.is_stopping() {
                break;
            }
            state.accepted += 1;
            let id = state.accepted;
            state.open.push((id, copy));
            state.most_open = state.most_open.max(state.open.len());
            id
        };
        let shared = Arc::clone(shared);
        threads.push(std::thread::spawn(move || {
            // Errors are the client's doing, or the server's end.
            let _ = connection::serve(&stream, id, &shared);
            let _ = stream.shutdown(Shutdown::Both);
            shared.state().open.retain(|(known, _)| *known != id);
        }));
    }
    for thread in threads {
        let _ = thread.join();
    }
}

#[cfg(test)]
mod tests;
