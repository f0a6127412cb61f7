//! `entry_points.txt`: the commands that a wheel brings (packaging.python.org, "Entry points
//! specification"), and the scripts that start them.

use std::collections::BTreeMap;

use distil_tree::Printable;

use super::error::WheelError;

/// The most commands of a wheel.
const MAX_COMMANDS: usize = 2_000;

/// The commands of `entry_points.txt`: the function that each calls, by name.
pub(super) fn commands(file: &str, text: &str) -> Result<BTreeMap<String, Function>, WheelError> {
    let mut commands = BTreeMap::new();
    let mut is_ours = false;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(section) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            is_ours = matches!(section.trim(), "console_scripts" | "gui_scripts");
            continue;
        }
        if !is_ours {
            continue;
        }
        let wrong = |what: &str| WheelError::Text {
            file: file.to_owned(),
            what: {
                let line: String = line.chars().take(200).collect();
                format!("`{}` {what}", Printable(line.as_bytes()))
            },
        };
        let (name, value) = line
            .split_once('=')
            .ok_or_else(|| wrong("is not `NAME = MODULE:FUNCTION`"))?;
        let name = name.trim();
        let is_name = |c: char| !c.is_control() && !matches!(c, '/' | '\\' | '=');
        if name.is_empty()
            || matches!(name, "." | "..")
            || name.len() > 200
            || !name.chars().all(is_name)
        {
            return Err(wrong("does not begin with the name of a command"));
        }
        let function = Function::parse(value)
            .ok_or_else(|| wrong("does not name a function as `MODULE:FUNCTION`"))?;
        commands.insert(name.to_owned(), function);
        if commands.len() > MAX_COMMANDS {
            return Err(WheelError::TooLarge(format!(
                "more than {MAX_COMMANDS} commands"
            )));
        }
    }
    Ok(commands)
}

/// A function of Python's: `flask.cli:main`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Function {
    module: String,
    attribute: String,
}

impl Function {
    fn parse(text: &str) -> Option<Self> {
        // `[extras]` may follow; nobody honours them any more.
        let text = text.split('[').next()?;
        let (module, attribute) = text.split_once(':')?;
        let is_start = |c: char| c.is_alphabetic() || c == '_';
        let is_identifier = |part: &str| {
            part.chars().next().is_some_and(is_start)
                && part.chars().all(|c| c.is_alphanumeric() || c == '_')
        };
        let dotted = |text: &str| {
            let text = text.trim();
            text.split('.').all(is_identifier).then(|| text.to_owned())
        };
        Some(Self {
            module: dotted(module)?,
            attribute: dotted(attribute)?,
        })
    }

    /// The script that calls it.
    pub(super) fn script(&self, interpreter: &str) -> String {
        let (module, attribute) = (&self.module, &self.attribute);
        let import = attribute.split('.').next().unwrap_or_default();
        format!(
            "#!{interpreter}\n\
             import sys\n\
             from {module} import {import}\n\
             if __name__ == \"__main__\":\n    sys.exit({attribute}())\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_their_scripts() {
        let text = "# a\n[console_scripts]\nflask = flask.cli:main\nx=a.b : C.run [fast]\n\
                    [other]\nevil\n[gui_scripts]\nwin = w:go\n";
        let commands = commands("entry_points.txt", text).unwrap();
        assert_eq!(commands.keys().collect::<Vec<_>>(), ["flask", "win", "x"]);
        insta::assert_snapshot!(commands["x"].script("/usr/bin/python3"), @r#"
        #!/usr/bin/python3
        import sys
        from a.b import C
        if __name__ == "__main__":
            sys.exit(C.run())
        "#);
    }

    #[test]
    fn what_is_no_command_is_refused() {
        let said = [
            "flask",
            "../x = a:b",
            "x = a",
            "x = a:b()",
            "x = os;evil:b",
            " = a:b",
            "x = :b",
        ]
        .map(|line| {
            let text = format!("[console_scripts]\n{line}\n");
            commands("entry_points.txt", &text).unwrap_err().to_string()
        });
        insta::assert_snapshot!(said.join("\n"));
    }
}
