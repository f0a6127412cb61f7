//! Writing tar archives: the same entries always give the same bytes.
//!
//! GNU's format: numbers only, no names of owners, long names by `L` and `K` members, which
//! every engine's reader knows. Hard links are written as links to the first of their names.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;

use tar::{EntryType, Header};

use crate::path::TreePath;
use crate::tree::{Entry, FileNode, Kind};

/// Writes entries of a tree to a tar stream.
pub struct Writer<W: Write> {
    builder: tar::Builder<W>,
    first_names: HashMap<*const FileNode, TreePath>,
}

impl<W: Write> Writer<W> {
    /// A writer that writes to `output`.
    pub fn new(output: W) -> Self {
        Self {
            builder: tar::Builder::new(output),
            first_names: HashMap::new(),
        }
    }

    /// Writes one entry; the root is written as `./`.
    pub fn append(&mut self, path: &TreePath, entry: &Entry) -> io::Result<()> {
        if let Kind::File(node) = &entry.kind {
            if let Some(first) = self.first_names.get(&Arc::as_ptr(node)) {
                return write_link(&mut self.builder, path, first, entry);
            }
            // One count means that no other entry can share the bytes.
            if Arc::strong_count(node) > 1 {
                self.first_names.insert(Arc::as_ptr(node), path.clone());
            }
        }
        write_entry(&mut self.builder, path, entry)
    }

    /// The stream below, for those who cut it.
    pub fn output(&mut self) -> &mut W {
        self.builder.get_mut()
    }

    /// Writes the end of the archive, and gives the output back.
    pub fn finish(self) -> io::Result<W> {
        self.builder.into_inner()
    }
}

/// Writes one entry that is not a hard link to an earlier one.
pub fn write_entry<W: Write>(
    builder: &mut tar::Builder<W>,
    path: &TreePath,
    entry: &Entry,
) -> io::Result<()> {
    let mut header = header(entry)?;
    let mut name = path.as_bytes().to_vec();
    match &entry.kind {
        Kind::Directory => {
            header.set_entry_type(EntryType::Directory);
            if name.is_empty() {
                name.push(b'.');
            }
            name.push(b'/');
            append(builder, header, &name, &mut io::empty())
        }
        Kind::File(node) => {
            header.set_entry_type(EntryType::Regular);
            header.set_size(node.content.size());
            append(builder, header, &name, &mut node.content.reader())
        }
        Kind::Symlink(target) => {
            header.set_entry_type(EntryType::Symlink);
            set_link(builder, &mut header, target)?;
            append(builder, header, &name, &mut io::empty())
        }
    }
}

fn write_link<W: Write>(
    builder: &mut tar::Builder<W>,
    path: &TreePath,
    first: &TreePath,
    entry: &Entry,
) -> io::Result<()> {
    let mut header = header(entry)?;
    header.set_entry_type(EntryType::Link);
    set_link(builder, &mut header, first.as_bytes())?;
    append(builder, header, path.as_bytes(), &mut io::empty())
}

fn header(entry: &Entry) -> io::Result<Header> {
    let mut header = Header::new_gnu();
    header.set_mode(entry.meta.mode);
    header.set_uid(u64::from(entry.meta.uid));
    header.set_gid(u64::from(entry.meta.gid));
    let negative = |_| io::Error::new(io::ErrorKind::InvalidData, "a time before 1970");
    header.set_mtime(u64::try_from(entry.meta.mtime).map_err(negative)?);
    header.set_size(0);
    Ok(header)
}

fn append<W: Write>(
    builder: &mut tar::Builder<W>,
    mut header: Header,
    name: &[u8],
    content: &mut dyn io::Read,
) -> io::Result<()> {
    let field = header_name(&mut header, name);
    if !field {
        write_long(builder, EntryType::GNULongName, name)?;
    }
    header.set_cksum();
    builder.append(&header, content)
}

fn header_name(header: &mut Header, name: &[u8]) -> bool {
    let Some(gnu) = header.as_gnu_mut() else {
        return false;
    };
    let fits = name.len() < gnu.name.len();
    let count = name.len().min(gnu.name.len());
    gnu.name[..count].copy_from_slice(&name[..count]);
    fits
}

