//! What an image is called where nobody names it.

use std::path::PathBuf;

use distil_debian::suite::Suite;
use distil_definition::recipe::Variant;
use distil_definition::{Architecture, Definition};
use distil_oci::reference::InvalidReference;
use distil_oci::{Location, Platform, Reference};
use distil_store::Digest;

use crate::request::Request;

/// How many characters the names of added packages may have together; a tag has 128 at most (OCI
/// distribution specification, "Pulling manifests"), a file's name 255.
const MAX_ADDITIONS: usize = 60;

/// The name of an image, with everything in which it differs from what the same word gives without
/// any option: what was added to it, its suite, variant and platforms. So images that differ in
/// these do not overwrite one another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultName {
    name: String,
    additions: Vec<String>,
    qualifiers: Vec<String>,
}

impl DefaultName {
    /// The name of a request's image for a suite and platforms.
    pub fn of(request: &Request, suite: Suite, architectures: &[Architecture]) -> Self {
        Self::new(
            request,
            suite,
            architectures,
            Architecture::of(&Platform::host()).ok(),
        )
    }

    /// As [`DefaultName::of`], on a machine of an architecture.
    fn new(
        request: &Request,
        suite: Suite,
        architectures: &[Architecture],
        host: Option<Architecture>,
    ) -> Self {
        let mut qualifiers = Vec::new();
        if suite != Suite::stable() {
            qualifiers.push(suite.codename.to_owned());
        }
        if request.variant != Variant::Latest {
            qualifiers.push(request.variant.name().to_owned());
        }
        let all: Vec<Architecture> = Architecture::of_suite(suite).collect();
        match architectures {
            [one] if host == Some(*one) => {}
            several if several.len() > 1 && several == all => qualifiers.push("all".to_owned()),
            several => qualifiers.extend(several.iter().map(|one| platform(*one))),
        }
        Self {
            name: request.source.definition.name.clone(),
            additions: request.source.changed().map(additions).unwrap_or_default(),
            qualifiers,
        }
    }

    /// The same with another name in the place of the definition's and of what was added to it.
    #[must_use]
    pub fn called(self, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            additions: Vec::new(),
            ..self
        }
    }

    /// The archive in the current directory: `base+libpq5-bookworm-debug-arm64.tar`.
    pub fn archive(&self) -> Location {
        let mut file = self.name.clone();
        for addition in &self.additions {
            file.push('+');
            file.push_str(addition);
        }
        for qualifier in &self.qualifiers {
            file.push('-');
            file.push_str(qualifier);
        }
        Location::OciArchive {
            path: PathBuf::from(file + ".tar"),
            tag: None,
        }
    }

    /// The name that the image carries: `base:libpq5-bookworm-debug-arm64`; a tag has no `+`, which
    /// is `_` in it, as no package's name has that.
    ///
    /// # Errors
    /// If the definition's name is none that a registry would take.
    pub fn reference(&self) -> Result<Reference, InvalidReference> {
        let parts = self.additions.iter().chain(&self.qualifiers);
        let parts: Vec<String> = parts.map(|part| part.replace('+', "_")).collect();
        let tag = match parts.is_empty() {
            true => Variant::Latest.name().to_owned(),
            false => parts.join("-"),
        };
        format!("{}:{tag}", self.name).parse()
    }
}

/// `arm64`, `armv7`.
fn platform(architecture: Architecture) -> String {
    let platform = architecture.platform();
    let variant = platform.variant().unwrap_or_default();
    format!("{}{variant}", platform.architecture())
}

/// The packages that changes add, and `local` for everything else that they are. Of more packages
/// than a name has room for, their number and a digest.
fn additions(changes: &Definition) -> Vec<String> {
    let packages = changes.packages.iter().map(|item| package(item.label()));
    let packages: Vec<String> = packages.collect();
    let length: usize = packages.iter().map(|name| name.len() + 1).sum();
    let mut additions = match length > MAX_ADDITIONS {
        true => {
            let digest = Digest::of(packages.join(" ")).hex();
            let digest = digest.get(..8).unwrap_or_default();
            vec![format!("{}-packages-{digest}", packages.len())]
        }
        false => packages,
    };
    let others = Definition {
        name: String::new(),
        packages: Vec::new(),
        ..changes.clone()
    };
    if others != Definition::default() {
        additions.push("local".to_owned());
    }
    additions
}

/// The first name of a relation, whose characters are those of packages' names (Debian Policy
/// §5.6.7).
fn package(relation: &str) -> String {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c);
    let relation = relation.trim_start().chars();
    let name: String = relation.take_while(|c| is_name(*c)).collect();
    match name.is_empty() {
        // What is not a relation is told when it is read as one.
        true => "local".to_owned(),
        false => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use distil_definition::{Config, PackageItem};

    fn name(word: &str, changes: Definition, suite: &str, architectures: &[&str]) -> String {
        let find = |name: &str| Architecture::all().find(|one| one.debian() == name);
        let request = Request::find(word, changes).unwrap();
        let suite = Suite::named(suite).unwrap();
        let architectures: Vec<Architecture> = match architectures {
            ["all"] => Architecture::of_suite(suite).collect(),
            names => names.iter().filter_map(|name| find(name)).collect(),
        };
        let name = DefaultName::new(&request, suite, &architectures, find("amd64"));
        format!("{} {}", name.archive(), name.reference().unwrap())
    }

    fn adding(packages: &[&str]) -> Definition {
        Definition {
            packages: packages
                .iter()
                .map(|name| PackageItem::whole(name))
                .collect(),
            ..Definition::default()
        }
    }

    #[test]
    fn names_carry_what_differs_from_the_default() {
        let none = Definition::default;
        let host = ["amd64"];
        let user = Definition {
            config: Config {
                user: Some("1".to_owned()),
                ..Config::default()
            },
            ..adding(&["libpq5"])
        };
        let many: Vec<String> = (0..40).map(|n| format!("package-{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let names = [
            name("base", none(), "trixie", &host),
            name("base:debug", none(), "trixie", &host),
            name("python3", none(), "bookworm", &host),
            name("python3:nonroot", none(), "bookworm", &["arm64"]),
            name("base", none(), "trixie", &["arm64"]),
            name("base", none(), "trixie", &["amd64", "armhf"]),
            name("base", none(), "trixie", &["all"]),
            name("base", adding(&["libpq5"]), "trixie", &host),
            name(
                "base",
                adding(&["libpq5 (>= 15)", "libstdc++6 | x"]),
                "forky",
                &host,
            ),
            name("base", user, "trixie", &host),
            name("base", adding(&many), "trixie", &host),
        ];
        insta::assert_snapshot!(names.join("\n"), @"
        oci-archive:base.tar base:latest
        oci-archive:base-debug.tar base:debug
        oci-archive:python3-bookworm.tar python3:bookworm
        oci-archive:python3-bookworm-nonroot-arm64.tar python3:bookworm-nonroot-arm64
        oci-archive:base-arm64.tar base:arm64
        oci-archive:base-amd64-armv7.tar base:amd64-armv7
        oci-archive:base-all.tar base:all
        oci-archive:base+libpq5.tar base:libpq5
        oci-archive:base+libpq5+libstdc++6-forky.tar base:libpq5-libstdc__6-forky
        oci-archive:base+libpq5+local.tar base:libpq5-local
        oci-archive:base+40-packages-bf31dd9f.tar base:40-packages-bf31dd9f
        ");
    }
}
