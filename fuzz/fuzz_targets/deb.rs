//! A package: as it comes, or, where the input is no `ar` archive, with the input as its
//! `data.tar`. What was unpacked must be readable again.

#![no_main]

use std::io::{self, Write};
use std::num::NonZeroUsize;

use distil_debian::deb::{DebError, EntryKind, Expected, PackageFile, unpack};
use distil_fuzz::{ar_member, explain, file, mutate_archive};
use distil_store::Digest;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

/// More bytes of files than an input of the fuzzer's has any need of.
const MAX_OUTPUT: usize = 64 << 20;

fuzz_target!(|data: &[u8]| {
    let packed;
    let deb = match data.starts_with(b"!<arch>\n") {
        true => data,
        false => {
            packed = package_of(data);
            &packed
        }
    };
    let expected = Expected {
        size: deb.len() as u64,
        digest: Digest::of(deb),
    };
    let mut output = Bounded(Vec::new());
    let package = match unpack(deb, expected, 1 << 24, NonZeroUsize::MIN, &mut output) {
        Ok(package) => package,
        Err(error) => {
            assert!(
                !matches!(error, DebError::Digest { .. }),
                "the digest is right"
            );
            return explain(&error);
        }
    };
    let written = output.0;
    let size = written.len() as u64;
    let read = PackageFile::open(file(&written), size).expect("what was unpacked can be opened");
    assert_eq!(read.package, package);
    for entry in &package.entries {
        let content = read.content(entry);
        match entry.kind {
            EntryKind::File { offset, size, .. } => {
                let bytes = content
                    .expect("a file has content")
                    .read(size)
                    .expect("its content");
                let (start, end) = (offset as usize, (offset + size) as usize);
                assert_eq!(bytes, written[start..end], "{}", entry.path);
            }
            EntryKind::HardLink(_) => assert!(content.is_some(), "{} has content", entry.path),
            EntryKind::Directory | EntryKind::Symlink(_) => assert!(content.is_none()),
        }
        let is_folder = entry.kind == EntryKind::Directory;
        assert!(is_folder || !entry.path.is_empty(), "the root is a directory");
        let parts = entry.path.split('/');
        assert!(
            parts.clone().all(|part| part != ".."),
            "{} leads out",
            entry.path
        );
        assert!(!entry.path.starts_with('/'), "{} is absolute", entry.path);
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_archive(data, size, max_size, seed)
});

/// A package with this `data.tar`.
fn package_of(data: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    let control = b"Package: fuzz\nVersion: 1\nArchitecture: all\n";
    header.set_size(control.len() as u64);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_data(&mut header, "control", &control[..])
        .expect("memory takes all");
    let tar = tar.into_inner().expect("memory takes all");
    let members = [
        ar_member("debian-binary", b"2.0\n"),
        ar_member("control.tar", &tar),
        ar_member("data.tar", data),
    ];
    [b"!<arch>\n", &members.concat()[..]].concat()
}

/// Stands for the store, which is on disk: memory must not be what ends a bomb.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_OUTPUT {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
