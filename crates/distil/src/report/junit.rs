//! JUnit's XML, as GitLab, Jenkins and others read reports of tests. An image is a suite. Each
//! rule that finds nothing is a test that passes, each finding one that fails, unless it is not as
//! bad as the command fails on, and an allowed finding one that is skipped.

use std::collections::BTreeSet;

use distil_check::RULES;
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::{Entry, Kind, Report, Subject};
use crate::error::CommandError;

/// The document.
pub(super) fn document(report: &Report) -> Result<String, CommandError> {
    let mut document = quick_junit::Report::new(format!("distil {}", report.command));
    let suites = report.subjects.iter();
    document.add_test_suites(suites.map(|subject| suite(report, subject)));
    document.to_string().map_err(CommandError::failure)
}

fn suite(report: &Report, subject: &Subject) -> TestSuite {
    let mut suite = TestSuite::new(subject.name.as_str());
    for (name, value) in [("digest", &subject.digest), ("platform", &subject.platform)] {
        if let Some(value) = value {
            suite.add_property((name, value.as_str()));
        }
    }
    let entries = subject.entries.iter();
    suite.add_test_cases(entries.map(|entry| case(report, subject, entry)));
    if subject.entries.is_empty() && !subject.is_checked {
        suite.add_test_case(named("build", subject, TestCaseStatus::success()));
    }
    if subject.is_checked {
        let found: BTreeSet<&str> = subject.entries.iter().map(|one| one.kind.id()).collect();
        let silent = RULES.iter().filter(|rule| !found.contains(rule.id));
        let silent = silent.map(|rule| {
            let title = Kind::Rule(rule).title();
            named(&title, subject, TestCaseStatus::success())
        });
        suite.add_test_cases(silent);
    }
    suite
}

fn case(report: &Report, subject: &Subject, entry: &Entry) -> TestCase {
    let title = entry.kind.title();
    let name = match &entry.path {
        Some(path) => format!("{title} {path}"),
        None => title.clone(),
    };
    let first = entry.message.lines().next().unwrap_or_default();
    let status = match &entry.allowed {
        Some(reason) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(format!("allowed: {reason}").trim_end_matches([':', ' ']));
            status
        }
        None if entry.severity >= report.fail_on => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(first).set_type(title.as_str());
            status.set_description(entry.message.as_str());
            status
        }
        None => TestCaseStatus::success(),
    };
    let is_told = matches!(status, TestCaseStatus::NonSuccess { .. });
    let mut case = named(&name, subject, status);
    if !is_told {
        case.set_system_out(format!("{}: {}", entry.severity, entry.message));
    }
    case
}

fn named(name: &str, subject: &Subject, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(subject.name.as_str());
    case
}
