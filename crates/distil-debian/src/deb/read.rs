//! From the bytes of a `.deb` to a [`Package`].

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read, Write};
use std::num::NonZeroUsize;

use distil_store::HashingReader;
use distil_tree::tar::{Limits, Member, MemberKind, ReadError, Reader};
use distil_tree::{PathError, Printable, TreePath};
use md5::{Digest as _, Md5};

use super::ar::{Ar, ArError};
use super::contents::{EntryKind, Package, PackageEntry};
use super::decompress::decompress;
use super::error::{DebError, Expected};

/// Limits of `control.tar`: the largest of Debian's have a few MB of `md5sums`.
const CONTROL_LIMITS: Limits = Limits {
    size: 64 << 20,
    members: 256,
    extension: 4 << 10,
};

/// Reads a package from `input`, and writes the bytes of its files to `output`, one after
/// another, with the index behind them. A package that unpacks to more than `limit` bytes is
/// refused. Its files are decompressed on up to so many `threads`, if they are packed so that
/// several can share the work.
///
/// # Errors
/// If the bytes are not `expected`, whatever else is wrong with them: so a damaged download is
/// told from a package that is malformed as the archive has it.
pub fn unpack(
    input: impl Read,
    expected: Expected,
    limit: u64,
    threads: NonZeroUsize,
    output: &mut impl Write,
) -> Result<Package, DebError> {
    let mut input = HashingReader::new(input);
    // One byte more than announced is enough to know.
    let bounded = (&mut input).take(expected.size.saturating_add(1));
    let result = read_members(bounded, limit, threads, output);
    if let Err(DebError::Write(_)) = result {
        return result;
    }
    // The reader may have stopped early; the digest is over all bytes.
    let rest = (&mut input).take(expected.size.saturating_add(1));
    io::copy(&mut { rest }, &mut io::sink()).map_err(|source| DebError::Ar {
        source: Box::new(source),
    })?;
    let actual = Expected {
        size: input.bytes_read(),
        digest: input.digest(),
    };
    if actual != expected {
        return Err(DebError::Digest { expected, actual });
    }
    let package = result?;
    package.write_index(output).map_err(DebError::Write)?;
    Ok(package)
}

/// Reads the control file of a package, and nothing behind it.
pub(super) fn read_control(input: impl Read) -> Result<String, DebError> {
    let mut ar = Ar::new(input)?;
    version(&mut ar)?;
    Ok(control(&mut ar)?.0)
}

/// The control file, and the other control files by their names.
fn control(ar: &mut Ar<impl Read>) -> Result<(String, BTreeMap<String, String>), DebError> {
    loop {
        let header = ar.next()?.ok_or_else(|| missing("control.tar"))?;
        match header.name.strip_prefix("control.tar") {
            // deb(5): a leading underscore marks members that readers skip.
            None if header.name.starts_with('_') => {}
            None => {
                let name = Printable(header.name.as_bytes()).to_string();
                let message = format!("its second member is `{name}` instead of `control.tar`");
                return Err(DebError::Format(message));
            }
            Some(extension) => {
                let reader = decompress(ar, extension, &header.name, NonZeroUsize::MIN)?;
                return control_members(reader, &header.name);
            }
        }
    }
}

fn read_members(
    input: impl Read,
    limit: u64,
    threads: NonZeroUsize,
    output: &mut impl Write,
) -> Result<Package, DebError> {
    let mut ar = Ar::new(input)?;
    version(&mut ar)?;
    let (control, control_files) = control(&mut ar)?;
    let entries = loop {
        let header = ar.next()?.ok_or_else(|| missing("data.tar"))?;
        match header.name.strip_prefix("data.tar") {
            None if header.name.starts_with('_') => {}
            None => {
                let name = Printable(header.name.as_bytes()).to_string();
                let message = format!("it has `{name}` where `data.tar` should be");
                return Err(DebError::Format(message));
            }
            Some(extension) => {
                let reader = decompress(&mut ar, extension, &header.name, threads)?;
                break data_members(reader, &header.name, limit, output)?;
            }
        }
    };
    while let Some(header) = ar.next()? {
        // deb(5) allows more members behind these three; two of one name say two things.
        if ["debian-binary", "control.tar", "data.tar"]
            .iter()
            .any(|n| header.name.starts_with(n))
        {
            let name = Printable(header.name.as_bytes()).to_string();
            return Err(DebError::Format(format!(
                "it has `{name}` beside another of its kind"
            )));
        }
    }
    if ar.is_cut_off() {
        return Err(ArError::CutOff { member: 0 }.into());
    }
    drop(ar.into_inner());
    Ok(Package {
        control,
        control_files,
        entries,
    })
}

