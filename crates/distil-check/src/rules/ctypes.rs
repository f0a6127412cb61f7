//! Libraries that Python modules look for by themselves, with ctypes or cffi: no header names them,
//! and their absence shows when the module is imported.

use std::collections::BTreeSet;

use distil_inspect::{LIBRARY_CALLS, MAX_DOCUMENT, is_python_module};
use distil_tree::Content;

use crate::context::{Context, shown};
use crate::finding::Finding;
use crate::rule::DLOPEN;
use crate::severity::Severity;

/// The most bytes between the parentheses of a call.
const MAX_CALL: usize = 2000;

/// The most calls of a module that are read.
const MAX_CALLS: usize = 200;

/// Words in the names of modules for other systems.
const OTHERS: [&str; 8] = [
    "win", "mac", "osx", "darwin", "bsd", "cygwin", "msvc", "android",
];

pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    if context.pythons.is_empty() {
        return;
    }
    let libraries: BTreeSet<&[u8]> = context
        .loader
        .files()
        .keys()
        .filter_map(|path| path.name())
        .filter(|name| name.starts_with(b"lib"))
        .collect();
    let has = |start: &str| {
        let start = start.as_bytes();
        let next = libraries.range(start..).next();
        next.is_some_and(|name| name.starts_with(start))
    };
    let mut told = BTreeSet::new();
    for (path, entry) in context.subject.tree().iter() {
        let name = path.name().map(shown).unwrap_or_default();
        if !is_python_module(path) || OTHERS.iter().any(|word| name.contains(word)) {
            continue;
        }
        let Some(file) = entry.file() else { continue };
        // What was read of a layer is kept as a whole only if there are such calls in it.
        if matches!(file.content, Content::Head { .. }) || context.owned.contains(path) {
            continue;
        }
        let Ok(bytes) = file.content.read(MAX_DOCUMENT) else {
            continue;
        };
        let text = String::from_utf8_lossy(&bytes);
        for wanted in calls(&text) {
            // A wheel brings it under a name of its own: `libpq-1a2b3c4d.so.5`.
            let is_there = |one: &String| has(&format!("{one}.so")) || has(&format!("{one}-"));
            let Some(first) = wanted.first() else {
                continue;
            };
            if wanted.iter().any(is_there) || !told.insert(first.clone()) {
                continue;
            }
            let list: Vec<String> = wanted
                .iter()
                .map(|one| format!("`{}.so`", shown(one)))
                .collect();
            let problem = format!(
                "`{path}` looks for {} at run time, which is not in the image",
                list.join(" or ")
            );
            let package = wanted.iter().find_map(|one| package_of(context, one));
            let found = Finding::new(&DLOPEN, problem)
                .at(path)
                .severity(Severity::Warning);
            findings.push(match &package {
                Some(name) => found.remedy(format!(
                    "add Debian's package `{name}` (`distil build … --add {name}`), if the module is used"
                )),
                None => found.remedy(format!(
                    "add the package that has `{}.so`, if the module is used",
                    shown(first)
                )),
            }.package(package));
        }
    }
}

/// The package of a library of which the version is not known.
fn package_of(context: &Context<'_>, library: &str) -> Option<String> {
    let versions = (0..=12)
        .rev()
        .map(|version| format!("{library}.so.{version}"));
    versions
        .chain([format!("{library}.so")])
        .find_map(|name| (context.options.package_of)(&name))
}

/// The libraries that the calls of a module look for, each a list of names of which one will do.
fn calls(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for call in LIBRARY_CALLS {
        let Ok(call) = std::str::from_utf8(call) else {
            continue;
        };
        for (at, _) in text.match_indices(call).take(MAX_CALLS) {
            // A comment, or the definition of such a function.
            let line = text.get(..at).and_then(|before| before.rsplit('\n').next());
            let line = line.unwrap_or_default();
            if line.contains('#') || line.contains("def ") {
                continue;
            }
            let arguments = arguments(text.get(at + call.len()..).unwrap_or_default());
            let names: Vec<String> = match call {
                "find_library(" => literals(arguments)
                    .into_iter()
                    .filter(|name| is_library(name))
                    .map(|name| format!("lib{name}"))
                    .collect(),
                _ => literals(arguments)
                    .into_iter()
                    .filter_map(|name| {
                        let (stem, _) = name.split_once(".so")?;
                        stem.starts_with("lib").then(|| stem.to_owned())
                    })
                    .filter(|name| !name.contains('/'))
                    .collect(),
            };
            if !names.is_empty() && !found.contains(&names) {
                found.push(names);
            }
        }
    }
    // The C library is always there.
    found.retain(|names| {
        !names
            .iter()
            .any(|name| matches!(name.as_str(), "libc" | "libm" | "libdl"))
    });
    found
}

/// Whether a word may be a library's name on Linux: frameworks of macOS begin with a capital letter.
fn is_library(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_+.-".contains(c);
    let is_windows = name.ends_with("32") || name.starts_with("msvc") || name.ends_with(".dll");
    !name.is_empty() && name.chars().all(is_part) && !is_windows && !name.starts_with("lib")
}

/// What stands between the parentheses of a call.
fn arguments(text: &str) -> &str {
    let (mut depth, mut quote) = (1, None);
    for (at, c) in text.char_indices().take(MAX_CALL) {
        match (quote, c) {
            (Some(end), c) if c == end => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return text.get(..at).unwrap_or_default();
        }
    }
    ""
}

/// The strings of an expression.
fn literals(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(['"', '\'']) {
        let quote = if rest[start..].starts_with('"') {
            '"'
        } else {
            '\''
        };
        let Some(inner) = rest.get(start + 1..) else {
            break;
        };
        let Some(end) = inner.find(quote) else { break };
        found.extend(inner.get(..end));
        rest = inner.get(end + 1..).unwrap_or_default();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_modules() {
        for (text, expected) in [
            ("path = find_library('pq')", vec![vec!["libpq"]]),
            (
                "x = ctypes.util.find_library(\n  \"magic\"\n) or find_library('magic1')",
                vec![vec!["libmagic"], vec!["libmagic1"]],
            ),
            ("lib = CDLL('libzbar.so.0')", vec![vec!["libzbar"]]),
            (
                "cairo = dlopen(ffi, ('cairo-2', 'cairo'), ('libcairo.so.2', 'libcairo.2.dylib'))",
                vec![vec!["libcairo"]],
            ),
            ("find_library('c')", vec![]),
            ("find_library('Security'); find_library('kernel32')", vec![]),
            ("def find_library(name='x'):", vec![]),
            ("find_library(name)", vec![]),
            ("CDLL(None); CDLL(path + '/libx.so')", vec![]),
            ("find_library('unclosed", vec![]),
        ] {
            assert_eq!(calls(text), expected, "{text}");
        }
    }
}
