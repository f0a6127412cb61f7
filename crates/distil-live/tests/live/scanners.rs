//! Scanners see every package of an image as `show` does: its version, its source and its licences,
//! and nothing twice.

use std::path::PathBuf;

use distil_live::{Built, Context, Request, require};
use serde_json::Value;

/// Images whose files scanners know by more than their packages: a runtime's program, modules and
/// archives, and busybox. What stands below them is in them.
const FARTHEST: [&str; 5] = [
    "static",
    "python3",
    "python3:debug",
    "nodejs",
    "java21:debug",
];

/// Variants without a package manager, whose own software scanners would list, too.
const VARIANTS: [&str; 4] = ["latest", "nonroot", "debug", "debug-nonroot"];

/// What the tests look at; of a long run all images of the catalogue with all their variants, for
/// every suite.
fn images() -> Vec<Request> {
    if !require::long() {
        return FARTHEST
            .map(|name| Request::catalogue(name, "trixie", "amd64"))
            .into();
    }
    let listed = Context::new().distil(["list", "--format", "json"]);
    let listed = listed.success().json();
    let mut requests = Vec::new();
    for image in listed["images"].as_array().unwrap() {
        for suite in ["bookworm", "trixie", "forky"] {
            if !image["suites"].as_array().unwrap().contains(&suite.into()) {
                continue;
            }
            for variant in image["variants"].as_array().unwrap() {
                let variant = variant.as_str().unwrap();
                if VARIANTS.contains(&variant) {
                    let name = format!("{}:{variant}", image["name"].as_str().unwrap());
                    requests.push(Request::catalogue(&name, suite, "amd64"));
                }
            }
        }
    }
    assert!(requests.len() > 100, "{requests:?}");
    requests
}

/// The scanner that a variable of the environment names; `./test` installs and names them.
pub(crate) fn scanner(variable: &str) -> Option<PathBuf> {
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

fn texts<'a>(values: &'a Value, of: impl Fn(&'a Value) -> &'a Value) -> Vec<String> {
    let values = values.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut texts: Vec<String> = values.iter().map(|value| text(of(value))).collect();
    texts.sort();
    texts
}

/// A package as one of them sees it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    version: String,
    source: String,
    source_version: String,
    licences: Vec<String>,
}

/// What `show` says of an image, with its files.
fn show(image: &Built) -> Value {
    let show = ["show", &image.reference(), "--files", "--format", "json"];
    Context::new().distil(show).success().json()
}

/// As `show` sees them.
fn shown(document: &Value) -> Vec<Package> {
    let packages = document["packages"].as_array().unwrap();
    let package = |package: &Value| Package {
        name: text(&package["name"]),
        version: text(&package["version"]),
        source: text(&package["source"]),
        source_version: text(&package["source_version"]),
        licences: texts(&package["licences"], |licence| licence),
    };
    sorted(packages.iter().map(package).collect())
}

fn sorted(mut packages: Vec<Package>) -> Vec<Package> {
    assert!(!packages.is_empty(), "it sees nothing");
    packages.sort();
    packages
}

