//! Runs an image's program in namespaces of the user's own: no engine, no daemon, no root.
//!
//! ```text
//! image ─► unpacked root (store) ─┐
//!                                 ├─► container ─► outer ─► init ─► the program
//! flags, configuration ───────────┘  (supervises)  (namespaces)  (PID 1: mounts, privileges)
//! ```
//!
//! Namespaces cannot be entered by a process that has threads, and forking one that has is no safe
//! operation. So the program that uses this crate starts itself anew for each stage, and calls
//! [`enter_stage`] first of all in its `main`: in a process that is a stage, that does the stage's
//! work and gives its exit status.
//!
//! What holds a container together is that each process is told of the end of the one before it:
//! `outer` is killed with the supervisor, `init` with `outer`, and with PID 1 everything in its PID
//! namespace. Mounts are in a mount namespace that ends with its last process. So nothing is left
//! whenever any of them is killed.

mod account;
mod beside;
mod cgroup;
mod channel;
mod container;
mod conversation;
mod engine;
mod error;
mod init;
mod keeper;
mod mapping;
mod mounts;
mod network;
mod outer;
mod plan;
mod privileges;
mod rootfs;
mod roots;
mod seccomp;
mod stage;
mod supervise;
mod target;
mod terminal;
mod tool;
mod volume;

pub use account::{Account, AccountError};
pub use beside::{Beside, BesideError};
pub use cgroup::{Limits, LimitsError};
pub use container::{Container, Settings};
pub use conversation::{Conversation, Deadline, Input, Output};
pub use engine::{Engine, EngineError, Found};
pub use error::{Failure, RunError};
pub use mapping::is_root;
pub use plan::{Network, ProcessLimits};
pub use roots::{Pruned, Root, Roots, RootsError};
pub use stage::enter_stage;
pub use volume::{InvalidVolume, Volume};
