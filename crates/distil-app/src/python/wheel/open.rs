//! What a wheel says of itself: its files, its metadata, its commands.

use std::collections::BTreeMap;
use std::io::{Read, Seek};
use std::sync::Arc;

use distil_store::Digest;
use distil_tree::TreePath;
use distil_tree::zip::{Archive, Entry};

use super::super::name::Name;
use super::super::tag::WheelName;
use super::entry_points::{Function, commands};
use super::error::WheelError;
use super::record;

/// The largest text that is read of a wheel. `RECORD` of the largest (40,000 files) has 4 MB.
const MAX_TEXT: u64 = 16 << 20;

/// The most bytes that a wheel may unpack to; the largest of PyPI (with CUDA) have 3 GB.
const MAX_UNPACKED: u64 = 16 << 30;

/// A wheel whose metadata was read.
pub struct Wheel<R> {
    pub(super) archive: Archive<R>,
    pub(super) entries: Arc<[Entry]>,
    /// The paths of the entries that are files, with their indexes.
    pub(super) files: Vec<(TreePath, usize)>,
    /// The name of the `.dist-info` directory.
    pub(super) dist_info: String,
    pub(super) name: Name,
    pub(super) digests: BTreeMap<String, Digest>,
    pub(super) commands: BTreeMap<String, Function>,
}

impl<R: Read + Seek> Wheel<R> {
    /// Reads a wheel's list of files and its metadata. `file_name` says what it should be.
    ///
    /// # Errors
    /// If it is not a wheel, is another than its name says, or has what no wheel may have.
    pub fn open(input: R, file_name: &str) -> Result<Self, WheelError> {
        let expected = WheelName::parse(file_name)?;
        let mut archive = Archive::new(input)?;
        let entries = archive.entries();
        let mut files: Vec<(TreePath, usize)> = Vec::new();
        let mut unpacked: u64 = 0;
        for (index, entry) in entries.iter().enumerate() {
            let path = TreePath::from_archive(&entry.name).map_err(|problem| WheelError::Path {
                name: entry.name.clone(),
                problem,
            })?;
            unpacked = unpacked.saturating_add(entry.size);
            if !entry.is_directory() {
                files.push((path, index));
            }
        }
        if unpacked > MAX_UNPACKED {
            let gib = MAX_UNPACKED >> 30;
            return Err(WheelError::TooLarge(format!(
                "it unpacks to more than {gib} GiB"
            )));
        }
        let mut paths: Vec<&TreePath> = files.iter().map(|(path, _)| path).collect();
        paths.sort();
        let mut pairs = paths.iter().zip(paths.iter().skip(1));
        if let Some((one, _)) = pairs.find(|(one, other)| one == other) {
            return Err(WheelError::Twice((*one).clone()));
        }
        let dist_info = dist_info(&files)?;
        let find = |name: &str| {
            let path = TreePath::of(&dist_info).join(name);
            let found = files.iter().find(|(one, _)| *one == path);
            found.and_then(|(_, index)| entries.get(*index))
        };
        let mut read = |name: &str| -> Result<Option<String>, WheelError> {
            let Some(entry) = find(name) else {
                return Ok(None);
            };
            let file = format!("{dist_info}/{name}");
            if entry.size > MAX_TEXT {
                return Err(WheelError::TooLarge(format!(
                    "`{file}` has {} bytes",
                    entry.size
                )));
            }
            let mut bytes = Vec::new();
            archive.content(entry)?.read_to_end(&mut bytes)?;
            let text = String::from_utf8(bytes);
            text.map(Some).map_err(|_| WheelError::Text {
                file,
                what: "it is not UTF-8".to_owned(),
            })
        };
        let lacks = |name: &str| WheelError::Lacks(format!("{dist_info}/{name}"));
        let wheel = read("WHEEL")?.ok_or_else(|| lacks("WHEEL"))?;
        let version = field(&wheel, "Wheel-Version").unwrap_or("1.0");
        if version.split('.').next() != Some("1") {
            return Err(WheelError::Version(version.chars().take(40).collect()));
        }
        let metadata = read("METADATA")?.ok_or_else(|| lacks("METADATA"))?;
        let found = (
            field(&metadata, "Name").unwrap_or_default(),
            field(&metadata, "Version").unwrap_or_default(),
        );
        if !is_same(found, &expected) {
            return Err(WheelError::Other {
                found: format!("{} {}", found.0, found.1)
                    .escape_debug()
                    .to_string(),
                expected: format!("{} {}", expected.name, expected.version),
            });
        }
        let record = read("RECORD")?.ok_or_else(|| lacks("RECORD"))?;
        let text = read("entry_points.txt")?.unwrap_or_default();
        let commands = commands(&format!("{dist_info}/entry_points.txt"), &text)?;
        Ok(Self {
            archive,
            entries,
            files,
            digests: record::digests(&record),
            dist_info,
            name: expected.name,
            commands,
        })
    }
}

/// The one top directory that ends so.
fn dist_info(files: &[(TreePath, usize)]) -> Result<String, WheelError> {
    let mut found: Vec<&str> = files
        .iter()
        .filter_map(|(path, _)| path.as_str()?.split_once('/'))
        .map(|(top, _)| top)
        .filter(|top| top.ends_with(".dist-info"))
        .collect();
    found.sort_unstable();
    found.dedup();
    match found.as_slice() {
        [only] => Ok((*only).to_owned()),
        several => Err(WheelError::DistInfo(several.len())),
    }
}

/// The first field of this name in the headers of an email-like text (core metadata, PEP 566).
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let headers = text.lines().take_while(|line| !line.is_empty());
    let mut fields = headers.filter_map(|line| line.split_once(':'));
    let found = fields.find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim())
}

fn is_same((name, version): (&str, &str), expected: &WheelName) -> bool {
    Name::parse(name).is_ok_and(|name| name == expected.name) && expected.is_version(version)
}
