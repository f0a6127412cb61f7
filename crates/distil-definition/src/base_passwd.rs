//! The accounts that every Debian system has with the same numbers, from the package base-passwd
//! (Debian Policy §9.2.2, 0 to 99, and a few beside them).
//!
//! An image has few of them in `/etc/passwd` and `/etc/group`: its own, and those that something
//! in it is about.

use crate::format::{Accounts, Group, User};

/// Users: name, number, number of the group, home directory. The comment is the name, but for
/// those below.
const USERS: &[(&str, u32, u32, &str)] = &[
    ("root", 0, 0, "/root"),
    ("daemon", 1, 1, "/usr/sbin"),
    ("bin", 2, 2, "/bin"),
    ("sys", 3, 3, "/dev"),
    ("sync", 4, 65534, "/bin"),
    ("games", 5, 60, "/usr/games"),
    ("man", 6, 12, "/var/cache/man"),
    ("lp", 7, 7, "/var/spool/lpd"),
    ("mail", 8, 8, "/var/mail"),
    ("news", 9, 9, "/var/spool/news"),
    ("uucp", 10, 10, "/var/spool/uucp"),
    ("proxy", 13, 13, "/bin"),
    ("www-data", 33, 33, "/var/www"),
    ("backup", 34, 34, "/var/backups"),
    ("list", 38, 38, "/var/list"),
    ("irc", 39, 39, "/run/ircd"),
    ("_apt", 42, 65534, "/nonexistent"),
    ("nobody", 65534, 65534, "/nonexistent"),
];

/// Comments that are not the name.
const COMMENTS: &[(&str, &str)] = &[("list", "Mailing List Manager"), ("irc", "ircd")];

/// Groups with their numbers.
const GROUPS: &[(&str, u32)] = &[
    ("root", 0),
    ("daemon", 1),
    ("bin", 2),
    ("sys", 3),
    ("adm", 4),
    ("tty", 5),
    ("disk", 6),
    ("lp", 7),
    ("mail", 8),
    ("news", 9),
    ("uucp", 10),
    ("man", 12),
    ("proxy", 13),
    ("kmem", 15),
    ("dialout", 20),
    ("fax", 21),
    ("voice", 22),
    ("cdrom", 24),
    ("floppy", 25),
    ("tape", 26),
    ("sudo", 27),
    ("audio", 29),
    ("dip", 30),
    ("www-data", 33),
    ("backup", 34),
    ("operator", 37),
    ("list", 38),
    ("irc", 39),
    ("src", 40),
    ("shadow", 42),
    ("utmp", 43),
    ("video", 44),
    ("sasl", 45),
    ("plugdev", 46),
    ("staff", 50),
    ("games", 60),
    ("users", 100),
    ("nogroup", 65534),
];

/// The numbers of users by their names.
pub fn base_users() -> impl Iterator<Item = (&'static str, u32)> {
    USERS.iter().map(|(name, uid, ..)| (*name, *uid))
}

/// The numbers of groups by their names.
pub fn base_groups() -> impl Iterator<Item = (&'static str, u32)> {
    GROUPS.iter().copied()
}

impl Accounts {
    /// Adds a user of base-passwd with its group, if it is one and neither the name nor the
    /// number is there yet.
    pub fn add_base_user(&mut self, name: &str) {
        let user = USERS.iter().find(|(one, ..)| *one == name);
        let is_there = |uid| {
            let mut users = self.users.iter();
            users.any(|user| user.name == name || user.uid == uid)
        };
        let Some((name, uid, gid, home)) = user.filter(|(_, uid, ..)| !is_there(*uid)) else {
            return;
        };
        let comment = COMMENTS.iter().find(|(one, _)| one == name);
        self.users.push(User {
            name: (*name).to_owned(),
            uid: *uid,
            gid: Some(*gid),
            home: Some((*home).to_owned()),
            comment: comment.map(|(_, comment)| (*comment).to_owned()),
        });
        let group = GROUPS.iter().find(|(_, one)| one == gid);
        if let Some((name, _)) = group {
            self.add_base_group(name);
        }
    }

    /// Adds a group of base-passwd, if it is one and neither the name nor the number is there yet.
    pub fn add_base_group(&mut self, name: &str) {
        let group = GROUPS.iter().find(|(one, _)| *one == name);
        let is_there = |gid| {
            let mut groups = self.groups.iter();
            groups.any(|group| group.name == name || group.gid == gid)
        };
        if let Some((name, gid)) = group.filter(|(_, gid)| !is_there(*gid)) {
            self.groups.push(Group {
                name: (*name).to_owned(),
                gid: *gid,
                members: Vec::new(),
            });
        }
    }

    /// Adds what of base-passwd `USER` or `USER:GROUP` names.
    pub fn add_base_owner(&mut self, owner: &str) {
        let (user, group) = owner.split_once(':').unwrap_or((owner, owner));
        self.add_base_user(user);
        self.add_base_group(group);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(accounts: &Accounts) -> (Vec<&str>, Vec<&str>) {
        let users = accounts.users.iter().map(|user| user.name.as_str());
        let groups = accounts.groups.iter().map(|group| group.name.as_str());
        (users.collect(), groups.collect())
    }

    #[test]
    fn what_an_owner_names_comes_once() {
        let mut accounts = Accounts::default();
        for owner in [
            "www-data",
            "www-data:adm",
            "0:shadow",
            "nobdy",
            "games",
            "www-data",
        ] {
            accounts.add_base_owner(owner);
        }
        let groups = vec!["www-data", "adm", "shadow", "games"];
        assert_eq!(names(&accounts), (vec!["www-data", "games"], groups));
        assert_eq!(
            (accounts.users[0].uid, accounts.users[0].gid),
            (33, Some(33))
        );
        assert_eq!(accounts.users[1].gid, Some(60));
    }

    #[test]
    fn an_images_own_account_stays() {
        let mut accounts = Accounts::default();
        accounts.groups.push(Group {
            name: "web".to_owned(),
            gid: 33,
            members: Vec::new(),
        });
        accounts.add_base_owner("www-data");
        assert_eq!(names(&accounts), (vec!["www-data"], vec!["web"]));
    }
}
