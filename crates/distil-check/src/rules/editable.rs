//! Python packages that were installed as links to directories of the machine that built the image
//! (PEP 660; PEP 610, `direct_url.json`), and other `.pth` files that lead nowhere.

use std::collections::BTreeSet;

use distil_inspect::MAX_DOCUMENT;
use distil_tree::TreePath;
use serde::Deserialize;

use crate::context::{Context, shown};
use crate::finding::Finding;
use crate::python_path::PthLine;
use crate::rule::EDITABLE;
use crate::severity::Severity;

#[derive(Deserialize)]
struct DirectUrl {
    url: String,
    #[serde(default)]
    dir_info: DirInfo,
}

#[derive(Default, Deserialize)]
struct DirInfo {
    #[serde(default)]
    editable: bool,
}

pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let tree = context.subject.tree();
    // One cause a directory: it is named by several files.
    let mut told: BTreeSet<TreePath> = BTreeSet::new();
    for (path, entry) in tree.iter() {
        if path.name() != Some(b"direct_url.json") {
            continue;
        }
        let text = entry
            .file()
            .and_then(|file| file.content.read(MAX_DOCUMENT).ok());
        let url = text.and_then(|text| serde_json::from_slice::<DirectUrl>(&text).ok());
        let Some(url) = url.filter(|url| url.dir_info.editable) else {
            continue;
        };
        let Some(directory) = url.url.strip_prefix("file://").and_then(TreePath::lexical) else {
            continue;
        };
        if tree.follow(&directory).is_some() {
            continue;
        }
        let package = path.parent().unwrap_or_default();
        let package = package.name().unwrap_or_default();
        let package = shown(
            package
                .split(|&byte| byte == b'-')
                .next()
                .unwrap_or_default(),
        );
        let problem = format!(
            "the package `{package}` is installed in editable form and is in `{directory}`, which is not in the image"
        );
        findings.push(missing(path, &directory, problem, &package));
        told.insert(directory);
    }
    for (path, entry) in tree.iter() {
        let name = path.name().unwrap_or_default();
        let Some(site) = path.parent().filter(|_| name.ends_with(b".pth")) else {
            continue;
        };
        if !site.as_bytes().ends_with(b"-packages") {
            continue;
        }
        let text = entry
            .file()
            .and_then(|file| file.content.read(MAX_DOCUMENT).ok());
        let text = String::from_utf8_lossy(&text.unwrap_or_default()).into_owned();
        for line in text.lines() {
            let PthLine::Directory(directory) = PthLine::of(line, &site) else {
                continue;
            };
            // Of an editable package the directory of its sources may be below.
            let is_told =
                told.contains(&directory) || directory.ancestors().any(|one| told.contains(&one));
            if is_told || tree.follow(&directory).is_some() {
                continue;
            }
            told.insert(directory.clone());
            let problem = format!("`{path}` names `{directory}`, which is not in the image");
            let is_editable = name.starts_with(b"__editable__")
                || name.starts_with(b"_editable_impl_")
                || name == b"easy-install.pth";
            let package = shown(name.strip_suffix(b".pth").unwrap_or(name));
            let found = missing(path, &directory, problem, &package);
            findings.push(match is_editable {
                true => found,
                false => found.severity(Severity::Warning),
            });
        }
    }
}

fn missing(path: &TreePath, directory: &TreePath, problem: String, package: &str) -> Finding {
    let package = package
        .trim_start_matches("__editable__.")
        .trim_start_matches("_editable_impl_");
    let found = Finding::new(&EDITABLE, problem).at(path);
    found
        .says(format!("ModuleNotFoundError: No module named '{package}'"))
        .remedy(format!(
            "install without `-e` in the build stage (`pip install .`, `uv sync --no-editable`), or copy the directory to `{directory}`"
        ))
}
