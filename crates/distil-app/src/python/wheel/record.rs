//! `RECORD`: the list of a wheel's files with their digests, in CSV (PEP 376, PEP 427).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use distil_store::Digest;

/// The digests that a `RECORD` has, by path. Others than SHA-256 are not looked at: the whole wheel
/// was verified by the lock already.
pub(super) fn digests(text: &str) -> BTreeMap<String, Digest> {
    let rows = text.lines().map(fields);
    let digests = rows.filter_map(|row| {
        let [path, digest, ..] = row.as_slice() else {
            return None;
        };
        let encoded = digest.strip_prefix("sha256=")?;
        let bytes = URL_SAFE_NO_PAD.decode(encoded.trim_end_matches('=')).ok()?;
        let digest = Digest::from_bytes(bytes.try_into().ok()?);
        Some((path.clone(), digest))
    });
    digests.collect()
}

/// The fields of a line of CSV (RFC 4180).
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut is_quoted = false;
    let mut characters = line.trim_end_matches('\r').chars().peekable();
    while let Some(character) = characters.next() {
        let Some(field) = fields.last_mut() else {
            break;
        };
        match character {
            '"' if is_quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(String::new()),
            other => field.push(other),
        }
    }
    fields
}

/// A line of a `RECORD`, with its end.
pub(super) fn row(path: &str, file: Option<(&Digest, u64)>) -> String {
    let mut row = match path.contains([',', '"', '\r', '\n']) {
        true => format!("\"{}\"", path.replace('"', "\"\"")),
        false => path.to_owned(),
    };
    match file {
        Some((digest, size)) => {
            let digest = URL_SAFE_NO_PAD.encode(digest.as_bytes());
            // Writing to a string cannot fail.
            let _ = writeln!(row, ",sha256={digest},{size}");
        }
        None => row.push_str(",,\n"),
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_are_read_as_they_were_written(path in "[a-z,\" /é]{1,20}", content in ".{0,20}") {
            let digest = Digest::of(&content);
            let text = row(&path, Some((&digest, content.len() as u64)));
            let digests = digests(&text);
            prop_assert_eq!(digests.get(&path), Some(&digest));
        }
    }

    #[test]
    fn what_is_no_digest_is_left_out() {
        let text = "a.py,sha256=@@,1\nb.py,md5=x,2\nc.py,,\n\nd\n";
        assert!(digests(text).is_empty());
    }
}
