//! Certificates: dates, one's own authorities, key stores.

use super::base;
use crate::common::certificates::{certificate, certificate_without_key_usage, jks, pem, pkcs12};
use crate::common::{Image, NOW, has, names};
use distil_check::Severity::{Error, Info, Warning};

const DAY: u64 = 24 * 3600;
const BUNDLE: &str = "etc/ssl/certs/ca-certificates.crt";

fn good(name: &str) -> Vec<u8> {
    certificate(name, NOW - DAY, NOW + 400 * DAY)
}

fn old(name: &str) -> Vec<u8> {
    certificate(name, NOW - 400 * DAY, NOW - DAY)
}

fn with_bundle(certificates: &[Vec<u8>]) -> Image {
    base().file(BUNDLE, pem(certificates))
}

#[test]
fn variables_that_lead_nowhere() {
    let image = base().env("SSL_CERT_FILE", "/etc/x.pem");
    assert!(has(&image, "certificate-path", Error, ""));
    assert!(names(&image.file("etc/x.pem", "")).is_empty());
    let folders = base().env("SSL_CERT_DIR", "/a:/b");
    assert!(has(&folders, "certificate-path", Error, ""));
    assert!(names(&folders.folder("b", 0o755)).is_empty());
}

#[test]
fn dates() {
    assert!(names(&with_bundle(&[good("A"), good("B")])).is_empty());
    let message = "certificate verify failed: certificate has expired";
    let most = with_bundle(&[old("A")]);
    assert!(has(&most, "certificate-expired", Error, message));
    let some = with_bundle(&[old("A"), good("B"), good("C")]);
    assert!(has(&some, "certificate-expired", Warning, message));
    let mut many: Vec<Vec<u8>> = (0..60).map(|number| good(&number.to_string())).collect();
    many.push(old("A"));
    assert!(names(&with_bundle(&many)).is_empty());
    let soon = certificate("A", NOW - DAY, NOW + 20 * DAY);
    assert!(has(&with_bundle(&[soon]), "certificate-expired", Info, ""));
    let early = certificate("A", NOW + DAY, NOW + 400 * DAY);
    let message = "certificate verify failed: certificate is not yet valid";
    let early = with_bundle(&[early]);
    assert!(has(&early, "certificate-expired", Warning, message));
    // Wherever a variable points, and in Java's store.
    for name in ["REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"] {
        let own = with_bundle(&[good("A")]).env(name, "/corp.pem");
        let image = own.clone().file("corp.pem", pem(&[old("C")]));
        assert!(has(&image, "certificate-expired", Error, ""), "{name}");
        assert!(names(&own.file("corp.pem", pem(&[good("C")]))).is_empty());
    }
    let store = base().file("etc/ssl/certs/java/cacerts", jks(&[old("A")]));
    assert!(has(&store, "certificate-expired", Error, ""));
}

#[test]
fn authorities_that_nobody_put_into_the_bundle() {
    let local = "usr/local/share/ca-certificates/corp.crt";
    let image = with_bundle(&[good("A")]).file(local, pem(&[good("Corp")]));
    let message = "unable to get local issuer certificate";
    assert!(has(&image, "certificate-unused", Warning, message));
    let both = with_bundle(&[good("A"), good("Corp")]).file(local, pem(&[good("Corp")]));
    assert!(names(&both).is_empty());
    let named = with_bundle(&[good("A")])
        .file(local, pem(&[good("Corp")]))
        .env("NODE_EXTRA_CA_CERTS", &format!("/{local}"));
    assert!(names(&named).is_empty(), "{:?}", names(&named));
}

#[test]
fn authorities_that_strict_programs_refuse() {
    let local = "usr/local/share/ca-certificates/corp.crt";
    let image = |corp: Vec<u8>| {
        let bundle = with_bundle(&[good("A"), corp.clone()]);
        bundle.file(local, pem(&[corp]))
    };
    let strict = certificate_without_key_usage("Corp", NOW - DAY, NOW + 400 * DAY);
    let message = "certificate verify failed";
    assert!(has(
        &image(strict.clone()),
        "certificate-strict",
        Warning,
        message
    ));
    assert!(names(&image(good("Corp"))).is_empty());
    // Those of a distribution are its own concern.
    assert!(names(&with_bundle(&[good("A"), strict])).is_empty());
}

#[test]
fn key_stores() {
    let image = |in_bundle: &[Vec<u8>], store: Vec<u8>| {
        with_bundle(in_bundle).file("etc/ssl/certs/java/cacerts", store)
    };
    let (a, corp) = (good("A"), good("Corp"));
    let both = [a.clone(), corp.clone()];
    for make in [jks, pkcs12] {
        assert!(names(&image(&both, make(&both))).is_empty());
        let store_lacks = image(&both, make(&both[..1]));
        let message = "javax.net.ssl.SSLHandshakeException: PKIX path building failed";
        assert!(has(&store_lacks, "key-store", Warning, message));
        let bundle_lacks = image(&both[..1], make(&both));
        let message = "unable to get local issuer certificate";
        assert!(has(&bundle_lacks, "key-store", Warning, message));
    }
    // One with a password tells nothing.
    assert!(names(&image(&both, b"\x30\x82\x01\x00 encrypted".to_vec())).is_empty());
}
