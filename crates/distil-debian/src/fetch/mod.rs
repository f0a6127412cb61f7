//! Getting files from mirrors, by `http`, `https` and `file`.
//!
//! Whatever comes is compared with the size and digest that a signed file announced, so a mirror can
//! fail but not lie. `distil-net` has the patience; here is what is asked for.

mod address;
mod error;
mod fetcher;
mod mirror;

pub use address::Address;
pub use error::FetchError;
pub use fetcher::{Fetcher, Reply, Validators, copy_path};
pub use mirror::{InvalidMirror, Mirror};
