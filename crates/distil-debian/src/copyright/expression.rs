//! Licences and how they are joined.

use std::fmt;

use super::spdx;

/// Which licences something is under, as the synopsis of a field `License` says it
/// (Machine-readable debian/copyright file 1.0, §7.2).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expression {
    /// The short name of a licence, such as `GPL-2+`.
    Licence(String),
    /// A licence with an exception to it: `GPL-2+ with OpenSSL exception`.
    With {
        /// The short name of the licence.
        licence: String,
        /// The name of the exception, without the word: `OpenSSL`.
        exception: String,
    },
    /// All of these hold at once. Two or more.
    And(Vec<Expression>),
    /// The user may choose one of these. Two or more.
    Or(Vec<Expression>),
    /// A synopsis that does not follow the format, as it stands.
    Other(String),
}

impl Expression {
    /// Reads a synopsis. What is not of the format's syntax is [`Expression::Other`] as a whole.
    ///
    /// `and` binds more than `or`, and both more than either after a comma: `A or B, and C` is
    /// (A or B) and C.
    pub fn parse(synopsis: &str) -> Self {
        let words: Vec<&str> = synopsis.split_whitespace().collect();
        // A comma stands at the end of a word.
        let read = parse_or(&words, true);
        read.unwrap_or_else(|| Self::Other(words.join(" ")))
    }

    /// The names of its licences, with their exceptions, in the order in which they stand.
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::names).collect(),
            one => vec![one.to_string()],
        }
    }

    /// The same as an expression of SPDX (SPDX specification 2.3, annex D), with SPDX's
    /// identifiers for the licences that are the same, and a `LicenseRef-` for every other.
    pub fn spdx(&self) -> String {
        match self {
            Self::Licence(name) => spdx::licence(name),
            Self::With { licence, exception } => spdx::with(licence, exception),
            Self::Other(text) => spdx::reference(text),
            Self::And(parts) => {
                let part = |part: &Self| match part {
                    Self::Or(_) => format!("({})", part.spdx()),
                    // What a name of Debian's stands for may be a choice itself.
                    _ => part.spdx(),
                };
                parts.iter().map(part).collect::<Vec<_>>().join(" AND ")
            }
            Self::Or(parts) => parts
                .iter()
                .map(Self::spdx)
                .collect::<Vec<_>>()
                .join(" OR "),
        }
    }
}

/// As Debian writes it.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parts, operator) = match self {
            Self::Licence(name) | Self::Other(name) => return f.write_str(name),
            Self::With { licence, exception } => {
                return write!(f, "{licence} with {exception} exception");
            }
            Self::And(parts) => (parts, "and"),
            Self::Or(parts) => (parts, "or"),
        };
        let with_commas = operator == "and" && parts.iter().any(|part| matches!(part, Self::Or(_)));
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                f.write_str(if with_commas { ", " } else { " " })?;
                write!(f, "{operator} ")?;
            }
            part.fmt(f)?;
        }
        Ok(())
    }
}

/// Reads words that `or` joins, or, for the whole synopsis, that `, or` does.
fn parse_or(words: &[&str], commas: bool) -> Option<Expression> {
    joined(words, "or", commas, Expression::Or, |part| {
        joined(part, "and", commas, Expression::And, |part| match commas {
            true => parse_or(part, false),
            false => parse_one(part),
        })
    })
}

/// Splits words where `operator` stands, behind a comma or not, and joins what `read` makes of
/// the parts.
fn joined(
    words: &[&str],
    operator: &str,
    commas: bool,
    join: fn(Vec<Expression>) -> Expression,
    read: impl Fn(&[&str]) -> Option<Expression>,
) -> Option<Expression> {
    let is_operator = |at: usize| {
        let behind_comma = at.checked_sub(1).and_then(|at| words.get(at));
        let behind_comma = behind_comma.is_some_and(|word| word.ends_with(','));
        let word = words.get(at);
        word.is_some_and(|word| word.eq_ignore_ascii_case(operator)) && behind_comma == commas
    };
    let mut parts = Vec::new();
    let mut start = 0;
    for at in (0..=words.len()).filter(|at| *at == words.len() || is_operator(*at)) {
        parts.push(read(words.get(start..at)?)?);
        start = at + 1;
    }
    match parts.len() {
        0 | 1 => parts.pop(),
        _ => Some(join(parts)),
    }
}

