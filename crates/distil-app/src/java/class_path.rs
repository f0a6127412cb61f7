//! `Class-Path` of a manifest: what Java looks into beside a jar (JAR File Specification, "Class-Path
//! Attribute").

use distil_tree::TreePath;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::error::JarError;

/// An entry of a class path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassPathEntry {
    /// Its path, relative to the jar's directory; the root is that directory itself.
    pub path: TreePath,
    /// Whether it is a directory: its address ends in a slash.
    pub is_directory: bool,
    /// It as the manifest writes it.
    pub written: String,
}

/// What a path of an address has encoded (RFC 3986, 3.3), spaces, which end it, above all.
const ENCODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

impl ClassPathEntry {
    /// Reads an entry of a class path, of a jar whose directory is `base` below the one that nothing may
    /// lead out of.
    ///
    /// # Errors
    /// If it leads out, or is not a path.
    pub fn parse(written: &str, base: &TreePath) -> Result<Self, JarError> {
        let outside = || JarError::Outside(shown(written));
        let not_a_path = || JarError::NotAPath(shown(written));
        let has_scheme = written.split_once(':').is_some_and(|(before, _)| {
            before
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        });
        if has_scheme || written.starts_with('/') {
            return Err(outside());
        }
        let decoded = percent_decode_str(written).decode_utf8();
        let decoded = decoded.map_err(|_| not_a_path())?;
        let is_bad = |character: char| character.is_control() || matches!(character, '\\' | '*');
        if decoded.contains(is_bad) {
            return Err(not_a_path());
        }
        let mut parts: Vec<&[u8]> = base.parts().collect();
        for part in decoded.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop().ok_or_else(outside)?),
                part => parts.push(part.as_bytes()),
            }
        }
        let path = TreePath::from_archive(&parts.join(&b'/')).map_err(|_| not_a_path())?;
        Ok(Self {
            is_directory: decoded.ends_with('/') || path.is_root() || decoded.ends_with("/.."),
            path,
            written: shown(written),
        })
    }
}

/// The entries of an attribute, as they are written.
pub(super) fn entries(attribute: &str) -> impl Iterator<Item = &str> {
    attribute.split_ascii_whitespace()
}

/// An attribute with these relative paths.
pub(super) fn attribute<'a>(paths: impl Iterator<Item = &'a str>) -> String {
    let paths: Vec<String> = paths
        .map(|path| utf8_percent_encode(path, ENCODED).to_string())
        .collect();
    paths.join(" ")
}

fn shown(written: &str) -> String {
    let start: String = written.chars().take(200).collect();
    start.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_below_the_directory() {
        let lib = TreePath::of("lib");
        for (base, written, path, is_directory) in [
            (&TreePath::ROOT, "lib/a%20b.jar", "lib/a b.jar", false),
            (&TreePath::ROOT, "./lib//x/", "lib/x", true),
            (&TreePath::ROOT, ".", "", true),
            (&lib, "../b.jar", "b.jar", false),
            (&lib, "c.jar", "lib/c.jar", false),
        ] {
            let entry = ClassPathEntry::parse(written, base).unwrap();
            assert_eq!(entry.path, TreePath::of(path), "{written}");
            assert_eq!(entry.is_directory, is_directory, "{written}");
        }
        let said = [
            "../a.jar",
            "/a.jar",
            "file:///a.jar",
            "%ff.jar",
            "a%00",
            "lib/*",
        ];
        let said = said.map(|one| ClassPathEntry::parse(one, &TreePath::ROOT).unwrap_err());
        insta::assert_snapshot!(said.map(|error| error.to_string()).join("\n"));
        assert!(ClassPathEntry::parse("../../a.jar", &lib).is_err());
    }

    #[test]
    fn names_are_encoded() {
        let text = attribute(["lib/a b.jar", "lib/c%.jar", "lib/ü+1.jar"].into_iter());
        assert_eq!(text, "lib/a%20b.jar lib/c%25.jar lib/%C3%BC+1.jar");
        let read: Vec<String> = entries(&text)
            .map(|one| {
                ClassPathEntry::parse(one, &TreePath::ROOT)
                    .unwrap()
                    .path
                    .to_string()
            })
            .collect();
        assert_eq!(read, ["/lib/a b.jar", "/lib/c%.jar", "/lib/ü+1.jar"]);
    }
}
