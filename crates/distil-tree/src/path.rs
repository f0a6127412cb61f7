//! Paths inside a tree: relative to its root, without `.`, `..` or empty parts.

use std::collections::BTreeSet;
use std::fmt;

/// The longest path that is accepted, in bytes: Linux's `PATH_MAX`.
pub const MAX_LENGTH: usize = 4096;

/// The longest part of a path that is accepted, in bytes: Linux's `NAME_MAX`.
pub const MAX_PART: usize = 255;

/// A path inside a tree.
///
/// Holds `usr/bin/python3` for `/usr/bin/python3`, and nothing for the root. Names are bytes,
/// as for the kernel. Orders by bytes, so a directory comes before what it holds. Displays with
/// the leading slash, and with everything that is not printable escaped.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TreePath(Vec<u8>);

/// Why some bytes are not a path inside a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It begins at the root, where a path relative to it is wanted.
    #[error("is absolute")]
    Absolute,
    /// It begins elsewhere than at the root, where a full path is wanted.
    #[error("is not absolute")]
    Relative,
    /// It has a `..` in it.
    #[error("has a `..` in it")]
    Parent,
    /// It has a NUL byte in it.
    #[error("has a NUL byte in it")]
    Nul,
    /// It is longer than [`MAX_LENGTH`], or a part of it than [`MAX_PART`].
    #[error("is longer than Linux allows")]
    TooLong,
}

impl TreePath {
    /// The root.
    pub const ROOT: Self = Self(Vec::new());

    /// A path as archives write it: `./usr/bin/`, `usr/bin`. Absolute ones are refused.
    pub fn from_archive(bytes: &[u8]) -> Result<Self, PathError> {
        if bytes.first() == Some(&b'/') {
            return Err(PathError::Absolute);
        }
        Self::normalise(bytes)
    }

    /// A path as people write it: `/usr/bin`.
    pub fn from_absolute(bytes: impl AsRef<[u8]>) -> Result<Self, PathError> {
        match bytes.as_ref() {
            [b'/', rest @ ..] => Self::normalise(rest),
            _ => Err(PathError::Relative),
        }
    }

    /// A path with `..` in it, as people write them in configurations; they are taken by their
    /// names, and none leads above the root.
    pub fn lexical(path: &str) -> Option<Self> {
        let mut parts: Vec<&str> = Vec::new();
        for part in path.strip_prefix('/')?.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        Self::from_absolute(format!("/{}", parts.join("/"))).ok()
    }

    /// A path that the program itself writes down, relative to the root.
    ///
    /// Parts that are `.` or `..` are left out.
    pub fn of(text: &str) -> Self {
        let parts = text
            .split('/')
            .filter(|part| !matches!(*part, "" | "." | ".."));
        Self(parts.collect::<Vec<_>>().join("/").into_bytes())
    }

    fn normalise(bytes: &[u8]) -> Result<Self, PathError> {
        if bytes.len() > MAX_LENGTH {
            return Err(PathError::TooLong);
        }
        if bytes.contains(&0) {
            return Err(PathError::Nul);
        }
        let mut path = Vec::with_capacity(bytes.len());
        for part in bytes.split(|&byte| byte == b'/') {
            match part {
                b"" | b"." => continue,
                b".." => return Err(PathError::Parent),
                _ if part.len() > MAX_PART => return Err(PathError::TooLong),
                _ => {}
            }
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(part);
        }
        Ok(Self(path))
    }

    /// The bytes, without a leading slash.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text, without a leading slash, if it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The parts from the root on.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0
            .split(|&byte| byte == b'/')
            .filter(|part| !part.is_empty())
    }

    /// The last part; none for the root.
    pub fn name(&self) -> Option<&[u8]> {
        self.parts().next_back()
    }

    /// The directory that holds this; none for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let end = self.0.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
        Some(Self(self.0[..end].to_vec()))
    }

    /// The directories that hold this, from the root (left out) to the nearest.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> + '_ {
        let slashes = self.0.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        slashes.map(|(end, _)| Self(self.0[..end].to_vec()))
    }

    /// The directories that hold any of these paths, the root left out. Each is made once, however many
    /// paths lie in it: together, the ancestors of deep paths have many times the paths' bytes.
    pub fn folders_above<'a>(paths: impl Iterator<Item = &'a Self>) -> BTreeSet<Self> {
        let mut folders = BTreeSet::new();
        for path in paths {
            let mut folder = path.parent();
            while let Some(one) = folder.filter(|folder| !folder.is_root()) {
                let above = one.parent();
                // What holds it is known with it.
                folder = if folders.insert(one) { above } else { None };
            }
        }
        folders
    }

    /// This path and one more part, which has no slash in it.
    pub fn join(&self, part: impl AsRef<[u8]>) -> Self {
        let part = part.as_ref();
        let mut path = Vec::with_capacity(self.0.len() + 1 + part.len());
        path.extend_from_slice(&self.0);
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(part);
        Self(path)
    }

    /// Whether this is `folder` or lies in it.
    pub fn is_within(&self, folder: &Self) -> bool {
        folder.is_root()
            || self
                .0
                .strip_prefix(folder.as_bytes())
                .is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    }

    /// What is left of this path behind `folder`, if it lies in it.
    pub fn strip_prefix(&self, folder: &Self) -> Option<&[u8]> {
        if folder.is_root() {
            return Some(&self.0);
        }
        let rest = self.0.strip_prefix(folder.as_bytes())?;
        if rest.is_empty() {
            Some(rest)
        } else {
            rest.strip_prefix(b"/")
        }
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", Printable(&self.0))
    }
}

