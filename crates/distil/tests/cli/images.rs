//! What the images of the catalogue are, made from the miniature archive.

use std::collections::BTreeMap;
use std::path::Path;

use distil_oci::{Location, Registries, transport};
use distil_tree::tar::{Limits, MemberKind, ReadError, Reader};

use crate::context::Context;

/// A file of an image as its layers have it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct File {
    pub(crate) kind: MemberKind,
    pub(crate) mode: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    pub(crate) layer: usize,
    pub(crate) bytes: Vec<u8>,
}

/// The files of an archive's image, the highest layer's where there are several.
pub(crate) fn files(path: &Path) -> BTreeMap<String, File> {
    let location = Location::OciArchive {
        path: path.to_owned(),
        tag: None,
    };
    let content = transport::open(&location, &Registries::offline()).unwrap();
    let mut files = BTreeMap::new();
    for (number, layer) in content.images().unwrap()[0].layers().iter().enumerate() {
        let tar = layer.tar(1 << 30).unwrap();
        let result = Reader::new(tar, Limits::default()).for_each(|member, content| {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes).unwrap();
            let path = String::from_utf8(member.path).unwrap();
            let (kind, mode) = (member.kind, member.mode);
            let (uid, gid) = (member.uid, member.gid);
            let file = File {
                kind,
                mode,
                uid,
                gid,
                layer: number,
                bytes,
            };
            files.insert(path.trim_end_matches('/').to_owned(), file);
            Ok::<(), ReadError>(())
        });
        result.unwrap();
    }
    files
}

fn text(files: &BTreeMap<String, File>, path: &str) -> String {
    let file = files
        .get(path)
        .unwrap_or_else(|| panic!("no {path} in the image"));
    String::from_utf8(file.bytes.clone()).unwrap()
}

#[test]
fn python3_has_what_every_image_promises() {
    let context = Context::new();
    context.run(&["build", "python3"]);
    let files = files(&context.work().join("python3.tar"));
    assert_eq!(
        text(&files, "etc/passwd"),
        "root:x:0:0:root:/root:/sbin/nologin\n\
         nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n\
         nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n"
    );
    assert_eq!(
        text(&files, "usr/lib/os-release"),
        "PRETTY_NAME=\"Distroless\"\nNAME=\"Debian GNU/Linux\"\nID=\"debian\"\n\
         VERSION_ID=\"13\"\nVERSION=\"Debian GNU/Linux 13 (trixie)\"\n\
         VERSION_CODENAME=\"trixie\"\n"
    );
    for path in [
        "etc/debian_version",
        "etc/services",
        "etc/mime.types",
        "etc/nsswitch.conf",
    ] {
        assert!(!text(&files, path).is_empty(), "{path}");
    }
    assert_eq!(files["tmp"].mode, 0o1777);
    assert_eq!(files["root"].mode, 0o700);
    let home = &files["home/nonroot"];
    assert_eq!((home.mode, home.uid, home.gid), (0o755, 65532, 65532));
    assert!(
        files["etc/ld.so.cache"]
            .bytes
            .starts_with(b"glibc-ld.so.cache1.1")
    );
    assert_eq!(
        files["usr/bin/python"].kind,
        MemberKind::Symlink(b"python3".to_vec())
    );
    assert_eq!(files["lib"].kind, MemberKind::Symlink(b"usr/lib".to_vec()));
    assert!(
        files
            .keys()
            .all(|path| !path.starts_with("lib/") && !path.starts_with("bin/"))
    );
    assert!(files.contains_key("usr/lib/locale/C.utf8/LC_CTYPE"));
}

#[test]
fn certificates_have_a_bundle_and_openssls_links() {
    let context = Context::new();
    context.run(&["build", "base"]);
    let files = files(&context.work().join("base.tar"));
    let bundle = text(&files, "etc/ssl/certs/ca-certificates.crt");
    for (name, pem, hash) in distil_fixture::CA_CERTIFICATES {
        assert!(bundle.contains(pem.trim()), "{name} is not in the bundle");
        let MemberKind::Symlink(link) = &files[&format!("etc/ssl/certs/{hash}.0")].kind else {
            panic!("{hash}.0 is not a link");
        };
        let link = String::from_utf8(link.clone()).unwrap();
        let MemberKind::Symlink(target) = &files[&format!("etc/ssl/certs/{link}")].kind else {
            panic!("{link} is not a link");
        };
        let target = std::str::from_utf8(target).unwrap().trim_start_matches('/');
        assert_eq!(files[target].bytes, pem.as_bytes(), "{name}");
    }
    assert!(matches!(
        files["usr/lib/ssl/certs"].kind,
        MemberKind::Symlink(_)
    ));
}

