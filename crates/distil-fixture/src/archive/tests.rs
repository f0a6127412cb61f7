use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use pgp::composed::{CleartextSignedMessage, Deserializable, SignedPublicKey};

use super::{Archive, ArchiveBuilder, Pocket, PocketFault, SignatureFault};
use crate::compression::Compression;
use crate::deb::DebBuilder;
use crate::digest::sha256_hex;

fn pocket() -> Pocket {
    Pocket::new("trixie")
        .package(DebBuilder::new("libfoo", "1:1-1", "amd64").source("foo (1:1)"))
        .package(DebBuilder::new("hello", "2.10-3", "all"))
}

fn written(pocket: Pocket) -> Archive {
    ArchiveBuilder::new().pocket(pocket).write_temp().unwrap()
}

fn faulty(fault: PocketFault) -> Archive {
    written(pocket().fault(fault))
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("reading {}: {error}", path.display()))
}

/// Path to digest and size, of the Release file.
fn listed(archive: &Archive) -> BTreeMap<String, (String, usize)> {
    let release = String::from_utf8(read(&archive.path("dists/trixie/Release"))).unwrap();
    let (_, list) = release.split_once("SHA256:\n").unwrap();
    list.lines()
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let size = words[1].parse().unwrap();
            (words[2].to_owned(), (words[0].to_owned(), size))
        })
        .collect()
}

const XZ: &str = "main/binary-amd64/Packages.xz";
const GZ: &str = "main/binary-amd64/Packages.gz";

/// Whether the file at its path is what Release says, and whether the one by hash is.
fn agrees(archive: &Archive, index: &str) -> (bool, bool) {
    let (digest, size) = listed(archive)[index].clone();
    let is_it = |path: &Path| {
        fs::read(path).is_ok_and(|bytes| bytes.len() == size && sha256_hex(&bytes) == digest)
    };
    let folder = index.rsplit_once('/').unwrap().0;
    (
        is_it(&archive.path(&format!("dists/trixie/{index}"))),
        is_it(&archive.path(&format!("dists/trixie/{folder}/by-hash/SHA256/{digest}"))),
    )
}

fn packages(archive: &Archive) -> String {
    let mut text = String::new();
    let bytes = read(&archive.path(&format!("dists/trixie/{GZ}")));
    flate2::read::GzDecoder::new(&bytes[..])
        .read_to_string(&mut text)
        .unwrap();
    text
}

fn verifies(archive: &Archive) -> bool {
    let text = String::from_utf8(read(&archive.path("dists/trixie/InRelease"))).unwrap();
    let keys: Vec<SignedPublicKey> =
        SignedPublicKey::from_bytes_many(&read(&archive.keyring_path)[..])
            .unwrap()
            .map(Result::unwrap)
            .collect();
    CleartextSignedMessage::from_string(&text).is_ok_and(|(message, _)| {
        keys.iter()
            .any(|key| message.verify(&key.primary_key).is_ok())
    })
}

#[test]
fn a_sound_archive_agrees_with_itself() {
    let archive = written(pocket());
    assert!(verifies(&archive));
    for index in [XZ, GZ, "main/binary-all/Packages.xz"] {
        assert_eq!(agrees(&archive, index), (true, true), "{index}");
    }
    let packages = packages(&archive);
    assert!(packages.contains("Filename: pool/main/f/foo/libfoo_1-1_amd64.deb\n"));
    assert!(packages.contains("\n\nPackage: libfoo\n"), "{packages}");
    let deb = read(&archive.path("pool/main/f/foo/libfoo_1-1_amd64.deb"));
    assert!(packages.contains(&sha256_hex(&deb)));
    assert!(archive.url().starts_with("file:///"));
    // Listed, and not there: as on Debian's mirrors.
    assert_eq!(
        agrees(&archive, "main/binary-amd64/Packages"),
        (false, false)
    );
}

#[test]
fn options_show_in_release() {
    let archive = written(
        pocket()
            .field("Suite", "stable")
            .field("Origin", "")
            .valid_until(Some(1_760_000_000))
            .by_hash(false)
            .separate_all(true)
            .component_prefix("updates/")
            .package_in("contrib", DebBuilder::new("other", "1", "all")),
    );
    let release = String::from_utf8(read(&archive.path("dists/trixie/Release"))).unwrap();
    for line in [
        "Suite: stable\n",
        "Valid-Until: Thu, 09 Oct 2025 08:53:20 UTC\n",
        "Components: updates/contrib updates/main\n",
        "Architectures: all amd64 arm64\n",
    ] {
        assert!(release.contains(line), "{release}");
    }
    for absent in ["Origin:", "Acquire-By-Hash", "No-Support-for"] {
        assert!(!release.contains(absent), "{release}");
    }
    assert_eq!(agrees(&archive, XZ), (true, false));
    assert!(!packages(&archive).contains("Package: hello"));
    let other = archive.package_path("other_1_all.deb");
    assert!(other.ends_with("pool/updates/contrib/o/other/other_1_all.deb"));
}

