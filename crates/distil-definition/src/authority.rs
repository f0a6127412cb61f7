//! Certificates of authorities that a definition brings: what may be trusted, and what is a
//! mistake.

use std::time::SystemTime;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{self, PemObject};
use x509_cert::Certificate;
use x509_cert::certificate::Version;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, SubjectKeyIdentifier};

/// The most certificates in one file: Debian's own bundle has some 150.
const MAX_CERTIFICATES: usize = 1000;

/// The certificates of a PEM file (RFC 7468), which must be authorities' and valid at `now`.
///
/// # Errors
/// What is wrong with the file, in words that follow its name.
pub fn authorities(pem: &[u8], now: SystemTime) -> Result<Vec<CertificateDer<'static>>, String> {
    let mut authorities = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| match error {
            pem::Error::MissingSectionEnd { .. } => {
                "is cut off: a certificate in it has no `-----END CERTIFICATE-----`".to_owned()
            }
            pem::Error::IllegalSectionStart { .. } => {
                "is not PEM: a line in it that begins with dashes is none".to_owned()
            }
            error => format!("is not PEM: {error}"),
        })?;
        if authorities.len() >= MAX_CERTIFICATES {
            return Err(format!(
                "has more than {MAX_CERTIFICATES} certificates in it"
            ));
        }
        check(&certificate, now)?;
        authorities.push(certificate);
    }
    let has_key = memchr::memmem::find(pem, b"PRIVATE KEY-----").is_some();
    match authorities.is_empty() {
        true if has_key => Err(
            "has a private key in it and no certificate; keys do not belong \
                                into images"
                .to_owned(),
        ),
        true => Err(
            "has no certificate in PEM in it: no `-----BEGIN CERTIFICATE-----`; \
                     `openssl x509 -inform der` reads what is in DER"
                .to_owned(),
        ),
        false => Ok(authorities),
    }
}

fn check(der: &[u8], now: SystemTime) -> Result<(), String> {
    let damaged =
        |error: x509_cert::der::Error| format!("has what is not a certificate in it: {error}");
    let certificate = Certificate::from_der(der).map_err(damaged)?;
    let tbs = certificate.tbs_certificate();
    let subject = tbs.subject().to_string().escape_debug().to_string();
    let end = tbs.validity().not_after.to_system_time();
    if end < now {
        let end = humantime::format_rfc3339_seconds(end);
        return Err(format!(
            "has the certificate of `{subject}` in it, which expired on {end}"
        ));
    }
    let constraints = tbs.get_extension::<BasicConstraints>().map_err(damaged)?;
    // Version 1 has no extensions; roots of that age are told by having signed themselves
    // (RFC 5280, 4.2.1.9 and 6.1).
    let old_root = tbs.version() == Version::V1 && tbs.subject() == tbs.issuer();
    let is_authority = constraints.map_or(old_root, |(_, constraints)| constraints.ca);
    if !is_authority {
        return Err(format!(
            "has the certificate of `{subject}` in it, which is not an authority's (basic \
             constraints without `CA:TRUE`); trust the one that signed it"
        ));
    }
    let usage = tbs.get_extension::<KeyUsage>().map_err(damaged)?;
    if usage.is_some_and(|(_, usage)| !usage.key_cert_sign()) {
        return Err(format!(
            "has the certificate of `{subject}` in it, whose key usage does not include signing \
             certificates (`keyCertSign`), so that no program trusts what it signed; have it \
             issued anew with `keyUsage=critical,keyCertSign,cRLSign`"
        ));
    }
    Ok(())
}

/// Why programs that check certificates strictly refuse an authority that others accept; none if
/// they accept it.
///
/// Strict are OpenSSL with `X509_V_FLAG_X509_STRICT` (X509_VERIFY_PARAM_set_flags(3)), which
/// Python uses by default since 3.13 (`ssl.create_default_context`), and others that hold to RFC
/// 5280. What is not a certificate is refused for that, elsewhere.
pub fn strict_refusal(der: &[u8]) -> Option<StrictRefusal> {
    let certificate = Certificate::from_der(der).ok()?;
    let tbs = certificate.tbs_certificate();
    let problem = if tbs.version() != Version::V3 {
        "is of an old version without extensions (RFC 5280, 4.1.2.1); have it issued anew as X.509 v3"
    } else {
        let constraints = tbs.get_extension::<BasicConstraints>().ok()?;
        let usage = tbs.get_extension::<KeyUsage>().ok()?;
        let identifier = tbs.get_extension::<SubjectKeyIdentifier>().ok()?;
        match (constraints, usage, identifier) {
            (Some((false, _)), ..) => {
                "has basic constraints that are not critical (RFC 5280, 4.2.1.9); have it issued \
                 anew with `basicConstraints=critical,CA:TRUE`"
            }
            (_, None, _) => {
                "has no key usage (RFC 5280, 4.2.1.3); have it issued anew with \
                 `keyUsage=critical,keyCertSign,cRLSign`"
            }
            (.., None) => {
                "has no subject key identifier (RFC 5280, 4.2.1.2); have it issued anew with \
                 `subjectKeyIdentifier=hash`"
            }
            _ => return None,
        }
    };
    Some(StrictRefusal {
        subject: tbs.subject().to_string().escape_debug().to_string(),
        problem,
    })
}

/// Why an authority is refused by programs that check strictly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrictRefusal {
    /// The authority's name, fit to be shown.
    pub subject: String,
    /// What is wrong and what to do, in words that follow "the certificate".
    pub problem: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(pem: &str) -> Vec<CertificateDer<'static>> {
        let all = CertificateDer::pem_slice_iter(pem.as_bytes());
        all.map(Result::unwrap).collect()
    }

    /// Made by `openssl req -x509`, each with one extension left out or not critical; `openssl
    /// verify -x509_strict` refuses what they sign but for the first, and without it accepts all.
    #[test]
    fn authorities_that_strict_programs_refuse() {
        let all = certificate(include_str!("authority/strict.pem"));
        let told = all.iter().map(|der| {
            strict_refusal(der).map_or_else(
                || "accepted".to_owned(),
                |refusal| format!("`{}` {}", refusal.subject, refusal.problem),
            )
        });
        insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"), @r"
        accepted
        `CN=Fixture CA without key usage` has no key usage (RFC 5280, 4.2.1.3); have it issued anew with `keyUsage=critical,keyCertSign,cRLSign`
        `CN=Fixture CA with plain constraints` has basic constraints that are not critical (RFC 5280, 4.2.1.9); have it issued anew with `basicConstraints=critical,CA:TRUE`
        `CN=Fixture CA without identifier` has no subject key identifier (RFC 5280, 4.2.1.2); have it issued anew with `subjectKeyIdentifier=hash`
        `CN=Fixture CA of version 1` is of an old version without extensions (RFC 5280, 4.1.2.1); have it issued anew as X.509 v3
        ");
        let now = SystemTime::UNIX_EPOCH;
        for der in &all {
            assert_eq!(check(der, now), Ok(()));
        }
    }

    /// `openssl verify` refuses it in any case.
    #[test]
    fn an_authority_that_must_not_sign() {
        let pem = include_str!("authority/no-cert-sign.pem");
        let now = SystemTime::UNIX_EPOCH;
        insta::assert_snapshot!(authorities(pem.as_bytes(), now).unwrap_err(), @r"has the certificate of `CN=Fixture CA that must not sign` in it, whose key usage does not include signing certificates (`keyCertSign`), so that no program trusts what it signed; have it issued anew with `keyUsage=critical,keyCertSign,cRLSign`");
    }
}
