//! The files that npm makes of a package's archive (`pacote`, `lib/fetcher.js`): regular files alone,
//! without the first directory of their paths, and without owners.

use std::collections::BTreeSet;
use std::io::{self, Read};

use distil_tree::tar::{Limits, MemberKind, ReadError, Reader};
use distil_tree::{PathError, Printable, TreePath};
use flate2::read::MultiGzDecoder;

use crate::sink::FileSink;

/// What a package may unpack to; the largest of npm have some 500 MB.
pub(super) const LIMITS: Limits = Limits {
    size: 4 << 30,
    members: 400_000,
    extension: 64 << 10,
};

/// Why the archive of a package cannot be unpacked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TarballError {
    /// It cannot be read.
    #[error("cannot be read")]
    Read(#[from] ReadError),
    /// A file cannot be read or written.
    #[error("cannot be unpacked")]
    Io(#[from] io::Error),
    /// A file in it has a path that leads out of the directory.
    #[error("has a file `{}`, whose path {problem}", Printable(.name))]
    Path {
        /// The path as the archive has it.
        name: Vec<u8>,
        /// What is wrong with it.
        problem: PathError,
    },
    /// Two of its files are one.
    #[error("has the file `{0}` twice")]
    Twice(TreePath),
}

/// Hands the files of a package's archive to `sink`. `commands` are executable, whatever the archive
/// says. Links and devices are left out, as npm does.
///
/// # Errors
/// If the archive is damaged, or a path in it leads elsewhere.
pub fn unpack(
    archive: impl Read,
    commands: &BTreeSet<TreePath>,
    sink: &mut dyn FileSink,
) -> Result<(), TarballError> {
    let mut seen: BTreeSet<TreePath> = BTreeSet::new();
    let reader = Reader::new(MultiGzDecoder::new(archive), LIMITS);
    reader.for_each(|member, content| {
        let MemberKind::File(size) = member.kind else {
            return Ok(());
        };
        let path = TreePath::from_archive(&member.path).map_err(|problem| TarballError::Path {
            name: member.path.clone(),
            problem,
        })?;
        let Some(path) = without_first(&path) else {
            return Ok(());
        };
        let path = match ignored(&path, &seen) {
            Some(path) => path,
            None => return Ok(()),
        };
        if !seen.insert(path.clone()) {
            return Err(TarballError::Twice(path));
        }
        let is_executable = member.mode & 0o111 != 0 || commands.contains(&path);
        Ok(sink.file(&path, is_executable, size, content)?)
    })
}

/// A path without its first directory, `package/` for most.
pub(super) fn without_first(path: &TreePath) -> Option<TreePath> {
    let mut parts = path.parts();
    parts.next()?;
    let rest = parts.fold(TreePath::ROOT, |path, part| path.join(part));
    (!rest.is_root()).then_some(rest)
}

/// The name that npm gives a file: `.gitignore` is `.npmignore`, unless there was one already.
fn ignored(path: &TreePath, seen: &BTreeSet<TreePath>) -> Option<TreePath> {
    if path.name() != Some(b".gitignore") {
        return Some(path.clone());
    }
    let renamed = path.parent().unwrap_or_default().join(".npmignore");
    (!seen.contains(&renamed)).then_some(renamed)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Write;

    use distil_fixture::{Entry, tar};
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[derive(Default)]
    struct Files(BTreeMap<String, bool>);

    impl FileSink for Files {
        fn file(
            &mut self,
            path: &TreePath,
            is_executable: bool,
            size: u64,
            content: &mut dyn Read,
        ) -> io::Result<()> {
            assert_eq!(io::copy(content, &mut io::sink())?, size);
            self.0.insert(path.to_string(), is_executable);
            Ok(())
        }
    }

    fn unpacked(entries: &[Entry]) -> Result<BTreeMap<String, bool>, String> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&tar(entries, 0)).unwrap();
        let archive = encoder.finish().unwrap();
        let commands = BTreeSet::from([TreePath::of("cli.js")]);
        let mut files = Files::default();
        match unpack(archive.as_slice(), &commands, &mut files) {
            Ok(()) => Ok(files.0),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn files_alone_are_taken() {
        let files = unpacked(&[
            Entry::file("package/cli.js", "#!/usr/bin/env node\n"),
            Entry::file("package/lib/run.sh", "").mode(0o755),
            Entry::file("package/lib/.gitignore", ""),
            Entry::file("package/.npmignore", ""),
            Entry::file("package/.gitignore", ""),
            Entry::symlink("package/link", "/etc/passwd"),
            Entry::file("top", ""),
        ]);
        let expected = [
            ("/.npmignore", false),
            ("/cli.js", true),
            ("/lib/.npmignore", false),
            ("/lib/run.sh", true),
        ];
        assert_eq!(
            files.unwrap(),
            expected.map(|(path, x)| (path.to_owned(), x)).into()
        );
    }

    #[test]
    fn paths_that_lead_out_are_refused() {
        let said = [
            unpacked(&[Entry::file("package/../../etc/passwd", "")]),
            unpacked(&[Entry::file("package/a", ""), Entry::file("other/a", "")]),
        ];
        insta::assert_snapshot!(said.map(Result::unwrap_err).join("\n"));
        // As for npm: the first directory goes, whatever it is called.
        let inside = unpacked(&[Entry::file("/etc/passwd", "")]).unwrap();
        assert_eq!(inside.into_keys().collect::<Vec<_>>(), ["/passwd"]);
        assert!(unpack(&b"no archive"[..], &BTreeSet::new(), &mut Files::default()).is_err());
    }
}
