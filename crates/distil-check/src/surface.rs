//! What an attacker looks for first, by names, modes and contents. The build asks the same.

use distil_tree::{Entry, Kind, TreePath};
use memchr::memmem;

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
    "apk", "apt", "apt-get", "aptitude", "dnf", "dpkg", "dpkg-deb", "microdnf", "opkg", "pacman",
    "rpm", "snap", "yum", "zypper",
];

/// Names of interpreters, followed by a version or not.
const INTERPRETERS: &[&str] = &[
    "awk", "gawk", "guile", "lua", "luajit", "mawk", "node", "nodejs", "perl", "php", "python",
    "ruby", "tclsh", "wish",
];

/// Names of compilers, assemblers and linkers, with a target before them and a version behind or
/// not.
const COMPILERS: &[&str] = &[
    "as", "c++", "c89", "c99", "cc", "clang", "clang++", "cpp", "g++", "gcc", "gccgo", "gfortran",
    "gold", "javac", "ld", "ld.bfd", "ld.gold", "ld.lld", "rustc", "tcc",
];

const DEBUGGERS: &[&str] = &[
    "bpftrace",
    "gdb",
    "gdbserver",
    "lldb",
    "lldb-server",
    "ltrace",
    "perf",
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

/// What a program is by its bytes, whatever it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Toolbox {
    /// A shell of its own.
    Shell,
    /// Busybox or toybox, with the names of its applets.
    Applets(Vec<String>),
}

/// The largest program that is looked through: shells have one or two megabytes.
pub(crate) const MAX_SHELL: u64 = 8 << 20;

/// Tells shells by the strings that POSIX makes them have, and multi-call programs by their lists
/// of applets.
pub fn by_content(bytes: &[u8]) -> Option<Toolbox> {
    let marks: [&[u8]; 2] = [b"BusyBox v", b"\0toybox "];
    if marks.iter().any(|mark| memmem::find(bytes, mark).is_some())
        && let Some(applets) = applets(bytes)
    {
        return Some(Toolbox::Applets(applets));
    }
    // Special parameters and built-in commands of the shell's language (POSIX.1, "Shell Command
    // Language"): no other program has all of them.
    let words: [&[u8]; 5] = [b"\0OPTIND", b"getopts\0", b"unalias\0", b"PS4", b"ulimit\0"];
    words
        .iter()
        .all(|word| memmem::find(bytes, word).is_some())
        .then_some(Toolbox::Shell)
}

/// The list of applets of busybox: names with NUL bytes between them, of which the first two are
/// `[` and `[[`.
fn applets(bytes: &[u8]) -> Option<Vec<String>> {
    let start = memmem::find(bytes, b"\0[\0[[\0")? + 1;
    let names = bytes[start..].split(|&byte| byte == 0);
    let names = names.map_while(|name| {
        let is_name =
            !name.is_empty() && name.len() < 32 && name.iter().all(|byte| byte.is_ascii_graphic());
        is_name.then(|| String::from_utf8_lossy(name).into_owned())
    });
    Some(names.take(1000).collect())
}