#[test]
fn syft_lists_what_show_lists_and_nothing_else() {
    let Some(syft) = scanner("DISTIL_TEST_SYFT") else {
        return;
    };
    for request in images() {
        let image = request.build();
        let scan = ["scan", "--quiet", "--output", "json", &image.reference()];
        let command = ["SYFT_CHECK_FOR_APP_UPDATE=false", syft.to_str().unwrap()];
        let command = command.into_iter().chain(scan);
        let scanned = Context::new().run("env", command).success().json();
        assert_eq!(
            scanned["distro"]["versionCodename"],
            request.suite(),
            "{}",
            scanned["distro"]
        );
        let artifacts = scanned["artifacts"].as_array().unwrap();
        for artifact in artifacts {
            // A Python that no package owns would be listed a second time, as a binary, and an
            // archive of Java's as a program.
            assert_eq!(artifact["type"], "deb", "{artifact}");
            let purl = text(&artifact["purl"]);
            assert!(purl.starts_with("pkg:deb/debian/"), "{artifact}");
            // Not every copyright file names its licences in a way that a scanner understands.
            let copyright = format!("/usr/share/doc/{}/copyright", text(&artifact["name"]));
            let read = texts(&artifact["locations"], |location| &location["accessPath"]);
            assert!(
                read.contains(&copyright),
                "{copyright} was not found: {artifact}"
            );
        }
        let package = |artifact: &Value| {
            let metadata = &artifact["metadata"];
            // It leaves out what is as the package itself has it.
            let or = |value: &Value, other: &Value| match text(value) {
                empty if empty.is_empty() => text(other),
                some => some,
            };
            Package {
                name: text(&artifact["name"]),
                version: text(&artifact["version"]),
                source: or(&metadata["source"], &artifact["name"]),
                source_version: or(&metadata["sourceVersion"], &artifact["version"]),
                licences: texts(&artifact["licenses"], |licence| &licence["value"]),
            }
        };
        let found = sorted(artifacts.iter().map(package).collect());
        let ours = shown(&show(&image));
        assert_eq!(
            unlicensed(&found),
            unlicensed(&ours),
            "{}",
            image.reference()
        );
        // It takes the first word of what a copyright file says, where we have all of them.
        for (theirs, ours) in found.iter().zip(&ours) {
            let words = ours
                .licences
                .iter()
                .flat_map(|text| text.split_whitespace());
            let words: Vec<&str> = words.map(|word| word.trim_matches([',', ';'])).collect();
            for licence in &theirs.licences {
                let word = licence.trim_matches([',', ';']);
                assert!(words.contains(&word), "{theirs:?} {ours:?}");
            }
        }
    }
}

/// Packages without their licences.
fn unlicensed(packages: &[Package]) -> Vec<[&str; 4]> {
    fn package(one: &Package) -> [&str; 4] {
        let Package {
            name,
            version,
            source,
            source_version,
            ..
        } = one;
        [name, version, source, source_version]
    }
    packages.iter().map(package).collect()
}

#[test]
fn trivy_lists_what_show_lists_and_nothing_else() {
    let Some(trivy) = scanner("DISTIL_TEST_TRIVY") else {
        return;
    };
    let context = Context::new();
    for request in images() {
        let image = request.build();
        let cache = context.path("cache");
        let options = ["--quiet", "--offline-scan", "--format", "cyclonedx"];
        let places = ["--cache-dir", cache.to_str().unwrap(), "--input"];
        let command = ["image"].into_iter().chain(options).chain(places);
        let command = command.chain([image.path().to_str().unwrap()]);
        let scanned = context.run(trivy.to_str().unwrap(), command);
        let scanned = scanned.success().json();
        let components = scanned["components"].as_array().unwrap();
        let is_system = |component: &&Value| component["type"] == "operating-system";
        let (systems, components): (Vec<&Value>, Vec<_>) = components
            .iter()
            .partition(|component| is_system(component));
        assert_eq!(systems.len(), 1, "{systems:?}");
        let package = |component: &&Value| {
            let purl = text(&component["purl"]);
            assert!(purl.starts_with("pkg:deb/debian/"), "{component}");
            let properties = component["properties"].as_array().unwrap();
            let property = |name: &str| {
                let name = format!("aquasecurity:trivy:{name}");
                let found = properties.iter().find(|property| property["name"] == *name);
                found.map(|property| text(&property["value"]))
            };
            let epoch = property("SrcEpoch").map(|epoch| epoch + ":");
            let revision = property("SrcRelease").map(|revision| "-".to_owned() + &revision);
            Package {
                name: text(&component["name"]),
                version: text(&component["version"]),
                source: property("SrcName").unwrap_or_default(),
                source_version: epoch.unwrap_or_default()
                    + &property("SrcVersion").unwrap_or_default()
                    + &revision.unwrap_or_default(),
                licences: texts(&component["licenses"], |one| &one["license"]["name"]),
            }
        };
        let mut found: Vec<Package> = components.iter().map(package).collect();
        let mut expected = shown(&show(&image));
        // It has names of its own for licences; that there are some is what can be compared.
        let some = |seen| vec!["some".to_owned(); usize::from(seen)];
        for package in &mut found {
            package.licences = some(!package.licences.is_empty());
        }
        for package in &mut expected {
            package.licences = some(!package.licences.is_empty());
        }
        assert_eq!(sorted(found), sorted(expected), "{}", image.reference());
    }
}
