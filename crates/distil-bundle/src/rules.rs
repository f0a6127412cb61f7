//! Patterns of paths below a directory, as `.dockerignore` writes them.
//!
//! A pattern without a slash at its beginning is one of the whole path all the same, `*` and `?` stay
//! within one name, `**` crosses directories, what matches a directory holds for all below it, `!`
//! takes back what a line before said, and the last line that matches decides
//! (<https://docs.docker.com/build/concepts/context/#dockerignore-files>).

use distil_tree::{PatternError, Patterns};

/// Lines of patterns, of which the last that matches a path decides.
#[derive(Debug, Clone)]
pub struct PathRules {
    patterns: Patterns,
    /// Of each line, whether it takes paths back. There are two patterns a line: the path, and all
    /// below it.
    excepts: Vec<bool>,
}

impl PathRules {
    /// No rules, which match nothing.
    pub fn none() -> Self {
        Self {
            patterns: Patterns::none(),
            excepts: Vec::new(),
        }
    }

    /// Rules of these lines. Empty lines and those that begin with `#` are none.
    ///
    /// # Errors
    /// If one of them is no pattern.
    pub fn new<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Self, PatternError> {
        let mut texts = Vec::new();
        let mut excepts = Vec::new();
        for line in lines {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (except, pattern) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim_start()),
                None => (false, line),
            };
            let pattern = clean(pattern);
            if pattern.is_empty() {
                continue;
            }
            excepts.push(except);
            texts.push(format!("/{pattern}"));
            texts.push(format!("/{pattern}/**"));
        }
        Ok(Self {
            patterns: Patterns::new(&texts)?,
            excepts,
        })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.excepts.is_empty()
    }

    /// Whether the last rule that matches `path`, which is relative, does not take it back.
    pub fn matches(&self, path: &str) -> bool {
        let matching = self.patterns.matching(&format!("/{path}"));
        let last = matching.iter().max().and_then(|last| {
            let line = last / 2;
            self.excepts.get(line)
        });
        last.is_some_and(|except| !except)
    }

    /// Whether some rule takes paths back, so that what lies in a directory that matches may not.
    pub fn has_exceptions(&self) -> bool {
        self.excepts.iter().any(|except| *except)
    }

    /// The indexes of the lines that match `path`, whatever they say.
    pub fn lines_matching(&self, path: &str) -> impl Iterator<Item = usize> {
        let matching = self.patterns.matching(&format!("/{path}"));
        matching.into_iter().map(|pattern| pattern / 2)
    }
}

/// A pattern without `.`, double slashes and slashes at its ends, as Go's `filepath.Clean` has it.
fn clean(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(lines: &[&str], path: &str) -> bool {
        PathRules::new(lines.iter().copied()).unwrap().matches(path)
    }

    #[test]
    fn rules_are_those_of_dockerignore() {
        for (lines, path, expected) in [
            (&["node_modules"][..], "node_modules", true),
            (&["node_modules"], "node_modules/a/b", true),
            (&["node_modules"], "src/node_modules", false),
            (&["**/node_modules"], "src/node_modules/x", true),
            (&["**/node_modules"], "node_modules/x", true),
            (&["*.pyc"], "a.pyc", true),
            (&["*.pyc"], "a/b.pyc", false),
            (&["**/*.pyc"], "a/b.pyc", true),
            (&["/a/"], "a/b", true),
            (&["./a"], "a", true),
            (&["a", "!a/keep"], "a/keep", false),
            (&["a", "!a/keep"], "a/other", true),
            (&["a", "!a/keep", "a/keep/x"], "a/keep/x", true),
            (&["!a", "a"], "a", true),
            (&["# a", "", " "], "# a", false),
            (&["*"], "a", true),
            (&["*", "!app"], "app/main.py", false),
            (&["a?c"], "abc", true),
            (&["a?c"], "a/c", false),
        ] {
            assert_eq!(matches(lines, path), expected, "{lines:?} {path}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_an_error() {
        assert!(PathRules::new(["a[b"]).is_err());
    }
}
