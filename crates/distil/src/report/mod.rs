//! Findings where people review changes: SARIF for code scanning, JUnit for test reports, and
//! GitHub's annotations. All three are made of the same [`Report`], and the rules' texts in them are
//! those of `distil check --explain`.

mod annotations;
mod junit;
mod sarif;
#[cfg(test)]
mod tests;

use distil_build::BuildError;
use distil_check::{Judged, Rule, Severity};
use distil_definition::is_file_name;

use crate::cli;
use crate::error::CommandError;
use crate::table::{print, print_json};

/// What was found in some images.
#[derive(Debug)]
pub(crate) struct Report {
    /// The subcommand: `check` or `build`.
    pub(crate) command: &'static str,
    /// The severity from which on a finding fails the command.
    pub(crate) fail_on: Severity,
    /// The images.
    pub(crate) subjects: Vec<Subject>,
}

/// An image, and what was found in it.
#[derive(Debug)]
pub(crate) struct Subject {
    /// The image as it was asked for.
    pub(crate) name: String,
    /// The digest, if the image was made or read.
    pub(crate) digest: Option<String>,
    /// The platforms, separated by commas.
    pub(crate) platform: Option<String>,
    /// The file of its definition, if the image is asked for by that.
    pub(crate) definition: Option<String>,
    /// What was found, the worst first.
    pub(crate) entries: Vec<Entry>,
    /// Whether the rules of `check` were applied, so that one without an entry holds.
    pub(crate) is_checked: bool,
}

/// Something that was found.
#[derive(Debug)]
pub(crate) struct Entry {
    /// What kind of thing.
    pub(crate) kind: Kind,
    /// How bad it is.
    pub(crate) severity: Severity,
    /// What is wrong, at run time, and what to do.
    pub(crate) message: String,
    /// The path in the image, if it is about a file.
    pub(crate) path: Option<String>,
    /// The position in a definition, if it is about one.
    pub(crate) position: Option<SourcePosition>,
    /// The digest of the layer with the file, if it is known.
    pub(crate) layer: Option<String>,
    /// Why it is allowed, if it is; empty if no reason was given.
    pub(crate) allowed: Option<String>,
}

/// What kind of thing was found.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// A finding of a rule of `check`.
    Rule(&'static Rule),
    /// A warning of `build`, by its code.
    Warning(&'static str),
    /// The build failed.
    Failure,
}

/// A line of a file of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourcePosition {
    /// The file, as the command line or a definition names it.
    pub(crate) file: String,
    /// The line, from 1 on.
    pub(crate) line: u64,
    /// The character in it, from 1 on.
    pub(crate) column: u64,
}

impl Kind {
    /// The identifier of the kind, which stays.
    fn id(self) -> &'static str {
        match self {
            Self::Rule(rule) => rule.id,
            Self::Warning(code) => code,
            Self::Failure => "build-failed",
        }
    }

    /// `F204 library-missing`.
    fn title(self) -> String {
        match self {
            Self::Rule(rule) => format!("{} {}", rule.id, rule.name),
            other => other.id().to_owned(),
        }
    }
}

impl Subject {
    /// An image of which nothing is known yet but what was asked for.
    pub(crate) fn of(word: &str) -> Self {
        let name = word.rsplit_once(':').map_or(word, |(name, _)| name);
        let file = [word, name].into_iter().find(|name| is_file_name(name));
        Self {
            name: word.to_owned(),
            digest: None,
            platform: None,
            definition: file.map(str::to_owned),
            entries: Vec::new(),
            is_checked: false,
        }
    }
}

impl Entry {
    /// A finding of a rule.
    pub(crate) fn of(judged: &Judged, layer: Option<&str>) -> Self {
        let finding = &judged.finding;
        let mut message = finding.problem.clone();
        if let Some(says) = &finding.at_run_time {
            message += &format!("\nAt run time: {says}");
        }
        message += &format!("\nWhat to do: {}", finding.remedy);
        Self {
            kind: Kind::Rule(finding.rule),
            severity: judged.severity,
            message,
            path: finding.path.as_ref().map(ToString::to_string),
            position: None,
            layer: layer.map(str::to_owned),
            allowed: judged.reason.clone(),
        }
    }

    /// A warning of `build`.
    pub(crate) fn warning(code: &'static str, message: String) -> Self {
        Self {
            kind: Kind::Warning(code),
            severity: Severity::Warning,
            message,
            path: None,
            position: None,
            layer: None,
            allowed: None,
        }
    }

    /// Why a build failed: the findings if the image does not pass, else the error.
    pub(crate) fn failure(error: &CommandError) -> Vec<Self> {
        let proof = match error.error().downcast_ref::<BuildError>() {
            Some(BuildError::Proof(proof)) => proof,
            _ => {
                let message = error.text();
                let message = message.strip_prefix("error: ").unwrap_or(&message);
                return vec![Self {
                    kind: Kind::Failure,
                    severity: Severity::Error,
                    position: SourcePosition::in_message(message),
                    message: message.trim_end().to_owned(),
                    path: None,
                    layer: None,
                    allowed: None,
                }];
            }
        };
        let findings = proof.verdict.findings.iter();
        findings.map(|one| Self::of(one, None)).collect()
    }
}

impl SourcePosition {
    /// The first position that a message shows, in a line such as ` --> app.yaml:3:14`.
    fn in_message(message: &str) -> Option<Self> {
        let lines = message.lines().map(str::trim_start);
        let mut shown = lines.filter_map(|line| line.strip_prefix("--> "));
        shown.find_map(|place| {
            let (rest, column) = place.trim_end().rsplit_once(':')?;
            let (file, line) = rest.rsplit_once(':')?;
            Some(Self {
                // What the catalogue has is no file of the user's.
                file: Some(file.to_owned()).filter(|file| is_file_name(file))?,
                line: line.parse().ok()?,
                column: column.parse().ok()?,
            })
        })
    }
}

impl Report {
    /// Prints the report on stdout, if the format is one of reports.
    pub(crate) fn print(&self, format: cli::ReportFormat) -> Result<(), CommandError> {
        match format {
            cli::ReportFormat::Table | cli::ReportFormat::Json => Ok(()),
            cli::ReportFormat::Sarif => print_json(&sarif::document(self)),
            cli::ReportFormat::Junit => print(junit::document(self)?.trim_end()),
            cli::ReportFormat::Github => {
                let lines = annotations::lines(self);
                match lines.is_empty() {
                    true => Ok(()),
                    false => print(lines.join("\n")),
                }
            }
        }
    }
}