#[test]
fn faults_of_indexes() {
    let amd64 = || "amd64".to_owned();
    for (fault, expected) in [
        (PocketFault::IndexDigest(amd64()), (false, false)),
        (PocketFault::IndexSize(amd64()), (false, false)),
        (
            PocketFault::IndexCorrupt(amd64(), Compression::Xz),
            (false, false),
        ),
        (
            PocketFault::IndexMissing(amd64(), Compression::Xz),
            (false, false),
        ),
        (PocketFault::NoByHash, (true, false)),
        (PocketFault::StaleCanonical, (false, true)),
        (
            PocketFault::IndexUndecodable(amd64(), Compression::Xz),
            (true, true),
        ),
        (
            PocketFault::IndexPlainDiffers(amd64(), Compression::Xz),
            (true, true),
        ),
    ] {
        let archive = faulty(fault.clone());
        assert_eq!(agrees(&archive, XZ), expected, "{fault:?}");
        assert!(verifies(&archive), "{fault:?}");
    }
    let corrupt = faulty(PocketFault::IndexCorrupt(amd64(), Compression::Xz));
    assert_eq!(agrees(&corrupt, GZ), (true, true));
    let unlisted = faulty(PocketFault::IndexUnlisted(amd64()));
    assert!(!listed(&unlisted).contains_key(XZ));
    let weak = faulty(PocketFault::OnlyMd5);
    let release = String::from_utf8(read(&weak.path("dists/trixie/Release"))).unwrap();
    assert!(!release.contains("SHA256"));
}

#[test]
fn faults_of_packages() {
    let sound = read(&written(pocket()).package_path("hello_2.10-3_all.deb"));
    let hello = || "hello".to_owned();
    for fault in [
        PocketFault::PackageDigest(hello()),
        PocketFault::PackageCorrupt(hello()),
        PocketFault::PackageTruncated(hello()),
        PocketFault::PackageWithoutDigest(hello()),
    ] {
        let archive = faulty(fault.clone());
        let deb = read(&archive.package_path("hello_2.10-3_all.deb"));
        assert!(!packages(&archive).contains(&sha256_hex(&deb)), "{fault:?}");
    }
    let archive = faulty(PocketFault::PackageSize(hello()));
    assert!(packages(&archive).contains(&format!("Size: {}\n", sound.len() + 1)));
    let archive = faulty(PocketFault::PackageMissing(hello()));
    assert!(!archive.path("pool/main/h/hello").exists());
}

#[test]
fn faults_of_signatures() {
    for (fault, files) in [
        (SignatureFault::Altered, [true, true, true]),
        (SignatureFault::UnknownKey, [true, true, true]),
        (SignatureFault::Unsigned, [true, true, false]),
        (SignatureFault::NoInRelease, [false, true, true]),
        (SignatureFault::NoInReleaseUnsigned, [false, true, false]),
        (SignatureFault::NoRelease, [false, false, false]),
        (SignatureFault::Truncated, [true, true, true]),
    ] {
        let archive = faulty(PocketFault::Signature(fault));
        let present = ["InRelease", "Release", "Release.gpg"]
            .map(|name| archive.path(&format!("dists/trixie/{name}")).exists());
        assert_eq!(present, files, "{fault:?}");
        assert!(!present[0] || !verifies(&archive), "{fault:?}");
    }
    for fault in [SignatureFault::TextBefore, SignatureFault::TextAfter] {
        let archive = faulty(PocketFault::Signature(fault));
        let text = String::from_utf8(read(&archive.path("dists/trixie/InRelease"))).unwrap();
        assert!(text.contains("Suite: unsigned"));
    }
}

#[test]
fn another_state_in_the_same_folder_keeps_the_old_one_by_hash() {
    let folder = tempfile::tempdir().unwrap();
    let builder = ArchiveBuilder::new().pocket(pocket());
    let old = builder.write(folder.path()).unwrap();
    let (digest, _) = listed(&old)[XZ].clone();
    let new = builder
        .with("trixie", |pocket| pocket.without("hello"))
        .write(folder.path())
        .unwrap();
    assert_ne!(listed(&new)[XZ].0, digest);
    assert_eq!(agrees(&new, XZ), (true, true));
    let by_hash = format!("dists/trixie/main/binary-amd64/by-hash/SHA256/{digest}");
    assert!(new.path(&by_hash).exists());
}
