//! Which of the sources are mirrors of a distribution's own archive.

use super::{SignedBy, Source, SourceType, read_bounded};
use crate::distribution::{Area, Distribution};
use crate::openpgp::{Certificate, Keyring};

/// Mirrors of a distribution's archive, as URIs without a slash at the end, the likelier ones first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AptMirrors {
    /// Mirrors of the main archive, which has the suites `trixie`, `trixie-updates` and so on.
    pub main: Vec<String>,
    /// Mirrors of the security archive, which has `trixie-security`.
    pub security: Vec<String>,
}

/// Picks the mirrors of a distribution's own archive out of a machine's sources.
///
/// An entry counts if it is in use, for binary packages, has only components of the distribution's, and is
/// not `Trusted` without a signature. Of its suites only those that bear a name of its own count,
/// so `nodistro`, `cloud-sdk-bookworm` or `bookworm-pgdg` do not. Others' repositories do use
/// plain `bookworm main` too; what they cannot have is its keys. An entry whose `Signed-By`
/// is something else than a keyring of its own is therefore passed over, and one that names none,
/// as older entries do, comes after those that do.
///
/// A wrong guess costs a request that fails, never trust: whatever a mirror gives is verified.
pub fn own_mirrors(sources: &[Source], distribution: &Distribution) -> AptMirrors {
    let mut mirrors = AptMirrors::default();
    let candidates = || {
        let sources = sources.iter();
        sources.filter(|source| may_be_own(source, distribution))
    };
    let signed = candidates().filter(|source| is_signed_by(source, distribution));
    let unsigned = candidates().filter(|source| source.signed_by.is_empty());
    for source in signed.chain(unsigned) {
        for suite in &source.suites {
            let list = match distribution.area_of(suite) {
                Some(Area::Main) => &mut mirrors.main,
                Some(Area::Security) => &mut mirrors.security,
                None => continue,
            };
            for uri in &source.uris {
                let uri = uri.trim_end_matches('/');
                // apt puts the architecture there; no distribution's archive is parted so.
                let parted = uri.contains("$(");
                if !parted && !list.iter().any(|have| have == uri) {
                    list.push(uri.to_owned());
                }
            }
        }
    }
    mirrors
}

fn may_be_own(source: &Source, distribution: &Distribution) -> bool {
    let mut components = source.components.iter();
    source.enabled
        && source.types.contains(&SourceType::Binary)
        && source.trusted != Some(true)
        && components.all(|component| distribution.has_component(component))
}

fn is_signed_by(source: &Source, distribution: &Distribution) -> bool {
    let knows = |keyring: &[u8]| shares_a_key(keyring, distribution);
    source.signed_by.iter().any(|signed_by| match signed_by {
        SignedBy::File(path) => {
            let name = path.file_name().and_then(|name| name.to_str());
            let is_by_name = name.is_some_and(|name| name.starts_with(distribution.keyrings));
            // Somebody may have put the keys into a file of another name.
            let is_file = || std::fs::metadata(path).is_ok_and(|file| file.is_file());
            is_by_name || (is_file() && read_bounded(path).is_ok_and(|bytes| knows(&bytes)))
        }
        SignedBy::Keyring(armoured) => knows(armoured.as_bytes()),
        SignedBy::Fingerprint(fingerprint) => {
            let fingerprint = fingerprint.trim_end_matches('!');
            let mut certificates = distribution.keyring().certificates();
            certificates.any(|certificate| has_key(certificate, fingerprint))
        }
    })
}

fn shares_a_key(keyring: &[u8], distribution: &Distribution) -> bool {
    Keyring::parse(keyring, "Signed-By").is_ok_and(|keyring| {
        keyring.certificates().any(|certificate| {
            let mut own = distribution.keyring().certificates();
            own.any(|own| own.fingerprint() == certificate.fingerprint())
        })
    })
}

fn has_key(certificate: &Certificate, fingerprint: &str) -> bool {
    certificate
        .key_fingerprints()
        .any(|key| key.to_string().ends_with(fingerprint))
}
