//! The nearest of the known names to one that is not known, as a phrase.

use std::fmt;

/// The names of `known` that are near to `text`, best first, three at most.
pub(crate) fn nearest<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> Nearest {
    Nearest(distil_store::nearest(text, known, 3))
}

/// Names to offer; displays as `; did you mean …?`, or as nothing when there are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Nearest(Vec<String>);

impl Nearest {
    /// The names, best first.
    pub(crate) fn names(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Nearest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, name) in self.0.iter().enumerate() {
            f.write_str(if place == 0 {
                "; did you mean "
            } else {
                " or "
            })?;
            write!(f, "`{name}`")?;
        }
        f.write_str(if self.0.is_empty() { "" } else { "?" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_come_best_first_and_far_ones_not_at_all() {
        let known = ["amd64", "arm64", "riscv64"];
        assert_eq!(
            nearest("amr64", known).to_string(),
            "; did you mean `amd64` or `arm64`?"
        );
        assert_eq!(nearest("sparc", known).to_string(), "");
        assert_eq!(nearest("", known).to_string(), "");
    }
}
