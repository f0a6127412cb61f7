//! What is to be told of an image that was just made.

use std::collections::{BTreeMap, BTreeSet};

use distil_debian::copyright;
use distil_debian::solve::Reason;
use distil_image::{Amount, Built};
use distil_inspect::{ContainerConfig, MAX_DOCUMENT};
use distil_store::Digest;
use distil_tree::{Kind, Origin, SortedMap, TreePath, printable};

use super::{
    BuildStage, Bundle, Component, File, FileKind, Files, LeftOut, LocalFile, Making, Omitted,
    Package, Script, Undone, Unowned, View,
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
        packages: packages(built)?,
        unowned_files: unowned(built),
        build_stage: BuildStage::of(&built.assembly.tree, &ContainerConfig::of(&built.image)),
        files: with_files.then(|| files(built)).transpose()?,
        libraries: match with_files {
            true => View::libraries_of(&built.assembly.tree),
            false => BTreeMap::new(),
        },
        making: Some(making(built)),
        ..View::of_documents(&built.image)
    })
}

fn licences(built: &Built, package: &str) -> Result<Vec<String>, CommandError> {
    let path = TreePath::of("usr/share/doc")
        .join(package)
        .join("copyright");
    let Some((path, entry)) = built.assembly.tree.follow(&path) else {
        return Ok(Vec::new());
    };
    let Some(node) = entry
        .file()
        .filter(|node| node.content.size() <= MAX_DOCUMENT)
    else {
        return Ok(Vec::new());
    };
    let bytes = node.content.read(MAX_DOCUMENT);
    let bytes = bytes
        .map_err(|error| CommandError::failure(format!("failed to read `{path}`: {error}")))?;
    Ok(copyright::licences(&bytes))
}

/// What made a file that is not a package's.
fn maker(origin: &Origin) -> Option<String> {
    match origin {
        Origin::Package(_) => None,
        Origin::Generated(what) => Some(format!("made: {what}")),
        Origin::Definition(name) => Some(format!("definition {name}")),
        Origin::Bundle(one) => Some(format!("{} {}", one.kind, one.from)),
        Origin::Compiled(of) => Some(format!("compiled from {of}")),
    }
}

/// What was made anew in the place of a package's file is in the sums of that.
fn unowned(built: &Built) -> Vec<Unowned> {
    let packages = built.assembly.packages.iter();
    let owned: BTreeSet<&TreePath> = packages.flat_map(|one| &one.files).collect();
    let files = built.assembly.tree.iter();
    let files = files.filter(|(path, _)| !owned.contains(path));
    let files = files.filter_map(|(path, entry)| {
        Some(Unowned {
            path: path.to_string(),
            size: entry.file()?.content.size(),
            from: Some(maker(&entry.origin)?.into()),
        })
    });
    files.collect()
}

fn packages(built: &Built) -> Result<Vec<Package>, CommandError> {
    let layers = &built.recipe.layers;
    let mut depends: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for one in &built.assembly.packages {
        for reason in &one.locked.reasons {
            if let Reason::DependsOn { by, .. } = reason {
                let name = one.locked.name.clone();
                depends.entry(by).or_default().push(name);
            }
        }
    }
    let package = |one: &distil_image::InstalledPackage| {
        let package = &one.locked;
        let mut depends = depends
            .get(package.name.as_str())
            .cloned()
            .unwrap_or_default();
        depends.sort();
        depends.dedup();
        Ok(Package {
            licences: licences(built, &package.name)?.into(),
            name: package.name.clone(),
            version: package.version.as_str().to_owned(),
            architecture: package.architecture.clone(),
            source: package.source.name.clone(),
            source_version: package.source.version.as_str().to_owned(),
            size: one.size,
            depends,
            layer: layers.get(one.layer).map(|layer| layer.definition.clone()),
            suite: Some(package.file.suite.clone()),
            origin: one.vendor.clone(),
        })
    };
    let packages = built.assembly.packages.iter().map(package);
    let mut packages = packages.collect::<Result<Vec<Package>, CommandError>>()?;
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(packages)
}

fn files(built: &Built) -> Result<Files, CommandError> {
    let mut files = SortedMap::default();
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
                    digest: Some(digest),
                }
            }
        };
        let from = match (&entry.origin, &entry.kind) {
            // Directories are many packages' at once.
            (Origin::Package(_), Kind::Directory) => None,
            (Origin::Package(name), _) => Some(format!("package {name}")),
            (other, _) => maker(other),
        };
        let file = File {
            kind,
            mode: entry.meta.mode,
            uid: entry.meta.uid,
            gid: entry.meta.gid,
            from: from.map(Into::into),
        };
        files.insert(path.clone(), file);
    }
    Ok(Files(files))
}

fn bundle(one: &distil_image::PlacedBundle) -> Bundle {
    let provenance = &one.provenance;
    let component = provenance.component.as_ref().map(|component| Component {
        name: component.name.clone(),
        version: component.version.clone(),
        license: component.license.clone(),
        purl: component.purl.clone(),
    });
    Bundle {
        definition: one.definition.clone(),
        kind: provenance.kind,
        from: provenance.from.to_string(),
        to: one.to.to_string(),
        digest: provenance.digest.to_string(),
        files: one.files,
        size: one.size,
        component,
    }
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
    let omitted = built.lock.omitted.iter();
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
        package: one.locked.name.clone(),
        scripts: one.scripts.clone(),
        covered: one.scripts_covered.clone(),
        missing: one.undone.iter().map(undone).collect(),
    });
    let local = built.lock.files.iter().map(|file| LocalFile {
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
        bundles: built.assembly.bundles.iter().map(bundle).collect(),
    }
}
