//! The manual of the rules, and what `--explain` says: both from the same text.

use std::fmt::Write;

use crate::profile::Profile;
use crate::rule::{RULES, Rule};

impl Rule {
    /// All that there is to say of it, in Markdown.
    pub fn explain(&self) -> String {
        let mut text = format!("## {} `{}`\n\n{}\n\n", self.id, self.name, self.summary);
        let _ = write!(
            text,
            "{}\n\n**What to do.** {}\n\n",
            self.reason, self.remedy
        );
        let _ = write!(text, "Severity: {}", self.severity);
        let others: Vec<String> = Profile::ALL
            .into_iter()
            .filter_map(|profile| Some((profile, profile.severity(self)?)))
            .filter(|(_, severity)| *severity != self.severity)
            .map(|(profile, severity)| format!("{severity} in profile `{}`", profile.name()))
            .collect();
        if !others.is_empty() {
            let _ = write!(text, "; {}", others.join(", "));
        }
        text.push('\n');
        text
    }
}

/// The manual of all rules, in Markdown.
pub fn manual() -> String {
    let mut text = "# The rules of `distil check`\n\n\
        Generated from the texts of `distil check --explain RULE`. Names and ids are stable. The severity is the\n\
        default; where a rule knows more, a finding may be less severe, and says so.\n\n\
        | id | name | severity | finds |\n|---|---|---|---|\n"
        .to_owned();
    for rule in RULES {
        let _ = writeln!(
            text,
            "| {} | [`{}`](#{}-{}) | {} | {} |",
            rule.id,
            rule.name,
            rule.id.to_lowercase(),
            rule.name,
            rule.severity,
            rule.summary
        );
    }
    for rule in RULES {
        let _ = write!(text, "\n{}", rule.explain());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::manual;

    #[test]
    fn the_manual_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/rules.md");
        let manual = manual();
        if std::env::var_os("DISTIL_UPDATE_DOCS").is_some() {
            std::fs::write(path, &manual).unwrap();
        }
        let there = std::fs::read_to_string(path).unwrap();
        assert!(
            there == manual,
            "docs/rules.md is not what the rules say; run this test with DISTIL_UPDATE_DOCS=1"
        );
    }
}
