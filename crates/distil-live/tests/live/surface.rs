//! What an attacker would look for: shells, package managers, interpreters, setuid files, writable
//! places. Every image of the catalogue has none of them.

use distil_live::{Engine, Entry, Kind, Request, Rootfs};

use crate::{each_image, python};

/// Programs that must not be in any image, wherever they lie: shells, package managers, what installs
/// software, compilers, and interpreters.
const FORBIDDEN: &[&str] = &[
    "sh",
    "ash",
    "bash",
    "rbash",
    "dash",
    "zsh",
    "ksh",
    "mksh",
    "csh",
    "tcsh",
    "fish",
    "busybox",
    "toybox",
    "sash",
    "apt",
    "apt-get",
    "dpkg",
    "dpkg-deb",
    "dpkg-query",
    "aptitude",
    "rpm",
    "apk",
    "pip",
    "pip3",
    "gem",
    "npm",
    "perl",
    "awk",
    "mawk",
    "gawk",
    "sed",
    "lua",
    "ruby",
    "php",
    "node",
    "gdb",
    "strace",
    "gcc",
    "cc",
    "ld",
    "as",
    "make",
    "wget",
    "curl",
    "nc",
    "ncat",
    "socat",
    "ssh",
    "env",
    "find",
    "xargs",
    "vi",
    "mount",
    "su",
    "sudo",
    "login",
    "passwd",
    "chroot",
    "update-ca-certificates",
];

/// What lies in directories of programs, as patterns whose `*` stands for digits and dots.
const PROGRAMS: &[(&str, &[&str])] = &[
    ("static", &[]),
    ("base-nossl", &["ld.so"]),
    ("base", &["ld.so"]),
    ("cc", &["ld.so"]),
    (
        "python3",
        &[
            "ld.so",
            "ldconfig",
            "python",
            "python*",
            "py3clean",
            "py3compile",
            "pydoc*",
            "pygettext*",
            "pdb*",
            "py3versions",
        ],
    ),
];

fn files(rootfs: &Rootfs) -> impl Iterator<Item = (&str, &Entry, &[u8])> {
    rootfs.iter().filter_map(|(path, entry)| match &entry.kind {
        Kind::File(content) => Some((path, entry, content.as_slice())),
        _ => None,
    })
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn fits(name: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        None => name == pattern,
        Some(stem) => name
            .strip_prefix(stem)
            .is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.')),
    }
}

#[test]
fn no_forbidden_program_lies_anywhere() {
    each_image(|image, rootfs| {
        for (path, entry) in rootfs.iter() {
            let runs = matches!(entry.kind, Kind::Symlink(_)) || entry.mode & 0o111 != 0;
            let program = runs && entry.kind != Kind::Folder;
            assert!(
                !(program && FORBIDDEN.contains(&file_name(path))),
                "{image} has {path}"
            );
        }
    });
}

/// What comes with runtimes elsewhere: package managers, compilers and what compilers read.
const TOOLS: &[&str] = &[
    "npm", "npx", "corepack", "yarn", "javac", "jar", "javadoc", "jshell", "jlink", "jpackage",
];

#[test]
fn nothing_comes_with_node_and_java() {
    for (image, runtime) in [("nodejs", "node"), ("java21", "java"), ("java25", "java")] {
        let rootfs = Request::catalogue(image, "trixie", "amd64").build();
        for (path, entry) in rootfs.read_rootfs().iter() {
            let runs = matches!(entry.kind, Kind::Symlink(_)) || entry.mode & 0o111 != 0;
            let name = file_name(path);
            let forbidden = FORBIDDEN.contains(&name) && name != runtime;
            if runs && entry.kind != Kind::Folder {
                assert!(!forbidden && !TOOLS.contains(&name), "{image} has {path}");
            }
            // The directory itself is base-files'.
            let header = path.starts_with("/usr/include/") || path.ends_with(".h");
            assert!(!header, "{image} has {path}");
            let is_special = entry.kind == Kind::Other || entry.mode & 0o6000 != 0;
            assert!(!is_special, "{image} has {path}, {:o}", entry.mode);
        }
    }
}

