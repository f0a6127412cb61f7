//! What the commands say that add accounts: adduser(8), addgroup(8), useradd(8), groupadd(8),
//! usermod(8) and gpasswd(1).

use crate::effect::AccountChange;
use crate::sysusers::{Number, PrimaryGroup, User, account_name};
use crate::words::Words;

/// The group of who has none of its own, `nogroup` (base-passwd's number for it).
const NOGROUP: u32 = 65534;

/// Options of adduser that have a value in the next word.
const ADDUSER: &[&str] = &[
    "--home",
    "--shell",
    "--gecos",
    "--comment",
    "--uid",
    "--gid",
    "--ingroup",
    "--firstuid",
    "--lastuid",
    "--firstgid",
    "--lastgid",
    "--conf",
    "--add_extra_groups",
    "-s",
    "-u",
];

/// Options of useradd and its kin that have a value in the next word.
const USERADD: &[&str] = &[
    "-b",
    "-c",
    "-d",
    "-e",
    "-f",
    "-g",
    "-G",
    "-k",
    "-K",
    "-p",
    "-R",
    "-P",
    "-s",
    "-u",
    "-Z",
    "--base-dir",
    "--comment",
    "--home-dir",
    "--home",
    "--gid",
    "--groups",
    "--uid",
    "--shell",
    "--key",
];

/// What becomes of the accounts when a command with these words runs. What is not certain, or no
/// name of an account, is some other change.
pub(crate) fn change(name: &str, words: &[String]) -> AccountChange {
    let with_value = match name {
        "adduser" | "addgroup" => ADDUSER,
        _ => USERADD,
    };
    parsed(name, &Words::new(words, with_value)).unwrap_or(AccountChange::Other)
}

fn parsed(name: &str, words: &Words<'_>) -> Option<AccountChange> {
    let group = |name: &str| {
        let number = words.number(&["-g", "--gid"]);
        Some(AccountChange::Group {
            name: valid(name)?,
            id: number.map_or(Number::Any, Number::Fixed),
        })
    };
    let member = |user: &str, group: &str| {
        Some(AccountChange::Member {
            user: valid(user)?,
            group: valid(group)?,
        })
    };
    match (name, words.operands.as_slice()) {
        ("adduser" | "addgroup", [user, group]) => member(user, group),
        ("adduser", [name]) if words.has("--group") && !words.has("--system") => group(name),
        ("adduser", [name]) => {
            let is_system = words.has("--system");
            let home = match is_system {
                true => "/nonexistent".to_owned(),
                false => format!("/home/{name}"),
            };
            let named = words.value(&["--ingroup"]).map(str::to_owned);
            let named = named.map(PrimaryGroup::Name);
            let numbered = words.number(&["--gid"]).map(PrimaryGroup::Number);
            let nogroup = Some(PrimaryGroup::Number(NOGROUP));
            let has_own = words.has("--group") || !is_system;
            let group = named.or(numbered);
            user(
                name,
                words,
                group.or(nogroup.filter(|_| !has_own)),
                home,
                !words.has("--no-create-home"),
            )
        }
        ("useradd", [name]) => {
            let group = words.value(&["-g", "--gid"]).map(|text| {
                let number = text.parse().map(PrimaryGroup::Number);
                number.unwrap_or_else(|_| PrimaryGroup::Name(text.to_owned()))
            });
            let home = format!("/home/{name}");
            let makes_home = words.has("-m") || words.has("--create-home");
            user(name, words, group, home, makes_home)
        }
        ("addgroup" | "groupadd", [name]) => group(name),
        ("usermod", [user]) => member(user, words.value(&["-G", "-aG", "--groups"])?),
        _ => None,
    }
}

fn user(
    name: &str,
    words: &Words<'_>,
    group: Option<PrimaryGroup>,
    home: String,
    makes_home: bool,
) -> Option<AccountChange> {
    let home = words
        .value(&["--home", "-d", "--home-dir"])
        .map_or(home, str::to_owned);
    let comment = words.value(&["--gecos", "--comment", "-c"]);
    let is_plain = |text: &str| !text.contains(|c: char| c.is_control() || c == ':');
    let is_path = home.starts_with('/') && is_plain(&home);
    let number = words.number(&["--uid", "-u"]);
    let comment = comment.filter(|text| is_plain(text) && !text.is_empty());
    is_path.then_some(AccountChange::User {
        makes_home: makes_home && home != "/nonexistent",
        user: User {
            name: valid(name)?,
            id: number.map_or(Number::Any, Number::Fixed),
            group,
            description: comment.map(str::to_owned),
            home: Some(home),
            shell: None,
            is_locked: false,
        },
    })
}

fn valid(name: &str) -> Option<String> {
    account_name(Some(name.to_owned())).ok()
}