impl fmt::Debug for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Bytes from outside, shown so that no terminal is moved by them.
///
/// Text stays text; control characters and bytes that are not UTF-8 become `\x1b` and the like.
pub struct Printable<'a>(pub &'a [u8]);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                if is_disguise(character) {
                    write!(f, "{}", character.escape_default())?;
                } else {
                    f.write_char(character)?;
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// Whether a character moves a terminal, or changes the direction or the lines of the text around
/// it, and so can disguise what is shown: control characters (C0, DEL and C1), the marks of the
/// Unicode Bidirectional Algorithm (UAX #9, 2), and the separators of lines and paragraphs.
pub fn is_disguise(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{061c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(text: &str) -> TreePath {
        TreePath::from_archive(text.as_bytes()).unwrap()
    }

    #[test]
    fn spellings_of_one_path_are_equal() {
        for text in [
            "usr/bin",
            "./usr/bin",
            "usr//bin/",
            "usr/./bin",
            ".//usr/bin/.",
        ] {
            assert_eq!(path(text), TreePath::of("usr/bin"), "{text}");
        }
        assert!(path("./").is_root());
        assert_eq!(
            TreePath::from_absolute("/usr/bin").unwrap(),
            path("usr/bin")
        );
    }

    #[test]
    fn what_leads_out_is_refused() {
        let refused = |text: &[u8]| TreePath::from_archive(text).unwrap_err();
        assert_eq!(refused(b"/etc/passwd"), PathError::Absolute);
        assert_eq!(refused(b"../etc"), PathError::Parent);
        assert_eq!(refused(b"usr/../../etc"), PathError::Parent);
        assert_eq!(refused(b"usr/.."), PathError::Parent);
        assert_eq!(refused(b"a\0b"), PathError::Nul);
        assert_eq!(refused(&[b'a'; 256]), PathError::TooLong);
        assert_eq!(refused(&b"a/".repeat(3000)), PathError::TooLong);
    }

    #[test]
    fn folders_above_are_made_once() {
        let deep = path(&"a/".repeat(2000));
        let mut all: Vec<TreePath> = deep.ancestors().collect();
        all.push(deep);
        let start = std::time::Instant::now();
        let above = TreePath::folders_above(all.iter());
        assert_eq!(above.len(), 1999);
        // Made anew for every path below them, they would be gigabytes.
        assert!(start.elapsed().as_millis() < 1000, "{:?}", start.elapsed());
        let few = [
            path("usr/lib/x"),
            path("usr/bin/y"),
            path("z"),
            TreePath::ROOT,
        ];
        let above: Vec<TreePath> = TreePath::folders_above(few.iter()).into_iter().collect();
        assert_eq!(above, [path("usr"), path("usr/bin"), path("usr/lib")]);
    }

    #[test]
    fn parents_and_parts() {
        let deep = path("usr/lib/python3");
        assert_eq!(deep.parent().unwrap(), path("usr/lib"));
        assert_eq!(path("usr").parent().unwrap(), TreePath::ROOT);
        assert_eq!(TreePath::ROOT.parent(), None);
        assert_eq!(
            deep.ancestors().collect::<Vec<_>>(),
            [path("usr"), path("usr/lib")]
        );
        assert_eq!(deep.name(), Some(&b"python3"[..]));
        assert!(deep.is_within(&path("usr/lib")) && !path("usr/lib64").is_within(&path("usr/lib")));
        assert_eq!(deep.strip_prefix(&path("usr")), Some(&b"lib/python3"[..]));
        assert_eq!(path("usrx").strip_prefix(&path("usr")), None);
    }

    #[test]
    fn escapes_do_not_reach_the_terminal() {
        let evil = TreePath::from_archive(b"a\x1b[31m\xff\xe2\x80\xaeb").unwrap();
        assert_eq!(evil.to_string(), r"/a\u{1b}[31m\xff\u{202e}b");
    }

    proptest! {
        #[test]
        fn accepted_paths_stay_inside(bytes in proptest::collection::vec(
            prop_oneof![Just(b'/'), Just(b'.'), any::<u8>()], 0..40)) {
            if let Ok(path) = TreePath::from_archive(&bytes) {
                prop_assert!(path.parts().all(|part| part != b".." && part != b"."));
                prop_assert_eq!(TreePath::from_archive(path.as_bytes()), Ok(path));
            }
        }
    }
}
