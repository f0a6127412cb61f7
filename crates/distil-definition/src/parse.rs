//! From YAML to a [`Definition`], with messages that show the position.

use crate::format::Definition;
use crate::harmless::{harmless_lines, shown};
use crate::pointer::Pointer;
use crate::span::locate;
use crate::yaml::read_yaml;

/// A definition cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is not a definition\n{problem}", harmless_lines(origin))]
pub struct DefinitionError {
    /// Where it is from: a file, or a name of the catalogue.
    pub origin: String,
    /// What is wrong, with the line and the position in it.
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
    let definition: Definition = read_yaml(text, origin, "the definition").map_err(failed)?;
    let failed_name = |problem: String| {
        let excerpt = locate(text, origin, Pointer::to("name").steps());
        failed(excerpt.map_or(problem.clone(), |excerpt| format!("{problem}\n{excerpt}")))
    };
    if definition.name.is_empty() {
        return Err(failed_name("it has no `name`".to_owned()));
    }
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._".contains(c);
    if !definition.name.chars().all(allowed) || definition.name.starts_with(['-', '.', '_']) {
        let problem = format!(
            "its name is `{}`; names have lower-case letters, digits, `-`, `.` and `_`",
            shown(&definition.name)
        );
        return Err(failed_name(problem));
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Editors read the schema from the repository. `UPDATE_SCHEMA=1` writes it anew.
    #[test]
    fn the_schema_in_the_repository_is_current() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../docs/definition.schema.json"
        );
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(path, schema()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), schema());
    }

    proptest! {
        #[test]
        fn any_text_is_a_definition_or_an_error(text in "(name: a\n)?[ -~\n]{0,200}") {
            let _ = parse(&text, "test.yaml");
        }
    }
}
