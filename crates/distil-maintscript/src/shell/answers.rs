//! Answers that are certain when a package is installed for the first time: whether a condition
//! holds, and what a command prints.

use super::fields::Field;

/// What stands for the path of a temporary file.
const TEMPORARY: &str = "/tmp/tmp.XXXXXXXXXX";

/// The longest text that is compared with patterns, in bytes: the work grows with its square.
const MAX_MATCHED: usize = 256;

/// Whether a command succeeds, if that is certain.
pub(super) fn status(fields: &[Field]) -> Option<bool> {
    let (name, arguments) = fields.split_first()?;
    match (name.known()?, arguments) {
        ("true" | ":" | "echo" | "printf", _) => Some(true),
        ("false", _) => Some(false),
        ("test", arguments) => test(arguments),
        ("[", [arguments @ .., _]) | ("[[", [arguments @ .., _]) => test(arguments),
        ("dpkg", [option, version, operator, _])
            if option.known() == Some("--compare-versions") =>
        {
            compare(version.known()?, operator.known()?)
        }
        _ => None,
    }
}

/// dpkg(1), `--compare-versions`, for a version that is empty because none was installed.
///
/// For `lt` and `le` an empty version is an old one. What scripts do then is clearing up after
/// old versions, so it does not count all the same.
fn compare(version: &str, operator: &str) -> Option<bool> {
    match operator {
        _ if !version.is_empty() => None,
        "ge-nl" | "gt-nl" | "ne" => Some(true),
        _ => Some(false),
    }
}

fn is_operator(field: &Field, operator: &str) -> bool {
    field.is_literal && field.text == operator
}

/// test(1): `-o` binds less than `-a`, and that less than `!`.
fn test(arguments: &[Field]) -> Option<bool> {
    // Three words or less are taken by their number, so that they may hold any text.
    if arguments.len() > 3 {
        let mut is_any_unknown = false;
        for group in arguments.split(|field| is_operator(field, "-o") || is_operator(field, "||")) {
            let mut all = Some(true);
            let parts = group.split(|field| is_operator(field, "-a") || is_operator(field, "&&"));
            for part in parts {
                all = match (all, simple(part)) {
                    (Some(false), _) | (_, Some(false)) => Some(false),
                    (Some(true), Some(true)) => Some(true),
                    _ => None,
                };
            }
            match all {
                Some(true) => return Some(true),
                Some(false) => {}
                None => is_any_unknown = true,
            }
        }
        return (!is_any_unknown).then_some(false);
    }
    simple(arguments)
}

fn simple(arguments: &[Field]) -> Option<bool> {
    match arguments {
        [] => Some(false),
        [one] => has_text(one),
        [not, rest @ ..] if not.is_literal && not.text == "!" => simple(rest).map(|is| !is),
        [operator, operand] => match operator.known()? {
            "-n" => has_text(operand),
            "-z" => has_text(operand).map(|has| !has),
            "-d" | "-e" | "-f" | "-h" | "-L" | "-r" | "-s" | "-w" | "-x" if is_never(operand) => {
                Some(false)
            }
            _ => None,
        },
        [left, operator, right] => compare_text(left, operator.known()?, right),
        _ => None,
    }
}

/// Whether a field is not empty.
fn has_text(field: &Field) -> Option<bool> {
    const PACKAGE: [&str; 3] = [
        "$DPKG_MAINTSCRIPT_PACKAGE",
        "${DPKG_MAINTSCRIPT_PACKAGE}",
        "${DPKG_MAINTSCRIPT_PACKAGE:-}",
    ];
    match field.known() {
        Some(text) => Some(!text.is_empty()),
        // dpkg tells each script its package (dpkg(1), ENVIRONMENT).
        None => PACKAGE.contains(&field.text.as_str()).then_some(true),
    }
}

/// Whether a path is never there: systemd does not run where an image is made, and dpkg has not
/// yet put an old file aside (dpkg(1), dpkg-maintscript-helper(1)).
fn is_never(path: &Field) -> bool {
    let Some(path) = path.known() else {
        return false;
    };
    let suffix = path.rsplit_once(".dpkg-").map(|(_, suffix)| suffix);
    let is_aside = suffix.is_some_and(|suffix| !suffix.contains('/'));
    is_aside || path == "/run/systemd/system"
}

/// Whether a field is the architecture of the script's package or dpkg's own: in an image they
/// are the same.
fn is_architecture(field: &Field) -> bool {
    const FORMS: [&str; 4] = [
        "$DPKG_MAINTSCRIPT_ARCH",
        "${DPKG_MAINTSCRIPT_ARCH}",
        "$(dpkg --print-architecture)",
        "`dpkg --print-architecture`",
    ];
    FORMS.contains(&field.text.as_str())
}

