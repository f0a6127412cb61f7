//! What programs are by their names and modes.

use distil_tree::{Entry, Kind, TreePath};

use super::kind::ExposureKind;

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

/// What a file or link is by its name and mode, if an image for production should not have it.
pub fn by_name(path: &TreePath, entry: &Entry) -> Option<ExposureKind> {
    let name = path
        .name()
        .and_then(|name| std::str::from_utf8(name).ok())?;
    let is_among_programs = path
        .parent()
        .is_some_and(|folder| matches!(folder.name(), Some(b"bin" | b"sbin" | b"busybox")));
    match &entry.kind {
        Kind::Directory => None,
        Kind::File(_) if entry.meta.mode & 0o6000 != 0 => Some(ExposureKind::Setuid),
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
fn by_word(name: &str) -> Option<ExposureKind> {
    if SHELLS.contains(&name) {
        return Some(ExposureKind::Shell);
    }
    if PACKAGE_MANAGERS.contains(&name) {
        return Some(ExposureKind::PackageManager);
    }
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    if INTERPRETERS.contains(&stem) {
        return Some(ExposureKind::Interpreter);
    }
    let versionless = stem.trim_end_matches('-');
    let plain = versionless
        .rsplit_once("-linux-gnu-")
        .map_or(versionless, |(_, tool)| tool);
    if [name, plain].iter().any(|name| COMPILERS.contains(name)) {
        return Some(ExposureKind::Compiler);
    }
    DEBUGGERS.contains(&name).then_some(ExposureKind::Debugger)
}

#[cfg(test)]
mod tests {
    use super::*;
    use distil_tree::Metadata;

    #[test]
    fn names_and_places() {
        let what = |path: &str, kind: Kind, mode: u32| {
            let entry = Entry {
                kind,
                meta: Metadata::root(mode, 0),
                origin: distil_tree::Origin::Generated("test".into()),
                layer: 0,
            };
            by_name(&TreePath::of(path), &entry)
        };
        let program = || Kind::file("\x7fELF");
        for (path, expected) in [
            ("usr/bin/dash", Some(ExposureKind::Shell)),
            ("opt/x/sh", Some(ExposureKind::Shell)),
            ("usr/bin/perl5.40.1", Some(ExposureKind::Interpreter)),
            (
                "usr/bin/x86_64-linux-gnu-gcc-14",
                Some(ExposureKind::Compiler),
            ),
            ("usr/bin/gdb", Some(ExposureKind::Debugger)),
            ("usr/bin/dpkg", Some(ExposureKind::PackageManager)),
            ("usr/bin/shred", None),
        ] {
            assert_eq!(what(path, program(), 0o755), expected, "{path}");
            assert_eq!(what(path, program(), 0o644), None, "{path}");
        }
        let setuid = what("opt/x", program(), 0o4755);
        assert_eq!(setuid, Some(ExposureKind::Setuid));
        let script = |path| what(path, Kind::file("#!/usr/bin/python3\n"), 0o755);
        assert_eq!(script("usr/bin/dnf"), Some(ExposureKind::PackageManager));
        assert_eq!(script("etc/cron.daily/dpkg"), None);
        let link = |path| what(path, Kind::symlink("x"), 0o777);
        assert_eq!(link("usr/bin/sh"), Some(ExposureKind::Shell));
        assert_eq!(link("usr/share/x/sh"), None);
    }
}
