//! The names of licences in a package's copyright file.
//!
//! Machine-readable ones (Debian, "Machine-readable debian/copyright file", version 1.0) have
//! them behind `License:`; others lead to a text in `/usr/share/common-licenses` (Debian Policy
//! §12.5). Names are taken as they stand, up to the first blank, as scanners do: what they mean is
//! for whoever reads them.

use std::collections::BTreeSet;

const COMMON: &str = "/usr/share/common-licenses/";

/// The names, sorted, each once. A file that is not UTF-8 is read as far as it is.
pub fn licences(file: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(file);
    let mut names = BTreeSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("License: ") {
            insert(rest.split(char::is_whitespace).next(), &mut names);
        }
        if let Some((_, rest)) = line.split_once(COMMON) {
            let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
            insert(rest.split(|c| !is_name(c)).next(), &mut names);
        }
    }
    names.into_iter().collect()
}

fn insert(name: Option<&str>, names: &mut BTreeSet<String>) {
    // The name may be the end of a sentence.
    let name = name.unwrap_or_default();
    let name = name.strip_suffix('.').unwrap_or(name);
    if !name.is_empty() && !name.eq_ignore_ascii_case("none") {
        names.insert(name.to_owned());
    }
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
            ["BSD-3-clause", "GPL-2", "GPL-2+"]
        );
        let prose =
            b"It is free.\nSee `/usr/share/common-licenses/LGPL-2.1'.\n\xff\n License: no\n";
        assert_eq!(licences(prose), ["LGPL-2.1"]);
        assert!(licences(b"").is_empty());
    }
}
