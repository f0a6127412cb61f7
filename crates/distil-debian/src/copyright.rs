//! The licences that a package's copyright file names.
//!
//! Machine-readable files (Debian, "Machine-readable debian/copyright file", version 1.0, §7.2)
//! have them in the first line of a field `License`; others lead to a text in
//! `/usr/share/common-licenses` (Debian Policy §12.5).
//!
//! A file may name any number of them, and is a stranger's: there is a bound to how many are
//! kept, and to how long each may be.

use std::collections::BTreeSet;

mod expression;
mod spdx;

pub use expression::Expression;

const COMMON: &str = "/usr/share/common-licenses/";

/// The most licences of one file that are kept; Chromium's names fewer than two hundred.
const MAX_LICENCES: usize = 1_000;

/// The longest synopsis in bytes that is a licence and no prose.
const MAX_SYNOPSIS: usize = 400;

/// The names, sorted, each once: those of [`expressions`] and of the texts that the file leads to.
/// A file that is not UTF-8 is read as far as it is.
pub fn licences(file: &[u8]) -> Vec<String> {
    let mut names = BTreeSet::new();
    read(file, |found| {
        match found {
            Found::Synopsis(synopsis) => names.extend(Expression::parse(synopsis).names()),
            Found::Text(name) => {
                names.insert(name.to_owned());
            }
        }
        names.len() < MAX_LICENCES
    });
    names.into_iter().take(MAX_LICENCES).collect()
}

/// The expressions of the fields `License`, sorted, each once.
pub fn expressions(file: &[u8]) -> Vec<Expression> {
    let mut expressions = BTreeSet::new();
    read(file, |found| {
        if let Found::Synopsis(synopsis) = found {
            expressions.insert(Expression::parse(synopsis));
        }
        expressions.len() < MAX_LICENCES
    });
    expressions.into_iter().collect()
}

/// What a line says of licences.
enum Found<'a> {
    /// The first line of a field `License`.
    Synopsis(&'a str),
    /// The name of one of the texts that every system of Debian's has.
    Text(&'a str),
}

/// Calls `found` with each, until it wants no more.
fn read(file: &[u8], mut found: impl FnMut(Found<'_>) -> bool) {
    let text = String::from_utf8_lossy(file);
    for line in text.lines() {
        if let Some((field, value)) = line.split_once(':')
            && field.eq_ignore_ascii_case("license")
        {
            let synopsis = sentence(value.trim());
            let is_licence = !synopsis.is_empty()
                && synopsis.len() <= MAX_SYNOPSIS
                && !synopsis.eq_ignore_ascii_case("none");
            if is_licence && !found(Found::Synopsis(synopsis)) {
                return;
            }
        }
        if let Some((_, rest)) = line.split_once(COMMON) {
            let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
            let name = sentence(rest.split(|c| !is_name(c)).next().unwrap_or_default());
            if !name.is_empty() && name.len() <= MAX_SYNOPSIS && !found(Found::Text(name)) {
                return;
            }
        }
    }
}

/// Without the full stop of a sentence that a name ends.
fn sentence(text: &str) -> &str {
    text.strip_suffix('.').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_files_have_names() {
        let machine_readable =
            b"Format: https://\nFiles: *\nLicense: BSD-3-clause and MIT\n text\n\n\
            License: GPL-2+\n On Debian, see /usr/share/common-licenses/GPL-2.\nLicense: none\n";
        assert_eq!(
            licences(machine_readable),
            ["BSD-3-clause", "GPL-2", "GPL-2+", "MIT"]
        );
        let prose =
            b"It is free.\nSee `/usr/share/common-licenses/LGPL-2.1'.\n\xff\n License: no\n";
        assert_eq!(licences(prose), ["LGPL-2.1"]);
        assert!(licences(b"").is_empty());
    }

    #[test]
    fn spaces_before_a_name_do_not_matter_and_its_words_belong_together() {
        let file = b"License:  ISC\n\nLicense:Zlib\n\nlicense:\tGPL-2+ with OpenSSL exception\n\n\
            License: All rights reserved\n\nLicense:\n text alone\n";
        assert_eq!(
            licences(file),
            [
                "All rights reserved",
                "GPL-2+ with OpenSSL exception",
                "ISC",
                "Zlib"
            ]
        );
        let spdx: Vec<String> = expressions(file).iter().map(Expression::spdx).collect();
        assert_eq!(
            spdx,
            [
                "ISC",
                "Zlib",
                "LicenseRef-GPL-2-or-later-with-OpenSSL-exception",
                "LicenseRef-All-rights-reserved"
            ]
        );
    }

    #[test]
    fn no_file_has_more_than_so_many() {
        let file: String = (0..70_000)
            .map(|number| format!("License: L-{number} and M-{number}\n"))
            .collect();
        assert_eq!(licences(file.as_bytes()).len(), MAX_LICENCES);
        assert_eq!(expressions(file.as_bytes()).len(), MAX_LICENCES);
        let long = format!("License: {}\n", "x ".repeat(1 << 20));
        assert!(licences(long.as_bytes()).is_empty());
    }
}
