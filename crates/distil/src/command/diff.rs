//! `distil diff`: how two images differ.

mod libraries;

use std::collections::{BTreeMap, BTreeSet};

use distil_tree::TreePath;
use serde::Serialize;

use self::libraries::LibraryChange;
use crate::cli;
use crate::error::CommandError;
use crate::printer::bytes;
use crate::table::{print, print_json, print_table, table};
use crate::view::{DocumentChange, File, FileKind, Files, View, document_changes};

/// The fields of `--format json`; docs/json.md tells what they mean.
#[derive(Serialize)]
pub(crate) struct Document {
    schema_version: u32,
    /// Whether nothing at all differs, layers and digests included.
    same: bool,
    old: Side,
    new: Side,
    packages: Vec<PackageChange>,
    files: Vec<FileChange>,
    libraries: Vec<LibraryChange>,
    config: Vec<ConfigChange>,
    layers: Vec<LayerChange>,
    /// What differs of the manifest and the configuration if all of the above is the same.
    documents: Vec<DocumentChange>,
    /// Bytes of the layers of the new that the old does not have: what a machine pulls that has it.
    pub(crate) pull_size: u64,
}

#[derive(Serialize)]
struct Side {
    name: String,
    digest: Option<String>,
    platform: Option<String>,
    size: u64,
    unpacked_size: u64,
    packages: usize,
    files: usize,
}

#[derive(Serialize)]
struct PackageChange {
    name: String,
    old: Option<String>,
    new: Option<String>,
    old_size: u64,
    new_size: u64,
}

#[derive(Serialize)]
struct FileChange {
    path: String,
    /// `added`, `removed`, or what of it changed.
    change: Vec<&'static str>,
    old_size: u64,
    new_size: u64,
    from: Option<String>,
}

#[derive(Serialize)]
struct ConfigChange {
    key: &'static str,
    old: Option<String>,
    new: Option<String>,
}

#[derive(Serialize)]
struct LayerChange {
    /// The place in the image, the lowest being 0.
    place: usize,
    old: Option<String>,
    new: Option<String>,
}

pub(crate) fn run(arguments: &cli::Diff) -> Result<(), CommandError> {
    let old = View::find(&arguments.old, &arguments.made, true)?;
    let new = View::find(&arguments.new, &arguments.made, true)?;
    let document = compare(&arguments.old, &old, &arguments.new, &new);
    match arguments.format {
        cli::Format::Json => print_json(&document)?,
        cli::Format::Table => print_tables(&document)?,
    }
    // As diff(1): a script learns from the status whether they differ.
    match document.same {
        true => Ok(()),
        false => Err(CommandError::said()),
    }
}

pub(crate) fn compare(old_name: &str, old: &View, new_name: &str, new: &View) -> Document {
    let none = Files::default();
    let old_files = old.files.as_ref().unwrap_or(&none);
    let new_files = new.files.as_ref().unwrap_or(&none);
    let document = Document {
        schema_version: 1,
        same: false,
        old: side(old_name, old, old_files),
        new: side(new_name, new, new_files),
        packages: packages(old, new),
        files: files(old_files, new_files),
        libraries: libraries::changes(old, new),
        config: match old.platform.is_some() && new.platform.is_some() {
            true => config(old, new),
            // A plain root file system has none to compare.
            false => Vec::new(),
        },
        layers: layers(old, new),
        documents: Vec::new(),
        pull_size: pull_size(old, new),
    };
    let nothing = document.packages.is_empty()
        && document.files.is_empty()
        && document.config.is_empty()
        && document.layers.is_empty();
    let same_digest = match (&old.digest, &new.digest) {
        (Some(old), Some(new)) => old == new,
        _ => true,
    };
    let documents = match (&old.image, &new.image) {
        (Some(old), Some(new)) if nothing => document_changes(old, new),
        _ => Vec::new(),
    };
    Document {
        same: nothing && same_digest,
        documents,
        ..document
    }
}

