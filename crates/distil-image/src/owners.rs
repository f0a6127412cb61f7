//! From the names of owners to their numbers.

use std::collections::BTreeMap;

use distil_definition::{Accounts, base_groups, base_users};
use distil_maintscript::Owner;

/// Numbers of names: the image's own accounts first, then base-passwd's.
#[derive(Debug, Clone)]
pub(crate) struct Owners {
    users: BTreeMap<String, u32>,
    groups: BTreeMap<String, u32>,
    /// The first group of the image's own users.
    first_groups: BTreeMap<String, u32>,
}

/// The numbers of a file's owner, where they are said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ownership {
    /// The user; none if that stays.
    pub(crate) uid: Option<u32>,
    /// The group; none if that stays.
    pub(crate) gid: Option<u32>,
}

/// An owner that nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no {kind} `{name}`; add it to `accounts`, or write its number")]
pub(crate) struct UnknownOwner {
    kind: &'static str,
    name: String,
}

impl Owners {
    /// The owners that an image with these accounts knows.
    pub(crate) fn new(accounts: &Accounts) -> Self {
        let named = |(name, number): (&str, u32)| (name.to_owned(), number);
        let mut owners = Self {
            users: base_users().map(named).collect(),
            groups: base_groups().map(named).collect(),
            first_groups: accounts
                .users
                .iter()
                .map(|user| (user.name.clone(), user.gid.unwrap_or(user.uid)))
                .collect(),
        };
        owners.users.extend(
            accounts
                .users
                .iter()
                .map(|user| (user.name.clone(), user.uid)),
        );
        owners.groups.extend(
            accounts
                .groups
                .iter()
                .map(|group| (group.name.clone(), group.gid)),
        );
        owners
    }

    /// A user's number; `otherwise` if the name is unknown, as it is when a package's script
    /// would have made the user.
    pub(crate) fn user(&self, name: &str, otherwise: u32) -> u32 {
        self.users.get(name).copied().unwrap_or(otherwise)
    }

    /// A group's number; `otherwise` if the name is unknown.
    pub(crate) fn group(&self, name: &str, otherwise: u32) -> u32 {
        self.groups.get(name).copied().unwrap_or(otherwise)
    }

    /// The numbers of whom a script gives a file to; none if a name is not known.
    pub(crate) fn of_script(&self, owner: &Owner) -> Option<Ownership> {
        let number = |names: &BTreeMap<String, u32>, name: &Option<String>| match name {
            None => Some(None),
            Some(name) => {
                let number = name.parse().ok().or_else(|| names.get(name).copied());
                number.map(Some)
            }
        };
        Some(Ownership {
            uid: number(&self.users, &owner.user)?,
            gid: number(&self.groups, &owner.group)?,
        })
    }

    /// Whether a user's name is known.
    pub(crate) fn has_user(&self, name: &str) -> bool {
        self.users.contains_key(name)
    }

    /// Whether a group's name is known.
    pub(crate) fn has_group(&self, name: &str) -> bool {
        self.groups.contains_key(name)
    }

    /// The numbers of `USER`, `USER:GROUP`, or the like with numbers. Without a group it is
    /// the user's own, for a number the same number.
    pub(crate) fn parse(&self, text: &str) -> Result<(u32, u32), UnknownOwner> {
        let (user, group) = text.split_once(':').unwrap_or((text, text));
        let find = |kind, names: &BTreeMap<String, u32>, name: &str| {
            // Engines take numbers of 31 bits.
            let number = name.parse().ok().filter(|number| *number <= 0x7fff_ffff);
            let number = number.or_else(|| names.get(name).copied());
            number.ok_or_else(|| UnknownOwner {
                kind,
                name: name.to_owned(),
            })
        };
        let uid = find("user", &self.users, user)?;
        let own = self.first_groups.get(user).filter(|_| !text.contains(':'));
        let gid = match own {
            Some(gid) => *gid,
            None => find("group", &self.groups, group)?,
        };
        Ok((uid, gid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use distil_definition::Group;

    #[test]
    fn an_images_own_accounts_come_first() {
        let group = Group {
            name: "shadow".to_owned(),
            gid: 999,
            members: Vec::new(),
        };
        let accounts = Accounts {
            users: Vec::new(),
            groups: vec![group],
        };
        let owners = Owners::new(&accounts);
        assert_eq!(owners.group("shadow", 0), 999);
        assert_eq!(Owners::new(&Accounts::default()).group("shadow", 0), 42);
        assert_eq!(owners.user("postgres", 7), 7);
    }

    #[test]
    fn owners_as_definitions_write_them() {
        let owners = Owners::new(&Accounts::default());
        assert_eq!(owners.parse("www-data"), Ok((33, 33)));
        assert_eq!(owners.parse("0:shadow"), Ok((0, 42)));
        assert_eq!(owners.parse("1000"), Ok((1000, 1000)));
        assert!(
            owners
                .parse("nobdy")
                .unwrap_err()
                .to_string()
                .contains("no user `nobdy`")
        );
    }
}
