//! Patterns of paths, as definitions write them: `/usr/lib/python3*/test/**`.

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};

/// Several patterns, tried at once. `*` and `?` stay within one name, `**` crosses directories, and
/// `/x/**` is all that lies in `/x`.
#[derive(Debug, Clone)]
pub struct Patterns {
    texts: Vec<String>,
    set: GlobSet,
}

/// A pattern that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the pattern `{pattern}` {problem}")]
pub struct PatternError {
    /// The pattern.
    pub pattern: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Patterns {
    /// Reads patterns, each of which begins at the root.
    pub fn new(texts: &[String]) -> Result<Self, PatternError> {
        let mut set = GlobSetBuilder::new();
        for text in texts {
            set.add(glob(text)?);
        }
        let set = set.build().map_err(|error| PatternError {
            pattern: texts.join("`, `"),
            problem: error.to_string(),
        })?;
        Ok(Self {
            texts: texts.to_vec(),
            set,
        })
    }

    /// These and the others.
    pub fn and(&self, others: &Self) -> Result<Self, PatternError> {
        let texts: Vec<String> = self.texts.iter().chain(&others.texts).cloned().collect();
        Self::new(&texts)
    }

    /// No patterns.
    pub fn none() -> Self {
        Self {
            texts: Vec::new(),
            set: GlobSet::empty(),
        }
    }

    /// Whether any of them matches `path`, which begins with a slash.
    pub fn any(&self, path: &str) -> bool {
        self.set.is_match(path)
    }

    /// The places of those that match `path`.
    pub fn matching(&self, path: &str) -> Vec<usize> {
        self.set.matches(path)
    }

    /// The patterns as they were written.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }
}

fn glob(text: &str) -> Result<Glob, PatternError> {
    let wrong = |problem: String| PatternError {
        pattern: text.to_owned(),
        problem,
    };
    if text.len() > crate::MAX_LENGTH {
        return Err(wrong("is longer than any path".to_owned()));
    }
    if !text.starts_with('/') {
        return Err(wrong(
            "must begin with a slash: patterns begin at the root".to_owned(),
        ));
    }
    let glob = GlobBuilder::new(text).literal_separator(true).build();
    glob.map_err(|error| wrong(format!("cannot be read: {}", error.kind())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any(pattern: &str, path: &str) -> bool {
        Patterns::new(&[pattern.to_owned()]).unwrap().any(path)
    }

    #[test]
    fn stars_stay_in_their_folder() {
        assert!(any(
            "/usr/lib/python3*/test/**",
            "/usr/lib/python3.13/test/a/b.py"
        ));
        assert!(!any(
            "/usr/lib/python3*/test/**",
            "/usr/lib/python3.13/json/test/b.py"
        ));
        assert!(!any("/usr/*", "/usr/lib/x"));
        assert!(!any("/usr/lib/x/**", "/usr/lib/x"));
    }

    #[test]
    fn relative_patterns_are_refused() {
        let error = Patterns::new(&["usr/**".to_owned()]).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("`usr/**` must begin with a slash")
        );
        assert!(Patterns::new(&["/usr/[".to_owned()]).is_err());
    }
}
