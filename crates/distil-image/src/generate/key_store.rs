//! Java's key store of trusted authorities, which ca-certificates-java's script would make.
//!
//! The format is JKS, version 2: a header, an entry a certificate, and a digest of it all with
//! the password, `changeit`, which guards nothing in a file that everybody may read (OpenJDK,
//! `sun.security.provider.JavaKeyStore`). Every JVM since 1.2 opens it.

use sha1::{Digest, Sha1};

/// The key store's password, as Java's own.
const PASSWORD: &str = "changeit";

/// What the digest begins with, after the password.
const SALT: &[u8] = b"Mighty Aphrodite";

const MAGIC: u32 = 0xfeed_feed;
const VERSION: u32 = 2;
const TRUSTED_CERTIFICATE: u32 = 2;

/// A key store with these certificates, each under an alias; `seconds` since 1970 is the time at
/// which they were put there.
pub(super) fn encode(certificates: &[(String, Vec<u8>)], seconds: i64) -> Result<Vec<u8>, String> {
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
