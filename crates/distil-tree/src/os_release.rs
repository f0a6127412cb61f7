//! What distribution a file system is of: os-release(5).

use std::collections::BTreeMap;

use crate::path::TreePath;
use crate::tree::Tree;

/// The most bytes of the file that are read; those of distributions have less than 1 KiB.
const MAX_SIZE: u64 = 64 << 10;

/// The variables of an os-release file.
///
/// The format is a subset of a shell's: assignments, comments, quotes and backslashes, and no
/// expansion of anything. Lines that are none of these are ignored; of several assignments to one
/// variable the last counts, as in a shell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OsRelease(BTreeMap<String, String>);

impl OsRelease {
    /// Parses the file; bytes that are not UTF-8 become U+FFFD.
    pub fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        Self(text.lines().filter_map(assignment).collect())
    }

    /// The one of a tree: `/etc/os-release`, else `/usr/lib/os-release`; none if there is neither,
    /// or if it is larger than 64 KiB.
    pub fn of(tree: &Tree) -> Option<Self> {
        let paths = ["etc/os-release", "usr/lib/os-release"].map(TreePath::of);
        let (_, entry) = paths.iter().find_map(|path| tree.follow(path))?;
        let bytes = entry.file()?.content.read(MAX_SIZE).ok()?;
        Some(Self::parse(&bytes))
    }

    /// The value of a variable, such as `PRETTY_NAME`; the empty string counts as none.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name)?;
        (!value.is_empty()).then_some(value)
    }

    /// `ID`, such as `debian`.
    pub fn id(&self) -> Option<&str> {
        self.get("ID")
    }

    /// `VERSION_ID`, such as `13`; releases to come have none.
    pub fn version_id(&self) -> Option<&str> {
        self.get("VERSION_ID")
    }

    /// `VERSION_CODENAME`, such as `trixie`.
    pub fn codename(&self) -> Option<&str> {
        self.get("VERSION_CODENAME")
    }
}

fn assignment(line: &str) -> Option<(String, String)> {
    let (name, value) = line.trim().split_once('=')?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    // A comment is not a name either.
    if name.is_empty() || !name.chars().all(is_name) {
        return None;
    }
    Some((name.to_owned(), unquoted(value)?))
}

/// The value without its quotes; none if they are not closed, or if something follows them.
fn unquoted(value: &str) -> Option<String> {
    let mut characters = value.chars();
    let quote = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            characters.next();
            Some(quote)
        }
        _ => None,
    };
    let mut plain = String::new();
    while let Some(character) = characters.next() {
        match character {
            _ if Some(character) == quote => {
                return characters.as_str().trim().is_empty().then_some(plain);
            }
            // Between single quotes it is itself, and between double ones before others than these.
            '\\' if quote != Some('\'') => {
                let next = characters.next()?;
                if quote.is_some() && !matches!(next, '"' | '\\' | '$' | '`') {
                    plain.push('\\');
                }
                plain.push(next);
            }
            // What comes behind is another word.
            _ if quote.is_none() && character.is_whitespace() => break,
            _ => plain.push(character),
        }
    }
    quote.is_none().then_some(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tree::{Entry, Kind, Metadata, Origin};

    #[test]
    fn values_are_read_as_a_shell_reads_them() {
        let text = "\
# ID=comment
ID=debian
ID_LIKE='one two'
  NAME=\"Debian \\\"GNU\\\"/Linux \\$x \\n\"
SINGLE='a\\b'
PLAIN=a\\ b c
OPEN=\"never closed
EMPTY=
NOT A NAME=x
VERSION_ID=\"12\"
VERSION_ID=13\r
BEHIND=\"a\"b
";
        let release = OsRelease::parse(text.as_bytes());
        assert_eq!(release.id(), Some("debian"));
        assert_eq!(release.get("ID_LIKE"), Some("one two"));
        assert_eq!(release.get("NAME"), Some("Debian \"GNU\"/Linux $x \\n"));
        assert_eq!(release.get("SINGLE"), Some("a\\b"));
        assert_eq!(release.get("PLAIN"), Some("a b"));
        assert_eq!(release.version_id(), Some("13"));
        for none in ["OPEN", "EMPTY", "NOT A NAME", "BEHIND", "# ID", "OTHER"] {
            assert_eq!(release.get(none), None, "{none}");
        }
        assert_eq!(release.codename(), None);
    }

    #[test]
    fn the_one_in_etc_counts_wherever_it_leads() {
        let mut tree = Tree::new();
        let mut add = |path: &str, kind: Kind| {
            let entry = Entry {
                kind,
                meta: Metadata::root(0o644, 0),
                origin: Origin::Definition("test".into()),
                layer: 0,
            };
            tree.insert(&TreePath::of(path), entry).unwrap();
        };
        add(
            "usr/lib/os-release",
            Kind::file("VERSION_CODENAME=trixie\n"),
        );
        let of = |tree: &Tree| OsRelease::of(tree).unwrap().codename().unwrap().to_owned();
        add("other", Kind::file("VERSION_CODENAME=\"forky\"\n"));
        add("etc/os-release", Kind::symlink("../other"));
        assert_eq!(of(&tree), "forky");
        tree.remove(&TreePath::of("etc/os-release"));
        assert_eq!(of(&tree), "trixie");
        assert_eq!(OsRelease::of(&Tree::new()), None);
    }

    proptest! {
        #[test]
        fn any_value_can_be_quoted(value in "[^\r\n\u{0}]{1,40}") {
            let mut quoted = String::from("NAME=\"");
            for character in value.chars() {
                if matches!(character, '"' | '\\' | '$' | '`') {
                    quoted.push('\\');
                }
                quoted.push(character);
            }
            quoted.push('"');
            let release = OsRelease::parse(quoted.as_bytes());
            // What ends lines elsewhere is no end of one here.
            prop_assert_eq!(release.get("NAME"), Some(value.as_str()));
        }

        #[test]
        fn anything_can_be_read(bytes: Vec<u8>) {
            OsRelease::parse(&bytes);
        }
    }
}
