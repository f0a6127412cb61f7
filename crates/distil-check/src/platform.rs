//! What paths say of the platforms that files are for. Packages of npm, wheels and .NET bring
//! libraries for several side by side, in directories or under names such as `linux-arm64`,
//! `linuxmusl-x64` or `x86_64-unknown-linux-musl`, and choose one of them at run time.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use distil_tree::TreePath;

/// How many parts of a path are looked at.
const MAX_PARTS: usize = 64;

/// What the container is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Platform<'a> {
    /// The architecture as OCI names it.
    pub(crate) architecture: &'a str,
    pub(crate) has_glibc: bool,
    pub(crate) has_musl: bool,
}

/// The platforms for which an image has files, by what the paths of these are without a platform.
#[derive(Debug, Default)]
pub(crate) struct Variants {
    /// Directories and files for the container's own platform, by hashes: of the path up to a part,
    /// and of that part without what names the platform. The parts of long paths would cost many
    /// times their bytes.
    own: BTreeSet<u64>,
}

/// A part of a path that names a platform.
struct Named {
    /// Without what names it.
    rest: Vec<u8>,
    /// Whether that is the container's.
    is_own: bool,
}

impl Variants {
    /// Learns from the paths of an image's libraries.
    pub(crate) fn of<'a>(
        paths: impl IntoIterator<Item = &'a TreePath>,
        platform: Platform<'_>,
    ) -> Self {
        let mut own = BTreeSet::new();
        for path in paths {
            for (key, is_own) in keys(path, platform) {
                if is_own {
                    own.insert(key);
                }
            }
        }
        Self { own }
    }

    /// Whether a file is for another platform by its path, and the same is there for the
    /// container's: nobody misses what it needs.
    pub(crate) fn is_other(&self, path: &TreePath, platform: Platform<'_>) -> bool {
        let mut keys = keys(path, platform);
        keys.any(|(key, is_own)| !is_own && self.own.contains(&key))
    }
}

/// The parts of a path that name a platform, by their hashes, and whether it is the container's.
fn keys(path: &TreePath, platform: Platform<'_>) -> impl Iterator<Item = (u64, bool)> {
    let mut before = DefaultHasher::new();
    path.parts().take(MAX_PARTS).filter_map(move |part| {
        let named = named(part, platform).map(|named| {
            let mut hasher = before.clone();
            named.rest.hash(&mut hasher);
            (hasher.finish(), named.is_own)
        });
        part.hash(&mut before);
        named
    })
}

/// Reads a part of a path; nothing if it names no platform.
fn named(part: &[u8], platform: Platform<'_>) -> Option<Named> {
    let text = std::str::from_utf8(part).ok()?;
    let text = text.replace("x86_64", "x64").replace("x86-64", "x64");
    let (mut rest, mut is_own, mut is_named) = (Vec::new(), true, false);
    for word in text.split(|c: char| !c.is_ascii_alphanumeric()) {
        match fits(word, platform) {
            Some(fits) => {
                is_named = true;
                is_own &= fits;
            }
            None => {
                rest.push(b'-');
                rest.extend(word.as_bytes());
            }
        }
    }
    is_named.then_some(Named { rest, is_own })
}

/// Whether a word that names an operating system, a machine or a C library names the container's.
fn fits(word: &str, platform: Platform<'_>) -> Option<bool> {
    let architectures: &[&str] = match word {
        "x64" | "amd64" => &["amd64"],
        "x86" | "ia32" | "i386" | "i686" | "386" => &["386"],
        "arm64" | "aarch64" => &["arm64"],
        "arm" | "armv6" | "armv6l" | "armv7" | "armv7l" | "armhf" | "armel" => &["arm"],
        "riscv64" | "riscv64gc" => &["riscv64"],
        "s390x" => &["s390x"],
        "ppc64le" | "ppc64el" | "powerpc64le" => &["ppc64le"],
        "loong64" | "loongarch64" => &["loong64"],
        "ppc64" | "mips" | "mipsel" | "mips64" | "mips64el" | "riscv32" | "wasm32" => &[],
        "linux" | "unknown" | "manylinux" => return Some(true),
        "linuxmusl" | "musl" | "musllinux" | "musleabihf" | "musleabi" => {
            return Some(platform.has_musl && !platform.has_glibc);
        }
        "gnu" | "glibc" | "linuxglibc" | "gnueabihf" | "gnueabi" => {
            return Some(platform.has_glibc);
        }
        "aix" | "android" | "darwin" | "freebsd" | "haiku" | "illumos" | "linuxbionic"
        | "macos" | "netbsd" | "ohos" | "openbsd" | "openharmony" | "osx" | "solaris" | "sunos"
        | "win32" | "windows" => return Some(false),
        _ => return None,
    };
    Some(architectures.contains(&platform.architecture))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_side_by_side() {
        let platform = Platform {
            architecture: "amd64",
            has_glibc: true,
            has_musl: false,
        };
        let is_other = |path: &str, others: &[&str]| {
            let all: Vec<TreePath> = others.iter().map(|path| TreePath::of(path)).collect();
            Variants::of(&all, platform).is_other(&TreePath::of(path), platform)
        };
        for (path, own) in [
            (
                "app/node_modules/@rollup/rollup-linux-x64-musl/rollup.linux-x64-musl.node",
                "app/node_modules/@rollup/rollup-linux-x64-gnu/rollup.linux-x64-gnu.node",
            ),
            (
                "n/@img/sharp-linuxmusl-x64/lib/sharp-linuxmusl-x64.node",
                "n/@img/sharp-linux-x64/lib/sharp-linux-x64.node",
            ),
            (
                "n/x/prebuilds/linux-x64/node.napi.musl.node",
                "n/x/prebuilds/linux-x64/node.napi.glibc.node",
            ),
            (
                "n/x/prebuilds/android-arm64/x.node",
                "n/x/prebuilds/linux-x64/x.node",
            ),
            (
                "n/x/prebuilds/linux-arm/x.node",
                "n/x/prebuilds/linux-x64/x.node",
            ),
            (
                "n/.pnpm/@x+y-linux-x64-musl@1.0.0/node_modules/@x/y-linux-x64-musl/y.node",
                "n/.pnpm/@x+y-linux-x64-gnu@1.0.0/node_modules/@x/y-linux-x64-gnu/y.node",
            ),
            (
                "app/runtimes/linux-musl-x64/native/libx.so",
                "app/runtimes/linux-x64/native/libx.so",
            ),
        ] {
            assert!(is_other(path, &[path, own]), "{path}");
            assert!(!is_other(own, &[path, own]), "{own}");
            // With nothing for this platform it is what is used, and fails.
            assert!(!is_other(path, &[path]), "{path}");
        }
        assert!(!is_other(
            "app/build/Release/x.node",
            &["app/build/Release/y.node"]
        ));
    }
}
