//! The accounts of an image: those of its definitions, and those that packages declare in
//! `sysusers.d`. No image has systemd, so they are made here.

use std::collections::BTreeMap;

use distil_definition::{Accounts, Group, User};
use distil_maintscript::sysusers::{self, Account, Number, PrimaryGroup};
use distil_maintscript::{AccountChange, Action, Effect, FileChange, tmpfiles};

use super::declarations::declarations;
use super::declared_files;
use super::input::LayerInput;
use super::inventory::UndoneByPackage;
use crate::owners::Owners;

/// Where packages declare accounts.
const DIRECTORY: &str = "usr/lib/sysusers.d";

/// The numbers that are given to those who ask for none, the highest first, as systemd-sysusers
/// does it (Debian Policy §9.2.2 keeps 100 to 999 for that).
const DYNAMIC: std::ops::RangeInclusive<u32> = 100..=999;

/// The accounts of definitions, and of those of the layers below the ones that no definition has.
pub(super) fn joined(defined: &Accounts, below: &Accounts) -> Accounts {
    let mut all = defined.clone();
    let users = below.users.iter();
    let users = users.filter(|one| defined.users.iter().all(|user| user.name != one.name));
    all.users.extend(users.cloned());
    let groups = below.groups.iter();
    let groups = groups.filter(|one| defined.groups.iter().all(|group| group.name != one.name));
    all.groups.extend(groups.cloned());
    all
}

/// Adds the accounts that the packages of a layer declare, package by package, so that the same
/// packages give the same numbers. What is there already stays; what cannot be read is undone.
pub(super) fn add_declared(accounts: &mut Accounts, input: &LayerInput<'_>) -> UndoneByPackage {
    add_owners(accounts, input);
    let (declared, undone) = declarations(input, DIRECTORY, sysusers::parse);
    for (_, account) in declared {
        declare(accounts, account);
    }
    undone
}

/// Adds the accounts of base-passwd that packages have files for: those that they ship, and those
/// that they declare in `tmpfiles.d`.
fn add_owners(accounts: &mut Accounts, input: &LayerInput<'_>) {
    for (_, file) in input.unpacked() {
        for entry in &file.package.entries {
            accounts.add_base_user(&entry.user);
        }
    }
    let (declared, _) = declarations(input, declared_files::DIRECTORY, tmpfiles::parse);
    for (_, entry) in declared {
        let name = |owner: &Option<tmpfiles::Owner>| match owner.as_ref().map(|one| &one.account) {
            Some(tmpfiles::Account::Name(name)) => name.clone(),
            _ => String::new(),
        };
        accounts.add_base_user(&name(&entry.user));
        accounts.add_base_group(&name(&entry.group));
    }
}

/// Adds the accounts that the scripts of a layer's packages add, and those of base-passwd that
/// they give files to: a package whose files are `www-data`'s has a program that asks for it.
pub(super) fn add_of_scripts(accounts: &mut Accounts, effects: &BTreeMap<String, Vec<Effect>>) {
    for effect in effects.values().flatten() {
        match &effect.action {
            Action::Account(AccountChange::User { user, .. }) => {
                accounts.add_base_user(&user.name);
                declare(accounts, Account::User(user.clone()));
            }
            Action::Account(AccountChange::Group { name, id }) => {
                let (name, id) = (name.clone(), id.clone());
                declare(accounts, Account::Group { name, id });
            }
            Action::Account(AccountChange::Member { user, group }) => {
                let (user, group) = (user.clone(), group.clone());
                declare(accounts, Account::Member { user, group });
            }
            Action::Files(
                FileChange::Owned { owner, .. } | FileChange::Directories { owner, .. },
            ) => {
                accounts.add_base_user(owner.user.as_deref().unwrap_or_default());
                accounts.add_base_group(owner.group.as_deref().unwrap_or_default());
            }
            _ => {}
        }
    }
}

fn declare(accounts: &mut Accounts, account: Account) {
    match account {
        Account::User(user) => declare_user(accounts, user),
        Account::Group { name, id } => {
            declare_group(accounts, &name, &id);
        }
        Account::Member { user, group } => {
            declare_group(accounts, &group, &Number::Any);
            let mut groups = accounts.groups.iter_mut();
            if let Some(group) = groups.find(|one| one.name == group)
                && !group.members.contains(&user)
            {
                group.members.push(user);
            }
        }
        // Which numbers are free is known here better than to a package.
        Account::Range { .. } => {}
    }
}

fn declare_user(accounts: &mut Accounts, user: sysusers::User) {
    if accounts.users.iter().any(|one| one.name == user.name) {
        return;
    }
    let uid = number(accounts, &user.id);
    let gid = match &user.group {
        Some(PrimaryGroup::Number(gid)) => *gid,
        Some(PrimaryGroup::Name(name)) => declare_group(accounts, name, &Number::Any),
        None => declare_group(accounts, &user.name, &Number::Fixed(uid)),
    };
    let in_line = |text: String| text.replace([':', '\n', '\r'], " ");
    accounts.users.push(User {
        name: user.name,
        uid,
        gid: Some(gid),
        home: Some(user.home.map_or_else(|| "/".to_owned(), in_line)),
        comment: user.description.map(in_line),
    });
}

/// The number of a group, which is made if there is none.
fn declare_group(accounts: &mut Accounts, name: &str, id: &Number) -> u32 {
    let known = Owners::new(accounts).group(name, u32::MAX);
    let there = accounts.groups.iter().find(|one| one.name == name);
    if let Some(group) = there {
        return group.gid;
    }
    let gid = match known {
        u32::MAX => number(accounts, id),
        fixed => fixed,
    };
    accounts.groups.push(Group {
        name: name.to_owned(),
        gid,
        members: Vec::new(),
    });
    gid
}

/// A number that neither a user nor a group has.
fn number(accounts: &Accounts, wanted: &Number) -> u32 {
    let is_free = |number: &u32| {
        accounts.users.iter().all(|user| user.uid != *number)
            && accounts.groups.iter().all(|group| group.gid != *number)
    };
    let fixed = match wanted {
        Number::Fixed(number) => Some(*number).filter(|number| {
            // A user's own group has the user's number.
            accounts.groups.iter().all(|group| group.gid != *number)
        }),
        Number::Any | Number::OwnerOf(_) => None,
    };
    let any = || DYNAMIC.rev().find(is_free);
    // With a thousand accounts there is none left; then nobody's is as good as any.
    fixed.or_else(any).unwrap_or(65534)
}
