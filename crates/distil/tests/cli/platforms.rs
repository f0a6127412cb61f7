//! Images for several platforms: all or none, from the same sources, each with its own loader's
//! cache.

use std::collections::BTreeMap;
use std::path::Path;

use distil_fixture::{
    ArchiveBuilder, DebBuilder, PocketFault, debian_like, debian_like_packages,
    debian_security_like,
};
use distil_oci::transport;
use distil_oci::{Image, Location, Registries};
use distil_tree::tar::{Limits, MemberKind, Reader};

use crate::context::Context;

/// Debian's names, and those of platforms.
const ARCHITECTURES: [(&str, &str); 6] = [
    ("amd64", "linux/amd64"),
    ("arm64", "linux/arm64"),
    ("armhf", "linux/arm/v7"),
    ("ppc64el", "linux/ppc64le"),
    ("riscv64", "linux/riscv64"),
    ("s390x", "linux/s390x"),
];

fn names() -> [&'static str; 6] {
    ARCHITECTURES.map(|(debian, _)| debian)
}

/// A miniature Debian for all of them.
fn everywhere(suite: &str, architectures: &[&str]) -> Context {
    let has = |builder: ArchiveBuilder, pocket: &str| {
        builder.with(pocket, |pocket| pocket.architectures(architectures))
    };
    let more = ["armhf", "ppc64el", "riscv64", "s390x"];
    let more = more.iter().filter(|name| architectures.contains(name));
    let more = more.flat_map(|name| debian_like_packages(suite, name));
    let more: Vec<_> = more.filter(|deb| deb.architecture() != "all").collect();
    let main = debian_like(suite).with(suite, |pocket| pocket.packages(more));
    let main = has(has(main, suite), &format!("{suite}-updates"));
    // Without the newer OpenSSL, which is for two of them alone.
    let security = format!("{suite}-security");
    let empty = debian_security_like(suite).with(&security, |pocket| {
        [
            "openssl",
            "libssl3t64",
            "libssl3",
            "openssl-provider-legacy",
        ]
        .into_iter()
        .fold(pocket, distil_fixture::Pocket::without)
    });
    Context::with(main, has(empty, &security))
}

fn images(path: &Path) -> Vec<Image> {
    let path = path.to_owned();
    let content = transport::open(
        &Location::OciArchive { path, tag: None },
        &Registries::offline(),
    )
    .unwrap();
    content.images().unwrap()
}

/// The bytes of the image's files, and the targets of its links, by path.
fn contents(image: &Image) -> BTreeMap<String, Result<Vec<u8>, String>> {
    let mut files = BTreeMap::new();
    for layer in image.layers() {
        let reader = Reader::new(layer.tar(1 << 30).unwrap(), Limits::default());
        let taken = reader.for_each(|member, content| {
            let path = String::from_utf8(member.path.clone()).unwrap();
            let path = path.trim_matches('/').to_owned();
            match &member.kind {
                MemberKind::File(_) => {
                    let mut bytes = Vec::new();
                    content.read_to_end(&mut bytes).unwrap();
                    files.insert(path, Ok(bytes));
                }
                MemberKind::Symlink(target) => {
                    let target = String::from_utf8(target.clone()).unwrap();
                    files.insert(path, Err(target));
                }
                _ => {}
            }
            Ok::<_, distil_tree::tar::ReadError>(())
        });
        taken.unwrap();
    }
    files
}

/// Flags, name and path of each library, as glibc declares them (`sysdeps/generic/dl-cache.h`).
fn entries(cache: &[u8]) -> Vec<(u32, String, String)> {
    assert_eq!(&cache[..20], b"glibc-ld.so.cache1.1");
    let little = cache[28] == 2;
    let number = |at: usize| {
        let bytes: [u8; 4] = cache[at..at + 4].try_into().unwrap();
        match little {
            true => u32::from_le_bytes(bytes),
            false => u32::from_be_bytes(bytes),
        }
    };
    let text = |at: usize| {
        let at = number(at) as usize;
        let end = cache[at..].iter().position(|&byte| byte == 0).unwrap();
        String::from_utf8(cache[at..at + end].to_vec()).unwrap()
    };
    let entry = |place: usize| {
        let at = 48 + 24 * place;
        (number(at), text(at + 4), text(at + 8))
    };
    (0..number(20) as usize).map(entry).collect()
}

