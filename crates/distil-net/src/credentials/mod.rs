//! Who to be for a server, as this machine's files say.

mod containers;
mod credential;
mod helper;
mod machines;

pub use containers::{for_registry, in_file};
pub use credential::{Credential, Credentials};
pub(crate) use machines::{Known, Machines};
