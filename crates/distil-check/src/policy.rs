//! What is made of findings: profiles, allowances, and when a check fails.

use std::time::SystemTime;

use distil_tree::{PatternError, Patterns, TreePath};
use serde::Deserialize;

use crate::finding::Finding;
use crate::profile::Profile;
use crate::rule::{EXPIRED_ALLOWANCE, Rule, USELESS_ALLOWANCE, UnknownRule};
use crate::severity::Severity;

/// A finding that is no fault of this image.
#[derive(Debug, Clone)]
pub struct Allowance {
    rule: &'static Rule,
    path: Option<Patterns>,
    reason: Option<String>,
    /// The day, and its end.
    expires: Option<(String, SystemTime)>,
}

/// How findings are judged.
#[derive(Debug, Clone)]
pub struct Policy {
    /// What the image is for.
    pub profile: Profile,
    /// The severity from which on a finding fails the check.
    pub fail_on: Severity,
    /// What is allowed.
    pub allowances: Vec<Allowance>,
    /// Absolute paths of directories that the image's program writes to.
    pub writable: Vec<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            profile: Profile::default(),
            fail_on: Severity::Error,
            allowances: Vec::new(),
            writable: Vec::new(),
        }
    }
}

/// Why a policy cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPolicy {
    /// There is no such rule.
    #[error(transparent)]
    Rule(#[from] UnknownRule),
    /// A path is not a pattern.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A day is none.
    #[error("`{0}` is no day, which is written `2027-01-31`")]
    Day(String),
    /// The file is not what it should be.
    #[error("it is not a policy\n{0}")]
    Yaml(String),
    /// There is no reason.
    #[error("the allowance of `{0}` has no reason")]
    Reason(String),
    /// A directory is not named from the root on.
    #[error("`{0}` is no absolute path: what is written to is named from the root on, as `/data`")]
    Relative(String),
    /// Information never fails a check.
    #[error(
        "`info` cannot be what a check fails on: information never fails; there are `warning` and `error`"
    )]
    Info,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    #[serde(default)]
    profile: Option<Profile>,
    #[serde(default)]
    fail_on: Option<Severity>,
    #[serde(default)]
    allow: Vec<WrittenAllowance>,
    #[serde(default)]
    writable: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenAllowance {
    rule: String,
    #[serde(default)]
    path: Option<String>,
    reason: String,
    #[serde(default)]
    expires: Option<String>,
}

impl Policy {
    /// Takes what a `check.yaml` says.
    ///
    /// # Errors
    /// If it is not one, names a rule that does not exist, or allows without a reason.
    pub fn read(text: &str) -> Result<Self, InvalidPolicy> {
        let written: Written =
            serde_saphyr::from_str(text).map_err(|error| InvalidPolicy::Yaml(error.to_string()))?;
        let mut policy = Self {
            profile: written.profile.unwrap_or_default(),
            ..Self::default()
        };
        policy.set_fail_on(written.fail_on.unwrap_or(Severity::Error))?;
        for path in written.writable {
            policy.add_writable(path)?;
        }
        for one in written.allow {
            if one.reason.trim().is_empty() {
                return Err(InvalidPolicy::Reason(one.rule));
            }
            let rule = Rule::named(&one.rule)?;
            let path = one.path.map(|path| Patterns::new(&[path])).transpose()?;
            let expires = one.expires.map(day).transpose()?;
            policy.allowances.push(Allowance {
                rule,
                path,
                reason: Some(one.reason),
                expires,
            });
        }
        Ok(policy)
    }

    /// Adds a directory that the image's program writes to.
    ///
    /// # Errors
    /// If its path is not absolute.
    pub fn add_writable(&mut self, path: String) -> Result<(), InvalidPolicy> {
        if !path.starts_with('/') {
            return Err(InvalidPolicy::Relative(path));
        }
        self.writable.push(path);
        Ok(())
    }