#[test]
fn metadata_is_true_to_the_bytes() {
    let context = Context::new();
    context.run(&["build", "python3"]);
    let files = files(&context.work().join("python3.tar"));
    let status = files
        .iter()
        .filter(|(path, _)| path.starts_with("var/lib/dpkg/status.d/"));
    let (sums, stanzas): (Vec<_>, Vec<_>) =
        status.partition(|(path, _)| path.ends_with(".md5sums"));
    assert_eq!(sums.len(), stanzas.len());
    assert!(stanzas.len() > 20, "{}", stanzas.len());
    for (path, file) in &stanzas {
        let stanza = String::from_utf8(file.bytes.clone()).unwrap();
        assert_eq!(stanza.matches("\nSource: ").count(), 1, "{path}: {stanza}");
        assert!(stanza.starts_with("Package: "), "{path}");
    }
    let mut listed = 0;
    for (path, file) in sums {
        for line in String::from_utf8(file.bytes.clone()).unwrap().lines() {
            let (sum, name) = line.split_once("  ").unwrap();
            let file = files
                .get(name)
                .unwrap_or_else(|| panic!("{path} lists {name}"));
            let target = match &file.kind {
                MemberKind::HardLink(first) => &files[std::str::from_utf8(first).unwrap()],
                _ => file,
            };
            assert_eq!(distil_fixture::md5_hex(&target.bytes), sum, "{name}");
            listed += 1;
        }
    }
    assert!(listed > 50, "{listed}");
}

#[test]
fn layers_are_shared_along_the_chain() {
    let context = Context::new();
    let layers = |name: &str| -> Vec<String> {
        let json = context.run(&["show", name, "--format", "json"]);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let layers = json["layers"].as_array().unwrap().iter();
        layers
            .map(|layer| layer["digest"].as_str().unwrap().to_owned())
            .collect()
    };
    let python3 = layers("python3");
    let mut below = 0;
    for name in ["static", "base-nossl", "base", "cc"] {
        let own = layers(name);
        assert_eq!(own, python3[..own.len()], "{name}");
        assert!(own.len() > below, "{name}");
        below = own.len();
    }
    assert!((below + 1..=12).contains(&python3.len()));
    assert_eq!(layers("python3:nonroot"), python3);
    let debug = layers("python3:debug");
    let (count, same) = (debug.len(), &debug[..python3.len()]);
    assert_eq!((count, same), (python3.len() + 1, &python3[..]));
    assert_eq!(layers("python3:debug-nonroot"), debug);
}

#[test]
fn debug_has_busybox_and_its_applets() {
    let context = Context::new();
    context.run(&["build", "static:debug"]);
    let files = files(&context.work().join("static-debug.tar"));
    assert!(files["busybox/busybox"].mode & 0o111 != 0);
    let applets = distil_fixture::busybox_applets("trixie");
    for applet in applets.into_iter().filter(|applet| *applet != "busybox") {
        let link = MemberKind::Symlink(b"busybox".to_vec());
        assert_eq!(files[&format!("busybox/{applet}")].kind, link, "{applet}");
    }
    assert!(!files.contains_key("bin/sh") && !files.contains_key("usr/bin/busybox"));
    let sums = text(&files, "var/lib/dpkg/status.d/busybox-static.md5sums");
    assert!(sums.contains("  busybox/busybox\n"), "{sums}");
    let json = context.run(&["show", "static-debug.tar", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["config"]["entrypoint"][0], "/busybox/sh");
    let env = json["config"]["env"].to_string();
    assert!(env.contains(":/busybox\""), "{env}");
}

#[test]
fn nonroot_differs_in_the_config_alone() {
    let context = Context::new();
    context.run(&["build", "static:nonroot"]);
    let json = context.run(&["show", "static-nonroot.tar", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["config"]["user"], &json["config"]["workdir"]),
        (&"65532".into(), &"/home/nonroot".into())
    );
}

#[test]
fn security_fixes_win() {
    let context = Context::new();
    let json = context.run(&["show", "base", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let packages = json["packages"].as_array().unwrap();
    let openssl = packages
        .iter()
        .find(|one| one["name"] == "libssl3t64")
        .unwrap();
    assert_eq!(openssl["source"], "openssl");
    let newer = distil_fixture::debian_security_like("trixie");
    let newer = format!("{newer:?}");
    assert!(
        newer.contains(openssl["version"].as_str().unwrap()),
        "{openssl}"
    );
}

#[test]
fn bookworm_is_folded_into_usr() {
    let context = Context::with(
        distil_fixture::debian_like("bookworm"),
        distil_fixture::debian_security_like("bookworm"),
    );
    context.run(&["build", "python3", "--suite", "bookworm"]);
    let files = files(&context.work().join("python3-bookworm.tar"));
    for (link, target) in [
        ("lib", "usr/lib"),
        ("bin", "usr/bin"),
        ("lib64", "usr/lib64"),
    ] {
        assert_eq!(
            files[link].kind,
            MemberKind::Symlink(target.into()),
            "{link}"
        );
    }
    assert!(
        files
            .keys()
            .all(|path| !path.starts_with("lib/") && !path.starts_with("lib64/"))
    );
    assert!(files.contains_key("usr/lib64/ld-linux-x86-64.so.2"));
}

#[test]
fn two_platforms_make_an_index() {
    let context = Context::new();
    context.run(&["build", "cc", "--platform", "linux/amd64,linux/arm64"]);
    let path = context.work().join("cc-amd64-arm64.tar");
    let content = transport::open(
        &Location::OciArchive { path, tag: None },
        &Registries::offline(),
    )
    .unwrap();
    let platforms: Vec<String> = content
        .images()
        .unwrap()
        .iter()
        .map(|image| image.platform().to_string())
        .collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
}
