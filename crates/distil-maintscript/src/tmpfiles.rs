//! `tmpfiles.d` (tmpfiles.d(5)): the directories, files and links that packages declare.
//!
//! Lines that only clean up, and those that set attributes which no layer of an image holds,
//! want nothing done here. Neither do lines that read a credential: an image has none.

use crate::declaration::{self, Declared, Words, specifiers, unescape};

/// What a line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The absolute path; for [`Kind::Adjust`] a glob.
    pub path: String,
    /// What is to be there.
    pub kind: Kind,
    /// The mode, if one is named; else 0755 for directories and 0644 for files, and for
    /// [`Kind::Adjust`] what it is.
    pub mode: Option<Mode>,
    /// The owner, if one is named; else root, and for [`Kind::Adjust`] who it is.
    pub user: Option<Owner>,
    /// The group, as the owner.
    pub group: Option<Owner>,
    /// `!`: only when a machine starts. `systemd-tmpfiles --create`, as scripts call it when a
    /// package is installed, passes over it.
    pub is_only_at_boot: bool,
    /// `=`: what is there and of another kind gives way.
    pub replaces_other_kinds: bool,
}

/// What is to be at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// `d`, `D`, `v`, `q`, `Q`: a directory; one that is there gets mode and owners.
    Folder,
    /// `e`: mode and owners of the directories that the glob matches.
    AdjustFolders,
    /// `f`, `f+`, `F`: a file.
    File {
        /// What is written into it; nothing if it has no argument.
        text: String,
        /// `f+`, `F`: a file that is there is written anew; else it keeps its text.
        overwrites: bool,
    },
    /// `L`, `L+`, `L?`: a symbolic link.
    Link {
        /// Where it points.
        target: String,
        /// `L+`: what is there gives way, directories with all that is in them.
        overwrites: bool,
        /// `L?`: only if the target is there.
        only_if_target_exists: bool,
    },
    /// `C`, `C+`: a copy of a file or of a directory with all that is in it.
    Copy {
        /// What is copied.
        source: String,
        /// `C+`: also into a directory that is there and is not empty.
        merges: bool,
    },
    /// `z`, `Z`: mode and owners of what the glob matches.
    Adjust {
        /// `Z`: and of all that is below.
        is_recursive: bool,
    },
}

/// An access mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode {
    /// The permission bits, at most 07777.
    pub bits: u32,
    /// `~`: what is there keeps the lack of rights: no executable or writable bit is given that
    /// nobody has, and set-ID bits to directories alone.
    pub is_masked: bool,
    /// `:`: only for what is made by this line.
    pub is_only_for_new: bool,
}

/// A user or a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Which.
    pub account: Account,
    /// `:`: only for what is made by this line.
    pub is_only_for_new: bool,
}

/// A user or a group, as the line says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    /// By number.
    Number(u32),
    /// By name.
    Name(String),
}

/// Reads a file of `tmpfiles.d`.
pub fn parse(text: &str) -> Declared<Entry> {
    declaration::parse(text, entry)
}

