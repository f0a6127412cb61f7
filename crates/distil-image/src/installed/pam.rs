//! `/etc/pam.d/common-*` and `/var/lib/pam`, as pam-auth-update(8) makes them at first from the
//! profiles in `/usr/share/pam-configs`. Without its notes it refuses later modules.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write;

use distil_tree::{Kind, TreePath};

use crate::generation::{GenerateError, Generation};

const WHAT: &str = "the configuration of PAM";

/// The configurations, each with the type of its modules and the profiles' name for it.
const STACKS: [(&str, &str, &str); 5] = [
    ("account", "account", "Account"),
    ("auth", "auth", "Auth"),
    ("password", "password", "Password"),
    ("session", "session", "Session"),
    ("session-noninteractive", "session", "Session"),
];

/// What stands for modules where a session has no primary ones.
const NULL: &str = "[default=1]\t\t\tpam_permit.so";

/// A profile's fields; those of several lines with a line feed between.
type Profile = BTreeMap<String, String>;

pub(super) fn generate(generation: &mut Generation<'_>) -> Result<(), GenerateError> {
    let folder = TreePath::of("usr/share/pam-configs");
    let children = generation.tree.children(&folder);
    let paths: Vec<TreePath> = children.map(|(path, _)| path.clone()).collect();
    let mut profiles: Vec<(String, Profile)> = Vec::new();
    for path in paths {
        let name = String::from_utf8_lossy(path.name().unwrap_or_default()).into_owned();
        if let Some(text) = generation.read(WHAT, &path)? {
            profiles.push((name, parse(&String::from_utf8_lossy(&text))));
        }
    }
    if profiles.is_empty() {
        return Ok(());
    }
    let priority = |profile: &Profile| profile.get("Priority").and_then(|text| text.parse().ok());
    let priority = |profile: &Profile| -> i64 { priority(profile).unwrap_or_default() };
    profiles.sort_by_key(|(name, profile)| (Reverse(priority(profile)), name.clone()));
    let notes = TreePath::of("var/lib/pam");
    let seen: String = profiles
        .iter()
        .map(|(name, _)| format!("{name}\n"))
        .collect();
    generation.file(WHAT, &notes.join("seen"), seen.into_bytes())?;
    profiles.retain(|(_, profile)| profile.get("Default").is_some_and(|text| text == "yes"));
    for stack in STACKS {
        let name = stack.0;
        let template = TreePath::of("usr/share/pam").join(format!("common-{name}"));
        let Some(template) = generation.read(WHAT, &template)? else {
            continue;
        };
        let (text, note) = configuration(stack, &profiles, &String::from_utf8_lossy(&template));
        let path = TreePath::of("etc/pam.d").join(format!("common-{name}"));
        generation.put(WHAT, &path, Kind::file(text.into_bytes()), 0o644)?;
        generation.file(WHAT, &notes.join(name), note.into_bytes())?;
    }
    Ok(())
}

/// The configurations that pam-auth-update(8) makes of a template and one profile that is to be
/// used, each with its note.
pub fn pam_configurations(profile: &str, template: &str) -> Vec<(String, String)> {
    let profiles = [("profile".to_owned(), parse(profile))];
    STACKS
        .map(|stack| configuration(stack, &profiles, template))
        .into()
}

/// A configuration and the note of what is in it.
fn configuration(
    (stack, kind, field): (&str, &str, &str),
    profiles: &[(String, Profile)],
    template: &str,
) -> (String, String) {
    let interactive = stack != "session-noninteractive";
    let [primary, additional] =
        ["Primary", "Additional"].map(|block| modules(profiles, field, block, interactive));
    let (mut text, mut note) = (String::new(), String::new());
    let mut placed: Vec<&str> = Vec::new();
    for line in template.lines() {
        let word = line.trim();
        let is_primary = word.starts_with('$') && word.ends_with("_primary");
        let is_additional = word.starts_with('$') && word.ends_with("_additional");
        if !is_primary && !is_additional {
            let _ = writeln!(text, "{line}");
            continue;
        }
        // Each stands in a template once; again and again, a text might grow without an end.
        let block = if is_primary { "primary" } else { "additional" };
        if placed.contains(&block) {
            continue;
        }
        placed.push(block);
        let is_session = matches!(word, "$session_primary" | "$session_nonint_primary");
        if is_session && primary.is_empty() {
            let _ = writeln!(note, "Module: null\n{NULL}");
            let _ = writeln!(text, "{kind}\t{NULL}");
            continue;
        }
        let modules = if is_primary { &primary } else { &additional };
        let mut left: usize = modules.iter().map(|(_, lines)| lines.len()).sum();
        for (name, lines) in modules {
            let _ = writeln!(note, "Module: {name}");
            for line in lines {
                let _ = writeln!(note, "{line}");
                // Past the rest of the block and the line that denies.
                let line = line.replace("=end", &format!("={left}"));
                // It writes the options behind a blank, if there are none, too.
                let blank = if has_options(&line) { "" } else { " " };
                let _ = writeln!(text, "{kind}\t{line}{blank}");
                left -= 1;
            }
        }
    }
    (text, note)
}

