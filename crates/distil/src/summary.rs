//! Files in few enough rows to be read: those of a large directory are one row.

use crate::view::Unowned;

/// The most rows there are, but for those of [`METADATA`].
const MOST: usize = 60;

/// Where stanzas and sums of packages are: those that scanners read, and dpkg's own. They are always
/// together.
const METADATA: [&str; 2] = ["/var/lib/dpkg/info/", "/var/lib/dpkg/status.d/"];

/// A row: one file, or all that are in a directory.
#[derive(Debug)]
pub(crate) struct Group<'a> {
    /// What all paths begin with, up to a slash.
    pub(crate) directory: &'a str,
    /// At least one.
    pub(crate) files: &'a [Unowned],
}

impl<'a> Group<'a> {
    /// Files that are one after the other in the order of their paths; `least` bytes of these are
    /// known to be equal.
    fn of(files: &'a [Unowned], least: usize) -> Option<Self> {
        let (first, last) = (&files.first()?.path, &files.last()?.path);
        // In sorted paths, what the first and the last begin with, all do.
        let bytes = first.bytes().zip(last.bytes());
        let equal = bytes.take_while(|(one, other)| one == other).count();
        let slash = first.get(..equal).and_then(|text| text.rfind('/'));
        let directory = slash.map_or(least, |slash| slash + 1);
        Some(Self {
            directory: first.get(..directory).unwrap_or_default(),
            files,
        })
    }

    /// What made the files, if one thing made all of them.
    pub(crate) fn from(&self) -> Option<&'a str> {
        let first = self.files.first()?.from.as_deref()?;
        let is_alone = self
            .files
            .iter()
            .all(|file| file.from.as_deref() == Some(first));
        is_alone.then_some(first)
    }

    /// The same files, apart by the name that is next in their paths; no more than `most` groups.
    fn split(&self, most: usize) -> Option<Vec<Self>> {
        let start = self.directory.len();
        let mut groups = Vec::new();
        for files in self
            .files
            .chunk_by(|one, next| name_at(one, start) == name_at(next, start))
        {
            if groups.len() == most {
                return None;
            }
            groups.extend(Self::of(files, start));
        }
        Some(groups)
    }
}

/// The name in a path that begins at a byte of it.
fn name_at(file: &Unowned, start: usize) -> &str {
    let rest = file.path.get(start..).unwrap_or_default();
    rest.split_once('/').map_or(rest, |(name, _)| name)
}

/// Sorted files in few rows: the largest directories are taken apart as long as there are few.
pub(crate) fn summary(files: &[Unowned]) -> Vec<Group<'_>> {
    let mut metadata = Vec::new();
    let mut open = Vec::new();
    let metadata_of = |file: &Unowned| METADATA.into_iter().find(|it| file.path.starts_with(it));
    for files in files.chunk_by(|one, next| metadata_of(one) == metadata_of(next)) {
        match files.first().and_then(metadata_of) {
            Some(_) => metadata.extend(Group::of(files, 0)),
            None => open.extend(Group::of(files, 0)),
        }
    }
    let mut done: Vec<Group<'_>> = Vec::new();
    while let Some(number) = (0..open.len()).max_by_key(|number| open[*number].files.len()) {
        let group = open.swap_remove(number);
        let left = MOST.saturating_sub(done.len() + open.len());
        match group.split(left) {
            Some(parts) if parts.len() > 1 => open.extend(parts),
            _ => done.push(group),
        }
    }
    done.sort_by_key(|group| group.files.first().map(|file| &file.path));
    metadata.sort_by_key(|group| group.files.first().map(|file| &file.path));
    done.extend(metadata);
    done
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn files(paths: impl IntoIterator<Item = String>) -> Vec<Unowned> {
        let mut paths: Vec<String> = paths.into_iter().collect();
        paths.sort_unstable();
        paths.dedup();
        let file = |path| Unowned {
            path,
            size: 1,
            from: None,
        };
        paths.into_iter().map(file).collect()
    }

    fn rows(files: &[Unowned]) -> Vec<(&str, usize)> {
        let groups = summary(files).into_iter();
        let rows = groups.map(|group| match group.files {
            [file] => (file.path.as_str(), 1),
            files => (group.directory, files.len()),
        });
        rows.collect()
    }

    #[test]
    fn few_files_are_a_row_each() {
        let files = files(["/etc/passwd", "/app/main.py", "/app/lib/x"].map(str::to_owned));
        let expected = [("/app/lib/x", 1), ("/app/main.py", 1), ("/etc/passwd", 1)];
        assert_eq!(rows(&files), expected);
    }

    #[test]
    fn a_large_directory_is_one_row_and_the_small_ones_beside_it_are_not() {
        let modules = (0..10_000).map(|n| format!("/app/node_modules/{}/{n}.js", n % 100));
        let others = ["/app/main.js", "/etc/passwd", "/var/lib/dpkg/status.d/base"];
        let files = files(modules.chain(others.map(str::to_owned)));
        let expected = [
            ("/app/main.js", 1),
            ("/app/node_modules/", 10_000),
            ("/etc/passwd", 1),
            ("/var/lib/dpkg/status.d/base", 1),
        ];
        assert_eq!(rows(&files), expected);
    }

    proptest! {
        #[test]
        fn every_file_is_in_one_row(
            paths in prop::collection::vec("(/[ab]{1,2}){1,6}(/[a-z]{1,2})?", 1..400),
        ) {
            let files = files(paths);
            let groups = summary(&files);
            prop_assert!(groups.len() <= MOST.max(1));
            let listed: usize = groups.iter().map(|group| group.files.len()).sum();
            prop_assert_eq!(listed, files.len());
            for group in &groups {
                prop_assert!(group.files.iter().all(|file| file.path.starts_with(group.directory)));
            }
        }
    }
}
