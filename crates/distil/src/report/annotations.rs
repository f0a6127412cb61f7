//! The lines by which a step of GitHub Actions makes annotations ("Workflow commands for GitHub
//! Actions", "Setting an error message"). At a line of a definition where there is one.

use distil_check::Severity;

use super::{Report, SourcePosition};

/// A line for each finding that is not allowed.
pub(super) fn lines(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for subject in &report.subjects {
        for entry in subject.entries.iter().filter(|one| one.allowed.is_none()) {
            let command = match entry.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Info => "notice",
            };
            let title = format!("{}: {}", subject.name, entry.kind.title());
            let mut properties = vec![format!("title={}", property(&title))];
            match (&entry.position, &subject.definition) {
                (Some(SourcePosition { file, line, column }), _) => {
                    properties.push(format!("file={}", property(file)));
                    properties.push(format!("line={line}"));
                    properties.push(format!("col={column}"));
                }
                (None, Some(file)) => {
                    properties.push(format!("file={}", property(file)));
                    properties.push("line=1".to_owned());
                }
                (None, None) => {}
            }
            let (properties, text) = (properties.join(","), data(&entry.message));
            lines.push(format!("::{command} {properties}::{text}"));
        }
    }
    lines
}

/// Text behind the second `::`, escaped as the runner's own toolkit does it.
fn data(text: &str) -> String {
    let text = text.replace('%', "%25");
    text.replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