fn missing(name: &str) -> DebError {
    DebError::Format(format!("it has no `{name}`"))
}

/// `debian-binary` holds the format's version; a higher minor number changes nothing here.
fn version(ar: &mut Ar<impl Read>) -> Result<(), DebError> {
    let header = ar.next()?.filter(|header| header.name == "debian-binary");
    header.ok_or_else(|| missing("debian-binary"))?;
    let mut text = String::new();
    let result = ar.take(64).read_to_string(&mut text);
    if result.is_err() || !text.starts_with("2.") {
        let version = Printable(text.trim_end().as_bytes()).to_string();
        let message = format!("its format is `{version}`, and only version 2 is known");
        return Err(DebError::Format(message));
    }
    Ok(())
}

fn control_members(
    input: impl Read,
    name: &str,
) -> Result<(String, BTreeMap<String, String>), DebError> {
    let tar = |source| DebError::Tar {
        member: name.to_owned(),
        source,
    };
    let mut files = BTreeMap::new();
    let result = Reader::new(input, CONTROL_LIMITS).for_each(|member, content| {
        let path = TreePath::from_archive(&member.path);
        let path = path.map_err(|problem| Step::Entry(refused(&member.path, problem)))?;
        let file = path
            .as_str()
            .filter(|path| !path.is_empty() && !path.contains('/'));
        let (Some(file), MemberKind::File(_)) = (file, &member.kind) else {
            return Ok(());
        };
        if file == "md5sums" {
            return Ok(());
        }
        let mut bytes = Vec::new();
        let read = content.read_to_end(&mut bytes);
        read.map_err(|source| ReadError::of_content(source, 0))?;
        if let Ok(text) = String::from_utf8(bytes)
            && files.insert(file.to_owned(), text).is_some()
        {
            return Err(Step::Entry(entry_error(&member.path, "is there twice")));
        }
        Ok(())
    });
    result.map_err(|step| step.into_error(tar))?;
    match files.remove("control") {
        Some(control) => Ok((control, files)),
        None => Err(DebError::Format(format!(
            "its `{name}` has no `control` in it"
        ))),
    }
}

/// Why the walk over a tar archive stopped.
enum Step {
    Tar(ReadError),
    Entry(DebError),
}

impl From<ReadError> for Step {
    fn from(error: ReadError) -> Self {
        Self::Tar(error)
    }
}

impl Step {
    fn into_error(self, tar: impl FnOnce(ReadError) -> DebError) -> DebError {
        match self {
            Self::Tar(error) => tar(error),
            Self::Entry(error) => error,
        }
    }
}

fn entry_error(path: &[u8], problem: impl Into<String>) -> DebError {
    DebError::Entry {
        path: Printable(path).to_string(),
        problem: problem.into(),
    }
}

fn refused(path: &[u8], problem: PathError) -> DebError {
    entry_error(path, problem.to_string())
}

fn data_members(
    input: impl Read,
    name: &str,
    limit: u64,
    output: &mut impl Write,
) -> Result<Vec<PackageEntry>, DebError> {
    let tar = |source| DebError::Tar {
        member: name.to_owned(),
        source,
    };
    let mut data = Data {
        output,
        written: 0,
        entries: Vec::new(),
        places: HashMap::new(),
    };
    let reader = Reader::new(
        input,
        Limits {
            size: limit,
            ..Limits::default()
        },
    );
    let result = reader.for_each(|member, content| data.take(member, content));
    result.map_err(|step| step.into_error(tar))?;
    Ok(data.entries)
}

/// The members of `data.tar` so far.
struct Data<'a, W> {
    output: &'a mut W,
    written: u64,
    entries: Vec<PackageEntry>,
    places: HashMap<TreePath, usize>,
}

