//! What the headers before a member say about it: GNU's long names, and POSIX's pax records.
//!
//! | record | what it does |
//! |---|---|
//! | `path`, `linkpath`, `uname`, `gname`, `uid`, `gid`, `size`, `mtime` | takes the place of the header's |
//! | `SCHILY.xattr.*` | an extended attribute |
//! | `atime`, `ctime`, `comment`, `LIBARCHIVE.creationtime` | nothing here |
//! | `GNU.sparse.*` | refused: the bytes that follow are not those of the file |
//! | others | [`Unknown`] |
//!
//! A record with an empty value takes nothing's place: Go's `archive/tar`, which Docker, Podman and
//! containerd read with, keeps what the header has. What comes twice for a member is refused, since
//! readers differ in which of the two they take (CVE-2025-62518, CVE-2026-33055).

use tar::EntryType;

use super::member::{ReadError, refused};

/// What becomes of records and types of members that are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// They are refused: of a file system nothing may be left out that others may honour.
    Refused,
    /// They are skipped, and a member of an unknown type has no use: of an archive that only holds
    /// files, names and bytes are all that counts, and programs add much for themselves.
    Skipped,
}

/// What the members before an entry say about it.
#[derive(Debug, Default)]
pub(super) struct Extensions {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) user: Option<Vec<u8>>,
    pub(super) group: Option<Vec<u8>>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) size: Option<u64>,
    pub(super) mtime: Option<i64>,
    pub(super) xattrs: Vec<(String, Vec<u8>)>,
    /// What came already, by its key; of GNU's as of the pax record that says the same.
    seen: Vec<&'static str>,
}

impl Extensions {
    pub(super) fn is_empty(&self) -> bool {
        self.seen.is_empty() && self.xattrs.is_empty()
    }

    /// Takes what one header says.
    pub(super) fn take(
        &mut self,
        kind: EntryType,
        bytes: &[u8],
        unknown: Unknown,
    ) -> Result<(), ReadError> {
        match kind {
            EntryType::GNULongName | EntryType::GNULongLink => {
                let key = match kind {
                    EntryType::GNULongName => "path",
                    _ => "linkpath",
                };
                let end = bytes.iter().position(|&byte| byte == 0);
                let name = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
                if !self.is_first(key) {
                    return Err(refused(b"a long name", "comes twice for one member"));
                }
                self.set(key, name)
            }
            EntryType::XGlobalHeader => global(bytes, unknown),
            _ => self.pax(bytes, unknown),
        }
    }

    fn pax(&mut self, bytes: &[u8], unknown: Unknown) -> Result<(), ReadError> {
        for record in PaxRecords(bytes) {
            let (key, value) = record?;
            let known = KEYS.iter().find(|known| **known == key);
            match (known, key.strip_prefix("SCHILY.xattr.")) {
                (Some(known), _) => {
                    if !self.is_first(known) {
                        return Err(refused(b"a PAX header", &format!("has `{key}` twice")));
                    }
                    self.set(known, value)?;
                }
                (None, Some(name)) => self.xattrs.push((name.to_owned(), value.to_vec())),
                (None, None) if IGNORED.contains(&key) => {}
                (None, None) => unsupported(b"a PAX header", key, "", unknown)?,
            }
        }
        Ok(())
    }

    /// Whether this is the first value of a key.
    fn is_first(&mut self, key: &'static str) -> bool {
        let is_first = !self.seen.contains(&key);
        self.seen.push(key);
        is_first
    }

    fn set(&mut self, key: &str, value: &[u8]) -> Result<(), ReadError> {
        if value.is_empty() {
            return Ok(());
        }
        let number = || {
            let text = std::str::from_utf8(value).ok();
            let number = text.and_then(|text| text.parse::<u64>().ok());
            number.ok_or_else(|| refused(b"a PAX header", &format!("has a bad `{key}`")))
        };
        match key {
            "path" => self.path = Some(value.to_vec()),
            "linkpath" => self.link = Some(value.to_vec()),
            "uname" => self.user = Some(value.to_vec()),
            "gname" => self.group = Some(value.to_vec()),
            "uid" => self.uid = Some(number()?),
            "gid" => self.gid = Some(number()?),
            "size" => self.size = Some(number()?),
            _ => self.mtime = Some(seconds(value)?),
        }
        Ok(())
    }
}

/// The records that take the place of what the header has.
const KEYS: [&str; 8] = [
    "path", "linkpath", "uname", "gname", "uid", "gid", "size", "mtime",
];

/// Times that nothing here keeps, and words for people.
const IGNORED: [&str; 4] = ["atime", "ctime", "comment", "LIBARCHIVE.creationtime"];

/// A global header may only carry what changes nothing, as `git archive`'s comment does: Docker and
/// Podman ignore it, and others do not.
fn global(bytes: &[u8], unknown: Unknown) -> Result<(), ReadError> {
    for record in PaxRecords(bytes) {
        let (key, _) = record?;
        let unknown = match KEYS.contains(&key) {
            true => Unknown::Refused,
            false => unknown,
        };
        if !IGNORED.contains(&key) {
            unsupported(b"a global PAX header", key, " for a whole archive", unknown)?;
        }
    }
    Ok(())
}

fn unsupported(place: &[u8], key: &str, what: &str, unknown: Unknown) -> Result<(), ReadError> {
    match unknown {
        Unknown::Skipped if !key.starts_with("GNU.sparse.") => Ok(()),
        _ => {
            let problem = format!("has `{key}`, which is not supported{what}");
            Err(refused(place, &problem))
        }
    }
}

/// `1700000000.123456789` in PAX: whole seconds count, rounded down.
fn seconds(value: &[u8]) -> Result<i64, ReadError> {
    let text = std::str::from_utf8(value).ok();
    let whole = text.and_then(|text| text.split('.').next()?.parse().ok());
    whole.ok_or_else(|| refused(b"a PAX header", "has a bad `mtime`"))
}

/// The records of a PAX header: `LENGTH KEY=VALUE\n`, where the length counts all of it.
struct PaxRecords<'a>(&'a [u8]);

impl<'a> Iterator for PaxRecords<'a> {
    type Item = Result<(&'a str, &'a [u8]), ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let record = pax_record(self.0);
        let result = record.ok_or_else(|| refused(b"a PAX header", "is damaged"));
        match &result {
            Ok((_, _, rest)) => self.0 = rest,
            Err(_) => self.0 = &[],
        }
        Some(result.map(|(key, value, _)| (key, value)))
    }
}

fn pax_record(bytes: &[u8]) -> Option<(&str, &[u8], &[u8])> {
    let space = bytes.iter().take(12).position(|&byte| byte == b' ')?;
    let length: usize = std::str::from_utf8(&bytes[..space]).ok()?.parse().ok()?;
    let record = bytes.get(space + 1..length)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|&byte| byte == b'=')?;
    let key = std::str::from_utf8(&record[..equals]).ok()?;
    Some((key, &record[equals + 1..], &bytes[length..]))
}
