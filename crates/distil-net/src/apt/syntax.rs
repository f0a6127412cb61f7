//! The syntax of a file of apt's configuration (apt.conf(5), "SYNTAX"), as apt reads it: line by line, and a
//! quoted string does not go beyond its line.

/// How deep scopes may be within each other: no file of apt's has five.
const MAX_DEPTH: usize = 100;

/// How long a full name may be, in bytes, and how many options a file may have: a scope that is open costs
/// a few bytes of a file for each of them.
const MAX_NAME: usize = 512;
const MAX_STATEMENTS: usize = 100_000;

/// What a file says, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Statement {
    /// An option gets a value.
    Set {
        /// Its name from the root, parts separated by `::`.
        name: String,
        /// The value.
        value: String,
    },
    /// An option and all below it go (`#clear`).
    Clear(String),
    /// Another file or directory is read here (`#include`).
    Include(String),
}

/// What is wrong, and in which line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) line: u64,
    pub(super) problem: &'static str,
}

/// The statements of a file.
pub(super) fn parse(text: &str) -> Result<Vec<Statement>, Fault> {
    let mut reader = Reader::default();
    let (mut line, mut in_comment) = (0, false);
    for written in text.split('\n') {
        line += 1;
        let spaced = written.replace('\t', " ");
        let plain = without_comments(spaced.trim(), &mut in_comment);
        reader
            .line(&plain)
            .map_err(|problem| Fault { line, problem })?;
    }
    match reader.pending.is_empty() {
        true => Ok(reader.statements),
        false => Err(Fault {
            line,
            problem: "the last option does not end in `;`",
        }),
    }
}

/// A line without what is a comment in it: `//` and `#` to its end, `/*` to `*/`, all outside quotes.
fn without_comments(line: &str, in_comment: &mut bool) -> String {
    let mut plain = String::new();
    let (mut rest, mut in_quotes) = (line, false);
    while let Some(c) = rest.chars().next() {
        if *in_comment {
            match rest.split_once("*/") {
                Some((_, after)) => (rest, *in_comment) = (after, false),
                None => return plain,
            }
            continue;
        }
        if !in_quotes {
            let is_directive = ["#clear", "#include", "#x-apt-configure-index"]
                .iter()
                .any(|name| rest.starts_with(name));
            if rest.starts_with("//") || (c == '#' && !is_directive) {
                return plain;
            }
            if let Some(after) = rest.strip_prefix("/*") {
                (rest, *in_comment) = (after, true);
                continue;
            }
        }
        in_quotes ^= c == '"';
        plain.push(c);
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    plain
}

/// Where reading is.
#[derive(Default)]
struct Reader {
    /// The scopes that are open, by the full name of each.
    scopes: Vec<String>,
    /// What was read of a statement that has not ended.
    pending: String,
    statements: Vec<Statement>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), &'static str> {
        let (mut start, mut in_quotes) = (0, false);
        for (at, c) in line.char_indices() {
            in_quotes ^= c == '"';
            if in_quotes || !matches!(c, '{' | ';' | '}') {
                continue;
            }
            self.add(line.get(start..at).unwrap_or_default());
            start = at + 1;
            self.end(c)?;
        }
        self.add(line.get(start..).unwrap_or_default());
        Ok(())
    }

    fn add(&mut self, part: &str) {
        let part = part.trim();
        if !self.pending.is_empty() && !part.is_empty() {
            self.pending.push(' ');
        }
        self.pending.push_str(part);
    }

    /// A statement ends with this character.
    fn end(&mut self, with: char) -> Result<(), &'static str> {
        let statement = std::mem::take(&mut self.pending);
        if statement.is_empty() {
            match with {
                '{' => return Err("a scope has no name"),
                '}' => drop(self.scopes.pop()),
                _ => {}
            }
            return Ok(());
        }
        let (first, rest) = word(&statement)?;
        let (second, rest) = match rest.is_empty() {
            true => (None, ""),
            false => word(rest).map(|(word, rest)| (Some(word), rest))?,
        };
        if !rest.is_empty() {
            return Err("there is more than a name and a value before `;`; is one missing?");
        }
        match (with, second) {
            ('{', value) => {
                if self.scopes.len() >= MAX_DEPTH {
                    return Err("there are too many scopes within each other");
                }
                let name = self.name(&first)?;
                self.scopes.push(name.clone());
                return match value {
                    Some(value) => self.state(Statement::Set { name, value }),
                    None => Ok(()),
                };
            }
            (_, Some(value)) => self.option(&first, value)?,
            // A value alone is one of a list, whose entries have no names.
            (_, None) if first.starts_with('#') => return Err("a directive has no argument"),
            (_, None) => {}
        }
        if with == '}' {
            self.scopes.pop();
        }
        Ok(())
    }

    fn option(&mut self, name: &str, value: String) -> Result<(), &'static str> {
        let statement = match name {
            "#clear" => Statement::Clear(value),
            "#include" => Statement::Include(value),
            // It is for tools that verify names of options.
            "#x-apt-configure-index" => return Ok(()),
            _ if name.starts_with('#') => return Err("the directive is not one of apt's"),
            _ => {
                let name = self.name(name)?;
                return self.state(Statement::Set { name, value });
            }
        };
        if !self.scopes.is_empty() {
            return Err("a directive is in a scope, where apt does not read it");
        }
        self.state(statement)
    }

    fn state(&mut self, statement: Statement) -> Result<(), &'static str> {
        if self.statements.len() >= MAX_STATEMENTS {
            return Err("there are too many options");
        }
        self.statements.push(statement);
        Ok(())
    }

    fn name(&self, name: &str) -> Result<String, &'static str> {
        let name = match self.scopes.last() {
            Some(scope) => format!("{scope}::{name}"),
            None => name.to_owned(),
        };
        match name.len() <= MAX_NAME {
            true => Ok(name),
            false => Err("the name of an option is too long"),
        }
    }
}

