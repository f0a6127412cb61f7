//! What the new versions of an update say of themselves: the entries of their changelogs.

use std::collections::BTreeMap;

use distil_debian::changelog::{Entry, between, is_changelog, is_news};
use distil_debian::version::Version;
use distil_lock::{Lock, LockedPackage, stored};
use distil_store::Store;
use serde::Serialize;

use crate::session::Session;

/// What an update of one source package says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceNews {
    /// The source package.
    pub source: String,
    /// The version that it was.
    pub old: String,
    /// The version that it becomes.
    pub new: String,
    /// The vulnerabilities that the entries name, sorted.
    pub cves: Vec<String>,
    /// What its users are to read (`NEWS.Debian`), the newest first.
    pub news: Vec<Change>,
    /// What changed, by version, the newest first; empty where no package of the image has the
    /// changelog.
    pub changelog: Vec<Change>,
}

/// What one version changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The version.
    pub version: String,
    /// The text, of several lines.
    pub text: String,
}

impl Session {
    /// What the packages of an update say of themselves: those whose source has a higher version in
    /// the new lock, of whose image the store has the packages. Sorted by source.
    pub fn news(&self, old: &Lock, new: &Lock) -> Vec<SourceNews> {
        let before = sources(old);
        let changed = sources(new).into_iter().filter_map(|(name, packages)| {
            let new = version(&packages)?;
            let old = version(before.get(name)?)?;
            (new > old).then(|| source_news(name, old, new, &packages, &self.store))
        });
        changed.collect()
    }
}

/// The packages of each source package.
fn sources(lock: &Lock) -> BTreeMap<&str, Vec<&LockedPackage>> {
    let mut sources: BTreeMap<&str, Vec<&LockedPackage>> = BTreeMap::new();
    for (_, package) in lock.packages() {
        let name = package.source.name.as_str();
        sources.entry(name).or_default().push(package);
    }
    sources
}

fn version<'a>(packages: &[&'a LockedPackage]) -> Option<&'a Version> {
    packages.iter().map(|one| &one.source.version).max()
}

fn source_news(
    name: &str,
    old: &Version,
    new: &Version,
    packages: &[&LockedPackage],
    store: &Store,
) -> SourceNews {
    let (mut changelog, mut news) = (Vec::new(), Vec::new());
    // Documents of one package may be a link to another's, of the same source.
    for package in packages {
        let Some(file) = stored(package, store) else {
            continue;
        };
        let entries = |is_it: fn(&str) -> bool| {
            let files = file.package.entries.iter().filter(|one| is_it(&one.path));
            let contents = files.filter_map(|one| file.content(one));
            let found = contents.flat_map(|one| between(one.reader(), old, new));
            found.collect::<Vec<Entry>>()
        };
        if changelog.is_empty() {
            changelog = entries(is_changelog);
        }
        if news.is_empty() {
            news = entries(is_news);
        }
    }
    let mut cves: Vec<String> = changelog.iter().flat_map(Entry::cves).collect();
    cves.sort();
    cves.dedup();
    let change = |entry: Entry| Change {
        version: entry.version.as_str().to_owned(),
        text: entry.text,
    };
    SourceNews {
        source: name.to_owned(),
        old: old.as_str().to_owned(),
        new: new.as_str().to_owned(),
        cves,
        news: news.into_iter().map(change).collect(),
        changelog: changelog.into_iter().map(change).collect(),
    }
}
