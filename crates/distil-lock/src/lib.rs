//! What an image is made of, exactly, and how each part is had.
//!
//! ```text
//! recipe, index ─► resolution ─► contents
//!               (resolve)     (fetch)
//! ```

mod fetch;
mod resolve;

pub use fetch::{Contents, fetch};
pub use resolve::{LocalFile, Resolution, ResolveError, ResolvedLayer, local_files_of, resolve};
