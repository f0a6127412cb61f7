//! Certificates, time zone, locale.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use distil_tree::{Entry, TreePath};
use memchr::memmem;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::{Context, shown};
use crate::finding::{Finding, Severity};
use crate::linker::Libc;
use crate::rule::{CERTIFICATE_PATH, EXPIRED, KEY_STORE, LOCALE, TIME_ZONE};

/// The largest bundle and key store.
const MAX_BUNDLE: u64 = 4 << 20;

/// The most certificates of a bundle that are looked at: Debian's has some 150.
const MAX_CERTIFICATES: usize = 5000;

/// Where bundles are: Debian's, Red Hat's, Alpine's.
const BUNDLES: [&str; 5] = [
    "etc/ssl/certs/ca-certificates.crt",
    "etc/pki/tls/certs/ca-bundle.crt",
    "etc/ssl/cert.pem",
    "etc/ssl/ca-bundle.pem",
    "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
];

const FILES: [&str; 5] = [
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_DIR",
];

pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for name in FILES {
        let Some(value) = context
            .subject
            .config
            .variable(name)
            .filter(|value| !value.is_empty())
        else {
            continue;
        };
        let mut places = match name {
            "SSL_CERT_DIR" => value.split(':').collect::<Vec<_>>(),
            _ => vec![value],
        };
        places.retain(|place| !place.is_empty());
        if !places
            .iter()
            .any(|place| context.subject.follow(place).is_some())
        {
            let problem = format!("`{name}` is `{}`, which is not in the image", shown(value));
            findings.push(Finding::new(&CERTIFICATE_PATH, problem));
        }
    }
    let mut seen = BTreeSet::new();
    let named = context.subject.config.variable("SSL_CERT_FILE");
    let named = named.and_then(|path| context.subject.follow(path));
    let usual = BUNDLES
        .iter()
        .filter_map(|path| context.subject.tree().follow(&TreePath::of(path)));
    let mut bundle = None;
    for (place, entry) in named.into_iter().chain(usual) {
        if !seen.insert(place.clone()) {
            continue;
        }
        let certificates = certificates(entry);
        dates(context, &place, &certificates, findings);
        if bundle.is_none() && !certificates.is_empty() {
            bundle = Some((place, certificates));
        }
    }
    if let Some((place, certificates)) = bundle {
        key_stores(context, &place, &certificates, findings);
    }
    time_zone(context, findings);
    locale(context, findings);
}

fn certificates(entry: &Entry) -> Vec<CertificateDer<'static>> {
    let bytes = entry
        .file()
        .and_then(|file| file.content.read(MAX_BUNDLE).ok())
        .unwrap_or_default();
    let certificates = CertificateDer::pem_slice_iter(&bytes);
    certificates
        .take(MAX_CERTIFICATES)
        .filter_map(Result::ok)
        .collect()
}

fn subject(der: &[u8]) -> Option<(String, SystemTime)> {
    let certificate = Certificate::from_der(der).ok()?;
    let tbs = certificate.tbs_certificate();
    Some((
        shown(tbs.subject().to_string()),
        tbs.validity().not_after.to_system_time(),
    ))
}

