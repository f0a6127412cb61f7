//! Links in `node_modules` that lead nowhere: of workspaces, and of pnpm, whose packages are links
//! into a store of its own.

use std::collections::{BTreeMap, BTreeSet};

use distil_inspect::MAX_DOCUMENT;
use distil_tree::{Kind, TreePath};
use serde::Deserialize;
use serde_json::Value;

use crate::context::{Context, shown};
use crate::finding::Finding;
use crate::rule::NODE_LINK;
use crate::severity::Severity;

#[derive(Deserialize)]
struct Package {
    #[serde(default)]
    dependencies: BTreeMap<String, Value>,
}

/// A link: its path, and the name of the package that it is.
type Link = (TreePath, String);

pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let tree = context.subject.tree();
    // By directory: one installation that was copied in part is one cause.
    let mut broken: BTreeMap<TreePath, Vec<Link>> = BTreeMap::new();
    for (path, entry) in tree.iter() {
        let Kind::Symlink(_) = &entry.kind else {
            continue;
        };
        let parts: Vec<&[u8]> = path.parts().collect();
        let Some(at) = parts.iter().rposition(|part| *part == b"node_modules") else {
            continue;
        };
        let name: Vec<String> = parts.iter().skip(at + 1).map(shown).collect();
        let is_package = match name.first().map(String::as_str) {
            Some(first) if first.starts_with('@') => name.len() == 2,
            Some(first) => name.len() == 1 && !first.starts_with('.'),
            None => false,
        };
        // pnpm's own directory has links to all that any package might want.
        let is_store = parts.iter().any(|part| *part == b".pnpm");
        if !is_package || is_store || tree.follow(path).is_some() {
            continue;
        }
        let directory = parts.iter().take(at + 1);
        let directory = directory.fold(TreePath::ROOT, |path, part| path.join(part));
        broken
            .entry(directory)
            .or_default()
            .push((path.clone(), name.join("/")));
    }
    for (directory, links) in broken {
        let wanted = dependencies(context, &directory);
        let (needed, spare): (Vec<Link>, Vec<Link>) = links
            .into_iter()
            .partition(|(_, name)| wanted.contains(name));
        for (links, severity) in [(needed, Severity::Error), (spare, Severity::Warning)] {
            findings.extend(finding(context, &links, severity));
        }
    }
}

/// The packages that the application beside a `node_modules` depends on, and those of the container's
/// own directory.
fn dependencies(context: &Context<'_>, directory: &TreePath) -> BTreeSet<String> {
    let here = TreePath::lexical(context.subject.config.directory());
    let beside = directory.parent();
    let documents = beside
        .into_iter()
        .chain(here)
        .map(|one| one.join("package.json"));
    let texts = documents.filter_map(|path| {
        let file = context.subject.tree().get(&path)?.file()?;
        file.content.read(MAX_DOCUMENT).ok()
    });
    let packages = texts.filter_map(|text| serde_json::from_slice::<Package>(&text).ok());
    packages
        .flat_map(|package| package.dependencies.into_keys())
        .collect()
}

fn finding(context: &Context<'_>, links: &[Link], severity: Severity) -> Option<Finding> {
    let ((path, name), others) = links.split_first()?;
    let target = match context.subject.tree().get(path).map(|entry| &entry.kind) {
        Some(Kind::Symlink(target)) => shown(target),
        _ => return None,
    };
    let directory = path.parent().unwrap_or_default();
    let place = match target.starts_with('/') {
        true => TreePath::lexical(&target),
        false => TreePath::lexical(&format!("{directory}/{target}")),
    };
    let place = place.map_or_else(|| target.clone(), |place| place.to_string());
    let mut problem = format!("`{path}` is a link to `{place}`, which is not in the image");
    if severity == Severity::Error {
        problem += "; the application depends on it";
    }
    let found = Finding::new(&NODE_LINK, problem)
        .at(path)
        .severity(severity);
    let found = found.others(others.iter().map(|(path, _)| path.clone()).collect());
    let found = found.says(format!("Error: Cannot find module '{}'", shown(name)));
    Some(found.remedy(format!(
        "copy `{place}`, too; or have no links: `npm install --install-links`, `pnpm deploy`"
    )))
}
