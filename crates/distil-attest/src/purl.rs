//! Package URLs (package-url/purl-spec, `PURL-SPECIFICATION.rst` and the types `deb` and `oci`):
//! the identifiers by which scanners know packages.

use std::fmt::Write as _;

use distil_store::Digest;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What has to be encoded in each part: all but letters, digits and `.`, `-`, `_`, `~`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'.')
    .remove(b'-')
    .remove(b'_')
    .remove(b'~');

/// The package URL of a Debian package.
#[derive(Debug, Clone, Copy)]
pub struct DebianPackage<'a> {
    /// The distribution's `ID` in os-release, such as `debian`, or whose else the package is, in
    /// lower case.
    pub vendor: &'a str,
    /// The package.
    pub name: &'a str,
    /// Its version with its epoch.
    pub version: &'a str,
    /// Its architecture.
    pub architecture: &'a str,
    /// The source package and its version.
    pub source: (&'a str, &'a str),
    /// The distribution and its release, such as `debian-13`.
    pub distribution: Option<&'a str>,
}

impl DebianPackage<'_> {
    /// `pkg:deb/debian/libc6@2.41-12?arch=amd64&distro=debian-13&upstream=glibc`.
    ///
    /// `upstream` is the source package, with its version where that is another, as Syft writes it
    /// and Grype reads it: advisories are about source packages.
    pub fn purl(&self) -> String {
        let (source, source_version) = self.source;
        let upstream = match (source == self.name, source_version == self.version) {
            (true, true) => None,
            (_, true) => Some(source.to_owned()),
            (_, false) => Some(format!("{source}@{source_version}")),
        };
        purl(
            "deb",
            &[self.vendor, self.name],
            self.version,
            &[
                ("arch", Some(self.architecture)),
                ("distro", self.distribution),
                ("upstream", upstream.as_deref()),
            ],
        )
    }
}

/// The package URL of a distribution of Python: `pkg:pypi/flask-login@1.0`, whose name is as the index
/// has it (PEP 503, "Normalized Names"), as the type wants it.
pub fn python(name: &str, version: &str) -> String {
    let mut normalized = String::new();
    for c in name.chars() {
        match c {
            '-' | '_' | '.' if normalized.ends_with('-') => {}
            '-' | '_' | '.' => normalized.push('-'),
            c => normalized.extend(c.to_lowercase()),
        }
    }
    purl("pypi", &[&normalized], version, &[])
}

/// The package URL of an image: `pkg:oci/python3@sha256%3A…?arch=amd64&repository_url=…`.
pub fn image(name: &str, digest: Digest, architecture: &str, repository: Option<&str>) -> String {
    // The type wants the last part of the repository's name, in lower case.
    let name = name.rsplit('/').next().unwrap_or_default().to_lowercase();
    purl(
        "oci",
        &[&name],
        &digest.to_string(),
        &[
            ("arch", (!architecture.is_empty()).then_some(architecture)),
            ("repository_url", repository),
        ],
    )
}

/// A package URL whose qualifiers are in their order already.
fn purl(kind: &str, path: &[&str], version: &str, qualifiers: &[(&str, Option<&str>)]) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
    let mut text = format!("pkg:{kind}");
    for part in path {
        let _ = write!(text, "/{}", encoded(part));
    }
    if !version.is_empty() {
        let _ = write!(text, "@{}", encoded(version));
    }
    let mut before = '?';
    for (name, value) in qualifiers {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            let _ = write!(text, "{before}{name}={}", encoded(value));
            before = '&';
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_have_their_source_and_distribution() {
        let package = DebianPackage {
            vendor: "debian",
            name: "libstdc++6",
            version: "1:14.2.0-19+b1",
            architecture: "amd64",
            source: ("gcc-14", "14.2.0-19"),
            distribution: Some("debian-13"),
        };
        assert_eq!(
            package.purl(),
            "pkg:deb/debian/libstdc%2B%2B6@1%3A14.2.0-19%2Bb1\
             ?arch=amd64&distro=debian-13&upstream=gcc-14%4014.2.0-19"
        );
        let own = DebianPackage {
            name: "zlib",
            version: "1.3",
            source: ("zlib", "1.3"),
            distribution: None,
            ..package
        };
        assert_eq!(own.purl(), "pkg:deb/debian/zlib@1.3?arch=amd64");
    }

    #[test]
    fn nothing_leaves_its_part() {
        let package = DebianPackage {
            vendor: "a/b",
            name: "../x?y#z",
            version: "1@2",
            architecture: "a&b=c",
            source: ("\u{202e}", "1@2"),
            distribution: Some(""),
        };
        assert_eq!(
            package.purl(),
            "pkg:deb/a%2Fb/..%2Fx%3Fy%23z@1%402?arch=a%26b%3Dc&upstream=%E2%80%AE"
        );
    }

    #[test]
    fn images_are_known_by_their_digest() {
        let digest = Digest::from_bytes([0x11; 32]);
        let hex = "11".repeat(32);
        assert_eq!(
            image("Team/App", digest, "amd64", Some("example.org/team/app")),
            format!(
                "pkg:oci/app@sha256%3A{hex}?arch=amd64&repository_url=example.org%2Fteam%2Fapp"
            )
        );
        assert_eq!(
            image("app", digest, "", None),
            format!("pkg:oci/app@sha256%3A{hex}")
        );
    }
}