fn compare_text(left: &Field, operator: &str, right: &Field) -> Option<bool> {
    if is_architecture(left) && is_architecture(right) {
        return Some(operator != "!=");
    }
    let (left, right) = (left.known()?, right.known()?);
    let numbers = || Some((left.parse::<i64>().ok()?, right.parse::<i64>().ok()?));
    match operator {
        "=" | "==" => Some(left == right),
        "!=" => Some(left != right),
        "-eq" => numbers().map(|(left, right)| left == right),
        "-ne" => numbers().map(|(left, right)| left != right),
        "-lt" => numbers().map(|(left, right)| left < right),
        "-le" => numbers().map(|(left, right)| left <= right),
        "-gt" => numbers().map(|(left, right)| left > right),
        "-ge" => numbers().map(|(left, right)| left >= right),
        _ => None,
    }
}

/// Whether a pattern of `case` matches (POSIX.1-2024, 2.14). Sets in brackets are not decided.
pub(super) fn matches(pattern: &[(char, bool)], text: &str) -> Option<bool> {
    let has_set = pattern.iter().any(|&(c, is_quoted)| c == '[' && !is_quoted);
    if has_set || text.len() > MAX_MATCHED {
        return None;
    }
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut place) = (0, 0);
    // The last `*`: after it, and what it stands for ends there.
    let mut star: Option<(usize, usize)> = None;
    loop {
        let is_match = match (pattern.get(at), text.get(place)) {
            (Some(('*', false)), _) => {
                star = Some((at + 1, place));
                at += 1;
                continue;
            }
            (None, None) => return Some(true),
            (Some(('?', false)), Some(_)) => true,
            (Some((expected, _)), Some(found)) => expected == found,
            _ => false,
        };
        if is_match {
            at += 1;
            place += 1;
            continue;
        }
        match star {
            Some((after, end)) if end < text.len() => {
                star = Some((after, end + 1));
                at = after;
                place = end + 1;
            }
            _ => return Some(false),
        }
    }
}

/// What a command prints, but for the newline at its end.
pub(super) fn printed(fields: &[Field]) -> Option<String> {
    let (name, arguments) = fields.split_first()?;
    if matches!(name.known()?, "mktemp" | "tempfile") {
        let is_elsewhere = arguments.iter().any(|argument| argument.text.contains('/'));
        return (!is_elsewhere).then(|| TEMPORARY.to_owned());
    }
    let arguments: Option<Vec<&str>> = arguments.iter().map(Field::known).collect();
    let arguments = arguments?;
    match (name.known()?, arguments.as_slice()) {
        ("echo", words)
            if words
                .iter()
                .all(|word| !word.starts_with('-') && !word.contains('\\')) =>
        {
            Some(words.join(" "))
        }
        ("dirname", [path]) if path.starts_with('/') => {
            let (folder, _) = path.trim_end_matches('/').rsplit_once('/')?;
            Some(if folder.is_empty() { "/" } else { folder }.to_owned())
        }
        // A new image has no diversions but those that packages ask for later.
        ("dpkg-divert", ["--listpackage", _]) => Some(String::new()),
        ("basename", [path]) => Some(path.trim_end_matches('/').rsplit('/').next()?.to_owned()),
        _ => None,
    }
}

/// What a command prints of a line that it reads.
pub(super) fn filtered(line: &str, fields: &[Field]) -> Option<String> {
    let words: Option<Vec<String>> = fields
        .iter()
        .map(|field| field.known().map(str::to_owned))
        .collect();
    let words = words?;
    let (name, arguments) = words.split_first()?;
    if name != "cut" || line.contains('\n') {
        return None;
    }
    let mut joined = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(word) = arguments.next() {
        joined.push(match word.as_str() {
            "-d" | "-f" => format!("{word}{}", arguments.next()?),
            _ => word.clone(),
        });
    }
    let mut delimiter = None;
    let mut number = None;
    for word in &joined {
        match (word.strip_prefix("-d"), word.strip_prefix("-f")) {
            (Some(text), _) => delimiter = Some(text),
            (_, Some(text)) => number = Some(text.parse::<usize>().ok()?),
            _ => return None,
        }
    }
    let mut characters = delimiter?.chars();
    let (Some(delimiter), None) = (characters.next(), characters.next()) else {
        return None;
    };
    // A line without the delimiter is printed as it is (cut(1)).
    if !line.contains(delimiter) {
        return Some(line.to_owned());
    }
    let field = line.split(delimiter).nth(number?.checked_sub(1)?);
    Some(field.unwrap_or_default().to_owned())
}