#[test]
fn folders_of_programs_hold_the_runtime_alone() {
    each_image(|image, rootfs| {
        let (_, allowed) = PROGRAMS
            .iter()
            .find(|(name, _)| *name == image.name)
            .unwrap();
        for (path, entry) in rootfs.iter() {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let of_programs = [
                "/usr/bin",
                "/usr/sbin",
                "/usr/local/bin",
                "/usr/local/sbin",
                "/usr/games",
            ];
            if entry.kind == Kind::Folder || !of_programs.contains(&folder) {
                continue;
            }
            let known = allowed.iter().any(|pattern| fits(file_name(path), pattern));
            assert!(known, "{image} has {path}");
        }
    });
}

#[test]
fn nothing_is_setuid_setgid_or_a_device() {
    each_image(|image, rootfs| {
        for (path, entry) in rootfs.iter() {
            assert_ne!(
                entry.kind,
                Kind::Other,
                "{image} has a device or pipe {path}"
            );
            if entry.kind != Kind::Folder {
                assert_eq!(
                    entry.mode & 0o6000,
                    0,
                    "{image}: {path} is setuid or setgid"
                );
            }
        }
    });
}

#[test]
fn only_sticky_folders_are_writable_by_all() {
    each_image(|image, rootfs| {
        for (path, entry) in rootfs.iter() {
            if matches!(entry.kind, Kind::Symlink(_)) || entry.mode & 0o002 == 0 {
                continue;
            }
            assert_eq!(
                entry.mode & 0o1000,
                0o1000,
                "{image}: anyone may write {path}"
            );
            assert_eq!(entry.kind, Kind::Folder, "{image}: anyone may write {path}");
        }
    });
}

#[test]
fn any_user_reaches_everything_but_the_home_of_root() {
    each_image(|image, rootfs| {
        for (path, entry) in rootfs.iter() {
            if entry.kind == Kind::Folder && path != "/root" {
                assert_eq!(
                    entry.mode & 0o005,
                    0o005,
                    "{image}: not everyone may enter {path}"
                );
            }
        }
    });
}

#[test]
fn every_script_finds_its_interpreter() {
    each_image(|image, rootfs| {
        for (path, entry, content) in files(rootfs) {
            // Some of Python's modules can be run as programs too, by whoever has `env`.
            let module = path.starts_with("/usr/lib/python3") && path.ends_with(".py");
            if module || entry.mode & 0o111 == 0 || !content.starts_with(b"#!") {
                continue;
            }
            let line = content
                .split(|&byte| byte == b'\n')
                .next()
                .unwrap_or_default();
            let line = String::from_utf8_lossy(line);
            let interpreter = line[2..].split_whitespace().next().unwrap_or("");
            assert!(
                rootfs.follow(interpreter).is_some(),
                "{image}: {path} wants `{interpreter}`, which is not in the image"
            );
        }
    });
}

#[test]
fn every_link_leads_somewhere() {
    each_image(|image, rootfs| {
        for (path, entry) in rootfs.iter() {
            if !matches!(entry.kind, Kind::Symlink(_)) {
                continue;
            }
            assert!(
                rootfs.follow(path).is_some(),
                "{image}: {path} leads to {}, where nothing is",
                rootfs.resolve(path)
            );
        }
    });
}

#[test]
fn engines_see_the_files_that_the_layers_have() {
    let image = python().build();
    for engine in Engine::ALL.into_iter().filter_map(Engine::get) {
        let seen = engine.export(image.in_engine(engine), &image.platform());
        let difference = image.rootfs().difference(&seen);
        assert!(
            difference.is_empty(),
            "{}: {difference:#?}",
            engine.program()
        );
    }
}