/// One licence, perhaps with an exception.
fn parse_one(words: &[&str]) -> Option<Expression> {
    let last = words.len().checked_sub(1)?;
    // The comma before the operator that this part ends at.
    let word = |at: usize| {
        let word = words.get(at).copied()?;
        Some(match at == last {
            true => word.strip_suffix(',').unwrap_or(word),
            false => word,
        })
    };
    let name = word(0)?;
    let is_name = |name: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "+-._/".contains(c);
        !name.is_empty() && name.chars().all(plain)
    };
    if !is_name(name) {
        return None;
    }
    let licence = name.to_owned();
    if last == 0 {
        return Some(Expression::Licence(licence));
    }
    let is_exception = word(1)?.eq_ignore_ascii_case("with")
        && last >= 3
        && matches!(
            word(last)?.to_ascii_lowercase().as_str(),
            "exception" | "exceptions"
        );
    if !is_exception {
        return None;
    }
    let exception = words.get(2..last)?.join(" ");
    (!exception.contains(',')).then_some(Expression::With { licence, exception })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn expressions_are_read_as_the_format_has_them() {
        let cases = [
            ("GPL-2+", "GPL-2.0-or-later"),
            ("GPL-1+ or Artistic-2.0", "GPL-1.0-or-later OR Artistic-2.0"),
            (
                "GPL-2 or Expat and BSD-2-clause",
                "GPL-2.0-only OR MIT AND BSD-2-Clause",
            ),
            (
                "GPL-2 or Expat, and BSD-2-clause",
                "(GPL-2.0-only OR MIT) AND BSD-2-Clause",
            ),
            ("ISC and Zlib, or Apache-2.0", "ISC AND Zlib OR Apache-2.0"),
            ("MIT OR Apache-2.0", "MIT OR Apache-2.0"),
            (
                "Apache-2.0 with LLVM exception",
                "Apache-2.0 WITH LLVM-exception",
            ),
            (
                "GPL-2+ with Classpath exception and public-domain",
                "GPL-2.0-or-later WITH Classpath-exception-2.0 AND LicenseRef-public-domain",
            ),
            ("The MIT Licence", "LicenseRef-The-MIT-Licence"),
            ("GPL-2, LGPL-2", "LicenseRef-GPL-2-LGPL-2"),
            ("GPL-2 or", "LicenseRef-GPL-2-or"),
            ("(A or B) and C", "LicenseRef-A-or-B-and-C"),
        ];
        for (synopsis, spdx) in cases {
            assert_eq!(Expression::parse(synopsis).spdx(), spdx, "{synopsis}");
        }
    }

    #[test]
    fn names_are_those_of_licences() {
        let names = |text| Expression::parse(text).names();
        assert_eq!(names("A or B, and C"), ["A", "B", "C"]);
        assert_eq!(
            names("GPL-3 with Autoconf exception"),
            ["GPL-3 with Autoconf exception"]
        );
        assert_eq!(names("free as in  beer"), ["free as in beer"]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            words in prop::collection::vec(
                prop::sample::select(vec![
                    "GPL-2+", "A", "B", "or", "and", "with", "exception", "A,", "B,", "x(", "Font",
                ]),
                1..10,
            ),
        ) {
            let text = words.join(" ");
            let expression = Expression::parse(&text);
            let written = expression.to_string();
            prop_assert_eq!(Expression::parse(&written).spdx(), expression.spdx(), "{} {}", text, written);
        }
    }
}
