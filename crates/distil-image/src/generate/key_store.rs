//! Java's key store of trusted authorities, which ca-certificates-java's script would make.
//!
//! The format is JKS, version 2: a header, an entry a certificate, and a digest of it all with
//! the password, `changeit`, which guards nothing in a file that everybody may read (OpenJDK,
//! `sun.security.provider.JavaKeyStore`). Every JVM since 1.2 opens it.

use distil_tree::{Kind, Tree, TreePath};
use sha1::{Digest, Sha1};

use crate::assembly::Assembly;
use crate::generation::{GenerateError, Generation, KEY_STORE as WHAT};
use distil_definition::KeyStore;
use distil_definition::recipe::Recipe;

/// Where Debian's Java machines look for the key store, through links in their own directories.
const PLACE: &str = "etc/ssl/certs/java/cacerts";

/// Where Debian's Java machines are.
pub(super) const MACHINES: &str = "usr/lib/jvm";

/// The package whose script makes the key store; whoever names it wants to have one.
const PACKAGE: &str = "ca-certificates-java";

/// The key store's password, as Java's own.
const PASSWORD: &str = "changeit";

/// What the digest begins with, after the password.
const SALT: &[u8] = b"Mighty Aphrodite";

const MAGIC: u32 = 0xfeed_feed;
const VERSION: u32 = 2;
const TRUSTED_CERTIFICATE: u32 = 2;

/// Makes the key store of the certificates, each with the name of its link in the directory of
/// certificates: where a Java machine looks for it, where a definition asks for it, and where a
/// layer below has one that lacks the certificates of this one.
pub(super) fn generate(
    generation: &mut Generation<'_>,
    certificates: &[(String, Vec<u8>)],
) -> Result<(), GenerateError> {
    let place = TreePath::of(PLACE);
    let is_asked_for = is_asked_for(generation);
    if certificates.is_empty() && !is_asked_for {
        return Ok(());
    }
    let is_there = generation.tree.get(&place).is_some();
    if !is_asked_for && !is_there && !has_machine(generation.tree) {
        return Ok(());
    }
    let failed = |problem: String| GenerateError::Input {
        path: "/etc/ssl/certs".to_owned(),
        what: WHAT,
        problem,
    };
    if certificates.is_empty() {
        return Err(failed("has no certificates".to_owned()));
    }
    let entry = |(link, der): &(String, Vec<u8>)| {
        let alias = format!("debian:{}", link.to_lowercase());
        (alias, der.clone())
    };
    let entries: Vec<_> = certificates.iter().map(entry).collect();
    let bytes = encode(&entries, generation.time_of(WHAT, &place)).map_err(failed)?;
    generation.file(WHAT, &place, bytes)
}

/// Whether a definition wants the key store in any case.
pub(super) fn is_asked_for(generation: &Generation<'_>) -> bool {
    generation.recipe.key_store == KeyStore::Always
}

/// Whether a Java machine looks for the key store.
fn has_machine(tree: &Tree) -> bool {
    let target = format!("/{PLACE}");
    let machines = TreePath::of(MACHINES);
    let mut entries = tree.below(&machines);
    entries.any(|(_, entry)| matches!(&entry.kind, Kind::Symlink(to) if to == target.as_bytes()))
}

/// Refuses a finished image that has the package which makes the key store, and nothing that
/// would read it: whoever asked for it is mistaken about what is in the image.
pub(crate) fn check(assembly: &Assembly, recipe: &Recipe) -> Result<(), GenerateError> {
    let is_asked_for = assembly
        .packages
        .iter()
        .any(|one| one.locked.name == PACKAGE);
    let mut layers = recipe.layers.iter();
    let is_for_later = layers.any(|layer| layer.key_store == KeyStore::Always);
    match is_asked_for && !is_for_later && !has_machine(&assembly.tree) {
        true => Err(GenerateError::NoJava { package: PACKAGE }),
        false => Ok(()),
    }
}

/// A key store with these certificates, each under an alias; `seconds` since 1970 is the time at
/// which they were put there.
fn encode(certificates: &[(String, Vec<u8>)], seconds: i64) -> Result<Vec<u8>, String> {
    let number = |count: usize| u32::try_from(count).map_err(|_| "has too much in it".to_owned());
    let mut bytes = Vec::new();
    bytes.extend(MAGIC.to_be_bytes());
    bytes.extend(VERSION.to_be_bytes());
    bytes.extend(number(certificates.len())?.to_be_bytes());
    for (alias, der) in certificates {
        bytes.extend(TRUSTED_CERTIFICATE.to_be_bytes());
        text(&mut bytes, alias)?;
        bytes.extend(seconds.saturating_mul(1000).to_be_bytes());
        text(&mut bytes, "X.509")?;
        bytes.extend(number(der.len())?.to_be_bytes());
        bytes.extend(der);
    }
    let mut digest = Sha1::new();
    for unit in PASSWORD.encode_utf16() {
        digest.update(unit.to_be_bytes());
    }
    digest.update(SALT);
    digest.update(&bytes);
    bytes.extend(digest.finalize());
    Ok(bytes)
}

/// A text as `DataOutput.writeUTF` writes it. Of what is not ASCII nothing is kept, so that its
/// own kind of UTF-8 makes no difference.
fn text(bytes: &mut Vec<u8>, text: &str) -> Result<(), String> {
    let ascii: Vec<u8> = text
        .bytes()
        .filter(|byte| matches!(byte, 1..=127))
        .collect();
    let length = u16::try_from(ascii.len()).map_err(|_| "has too long a name".to_owned())?;
    bytes.extend(length.to_be_bytes());
    bytes.extend(ascii);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `keytool -list` reads what this makes; here are the bytes that it reads.
    #[test]
    fn the_bytes_of_a_key_store() {
        let store = encode(&[("a".to_owned(), vec![9, 9])], 1).unwrap();
        let (body, digest) = store.split_at(store.len() - 20);
        let mut expected = vec![0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 1];
        expected.extend([0, 0, 0, 2, 0, 1, b'a']);
        expected.extend([0, 0, 0, 0, 0, 0, 0x03, 0xe8]);
        expected.extend([0, 5]);
        expected.extend(b"X.509");
        expected.extend([0, 0, 0, 2, 9, 9]);
        assert_eq!(body, expected);
        assert_eq!(digest.len(), 20);
        assert_ne!(encode(&[], 1).unwrap()[12..], *digest);
    }
}
