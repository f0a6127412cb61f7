//! What a rule has to say.

use std::fmt;
use std::str::FromStr;

use distil_tree::TreePath;
use serde::{Deserialize, Serialize};

use crate::rule::Rule;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know. Never fails a check.
    Info,
    /// Some programs or some users will meet it.
    Warning,
    /// The image does not do what it is for, or has what it must not have.
    Error,
}

impl Severity {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Info, Self::Warning, Self::Error]
            .into_iter()
            .find(|severity| severity.word() == text)
            .ok_or_else(|| format!("`{text}` is no severity: there are `info`, `warning`, `error`"))
    }
}

/// Something that a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// How bad it is, before a policy has its say.
    pub severity: Severity,
    /// Where it is; none if it is in the configuration.
    pub path: Option<TreePath>,
    /// More places of the same, in order.
    pub others: Vec<TreePath>,
    /// What is wrong.
    pub problem: String,
    /// What the user sees when it happens: the message of the engine, the loader or the runtime,
    /// word for word where that is known.
    pub at_run_time: Option<String>,
    /// What to do.
    pub remedy: String,
    /// Debian's package that is missing, if adding it is what to do.
    pub package: Option<String>,
}

impl Finding {
    /// A finding of a rule, of the rule's own severity and with its own remedy.
    pub(crate) fn new(rule: &'static Rule, problem: impl Into<String>) -> Self {
        Self {
            rule,
            severity: rule.severity,
            path: None,
            others: Vec::new(),
            problem: problem.into(),
            at_run_time: None,
            remedy: rule.remedy.to_owned(),
            package: None,
        }
    }

    pub(crate) fn at(mut self, path: &TreePath) -> Self {
        self.path = Some(path.clone());
        self
    }

    pub(crate) fn says(mut self, message: impl Into<String>) -> Self {
        self.at_run_time = Some(message.into());
        self
    }

    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    pub(crate) fn package(mut self, package: Option<String>) -> Self {
        self.package = package;
        self
    }

    pub(crate) fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    pub(crate) fn others(mut self, others: Vec<TreePath>) -> Self {
        self.others = others;
        self
    }
}
