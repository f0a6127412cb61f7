//! What the stages are told: everything is decided before a namespace is made.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::volume::Volume;

/// Which network a container sees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// That of the host, with all of its interfaces and ports.
    #[default]
    Host,
    /// A loopback interface of its own and nothing else.
    None,
}

/// What `outer` has to know of the namespaces.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Namespaces {
    /// New ones.
    New { network: Network },
    /// Those of a process.
    Of { pid: u32 },
}

/// What `init` has to know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) root: RootPlan,
    pub(crate) volumes: Vec<Volume>,
    pub(crate) network: Network,
    pub(crate) hostname: Option<String>,
    /// Text files that the host has and the image does not, by their paths in the container.
    pub(crate) files: Vec<(String, Vec<u8>)>,
    pub(crate) process: Process,
    pub(crate) identity: Identity,
    /// Whether the process gets a terminal of its own.
    pub(crate) terminal: bool,
    /// The process that this is a tool beside, if it is one.
    pub(crate) beside: Option<u32>,
}

/// The root file system of a container.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RootPlan {
    /// The unpacked tree, which is never written.
    pub(crate) tree: PathBuf,
    /// A directory that every container mounts its own parts over.
    pub(crate) scratch: PathBuf,
    /// Whether the container may write; what it writes is in memory, and gone with it.
    pub(crate) writable: bool,
    /// Whether a writable layer is needed: also for a mount point that the image does not have.
    pub(crate) overlay: bool,
}

/// The program that is run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Process {
    /// The program and its arguments.
    pub(crate) words: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) workdir: String,
    /// What it may use by itself.
    pub(crate) limits: ProcessLimits,
}

/// What each process of a container may use by itself (setrlimit(2)), for which no control group is
/// needed. Nothing is limited where there is no number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessLimits {
    /// Bytes of its address space, and so of its memory.
    pub address_space: Option<u64>,
    /// Bytes of its stack: programs that look at the limit behave the same wherever they are run.
    pub stack: Option<u64>,
    /// Bytes of a file that it writes, and of what it leaves when it crashes.
    pub file_size: Option<u64>,
}

/// Who the program is run as, in numbers of the container.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) groups: Vec<u32>,
    /// Whether more than one number is mapped, so that the user has to be changed.
    pub(crate) changes: bool,
}
