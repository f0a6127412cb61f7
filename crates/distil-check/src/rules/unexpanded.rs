//! Variables in the exec form of ENTRYPOINT and CMD.

use distil_inspect::command::{Invocation, Target};

use super::interpreters::is_shell;
use crate::context::{Context, shown};
use crate::finding::Finding;
use crate::instruction::instead;
use crate::rule::UNEXPANDED_VARIABLE;

/// `$NAME` in exec form, which no shell replaces.
pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let config = context.subject.config;
    let command = config.command();
    // What a shell, or an interpreter's own code, makes of it is theirs.
    let is_code = |words: &[String]| {
        let is_of_shell = words.first().is_some_and(|word| is_shell(word));
        let target = Invocation::of(words).and_then(|invocation| invocation.target);
        is_of_shell || matches!(target, Some(Target::Code(_)))
    };
    let is_string = command
        .iter()
        .any(|word| word.starts_with("-S") || *word == "--split-string");
    if is_string || context.processes.iter().any(|one| is_code(&one.words)) {
        return;
    }
    let all: Vec<(usize, &str)> = command
        .iter()
        .enumerate()
        .map(|(at, word)| (at, *word))
        .collect();
    let named: Vec<(usize, &str, Vec<&str>)> = all
        .into_iter()
        .map(|(at, word)| (at, word, names(word)))
        .filter(|(_, _, names)| !names.is_empty())
        .collect();
    let Some((at, word, _)) = named.first() else {
        return;
    };
    let key = match *at < config.entrypoint.len() {
        true => "ENTRYPOINT",
        false => "CMD",
    };
    let problem = format!(
        "{key} has `{}` in exec form, in which no shell replaces variables",
        shown(word)
    );
    // With values for all, the words can be written out.
    let values = named.iter().flat_map(|(_, _, names)| names);
    let has_all = values.clone().all(|name| config.variable(name).is_some());
    let remedy = match has_all {
        true => {
            let replaced: Vec<String> = command
                .iter()
                .skip(*at)
                .map(|word| {
                    names(word).iter().fold((*word).to_owned(), |text, name| {
                        let value = config.variable(name).unwrap_or_default();
                        text.replace(&format!("${{{name}}}"), value)
                            .replace(&format!("${name}"), value)
                    })
                })
                .collect();
            format!(
                "write the value: {}; or have the program read the variable",
                instead(config, *at, &replaced)
            )
        }
        false => {
            let list: Vec<String> = values.map(|name| format!("`{}`", shown(name))).collect();
            format!(
                "have the program read {} by itself, or write the value",
                list.join(", ")
            )
        }
    };
    findings.push(Finding::new(&UNEXPANDED_VARIABLE, problem).remedy(remedy));
}

/// The variables that a word has as a shell would replace them, by names that are those of
/// variables.
fn names(word: &str) -> Vec<&str> {
    let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let mut names = Vec::new();
    for rest in word.split('$').skip(1) {
        let (inner, is_braced) = match rest.strip_prefix('{') {
            Some(inner) => (inner, true),
            None => (rest, false),
        };
        let end = inner.find(|c| !is_name(c)).unwrap_or(inner.len());
        let (name, after) = inner.split_at(end);
        let is_closed = !is_braced || after.starts_with('}');
        let is_whole = is_braced || !after.starts_with(|c: char| c.is_ascii_alphanumeric());
        if name.starts_with(|c: char| c.is_ascii_uppercase()) && is_closed && is_whole {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_in_words() {
        assert_eq!(names("--port=$PORT:${HOST_1}"), ["PORT", "HOST_1"]);
        for word in ["$1", "a$", "$port", "${PORT:-1}", "^x$", "$Format"] {
            assert!(names(word).is_empty(), "{word}");
        }
    }
}
