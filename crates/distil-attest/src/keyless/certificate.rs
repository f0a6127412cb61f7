//! Certificates for signing code: whom they are for, which authority has made them, and in which
//! certificate transparency log they are (RFC 5280; RFC 6962; fulcio, `docs/oid-info.md`).

use ring::digest::{SHA256, digest};
use rustls_pki_types::{CertificateDer, UnixTime};
use std::time::Duration;
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_cert::Certificate as X509;
use x509_cert::der::asn1::{ObjectIdentifier, OctetStringRef, Utf8StringRef};
use x509_cert::der::{Any, Decode as _, Encode as _, Reader as _, SliceReader, Tagged as _};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{ExtendedKeyUsage, SubjectAltName};

use super::algorithm::verifies;
use super::error::KeylessError;
use super::trust_root::{Authority, Log, TrustRoot};

/// The purpose of signing code (RFC 5280, 4.2.1.12), as its DER has it.
const CODE_SIGNING: [u8; 8] = [0x2b, 6, 1, 5, 5, 7, 3, 3];

/// The purpose of signing times (the same).
pub(super) const TIME_STAMPING: [u8; 8] = [0x2b, 6, 1, 5, 5, 7, 3, 8];

const PURPOSES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const SUBJECT_NAMES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const ISSUER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.8");
const ISSUER_V1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.1");
const OTHER_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.7");
const TIMESTAMPS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.2");

/// The only hash function of the logs' signatures (RFC 6962, 2.1.4; RFC 5246, 7.4.1.4.1).
const HASH_SHA256: u8 = 4;

/// A certificate that somebody shows.
pub(super) struct Certificate {
    der: Vec<u8>,
    parsed: X509,
}

impl Certificate {
    pub(super) fn parse(der: Vec<u8>) -> Result<Self, KeylessError> {
        let what = "certificate";
        let parsed = X509::from_der(&der).map_err(|_| KeylessError::Damaged { what })?;
        Ok(Self { der, parsed })
    }

    pub(super) fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its key, `SubjectPublicKeyInfo` in DER.
    pub(super) fn key(&self) -> Option<Vec<u8>> {
        let key = self.parsed.tbs_certificate().subject_public_key_info();
        key.to_der().ok()
    }

