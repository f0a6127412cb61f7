//! `sysusers.d` (sysusers.d(5)): the users and groups that packages declare.

use crate::declaration::{self, Declared, Words, specifiers};

/// An account that a package asks for. Whatever is not said is the reader's to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    /// `u` and `u!`: a user, and a group of the same name unless another one is named.
    User(User),
    /// `g`: a group.
    Group {
        /// Its name.
        name: String,
        /// Its number.
        id: Number,
    },
    /// `m`: a user is a member of a group; both are made if they are not there.
    Member {
        /// The user's name.
        user: String,
        /// The group's name.
        group: String,
    },
    /// `r`: numbers that may be given to those who asked for none.
    Range {
        /// The lowest.
        first: u32,
        /// The highest.
        last: u32,
    },
}

/// A user that a package asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// The number.
    pub id: Number,
    /// The group, if it is not to be one of the user's own name and number.
    pub group: Option<PrimaryGroup>,
    /// GECOS: what the user is for.
    pub description: Option<String>,
    /// The home directory; `/` if none is named.
    pub home: Option<String>,
    /// The shell; `/usr/sbin/nologin` if none is named.
    pub shell: Option<String>,
    /// `u!`: nobody can log in as this user in any way.
    pub is_locked: bool,
}

/// A user's first group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrimaryGroup {
    /// By its number.
    Number(u32),
    /// By its name.
    Name(String),
}

/// How an account's number is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Number {
    /// Any that is free.
    Any,
    /// This one.
    Fixed(u32),
    /// The number of this file's owner.
    OwnerOf(String),
}

/// Reads a file of `sysusers.d`.
pub fn parse(text: &str) -> Declared<Account> {
    declaration::parse(text, |line| account(line).map(Some))
}

fn account(line: &str) -> Result<Account, String> {
    let mut words = Words::plain(line);
    let kind = words.word()?.unwrap_or_default();
    let mut field = || -> Result<Option<String>, String> {
        words.field()?.map(|text| specifiers(&text)).transpose()
    };
    let (name, id) = (field()?, field()?);
    let (description, home, shell) = (field()?, field()?, field()?);
    if words.word()?.is_some() {
        return Err("has more than six words".to_owned());
    }
    if !matches!(kind.as_str(), "u" | "u!") && (description.is_some() || home.is_some()) {
        return Err("says of a user what only `u` can say".to_owned());
    }
    match kind.as_str() {
        "u" | "u!" => {
            let (id, group) = numbers(id)?;
            Ok(Account::User(User {
                name: account_name(name)?,
                id,
                group,
                description: passwd_field(description)?,
                home: path(home)?,
                shell: path(shell)?,
                is_locked: kind == "u!",
            }))
        }
        "g" => Ok(Account::Group {
            name: account_name(name)?,
            id: number(id)?,
        }),
        "m" => Ok(Account::Member {
            user: account_name(name)?,
            group: account_name(id)?,
        }),
        "r" if name.is_none() => range(&id.unwrap_or_default()),
        "r" => Err("names an account where `r` has a `-`".to_owned()),
        _ => Err("is of no kind that sysusers.d(5) knows".to_owned()),
    }
}

/// A name that `useradd` and systemd both take (`valid_user_group_name`, in its strict form).
pub(crate) fn account_name(name: Option<String>) -> Result<String, String> {
    let name = name.ok_or("names no account")?;
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_other = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let is_name = name.starts_with(is_first) && name.chars().all(is_other) && name.len() <= 31;
    match is_name {
        true => Ok(name),
        false => Err("names an account as none can be named".to_owned()),
    }
}

/// A field that a line of `/etc/passwd` can hold (passwd(5)).
fn passwd_field(text: Option<String>) -> Result<Option<String>, String> {
    match text {
        Some(text) if text.contains(|c: char| c.is_control() || c == ':') => {
            Err("has a field that `/etc/passwd` cannot hold".to_owned())
        }
        text => Ok(text),
    }
}

fn path(text: Option<String>) -> Result<Option<String>, String> {
    match passwd_field(text)? {
        Some(path) if !path.starts_with('/') => {
            Err("has a path that does not begin at the root".to_owned())
        }
        path => Ok(path),
    }
}

/// The ID of a user: `-`, a number, a path, or one of the first two, a colon and a group.
fn numbers(id: Option<String>) -> Result<(Number, Option<PrimaryGroup>), String> {
    let Some(id) = id else {
        return Ok((Number::Any, None));
    };
    let Some((user, group)) = id.split_once(':').filter(|_| !id.starts_with('/')) else {
        return Ok((number(Some(id))?, None));
    };
    let group = match group.starts_with(|c: char| c.is_ascii_digit()) {
        true => PrimaryGroup::Number(fixed(group)?),
        false => PrimaryGroup::Name(account_name(Some(group.to_owned()))?),
    };
    let user = match user {
        "-" => Number::Any,
        user => Number::Fixed(fixed(user)?),
    };
    Ok((user, Some(group)))
}

