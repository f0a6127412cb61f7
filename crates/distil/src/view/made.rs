//! What is to be told of an image that was just made.

use std::collections::BTreeMap;

use distil_debian::solve::Reason;
use distil_image::{Amount, Built};
use distil_store::Digest;
use distil_tree::{Kind, Origin, printable};

use super::{
    File, FileKind, Files, LeftOut, LocalFile, Making, Omitted, Package, Script, Undone, View,
};
use crate::error::CommandError;

pub(super) fn view(built: &Built, with_files: bool) -> Result<View, CommandError> {
    let sizes = built
        .assembly
        .tree
        .iter()
        .filter_map(|(_, entry)| entry.file());
    Ok(View {
        name: Some(format!(
            "{}:{}",
            built.recipe.name,
            built.recipe.variant.name()
        )),
        unpacked_size: sizes.map(|node| node.content.size()).sum(),
        packages: packages(built),
        files: with_files.then(|| files(built)).transpose()?,
        making: Some(making(built)),
        ..View::of_documents(&built.image)
    })
}

fn packages(built: &Built) -> Vec<Package> {
    let layers = &built.recipe.layers;
    let mut depends: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for one in &built.assembly.packages {
        for reason in &one.selected.reasons {
            if let Reason::DependsOn { by, .. } = reason {
                let name = one.selected.package.name.clone();
                depends.entry(by).or_default().push(name);
            }
        }
    }
    let package = |one: &distil_image::InstalledPackage| {
        let package = &one.selected.package;
        let mut depends = depends
            .get(package.name.as_str())
            .cloned()
            .unwrap_or_default();
        depends.sort();
        depends.dedup();
        Package {
            name: package.name.clone(),
            version: package.version.as_str().to_owned(),
            architecture: package.architecture.clone(),
            source: package.source.name.clone(),
            source_version: package.source.version.as_str().to_owned(),
            size: one.size,
            depends,
            layer: layers.get(one.layer).map(|layer| layer.definition.clone()),
        }
    };
    let mut packages: Vec<Package> = built.assembly.packages.iter().map(package).collect();
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    packages
}

fn files(built: &Built) -> Result<Files, CommandError> {
    let mut files = BTreeMap::new();
    for (path, entry) in built.assembly.tree.iter() {
        let kind = match &entry.kind {
            Kind::Directory => FileKind::Directory,
            Kind::Symlink(target) => FileKind::Symlink(printable(target)),
            Kind::File(node) => {
                let digest = Digest::of_reader(&mut node.content.reader());
                let (digest, size) = digest.map_err(|error| {
                    CommandError::failure(format!("failed to read `{path}`: {error}"))
                })?;
                FileKind::File {
                    size,
                    digest: digest.to_string(),
                }
            }
        };
        let from = match (&entry.origin, &entry.kind) {
            // Folders are many packages' at once.
            (Origin::Package(_), Kind::Directory) => None,
            (Origin::Package(name), _) => Some(format!("package {name}")),
            (Origin::Generated(what), _) => Some(format!("made: {what}")),
            (Origin::Definition(name), _) => Some(format!("definition {name}")),
        };
        let file = File {
            kind,
            mode: entry.meta.mode,
            uid: entry.meta.uid.into(),
            gid: entry.meta.gid.into(),
            from,
        };
        files.insert(path.clone(), file);
    }
    Ok(Files(files))
}

fn making(built: &Built) -> Making {
    let left_out = built.assembly.left_out_by_reason();
    let left_out = left_out.into_iter().map(|(reason, amount)| {
        let Amount { files, bytes } = amount;
        LeftOut {
            reason,
            files,
            bytes,
        }
    });
    let omitted = built.resolution.layers.last();
    let omitted = omitted.into_iter().flat_map(|layer| &layer.omitted);
    let omitted = omitted.map(|one| Omitted {
        package: one.package.clone(),
        relation: one.relation.to_string(),
        without: one.without.clone(),
    });
    let scripts = built.assembly.packages.iter();
    let scripts = scripts.filter(|one| !one.scripts.is_empty() || !one.undone.is_empty());
    let undone = |one: &distil_image::Undone| Undone {
        script: one.script.clone(),
        line: one.line,
        what: one.what.clone(),
    };
    let scripts = scripts.map(|one| Script {
        package: one.selected.package.name.clone(),
        scripts: one.scripts.clone(),
        covered: one.scripts_covered.clone(),
        missing: one.undone.iter().map(undone).collect(),
    });
    let local = built.resolution.files.iter().map(|file| LocalFile {
        definition: file.definition.clone(),
        from: file.from.clone(),
        path: file.path.clone(),
        digest: file.digest.to_string(),
        size: file.size,
    });
    Making {
        left_out: left_out.collect(),
        omitted_dependencies: omitted.collect(),
        scripts_not_run: scripts.collect(),
        local_files: local.collect(),
    }
}
