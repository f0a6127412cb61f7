//! From YAML to a [`Definition`], with messages that show the place.

use super::Definition;

/// A definition cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("`{origin}` is not a definition\n{problem}")]
pub struct DefinitionError {
    /// Where it is from: a file, or a name of the catalogue.
    pub origin: String,
    /// What is wrong, with the line and the place in it.
    pub problem: String,
}

/// Reads a definition.
///
/// # Errors
/// If the text is not YAML, has a key that there is not, or a value of the wrong kind.
pub fn parse(text: &str, origin: &str) -> Result<Definition, DefinitionError> {
    let failed = |problem: String| DefinitionError {
        origin: origin.to_owned(),
        problem,
    };
    let definition: Definition =
        serde_saphyr::from_str(text).map_err(|error| failed(error.to_string()))?;
    if definition.name.is_empty() {
        return Err(failed("it has no `name`".to_owned()));
    }
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._".contains(c);
    if !definition.name.chars().all(allowed) || definition.name.starts_with(['-', '.', '_']) {
        let problem = format!(
            "its name is `{}`; names have lower-case letters, digits, `-`, `.` and `_`",
            definition.name
        );
        return Err(failed(problem));
    }
    Ok(definition)
}

/// The JSON Schema of definitions, for editors and validators.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Definition);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}