    /// Adds an allowance as the command line has it: `RULE` or `RULE=PATH`.
    ///
    /// # Errors
    /// If there is no such rule, or the path is not a pattern.
    pub fn allow(&mut self, text: &str) -> Result<(), InvalidPolicy> {
        let (rule, path) = match text.split_once('=') {
            Some((rule, path)) => (rule, Some(path)),
            None => (text, None),
        };
        let rule = Rule::named(rule)?;
        let path = path
            .map(|path| Patterns::new(&[path.to_owned()]))
            .transpose()?;
        self.allowances.push(Allowance {
            rule,
            path,
            reason: None,
            expires: None,
        });
        Ok(())
    }

    /// Sets the severity from which on a finding fails the check.
    ///
    /// # Errors
    /// If it is that of information.
    pub fn set_fail_on(&mut self, severity: Severity) -> Result<(), InvalidPolicy> {
        if severity == Severity::Info {
            return Err(InvalidPolicy::Info);
        }
        self.fail_on = severity;
        Ok(())
    }

    /// Judges findings.
    pub fn judge(&self, findings: Vec<Finding>, now: SystemTime) -> Verdict {
        let mut verdict = Verdict {
            findings: Vec::new(),
            allowed: Vec::new(),
            failed: false,
        };
        let mut used = vec![false; self.allowances.len()];
        for finding in findings {
            let severity = self
                .profile
                .severity(finding.rule)
                .unwrap_or(finding.severity);
            if let Some(rest) = self.reduce(finding, severity, now, &mut used, &mut verdict.allowed)
            {
                verdict.findings.push(Judged {
                    finding: rest,
                    severity,
                    reason: None,
                });
            }
        }
        for (allowance, used) in self.allowances.iter().zip(used) {
            let name = allowance.name();
            let finding = match &allowance.expires {
                Some((day, end)) if *end < now => Finding::new(
                    &EXPIRED_ALLOWANCE,
                    format!("the allowance of {name} expired on {day}"),
                ),
                _ if used => continue,
                _ => Finding::new(
                    &USELESS_ALLOWANCE,
                    format!("the allowance of {name} allows nothing"),
                ),
            };
            let severity = finding.severity;
            verdict.findings.push(Judged {
                finding,
                severity,
                reason: None,
            });
        }
        verdict
            .findings
            .sort_by_key(|one| std::cmp::Reverse(one.severity));
        verdict.failed = verdict
            .findings
            .iter()
            .any(|one| one.severity >= self.fail_on);
        verdict
    }

    /// What is left of a finding once what is allowed of it is taken away.
    fn reduce(
        &self,
        mut finding: Finding,
        severity: Severity,
        now: SystemTime,
        used: &mut [bool],
        allowed: &mut Vec<Judged>,
    ) -> Option<Finding> {
        for (allowance, used) in self.allowances.iter().zip(used) {
            let is_over = allowance
                .expires
                .as_ref()
                .is_some_and(|(_, end)| *end < now);
            if allowance.rule != finding.rule || is_over {
                continue;
            }
            let mut gone = finding.clone();
            let (mut left, mut taken): (Vec<TreePath>, Vec<TreePath>) = (Vec::new(), Vec::new());
            if let Some(pattern) = &allowance.path {
                for path in finding.path.iter().chain(&finding.others) {
                    match pattern.any(&path.to_string()) {
                        true => taken.push(path.clone()),
                        false => left.push(path.clone()),
                    }
                }
                if taken.is_empty() {
                    continue;
                }
                gone.path = Some(taken.remove(0));
                gone.others = taken;
            }
            *used = true;
            allowed.push(Judged {
                finding: gone,
                severity,
                reason: Some(allowance.reason.clone().unwrap_or_default()),
            });
            if left.is_empty() {
                return None;
            }
            let first = left.remove(0);
            if finding.path.as_ref() != Some(&first) {
                finding.problem = format!(
                    "`{first}`: {}",
                    finding.rule.summary.trim_end_matches('.').to_lowercase()
                );
            }
            finding.path = Some(first);
            finding.others = left;
        }
        Some(finding)
    }
}

impl Allowance {
    fn name(&self) -> String {
        match self.path.as_ref().and_then(|path| path.texts().first()) {
            Some(path) => format!("`{}` at `{path}`", self.rule.name),
            None => format!("`{}`", self.rule.name),
        }
    }
}

