//! Tells `distil --version` the commit that a release build is made from: `DISTIL_COMMIT` where it is
//! set, as where there is a source package alone, or what git's own files say (gitrepository-layout(5)).
//!
//! Other builds do without: they would be made anew with every commit.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-env-changed=DISTIL_COMMIT");
    println!("cargo::rerun-if-changed=build.rs");
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let given = env::var("DISTIL_COMMIT").ok();
    let commit = given.or_else(|| is_release.then(commit).flatten());
    let commit: Option<String> = commit.and_then(|commit| {
        let is_commit = commit.len() >= 12 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_commit.then(|| commit.chars().take(12).collect())
    });
    let version = env!("CARGO_PKG_VERSION");
    let version = match commit {
        Some(commit) => format!("{version} ({commit})"),
        None => version.to_owned(),
    };
    println!("cargo::rustc-env=DISTIL_VERSION={version}");
}

/// The commit that is checked out; none where this is not a repository.
fn commit() -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let git = directory(&root.join(".git"))?;
    let head = read(&git.join("HEAD"))?;
    let Some(name) = head.strip_prefix("ref: ") else {
        return Some(head);
    };
    // Branches of linked worktrees are in the main repository.
    let common = match read(&git.join("commondir")) {
        Some(path) => git.join(path),
        None => git.clone(),
    };
    read(&common.join(name)).or_else(|| {
        let packed = read(&common.join("packed-refs"))?;
        let mut lines = packed.lines();
        lines.find_map(|line| Some(line.strip_suffix(name)?.trim_end().to_owned()))
    })
}

/// The repository's directory, to which the file of a linked worktree points.
fn directory(git: &Path) -> Option<PathBuf> {
    match git.is_dir() {
        true => Some(git.to_owned()),
        false => Some(PathBuf::from(read(git)?.strip_prefix("gitdir: ")?)),
    }
}

/// The text of a file, which is looked at again when it changes.
fn read(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    println!("cargo::rerun-if-changed={}", path.display());
    Some(text.trim_end().to_owned())
}