#[test]
fn all_means_every_platform_that_the_suite_has() {
    let context = everywhere("trixie", &names());
    context.run(&["build", "base", "--platform", "all"]);
    let images = images(&context.work().join("base-all.tar"));
    let platforms: Vec<String> = images
        .iter()
        .map(|one| one.platform().to_string())
        .collect();
    assert_eq!(platforms, ARCHITECTURES.map(|(_, platform)| platform));

    // What each architecture's loader is and takes, apart from the code under test: psABI
    // supplements, and `FLAG_*` of glibc's `dl-cache.h`.
    let facts = [
        (2, 0x0303, "usr/lib64/ld-linux-x86-64.so.2"),
        (2, 0x0a03, "usr/lib/ld-linux-aarch64.so.1"),
        (2, 0x0903, "usr/lib/ld-linux-armhf.so.3"),
        (2, 0x0503, "usr/lib64/ld64.so.2"),
        (2, 0x1003, "usr/lib/ld-linux-riscv64-lp64d.so.1"),
        (3, 0x0403, "usr/lib/ld64.so.1"),
    ];
    for (image, (order, flags, loader)) in images.iter().zip(facts) {
        let platform = image.platform();
        let files = contents(image);
        assert!(files.contains_key(loader), "{platform}: {loader}");
        let cache = files["etc/ld.so.cache"].as_ref().unwrap();
        assert_eq!(cache[28], order, "{platform}");
        let entries = entries(cache);
        for (found, name, path) in &entries {
            assert_eq!(*found, flags, "{platform}: {name}");
            let path = path.trim_start_matches('/');
            let path = match path.strip_prefix("lib/") {
                Some(rest) => format!("usr/lib/{rest}"),
                None => path.to_owned(),
            };
            assert!(
                path.ends_with(name.as_str()),
                "{platform}: {name} at {path}"
            );
            let mut file = files.get(&path);
            if let Some(Err(target)) = file {
                let folder = path.rsplit_once('/').unwrap().0;
                file = files.get(&format!("{folder}/{target}"));
            }
            let Some(Ok(bytes)) = file else {
                panic!("{platform}: {name} at {path} leads nowhere")
            };
            assert!(bytes.starts_with(b"\x7fELF"), "{platform}: {path}");
        }
        for name in ["libc.so.6", "libcrypto.so.3"] {
            assert!(entries.iter().any(|(_, one, _)| one == name), "{platform}");
        }
    }
}

