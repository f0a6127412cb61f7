//! Certificates: the bundle, one's own authorities, Java's key store, and what variables name.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use distil_definition::{StrictRefusal, strict_refusal};
use distil_tree::{Entry, TreePath};
use memchr::memmem;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::context::{Context, shown};
use crate::finding::Finding;
use crate::rule::{CERTIFICATE_PATH, CERTIFICATE_STRICT, CERTIFICATE_UNUSED, EXPIRED, KEY_STORE};
use crate::severity::Severity;

/// The largest bundle and key store: larger ones are not kept, and said to be so.
const MAX_BUNDLE: u64 = distil_inspect::MAX_DOCUMENT;

/// Where update-ca-certificates(8) takes an administrator's own certificates from.
const LOCAL: &str = "usr/local/share/ca-certificates";

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
    // What variables name comes first: it is what programs trust.
    let named = FILES
        .iter()
        .filter(|name| **name != "SSL_CERT_DIR")
        .filter_map(|name| {
            context
                .subject
                .follow(context.subject.config.variable(name)?)
        });
    let usual = BUNDLES
        .iter()
        .filter_map(|path| context.subject.tree().follow(&TreePath::of(path)));
    let mut bundle: Option<(TreePath, Vec<CertificateDer<'static>>)> = None;
    let mut trusted = Vec::new();
    for (place, entry) in named.chain(usual) {
        if !seen.insert(place.clone()) {
            continue;
        }
        let certificates = certificates(entry);
        dates(context, &place, &certificates, certificates.len(), findings);
        trusted.extend(certificates.iter().cloned());
        // Variables of single programs add to the bundle, or are smaller on purpose.
        let is_bundle = BUNDLES.iter().any(|path| TreePath::of(path) == place)
            || context.subject.config.variable("SSL_CERT_FILE").is_some();
        if bundle.is_none() && is_bundle && !certificates.is_empty() {
            bundle = Some((place, certificates));
        }
    }
    unused(context, &trusted, findings);
    strict(context, findings);
    key_stores(context, bundle.as_ref(), &trusted, findings);
}

/// One's own authorities that no bundle has.
fn unused(context: &Context<'_>, trusted: &[CertificateDer<'static>], findings: &mut Vec<Finding>) {
    for (path, entry) in context.subject.tree().below(&TreePath::of(LOCAL)) {
        if entry.is_directory() {
            continue;
        }
        let missing = certificates(entry);
        let missing = missing.iter().find(|der| !trusted.contains(der));
        let Some(missing) = missing else { continue };
        let name = subject(missing).map_or_else(|| "one".to_owned(), |known| known.name);
        let problem = format!("`{path}` has the certificate `{name}`, which is in no bundle");
        findings.push(
            Finding::new(&CERTIFICATE_UNUSED, problem)
                .at(path)
                .says("certificate verify failed: unable to get local issuer certificate"),
        );
    }
}

