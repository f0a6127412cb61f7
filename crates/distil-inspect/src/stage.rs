//! What the first stage of a build has to have in common with an image, for what is compiled and
//! installed there to run in it.

use distil_tree::{OsRelease, Tree};

use crate::container::ContainerConfig;
use crate::runtime::{self, Node, dotted};

/// Debian's releases, the oldest first, with the versions of glibc and of GCC's libstdc++
/// (`GLIBCXX_3.4.N`) that they have; forky's as of November 2026.
const RELEASES: [(&str, (u32, u32), u32); 4] = [
    ("bullseye", (2, 31), 28),
    ("bookworm", (2, 36), 30),
    ("trixie", (2, 41), 33),
    ("forky", (2, 43), 36),
];

/// What a first stage has to fit. What an image does not have sets no bounds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildStage {
    /// The release that the image is made of, by its code name: `trixie`.
    pub release: Option<String>,
    /// The version of its glibc, which must not be older than the stage's.
    pub glibc: Option<(u32, u32)>,
    /// Whether its C library is musl.
    pub has_musl: bool,
    /// The highest N of the `GLIBCXX_3.4.N` of its libstdc++, which must not be older either.
    pub libstdcxx: Option<u32>,
    /// The minor versions of its Pythons 3.
    pub pythons: Vec<u32>,
    /// The major version of its Node.js, as far as that is known.
    pub node: Option<u32>,
    /// The version of the interface of add-ons to it (`NODE_MODULE_VERSION`), as far as known.
    pub node_modules: Option<u32>,
    /// The feature release of its Java.
    pub java: Option<u32>,
}

impl BuildStage {
    /// That of an image.
    pub fn of(tree: &Tree, config: &ContainerConfig) -> Self {
        let mut stage = Self {
            release: release(tree),
            pythons: runtime::pythons(tree).into_iter().collect(),
            java: runtime::java(tree),
            ..Self::default()
        };
        if let Some(Node {
            module_version,
            major,
            ..
        }) = runtime::node(tree, config)
        {
            (stage.node, stage.node_modules) = (major, module_version);
        }
        for (path, entry) in tree.iter() {
            let name = path.name().unwrap_or_default();
            stage.has_musl |= name.starts_with(b"ld-musl-");
            let is_libc = name == b"libc.so.6";
            let is_libstdcxx = name.starts_with(b"libstdc++.so.6");
            let Some(file) = entry.file().filter(|_| is_libc || is_libstdcxx) else {
                continue;
            };
            let Some(Ok(facts)) = file.elf() else {
                continue;
            };
            for version in &facts.version_definitions {
                if is_libc && let Some(version) = version.strip_prefix(b"GLIBC_") {
                    stage.glibc = stage.glibc.max(dotted(version));
                }
                if is_libstdcxx && let Some(version) = glibcxx(version) {
                    stage.libstdcxx = stage.libstdcxx.max(Some(version));
                }
            }
        }
        stage
    }
}

/// The code name in os-release(5).
pub fn release(tree: &Tree) -> Option<String> {
    let release = OsRelease::of(tree)?;
    let value = release.codename()?;
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (value.len() <= 64 && value.chars().all(is_word)).then(|| value.to_owned())
}

/// The first of Debian's releases whose C or C++ library has a version of symbols, if that is
/// newer than the release that an image is made of.
pub fn newer_release(version: &[u8], image: &str) -> Option<&'static str> {
    let place = RELEASES.iter().position(|(name, ..)| *name == image)?;
    let newer = RELEASES.get(place + 1..)?;
    let glibc = version.strip_prefix(b"GLIBC_").and_then(dotted);
    let libstdcxx = glibcxx(version);
    let has = |(_, glibc_there, libstdcxx_there): &&(&str, (u32, u32), u32)| {
        glibc.is_some_and(|wanted| wanted <= *glibc_there)
            || libstdcxx.is_some_and(|wanted| wanted <= *libstdcxx_there)
    };
    newer.iter().find(has).map(|(name, ..)| *name)
}

fn glibcxx(version: &[u8]) -> Option<u32> {
    let number = version.strip_prefix(b"GLIBCXX_3.4.")?;
    std::str::from_utf8(number).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_that_have_a_version() {
        for (version, image, expected) in [
            ("GLIBC_2.38", "bookworm", Some("trixie")),
            ("GLIBC_2.42", "bookworm", Some("forky")),
            ("GLIBC_2.42", "trixie", Some("forky")),
            ("GLIBC_9.1", "trixie", None),
            ("GLIBC_2.38", "noble", None),
            ("GLIBCXX_3.4.32", "bookworm", Some("trixie")),
            ("GLIBCXX_3.4", "bookworm", None),
            ("GLIBC_PRIVATE", "bookworm", None),
            ("OPENSSL_3.2.0", "bookworm", None),
        ] {
            let found = newer_release(version.as_bytes(), image);
            assert_eq!(found, expected, "{version} in {image}");
        }
    }
}
