//! The certificates of authorities: one bundle, a link for each, and OpenSSL's links by hash;
//! what `update-ca-certificates` and `openssl rehash` would make.

use std::collections::BTreeMap;

use distil_tree::{Kind, TreePath};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_cert::der::pem;

use super::key_store;
use super::name_hash::name_hash;
use crate::generation::{CERTIFICATES as WHAT, GenerateError, Generation, MAX_INPUT};
use distil_definition::recipe::NewCertificates;

/// Where ca-certificates keeps one file a certificate.
const SHIPPED: &str = "usr/share/ca-certificates";

/// Where `update-ca-certificates` takes a machine's own from.
const LOCAL: &str = "usr/local/share/ca-certificates";

const FOLDER: &str = "etc/ssl/certs";

pub(crate) fn generate(generation: &mut Generation<'_>) -> Result<(), GenerateError> {
    add_extra(generation)?;
    if !is_concerned(generation) {
        return Ok(());
    }
    let certificates = certificates(generation)?;
    if certificates.is_empty() {
        return key_store::generate(generation, &[]);
    }
    let folder = TreePath::of(FOLDER);
    let mut bundle = Vec::new();
    let mut hashes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for certificate in &certificates {
        bundle.extend_from_slice(&certificate.pem);
        if !certificate.pem.ends_with(b"\n") {
            bundle.push(b'\n');
        }
        generation.link(
            WHAT,
            &folder.join(&certificate.link),
            &certificate.path.to_string(),
        )?;
        hashes
            .entry(certificate.hash.clone())
            .or_default()
            .push(certificate.link.clone());
    }
    for (hash, links) in hashes {
        for (number, link) in links.iter().enumerate() {
            generation.link(WHAT, &folder.join(format!("{hash}.{number}")), link)?;
        }
    }
    generation.file(WHAT, &folder.join("ca-certificates.crt"), bundle)?;
    let named = |one: &Certificate| (one.link.clone(), one.der.clone());
    let named: Vec<_> = certificates.iter().map(named).collect();
    key_store::generate(generation, &named)
}

/// Whether a layer has certificates, or something that reads them, which those below it have not.
/// What was made for those is as good for all others.
fn is_concerned(generation: &Generation<'_>) -> bool {
    let is_new = |folder| {
        let folder = TreePath::of(folder);
        let mut entries = generation.tree.below(&folder);
        entries.any(|(_, entry)| entry.layer == generation.layer)
    };
    key_store::is_asked_for(generation)
        || [SHIPPED, LOCAL, key_store::MACHINES]
            .into_iter()
            .any(is_new)
}

struct Certificate {
    path: TreePath,
    /// The link's name: the file's with `.pem` for `.crt`, and no spaces or brackets.
    link: String,
    hash: String,
    pem: Vec<u8>,
    der: Vec<u8>,
}

/// Puts the definition's own certificates where `update-ca-certificates` would look for them.
fn add_extra(generation: &mut Generation<'_>) -> Result<(), GenerateError> {
    for NewCertificates { from, authorities } in &generation.recipe.certificates {
        let wrong = |problem: String| GenerateError::Input {
            path: from.clone(),
            what: WHAT,
            problem,
        };
        let file = from.rsplit('/').next().unwrap_or_default();
        let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
        if stem.is_empty() {
            return Err(wrong("has no name".to_owned()));
        }
        for (number, certificate) in authorities.iter().enumerate() {
            let name = match authorities.len() {
                1 => format!("{stem}.crt"),
                _ => format!("{stem}-{number}.crt"),
            };
            let path = TreePath::of(LOCAL).join(name);
            let pem = pem_of(certificate).map_err(wrong)?;
            if generation.tree.get(&path).is_some()
                && !generation.has_already(&path, &Kind::file(pem.as_str()))
            {
                return Err(wrong(format!(
                    "has the name of another file: `{path}` is there already"
                )));
            }
            generation.file(WHAT, &path, pem.into_bytes())?;
        }
    }
    Ok(())
}

fn pem_of(certificate: &CertificateDer<'_>) -> Result<String, String> {
    pem::encode_string("CERTIFICATE", pem::LineEnding::LF, certificate)
        .map_err(|error| format!("cannot be written as PEM: {error}"))
}

/// All certificates of the tree, in the order of `update-ca-certificates`: those of the package
/// by their paths, then the machine's own.
fn certificates(generation: &Generation<'_>) -> Result<Vec<Certificate>, GenerateError> {
    let mut certificates = Vec::new();
    for folder in [SHIPPED, LOCAL].map(TreePath::of) {
        for (path, entry) in generation.tree.below(&folder) {
            let Kind::File(node) = &entry.kind else {
                continue;
            };
            let Some(name) = path.name().filter(|name| name.ends_with(b".crt")) else {
                continue;
            };
            let wrong = |problem: String| GenerateError::Input {
                path: path.to_string(),
                what: WHAT,
                problem,
            };
            let failed = |source| GenerateError::Read {
                path: path.clone(),
                what: WHAT,
                source,
            };
            let pem = node.content.read(MAX_INPUT).map_err(failed)?;
            let certificate = CertificateDer::from_pem_slice(&pem)
                .map_err(|error| wrong(format!("is not PEM: {error}")))?;
            let hash = name_hash(&certificate).map_err(wrong)?;
            let name = String::from_utf8_lossy(name);
            let stem = name.strip_suffix(".crt").unwrap_or(&name);
            let stem = stem.replace(' ', "_").replace(['(', ')'], "=");
            let is_free = |link: &String| {
                let mut others = certificates.iter();
                others.all(|one: &Certificate| one.link != *link)
            };
            // One's own may have the name of one of Debian's.
            let links = (1..).map(|number| format!("{stem}-{number}.pem"));
            let mut links = std::iter::once(format!("{stem}.pem")).chain(links);
            let link = links.find(is_free).unwrap_or_default();
            certificates.push(Certificate {
                path: path.clone(),
                link,
                hash,
                der: certificate.to_vec(),
                pem,
            });
        }
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pem_is_read_back(bytes in proptest::collection::vec(any::<u8>(), 1..300)) {
            let certificate = CertificateDer::from(bytes);
            let pem = pem_of(&certificate).unwrap();
            prop_assert_eq!(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap(), certificate);
        }
    }
}