impl<W: Write> Data<'_, W> {
    fn take(&mut self, member: Member, content: &mut dyn Read) -> Result<(), Step> {
        let name = &member.path;
        let fault = |problem: &str| Step::Entry(entry_error(name, problem));
        let path = TreePath::from_archive(name).map_err(|e| Step::Entry(refused(name, e)))?;
        // Debian Policy §10.10.
        let text = path
            .as_str()
            .ok_or_else(|| fault("has a name that is not UTF-8"))?
            .to_owned();
        if path.is_root() && member.kind != MemberKind::Directory {
            return Err(fault("is the root of the file system, and no directory"));
        }
        if !member.xattrs.is_empty() {
            return Err(fault(
                "has extended attributes, which Debian's packages never have",
            ));
        }
        let kind = match member.kind {
            MemberKind::Directory => EntryKind::Directory,
            MemberKind::File(size) => self.copy(size, content)?,
            MemberKind::Symlink(ref target) => {
                let target = std::str::from_utf8(target);
                let target = target.map_err(|_| fault("links to a name that is not UTF-8"))?;
                if target.is_empty() || target.contains('\0') {
                    return Err(fault("links to nothing"));
                }
                if leads_out(&path, target) {
                    return Err(fault(&format!("links out of the package, to `{target}`")));
                }
                EntryKind::Symlink(target.to_owned())
            }
            MemberKind::HardLink(ref target) => {
                let target = TreePath::from_archive(target)
                    .map_err(|problem| fault(&format!("links to a name that {problem}")))?;
                let earlier = self.places.get(&target).copied();
                let is_file =
                    |&place: &usize| matches!(self.entries[place].kind, EntryKind::File { .. });
                let place = earlier.filter(is_file);
                EntryKind::HardLink(place.ok_or_else(|| {
                    fault(&format!(
                        "is a hard link to `{target}`, which is no file before it"
                    ))
                })?)
            }
            MemberKind::Special(word) => {
                return Err(fault(&format!("is a {word}, which packages must not ship")));
            }
        };
        if let Some(&earlier) = self.places.get(&path) {
            if kind == EntryKind::Directory && self.entries[earlier].kind == EntryKind::Directory {
                return Ok(());
            }
            return Err(fault("is there twice"));
        }
        let number = |number: u64, what: &str| {
            u32::try_from(number).map_err(|_| fault(&format!("has an impossible {what}")))
        };
        let (uid, gid) = (number(member.uid, "owner")?, number(member.gid, "group")?);
        let word = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        let (user, group) = (word(&member.user), word(&member.group));
        self.places.insert(path, self.entries.len());
        let (mode, mtime) = (member.mode, member.mtime.max(0));
        self.entries.push(PackageEntry {
            path: text,
            kind,
            mode,
            uid,
            gid,
            user,
            group,
            mtime,
        });
        Ok(())
    }

    fn copy(&mut self, size: u64, content: &mut dyn Read) -> Result<EntryKind, Step> {
        let mut md5 = Md5::new();
        let mut buffer = [0; 1 << 16];
        let mut copied = 0;
        loop {
            let read = content.read(&mut buffer);
            let members = self.entries.len() as u64;
            let count = read.map_err(|source| ReadError::of_content(source, members))?;
            if count == 0 {
                break;
            }
            md5.update(&buffer[..count]);
            let write = self.output.write_all(&buffer[..count]);
            write.map_err(|error| Step::Entry(DebError::Write(error)))?;
            copied += count as u64;
        }
        if copied != size {
            let source = io::ErrorKind::UnexpectedEof.into();
            return Err(ReadError::Damaged {
                members: self.entries.len() as u64,
                source,
            }
            .into());
        }
        let offset = self.written;
        self.written += size;
        let md5 = md5
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Ok(EntryKind::File { offset, size, md5 })
    }
}

/// Whether a link at `path` climbs higher than the root.
fn leads_out(path: &TreePath, target: &str) -> bool {
    let mut depth = match target.starts_with('/') {
        true => 0,
        false => path.parts().count().saturating_sub(1),
    };
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    false
}
