//! The lists of a Spring Boot application: which jars it needs, in their order, and which layer each
//! file is in (Spring Boot's documentation, "The Executable Jar File Structure", "Index Files").
//!
//! Both look like YAML and are read line by line by Spring Boot, as here.

/// The jars of `classpath.idx`, by their names in the application's jar.
///
/// # Errors
/// If a line is not an entry of the list; which one.
pub fn class_path_index(text: &str) -> Result<Vec<String>, String> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let entries: Result<Vec<String>, String> = lines
        .map(|line| quoted(line, "- \"", "\"").ok_or_else(|| wrong(line)))
        .collect();
    entries.and_then(|entries| match entries.is_empty() {
        true => Err("it is empty".to_owned()),
        false => Ok(entries),
    })
}

/// The layers of `layers.idx`, the lowest first: names, and the files and directories that are in them.
///
/// # Errors
/// If a line is neither a layer nor an entry of one; which one.
pub fn layers_index(text: &str) -> Result<Vec<(String, Vec<String>)>, String> {
    let mut layers: Vec<(String, Vec<String>)> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if let Some(name) = quoted(line, "- \"", "\":") {
            if layers.iter().any(|(known, _)| *known == name) {
                return Err(format!(
                    "the layer `{}` is there twice",
                    name.escape_debug()
                ));
            }
            layers.push((name, Vec::new()));
            continue;
        }
        let (Some(entry), Some((_, entries))) = (quoted(line, "  - \"", "\""), layers.last_mut())
        else {
            return Err(wrong(line));
        };
        entries.push(entry);
    }
    match layers.is_empty() {
        true => Err("it is empty".to_owned()),
        false => Ok(layers),
    }
}

fn quoted(line: &str, before: &str, after: &str) -> Option<String> {
    let text = line.strip_prefix(before)?.strip_suffix(after)?;
    (!text.is_empty()).then(|| text.to_owned())
}

fn wrong(line: &str) -> String {
    let start: String = line.chars().take(80).collect();
    format!("the line `{}` is not an entry", start.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_line_by_line() {
        let text = "- \"BOOT-INF/lib/b.jar\"\r\n\n- \"BOOT-INF/lib/a.jar\"\n";
        let jars = class_path_index(text).unwrap();
        assert_eq!(jars, ["BOOT-INF/lib/b.jar", "BOOT-INF/lib/a.jar"]);
        let text = "- \"dependencies\":\n  - \"BOOT-INF/lib/\"\n- \"empty\":\n- \"application\":\r\n  - \"BOOT-INF/classes/\"\n  - \"META-INF/\"\n";
        let layers = layers_index(text).unwrap();
        let names: Vec<_> = layers
            .iter()
            .map(|(name, list)| (name.as_str(), list.len()))
            .collect();
        assert_eq!(
            names,
            [("dependencies", 1), ("empty", 0), ("application", 2)]
        );
    }

    #[test]
    fn other_lines_are_told() {
        let said = ["", "- a.jar", "-\n", "- \"\""].map(|text| class_path_index(text).unwrap_err());
        let layers = [
            "",
            "  - \"x\"",
            "- \"a\":\n- \"a\":",
            "- a:",
            "- \"a\":\n - \"b\"",
        ];
        let layers = layers.map(|text| layers_index(text).unwrap_err());
        insta::assert_snapshot!([&said[..], &layers].concat().join("\n"));
    }
}
