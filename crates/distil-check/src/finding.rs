//! What a rule has to say.

use distil_tree::TreePath;

use crate::rule::Rule;
use crate::severity::Severity;

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
    /// The library, by its name, or the loader, by its path, that is missing or lacks something.
    pub library: Option<String>,
    /// The layer that it is about, the lowest being 0, where that is not the one of the path.
    pub layer: Option<usize>,
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
            library: None,
            layer: None,
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

    pub(crate) fn library(mut self, name: impl Into<String>) -> Self {
        self.library = Some(name.into());
        self
    }

    pub(crate) fn layer(mut self, layer: usize) -> Self {
        self.layer = Some(layer);
        self
    }

    pub(crate) fn others(mut self, others: Vec<TreePath>) -> Self {
        self.others = others;
        self
    }
}
