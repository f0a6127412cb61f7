//! Which versions of Python a `Requires-Python` is for (PEP 440, "Version specifiers").
//!
//! Of an image's Python its minor version is known, so the question is whether some release of it
//! is meant.

use std::cmp::Ordering;

/// The most clauses that are looked at.
const MAX_CLAUSES: usize = 100;

/// Whether some release of Python 3.`minor` satisfies a specifier; nothing if that is not
/// understood.
pub(crate) fn allows(specifier: &str, minor: u32) -> Option<bool> {
    let mut allows = true;
    let clauses = specifier.split(',').map(str::trim);
    for clause in clauses
        .filter(|clause| !clause.is_empty())
        .take(MAX_CLAUSES)
    {
        allows &= clause_allows(clause, minor)?;
    }
    Some(allows)
}

fn clause_allows(clause: &str, minor: u32) -> Option<bool> {
    let at = clause.find(|c: char| !"<>=!~".contains(c))?;
    let (operator, version) = (&clause[..at], clause[at..].trim());
    let (version, is_prefix) = match version.strip_suffix(".*") {
        Some(prefix) => (prefix, true),
        None => (version, false),
    };
    let release = release(version)?;
    // How the minor version stands to what the clause says of it, if it says anything.
    let with = |count: usize| {
        let mine = [3, minor];
        let count = count.min(2);
        let theirs = |number: usize| release.get(number).copied().unwrap_or(0);
        let mut pairs = (0..count).map(|number| mine[number].cmp(&theirs(number)));
        pairs.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    };
    let order = with(2);
    // `3.9` is 3.9.0, and the first of its releases.
    let names_first = release
        .get(2..)
        .unwrap_or_default()
        .iter()
        .all(|number| *number == 0);
    Some(match (operator, is_prefix) {
        ("==", true) => with(release.len()).is_eq(),
        ("!=", true) => release.len() > 2 || with(release.len()).is_ne(),
        ("==" | "===", false) => order.is_eq(),
        ("!=", false) => true,
        (">=", false) => order.is_ge(),
        // There is a release behind every one.
        (">", false) => order.is_ge(),
        ("<=", false) => order.is_le(),
        ("<", false) => order.is_lt() || (order.is_eq() && !names_first),
        // At least this, and the same but for the last number.
        ("~=", false) if release.len() > 1 => order.is_ge() && with(release.len() - 1).is_eq(),
        _ => return None,
    })
}

/// The numbers of a version; what makes it one before or behind the release is left out.
fn release(text: &str) -> Option<Vec<u32>> {
    let text = text.trim_start_matches(['v', 'V']);
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let numbers = text[..end].trim_end_matches('.').split('.');
    let numbers: Option<Vec<u32>> = numbers.map(|number| number.parse().ok()).collect();
    numbers.filter(|numbers| numbers.len() <= 16)
}

#[cfg(test)]
mod tests {
    use super::allows;

    #[test]
    fn specifiers_as_packages_have_them() {
        for specifier in [
            "",
            ">=3.8",
            ">= 3.13",
            ">=3.13.5",
            "<4",
            "<4.0,>=3.9",
            "!=3.0.*,!=3.1.*,>=2.7",
            "==3.13.*",
            "==3.*",
            "~=3.9",
            "~=3.13.2",
            "<3.14",
            "<3.14.0a1",
            "<=3.13",
            ">3.12",
            "<3.13.3",
            "!=3.13.0",
            "===3.13.1",
            ">=3.13,",
            "!=3.13.1.*",
        ] {
            assert_eq!(allows(specifier, 13), Some(true), "{specifier}");
        }
        for specifier in [
            ">=3.14",
            "<3.13",
            "<3.13.0",
            "<3",
            "==3.12.*",
            "==2.*",
            "!=3.13.*",
            "~=3.14",
            "~=3.12.1",
            "~=2.7",
            ">=4",
            ">=3.8,<3.12",
            "==3.12",
            "<=3.12",
            ">=3.14.0a1",
        ] {
            assert_eq!(allows(specifier, 13), Some(false), "{specifier}");
        }
        for specifier in ["3.9", ">=", "=>3.9", ">=x", "~=3", ">=3.*", ">=99999999999"] {
            assert_eq!(allows(specifier, 13), None, "{specifier}");
        }
    }
}
