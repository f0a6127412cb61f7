//! Environment markers: for which Pythons and machines a dependency counts (PEP 508, now
//! packaging.python.org, "Dependency specifiers"; `extras` and `dependency_groups` are PEP 751's).
//!
//! They are evaluated as the `packaging` library does: a comparison of versions where the variable
//! is a version and the text is one, a comparison of strings otherwise.

use std::collections::BTreeSet;
use std::str::FromStr;

use distil_tree::Printable;
use pep440_rs::{Version, VersionSpecifier};

use super::environment::Environment;
use super::name::Name;

/// How deep parentheses may be.
const MAX_DEPTH: usize = 64;

/// The longest marker; those of uv's forks have some kilobytes.
const MAX_MARKER: usize = 64 << 10;

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Marker(Expression);

#[derive(Debug, Clone, PartialEq)]
enum Expression {
    Or(Vec<Expression>),
    And(Vec<Expression>),
    Comparison {
        left: Operand,
        operator: Operator,
        right: Operand,
    },
}

#[derive(Debug, Clone, PartialEq)]
enum Operand {
    Variable(&'static str),
    Text(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    LessEqual,
    Less,
    NotEqual,
    Equal,
    GreaterEqual,
    Greater,
    Compatible,
    Arbitrary,
    In,
    NotIn,
}

/// Why a text is not a marker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the marker `{}` is not valid at character {at}: {what}", Printable(.text.as_bytes()))]
pub struct MarkerError {
    text: String,
    at: usize,
    what: &'static str,
}

/// What is asked for beside the environment: the extras and groups.
#[derive(Debug, Clone, Default)]
pub struct Chosen {
    /// The extras.
    pub extras: BTreeSet<String>,
    /// The dependency groups.
    pub groups: BTreeSet<String>,
}

/// The variables, with the old spellings of setuptools that `packaging` still reads.
const VARIABLES: [(&str, &str); 20] = [
    ("os_name", "os_name"),
    ("sys_platform", "sys_platform"),
    ("platform_machine", "platform_machine"),
    ("platform_system", "platform_system"),
    ("platform_release", "platform_release"),
    ("platform_version", "platform_version"),
    (
        "platform_python_implementation",
        "platform_python_implementation",
    ),
    ("implementation_name", "implementation_name"),
    ("implementation_version", "implementation_version"),
    ("python_version", "python_version"),
    ("python_full_version", "python_full_version"),
    ("extra", "extra"),
    ("extras", "extras"),
    ("dependency_groups", "dependency_groups"),
    ("os.name", "os_name"),
    ("sys.platform", "sys_platform"),
    ("platform.machine", "platform_machine"),
    ("platform.version", "platform_version"),
    (
        "platform.python_implementation",
        "platform_python_implementation",
    ),
    ("python_implementation", "platform_python_implementation"),
];

/// The variables whose values are versions.
const VERSIONS: [&str; 4] = [
    "python_version",
    "python_full_version",
    "implementation_version",
    "platform_release",
];

impl Marker {
    /// Reads a marker.
    ///
    /// # Errors
    /// If it is not one.
    pub fn parse(text: &str) -> Result<Self, MarkerError> {
        let mut parser = Parser {
            text,
            at: 0,
            depth: 0,
        };
        if text.len() > MAX_MARKER {
            return Err(parser.wrong("it is longer than 64 KiB"));
        }
        let expression = parser.alternatives()?;
        parser.skip_space();
        match parser.rest().is_empty() {
            true => Ok(Self(expression)),
            false => Err(parser.wrong("the end, `and` or `or` is expected")),
        }
    }

    /// Whether the condition is true.
    pub fn evaluate(&self, environment: &Environment, chosen: &Chosen) -> bool {
        self.0.evaluate(environment, chosen)
    }
}

impl Expression {
    fn evaluate(&self, environment: &Environment, chosen: &Chosen) -> bool {
        match self {
            Self::Or(all) => all.iter().any(|one| one.evaluate(environment, chosen)),
            Self::And(all) => all.iter().all(|one| one.evaluate(environment, chosen)),
            Self::Comparison {
                left,
                operator,
                right,
            } => compare(left, *operator, right, environment, chosen),
        }
    }
}

fn compare(
    left: &Operand,
    operator: Operator,
    right: &Operand,
    environment: &Environment,
    chosen: &Chosen,
) -> bool {
    let is_negative = matches!(operator, Operator::NotEqual | Operator::NotIn);
    let (variable, text) = match (left, right) {
        (Operand::Variable(name), Operand::Text(text))
        | (Operand::Text(text), Operand::Variable(name)) => (*name, text),
        (Operand::Variable(one), Operand::Variable(other)) => {
            let value = |name| environment.variable(name).unwrap_or_default();
            return strings(&value(one), operator, &value(other));
        }
        (Operand::Text(one), Operand::Text(other)) => return strings(one, operator, other),
    };
    let set = match variable {
        "extra" | "extras" => Some(&chosen.extras),
        "dependency_groups" => Some(&chosen.groups),
        _ => None,
    };
    if let Some(set) = set {
        let name = Name::parse(text);
        let is_in = set.contains(name.as_ref().map_or(text.as_str(), Name::as_str));
        return is_in != is_negative;
    }
    let value = environment.variable(variable).unwrap_or_default();
    let (one, other) = match left {
        Operand::Variable(_) => (value.as_str(), text.as_str()),
        Operand::Text(_) => (text.as_str(), value.as_str()),
    };
    if VERSIONS.contains(&variable)
        && let Some(sign) = operator.sign()
        && let Ok(specifier) = VersionSpecifier::from_str(&format!("{sign}{other}"))
        && let Ok(version) = Version::from_str(one)
    {
        return specifier.contains(&version);
    }
    strings(one, operator, other)
}

fn strings(one: &str, operator: Operator, other: &str) -> bool {
    match operator {
        Operator::LessEqual => one <= other,
        Operator::Less => one < other,
        Operator::NotEqual => one != other,
        Operator::Equal | Operator::Arbitrary => one == other,
        Operator::GreaterEqual => one >= other,
        Operator::Greater => one > other,
        Operator::In => other.contains(one),
        Operator::NotIn => !other.contains(one),
        // Only between versions does it mean anything.
        Operator::Compatible => false,
    }
}

impl Operator {
    /// As a specifier of versions has it.
    fn sign(self) -> Option<&'static str> {
        Some(match self {
            Self::LessEqual => "<=",
            Self::Less => "<",
            Self::NotEqual => "!=",
            Self::Equal => "==",
            Self::GreaterEqual => ">=",
            Self::Greater => ">",
            Self::Compatible => "~=",
            Self::Arbitrary => "===",
            Self::In | Self::NotIn => return None,
        })
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn wrong(&self, what: &'static str) -> MarkerError {
        let before = self.text.get(..self.at).unwrap_or_default();
        MarkerError {
            text: self.text.chars().take(200).collect(),
            at: before.chars().count() + 1,
            what,
        }
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    /// Takes a keyword, which no letter follows.
    fn word(&mut self, word: &str) -> bool {
        self.skip_space();
        let Some(after) = self.rest().strip_prefix(word) else {
            return false;
        };
        if after.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '.')) {
            return false;
        }
        self.at += word.len();
        true
    }

    fn alternatives(&mut self) -> Result<Expression, MarkerError> {
        let mut all = vec![self.conjunction()?];
        while self.word("or") {
            all.push(self.conjunction()?);
        }
        Ok(match all.len() {
            1 => all.swap_remove(0),
            _ => Expression::Or(all),
        })
    }

    fn conjunction(&mut self) -> Result<Expression, MarkerError> {
        let mut all = vec![self.comparison()?];
        while self.word("and") {
            all.push(self.comparison()?);
        }
        Ok(match all.len() {
            1 => all.swap_remove(0),
            _ => Expression::And(all),
        })
    }

    fn comparison(&mut self) -> Result<Expression, MarkerError> {
        self.skip_space();
        if self.rest().starts_with('(') {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return Err(self.wrong("its parentheses are too deep"));
            }
            self.at += 1;
            let inner = self.alternatives()?;
            self.skip_space();
            if !self.rest().starts_with(')') {
                return Err(self.wrong("`)`, `and` or `or` is expected"));
            }
            self.at += 1;
            self.depth -= 1;
            return Ok(inner);
        }
        let left = self.operand()?;
        let operator = self.operator()?;
        let right = self.operand()?;
        let name = match (&left, &right) {
            (Operand::Variable(name), _) | (_, Operand::Variable(name)) => Some(*name),
            _ => None,
        };
        if operator == Operator::Compatible && !name.is_some_and(|name| VERSIONS.contains(&name)) {
            return Err(self.wrong("`~=` compares versions alone"));
        }
        Ok(Expression::Comparison {
            left,
            operator,
            right,
        })
    }

