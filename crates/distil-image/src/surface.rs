//! Proof that an image has nothing that an attacker would look for first.

use distil_debian::solve::Reason;
use distil_tree::{Entry, Kind, Origin, TreePath};

use crate::assemble::Assembly;
use crate::recipe::Recipe;

const SHELLS: &[&str] = &[
    "ash", "bash", "busybox", "csh", "dash", "fish", "ksh", "lksh", "mksh", "posh", "rbash",
    "sash", "sh", "tcsh", "toybox", "yash", "zsh",
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

/// What no image has unless it is a debug variant.
#[derive(Debug, thiserror::Error)]
#[error("the image would have what attackers look for:{}", listed(found))]
pub struct SurfaceError {
    /// What was found.
    pub found: Vec<Found>,
}

/// Something that an image should not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its path.
    pub path: TreePath,
    /// What it is.
    pub what: &'static str,
    /// The package it is from, and how that came into the image.
    pub from: String,
}

fn listed(found: &[Found]) -> String {
    let line = |one: &Found| format!("\n  {}: `{}` from {}", one.what, one.path, one.from);
    found.iter().map(line).collect()
}

/// Checks the files of an image by their names and modes.
pub(crate) fn check(assembly: &Assembly, recipe: &Recipe) -> Result<(), SurfaceError> {
    let runtime = recipe
        .config
        .entrypoint
        .as_ref()
        .and_then(|words| words.first());
    let runtime = runtime.and_then(|program| TreePath::from_absolute(program).ok());
    let runtime = runtime.and_then(|program| assembly.tree.resolve(&program).ok());
    let mut found = Vec::new();
    for (path, entry) in assembly.tree.iter() {
        let Some(what) = what(path, entry) else {
            continue;
        };
        // A link to the runtime is the runtime.
        let is_runtime = runtime.is_some() && assembly.tree.resolve(path).ok() == runtime;
        let is_debug = recipe
            .layers
            .get(entry.layer)
            .is_some_and(|layer| layer.is_debug);
        let harmless = is_debug && what != SETUID;
        if harmless || (what == INTERPRETER && is_runtime) {
            continue;
        }
        found.push(Found {
            path: path.clone(),
            what,
            from: from(&entry.origin, assembly),
        });
    }
    match found.is_empty() {
        true => Ok(()),
        false => Err(SurfaceError { found }),
    }
}

const SETUID: &str = "a setuid or setgid file";
const INTERPRETER: &str = "an interpreter";

fn what(path: &TreePath, entry: &Entry) -> Option<&'static str> {
    let name = path
        .name()
        .and_then(|name| std::str::from_utf8(name).ok())?;
    match &entry.kind {
        Kind::Directory => return None,
        Kind::File(_) if entry.meta.mode & 0o6000 != 0 => return Some(SETUID),
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
        return Some("a shell");
    }
    if PACKAGE_MANAGERS.contains(&name) {
        return Some("a package manager");
    }
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    INTERPRETERS.contains(&stem).then_some(INTERPRETER)
}

fn is_program_folder(folder: &TreePath) -> bool {
    matches!(folder.name(), Some(b"bin" | b"sbin" | b"busybox"))
}

/// The package of a file, and the chain of relations from a definition to it.
fn from(origin: &Origin, assembly: &Assembly) -> String {
    let Origin::Package(name) = origin else {
        return origin.to_string();
    };
    let mut text = format!("package `{name}`");
    let mut name = name.to_string();
    let mut seen = vec![name.clone()];
    loop {
        let package = assembly
            .packages
            .iter()
            .find(|one| one.selected.package.name == name);
        let Some(package) = package else { return text };
        let reasons = &package.selected.reasons;
        if let Some(Reason::Requested(relation)) = reasons
            .iter()
            .find(|reason| matches!(reason, Reason::Requested(_)))
        {
            return format!("{text}, which a definition asks for as `{relation}`");
        }
        let by = reasons.iter().find_map(|reason| match reason {
            Reason::DependsOn { by, .. } if !seen.contains(by) => Some(by.clone()),
            _ => None,
        });
        let Some(by) = by else { return text };
        text += &format!(", which `{by}` depends on");
        seen.push(by.clone());
        name = by;
    }
}
