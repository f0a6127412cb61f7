//! The package metadata that scanners read is there, complete, and true to the bytes of the image.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use distil_live::{Context, Kind, Rootfs};
use md5::Digest as _;

use crate::{IMAGES, each_image, python};

const FOLDER: &str = "/var/lib/dpkg/status.d/";

/// Files that distil makes; no package owns them.
const GENERATED: &[&str] = &[
    "/etc/group",
    "/etc/ld.so.cache",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/ssl/certs/ca-certificates.crt",
    "/usr/lib/os-release",
];

/// The fields of every stanza in `status.d`, by package.
fn stanzas(rootfs: &Rootfs) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut stanzas = BTreeMap::new();
    for (path, entry) in rootfs.iter() {
        let Some(file) = path.strip_prefix(FOLDER) else {
            continue;
        };
        if file.ends_with(".md5sums") || entry.kind == Kind::Folder {
            continue;
        }
        let mut fields = BTreeMap::new();
        for line in rootfs.text(path).lines() {
            if line.starts_with([' ', '\t']) {
                continue;
            }
            assert!(!line.is_empty(), "{path} has more than one stanza");
            let (name, value) = line
                .split_once(':')
                .unwrap_or_else(|| panic!("{path}: `{line}`"));
            fields.insert(name.to_owned(), value.trim().to_owned());
        }
        stanzas.insert(fields["Package"].clone(), fields);
    }
    assert!(!stanzas.is_empty(), "the image has no packages in {FOLDER}");
    stanzas
}

/// Name and version of every package that `status.d` names.
pub(crate) fn versions(rootfs: &Rootfs) -> BTreeMap<String, String> {
    let of = |(name, fields): (String, BTreeMap<String, String>)| (name, fields["Version"].clone());
    stanzas(rootfs).into_iter().map(of).collect()
}

#[test]
fn every_package_has_one_stanza_with_its_source() {
    each_image(|image, rootfs| {
        let arch = image.arch;
        let stanzas = stanzas(rootfs);
        assert!(stanzas.contains_key("base-files"), "{image}");
        for (package, fields) in &stanzas {
            for field in [
                "Version",
                "Architecture",
                "Source",
                "Maintainer",
                "Description",
            ] {
                assert!(
                    fields.contains_key(field),
                    "{image}: {package} has no {field}: {fields:?}"
                );
            }
            let of_package = &fields["Architecture"];
            assert!(
                of_package == arch || of_package == "all",
                "{image}: {package} is for {of_package}"
            );
            // Debian's advisories go by source; its version is named where it differs.
            let source = &fields["Source"];
            if let Some((_, version)) = source.split_once(" (") {
                assert_ne!(
                    version.trim_end_matches(')'),
                    fields["Version"],
                    "{image}: {package}"
                );
            }
        }
    });
}

#[test]
fn nothing_but_stanzas_and_checksums_is_in_their_folder() {
    each_image(|image, rootfs| {
        let names: BTreeSet<&str> = rootfs
            .iter()
            .filter_map(|(path, _)| path.strip_prefix(FOLDER))
            .collect();
        let packages: BTreeSet<String> = stanzas(rootfs).into_keys().collect();
        for name in &names {
            let package = name.strip_suffix(".md5sums").unwrap_or(name);
            assert!(
                packages.contains(package),
                "{image}: {FOLDER}{name} belongs to no package"
            );
        }
        for package in &packages {
            assert!(
                names.contains(package.as_str()),
                "{image}: the stanza of {package} has another name"
            );
        }
    });
}

#[test]
fn checksums_are_true_and_name_every_file_of_a_package() {
    each_image(|image, rootfs| {
        let mut listed: BTreeMap<String, String> = BTreeMap::new();
        for (path, _) in rootfs.iter() {
            let Some(package) = path
                .strip_prefix(FOLDER)
                .and_then(|name| name.strip_suffix(".md5sums"))
            else {
                continue;
            };
            for line in rootfs.text(path).lines() {
                let (sum, file) = line.split_once("  ").unwrap_or_else(|| {
                    panic!("{image}: {package}: two spaces are wanted in `{line}`")
                });
                let file = format!("/{}", file.trim_start_matches('/'));
                assert_eq!(md5(rootfs.read(&file)), sum, "{image}: {package}: {file}");
                if let Some(other) = listed.insert(rootfs.resolve(&file), package.to_owned()) {
                    panic!("{image}: {file} belongs to {package} and to {other}");
                }
            }
        }
        for (path, entry) in rootfs.iter() {
            let ours = GENERATED.contains(&path)
                || path.starts_with(FOLDER)
                || path.starts_with("/etc/ssl/certs/");
            if matches!(entry.kind, Kind::File(_)) && !ours {
                assert!(
                    listed.contains_key(path),
                    "{image}: {path} is in no .md5sums"
                );
            }
        }
    });
}

fn md5(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in md5::Md5::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[test]
fn the_licence_of_every_package_is_in_the_image() {
    each_image(|image, rootfs| {
        for package in stanzas(rootfs).keys() {
            rootfs.read(&format!("/usr/share/doc/{package}/copyright"));
            assert!(!package.is_empty(), "{image}");
        }
    });
}

/// Name and version of the packages in what `show --format json` prints.
fn shown(document: &serde_json::Value) -> BTreeMap<String, String> {
    assert!(document["schema_version"].is_number(), "{document}");
    let packages = document["packages"]
        .as_array()
        .unwrap_or_else(|| panic!("no packages in {document}"));
    packages
        .iter()
        .map(|package| {
            for field in ["source", "architecture"] {
                assert!(package[field].is_string(), "no `{field}` in {package}");
            }
            let text = |field: &str| {
                package[field]
                    .as_str()
                    .unwrap_or_else(|| panic!("{package}"))
                    .to_owned()
            };
            (text("name"), text("version"))
        })
        .collect()
}

#[test]
fn show_names_the_packages_that_the_image_has() {
    let image = python().build();
    let context = Context::new();
    let inside = versions(&image.rootfs());
    let of_archive = context
        .distil(["show", &image.reference(), "--format", "json"])
        .success();
    assert_eq!(shown(&of_archive.json()), inside);
    let of_catalogue = context
        .distil([
            "show",
            "python3",
            "--suite",
            "trixie",
            "--platform",
            "linux/amd64",
            "--format",
            "json",
        ])
        .success();
    assert_eq!(shown(&of_catalogue.json()), inside);
    context
        .distil(["show", &image.reference()])
        .success()
        .mentions("libpython3.13-stdlib");
}

#[test]
fn list_names_the_whole_catalogue() {
    let context = Context::new();
    let table = context.distil(["list"]).success();
    let document = context
        .distil(["list", "--format", "json"])
        .success()
        .json();
    assert!(document["schema_version"].is_number(), "{document}");
    for image in IMAGES {
        assert!(
            table
                .stdout()
                .lines()
                .any(|line| line.split_whitespace().next() == Some(image)),
            "{image}"
        );
        assert!(
            document.to_string().contains(&format!("\"{image}\"")),
            "{document}"
        );
    }
}