#[test]
fn what_a_suite_lacks_is_said() {
    let lacking = ["riscv64", "s390x"];
    let has: Vec<&str> = names()
        .into_iter()
        .filter(|one| !lacking.contains(one))
        .collect();
    let context = everywhere("bookworm", &has);
    let arguments = [
        "build",
        "static",
        "--suite",
        "bookworm",
        "--platform",
        "all",
    ];
    let output = context.command(&arguments).output().unwrap();
    assert!(output.status.success());
    insta::assert_snapshot!(context.stderr(&output), @"
    note: bookworm has no packages for linux/riscv64: Debian has made packages for it since trixie
    note: bookworm has no packages for linux/s390x: its security archive has none since long-term support began in July 2026
    wrote static:bookworm-all to oci-archive:static-bookworm-all.tar (36.4 kB)
    ");
    assert_eq!(
        images(&context.work().join("static-bookworm-all.tar")).len(),
        4
    );
    // Whoever asks for one by name is told by the archive.
    let message = context.fails(&[
        "build",
        "static",
        "--suite",
        "bookworm",
        "--platform",
        "linux/amd64,linux/riscv64",
    ]);
    insta::assert_snapshot!(message, @r##"
    status 1
    error: `static` cannot be built for 1 of 2 platforms, so it is built for none
      linux/riscv64: `bookworm` has no packages for riscv64, only for all, amd64, arm64, armhf, ppc64el

    hint: `--platform linux/amd64` builds the others
    "##);
}

#[test]
fn a_platform_without_the_package_of_an_image() {
    // What is said of an image's own package is said of its platform.
    let only = DebBuilder::new("only-here", "1", "amd64");
    let context = Context::with_packages(vec![only]);
    context.define("name: app\nfrom: base\npackages: [only-here]\n");
    let platforms = "linux/amd64,linux/arm64";
    let message = context.fails(&["build", "app.yaml", "--platform", platforms]);
    insta::assert_snapshot!(message, @r##"
    status 1
    error: `app.yaml` cannot be built for 1 of 2 platforms, so it is built for none
      linux/arm64: failed to find packages for `app`
        cause: there is no package `only-here` in trixie, trixie-updates or trixie-security

    hint: `--platform linux/amd64` builds the others
    "##);
    context.run(&["build", "app.yaml", "--platform", "linux/amd64"]);
}

#[test]
fn one_stale_index_and_nothing_is_published() {
    let security = debian_security_like("trixie").with("trixie-security", |pocket| {
        pocket.fault(PocketFault::IndexSize("arm64".to_owned()))
    });
    let context = Context::with(debian_like("trixie"), security);
    let platforms = "linux/amd64,linux/arm64";
    let message = context.fails(&["build", "base", "--platform", platforms]);
    insta::assert_snapshot!(message, @r##"
    status 1
    error: `base` cannot be built for 1 of 2 platforms, so it is built for none
      linux/arm64: no mirror has the index of `trixie-security` that its Release names
        `file://[FOLDER]/debian-security/dists/trixie-security/main/binary-arm64/by-hash/SHA256/[DIGEST]` has 780 bytes instead of the announced 781
        `file://[FOLDER]/debian-security/dists/trixie-security/main/binary-arm64/Packages.xz` has 780 bytes instead of the announced 781
        `file://[FOLDER]/debian-security/dists/trixie-security/main/binary-arm64/by-hash/SHA256/[DIGEST]` does not exist
        `file://[FOLDER]/debian-security/dists/trixie-security/main/binary-arm64/Packages` does not exist

    hint: the mirror may be changing just now; try again, or another with `--mirror`

    hint: `--platform linux/amd64` builds the others
    "##);
    // The other platform alone is as good as ever.
    context.run(&["build", "base", "--platform", "linux/amd64"]);
}

#[test]
fn an_error_that_is_of_no_platform_is_said_once() {
    let context = Context::new();
    let platforms = "linux/amd64,linux/arm64";
    let message = context.fails(&[
        "build",
        "base",
        "--add",
        "libgone1",
        "--platform",
        platforms,
    ]);
    insta::assert_snapshot!(message, @r##"
    status 1
    error: failed to find packages for `base+libgone1`
      cause: there is no package `libgone1` in trixie, trixie-updates or trixie-security

    hint: did you mean `libgomp1`?
    "##);
}

#[test]
fn platforms_must_be_of_the_same_sources() {
    let of = |architecture: &str| {
        let packages = debian_like_packages("trixie", architecture);
        let mut zlib = packages.into_iter().filter(|deb| deb.name() == "zlib1g");
        zlib.next().unwrap()
    };
    let older = of("arm64");
    let version = older.version().to_owned();
    let older = older.renumber(&version, "1:1.2.99-1");
    let archive = debian_like("trixie").with("trixie", |pocket| {
        pocket.without("zlib1g").package(of("amd64")).package(older)
    });
    let context = Context::with(archive, debian_security_like("trixie"));
    let platforms = "linux/amd64,linux/arm64";
    let message = context.fails(&["build", "base", "--platform", platforms]);
    insta::assert_snapshot!(message, @r"
    status 1
    error: the platforms of `base` do not agree on `zlib1g`: linux/amd64 has source zlib (1:1.3.dfsg+really1.3.1-1+deb13u1), linux/arm64 has zlib (1:1.2.99-1)

    hint: the archive is still building it for one of them; build that platform alone, or try again later
    ");
}

#[test]
fn one_image_is_shown_at_a_time() {
    let context = Context::new();
    insta::assert_snapshot!(context.fails(&["show", "base", "--platform", "all"]), @r##"
    status 2
    error: `all` names several platforms, but this command reads one image

    hint: name one with `--platform`
    "##);
}
