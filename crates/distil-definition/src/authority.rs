//! Certificates of authorities that a definition brings: what may be trusted, and what is a
//! mistake.

use std::time::SystemTime;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{self, PemObject};
use x509_cert::Certificate;
use x509_cert::certificate::Version;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::BasicConstraints;

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
    Ok(())
}