    fn operand(&mut self) -> Result<Operand, MarkerError> {
        self.skip_space();
        let rest = self.rest();
        for quote in ['"', '\''] {
            if let Some(inner) = rest.strip_prefix(quote) {
                let Some(end) = inner.find(quote) else {
                    return Err(self.wrong("the quoted string has no end"));
                };
                let text = inner.get(..end).unwrap_or_default().to_owned();
                self.at += end + 2;
                return Ok(Operand::Text(text));
            }
        }
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
        let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let word = rest.get(..length).unwrap_or_default();
        let known = VARIABLES.iter().find(|(name, _)| *name == word);
        let Some((_, name)) = known else {
            return Err(
                self.wrong("a quoted string or a variable such as `python_version` is expected")
            );
        };
        self.at += length;
        Ok(Operand::Variable(name))
    }

    fn operator(&mut self) -> Result<Operator, MarkerError> {
        self.skip_space();
        let signs = [
            ("===", Operator::Arbitrary),
            ("==", Operator::Equal),
            ("<=", Operator::LessEqual),
            (">=", Operator::GreaterEqual),
            ("!=", Operator::NotEqual),
            ("~=", Operator::Compatible),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        for (sign, operator) in signs {
            if self.rest().starts_with(sign) {
                self.at += sign.len();
                return Ok(operator);
            }
        }
        if self.word("in") {
            return Ok(Operator::In);
        }
        if self.word("not") && self.word("in") {
            return Ok(Operator::NotIn);
        }
        Err(self.wrong("a comparison such as `==` or `in` is expected"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::environment::example;
    use super::*;
    use proptest::prelude::*;

    fn is_true(text: &str, extras: &[&str]) -> bool {
        let chosen = Chosen {
            extras: extras.iter().map(|&one| one.to_owned()).collect(),
            groups: ["dev".to_owned()].into(),
        };
        Marker::parse(text).unwrap().evaluate(&example(), &chosen)
    }

    /// Compared with `packaging` by the live tests, too.
    #[test]
    fn versions_strings_and_sets() {
        for text in [
            "python_version >= '3.9'",
            "python_version < '3.100'",
            "'3.8' < python_version",
            "python_full_version == '3.13.*'",
            "python_version ~= '3.10'",
            "python_version in '3.12 3.13'",
            "sys_platform == \"linux\" and os.name == 'posix'",
            "sys_platform != 'win32' or platform_machine == 'arm64'",
            "(python_version < '3' or implementation_name=='cpython') and platform_system == 'Linux'",
            "'linux' in sys_platform",
            "platform_machine not in 'arm64 aarch64'",
            "extra == 'Fast_Json'",
            "extra != 'other'",
            "'fast-json' in extras and 'dev' in dependency_groups",
            "'x' not in extras",
            "platform_python_implementation == 'CPython' and python_full_version > '3.13.4'",
        ] {
            assert!(is_true(text, &["fast-json"]), "{text}");
        }
        for text in [
            "python_version < '3.9'",
            "python_version == '3.1'",
            "sys_platform == 'win32' or sys_platform == 'darwin'",
            "platform_machine == 'aarch64'",
            "extra == 'other'",
            "python_version > '3.13'",
            "python_full_version >= '3.13.6'",
            "sys_platform == 'win32' and python_version >= '3' or extra == 'b'",
        ] {
            assert!(!is_true(text, &["fast-json"]), "{text}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let said = |text: &str| Marker::parse(text).unwrap_err().to_string();
        let deep = "(".repeat(100_000);
        insta::assert_snapshot!(
            [
                "",
                "python_version",
                "python_version >=",
                "pyton == '3'",
                "os_name == 'x' nor",
                "(os_name == 'x'",
                "os_name == 'x",
                "os_name ~= 'x'",
                &deep[..20_000],
            ]
            .map(|text| {
                let said = said(text);
                said.chars()
                    .rev()
                    .take(110)
                    .collect::<Vec<_>>()
                    .into_iter()
                    .rev()
                    .collect::<String>()
            })
            .join("\n")
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[a-z_.<>=!~'\" ()0-9*]{0,60}") {
            if let Ok(marker) = Marker::parse(&text) {
                marker.evaluate(&example(), &Chosen::default());
            }
        }

        #[test]
        fn and_or_and_parentheses_bind_as_python_does(a: bool, b: bool, c: bool) {
            let text = |value: bool| if value { "os_name == 'posix'" } else { "os_name == 'nt'" };
            let (x, y, z) = (text(a), text(b), text(c));
            prop_assert_eq!(is_true(&format!("{x} or {y} and {z}"), &[]), a || b && c);
            prop_assert_eq!(is_true(&format!("({x} or {y}) and {z}"), &[]), (a || b) && c);
        }
    }
}