/// The modules of one block, by profile. The first of a block has lines of its own.
fn modules(
    profiles: &[(String, Profile)],
    field: &str,
    block: &str,
    interactive: bool,
) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for (name, profile) in profiles {
        let is_in_block = profile
            .get(&format!("{field}-Type"))
            .is_some_and(|text| text == block);
        let only_interactive = profile
            .get("Session-Interactive-Only")
            .is_some_and(|text| text == "yes");
        if !is_in_block || (only_interactive && !interactive) {
            continue;
        }
        let initial = profile.get(&format!("{field}-Initial"));
        let initial = initial.filter(|_| found.is_empty());
        let Some(lines) = initial.or(profile.get(field)) else {
            continue;
        };
        found.push((name.clone(), lines.lines().map(str::to_owned).collect()));
    }
    found
}

/// Whether something stands behind the module of a line: `required pam_unix.so nullok`. In front
/// of it is a word, or several in brackets.
fn has_options(line: &str) -> bool {
    let behind = match line.split_once(']') {
        Some((_, rest)) if line.starts_with('[') => rest,
        _ => line.split_once([' ', '\t']).map_or("", |(_, rest)| rest),
    };
    behind.split_whitespace().count() > 1
}

fn parse(text: &str) -> Profile {
    let mut profile = Profile::new();
    let mut last = None;
    for line in text.lines() {
        if line.starts_with([' ', '\t']) {
            if let Some(value) = last.as_ref().and_then(|name| profile.get_mut(name)) {
                if !value.is_empty() {
                    value.push('\n');
                }
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            profile.insert(name.to_owned(), value.trim().to_owned());
            last = Some(name.to_owned());
        }
    }
    profile
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_stand_behind_the_module() {
        for (line, expected) in [
            ("required\tpam_unix.so", false),
            ("required pam_unix.so nullok", true),
            ("[success=1 default=ignore]\tpam_unix.so", false),
            ("[success=1 default=ignore] pam_unix.so nullok", true),
            ("required", false),
        ] {
            assert_eq!(has_options(line), expected, "{line}");
        }
    }

    #[test]
    fn a_configuration_and_its_note() {
        let unix = "Name: Unix\nDefault: yes\nPriority: 256\nAuth-Type: Primary\nAuth:\n\
                    \t[success=end default=ignore]\tpam_unix.so nullok\n\
                    Session-Type: Additional\nSession:\n\trequired\tpam_unix.so\n";
        let cap = "Name: Cap\nAuth-Type: Primary\nAuth:\n\toptional\tpam_cap.so\n";
        let profiles = [("unix", unix), ("cap", cap)];
        let profiles = profiles.map(|(name, text)| (name.to_owned(), parse(text)));
        let made = |stack: usize, template: &str| configuration(STACKS[stack], &profiles, template);
        let (text, note) = made(1, "# top\n$auth_primary\nauth\trequisite\tpam_deny.so\n");
        assert_eq!(
            text,
            "# top\nauth\t[success=2 default=ignore]\tpam_unix.so nullok\n\
             auth\toptional\tpam_cap.so \nauth\trequisite\tpam_deny.so\n"
        );
        assert_eq!(
            note,
            "Module: unix\n[success=end default=ignore]\tpam_unix.so nullok\n\
             Module: cap\noptional\tpam_cap.so\n"
        );
        let (text, note) = made(3, "$session_primary\n$session_additional\n");
        assert_eq!(
            text,
            "session\t[default=1]\t\t\tpam_permit.so\nsession\trequired\tpam_unix.so \n"
        );
        assert!(note.starts_with("Module: null\n[default=1]"), "{note}");
    }

    #[test]
    fn a_template_that_repeats_itself_grows_no_text() {
        let profile = format!("Auth-Type: Primary\nAuth:\n{}", " x\n".repeat(1000));
        let template = "$auth_primary\n".repeat(1000);
        let most = profile.len() * 4;
        for (text, note) in pam_configurations(&profile, &template) {
            assert!(text.len() < most && note.len() < most);
        }
    }

    #[test]
    fn the_first_of_a_block_is_initial() {
        let text = "Name: x\nAuth-Type: Primary\nAuth:\n\t[success=end]\tlater.so\n\
                    Auth-Initial:\n\t[success=end]\tfirst.so\n";
        let profiles = ["a", "b"].map(|name| (name.to_owned(), parse(text)));
        let found = modules(&profiles, "Auth", "Primary", true);
        let lines: Vec<&str> = found
            .iter()
            .flat_map(|(_, lines)| lines)
            .map(String::as_str)
            .collect();
        assert_eq!(
            lines,
            ["[success=end]\tfirst.so", "[success=end]\tlater.so"]
        );
        assert!(modules(&profiles, "Session", "Primary", true).is_empty());
    }
}
