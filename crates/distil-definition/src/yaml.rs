//! Reading a YAML document into a type, with messages that show the position of a mistake.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_saphyr::{Error, MessageFormatter, UserMessageFormatter};

use crate::explain::explain;
use crate::harmless::harmless_lines;
use crate::span::{Located, Span, Unlocated};
use crate::syntax::mistake;

/// Reads a YAML document. `origin` is the name of its file, and `whole` what a message calls it,
/// such as `the definition`.
///
/// # Errors
/// If the text is no YAML or not such a document: a message of several lines, with the line of
/// the mistake and the mistake underlined.
pub fn read_yaml<T: DeserializeOwned + JsonSchema>(
    text: &str,
    origin: &str,
    whole: &str,
) -> Result<T, String> {
    serde_saphyr::from_str(text).map_err(|error| {
        if let Err(Unlocated::Syntax(span, problem)) = Located::read(text) {
            return mistake(text, origin, span, &format!("it is not YAML: {problem}"));
        }
        let schema = schemars::schema_for!(T);
        explain(text, origin, whole, schema.as_value())
            .unwrap_or_else(|| as_serde_says(text, origin, &error))
    })
}

/// What is wrong with a document that uses anchors, tags or merging, which have no spans.
fn as_serde_says(text: &str, origin: &str, error: &Error) -> String {
    let problem = UserMessageFormatter.format_message(error.without_snippet());
    let problem = harmless_lines(&problem);
    let place = error.location().and_then(|location| {
        Some(Span {
            line: usize::try_from(location.line())
                .ok()
                .filter(|line| *line > 0)?,
            column: usize::try_from(location.column()).ok()?.max(1),
            length: 1,
        })
    });
    match place {
        Some(span) => mistake(text, origin, span, &problem),
        None => problem,
    }
}