fn dates(
    context: &Context<'_>,
    place: &TreePath,
    certificates: &[CertificateDer<'static>],
    findings: &mut Vec<Finding>,
) {
    const SOON: Duration = Duration::from_secs(30 * 24 * 3600);
    let now = context.options.now;
    let mut expired = Vec::new();
    let mut soon = Vec::new();
    for (name, end) in certificates.iter().filter_map(|der| subject(der)) {
        let day = humantime::format_rfc3339_seconds(end).to_string();
        let day = day.split('T').next().unwrap_or_default().to_owned();
        match (end < now, end < now + SOON) {
            (true, _) => expired.push(format!("`{name}` ({day})")),
            (false, true) => soon.push(format!("`{name}` ({day})")),
            _ => {}
        }
    }
    let few = |list: &[String]| match list.len() {
        count if count > 3 => format!("{} and {} more", list[..3].join(", "), count - 3),
        _ => list.join(", "),
    };
    if !expired.is_empty() {
        // One's own authority is alone, or one of few.
        let severity = match expired.len() * 2 > certificates.len() {
            true => Severity::Error,
            false if certificates.len() > 50 => Severity::Info,
            false => Severity::Warning,
        };
        let problem = format!(
            "{} of {} certificates have expired: {}",
            expired.len(),
            certificates.len(),
            few(&expired)
        );
        let found = Finding::new(&EXPIRED, problem).at(place).severity(severity);
        findings.push(found.says("certificate verify failed: certificate has expired"));
    }
    if !soon.is_empty() {
        let problem = format!(
            "{} certificates expire within 30 days: {}",
            soon.len(),
            few(&soon)
        );
        findings.push(
            Finding::new(&EXPIRED, problem)
                .at(place)
                .severity(Severity::Info),
        );
    }
}

/// Java's key stores hold certificates as they are, in JKS and, where the store has no password, in
/// PKCS #12, too; so each one of the bundle can be looked for as it is.
fn key_stores(
    context: &Context<'_>,
    bundle: &TreePath,
    certificates: &[CertificateDer<'static>],
    findings: &mut Vec<Finding>,
) {
    for (path, entry) in context.subject.tree().iter() {
        if path.name() != Some(b"cacerts") {
            continue;
        }
        let Some(bytes) = entry
            .file()
            .and_then(|file| file.content.read(MAX_BUNDLE).ok())
        else {
            continue;
        };
        let missing: Vec<String> = certificates
            .iter()
            .filter(|der| memmem::find(&bytes, der).is_none())
            .map(|der| {
                subject(der).map_or_else(|| "one that cannot be read".to_owned(), |(name, _)| name)
            })
            .collect();
        // All of them: it is encrypted.
        if missing.len() == certificates.len() && !bytes.starts_with(&[0xfe, 0xed, 0xfe, 0xed]) {
            continue;
        }
        let more: Vec<String> = jks(&bytes)
            .iter()
            .filter(|der| !certificates.iter().any(|known| known.as_ref() == **der))
            .filter_map(|der| subject(der).map(|(name, _)| name))
            .collect();
        for (list, has, lacks) in [(&missing, bundle, path), (&more, path, bundle)] {
            let Some(first) = list.first() else { continue };
            let rest = match list.len() {
                1 => String::new(),
                count => format!(" and {} more", count - 1),
            };
            let problem = format!("`{has}` has `{first}`{rest}, which `{lacks}` lacks");
            let found = Finding::new(&KEY_STORE, problem).at(lacks);
            findings.push(match std::ptr::eq(lacks, path) {
                true => {
                    found.says("javax.net.ssl.SSLHandshakeException: PKIX path building failed")
                }
                false => {
                    found.says("certificate verify failed: unable to get local issuer certificate")
                }
            });
        }
    }
}

/// The certificates of a key store in Java's own format, version 2 (`JavaKeyStore.java`).
fn jks(bytes: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    if !bytes.starts_with(&[0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2]) {
        return found;
    }
    let mut rest = &bytes[8..];
    let text = |rest: &mut &[u8]| -> Option<()> {
        let (head, tail) = rest.split_at_checked(2)?;
        let size = usize::from(u16::from_be_bytes([head[0], head[1]]));
        *rest = tail.get(size..)?;
        Some(())
    };
    let word = |rest: &mut &[u8]| -> Option<usize> {
        let (head, tail) = rest.split_at_checked(4)?;
        *rest = tail;
        usize::try_from(u32::from_be_bytes(head.try_into().ok()?)).ok()
    };
    // How many there are.
    if word(&mut rest).is_none() {
        return found;
    }
    while found.len() < MAX_CERTIFICATES {
        // A trusted certificate is of kind 2; keys are not looked at, nor what follows them.
        let entry = (|| {
            (word(&mut rest)? == 2).then_some(())?;
            text(&mut rest)?;
            rest = rest.get(8..)?;
            text(&mut rest)?;
            let size = word(&mut rest)?;
            let (der, tail) = rest.split_at_checked(size)?;
            rest = tail;
            Some(der)
        })();
        match entry {
            Some(der) => found.push(der),
            None => break,
        }
    }
    found
}

fn time_zone(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let Some(value) = context
        .subject
        .config
        .variable("TZ")
        .filter(|value| !value.is_empty())
    else {
        return;
    };
    let zone = value.trim_start_matches(':');
    // The form of POSIX, `CET-1CEST`, needs no file.
    let is_rule = !zone.contains('/') && zone.contains(|c: char| c.is_ascii_digit() || c == '<');
    let path = match zone.starts_with('/') {
        true => zone.to_owned(),
        false => format!("/usr/share/zoneinfo/{zone}"),
    };
    let is_there = context
        .subject
        .follow(&path)
        .is_some_and(|(_, entry)| !entry.is_directory());
    if is_there || is_rule || matches!(zone, "UTC" | "UTC0" | "GMT" | "GMT0") {
        return;
    }
    let problem = format!(
        "TZ is `{}`, and `{}` is not in the image",
        shown(value),
        shown(&path)
    );
    findings.push(Finding::new(&TIME_ZONE, problem).says("times are in UTC, without a message"));
}

fn locale(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let has_glibc = context.linker.files.values().any(|facts| {
        facts.soname.as_deref() == Some(b"libc.so.6") && context.linker.libc(facts) == Libc::Glibc
    });
    if !has_glibc {
        return;
    }
    let config = context.subject.config;
    let set = ["LC_ALL", "LANG"].into_iter().find_map(|name| {
        config
            .variable(name)
            .filter(|value| !value.is_empty())
            .map(|value| (name, value))
    });
    let Some((name, value)) = set else { return };
    if matches!(value, "C" | "POSIX") {
        return;
    }
    let tree = context.subject.tree();
    let folder = TreePath::of("usr/lib/locale");
    if tree.get(&folder.join("locale-archive")).is_some() {
        return;
    }
    // As glibc normalises the name of a character set: small letters and digits.
    let (language, rest) = value.split_once('.').unwrap_or((value, ""));
    let (charset, modifier) = rest.split_once('@').unwrap_or((rest, ""));
    let charset: String = charset
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let modifier = if modifier.is_empty() {
        String::new()
    } else {
        format!("@{modifier}")
    };
    let dotted = if charset.is_empty() {
        language.to_owned()
    } else {
        format!("{language}.{charset}")
    };
    let names = [
        value.to_owned(),
        format!("{dotted}{modifier}"),
        format!("{language}{modifier}"),
    ];
    let is_there = |name: &String| {
        TreePath::from_absolute(format!("/usr/lib/locale/{name}"))
            .is_ok_and(|path| tree.follow(&path).is_some())
    };
    if names.iter().any(is_there) {
        return;
    }
    let problem = format!(
        "{name} is `{}`, and no such locale is in the image",
        shown(value)
    );
    findings.push(Finding::new(&LOCALE, problem).says("locale.Error: unsupported locale setting"));
}
