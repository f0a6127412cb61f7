//! Binary packages (deb(5)), sound and broken.

use std::collections::BTreeSet;

use crate::ar::{DebFault, Member, apply};
use crate::compression::Compression;
use crate::digest::md5_hex;
use crate::tarball::{Entry, EntryKind, dotted, write_tar};

/// The time of files that are not given one: 1 June 2025.
pub(crate) const DEFAULT_MTIME: u64 = 1_748_736_000;

/// Makes one `.deb`.
///
/// Files are written in the order in which they were added, with the directories above them
/// before them, unless those were added already. The same builder always gives the same bytes.
///
/// ```
/// use distil_fixture::{DebBuilder, Entry};
/// let deb = DebBuilder::new("hello", "2.10-3", "amd64")
///     .field("Depends", "libc6 (>= 2.34)")
///     .executable("/usr/bin/hello", b"\x7fELF")
///     .entry(Entry::file("/etc/shadow-like", "").mode(0o640).owner(0, 42).owner_names("root", "shadow"))
///     .build();
/// assert!(deb.starts_with(b"!<arch>\ndebian-binary"));
/// ```
#[derive(Debug, Clone)]
pub struct DebBuilder {
    name: String,
    version: String,
    architecture: String,
    fields: Vec<(String, String)>,
    entries: Vec<Entry>,
    control_files: Vec<(String, Vec<u8>, u32)>,
    conffiles: Vec<String>,
    md5sums: bool,
    parents: bool,
    mtime: u64,
    control_compression: Compression,
    data_compression: Compression,
    raw_control_tar: Option<Vec<u8>>,
    raw_data_tar: Option<Vec<u8>>,
    raw_control: Option<Vec<u8>>,
    faults: Vec<DebFault>,
}

