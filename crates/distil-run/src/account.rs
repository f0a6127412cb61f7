//! Who a container's program is run as: USER of the image or of the user, made numbers by the
//! image's own `/etc/passwd` and `/etc/group`, as runc does it (moby/sys/user, `GetExecUser`).

/// A user in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// The other groups, from the lists in `/etc/group`.
    pub groups: Vec<u32>,
    /// The home directory.
    pub home: String,
}

/// Why a user is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// No account has this name.
    #[error("the image has no user `{0}`: `/etc/passwd` does not have the name")]
    User(String),
    /// No group has this name.
    #[error("the image has no group `{0}`: `/etc/group` does not have the name")]
    Group(String),
}

/// The largest number: the one above means "none" to the kernel.
const LARGEST: u32 = u32::MAX - 1;

/// Finds `USER`, `USER:GROUP` or nothing, which is root, in the texts of `/etc/passwd` and
/// `/etc/group`.
///
/// # Errors
/// If a name is not in them.
pub(crate) fn find(word: &str, passwd: &str, group: &str) -> Result<Account, AccountError> {
    let (user, group_word) = match word.split_once(':') {
        Some((user, group)) => (user, group),
        None => (word, ""),
    };
    let user = match user {
        "" => "0",
        user => user,
    };
    let number = number(user);
    let line = passwd.lines().map(fields).find(|fields| {
        let is_named = fields.first() == Some(&user);
        is_named || (number.is_some() && field_number(fields, 2) == number)
    });
    let mut account = match (line, number) {
        (Some(fields), _) => Account {
            uid: field_number(&fields, 2).or(number).unwrap_or(0),
            gid: field_number(&fields, 3).unwrap_or(0),
            groups: Vec::new(),
            home: match fields.get(5) {
                Some(home) if !home.is_empty() => (*home).to_owned(),
                _ => "/".to_owned(),
            },
        },
        (None, Some(uid)) => Account {
            uid,
            gid: 0,
            groups: Vec::new(),
            home: "/".to_owned(),
        },
        (None, None) => return Err(AccountError::User(user.to_owned())),
    };
    let name = passwd
        .lines()
        .map(fields)
        .find(|fields| field_number(fields, 2) == Some(account.uid));
    if group_word.is_empty() {
        let name = name.as_ref().and_then(|fields| fields.first()).copied();
        account.groups = group
            .lines()
            .map(fields)
            .filter(|fields| {
                let members = fields.get(3).copied().unwrap_or_default();
                name.is_some_and(|name| members.split(',').any(|member| member == name))
            })
            .filter_map(|fields| field_number(&fields, 2))
            .filter(|gid| *gid != account.gid)
            .collect();
    } else {
        account.gid = find_group(group_word, group)?;
    }
    Ok(account)
}

fn find_group(word: &str, group: &str) -> Result<u32, AccountError> {
    let number = number(word);
    let line = group.lines().map(fields).find(|fields| {
        fields.first() == Some(&word) || (number.is_some() && field_number(fields, 2) == number)
    });
    line.and_then(|fields| field_number(&fields, 2))
        .or(number)
        .ok_or_else(|| AccountError::Group(word.to_owned()))
}

fn fields(line: &str) -> Vec<&str> {
    line.split(':').collect()
}

fn field_number(fields: &[&str], index: usize) -> Option<u32> {
    number(fields.get(index)?)
}

fn number(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    (number <= LARGEST).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/sbin/nologin\n\
        nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\nshort\n7:x:8:9::/seven:\n";
    const GROUP: &str = "root:x:0:\naudio:x:29:nonroot,other\nnonroot:x:65532:\n";

    fn of(word: &str) -> Result<Account, AccountError> {
        find(word, PASSWD, GROUP)
    }

    #[test]
    fn users_by_name_and_number() {
        let nonroot = of("nonroot").unwrap();
        assert_eq!((nonroot.uid, nonroot.gid), (65532, 65532));
        assert_eq!(nonroot.groups, [29]);
        assert_eq!(nonroot.home, "/home/nonroot");
        assert_eq!(of("65532").unwrap(), nonroot);
        let root = of("").unwrap();
        assert_eq!((root.uid, root.gid, root.home.as_str()), (0, 0, "/root"));
        let unknown = of("1234").unwrap();
        assert_eq!(
            (unknown.uid, unknown.gid, unknown.home.as_str()),
            (1234, 0, "/")
        );
    }

    #[test]
    fn groups_are_instead_of_those_of_the_account() {
        let account = of("nonroot:audio").unwrap();
        assert_eq!((account.gid, account.groups), (29, vec![]));
        assert_eq!(of("0:77").unwrap().gid, 77);
        assert_eq!(of(":29").unwrap().uid, 0);
    }

    #[test]
    fn a_name_of_digits_is_a_name_first() {
        assert_eq!(of("7").unwrap().uid, 8);
    }

    #[test]
    fn who_is_not_there() {
        assert_eq!(of("app"), Err(AccountError::User("app".into())));
        assert_eq!(of("0:app"), Err(AccountError::Group("app".into())));
        // Not a number that the kernel takes.
        assert_eq!(
            of("4294967295"),
            Err(AccountError::User("4294967295".into()))
        );
        assert_eq!(find("0", "", "").unwrap().home, "/");
    }
}