/// One's own authorities that strict programs refuse. Those of a distribution are its own concern.
fn strict(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for (path, entry) in context.subject.tree().below(&TreePath::of(LOCAL)) {
        let refusals = certificates(entry);
        let mut refusals = refusals.iter().filter_map(|der| strict_refusal(der));
        if let Some(StrictRefusal { subject, problem }) = refusals.next() {
            let problem = format!("the certificate `{subject}` of `{path}` {problem}");
            findings.push(
                Finding::new(&CERTIFICATE_STRICT, problem)
                    .at(path)
                    .says("certificate verify failed"),
            );
        }
    }
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

/// What is told of a certificate.
struct Known {
    name: String,
    begins: SystemTime,
    ends: SystemTime,
}

fn subject(der: &[u8]) -> Option<Known> {
    let certificate = Certificate::from_der(der).ok()?;
    let tbs = certificate.tbs_certificate();
    Some(Known {
        name: shown(tbs.subject().to_string()),
        begins: tbs.validity().not_before.to_system_time(),
        ends: tbs.validity().not_after.to_system_time(),
    })
}

fn day(time: SystemTime) -> String {
    let text = humantime::format_rfc3339_seconds(time).to_string();
    text.split('T').next().unwrap_or_default().to_owned()
}

fn dates(
    context: &Context<'_>,
    place: &TreePath,
    certificates: &[impl AsRef<[u8]>],
    all: usize,
    findings: &mut Vec<Finding>,
) {
    const SOON: Duration = Duration::from_secs(30 * 24 * 3600);
    let now = context.options.now;
    let (mut expired, mut soon, mut early) = (Vec::new(), Vec::new(), Vec::new());
    for known in certificates.iter().filter_map(|der| subject(der.as_ref())) {
        let one = format!("`{}` ({})", known.name, day(known.ends));
        match (known.ends < now, known.ends < now + SOON) {
            (true, _) => expired.push(one),
            (false, true) => soon.push(one),
            _ if known.begins > now => {
                early.push(format!("`{}` ({})", known.name, day(known.begins)));
            }
            _ => {}
        }
    }
    let few = |list: &[String]| match list.len() {
        count if count > 3 => format!("{} and {} more", list[..3].join(", "), count - 3),
        _ => list.join(", "),
    };
    // One's own authority is alone, or one of few; of a distribution's bundle somebody else takes the
    // old ones away, and the others do their work.
    let is_of_distribution = all > 50;
    let are_most = expired.len() * 2 > all;
    if !expired.is_empty() && (are_most || !is_of_distribution) {
        let severity = match are_most {
            true => Severity::Error,
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
    if !early.is_empty() {
        let problem = format!(
            "{} of {} certificates are not valid yet: {}",
            early.len(),
            certificates.len(),
            few(&early)
        );
        let found = Finding::new(&EXPIRED, problem).at(place);
        findings.push(found.says("certificate verify failed: certificate is not yet valid"));
    }
    if !soon.is_empty() && !is_of_distribution {
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
    bundle: Option<&(TreePath, Vec<CertificateDer<'static>>)>,
    told: &[CertificateDer<'static>],
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
        let stored = match jks(&bytes) {
            list if list.is_empty() => embedded(&bytes),
            list => list,
        };
        // Of what a bundle has, too, the dates have been told.
        let is_new = |der: &&&[u8]| !told.iter().any(|known| known.as_ref() == **der);
        let new: Vec<&&[u8]> = stored.iter().filter(is_new).collect();
        dates(context, path, &new, stored.len(), findings);
        let Some((bundle, certificates)) = bundle else {
            continue;
        };
        let missing: Vec<String> = certificates
            .iter()
            .filter(|der| memmem::find(&bytes, der).is_none())
            .map(|der| {
                subject(der).map_or_else(|| "one that cannot be read".to_owned(), |one| one.name)
            })
            .collect();
        // All of them: it is encrypted.
        if missing.len() == certificates.len() && !bytes.starts_with(&[0xfe, 0xed, 0xfe, 0xed]) {
            continue;
        }
        let more: Vec<String> = stored
            .iter()
            .filter(|der| !certificates.iter().any(|known| known.as_ref() == **der))
            .filter_map(|der| subject(der).map(|known| known.name))
            .collect();
        // Lists that each have what the other lacks were made by different people: the key store of a
        // Java runtime that was copied has its makers' authorities.
        let are_different = !missing.is_empty() && !more.is_empty();
        let both = [(&missing, bundle, path), (&more, path, bundle)];
        for (list, has, lacks) in both.into_iter().take(if are_different { 1 } else { 2 }) {
            let Some(first) = list.first() else { continue };
            let rest = match list.len() {
                1 => String::new(),
                count => format!(" and {} more", count - 1),
            };
            let problem = format!("`{has}` has `{first}`{rest}, which `{lacks}` lacks");
            let found = Finding::new(&KEY_STORE, problem).at(lacks);
            let found = match are_different {
                true => found.severity(Severity::Info),
                false => found,
            };
            let found = found.remedy(key_store_remedy(
                context,
                path,
                bundle,
                std::ptr::eq(lacks, path),
            ));
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

/// Where Debian's key store is, which is made of the bundle.
const DEBIAN_KEY_STORE: &str = "etc/ssl/certs/java/cacerts";

fn key_store_remedy(
    context: &Context<'_>,
    store: &TreePath,
    bundle: &TreePath,
    is_store: bool,
) -> String {
    let tree = context.subject.tree();
    let debian = TreePath::of(DEBIAN_KEY_STORE);
    match (is_store, tree.follow(&debian)) {
        (true, Some(_)) if *store != debian => format!(
            "have Java use the image's own: `ENV JAVA_TOOL_OPTIONS=-Djavax.net.ssl.trustStore={debian}`, or `ln -sf {debian} {store}` in the build stage"
        ),
        (true, _) => format!(
            "add it: `keytool -importcert -noprompt -storepass changeit -keystore {store} -file FILE` in the build stage"
        ),
        (false, _) => format!(
            "add it to `{bundle}` if other programs than Java are to trust it, too: `certificates: {{extra: […]}}` of a distil definition"
        ),
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

/// The certificates that stand as they are in another document, as in a PKCS #12 without a password
/// (RFC 7292, 4.2.3): octet strings that are a DER sequence as a whole, and parse.
fn embedded(bytes: &[u8]) -> Vec<&[u8]> {
    // OCTET STRING and SEQUENCE, each with a length of two bytes.
    memmem::find_iter(bytes, b"\x04\x82")
        .filter_map(|at| {
            let head = bytes.get(at + 2..at + 8)?;
            let outer = usize::from(u16::from_be_bytes([head[0], head[1]]));
            let inner = usize::from(u16::from_be_bytes([head[4], head[5]]));
            let is_whole = head[2..4] == [0x30, 0x82] && inner + 4 == outer;
            let der = bytes.get(at + 4..at + 4 + outer).filter(|_| is_whole)?;
            Certificate::from_der(der).is_ok().then_some(der)
        })
        .take(MAX_CERTIFICATES)
        .collect()
}
