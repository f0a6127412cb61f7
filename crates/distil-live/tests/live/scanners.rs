//! Scanners see every package of an image, with its version, and nothing twice.

use std::collections::BTreeMap;
use std::path::PathBuf;

use distil_live::{Context, Request, require};
use serde_json::Value;

use crate::metadata;

/// Images whose files scanners know by more than their packages: a runtime's program, modules and
/// archives, and busybox. What stands below them is in them. Not Java: `jrt-fs.jar` is an archive
/// of its own to Syft, and Trivy reads archives by a database from the network alone.
fn images() -> impl Iterator<Item = Request> {
    let names = ["static", "python3", "python3:debug", "nodejs"];
    names
        .into_iter()
        .map(|name| Request::catalogue(name, "trixie", "amd64"))
}

/// The scanner that a variable of the environment names; `./test` installs and names them.
fn scanner(variable: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_file());
    if path.is_none() {
        require::missing(&format!("`{variable}` names no program"));
    }
    path
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[test]
fn syft_lists_the_packages_and_nothing_else() {
    let Some(syft) = scanner("DISTIL_TEST_SYFT") else {
        return;
    };
    for request in images() {
        let image = request.build();
        let context = Context::new();
        let scanned = context
            .run(
                "env",
                [
                    "SYFT_CHECK_FOR_APP_UPDATE=false",
                    syft.to_str().unwrap(),
                    "scan",
                    "--quiet",
                    "--output",
                    "json",
                    &image.reference(),
                ],
            )
            .success()
            .json();
        assert_eq!(
            scanned["distro"]["versionCodename"], "trixie",
            "{}",
            scanned["distro"]
        );
        let mut found = BTreeMap::new();
        for artifact in scanned["artifacts"].as_array().unwrap() {
            // A Python that no package owns would be listed a second time, as a binary.
            assert_eq!(artifact["type"], "deb", "{artifact}");
            assert!(
                text(&artifact["purl"]).starts_with("pkg:deb/debian/"),
                "{artifact}"
            );
            // Not every copyright file names its licences in a way that a scanner understands.
            let copyright = format!("/usr/share/doc/{}/copyright", text(&artifact["name"]));
            let read = artifact["locations"].as_array().unwrap().iter();
            assert!(
                read.map(|location| text(&location["accessPath"]))
                    .any(|path| path == copyright),
                "{copyright} was not found: {artifact}"
            );
            found.insert(text(&artifact["name"]), text(&artifact["version"]));
        }
        assert_eq!(
            found,
            metadata::versions(&image.rootfs()),
            "{}",
            image.reference()
        );
    }
}

#[test]
fn trivy_lists_the_packages() {
    let Some(trivy) = scanner("DISTIL_TEST_TRIVY") else {
        return;
    };
    for request in images() {
        let image = request.build();
        let context = Context::new();
        let cache = context.path("cache");
        let path = image.path().to_str().unwrap();
        let options = [
            "image",
            "--quiet",
            "--offline-scan",
            "--format",
            "cyclonedx",
        ];
        let scanned = context
            .run(
                trivy.to_str().unwrap(),
                options.into_iter().chain([
                    "--cache-dir",
                    cache.to_str().unwrap(),
                    "--input",
                    path,
                ]),
            )
            .success()
            .json();
        let of_debian =
            |component: &&Value| text(&component["purl"]).starts_with("pkg:deb/debian/");
        let components = scanned["components"].as_array().unwrap();
        let found: BTreeMap<String, String> = components
            .iter()
            .filter(of_debian)
            .map(|component| (text(&component["name"]), text(&component["version"])))
            .collect();
        assert_eq!(
            found,
            metadata::versions(&image.rootfs()),
            "{}",
            image.reference()
        );
    }
}
