//! Which libraries differ, and by which symbols: what a program that is linked with them would miss.

use std::collections::{BTreeMap, BTreeSet};

use distil_tree::{Content, TreePath, elf, printable};
use serde::Serialize;

use crate::view::{FileKind, View};

/// How many symbols a table shows of one library.
const SHOWN: usize = 5;

/// A library of one image that the other has not, or has with other symbols.
#[derive(Serialize)]
pub(crate) struct LibraryChange {
    /// What programs are linked with (`DT_SONAME`), or the path of a file that has no such name.
    name: String,
    /// `added`, `removed`, or `symbols` where others are exported.
    change: &'static str,
    old_path: Option<String>,
    new_path: Option<String>,
    /// The symbols that are gone, as `NAME@VERSION`.
    removed_symbols: Vec<String>,
    /// The symbols that have come.
    added_symbols: Vec<String>,
}

impl LibraryChange {
    /// The cells of a table: the name, the change, and the first of the symbols.
    pub(super) fn row(&self) -> Vec<String> {
        let some = |word: &str, symbols: &[String]| {
            let first: Vec<&str> = symbols.iter().take(SHOWN).map(String::as_str).collect();
            let more = match symbols.len().checked_sub(SHOWN) {
                Some(more) if more > 0 => format!(" and {more} more"),
                _ => String::new(),
            };
            let text = format!("{} {word}: {}{more}", symbols.len(), first.join(", "));
            (!symbols.is_empty()).then_some(text)
        };
        let parts = match self.change {
            "symbols" => [
                some("removed", &self.removed_symbols),
                some("added", &self.added_symbols),
            ],
            _ => [None, None],
        };
        let symbols: Vec<String> = parts.into_iter().flatten().collect();
        vec![
            self.name.clone(),
            self.change.to_owned(),
            match symbols.is_empty() {
                true => "-".to_owned(),
                false => symbols.join("; "),
            },
        ]
    }
}

/// A library of one side.
struct Library<'a> {
    path: &'a TreePath,
    content: &'a Content,
    /// Whether it has a `DT_SONAME`.
    has_name: bool,
}

/// The libraries that differ, by name. One whose bytes are the same is not read.
pub(super) fn changes(old: &View, new: &View) -> Vec<LibraryChange> {
    let (before, after) = (named(old, new), named(new, old));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let change = |name: &String| {
        let (old, new) = (before.get(name), after.get(name));
        let symbols = |one: Option<&Library<'_>>| {
            one.map_or_else(BTreeSet::new, |one| elf::exports(one.content.reader()))
        };
        let change = match (old, new) {
            (Some(_), Some(_)) => "symbols",
            (None, _) => "added",
            (_, None) => "removed",
        };
        let (gone, come) = (symbols(old), symbols(new));
        // Without a name of its own no program is linked with it, and it is only one more file.
        let is_change = match change {
            "symbols" => gone != come,
            _ => old.or(new).is_some_and(|one| one.has_name),
        };
        let path = |one: Option<&Library<'_>>| one.map(|one| one.path.to_string());
        is_change.then(|| LibraryChange {
            name: name.clone(),
            change,
            old_path: path(old),
            new_path: path(new),
            removed_symbols: gone.difference(&come).cloned().collect(),
            added_symbols: come.difference(&gone).cloned().collect(),
        })
    };
    names.into_iter().filter_map(change).collect()
}

/// The libraries of a side that the other does not have with the same bytes at the same path, by
/// their names.
fn named<'a>(side: &'a View, other: &View) -> BTreeMap<String, Library<'a>> {
    let digest = |view: &View, path: &TreePath| match view.files.as_ref()?.0.get(path)?.kind {
        FileKind::File { digest, .. } => digest,
        _ => None,
    };
    let mut found = BTreeMap::new();
    for (path, content) in &side.libraries {
        let own = digest(side, path);
        if own.is_some() && own == digest(other, path) {
            continue;
        }
        let soname = elf::parse(content.reader()).ok().and_then(|elf| elf.soname);
        let library = Library {
            path,
            content,
            has_name: soname.is_some(),
        };
        let name = soname.map_or_else(|| path.to_string(), |name| printable(&name));
        // Of several with one name, such as those for other processors, the first.
        found.entry(name).or_insert(library);
    }
    found
}
