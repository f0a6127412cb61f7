//! Which of the sources are mirrors of Debian's own archive.

use std::path::Path;

use super::{SignedBy, Source, SourceType, read_bounded};
use crate::openpgp::{Certificate, Keyring};

/// Mirrors of Debian's archive, as URIs without a slash at the end, the likelier ones first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AptMirrors {
    /// Mirrors of the main archive, which has the suites `trixie`, `trixie-updates` and so on.
    pub main: Vec<String>,
    /// Mirrors of the security archive, which has `trixie-security`.
    pub security: Vec<String>,
}

/// Debian's suites, by their own names and by role. A mirror has all of them or a part; that it
/// has one shows what it is.
const SUITES: [&str; 15] = [
    "buster",
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
    "duke",
    "sid",
    "stable",
    "oldstable",
    "oldoldstable",
    "testing",
    "unstable",
    "experimental",
    "rc-buggy",
    "proposed-updates",
];

const COMPONENTS: [&str; 4] = ["main", "contrib", "non-free", "non-free-firmware"];

/// Picks the mirrors of Debian's own archive out of a machine's sources.
///
/// An entry counts if it is in use, for binary packages, has only components of Debian's, and is
/// not `Trusted` without a signature. Of its suites only those that bear a name of Debian's count,
/// so `nodistro`, `cloud-sdk-bookworm` or `bookworm-pgdg` do not. Others' repositories do use
/// plain `bookworm main` too; what they cannot have is Debian's keys. An entry whose `Signed-By`
/// is something else than a keyring of Debian's is therefore passed over, and one that names none,
/// as older entries do, comes after those that do.
///
/// A wrong guess costs a request that fails, never trust: whatever a mirror gives is verified.
pub fn debian_mirrors(sources: &[Source]) -> AptMirrors {
    let mut mirrors = AptMirrors::default();
    let candidates = || sources.iter().filter(|source| may_be_debian(source));
    let signed = candidates().filter(|source| is_signed_by_debian(source));
    let unsigned = candidates().filter(|source| source.signed_by.is_empty());
    for source in signed.chain(unsigned) {
        for suite in &source.suites {
            let list = match Area::of(suite) {
                Some(Area::Main) => &mut mirrors.main,
                Some(Area::Security) => &mut mirrors.security,
                None => continue,
            };
            for uri in &source.uris {
                let uri = uri.trim_end_matches('/');
                // apt puts the architecture there; Debian's archive is not parted so.
                let parted = uri.contains("$(");
                if !parted && !list.iter().any(|have| have == uri) {
                    list.push(uri.to_owned());
                }
            }
        }
    }
    mirrors
}

fn may_be_debian(source: &Source) -> bool {
    let components = &source.components;
    source.enabled
        && source.types.contains(&SourceType::Binary)
        && source.trusted != Some(true)
        && components.iter().all(|c| COMPONENTS.contains(&c.as_str()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Area {
    Main,
    Security,
}

impl Area {
    /// Which archive has a suite of this name, if it is Debian's.
    fn of(suite: &str) -> Option<Self> {
        if SUITES.contains(&suite) {
            return Some(Self::Main);
        }
        // `buster/updates` was the security suite's name until bullseye.
        let (base, area) = if let Some(base) = suite.strip_suffix("-security") {
            (base, Self::Security)
        } else if let Some(base) = suite.strip_suffix("/updates") {
            (base, Self::Security)
        } else {
            let pockets = [
                "-proposed-updates",
                "-updates",
                "-backports-sloppy",
                "-backports",
            ];
            let base = pockets.iter().find_map(|pocket| suite.strip_suffix(pocket));
            (base.unwrap_or(suite), Self::Main)
        };
        SUITES.contains(&base).then_some(area)
    }
}

fn is_signed_by_debian(source: &Source) -> bool {
    source.signed_by.iter().any(|signed_by| match signed_by {
        SignedBy::File(path) => is_debians_by_name(path) || has_debians_key(path),
        SignedBy::Keyring(armoured) => knows_debian(armoured.as_bytes()),
        SignedBy::Fingerprint(fingerprint) => {
            let fingerprint = fingerprint.trim_end_matches('!');
            Keyring::debian()
                .certificates()
                .any(|certificate| has_key(certificate, fingerprint))
        }
    })
}

/// The keyrings of the package `debian-archive-keyring`.
fn is_debians_by_name(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.starts_with("debian-archive-"))
}

/// Somebody may have put Debian's keys into a file of another name.
fn has_debians_key(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|file| file.is_file())
        && read_bounded(path).is_ok_and(|bytes| knows_debian(&bytes))
}

fn knows_debian(keyring: &[u8]) -> bool {
    Keyring::parse(keyring, "Signed-By").is_ok_and(|keyring| {
        keyring.certificates().any(|certificate| {
            let mut debian = Keyring::debian().certificates();
            debian.any(|debians| debians.fingerprint() == certificate.fingerprint())
        })
    })
}

fn has_key(certificate: &Certificate, fingerprint: &str) -> bool {
    certificate
        .key_fingerprints()
        .any(|key| key.to_string().ends_with(fingerprint))
}
