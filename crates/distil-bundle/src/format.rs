//! Kinds of archives, by their names and by their first bytes.

use crate::error::BundleError;

/// What a download is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveFormat {
    /// One file, taken as it is.
    File,
    /// A tar archive, compressed in any way that is known.
    Tar,
    /// A tar archive without compression.
    PlainTar,
    /// A tar archive compressed by gzip.
    TarGz,
    /// A tar archive compressed by xz.
    TarXz,
    /// A tar archive compressed by Zstandard.
    TarZst,
    /// A tar archive compressed by bzip2.
    TarBz2,
    /// A zip archive.
    Zip,
}

/// Endings of names.
const ENDINGS: [(&str, ArchiveFormat); 12] = [
    (".tar.gz", ArchiveFormat::TarGz),
    (".tgz", ArchiveFormat::TarGz),
    (".tar.xz", ArchiveFormat::TarXz),
    (".txz", ArchiveFormat::TarXz),
    (".tar.zst", ArchiveFormat::TarZst),
    (".tzst", ArchiveFormat::TarZst),
    (".tar.bz2", ArchiveFormat::TarBz2),
    (".tbz2", ArchiveFormat::TarBz2),
    (".tbz", ArchiveFormat::TarBz2),
    (".tar", ArchiveFormat::PlainTar),
    (".zip", ArchiveFormat::Zip),
    (".whl", ArchiveFormat::Zip),
];

/// How many first bytes tell what a file is.
pub(crate) const HEAD: usize = 512;

impl ArchiveFormat {
    /// What a file of this name is.
    pub fn of_name(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let found = ENDINGS.iter().find(|(ending, _)| name.ends_with(ending));
        found.map_or(Self::File, |(_, format)| *format)
    }

    /// Its name, for messages and keys.
    pub fn word(self) -> &'static str {
        match self {
            Self::File => "a file",
            Self::Tar => "a tar archive",
            Self::PlainTar => "a tar archive without compression",
            Self::TarGz => "a tar archive compressed by gzip",
            Self::TarXz => "a tar archive compressed by xz",
            Self::TarZst => "a tar archive compressed by zstd",
            Self::TarBz2 => "a tar archive compressed by bzip2",
            Self::Zip => "a zip archive",
        }
    }

    /// What a file with these first bytes is, if it can be what it is said to be.
    pub(crate) fn checked(self, head: &[u8]) -> Result<Self, BundleError> {
        let (found, word) = of_head(head);
        let fits = match self {
            Self::Tar => found.is_some_and(|found| found != Self::Zip),
            Self::File => true,
            _ => found == Some(self),
        };
        match found.filter(|_| fits) {
            _ if self == Self::File => Ok(Self::File),
            Some(found) => Ok(found),
            None => Err(BundleError::Mismatch {
                expected: self.word(),
                found: word,
            }),
        }
    }
}

/// What a file is by its first bytes, in a word for people, too.
fn of_head(head: &[u8]) -> (Option<ArchiveFormat>, &'static str) {
    let is_text = !head.is_empty() && head.iter().all(|byte| !matches!(byte, 0..=8 | 14..=31));
    let magic = [
        (&b"\x1f\x8b"[..], ArchiveFormat::TarGz, "gzip"),
        (b"\xfd7zXZ\0", ArchiveFormat::TarXz, "xz"),
        (b"\x28\xb5\x2f\xfd", ArchiveFormat::TarZst, "zstd"),
        (b"BZh", ArchiveFormat::TarBz2, "bzip2"),
        (b"PK\x03\x04", ArchiveFormat::Zip, "a zip archive"),
        (b"PK\x05\x06", ArchiveFormat::Zip, "a zip archive"),
    ];
    if let Some((_, format, word)) = magic.iter().find(|(magic, _, _)| head.starts_with(magic)) {
        return (Some(*format), word);
    }
    let is_tar = head.first_chunk().is_some_and(distil_tree::tar::is_header);
    match () {
        () if is_tar => (
            Some(ArchiveFormat::PlainTar),
            "a tar archive without compression",
        ),
        () if head.starts_with(b"\x7fELF") => (None, "a program"),
        () if head.starts_with(b"<") => (None, "an HTML or XML page"),
        () if head.is_empty() => (None, "an empty file"),
        () if is_text => (None, "a text"),
        () => (None, "something else"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_a_file_is() {
        for (name, format) in [
            ("node-v24.1.0-linux-x64.tar.xz", ArchiveFormat::TarXz),
            ("x.TGZ", ArchiveFormat::TarGz),
            ("x.gz", ArchiveFormat::File),
            ("app.jar", ArchiveFormat::File),
            ("x.zip", ArchiveFormat::Zip),
            ("tool", ArchiveFormat::File),
        ] {
            assert_eq!(ArchiveFormat::of_name(name), format, "{name}");
        }
    }

    #[test]
    fn what_is_not_what_its_name_says_is_told() {
        let message = |format: ArchiveFormat, head: &[u8]| {
            format.checked(head).map_err(|error| error.to_string())
        };
        assert_eq!(
            message(ArchiveFormat::TarGz, b"\xfd7zXZ\0"),
            Err(
                "it should be a tar archive compressed by gzip, and its first bytes are those of xz"
                    .to_owned()
            )
        );
        assert!(
            message(ArchiveFormat::Tar, b"<!DOCTYPE html>")
                .unwrap_err()
                .ends_with("an HTML or XML page")
        );
        assert!(message(ArchiveFormat::Tar, b"PK\x03\x04").is_err());
        assert_eq!(
            message(ArchiveFormat::Tar, b"\x1f\x8b"),
            Ok(ArchiveFormat::TarGz)
        );
        assert_eq!(
            message(ArchiveFormat::File, b"PK\x03\x04"),
            Ok(ArchiveFormat::File)
        );
    }
}
