//! Kinds of things that an attacker looks for first.

/// What a file is, that an image for production should not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExposureKind {
    /// A shell, or busybox or toybox.
    Shell,
    /// Busybox or toybox, with no shell among the names that it is called by.
    Toolbox,
    /// What installs packages.
    PackageManager,
    /// Runs with the rights of its owner or group.
    Setuid,
    /// Runs scripts.
    Interpreter,
    /// Makes programs.
    Compiler,
    /// Looks into other processes.
    Debugger,
}

impl ExposureKind {
    /// What it is called.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Shell => "a shell",
            Self::Toolbox => "busybox or toybox",
            Self::PackageManager => "a package manager",
            Self::Setuid => "a setuid or setgid file",
            Self::Interpreter => "an interpreter",
            Self::Compiler => "a compiler",
            Self::Debugger => "a debugger",
        }
    }
}
