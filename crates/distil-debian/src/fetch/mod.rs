//! Getting files from mirrors, by `http`, `https` and `file`.
//!
//! This is the only place that knows of networks. Callers see plain blocking calls; inside, a
//! small runtime waits for many connections at once. Whatever comes is compared with the size
//! and digest that a signed file announced, so a mirror can fail but not lie.

mod client;
mod url;

pub use client::{FetchError, Fetcher, Options, Reply, Validators};
pub use url::{InvalidMirror, Mirror};
