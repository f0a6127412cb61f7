//! Identifiers of elements within one document.

use std::collections::BTreeSet;

/// The longest part of a name that is in an identifier.
const MAX_NAME: usize = 100;

/// Gives each element an identifier of its own, of the characters that SPDX allows (SPDX
/// specification 2.3, 6.3: letters, digits, `.` and `-`). Names that differ may be alike after that,
/// and a hostile image may have one twice.
#[derive(Default)]
pub(super) struct Identifiers(BTreeSet<String>);

impl Identifiers {
    /// An identifier that begins with `kind`.
    pub(super) fn of(&mut self, kind: &str, name: &str) -> String {
        let plain = |c: char| match c.is_ascii_alphanumeric() || c == '.' {
            true => c,
            false => '-',
        };
        let name: String = name.chars().take(MAX_NAME).map(plain).collect();
        let first = format!("{kind}-{name}");
        let mut id = first.clone();
        let mut number = 1;
        while !self.0.insert(id.clone()) {
            number += 1;
            id = format!("{first}-{number}");
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_identifier_is_given_twice() {
        let mut identifiers = Identifiers::default();
        let mut of = |name| identifiers.of("Package", name);
        assert_eq!(of("libstdc++6"), "Package-libstdc--6");
        assert_eq!(of("libstdc--6"), "Package-libstdc--6-2");
        assert_eq!(of("libstdc++6-2"), "Package-libstdc--6-2-2");
        assert_eq!(of(""), "Package-");
        assert!(of(&"x".repeat(10_000)).len() < 200);
    }
}
