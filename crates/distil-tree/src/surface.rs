//! What an attacker looks for first, by names and modes.

use crate::{Entry, Kind, TreePath};

const SHELLS: &[&str] = &[
    "ash",
    "bash",
    "busybox",
    "csh",
    "dash",
    "fish",
    "hush",
    "ksh",
    "ksh93",
    "lksh",
    "mksh",
    "posh",
    "rbash",
    "sash",
    "sh",
    "static-sh",
    "tcsh",
    "toybox",
    "yash",
    "zsh",
];

const PACKAGE_MANAGERS: &[&str] = &[
    "apk",
    "apt",
    "apt-get",
    "aptitude",
    "conda",
    "dnf",
    "dnf5",
    "dpkg",
    "dpkg-deb",
    "emerge",
    "flatpak",
    "mamba",
    "microdnf",
    "micromamba",
    "nix",
    "nix-env",
    "opkg",
    "pacman",
    "rpm",
    "snap",
    "tdnf",
    "xbps-install",
    "yum",
    "zypper",
];

/// Names of interpreters, followed by a version or not.
const INTERPRETERS: &[&str] = &[
    "Rscript",
    "awk",
    "bun",
    "deno",
    "erl",
    "escript",
    "expect",
    "gawk",
    "groovy",
    "guile",
    "java",
    "jshell",
    "julia",
    "lua",
    "luajit",
    "mawk",
    "micropython",
    "node",
    "nodejs",
    "perl",
    "php",
    "pypy",
    "python",
    "qjs",
    "ruby",
    "tclsh",
    "wish",
];

/// Names of compilers, assemblers and linkers, with a target before them and a version behind or
/// not.
const COMPILERS: &[&str] = &[
    "as", "c++", "c89", "c99", "cc", "clang", "clang++", "cpp", "g++", "gcc", "gccgo", "gdc",
    "gfortran", "ghc", "gnat", "go", "gold", "javac", "kotlinc", "ld", "ld.bfd", "ld.gold",
    "ld.lld", "ld.mold", "lld", "mold", "nasm", "rust-lld", "rustc", "scalac", "tcc", "yasm",
];

const DEBUGGERS: &[&str] = &[
    "bpftrace",
    "dlv",
    "gdb",
    "gdbserver",
    "jdb",
    "lldb",
    "lldb-server",
    "ltrace",
    "perf",
    "rr",
    "strace",
    "tcpdump",
    "valgrind",
];

/// What a file is, that an image for production should not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unwanted {
    /// A shell, or busybox or toybox.
    Shell,
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

impl Unwanted {
    /// What it is called.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Shell => "a shell",
            Self::PackageManager => "a package manager",
            Self::Setuid => "a setuid or setgid file",
            Self::Interpreter => "an interpreter",
            Self::Compiler => "a compiler",
            Self::Debugger => "a debugger",
        }
    }
}

/// What a file or link is by its name and mode, if it is unwanted.
pub fn by_name(path: &TreePath, entry: &Entry) -> Option<Unwanted> {
    let name = path
        .name()
        .and_then(|name| std::str::from_utf8(name).ok())?;
    match &entry.kind {
        Kind::Directory => return None,
        Kind::File(_) if entry.meta.mode & 0o6000 != 0 => return Some(Unwanted::Setuid),
        Kind::File(_) if !entry.is_executable() => return None,
        // Links count where programs are looked for.
        Kind::Symlink(_)
            if !path
                .parent()
                .is_some_and(|folder| is_program_folder(&folder)) =>
        {
            return None;
        }
        _ => {}
    }
    if SHELLS.contains(&name) {
        return Some(Unwanted::Shell);
    }
    if PACKAGE_MANAGERS.contains(&name) {
        return Some(Unwanted::PackageManager);
    }
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    if INTERPRETERS.contains(&stem) {
        return Some(Unwanted::Interpreter);
    }
    let versionless = stem.trim_end_matches('-');
    let plain = versionless
        .rsplit_once("-linux-gnu-")
        .map_or(versionless, |(_, tool)| tool);
    if [name, plain].iter().any(|name| COMPILERS.contains(name)) {
        return Some(Unwanted::Compiler);
    }
    DEBUGGERS.contains(&name).then_some(Unwanted::Debugger)
}

fn is_program_folder(folder: &TreePath) -> bool {
    matches!(folder.name(), Some(b"bin" | b"sbin" | b"busybox"))
}
