//! PHP's modules, switched on as phpenmod(8) does it when they are installed: in each interface
//! (`cli`, `fpm` …) a link to each module's configuration, with the module's priority in its name.

use distil_tree::{Tree, TreePath};

use crate::generation::{GenerateError, Generation};

const WHAT: &str = "PHP's modules";

/// Where the interfaces of each version are noted.
const VERSIONS: &str = "usr/lib/php";

/// Where the configuration of each version is.
const CONFIGURATION: &str = "etc/php";

/// A module's priority where its configuration names none (phpenmod(8)).
const PRIORITY: u8 = 20;

pub(crate) fn generate(generation: &mut Generation<'_>) -> Result<(), GenerateError> {
    for version in names(generation.tree, &TreePath::of(VERSIONS)) {
        let interfaces = TreePath::of(VERSIONS).join(&version).join("sapi");
        let interfaces = names(generation.tree, &interfaces);
        if interfaces.is_empty() {
            continue;
        }
        let configuration = TreePath::of(CONFIGURATION).join(&version);
        let available = configuration.join("mods-available");
        for file in names(generation.tree, &available) {
            let Some(module) = file.strip_suffix(".ini") else {
                continue;
            };
            let path = available.join(&file);
            let Some(text) = generation.read(WHAT, &path)? else {
                continue;
            };
            let priority = priority(&String::from_utf8_lossy(&text));
            for interface in &interfaces {
                let enabled = configuration.join(interface).join("conf.d");
                let link = enabled.join(format!("{priority:02}-{module}.ini"));
                // What a definition has there is its own choice.
                if generation.tree.get(&link).is_none() {
                    generation.link(WHAT, &link, &path.to_string())?;
                }
            }
        }
    }
    Ok(())
}

/// The names of what lies in a directory, those that are text.
fn names(tree: &Tree, directory: &TreePath) -> Vec<String> {
    let children = tree.children(directory);
    let names = children.filter_map(|(path, _)| std::str::from_utf8(path.name()?).ok());
    names.map(str::to_owned).collect()
}

/// `; priority=NN` in a module's configuration.
fn priority(text: &str) -> u8 {
    let lines = text.lines().filter_map(|line| line.strip_prefix(';'));
    let mut values = lines.filter_map(|line| line.trim_start().strip_prefix("priority="));
    let value = values.find_map(|value| value.trim().parse().ok());
    value.filter(|value| *value < 100).unwrap_or(PRIORITY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities() {
        assert_eq!(
            priority("; configuration\n; priority=10\nextension=pdo\n"),
            10
        );
        assert_eq!(priority("extension=pdo\n"), PRIORITY);
        assert_eq!(priority(";priority=1000\n"), PRIORITY);
    }
}