fn number(id: Option<String>) -> Result<Number, String> {
    match id {
        None => Ok(Number::Any),
        Some(path) if path.starts_with('/') => Ok(Number::OwnerOf(path)),
        Some(number) => Ok(Number::Fixed(fixed(&number)?)),
    }
}

/// A number that an account can have: the two highest of 16 and of 32 bits stand for none
/// (`uid_is_valid` of systemd).
fn fixed(text: &str) -> Result<u32, String> {
    let is_decimal = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_decimal);
    let number = number.filter(|number| ![u32::from(u16::MAX), u32::MAX].contains(number));
    number.ok_or_else(|| "has an ID that is none".to_owned())
}

fn range(text: &str) -> Result<Account, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (fixed(first)?, fixed(last)?);
    match first <= last {
        true => Ok(Account::Range { first, last }),
        false => Err("has a range that ends before it begins".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn user(line: &str) -> User {
        match account(line).unwrap() {
            Account::User(user) => user,
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn users_in_full() {
        let user = user(r#"u mail-d 8:mail "Mail \"daemon\"" /var/mail /usr/sbin/nologin"#);
        insta::assert_debug_snapshot!(user, @r#"
        User {
            name: "mail-d",
            id: Fixed(
                8,
            ),
            group: Some(
                Name(
                    "mail",
                ),
            ),
            description: Some(
                "Mail \"daemon\"",
            ),
            home: Some(
                "/var/mail",
            ),
            shell: Some(
                "/usr/sbin/nologin",
            ),
            is_locked: false,
        }
        "#);
    }

    #[test]
    fn forms_of_the_number() {
        assert_eq!(
            (user("u a").id, user("u a -").id),
            (Number::Any, Number::Any)
        );
        assert_eq!(
            user("u a /usr/bin/a:b").id,
            Number::OwnerOf("/usr/bin/a:b".to_owned())
        );
        let user = user("u a 4:65534 -");
        assert_eq!(user.id, Number::Fixed(4));
        assert_eq!(user.group, Some(PrimaryGroup::Number(65534)));
        assert_eq!(self::user("u a -:b").id, Number::Any);
    }

    #[test]
    fn the_other_kinds() {
        let parsed = parse("# x\n\n g input - -\nm a b\n  r - 500-900\nu! _a - \"A\"\n");
        assert_eq!(parsed.problems, []);
        let [group, member, range, user] = parsed.items.as_slice() else {
            unreachable!("{parsed:?}");
        };
        assert_eq!(
            *group,
            Account::Group {
                name: "input".to_owned(),
                id: Number::Any
            }
        );
        assert_eq!(
            *member,
            Account::Member {
                user: "a".to_owned(),
                group: "b".to_owned()
            }
        );
        assert_eq!(
            *range,
            Account::Range {
                first: 500,
                last: 900
            }
        );
        assert!(matches!(user, Account::User(user) if user.is_locked));
    }

    #[test]
    fn lines_that_are_wrong_are_named() {
        let text = "u\nu a:b\nu a 65535\nu a +5\nu a - \"x:y\"\nu a - - home\ng a - - /x\nm a\n\
                    r a 1-2\nr - 5-4\nq a\nu a - 'x\nu a%m\nu a - a /b /c d\n";
        let parsed = parse(text);
        assert_eq!(parsed.items, []);
        let messages: Vec<_> = parsed.problems.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(messages.join("\n"), @r#"
        line 1, `u`, names no account
        line 2, `u a:b`, names an account as none can be named
        line 3, `u a 65535`, has an ID that is none
        line 4, `u a +5`, has an ID that is none
        line 5, `u a - "x:y"`, has a field that `/etc/passwd` cannot hold
        line 6, `u a - - home`, has a path that does not begin at the root
        line 7, `g a - - /x`, says of a user what only `u` can say
        line 8, `m a`, names no account
        line 9, `r a 1-2`, names an account where `r` has a `-`
        line 10, `r - 5-4`, has a range that ends before it begins
        line 11, `q a`, is of no kind that sysusers.d(5) knows
        line 12, `u a - 'x`, has a quote that is not closed
        line 13, `u a%m`, has `%m`, which each machine has its own of
        line 14, `u a - a /b /c d`, has more than six words
        "#);
    }

    proptest! {
        #[test]
        fn any_text_is_accounts_or_problems(text in "([ugmr]!? |[ -~\n\u{1b}é]|-|:){0,80}") {
            for problem in parse(&text).problems {
                let is_fit = !problem.to_string().contains('\u{1b}');
                prop_assert!(is_fit);
            }
        }
    }
}
