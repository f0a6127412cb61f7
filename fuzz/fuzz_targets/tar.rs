//! A tar archive, read member by member into a tree. The tree must come back the same from the
//! archive that is written of it.

#![no_main]

use std::collections::BTreeMap;

use distil_fuzz::{explain, mutate_archive};
use distil_tree::tar::{Limits, Member, MemberKind, ReadError, Reader, Writer};
use distil_tree::{Entry, Kind, Metadata, Origin, Tree, TreePath};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|data: &[u8]| {
    let members = match read(data) {
        Ok(members) => members,
        Err(error) => return explain(&error),
    };
    let mut tree = Tree::new();
    for (member, content) in members {
        let Some((path, entry)) = entry(member, content) else {
            continue;
        };
        match tree.insert(&path, entry) {
            Ok(place) => assert!(tree.get(&place).is_some() || place.is_root()),
            Err(error) => explain(&error),
        }
    }
    for (path, _) in tree.iter() {
        let place = tree.resolve(path);
        assert!(place.is_err() || tree.follow(path).is_some() || place == Ok(TreePath::ROOT));
    }
    let mut writer = Writer::new(Vec::new());
    for (path, entry) in tree.iter() {
        writer.append(path, entry).expect("an entry can be written");
    }
    let written = writer.finish().expect("memory takes all");
    let again = read(&written).expect("what was written can be read");
    let again: BTreeMap<_, _> = again.into_iter().map(described).collect();
    let tree: BTreeMap<_, _> = tree
        .iter()
        .map(|(path, entry)| (path.clone(), description(entry)))
        .collect();
    assert_eq!(again, tree);
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_archive(data, size, max_size, seed)
});

fn read(bytes: &[u8]) -> Result<Vec<(Member, Vec<u8>)>, ReadError> {
    let mut members = Vec::new();
    let limits = Limits {
        size: 1 << 20,
        members: 1000,
        extension: 8 << 10,
    };
    Reader::new(bytes, limits).for_each(|member, content| {
        let mut bytes = Vec::new();
        let read = content.read_to_end(&mut bytes);
        read.map_err(|source| ReadError::Damaged { members: 0, source })?;
        members.push((member, bytes));
        Ok::<(), ReadError>(())
    })?;
    for (member, bytes) in &members {
        if let MemberKind::File(size) = member.kind {
            assert_eq!(size, bytes.len() as u64, "a file is cut off");
        }
    }
    Ok(members)
}

/// The entry for a member, if a tree can have it.
fn entry(member: Member, content: Vec<u8>) -> Option<(TreePath, Entry)> {
    let path = TreePath::from_archive(&member.path)
        .ok()
        .filter(|path| !path.is_root())?;
    let kind = match member.kind {
        MemberKind::File(_) => Kind::file(content),
        MemberKind::Directory => Kind::Directory,
        // A target with a NUL byte is cut there by every reader.
        MemberKind::Symlink(target) if !target.is_empty() && !target.contains(&0) => {
            Kind::Symlink(target)
        }
        _ => return None,
    };
    let meta = Metadata {
        mode: member.mode,
        uid: u32::try_from(member.uid).ok()?,
        gid: u32::try_from(member.gid).ok()?,
        mtime: member.mtime.max(0),
    };
    Some((
        path,
        Entry {
            kind,
            meta,
            origin: Origin::Generated("fuzz".into()),
            layer: 0,
        },
    ))
}

fn described((member, content): (Member, Vec<u8>)) -> (TreePath, String) {
    let (path, entry) = entry(member, content).expect("a tree had it");
    (path, description(&entry))
}

fn description(entry: &Entry) -> String {
    let kind = match &entry.kind {
        Kind::Directory => "directory".to_owned(),
        Kind::File(node) => format!("file {:?}", node.content.read(u64::MAX).expect("its bytes")),
        Kind::Symlink(target) => format!("link {target:?}"),
    };
    format!("{kind} {:?}", entry.meta)
}
