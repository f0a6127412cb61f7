//! SPDX's identifiers for the licences that Debian has names for.
//!
//! A name is translated only where it means the very same licence; `BSD`, `GPL` without a version
//! and the like stay what they are, as references.

/// Names that are neither SPDX's own nor made by the rules below.
const NAMES: [(&str, &str); 8] = [
    ("expat", "MIT"),
    ("bsd-2-clause", "BSD-2-Clause"),
    ("bsd-3-clause", "BSD-3-Clause"),
    ("bsd-4-clause", "BSD-4-Clause"),
    ("cc0", "CC0-1.0"),
    ("gfdl-niv-1.1", "GFDL-1.1-no-invariants"),
    ("gfdl-niv-1.2", "GFDL-1.2-no-invariants"),
    ("gfdl-niv-1.3", "GFDL-1.3-no-invariants"),
];

/// Exceptions, and the licences that they are to.
const EXCEPTIONS: [(&str, &str, &str); 10] = [
    ("autoconf", "GPL-2.0", "Autoconf-exception-2.0"),
    ("autoconf", "GPL-3.0", "Autoconf-exception-3.0"),
    ("bison", "GPL-", "Bison-exception-2.2"),
    ("classpath", "GPL-2.0", "Classpath-exception-2.0"),
    ("font", "GPL-", "Font-exception-2.0"),
    ("gcc", "GPL-3.0", "GCC-exception-3.1"),
    ("gcc runtime library", "GPL-3.0", "GCC-exception-3.1"),
    ("libtool", "GPL-2.0", "Libtool-exception"),
    ("llvm", "Apache-2.0", "LLVM-exception"),
    ("linux-syscall-note", "GPL-2.0", "Linux-syscall-note"),
];

/// The longest name of a reference.
const MAX_REFERENCE: usize = 100;

/// The identifier of a licence, or a reference to it.
pub(super) fn licence(name: &str) -> String {
    identifier(name).unwrap_or_else(|| reference(name))
}

/// The expression of a licence with an exception, or a reference to both.
pub(super) fn with(licence: &str, exception: &str) -> String {
    let wanted = exception.to_ascii_lowercase();
    let known = identifier(licence).and_then(|id| {
        let mut known = EXCEPTIONS.iter();
        let (_, _, exception) =
            known.find(|(name, to, _)| *name == wanted && id.starts_with(to))?;
        Some(format!("{id} WITH {exception}"))
    });
    known.unwrap_or_else(|| reference(&format!("{licence} with {exception} exception")))
}

/// A reference to a licence that SPDX does not know, of the letters that one may have.
pub(super) fn reference(name: &str) -> String {
    let mut text = String::from("LicenseRef");
    let name = name.replace('+', " or later ");
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '.';
    for part in name.split(|c: char| !plain(c)).filter(|p| !p.is_empty()) {
        if text.len() + part.len() < MAX_REFERENCE {
            text.push('-');
            text.push_str(part);
        }
    }
    match text.contains('-') {
        true => text,
        false => "LicenseRef-unknown".to_owned(),
    }
}

fn identifier(name: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    // `+`: this version or any later one.
    let (base, later) = match lower.strip_suffix('+') {
        Some(base) => (base, true),
        None => (lower.as_str(), false),
    };
    let named = NAMES.iter().find(|(debian, _)| *debian == base);
    let id = match named {
        Some((_, id)) => (*id).to_owned(),
        None => versioned(base)?,
    };
    // GNU's licences have names of their own for both (SPDX licence list 3.0); with the others,
    // `+` is an operator.
    let is_gnu = ["GPL-", "LGPL-", "AGPL-", "GFDL-"];
    let is_gnu = is_gnu.iter().any(|family| id.starts_with(family));
    let id = match (is_gnu, later) {
        (true, true) => format!("{id}-or-later"),
        (true, false) => format!("{id}-only"),
        (false, true) => format!("{id}+"),
        (false, false) => id,
    };
    let bare = id.strip_suffix('+').unwrap_or(&id);
    ::spdx::license_id(bare).map(|_| id)
}

/// SPDX's spelling of a name; a version has a `.0` there (`GPL-2`, `Apache-2`).
fn versioned(lower: &str) -> Option<String> {
    let gnu = |text: &str| {
        let families = ["gpl-", "lgpl-", "agpl-", "gfdl-"];
        let is_gnu = families.iter().any(|family| text.starts_with(family));
        is_gnu.then(|| text.to_ascii_uppercase())
    };
    for spelled in [lower.to_owned(), format!("{lower}.0")] {
        // The list has GNU's without `-only` as withdrawn names, in the same spelling.
        if let Some(name) = gnu(&spelled)
            && ::spdx::license_id(&format!("{name}-only")).is_some()
        {
            return Some(name);
        }
        let known = ::spdx::identifiers::LICENSES.iter();
        let mut known = known.map(|license| license.name);
        if gnu(&spelled).is_none()
            && let Some(name) = known.find(|name| name.eq_ignore_ascii_case(&spelled))
        {
            return Some(name.to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_the_same_are_translated() {
        for (debian, spdx) in [
            ("GPL-1", "GPL-1.0-only"),
            ("GPL-2", "GPL-2.0-only"),
            ("GPL-2.0", "GPL-2.0-only"),
            ("GPL-3+", "GPL-3.0-or-later"),
            ("gpl-3+", "GPL-3.0-or-later"),
            ("LGPL-2.1+", "LGPL-2.1-or-later"),
            ("AGPL-3", "AGPL-3.0-only"),
            ("GFDL-1.3+", "GFDL-1.3-or-later"),
            ("GFDL-NIV-1.3+", "GFDL-1.3-no-invariants-or-later"),
            ("Expat", "MIT"),
            ("MIT", "MIT"),
            ("BSD-3-clause", "BSD-3-Clause"),
            ("Apache-2", "Apache-2.0"),
            ("MPL-1.1+", "MPL-1.1+"),
            ("Zlib", "Zlib"),
            ("ISC", "ISC"),
            ("CC-BY-SA-3.0", "CC-BY-SA-3.0"),
            ("CC0", "CC0-1.0"),
            ("Python-2.0", "Python-2.0"),
            ("Artistic-2", "Artistic-2.0"),
            ("public-domain", "LicenseRef-public-domain"),
            ("GPL", "LicenseRef-GPL"),
            ("BSD", "LicenseRef-BSD"),
            ("Perl+", "LicenseRef-Perl-or-later"),
            ("GPL-9+", "LicenseRef-GPL-9-or-later"),
            ("\u{e9}", "LicenseRef-unknown"),
        ] {
            assert_eq!(licence(debian), spdx, "{debian}");
        }
    }

    #[test]
    fn everything_is_an_expression_of_spdx() {
        for name in NAMES.iter().map(|(name, _)| *name) {
            for name in [name.to_owned(), format!("{name}+")] {
                assert!(!licence(&name).starts_with("LicenseRef"), "{name}");
                ::spdx::Expression::parse(&licence(&name)).unwrap();
            }
        }
        for (exception, to, id) in EXCEPTIONS {
            let debian = match to {
                "GPL-2.0" | "GPL-" => "GPL-2+",
                "GPL-3.0" => "GPL-3+",
                other => other,
            };
            let text = with(debian, exception);
            assert!(text.ends_with(&format!(" WITH {id}")), "{text}");
            ::spdx::Expression::parse(&text).unwrap();
        }
        for name in ["GPL-2+", "x y/z", "", "+", "LGPL-2.1"] {
            ::spdx::Expression::parse(&licence(name)).unwrap();
        }
    }
}
