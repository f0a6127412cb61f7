//! Cosign 3 and distil agree on keyless signatures, sound and wrong, by the same trust root.
//!
//! The signatures are those of an instance of Sigstore in miniature.

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use distil_fixture::{
    Keyless, KeylessFault as Fault, Rekor, Sigstore, bundle_artifact, cosign_statement, sha256_hex,
};
use serde_json::{Value, json};

use crate::sign::{Place, Tool, is_possible};

static COSIGN: LazyLock<Tool> = LazyLock::new(|| Tool::build("cosign", "forky", &[]));

/// Puts a bundle into a layout, as a referrer of its only image.
fn attach(layout: &Path, artifact: impl Fn(&Value) -> (Vec<Vec<u8>>, Vec<u8>)) {
    let path = layout.join("index.json");
    let mut index: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let image = index["manifests"][0].clone();
    let subject = json!({
        "mediaType": image["mediaType"],
        "digest": image["digest"],
        "size": image["size"],
    });
    let (blobs, manifest) = artifact(&subject);
    let digest = sha256_hex(&manifest);
    let entry = json!({
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": format!("sha256:{digest}"),
        "size": manifest.len(),
        "artifactType": "application/vnd.dev.sigstore.bundle.v0.3+json",
    });
    index["manifests"].as_array_mut().unwrap().push(entry);
    for blob in blobs.iter().chain([&manifest]) {
        let path = layout.join("blobs/sha256").join(sha256_hex(blob));
        std::fs::write(path, blob).unwrap();
    }
    std::fs::write(path, index.to_string()).unwrap();
}

#[test]
fn cosign_and_distil_agree_on_keyless_signatures() {
    if !is_possible() {
        return;
    }
    let place = Place::new();
    let sigstore = Sigstore::new();
    let root = sigstore.trusted_root().to_string();
    let own = place.context.write("root.json", &root);
    let name = format!("root-{}.json", place.registry.host().replace(':', "-"));
    std::fs::write(COSIGN.root.join("work").join(&name), &root).unwrap();
    let theirs = format!("/work/{name}");
    let both = [
        None,
        Some(Fault::OtherKey),
        Some(Fault::OtherAuthority),
        Some(Fault::OtherPurpose),
        Some(Fault::NoPurpose),
        Some(Fault::NoCertificateTimestamp),
        Some(Fault::ForeignCertificateTimestamp),
        Some(Fault::OtherCertificateTimestamp),
        Some(Fault::Expired),
        Some(Fault::Early),
        Some(Fault::NoEntry),
        Some(Fault::NoTime),
        Some(Fault::OtherProof),
        Some(Fault::ForeignCheckpoint),
        Some(Fault::OtherSignature),
        Some(Fault::OtherContent),
        Some(Fault::OtherCertificate),
    ];
    let one = both.iter().chain(&[Some(Fault::ForeignPromise)]);
    let two = [Some(Fault::ForeignTimestamp), Some(Fault::OtherTimestamp)];
    let two = both.iter().chain(&two);
    let cases = one
        .map(|fault| (Rekor::One, fault))
        .chain(two.map(|fault| (Rekor::Two, fault)));
    let plain = place.context.folder().join("plain");
    let to = format!("oci:{}:app", plain.display());
    let digest = place.distil(&["build", "static", "--quiet", "-o", &to]);
    let digest = digest.success().stdout().trim().to_owned();
    let mut differing = Vec::new();
    for (number, (rekor, fault)) in cases.enumerate() {
        let how = Keyless {
            rekor,
            fault: *fault,
            ..Keyless::default()
        };
        let layout = place.context.folder().join(format!("layout-{number}"));
        let to = format!("oci:{}:app", layout.display());
        let copy = Command::new("cp")
            .arg("-a")
            .args([&plain, &layout])
            .status();
        assert!(copy.unwrap().success());
        attach(&layout, |subject| {
            let bundle = sigstore.bundle(&cosign_statement(&digest), &how);
            bundle_artifact(subject, &bundle)
        });
        let repository = format!("team/app{number}:1");
        let image = place.name(&repository);
        place
            .distil(&["push", &to, &image, "--referrers"])
            .success();
        for (identity, is_asked_for) in
            [(how.identity.as_str(), true), ("other@example.org", false)]
        {
            let asked = [
                "--certificate-identity",
                identity,
                "--certificate-oidc-issuer",
                &how.issuer,
            ];
            let root = ["--trust-root", own.to_str().unwrap()];
            let ours = place.distil(&[&["verify", &image][..], &root, &asked].concat());
            let short = place.short(&repository);
            let root = ["--trusted-root", &theirs];
            let mut verify = [&["verify"][..], &root, &asked].concat();
            if rekor == Rekor::Two {
                verify.push("--use-signed-timestamps");
            }
            verify.push(&short);
            let others = COSIGN.run(&place.registry, &verify);
            let wanted = is_asked_for && fault.is_none();
            // A certificate without a purpose is for any to cosign, and for none to distil.
            let cosign_wants = wanted || is_asked_for && *fault == Some(Fault::NoPurpose);
            if (ours.status() == 0) != wanted || (others.status() == 0) != cosign_wants {
                differing.push(format!(
                    "{rekor:?} {fault:?} {identity}: distil {} cosign {}\n{}\n{}",
                    ours.status() == 0,
                    others.status() == 0,
                    ours.stderr(),
                    others.stderr(),
                ));
            }
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n\n"));
}
