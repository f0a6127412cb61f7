//! ASCII armour (RFC 9580, section 6): a block of Base64 between two lines that say what it is.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What an armoured block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BlockKind {
    /// Certificates.
    PublicKey,
    /// Signatures beside what they sign, or below it.
    Signature,
}

impl BlockKind {
    fn label(self) -> &'static str {
        match self {
            Self::PublicKey => "PGP PUBLIC KEY BLOCK",
            Self::Signature => "PGP SIGNATURE",
        }
    }
}

/// Decodes one block, from its `-----BEGIN` to its `-----END` line. A checksum in it is passed
/// over, as RFC 9580 demands (section 6.1), and so are its headers (section 6.2.2).
pub(super) fn dearmour(block: &[u8], kind: BlockKind) -> io::Result<Vec<u8>> {
    let invalid = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidData, why));
    let Ok(block) = std::str::from_utf8(block) else {
        return invalid("it is not text");
    };
    let mut lines = block.lines().map(str::trim_ascii_end);
    let label = kind.label();
    if lines.next() != Some(&format!("-----BEGIN {label}-----")) {
        return invalid("it is a block of another kind");
    }
    for line in lines.by_ref() {
        if line.is_empty() {
            break;
        }
        if !line.contains(": ") && !line.ends_with(':') {
            return invalid("there is no empty line before its content");
        }
    }
    let mut content = String::with_capacity(block.len());
    for line in lines {
        if line == format!("-----END {label}-----") {
            return STANDARD
                .decode(&content)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()));
        }
        if line.starts_with('-') {
            return invalid("it ends as a block of another kind");
        }
        // The checksum is the only line that begins so: Base64 has `=` at its end alone.
        if !line.starts_with('=') {
            content.push_str(line);
        }
    }
    invalid("it has no end")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_with_headers_and_checksums() {
        let block = b"-----BEGIN PGP SIGNATURE-----\nVersion: 1\nComment:\n\naGVs\r\nbG8=\n=abcd\n-----END PGP SIGNATURE-----\n";
        assert_eq!(dearmour(block, BlockKind::Signature).unwrap(), b"hello");
    }

    #[test]
    fn what_is_no_block() {
        for (block, why) in [
            ("", "it is a block of another kind"),
            (
                "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\naGk=\n-----END PGP PUBLIC KEY BLOCK-----",
                "it is a block of another kind",
            ),
            (
                "-----BEGIN PGP SIGNATURE-----\naGk=\n-----END PGP SIGNATURE-----",
                "there is no empty line before its content",
            ),
            (
                "-----BEGIN PGP SIGNATURE-----\n\naGk=\n-----END PGP MESSAGE-----",
                "it ends as a block of another kind",
            ),
            ("-----BEGIN PGP SIGNATURE-----\n\naGk=\n", "it has no end"),
        ] {
            let error = dearmour(block.as_bytes(), BlockKind::Signature).unwrap_err();
            assert_eq!(error.to_string(), why, "{block}");
        }
    }
}
