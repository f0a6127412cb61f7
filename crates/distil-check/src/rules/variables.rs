//! Files and directories that variables of a language's runtime have it load.

use distil_inspect::command::{Runtime, extras_of_options, split};
use distil_inspect::runtime;

use super::arguments::{is_there, lacking};
use crate::context::{Context, shown};
use crate::finding::Finding;
use crate::rule::VARIABLE_FILE;
use crate::severity::Severity;

/// Variables with options of a runtime: it does not start without what they have it load.
const OPTIONS: [(&str, Runtime); 4] = [
    ("JAVA_TOOL_OPTIONS", Runtime::Java),
    ("JDK_JAVA_OPTIONS", Runtime::Java),
    ("_JAVA_OPTIONS", Runtime::Java),
    ("NODE_OPTIONS", Runtime::Node),
];

/// Variables with paths between colons, and what happens without them: a message if the runtime
/// does not start, nothing if it passes over them.
const PATHS: [(&str, Runtime, Option<&str>); 10] = [
    (
        "PYTHONHOME",
        Runtime::Python,
        Some("ModuleNotFoundError: No module named 'encodings'"),
    ),
    (
        "DOTNET_STARTUP_HOOKS",
        Runtime::DotNet,
        Some("System.ArgumentException: The startup hook simple assembly name is invalid"),
    ),
    ("PYTHONSTARTUP", Runtime::Python, None),
    ("NODE_PATH", Runtime::Node, None),
    ("CLASSPATH", Runtime::Java, None),
    ("PERL5LIB", Runtime::Perl, None),
    ("RUBYLIB", Runtime::Ruby, None),
    ("PHPRC", Runtime::Php, None),
    ("PHP_INI_SCAN_DIR", Runtime::Php, None),
    ("BUNDLE_GEMFILE", Runtime::Ruby, None),
];

pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let config = context.subject.config;
    for (name, runtime) in OPTIONS {
        let Some(value) = config.variable(name).filter(|_| has(context, runtime)) else {
            continue;
        };
        let words = split(value);
        for (option, extra) in extras_of_options(runtime, &words) {
            if is_there(context, extra) {
                continue;
            }
            let Some((path, says)) = lacking(context, runtime, option, extra) else {
                continue;
            };
            findings.push(finding(context, name, path, runtime, Some(says)));
        }
    }
    for (name, runtime, says) in PATHS {
        let Some(value) = config.variable(name).filter(|_| has(context, runtime)) else {
            continue;
        };
        for path in value.split(':').filter(|path| !path.is_empty()) {
            // Java's `dir/*` is all archives of a directory.
            let directory = path.strip_suffix("/*").unwrap_or(path);
            // A startup hook may be the name of an assembly, and PHP's own default is an empty one.
            let is_name = runtime == Runtime::DotNet && !path.contains('/');
            if context.subject.follow(directory).is_some() || is_name {
                continue;
            }
            let says = says.map(str::to_owned);
            findings.push(finding(context, name, path, runtime, says));
        }
    }
}

/// Whether an image has a runtime; of some it is known only when it is started.
fn has(context: &Context<'_>, runtime: Runtime) -> bool {
    let (tree, config) = (context.subject.tree(), context.subject.config);
    context.starts(runtime)
        || match runtime {
            Runtime::Python => !context.pythons.is_empty(),
            Runtime::Node => runtime::node(tree, config).is_some(),
            Runtime::Java => runtime::java(tree).is_some(),
            _ => false,
        }
}

/// A finding; without words the runtime passes over what is missing.
fn finding(
    context: &Context<'_>,
    name: &str,
    path: &str,
    runtime: Runtime,
    says: Option<String>,
) -> Finding {
    let problem = format!("{name} names `{}`, which is not in the image", shown(path));
    let severity = match says.is_some() && context.starts(runtime) {
        true => Severity::Error,
        false => Severity::Warning,
    };
    let found = Finding::new(&VARIABLE_FILE, problem).severity(severity);
    let found = found.remedy(format!(
        "copy `{}` into the image, or unset the variable: `ENV {name}=`",
        shown(path)
    ));
    match says {
        Some(says) => found.says(says),
        None => found,
    }
}
