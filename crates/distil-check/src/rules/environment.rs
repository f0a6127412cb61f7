//! Time zone and locale.

use distil_tree::TreePath;

use crate::context::{Context, shown};
use crate::finding::Finding;
use crate::rule::{LOCALE, TIME_ZONE};
use crate::severity::Severity;
use distil_tree::loader::Libc;

pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    time_zone(context, findings);
    local_time(context, findings);
    locale(context, findings);
}

/// `/etc/localtime`, which says the time zone where TZ does not.
fn local_time(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let path = TreePath::of("etc/localtime");
    let tree = context.subject.tree();
    if tree.get(&path).is_none() || tree.follow(&path).is_some() {
        return;
    }
    let problem = format!("`{path}` is a link to a file that is not in the image");
    let found = Finding::new(&TIME_ZONE, problem)
        .at(&path)
        .severity(Severity::Info);
    findings.push(found.says("times are in UTC, without a message"));
}

fn time_zone(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let Some(value) = context
        .subject
        .config
        .variable("TZ")
        .filter(|value| !value.is_empty())
    else {
        return;
    };
    let zone = value.trim_start_matches(':');
    // The form of POSIX, `CET-1CEST`, needs no file.
    let is_rule = !zone.contains('/') && zone.contains(|c: char| c.is_ascii_digit() || c == '<');
    let path = match zone.starts_with('/') {
        true => zone.to_owned(),
        false => format!("/usr/share/zoneinfo/{zone}"),
    };
    let is_there = context
        .subject
        .follow(&path)
        .is_some_and(|(_, entry)| !entry.is_directory());
    if is_there || is_rule || matches!(zone, "UTC" | "UTC0" | "GMT" | "GMT0") {
        return;
    }
    let problem = format!(
        "TZ is `{}`, and `{}` is not in the image",
        shown(value),
        shown(&path)
    );
    findings.push(Finding::new(&TIME_ZONE, problem).says("times are in UTC, without a message"));
}

fn locale(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let has_glibc = context.loader.files().values().any(|facts| {
        facts.soname.as_deref() == Some(b"libc.so.6") && context.loader.libc(facts) == Libc::Glibc
    });
    if !has_glibc {
        return;
    }
    let config = context.subject.config;
    let set = ["LC_ALL", "LANG"].into_iter().find_map(|name| {
        config
            .variable(name)
            .filter(|value| !value.is_empty())
            .map(|value| (name, value))
    });
    let Some((name, value)) = set else { return };
    if matches!(value, "C" | "POSIX") {
        return;
    }
    let tree = context.subject.tree();
    let folder = TreePath::of("usr/lib/locale");
    if tree.get(&folder.join("locale-archive")).is_some() {
        return;
    }
    // As glibc normalises the name of a character set: small letters and digits.
    let (language, rest) = value.split_once('.').unwrap_or((value, ""));
    let (charset, modifier) = rest.split_once('@').unwrap_or((rest, ""));
    let charset: String = charset
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let modifier = if modifier.is_empty() {
        String::new()
    } else {
        format!("@{modifier}")
    };
    let dotted = if charset.is_empty() {
        language.to_owned()
    } else {
        format!("{language}.{charset}")
    };
    let names = [
        value.to_owned(),
        format!("{dotted}{modifier}"),
        format!("{language}{modifier}"),
    ];
    let is_there = |name: &String| {
        TreePath::from_absolute(format!("/usr/lib/locale/{name}"))
            .is_ok_and(|path| tree.follow(&path).is_some())
    };
    if names.iter().any(is_there) {
        return;
    }
    let problem = format!(
        "{name} is `{}`, and no such locale is in the image",
        shown(value)
    );
    findings.push(Finding::new(&LOCALE, problem).says("locale.Error: unsupported locale setting"));
}
