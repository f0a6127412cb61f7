//! Whether .NET finds ICU, without which a program that is not set to invariant globalization ends
//! at once (.NET's documentation, "Runtime configuration options for globalization").

use distil_inspect::MAX_DOCUMENT;
use distil_inspect::command::Runtime;
use distil_inspect::search;
use distil_tree::{Content, TreePath};
use serde_json::Value;

use crate::context::Context;
use crate::finding::Finding;
use crate::rule::DLOPEN;
use crate::severity::Severity;

/// The library of .NET that loads ICU by its name.
const GLOBALIZATION: &[u8] = b"libSystem.Globalization.Native.so";

/// The same where it is linked into a program that is a single file.
const SINGLE_FILE: [&[u8]; 2] = [b"libicuuc.so", b"DOTNET_gcServer"];

const SETTING: &str = "System.Globalization.Invariant";

/// The versions of ICU that are asked for, for the name of Debian's package.
const VERSIONS: std::ops::RangeInclusive<u32> = 63..=90;

pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let tree = context.subject.tree();
    let libraries = context.loader.files().keys();
    let mut libraries = libraries.filter(|path| path.name() == Some(GLOBALIZATION));
    let single = context.chain.iter().find(|path| {
        let file = tree.get(path).and_then(|entry| entry.file());
        file.is_some_and(|file| is_single_file(&file.content))
    });
    let Some(library) = libraries.next().or(single) else {
        return;
    };
    if is_invariant(context, single) || has_icu(context) {
        return;
    }
    // Without a configuration nobody knows what is started.
    let is_started = context.starts(Runtime::DotNet)
        || context
            .chain
            .iter()
            .any(|path| Some(path) == single || is_host(context, path));
    let problem =
        format!("`{library}` loads ICU at run time (`libicuuc.so`), which is not in the image");
    let message = "Process terminated. Couldn't find a valid ICU package installed on the system. Please install libicu (or icu-libs) using your package manager and try again.";
    let package = VERSIONS
        .rev()
        .find_map(|version| (context.options.package_of)(&format!("libicuuc.so.{version}")));
    let instead = match &package {
        Some(package) => {
            format!("add Debian's package `{package}` (`distil build … --add {package}`)")
        }
        None => "add Debian's package of ICU, `libicu76` in trixie".to_owned(),
    };
    let found = Finding::new(&DLOPEN, problem).at(library).says(message);
    let found = found.severity(match is_started {
        true => Severity::Error,
        false => Severity::Warning,
    });
    findings.push(found.package(package).remedy(format!(
        "set `ENV DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1` if no language but English matters, or {instead}"
    )));
}

fn is_single_file(content: &Content) -> bool {
    search::positions(content, &SINGLE_FILE).is_ok_and(|found| found.iter().all(Option::is_some))
}

/// Whether a program is the host of an application that lies beside it.
fn is_host(context: &Context<'_>, path: &TreePath) -> bool {
    let name = path.name().unwrap_or_default();
    let file = [name, b".runtimeconfig.json"].concat();
    let beside = path.parent().map(|directory| directory.join(file));
    beside.is_some_and(|path| context.subject.tree().get(&path).is_some())
}

fn is_invariant(context: &Context<'_>, single: Option<&TreePath>) -> bool {
    let variable = context
        .subject
        .config
        .variable("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT");
    if let Some(value) = variable {
        return value == "1" || value.eq_ignore_ascii_case("true");
    }
    let tree = context.subject.tree();
    let in_single = single
        .and_then(|path| tree.get(path)?.file())
        .is_some_and(|file| {
            let words: [&[u8]; 2] = [
                b"\"System.Globalization.Invariant\": true",
                b"\"System.Globalization.Invariant\":true",
            ];
            search::positions(&file.content, &words)
                .is_ok_and(|found| found.iter().any(Option::is_some))
        });
    in_single || {
        let mut settings = tree.iter().filter(|(path, _)| {
            let name = path.name().unwrap_or_default();
            name.ends_with(b".runtimeconfig.json")
        });
        settings.any(|(_, entry)| {
            let text = entry
                .file()
                .and_then(|file| file.content.read(MAX_DOCUMENT).ok());
            let value = text.and_then(|text| serde_json::from_slice::<Value>(&text).ok());
            let value = value.as_ref().and_then(|value| {
                value
                    .get("runtimeOptions")?
                    .get("configProperties")?
                    .get(SETTING)
            });
            matches!(value, Some(Value::Bool(true)))
                || value.and_then(Value::as_str) == Some("true")
        })
    }
}

/// Whether a library of ICU is there: in the system's directories, or beside the application.
fn has_icu(context: &Context<'_>) -> bool {
    let mut files = context.loader.files().keys();
    files.any(|path| {
        let name = path.name().unwrap_or_default();
        name.starts_with(b"libicuuc.so")
    })
}
