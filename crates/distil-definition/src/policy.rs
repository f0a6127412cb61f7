//! What no image has unless its definition says otherwise: one readable list, with reasons.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use distil_tree::{PatternError, Patterns};

/// The default policy, from `images/policy.yaml`.
#[derive(Debug)]
pub struct Policy {
    /// Names that no relation brings into an image, with the reasons.
    pub without: BTreeMap<String, String>,
    /// Packages whose scripts do nothing that an image lacks, with the reasons.
    pub scripts: BTreeMap<String, String>,
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    paths: Patterns,
    except: Patterns,
    why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    without: BTreeMap<String, String>,
    drop: Vec<FileRule>,
    scripts: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRule {
    paths: Vec<String>,
    #[serde(default)]
    except: Vec<String>,
    why: String,
}

static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    let text = include_str!("../images/policy.yaml");
    // A mistake in it is found by the first test that runs, not by a user.
    #[expect(clippy::panic, reason = "the file is part of the program")]
    match serde_saphyr::from_str(text)
        .map_err(|e| e.to_string())
        .and_then(|file| Policy::new(file).map_err(|error| error.to_string()))
    {
        Ok(policy) => policy,
        Err(problem) => panic!("images/policy.yaml: {problem}"),
    }
});

impl Policy {
    /// The policy that ships with distil.
    pub fn default_policy() -> &'static Self {
        &POLICY
    }

    fn new(file: File) -> Result<Self, PatternError> {
        let rule = |rule: FileRule| {
            let (paths, except) = (Patterns::new(&rule.paths)?, Patterns::new(&rule.except)?);
            Ok(Rule {
                paths,
                except,
                why: rule.why,
            })
        };
        let rules = file
            .drop
            .into_iter()
            .map(rule)
            .collect::<Result<_, PatternError>>()?;
        Ok(Self {
            without: file.without,
            scripts: file.scripts,
            rules,
        })
    }

    /// Why a file at this path (`/usr/share/man/…`) is left out; none if it is not.
    pub fn drops(&'static self, path: &str) -> Option<&'static str> {
        let rule = self.rules.iter().find(|rule| rule.paths.any(path))?;
        (!rule.except.any(path)).then_some(&rule.why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_stay_and_changelogs_go() {
        let policy = Policy::default_policy();
        assert_eq!(policy.drops("/usr/share/doc/libc6/copyright"), None);
        assert!(policy.drops("/usr/share/doc/libc6/changelog.gz").is_some());
        assert_eq!(policy.drops("/usr/share/man/man1/x.1.gz"), Some("manuals"));
        assert_eq!(policy.drops("/usr/share/mandarin"), None);
    }

    #[test]
    fn the_core_of_gconv_stays() {
        let policy = Policy::default_policy();
        let gconv = |name: &str| policy.drops(&format!("/usr/lib/x86_64-linux-gnu/gconv/{name}"));
        assert_eq!(gconv("UTF-16.so"), None);
        assert_eq!(gconv("gconv-modules"), None);
        assert!(gconv("BIG5.so").is_some());
        assert!(gconv("gconv-modules.d/gconv-modules-extra.conf").is_some());
    }
}
