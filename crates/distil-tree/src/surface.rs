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
    let is_among_programs = path
        .parent()
        .is_some_and(|folder| matches!(folder.name(), Some(b"bin" | b"sbin" | b"busybox")));
    match &entry.kind {
        Kind::Directory => None,
        Kind::File(_) if entry.meta.mode & 0o6000 != 0 => Some(Unwanted::Setuid),
        Kind::File(_) if !entry.is_executable() => None,
        // Elsewhere a script of such a name has to do with the program, and is not it: Debian's
        // `/etc/cron.daily/dpkg` keeps copies of its database.
        Kind::File(_) => by_word(name).filter(|_| is_among_programs || !is_script(entry)),
        // Links count where programs are looked for.
        Kind::Symlink(_) => by_word(name).filter(|_| is_among_programs),
    }
}

fn is_script(entry: &Entry) -> bool {
    let head = entry.file().and_then(|file| file.content.head(2).ok());
    head.is_some_and(|head| head == b"#!")
}

/// What a program is that is called so.
fn by_word(name: &str) -> Option<Unwanted> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Metadata;

    #[test]
    fn names_and_places() {
        let what = |path: &str, kind: Kind, mode: u32| {
            let entry = Entry {
                kind,
                meta: Metadata::root(mode, 0),
                origin: crate::Origin::Generated("test".into()),
                layer: 0,
            };
            by_name(&TreePath::of(path), &entry)
        };
        let program = || Kind::file("\x7fELF");
        for (path, expected) in [
            ("usr/bin/dash", Some(Unwanted::Shell)),
            ("opt/x/sh", Some(Unwanted::Shell)),
            ("usr/bin/perl5.40.1", Some(Unwanted::Interpreter)),
            ("usr/bin/x86_64-linux-gnu-gcc-14", Some(Unwanted::Compiler)),
            ("usr/bin/gdb", Some(Unwanted::Debugger)),
            ("usr/bin/dpkg", Some(Unwanted::PackageManager)),
            ("usr/bin/shred", None),
        ] {
            assert_eq!(what(path, program(), 0o755), expected, "{path}");
            assert_eq!(what(path, program(), 0o644), None, "{path}");
        }
        let setuid = what("opt/x", program(), 0o4755);
        assert_eq!(setuid, Some(Unwanted::Setuid));
        let script = |path| what(path, Kind::file("#!/usr/bin/python3\n"), 0o755);
        assert_eq!(script("usr/bin/dnf"), Some(Unwanted::PackageManager));
        assert_eq!(script("etc/cron.daily/dpkg"), None);
        let link = |path| what(path, Kind::symlink("x"), 0o777);
        assert_eq!(link("usr/bin/sh"), Some(Unwanted::Shell));
        assert_eq!(link("usr/share/x/sh"), None);
    }
}