/// The last moment of a day.
fn day(text: String) -> Result<(String, SystemTime), InvalidPolicy> {
    let end = match text.len() {
        10 => humantime::parse_rfc3339(&format!("{text}T23:59:59Z")).ok(),
        _ => None,
    };
    let end = end.ok_or_else(|| InvalidPolicy::Day(text.chars().take(40).collect()))?;
    Ok((text, end))
}

/// A finding and what the policy makes of it.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The finding.
    pub finding: Finding,
    /// How bad it is for this policy.
    pub severity: Severity,
    /// Why it is allowed, where it is; empty if nobody said.
    pub reason: Option<String>,
}

/// What a policy makes of an image.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// What was found, the worst first.
    pub findings: Vec<Judged>,
    /// What was found and is allowed.
    pub allowed: Vec<Judged>,
    /// Whether a finding is as bad as the policy fails on.
    pub failed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::SHELL;

    fn now() -> SystemTime {
        humantime::parse_rfc3339("2026-06-01T00:00:00Z").unwrap()
    }

    fn shell(path: &str, others: &[&str]) -> Finding {
        let others = others.iter().map(|path| TreePath::of(path)).collect();
        Finding::new(&SHELL, "a shell")
            .at(&TreePath::of(path))
            .others(others)
    }

    #[test]
    fn what_is_allowed_does_not_fail() {
        let mut policy = Policy::default();
        assert!(policy.judge(vec![shell("bin/sh", &[])], now()).failed);
        policy.allow("shell=/bin/*").unwrap();
        let verdict = policy.judge(vec![shell("bin/sh", &[])], now());
        assert!(!verdict.failed && verdict.findings.is_empty() && verdict.allowed.len() == 1);
    }

    #[test]
    fn an_allowance_of_one_place_leaves_the_others() {
        let mut policy = Policy::default();
        policy.allow("shell=/busybox/**").unwrap();
        let verdict = policy.judge(vec![shell("busybox/sh", &["bin/sh"])], now());
        assert!(verdict.failed);
        assert_eq!(
            verdict.findings[0].finding.path,
            Some(TreePath::of("bin/sh"))
        );
    }

    #[test]
    fn allowances_expire_and_are_missed_if_useless() {
        let text = "allow:\n  - {rule: shell, reason: for now, expires: 2026-05-31}\n  - {rule: setuid, reason: old}\n";
        let verdict = Policy::read(text)
            .unwrap()
            .judge(vec![shell("bin/sh", &[])], now());
        assert!(verdict.failed);
        let rules: Vec<&str> = verdict
            .findings
            .iter()
            .map(|one| one.finding.rule.name)
            .collect();
        assert_eq!(rules, ["shell", "allowance-expired", "allowance-useless"]);
        let later = text.replace("05-31", "06-01");
        assert!(
            !Policy::read(&later)
                .unwrap()
                .judge(vec![shell("bin/sh", &[])], now())
                .failed
        );
    }

    #[test]
    fn information_never_fails() {
        let info = shell("bin/sh", &[]).severity(Severity::Info);
        let mut policy = Policy {
            fail_on: Severity::Warning,
            ..Policy::default()
        };
        assert!(!policy.judge(vec![info], now()).failed);
        assert!(policy.set_fail_on(Severity::Info).is_err());
        policy.profile = Profile::Debug;
        assert!(!policy.judge(vec![shell("bin/sh", &[])], now()).failed);
    }

    #[test]
    fn mistakes_in_a_policy_are_told() {
        let error = |text: &str| Policy::read(text).unwrap_err().to_string();
        assert!(error("allow: [{rule: shel, reason: x}]").contains("no rule `shel`"));
        assert!(error("allow: [{rule: shell, reason: ' '}]").contains("no reason"));
        assert!(error("allow: [{rule: shell, reason: x, expires: tomorrow}]").contains("no day"));
        assert!(error("alow: []").contains("alow"));
        assert!(error("allow: [{rule: shell, path: bin/sh, reason: x}]").contains("slash"));
    }
}