/// The first word, in quotes or not, and what follows it.
fn word(text: &str) -> Result<(String, &str), &'static str> {
    let text = text.trim_start();
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', '"']).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        return Ok((word.to_owned(), rest.trim_start()));
    };
    match quoted.split_once('"') {
        Some((word, rest)) => Ok((word.to_owned(), rest.trim_start())),
        None => Err("a quoted string does not end in its line"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> Vec<(String, String)> {
        let statements = parse(text).unwrap().into_iter();
        statements
            .filter_map(|statement| match statement {
                Statement::Set { name, value } => Some((name, value)),
                _ => None,
            })
            .collect()
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |text: &str| text.to_owned();
        list.iter().map(|(a, b)| (owned(a), owned(b))).collect()
    }

    #[test]
    fn scopes_and_full_names_are_the_same() {
        let expected = pairs(&[
            ("Acquire::http::Proxy", "http://proxy.example:3128"),
            ("Acquire::http::Proxy::mirror.example", "DIRECT"),
        ]);
        let flat = "Acquire::http::Proxy \"http://proxy.example:3128\";\nAcquire::http::Proxy::mirror.example \"DIRECT\";";
        assert_eq!(set(flat), expected);
        let scoped = "Acquire {\n\thttp {\n Proxy \"http://proxy.example:3128\";\n  Proxy::mirror.example\n \"DIRECT\"; }; };\n";
        assert_eq!(set(scoped), expected);
        let of_value =
            "Acquire::http { Proxy \"http://proxy.example:3128\" { mirror.example DIRECT } }";
        assert_eq!(set(of_value), expected);
    }

    #[test]
    fn comments_are_outside_quotes() {
        let text = "// first \"\n# second;\nA \"http://x#y/*z*/\"; # third\n/* B \"1\";\nC \"2\"; */ D \"3\"; /* x */ E \"4\"; // F \"5\";";
        let expected = pairs(&[("A", "http://x#y/*z*/"), ("D", "3"), ("E", "4")]);
        assert_eq!(set(text), expected);
    }

    #[test]
    fn lists_have_no_names() {
        let text =
            "DPkg::Pre-Install-Pkgs {\"/usr/sbin/dpkg-preconfigure --apt || true\";};\nA \"1\";";
        assert_eq!(set(text), pairs(&[("A", "1")]));
    }

    #[test]
    fn directives_are_at_the_top() {
        let text = "#clear Acquire::http;\n#include \"/etc/apt/more/\";";
        assert_eq!(
            parse(text).unwrap(),
            [
                Statement::Clear("Acquire::http".to_owned()),
                Statement::Include("/etc/apt/more/".to_owned())
            ]
        );
    }

    #[test]
    fn faults_have_a_line() {
        let of = |text: &str| {
            let fault = parse(text).unwrap_err();
            format!("{}: {}", fault.line, fault.problem)
        };
        insta::assert_snapshot!(of("A \"1\";\nB \"2\"\nC \"3\";"), @"3: there is more than a name and a value before `;`; is one missing?");
        insta::assert_snapshot!(of("A \"1"), @"1: the last option does not end in `;`");
        insta::assert_snapshot!(of("A \"1;\nB 2;"), @"2: a quoted string does not end in its line");
        insta::assert_snapshot!(of("{ A 1; }"), @"1: a scope has no name");
        insta::assert_snapshot!(of("A { #clear B; }"), @"1: a directive is in a scope, where apt does not read it");
        insta::assert_snapshot!(of("#clear;"), @"1: a directive has no argument");
        insta::assert_snapshot!(of("\n#includes x;"), @"2: the directive is not one of apt's");
        assert!(parse(&"a {".repeat(101)).is_err());
    }
}