fn side(name: &str, view: &View, files: &Files) -> Side {
    Side {
        name: name.to_owned(),
        digest: view.digest.clone(),
        platform: view.platform.clone(),
        size: view.size,
        unpacked_size: view.unpacked_size,
        packages: view.packages.len(),
        files: files.0.len(),
    }
}

fn packages(old: &View, new: &View) -> Vec<PackageChange> {
    let versions = |view: &View| -> BTreeMap<String, (String, u64)> {
        let packages = view.packages.iter();
        packages
            .map(|one| (one.name.clone(), (one.version.clone(), one.size)))
            .collect()
    };
    let (old, new) = (versions(old), versions(new));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let change = |name: &String| {
        let (old, new) = (old.get(name), new.get(name));
        let version = |one: Option<&(String, u64)>| one.map(|(version, _)| version.clone());
        let size = |one: Option<&(String, u64)>| one.map_or(0, |(_, size)| *size);
        (old != new).then(|| PackageChange {
            name: name.clone(),
            old: version(old),
            new: version(new),
            old_size: size(old),
            new_size: size(new),
        })
    };
    names.into_iter().filter_map(change).collect()
}

fn files(old: &Files, new: &Files) -> Vec<FileChange> {
    let paths: BTreeSet<&TreePath> = old
        .0
        .iter()
        .chain(new.0.iter())
        .map(|(path, _)| path)
        .collect();
    let change = |path: &TreePath| {
        let (old, new) = (old.0.get(path), new.0.get(path));
        let change = file_change(old, new);
        let size = |file: Option<&File>| file.map_or(0, |file| file.kind.size());
        (!change.is_empty()).then(|| FileChange {
            path: path.to_string(),
            change,
            old_size: size(old),
            new_size: size(new),
            from: new
                .or(old)
                .and_then(|file| Some(file.from.as_deref()?.to_owned())),
        })
    };
    paths.into_iter().filter_map(change).collect()
}

/// What of a file changed; who made it does not count, since images do not tell.
fn file_change(old: Option<&File>, new: Option<&File>) -> Vec<&'static str> {
    let (old, new) = match (old, new) {
        (Some(old), Some(new)) => (old, new),
        (None, _) => return vec!["added"],
        (_, None) => return vec!["removed"],
    };
    let mut change = Vec::new();
    if old.kind != new.kind {
        change.push(match (&old.kind, &new.kind) {
            (FileKind::File { .. }, FileKind::File { .. }) => "content",
            (FileKind::Symlink(_), FileKind::Symlink(_)) => "target",
            _ => "kind",
        });
    }
    if old.mode != new.mode {
        change.push("mode");
    }
    if (old.uid, old.gid) != (new.uid, new.gid) {
        change.push("owner");
    }
    change
}

fn config(old: &View, new: &View) -> Vec<ConfigChange> {
    // A key may occur several times: each of its lines is compared by itself.
    let (old, new) = (old.config.rows(), new.config.rows());
    let gone = old.iter().filter(|row| !new.contains(row));
    let come = new.iter().filter(|row| !old.contains(row));
    let gone = gone.map(|(key, value)| ConfigChange {
        key,
        old: Some(value.clone()),
        new: None,
    });
    let mut changes: Vec<ConfigChange> = gone.collect();
    for (key, value) in come {
        let single = !matches!(*key, "env" | "label" | "port" | "volume");
        let name = |text: &str| text.split('=').next().unwrap_or_default().to_owned();
        let counterpart = changes.iter_mut().find(|one| {
            let same_name = one.old.as_deref().map(name) == Some(name(value));
            one.key == *key && one.new.is_none() && (single || same_name)
        });
        match counterpart {
            Some(change) => change.new = Some(value.clone()),
            None => changes.push(ConfigChange {
                key,
                old: None,
                new: Some(value.clone()),
            }),
        }
    }
    changes
}

