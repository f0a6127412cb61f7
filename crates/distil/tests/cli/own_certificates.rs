//! Certificates of one's own, and what is made of them.

use distil_fixture::{CORPORATE_CA, Entry};
use distil_tree::tar::MemberKind;

use crate::context::Context;
use crate::own_definitions::{build, deb, layers, text};

#[test]
fn a_certificate_authority_of_ones_own() {
    let jvm = deb("jvm").symlink(
        "usr/lib/jvm/java-21/lib/security/cacerts",
        "/etc/ssl/certs/java/cacerts",
    );
    let context = Context::with_packages(vec![jvm]);
    let (pem, hash) = CORPORATE_CA;
    // Windows' line ends, a text before it, and a name with a space in it.
    let crlf = format!("Corporate\r\n{}", pem.replace('\n', "\r\n"));
    std::fs::write(context.work().join("corp (1).pem"), crlf).unwrap();
    let yaml = "name: app\nfrom: base\npackages: [jvm]\ncertificates: {extra: [corp (1).pem]}\n";
    let files = build(&context, yaml);
    assert!(text(&files, "etc/ssl/certs/ca-certificates.crt").ends_with(pem));
    let link = &files[&format!("etc/ssl/certs/{hash}.0")].kind;
    assert_eq!(*link, MemberKind::Symlink(b"corp_=1=.pem".to_vec()));
    let own = MemberKind::Symlink(b"/usr/local/share/ca-certificates/corp (1).crt".to_vec());
    assert_eq!(files["etc/ssl/certs/corp_=1=.pem"].kind, own);
    let store = &files["etc/ssl/certs/java/cacerts"];
    assert!(
        store
            .bytes
            .starts_with(&[0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 4])
    );
    let alias = b"debian:corp_=1=.pem";
    assert!(store.bytes.windows(alias.len()).any(|part| part == alias));
    assert_eq!(store.mode, 0o644);
}

/// Though what was made in the layer above would have another time.
#[test]
fn a_key_store_is_made_once() {
    let jvm = deb("jvm").symlink(
        "usr/lib/jvm/java-21/lib/security/cacerts",
        "/etc/ssl/certs/java/cacerts",
    );
    let newer = Entry::file("usr/share/later/data", "x").mtime(2_000_000_000);
    let context = Context::with_packages(vec![jvm, deb("later").entry(newer)]);
    std::fs::write(
        context.work().join("low.yaml"),
        "name: low\nfrom: base\npackages: [jvm]\n",
    )
    .unwrap();
    let files = build(&context, "name: app\nfrom: ./low.yaml\npackages: [later]\n");
    let low = layers(&context, &["low.yaml"]).len();
    for path in [
        "usr/lib/jvm/java-21/lib/security/cacerts",
        "etc/ssl/certs/java/cacerts",
    ] {
        assert!(files[path].layer < low, "{path}");
    }
    assert!(files["usr/share/later/data"].layer >= low);
}

/// A file of the user's may have the name of one of Debian's.
#[test]
fn each_hash_leads_to_its_own_certificate() {
    let context = Context::new();
    let (name, debian, debian_hash) = distil_fixture::CA_CERTIFICATES[0];
    let (own, own_hash) = CORPORATE_CA;
    std::fs::write(context.work().join(name), own).unwrap();
    let yaml = format!("name: app\nfrom: base\ncertificates: {{extra: [{name}]}}\n");
    let files = build(&context, &yaml);
    for (hash, pem) in [(debian_hash, debian), (own_hash, own)] {
        let follow = |path: &str| match &files[path].kind {
            MemberKind::Symlink(target) => String::from_utf8(target.clone()).unwrap(),
            other => panic!("{other:?}"),
        };
        let link = follow(&format!("etc/ssl/certs/{hash}.0"));
        let file = follow(&format!("etc/ssl/certs/{link}"));
        assert_eq!(text(&files, &file[1..]), pem, "{hash}");
    }
}