    /// Whether its key has made a signature.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = self.key();
        key.is_some_and(|key| verifies(&key, message, signature))
    }

    /// The only extension of a kind; more than one is as good as none.
    fn extension(&self, kind: ObjectIdentifier) -> Option<&[u8]> {
        let extensions = self.parsed.tbs_certificate().extensions()?;
        let mut found = extensions.iter().filter(|one| one.extn_id == kind);
        match (found.next(), found.next()) {
            (Some(one), None) => Some(one.extn_value.as_bytes()),
            _ => None,
        }
    }

    /// For whom it is, and who vouched for them.
    pub(super) fn identity(&self) -> Result<(String, String), KeylessError> {
        let what = "certificate's identity";
        let damaged = || KeylessError::Damaged { what };
        let names = self.extension(SUBJECT_NAMES).ok_or_else(damaged)?;
        let names = SubjectAltName::from_der(names).map_err(|_| damaged())?;
        // An authority certifies one name.
        let [name] = names.0.as_slice() else {
            return Err(damaged());
        };
        let name = match name {
            GeneralName::Rfc822Name(name) => name.as_str().to_owned(),
            GeneralName::UniformResourceIdentifier(name) => name.as_str().to_owned(),
            GeneralName::OtherName(other) if other.type_id == OTHER_NAME => {
                let value = other.value.decode_as::<Utf8StringRef<'_>>();
                value.map_err(|_| damaged())?.as_str().to_owned()
            }
            _ => return Err(damaged()),
        };
        let issuer = match (self.extension(ISSUER), self.extension(ISSUER_V1)) {
            (Some(issuer), _) => {
                let issuer = Utf8StringRef::from_der(issuer).map_err(|_| damaged())?;
                issuer.as_str().to_owned()
            }
            (None, Some(issuer)) => {
                let issuer = std::str::from_utf8(issuer).map_err(|_| damaged())?;
                issuer.to_owned()
            }
            (None, None) => return Err(damaged()),
        };
        Ok((name, issuer))
    }

    /// Verifies that an authority of the trust root had made it for signing code, at a time, and
    /// that a certificate transparency log has it.
    pub(super) fn verify(&self, root: &TrustRoot, seconds: u64) -> Result<(), KeylessError> {
        let mut problem = "none is trusted at the time of the signature".to_owned();
        let mut is_vouched_for = false;
        let authorities = root.authorities.iter();
        for authority in authorities.filter(|one| one.valid.contains(seconds)) {
            match self.issuer(authority, &CODE_SIGNING, seconds) {
                Ok(issuer) if self.is_logged(&root.certificate_logs, &issuer) => return Ok(()),
                Ok(_) => is_vouched_for = true,
                Err(error) => problem = error,
            }
        }
        match is_vouched_for {
            true => Err(KeylessError::CertificateLog),
            false => Err(KeylessError::Chain { problem }),
        }
    }

    /// The key of who issued it (`SubjectPublicKeyInfo` in DER), if a chain for a purpose leads from an
    /// authority to it at a time; otherwise why not.
    pub(super) fn issuer(
        &self,
        authority: &Authority,
        purpose: &'static [u8],
        seconds: u64,
    ) -> Result<Vec<u8>, String> {
        // It has to be for the purpose itself; authorities may be for any.
        if !self.has_purpose(purpose) {
            return Err("it is not for this purpose (extended key usage)".to_owned());
        }
        let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let leaf = CertificateDer::from(self.der.as_slice());
        let leaf = EndEntityCert::try_from(&leaf).map_err(|error| error.to_string())?;
        let root = CertificateDer::from(authority.root.as_slice());
        let anchor = anchor_from_trusted_cert(&root).map_err(|error| error.to_string())?;
        let between = authority.intermediates.iter();
        let between: Vec<_> = between
            .map(|one| CertificateDer::from(one.as_slice()))
            .collect();
        let anchors = [anchor];
        let path = leaf.verify_for_usage(
            ALL_VERIFICATION_ALGS,
            &anchors,
            &between,
            time,
            KeyUsage::required_if_present(purpose),
            None,
            None,
        );
        let path = path.map_err(|error| error.to_string())?;
        Ok(path.issuer_spki().as_ref().to_vec())
    }

    fn has_purpose(&self, purpose: &[u8]) -> bool {
        let purposes = self.extension(PURPOSES);
        let purposes = purposes.and_then(|der| ExtendedKeyUsage::from_der(der).ok());
        purposes.is_some_and(|all| all.0.iter().any(|one| one.as_bytes() == purpose))
    }

    /// Whether one of the timestamps in the certificate is by one of the logs (RFC 6962, 3.2, 3.3).
    fn is_logged(&self, logs: &[Log], issuer: &[u8]) -> bool {
        let Some(list) = self.extension(TIMESTAMPS) else {
            return false;
        };
        let (Ok(list), Some(logged)) =
            (<&OctetStringRef>::from_der(list), self.without_timestamps())
        else {
            return false;
        };
        let issuer = digest(&SHA256, issuer);
        timestamps(list.as_bytes()).is_some_and(|all| {
            let mut all = all.iter();
            all.any(|one| one.is_by(logs, issuer.as_ref(), &logged))
        })
    }

    /// What the log has signed: the certificate without the log's own extension.
    fn without_timestamps(&self) -> Option<Vec<u8>> {
        // Of each field the bytes as they are, so that nothing is written in another way.
        let mut outer = SliceReader::new(&self.der).ok()?;
        let whole = Any::decode(&mut outer).ok()?;
        let mut fields = SliceReader::new(whole.value()).ok()?;
        let signed = Any::decode(&mut fields).ok()?;
        let mut fields = SliceReader::new(signed.value()).ok()?;
        let mut kept = Vec::new();
        while !fields.is_finished() {
            let field = Any::decode(&mut fields).ok()?;
            // `extensions [3] EXPLICIT SEQUENCE OF`.
            if field.to_der().ok()?.first() != Some(&0xa3) {
                kept.extend(field.to_der().ok()?);
                continue;
            }
            let sequence = Any::from_der(field.value()).ok()?;
            let mut extensions = SliceReader::new(sequence.value()).ok()?;
            let mut rest = Vec::new();
            while !extensions.is_finished() {
                let extension = Any::decode(&mut extensions).ok()?;
                let mut parts = SliceReader::new(extension.value()).ok()?;
                let kind = ObjectIdentifier::decode(&mut parts).ok()?;
                if kind != TIMESTAMPS {
                    rest.extend(extension.to_der().ok()?);
                }
            }
            let rest = Any::new(sequence.tag(), rest).ok()?.to_der().ok()?;
            kept.extend(Any::new(field.tag(), rest).ok()?.to_der().ok()?);
        }
        Any::new(signed.tag(), kept).ok()?.to_der().ok()
    }
}

/// A signed certificate timestamp.
struct Timestamp<'a> {
    log: &'a [u8],
    milliseconds: [u8; 8],
    extensions: &'a [u8],
    signature: &'a [u8],
}

/// The timestamps of a list; `None` if it is damaged.
fn timestamps(list: &[u8]) -> Option<Vec<Timestamp<'_>>> {
    let (mut list, rest) = sized(list)?;
    let mut found = Vec::new();
    while !list.is_empty() {
        let (one, after) = sized(list)?;
        list = after;
        let (&version, one) = one.split_first()?;
        let (log, one) = one.split_at_checked(32)?;
        let (milliseconds, one) = one.split_first_chunk::<8>()?;
        let (extensions, one) = sized(one)?;
        let (&hash, one) = one.split_first()?;
        let (_, one) = one.split_first()?;
        let (signature, one) = sized(one)?;
        if version == 0 && hash == HASH_SHA256 && one.is_empty() {
            found.push(Timestamp {
                log,
                milliseconds: *milliseconds,
                extensions,
                signature,
            });
        }
    }
    rest.is_empty().then_some(found)
}

/// The bytes after their length in two bytes, and what follows.
fn sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

impl Timestamp<'_> {
    fn is_by(&self, logs: &[Log], issuer: &[u8], certificate: &[u8]) -> bool {
        let (Ok(length), Ok(extensions)) = (
            u32::try_from(certificate.len()),
            u16::try_from(self.extensions.len()),
        ) else {
            return false;
        };
        // Version 1, a timestamp of a certificate, of a `precert_entry`.
        let mut message = vec![0, 0];
        message.extend(self.milliseconds);
        message.extend([0, 1]);
        message.extend(issuer);
        message.extend(length.to_be_bytes().iter().skip(1));
        message.extend(certificate);
        message.extend(extensions.to_be_bytes());
        message.extend(self.extensions);
        let seconds = u64::from_be_bytes(self.milliseconds) / 1000;
        let mut logs = logs
            .iter()
            .filter(|log| log.id == self.log && log.valid.contains(seconds));
        logs.any(|log| verifies(&log.key, &message, self.signature))
    }
}