fn set_link<W: Write>(
    builder: &mut tar::Builder<W>,
    header: &mut Header,
    target: &[u8],
) -> io::Result<()> {
    let Some(gnu) = header.as_gnu_mut() else {
        return Ok(());
    };
    let room = gnu.linkname.len();
    let count = target.len().min(room);
    gnu.linkname[..count].copy_from_slice(&target[..count]);
    if target.len() >= room {
        write_long(builder, EntryType::GNULongLink, target)?;
    }
    Ok(())
}

/// GNU's member that carries a long name for the one that follows; tar(5).
fn write_long<W: Write>(
    builder: &mut tar::Builder<W>,
    kind: EntryType,
    name: &[u8],
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header_name(&mut header, b"././@LongLink");
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(name.len() as u64 + 1);
    header.set_cksum();
    builder.append(&header, &mut io::Read::chain(name, &b"\0"[..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tar::{Limits, MemberKind, ReadError, Reader};
    use crate::tree::{Digests, Metadata, Origin, Tree};
    use proptest::prelude::*;

    fn tree(entries: &[(String, Kind)]) -> Tree {
        let mut tree = Tree::new();
        for (path, kind) in entries {
            let meta = Metadata {
                mode: 0o4755,
                uid: 65532,
                gid: 42,
                mtime: 1_700_000_000,
            };
            let origin = Origin::Definition("test".into());
            let entry = Entry {
                kind: kind.clone(),
                meta,
                origin,
                layer: 0,
            };
            let _ = tree.insert(&TreePath::of(path), entry);
        }
        tree
    }

    fn written(tree: &Tree) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new());
        for (path, entry) in tree.iter() {
            writer.append(path, entry).unwrap();
        }
        writer.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> Vec<(Vec<u8>, MemberKind, Vec<u8>)> {
        let mut members = Vec::new();
        let reader = Reader::new(bytes, Limits::default());
        let result = reader.for_each(|member, content| {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes).unwrap();
            assert_eq!(
                member.uid,
                if member.path.ends_with(b"/") {
                    member.uid
                } else {
                    65532
                }
            );
            members.push((member.path, member.kind, bytes));
            Ok::<(), ReadError>(())
        });
        result.unwrap();
        members
    }

    #[test]
    fn hard_links_name_the_first() {
        let node = Arc::new(FileNode::new("same", Digests::default()));
        let tree = tree(&[
            ("b".to_owned(), Kind::File(node.clone())),
            ("a".to_owned(), Kind::File(node.clone())),
        ]);
        let members = read(&written(&tree));
        assert_eq!(
            members[0],
            (b"a".to_vec(), MemberKind::File(4), b"same".to_vec())
        );
        assert_eq!(
            members[1],
            (b"b".to_vec(), MemberKind::HardLink(b"a".to_vec()), vec![])
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            names in proptest::collection::btree_set("[a-z]{1,120}(/[a-zé]{1,60}){0,3}", 1..6),
            content: Vec<u8>,
            target in "[a-z/.]{1,250}",
        ) {
            let entries: Vec<(String, Kind)> = names.iter().enumerate().map(|(index, name)| {
                let kind = if index % 2 == 0 { Kind::file(content.clone()) } else { Kind::symlink(&target) };
                (name.clone(), kind)
            }).collect();
            let tree = tree(&entries);
            let bytes = written(&tree);
            prop_assert_eq!(&bytes, &written(&tree));
            let members = read(&bytes);
            prop_assert_eq!(members.len(), tree.len());
            for ((path, entry), (name, kind, bytes)) in tree.iter().zip(&members) {
                let name = TreePath::from_archive(name).unwrap();
                prop_assert_eq!(path, &name);
                match &entry.kind {
                    Kind::Directory => prop_assert_eq!(kind, &MemberKind::Directory),
                    Kind::Symlink(target) => prop_assert_eq!(kind, &MemberKind::Symlink(target.clone())),
                    Kind::File(_) => prop_assert_eq!(bytes, &content),
                }
            }
        }
    }
}