fn entry(line: &str) -> Result<Option<Entry>, String> {
    let mut words = Words::escaped(line);
    let kind = words.word()?.unwrap_or_default();
    let mut letters = kind.chars();
    let letter = letters.next().unwrap_or_default();
    let modifiers = letters.as_str();
    if let Some(other) = modifiers.chars().find(|c| !"+!-=~^$?".contains(*c)) {
        return Err(format!(
            "has the modifier `{}`, which is none",
            other.escape_default()
        ));
    }
    let has = |modifier: char| modifiers.contains(modifier);
    match letter {
        'x' | 'X' | 'r' | 'R' | 't' | 'T' | 'h' | 'H' | 'a' | 'A' => return Ok(None),
        'f' | 'F' | 'd' | 'D' | 'v' | 'q' | 'Q' | 'e' | 'L' | 'C' | 'z' | 'Z' => {}
        'w' => return Err("writes into a file that is there, which is not done".to_owned()),
        'p' => return Err("makes a named pipe, which no image needs".to_owned()),
        'b' | 'c' => return Err("makes a device, which no image may hold".to_owned()),
        _ => return Err("is of no kind that tmpfiles.d(5) knows".to_owned()),
    }
    if has('^') {
        return Ok(None);
    }
    let path = words.field()?.ok_or("names no path")?;
    let path = specifiers(&path)?;
    if !path.starts_with('/') {
        return Err("has a path that does not begin at the root".to_owned());
    }
    let mode = words.field()?.map(|text| mode(&text)).transpose()?;
    let user = words.field()?.map(|text| owner(&text)).transpose()?;
    let group = words.field()?.map(|text| owner(&text)).transpose()?;
    let _age = words.word()?;
    let argument = Some(words.rest()).filter(|text| !text.is_empty() && *text != "-");
    if has('~') && argument.is_some() {
        return Err("has its argument in base64, which is not read".to_owned());
    }
    let kind = match letter {
        'f' | 'F' => Kind::File {
            text: specifiers(&unescape(argument.unwrap_or_default())?)?,
            overwrites: letter == 'F' || has('+'),
        },
        'L' => Kind::Link {
            target: source(argument, &path)?,
            overwrites: has('+'),
            only_if_target_exists: has('?'),
        },
        'C' => Kind::Copy {
            source: source(argument, &path)?,
            merges: has('+'),
        },
        'e' => Kind::AdjustFolders,
        'z' | 'Z' => Kind::Adjust {
            is_recursive: letter == 'Z',
        },
        _ => Kind::Folder,
    };
    if matches!(&kind, Kind::Copy { source, .. } if !source.starts_with('/')) {
        return Err("copies from a path that does not begin at the root".to_owned());
    }
    Ok(Some(Entry {
        path,
        kind,
        mode,
        user,
        group,
        is_only_at_boot: has('!'),
        replaces_other_kinds: has('='),
    }))
}

/// The argument of a link or a copy; without one it is the same path below this directory.
fn source(argument: Option<&str>, path: &str) -> Result<String, String> {
    match argument {
        Some(text) => specifiers(text),
        None => Ok(format!("/usr/share/factory{path}")),
    }
}

fn mode(text: &str) -> Result<Mode, String> {
    let digits = text.trim_start_matches(['~', ':']);
    let prefixes = &text[..text.len() - digits.len()];
    let is_octal = !digits.is_empty() && digits.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    let bits = u32::from_str_radix(digits, 8)
        .ok()
        .filter(|&bits| is_octal && bits <= 0o7777);
    Ok(Mode {
        bits: bits.ok_or("has a mode that is none")?,
        is_masked: prefixes.contains('~'),
        is_only_for_new: prefixes.contains(':'),
    })
}