impl DebBuilder {
    /// A package without files, with what Policy §5.3 requires of a control file.
    #[must_use]
    pub fn new(name: &str, version: &str, architecture: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            architecture: architecture.to_owned(),
            fields: Vec::new(),
            entries: Vec::new(),
            control_files: Vec::new(),
            conffiles: Vec::new(),
            md5sums: true,
            parents: true,
            mtime: DEFAULT_MTIME,
            control_compression: Compression::Xz,
            data_compression: Compression::Xz,
            raw_control_tar: None,
            raw_data_tar: None,
            raw_control: None,
            faults: Vec::new(),
        }
    }

    /// Sets a control field: `Depends`, `Multi-Arch`, `Source`, or any other. One that is set
    /// twice has the later value. `Maintainer`, `Description`, `Section` and `Priority` have
    /// defaults.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Gives the package another version, and replaces the old one in all its fields as well, as
    /// a new upload of the same source does.
    #[must_use]
    pub fn renumber(mut self, old: &str, new: &str) -> Self {
        self.version = self.version.replace(old, new);
        for (_, value) in &mut self.fields {
            *value = value.replace(old, new);
        }
        self
    }

    /// Sets `Depends`.
    #[must_use]
    pub fn depends(self, relations: &str) -> Self {
        self.field("Depends", relations)
    }

    /// Sets `Provides`.
    #[must_use]
    pub fn provides(self, relations: &str) -> Self {
        self.field("Provides", relations)
    }

    /// Sets `Multi-Arch`: `same`, `foreign` or `allowed`.
    #[must_use]
    pub fn multi_arch(self, kind: &str) -> Self {
        self.field("Multi-Arch", kind)
    }

    /// Sets `Source`: `NAME` or `NAME (VERSION)`.
    #[must_use]
    pub fn source(self, source: &str) -> Self {
        self.field("Source", source)
    }

    /// Adds a file of mode 0644, root's.
    #[must_use]
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.entry(Entry::file(path, content))
    }

    /// Adds a file of mode 0755, root's.
    #[must_use]
    pub fn executable(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.entry(Entry::file(path, content).mode(0o755))
    }

    /// Adds a directory of mode 0755, root's.
    #[must_use]
    pub fn directory(self, path: &str) -> Self {
        self.entry(Entry::directory(path))
    }

    /// Adds a symbolic link.
    #[must_use]
    pub fn symlink(self, path: &str, target: &str) -> Self {
        self.entry(Entry::symlink(path, target))
    }

    /// Adds a hard link to a file that was added before, with its mode, owner and time.
    ///
    /// # Panics
    /// When it was not.
    #[must_use]
    pub fn hard_link(self, path: &str, target: &str) -> Self {
        let link = Entry::hard_link(path, target);
        let first = self
            .entries
            .iter()
            .find(|entry| entry.path() == dotted(target))
            .unwrap_or_else(|| panic!("no entry `{target}` stands before its hard link"))
            .clone();
        self.entry(link.like(&first))
    }

    /// Adds a file of this many zero bytes, which are compressed as they are made: a bomb.
    #[must_use]
    pub fn bomb(self, path: &str, size: u64) -> Self {
        self.entry(Entry::verbatim(dotted(path), EntryKind::Zeros(size)))
    }

    /// Adds an entry, sound or not.
    #[must_use]
    pub fn entry(mut self, entry: Entry) -> Self {
        self.entries.push(entry);
        self
    }

    /// Adds a file that is listed in `conffiles`.
    #[must_use]
    pub fn conffile(mut self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.conffiles.push(path.to_owned());
        self.file(path, content)
    }

    /// Adds a maintainer script: `preinst`, `postinst`, `prerm`, `postrm` or `config`.
    #[must_use]
    pub fn script(mut self, name: &str, text: &str) -> Self {
        self.control_files
            .push((name.to_owned(), text.as_bytes().to_vec(), 0o755));
        self
    }

    /// Adds any other control file: `triggers`, `shlibs`, `templates` …
    #[must_use]
    pub fn control_file(mut self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.control_files
            .push((name.to_owned(), content.as_ref().to_vec(), 0o644));
        self
    }

    /// Whether the control archive has `md5sums` (it does unless told otherwise).
    #[must_use]
    pub fn md5sums(mut self, present: bool) -> Self {
        self.md5sums = present;
        self
    }

    /// Whether directories above an entry are added before it (they are unless told otherwise).
    #[must_use]
    pub fn parents(mut self, present: bool) -> Self {
        self.parents = present;
        self
    }

    /// The time of the package, and of entries without one of their own, in seconds since the
    /// epoch.
    #[must_use]
    pub fn mtime(mut self, seconds: u64) -> Self {
        self.mtime = seconds;
        self
    }

    /// Compresses both `control.tar` and `data.tar` so.
    #[must_use]
    pub fn compression(self, compression: Compression) -> Self {
        self.control_compression(compression)
            .data_compression(compression)
    }

    /// Compresses `control.tar` so.
    #[must_use]
    pub fn control_compression(mut self, compression: Compression) -> Self {
        self.control_compression = compression;
        self
    }

    /// Compresses `data.tar` so.
    #[must_use]
    pub fn data_compression(mut self, compression: Compression) -> Self {
        self.data_compression = compression;
        self
    }

    /// Takes these bytes as `data.tar`, before compression, instead of the entries.
    #[must_use]
    pub fn raw_data_tar(mut self, tar: Vec<u8>) -> Self {
        self.raw_data_tar = Some(tar);
        self
    }

    /// Takes these bytes as `control.tar`, before compression.
    #[must_use]
    pub fn raw_control_tar(mut self, tar: Vec<u8>) -> Self {
        self.raw_control_tar = Some(tar);
        self
    }

    /// Takes these bytes as the `control` file inside the package. The archive's index goes on
    /// telling what the fields say, so the two can disagree.
    #[must_use]
    pub fn raw_control(mut self, control: impl AsRef<[u8]>) -> Self {
        self.raw_control = Some(control.as_ref().to_vec());
        self
    }

    /// Breaks the package in one more way.
    #[must_use]
    pub fn fault(mut self, fault: DebFault) -> Self {
        self.faults.push(fault);
        self
    }

    /// The package's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The package's version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The package's architecture.
    #[must_use]
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// The name of the source package, without its version.
    #[must_use]
    pub fn source_name(&self) -> &str {
        self.fields
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("Source"))
            .and_then(|(_, value)| value.split_whitespace().next())
            .unwrap_or(&self.name)
    }

    /// The section that the package is in, by default `misc`.
    #[must_use]
    pub fn section(&self) -> &str {
        let mut fields = self.fields.iter();
        let section = fields.find(|(name, _)| name.eq_ignore_ascii_case("Section"));
        section.map_or("misc", |(_, value)| value)
    }

    /// The paths of everything but directories, as they stand in the package.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        let entries = self.entries.iter();
        entries
            .filter(|entry| !matches!(entry.kind(), EntryKind::Directory))
            .map(|entry| String::from_utf8_lossy(entry.path()).into_owned())
            .collect()
    }

    /// `NAME_VERSION_ARCHITECTURE.deb`, without the version's epoch, as archives name it.
    #[must_use]
    pub fn file_name(&self) -> String {
        let version = self
            .version
            .split_once(':')
            .map_or(self.version.as_str(), |(_, rest)| rest);
        format!("{}_{version}_{}.deb", self.name, self.architecture)
    }

    /// The control stanza that the fields make (Policy §5.3), ending in a newline.
    #[must_use]
    pub fn control(&self) -> String {
        let value = |name: &str, default: &str| {
            self.fields
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name))
                .map_or_else(|| default.to_owned(), |(_, value)| value.clone())
        };
        let mut lines = vec![("Package".to_owned(), self.name.clone())];
        if let Some(source) = self.fields.iter().find(|(name, _)| name == "Source") {
            lines.push(source.clone());
        }
        lines.push(("Version".to_owned(), self.version.clone()));
        lines.push(("Architecture".to_owned(), self.architecture.clone()));
        lines.push((
            "Maintainer".to_owned(),
            value("Maintainer", "Fixture Archive <fixture@mirror.example>"),
        ));
        lines.push((
            "Installed-Size".to_owned(),
            value("Installed-Size", &self.installed_size().to_string()),
        ));
        let placed = [
            "Source",
            "Maintainer",
            "Installed-Size",
            "Section",
            "Priority",
            "Description",
        ];
        for (name, value) in &self.fields {
            if !placed.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                lines.push((name.clone(), value.clone()));
            }
        }
        lines.push(("Section".to_owned(), value("Section", "misc")));
        lines.push(("Priority".to_owned(), value("Priority", "optional")));
        lines.push((
            "Description".to_owned(),
            value("Description", &format!("fixture of {}", self.name)),
        ));
        lines
            .iter()
            .map(|(name, value)| format!("{name}: {value}\n"))
            .collect()
    }

    /// The bytes of the package.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let mut members = self.members();
        let mut magic = b"!<arch>\n".to_vec();
        let mut tail = Vec::new();
        let mut end = None;
        for fault in &self.faults {
            match fault {
                DebFault::TruncatedAt(length) => end = Some(*length),
                DebFault::Magic(bytes) => magic.clone_from(bytes),
                DebFault::TrailingGarbage(bytes) => tail.extend_from_slice(bytes),
                other => apply(other, &mut members),
            }
        }
        let mut deb = magic;
        for member in &members {
            member.write(&mut deb, self.mtime);
        }
        deb.extend_from_slice(&tail);
        if let Some(end) = end {
            deb.truncate(end);
        }
        deb
    }

    fn members(&self) -> Vec<Member> {
        let control = match &self.raw_control_tar {
            Some(tar) => self.control_compression.compress(tar),
            None => {
                let entries = self.control_entries();
                self.control_compression
                    .compress_with(|sink| write_tar(sink, &entries, self.mtime))
            }
        };
        let data = match &self.raw_data_tar {
            Some(tar) => self.data_compression.compress(tar),
            None => {
                let entries = self.data_entries();
                self.data_compression
                    .compress_with(|sink| write_tar(sink, &entries, self.mtime))
            }
        };
        vec![
            Member::new("debian-binary", b"2.0\n".to_vec()),
            Member::new(
                &format!("control.tar{}", self.control_compression.extension()),
                control,
            ),
            Member::new(
                &format!("data.tar{}", self.data_compression.extension()),
                data,
            ),
        ]
    }

    fn control_entries(&self) -> Vec<Entry> {
        let control = self
            .raw_control
            .clone()
            .unwrap_or_else(|| self.control().into_bytes());
        let mut files = vec![("control".to_owned(), control, 0o644)];
        if !self.conffiles.is_empty() {
            let list: String = self
                .conffiles
                .iter()
                .map(|path| format!("{path}\n"))
                .collect();
            files.push(("conffiles".to_owned(), list.into_bytes(), 0o644));
        }
        if self.md5sums {
            files.push(("md5sums".to_owned(), self.md5sums_text(), 0o644));
        }
        files.extend(self.control_files.iter().cloned());
        let mut entries = vec![Entry::directory("./")];
        entries.extend(
            files
                .iter()
                .map(|(name, content, mode)| Entry::file(name, content).mode(*mode)),
        );
        entries
    }

    /// `md5sums` has one line a regular file that is not a conffile, sorted by path.
    fn md5sums_text(&self) -> Vec<u8> {
        let mut lines: Vec<(Vec<u8>, String)> = Vec::new();
        for entry in &self.entries {
            let EntryKind::File(content) = entry.kind() else {
                continue;
            };
            let path = entry.path().strip_prefix(b"./").unwrap_or(entry.path());
            let is_conffile = self
                .conffiles
                .iter()
                .any(|known| known.trim_start_matches('/').as_bytes() == path);
            if !is_conffile {
                lines.push((path.to_vec(), md5_hex(content)));
            }
        }
        lines.sort();
        let mut text = Vec::new();
        for (path, digest) in lines {
            text.extend_from_slice(format!("{digest}  ").as_bytes());
            text.extend_from_slice(&path);
            text.push(b'\n');
        }
        text
    }

    fn data_entries(&self) -> Vec<Entry> {
        if !self.parents {
            return self.entries.clone();
        }
        let explicit: BTreeSet<&[u8]> = self.entries.iter().map(Entry::path).collect();
        let mut known: BTreeSet<Vec<u8>> = BTreeSet::new();
        let mut entries = Vec::new();
        for entry in &self.entries {
            let path = entry.path();
            if path.starts_with(b"./") && path != b"./" {
                let slashes = path[..path.len() - 1]
                    .iter()
                    .enumerate()
                    .filter(|(_, byte)| **byte == b'/')
                    .map(|(at, _)| at);
                for at in slashes {
                    let parent = &path[..=at];
                    if !explicit.contains(parent) && known.insert(parent.to_vec()) {
                        entries.push(Entry::verbatim(parent, EntryKind::Directory));
                    }
                }
            }
            entries.push(entry.clone());
        }
        if entries.is_empty() {
            entries.push(Entry::directory("./"));
        }
        entries
    }

    /// In KiB, every file rounded up and every other entry one, as dpkg-gencontrol counts.
    fn installed_size(&self) -> u64 {
        self.entries
            .iter()
            .map(|entry| match entry.kind() {
                EntryKind::File(content) => (content.len() as u64).div_ceil(1024),
                EntryKind::Zeros(size) => size.div_ceil(1024),
                _ => 1,
            })
            .sum()
    }
}

#[cfg(test)]
mod tests;
