//! The licences of a package, by its copyright file.
//!
//! Only a machine-readable file (Debian, "Machine-readable debian/copyright file", version 1.0) has
//! expressions. Prose that leads to a text in `/usr/share/common-licenses` names a licence, and does
//! not say whether a later version is meant, or what it applies to: that is no expression.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use distil_debian::copyright::{self, Expression};
use distil_inspect::MAX_DOCUMENT;
use distil_tree::{Tree, TreePath};

/// Which licences a package is under.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Licences {
    /// All of them as one expression of SPDX (SPDX specification 2.3, annex D); none where the
    /// copyright file has no expressions.
    pub expression: Option<Arc<str>>,
    /// The references (`LicenseRef-…`) of the expression, with the names that Debian has for them.
    pub references: Arc<BTreeMap<String, BTreeSet<String>>>,
    /// The names of licences in the file, as they stand there.
    pub names: Arc<[String]>,
}

/// The most expressions that are joined: the copyright files of a few packages list hundreds.
const MAX_EXPRESSIONS: usize = 400;

impl Licences {
    /// Reads a copyright file.
    pub fn of_copyright(file: &[u8]) -> Self {
        let names = copyright::licences(file).into();
        let mut expressions = copyright::expressions(file);
        let mut references = BTreeMap::new();
        for expression in &expressions {
            collect(expression, &mut references);
        }
        let is_whole = expressions.len() <= MAX_EXPRESSIONS;
        let joined = match expressions.len() {
            0 => None,
            1 => expressions.pop(),
            _ => Some(Expression::And(expressions)),
        };
        let expression = joined.filter(|_| is_whole).map(|one| Arc::from(one.spdx()));
        Self {
            references: match expression.is_some() {
                true => Arc::new(references),
                false => Arc::default(),
            },
            expression,
            names,
        }
    }
}

/// A licence as an expression of SPDX; none if it is not one, or names what SPDX has no identifier for.
pub(crate) fn expression(text: &str) -> Option<&str> {
    let parsed = spdx::Expression::parse(text).ok()?;
    let mut requirements = parsed.requirements();
    let is_known = requirements.all(|one| one.req.license.id().is_some());
    is_known.then_some(text)
}

/// Collects what SPDX has no identifier for.
fn collect(expression: &Expression, references: &mut BTreeMap<String, BTreeSet<String>>) {
    match expression {
        Expression::And(parts) | Expression::Or(parts) => {
            parts.iter().for_each(|part| collect(part, references));
        }
        one => {
            let id = one.spdx();
            if id.starts_with("LicenseRef-") {
                references.entry(id).or_default().insert(one.to_string());
            }
        }
    }
}

/// The licences of an image's packages, many of which have the same copyright file.
pub(super) struct Known<'a> {
    tree: &'a Tree,
    found: HashMap<TreePath, Licences>,
}

impl<'a> Known<'a> {
    pub(super) fn new(tree: &'a Tree) -> Self {
        Self {
            tree,
            found: HashMap::new(),
        }
    }

    /// Those of a package; none if it has no copyright file, or one that cannot be read.
    pub(super) fn of(&mut self, package: &str) -> Licences {
        let path = TreePath::of("usr/share/doc").join(package);
        let Some((place, entry)) = self.tree.follow(&path.join("copyright")) else {
            return Licences::default();
        };
        if let Some(known) = self.found.get(&place) {
            return known.clone();
        }
        let bytes = entry.file().map(|file| file.content.read(MAX_DOCUMENT));
        let Some(Ok(bytes)) = bytes else {
            return Licences::default();
        };
        let licences = Licences::of_copyright(&bytes);
        self.found.insert(place, licences.clone());
        licences
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn all_expressions_of_a_file_hold() {
        let file =
            b"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n\
            Files: *\nLicense: GPL-2+ or Artistic-2.0\n\nFiles: a\nLicense: Expat\n text\n\n\
            Files: b\nLicense: public-domain\n free\n";
        let licences = Licences::of_copyright(file);
        assert_eq!(
            licences.expression.as_deref(),
            Some("MIT AND LicenseRef-public-domain AND (GPL-2.0-or-later OR Artistic-2.0)")
        );
        let references: Vec<_> = licences.references.iter().collect();
        assert_eq!(references.len(), 1);
        assert_eq!(references[0].0, "LicenseRef-public-domain");
        assert!(references[0].1.contains("public-domain"));
    }

    #[test]
    fn prose_names_licences_and_is_no_expression() {
        let file = b"It is free, see /usr/share/common-licenses/GPL-2.\n";
        let licences = Licences::of_copyright(file);
        assert_eq!(licences.expression, None);
        assert_eq!(*licences.names, ["GPL-2".to_owned()]);
        assert_eq!(Licences::of_copyright(b"\xff\x00"), Licences::default());
    }

    #[test]
    fn a_file_of_too_many_has_no_expression() {
        let file: String = (0..500).map(|n| format!("License: L{n}\n")).collect();
        let licences = Licences::of_copyright(file.as_bytes());
        assert_eq!(licences.expression, None);
        assert!(licences.references.is_empty());
        assert_eq!(licences.names.len(), 500);
    }

    proptest! {
        #[test]
        fn whatever_stands_there_is_an_expression_of_spdx(lines in prop::collection::vec(".{0,60}", 0..8)) {
            let file: String = lines.iter().map(|line| format!("License: {line}\n")).collect();
            if let Some(expression) = Licences::of_copyright(file.as_bytes()).expression {
                spdx::Expression::parse(&expression).unwrap();
            }
        }
    }
}