fn owner(text: &str) -> Result<Owner, String> {
    let name = text.strip_prefix(':').unwrap_or(text);
    let name = specifiers(name)?;
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
    let is_name = name
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b':');
    let account = match name.parse() {
        _ if name.is_empty() || !is_name => return Err("names an owner who is none".to_owned()),
        Ok(number) if is_number => Account::Number(number),
        _ if is_number => return Err("names an owner who is none".to_owned()),
        _ => Account::Name(name),
    };
    Ok(Owner {
        account,
        is_only_for_new: text.starts_with(':'),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(line: &str) -> Entry {
        entry(line).unwrap().unwrap()
    }

    fn named(name: &str) -> Option<Owner> {
        Some(Owner {
            account: Account::Name(name.to_owned()),
            is_only_for_new: false,
        })
    }

    #[test]
    fn folders() {
        let folder = one("d /run/postgresql 2775 postgres 101 - -");
        assert_eq!(folder.path, "/run/postgresql");
        assert_eq!(folder.kind, Kind::Folder);
        assert_eq!(folder.mode.unwrap().bits, 0o2775);
        assert_eq!(folder.user, named("postgres"));
        assert_eq!(folder.group.unwrap().account, Account::Number(101));
        for kind in ["D", "v", "q", "Q", "d$", "D-"] {
            assert_eq!(one(&format!("{kind} %S/x")).kind, Kind::Folder, "{kind}");
        }
        assert_eq!(one("e /var/x*").kind, Kind::AdjustFolders);
        assert!(one("D! /tmp/.X 1777 root root 10d").is_only_at_boot);
        assert!(one("d= /x").replaces_other_kinds);
    }

    #[test]
    fn modes_and_owners_with_prefixes() {
        let entry = one("d /root :~0700 root :wheel -");
        let mode = Mode {
            bits: 0o700,
            is_masked: true,
            is_only_for_new: true,
        };
        assert_eq!(entry.mode, Some(mode));
        assert_eq!(
            (entry.user, entry.group.unwrap().is_only_for_new),
            (named("root"), true)
        );
        assert_eq!(
            one("z /dev/x ~0660 - - -").kind,
            Kind::Adjust {
                is_recursive: false
            }
        );
        assert_eq!(one("Z /dev/x").mode, None);
    }

    #[test]
    fn text_of_files_keeps_its_quotes_and_blanks() {
        let text = |line| match one(line).kind {
            Kind::File { text, overwrites } => (text, overwrites),
            other => unreachable!("{other:?}"),
        };
        assert_eq!(
            text(r#"f /x 0644 - - - "a  b"\n%%"#),
            ("\"a  b\"\n%".to_owned(), false)
        );
        assert_eq!(text("f+ /x - - - - a"), ("a".to_owned(), true));
        assert_eq!(text("F /x"), (String::new(), true));
    }

    #[test]
    fn links_and_copies() {
        let link = |target: &str, overwrites, only_if_target_exists| Kind::Link {
            target: target.to_owned(),
            overwrites,
            only_if_target_exists,
        };
        assert_eq!(
            one("L /a - - - - ../b c").kind,
            link("../b c", false, false)
        );
        assert_eq!(one("L+ /a - - - - %t/b").kind, link("/run/b", true, false));
        assert_eq!(one("L? /a").kind, link("/usr/share/factory/a", false, true));
        let copy = Kind::Copy {
            source: "/usr/share/factory/etc/a".to_owned(),
            merges: true,
        };
        assert_eq!(one("C+ /etc/a - - - - -").kind, copy);
    }

    #[test]
    fn what_wants_nothing_done() {
        for line in [
            "x /tmp/%b*",
            "r! /a",
            "R /a",
            "t /a",
            "h /a - - - - +C",
            "a+ /a",
            "A /%m",
            "X /a",
            "T /a",
            "H /a",
            "f^ /etc/hosts - - - - network.hosts",
        ] {
            assert_eq!(entry(line), Ok(None), "{line}");
        }
    }

    #[test]
    fn lines_that_are_not_made_are_named() {
        let text = "w /x - - - - y\np /x\nb /x\nc+ /x - - - - 1:3\nd\nd x\nd /x 0999\n\
                    d /x 17777\nd /x 0755 a:b\nd /x - 99999999999\nd /var/log/%m\ny /x\nd% /x\n\
                    f~ /x - - - - eA==\nd '/x\nC /x - - - - y\n";
        let parsed = parse(text);
        assert_eq!(parsed.items, []);
        let messages: Vec<_> = parsed.problems.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(messages.join("\n"), @"
        line 1, `w /x - - - - y`, writes into a file that is there, which is not done
        line 2, `p /x`, makes a named pipe, which no image needs
        line 3, `b /x`, makes a device, which no image may hold
        line 4, `c+ /x - - - - 1:3`, makes a device, which no image may hold
        line 5, `d`, names no path
        line 6, `d x`, has a path that does not begin at the root
        line 7, `d /x 0999`, has a mode that is none
        line 8, `d /x 17777`, has a mode that is none
        line 9, `d /x 0755 a:b`, names an owner who is none
        line 10, `d /x - 99999999999`, names an owner who is none
        line 11, `d /var/log/%m`, has `%m`, which each machine has its own of
        line 12, `y /x`, is of no kind that tmpfiles.d(5) knows
        line 13, `d% /x`, has the modifier `%`, which is none
        line 14, `f~ /x - - - - eA==`, has its argument in base64, which is not read
        line 15, `d '/x`, has a quote that is not closed
        line 16, `C /x - - - - y`, copies from a path that does not begin at the root
        ");
    }

    proptest! {
        #[test]
        fn any_text_is_entries_or_problems(
            text in "([dfLCzew][+!=~^$?-]{0,2} /|[ -~\n\u{1b}é]|%|\\\\){0,80}",
        ) {
            let parsed = parse(&text);
            prop_assert!(parsed.items.iter().all(|entry| entry.path.starts_with('/')));
            for problem in parsed.problems {
                let is_fit = !problem.to_string().contains('\u{1b}');
                prop_assert!(is_fit);
            }
        }
    }
}