fn layers(old: &View, new: &View) -> Vec<LayerChange> {
    if old.layers.is_empty() || new.layers.is_empty() {
        return Vec::new();
    }
    let digest = |view: &View, place: usize| view.layers.get(place).map(|one| one.digest.clone());
    let places = 0..old.layers.len().max(new.layers.len());
    let change = |place| LayerChange {
        place,
        old: digest(old, place),
        new: digest(new, place),
    };
    places
        .map(change)
        .filter(|change| change.old != change.new)
        .collect()
}

fn pull_size(old: &View, new: &View) -> u64 {
    let is_there = |digest: &str| old.layers.iter().any(|layer| layer.digest == digest);
    let missing = new.layers.iter().filter(|layer| !is_there(&layer.digest));
    missing.map(|layer| layer.size).sum()
}

pub(crate) fn print_tables(document: &Document) -> Result<(), CommandError> {
    if document.same {
        return print("nothing differs");
    }
    let absent = || "-".to_owned();
    let rows = [&document.old, &document.new].map(|side| {
        vec![
            side.name.clone(),
            bytes(side.size),
            bytes(side.unpacked_size),
            side.packages.to_string(),
            side.files.to_string(),
            side.digest.clone().unwrap_or_else(absent),
        ]
    });
    let heading = [
        "IMAGE",
        "COMPRESSED",
        "UNPACKED",
        "PACKAGES",
        "FILES",
        "DIGEST",
    ];
    print_table(&table(&heading, rows.to_vec(), &[1, 2, 3, 4]))?;
    let rows = document.packages.iter().map(|one| {
        vec![
            one.name.clone(),
            one.old.clone().unwrap_or_else(absent),
            one.new.clone().unwrap_or_else(absent),
            growth(one.old_size, one.new_size),
        ]
    });
    section(&["PACKAGE", "OLD", "NEW", "SIZE"], rows.collect(), &[3])?;
    let rows = document.files.iter().map(|one| {
        vec![
            one.path.clone(),
            one.change.join(", "),
            growth(one.old_size, one.new_size),
            one.from.clone().unwrap_or_else(absent),
        ]
    });
    section(&["FILE", "CHANGE", "SIZE", "FROM"], rows.collect(), &[2])?;
    let rows = document.libraries.iter().map(LibraryChange::row);
    section(&["LIBRARY", "CHANGE", "SYMBOLS"], rows.collect(), &[])?;
    let rows = document.config.iter().map(|one| {
        vec![
            one.key.to_owned(),
            one.old.clone().unwrap_or_else(absent),
            one.new.clone().unwrap_or_else(absent),
        ]
    });
    section(&["CONFIG", "OLD", "NEW"], rows.collect(), &[])?;
    let rows = document.layers.iter().map(|one| {
        vec![
            one.place.to_string(),
            one.old.clone().unwrap_or_else(absent),
            one.new.clone().unwrap_or_else(absent),
        ]
    });
    section(&["LAYER", "OLD", "NEW"], rows.collect(), &[0])?;
    let rows = document.documents.iter().map(|one| {
        vec![
            one.key.clone(),
            one.old.clone().unwrap_or_else(absent),
            one.new.clone().unwrap_or_else(absent),
        ]
    });
    section(&["DOCUMENT", "OLD", "NEW"], rows.collect(), &[])
}

fn section(heading: &[&str], rows: Vec<Vec<String>>, right: &[usize]) -> Result<(), CommandError> {
    if rows.is_empty() {
        return Ok(());
    }
    print("")?;
    print_table(&table(heading, rows, right))
}

/// How much larger or smaller something became.
fn growth(old: u64, new: u64) -> String {
    match old.cmp(&new) {
        std::cmp::Ordering::Less => format!("+{}", bytes(new - old)),
        std::cmp::Ordering::Equal => "-".to_owned(),
        std::cmp::Ordering::Greater => format!("-{}", bytes(old - new)),
    }
}
