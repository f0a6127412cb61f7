//! `mime.cache`, by which GLib, and with it GTK and gdk-pixbuf, and Qt know the types of files: what
//! update-mime-database(1) makes of the descriptions that packages ship.
//!
//! Source: the Shared MIME-info Database specification 0.21, "The source XML files" and "The
//! mime.cache files" (freedesktop.org). The program writes the same as text, too, and a file for
//! each type; programs read those where there is no cache, and for names of types in words.

mod cache;
mod database;
mod description;

use distil_tree::TreePath;

use crate::generation::{GenerateError, Generation, MAX_INPUT};
use database::Database;

const WHAT: &str = "the types of files";

/// Where the descriptions are.
const DESCRIPTIONS: &str = "usr/share/mime/packages";

const CACHE: &str = "usr/share/mime/mime.cache";

/// What is said here holds against all others.
const OVERRIDE: &[u8] = b"Override.xml";

pub(crate) fn generate(generation: &mut Generation<'_>) -> Result<(), GenerateError> {
    let directory = TreePath::of(DESCRIPTIONS);
    let children = generation.tree.children(&directory);
    let mut paths: Vec<TreePath> = children.map(|(path, _)| path.clone()).collect();
    paths.retain(|path| path.name().is_some_and(|name| name.ends_with(b".xml")));
    paths.sort_by_key(|path| (path.name() == Some(OVERRIDE), path.clone()));
    let mut texts = Vec::new();
    let mut left = MAX_INPUT;
    for path in paths {
        if let Some(text) = generation.read(WHAT, &path)? {
            // Debian's own has 3 MB.
            let Some(rest) = left.checked_sub(text.len() as u64) else {
                break;
            };
            left = rest;
            texts.push(text);
        }
    }
    match texts.is_empty() {
        true => Ok(()),
        false => generation.file(WHAT, &TreePath::of(CACHE), mime_cache(&texts)),
    }
}

/// The cache of descriptions, which are documents in XML; later ones hold against earlier ones. What
/// is no such document is left out as a whole, and so is an element that says nothing.
pub fn mime_cache(descriptions: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut database = Database::default();
    for text in descriptions {
        for (mime, said) in description::read(text.as_ref()).unwrap_or_default() {
            database.add(mime, said);
        }
    }
    cache::write(&database)
}

#[cfg(test)]
mod tests;
