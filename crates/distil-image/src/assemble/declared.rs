//! What packages declare for systemd to make: accounts in `sysusers.d`, folders, files and
//! links in `tmpfiles.d`. No image has systemd, so they are made here.

use distil_debian::deb::{EntryKind, PackageFile};
use distil_lock::LockedPackage;
use distil_tree::{Entry, Kind, Metadata, Origin, TreePath};

use super::packages::folded;
use super::{AssembleError, Assembling, Undone};
use crate::owners::Owners;
use distil_definition::{Group, User};
use distil_maintscript::sysusers::{self, Account, Number, PrimaryGroup};
use distil_maintscript::{Declared, MAX_INPUT, tmpfiles};

/// Where packages declare accounts.
const ACCOUNTS: &str = "usr/lib/sysusers.d";

/// Where packages declare folders, files and links.
const FILES: &str = "usr/lib/tmpfiles.d";

/// The numbers that are given to those who ask for none, the highest first, as systemd-sysusers
/// does it (Debian Policy §9.2.2 keeps 100 to 999 for that).
const DYNAMIC: std::ops::RangeInclusive<u32> = 100..=999;

const MADE: &str = "tmpfiles.d";

impl Assembling<'_> {
    /// Makes the accounts that the packages of a layer declare, package by package, so that the
    /// same packages give the same numbers. Those of definitions come first.
    pub(super) fn declare_accounts(&mut self, packages: &[LockedPackage]) {
        for selected in packages {
            let name = &selected.name;
            let declared = self.declarations(name, ACCOUNTS, sysusers::parse);
            for account in declared {
                self.declare_account(account);
            }
        }
    }

    fn declare_account(&mut self, account: Account) {
        match account {
            Account::User(user) => self.declare_user(user),
            Account::Group { name, id } => {
                self.declare_group(&name, &id);
            }
            Account::Member { user, group } => {
                self.declare_group(&group, &Number::Any);
                let mut groups = self.accounts.groups.iter_mut();
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

    fn declare_user(&mut self, user: sysusers::User) {
        if self.accounts.users.iter().any(|one| one.name == user.name) {
            return;
        }
        let uid = self.number(&user.id);
        let gid = match &user.group {
            Some(PrimaryGroup::Number(gid)) => *gid,
            Some(PrimaryGroup::Name(name)) => self.declare_group(name, &Number::Any),
            None => self.declare_group(&user.name, &Number::Fixed(uid)),
        };
        let in_line = |text: String| text.replace([':', '\n', '\r'], " ");
        self.accounts.users.push(User {
            name: user.name,
            uid,
            gid: Some(gid),
            home: Some(user.home.map_or_else(|| "/".to_owned(), in_line)),
            comment: user.description.map(in_line),
        });
    }

    /// The number of a group, which is made if there is none.
    fn declare_group(&mut self, name: &str, id: &Number) -> u32 {
        let known = Owners::new(&self.accounts).group(name, u32::MAX);
        let there = self.accounts.groups.iter().find(|one| one.name == name);
        if let Some(group) = there {
            return group.gid;
        }
        let gid = match known {
            u32::MAX => self.number(id),
            fixed => fixed,
        };
        self.accounts.groups.push(Group {
            name: name.to_owned(),
            gid,
            members: Vec::new(),
        });
        gid
    }

    /// A number that neither a user nor a group has.
    fn number(&self, wanted: &Number) -> u32 {
        let accounts = &self.accounts;
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

    /// What a package declares in the files of a folder; what cannot be read is told as undone.
    fn declarations<T>(
        &mut self,
        name: &str,
        folder: &str,
        parse: impl Fn(&str) -> Declared<T>,
    ) -> Vec<T> {
        let Some(file) = self.content(name) else {
            return Vec::new();
        };
        let mut items = Vec::new();
        for (path, text) in texts(file, folder) {
            let declared = parse(&text);
            items.extend(declared.items);
            let undone = declared.problems.into_iter().map(|problem| Undone {
                script: path.to_string(),
                line: problem.line,
                what: format!("`{}` {}", problem.text, problem.reason),
            });
            self.undone
                .entry(name.to_owned())
                .or_default()
                .extend(undone);
        }
        items
    }

    /// Makes the folders, files and links that the packages of a layer declare. What is there
    /// already stays as it is, but for folders of this layer, which get mode and owners.
    pub(super) fn make_declared_files(
        &mut self,
        number: usize,
        packages: &[LockedPackage],
    ) -> Result<(), AssembleError> {
        for selected in packages {
            let name = &selected.name;
            for entry in self.declarations(name, FILES, tmpfiles::parse) {
                if let Err(what) = self.make_declared(number, &entry)? {
                    let undone = self.undone.entry(name.clone()).or_default();
                    undone.push(Undone {
                        script: MADE.to_owned(),
                        line: 0,
                        what,
                    });
                }
            }
        }
        Ok(())
    }

    /// Makes one of them; the inner error says what could not be made.
    fn make_declared(
        &mut self,
        number: usize,
        declared: &tmpfiles::Entry,
    ) -> Result<Result<(), String>, AssembleError> {
        // When a package is installed, these lines are passed over, too.
        if declared.is_only_at_boot {
            return Ok(Ok(()));
        }
        let path = &declared.path;
        let Ok(path) = TreePath::from_absolute(path) else {
            return Ok(Err(format!(
                "`{path}` is not a path that an image can have"
            )));
        };
        let is_folder = declared.kind == tmpfiles::Kind::Folder;
        let meta = match self.declared_meta(declared, if is_folder { 0o755 } else { 0o644 }) {
            Ok(meta) => meta,
            Err(problem) => return Ok(Err(problem)),
        };
        let there = self.tree.follow(&path).map(|(place, _)| place);
        let kind = match &declared.kind {
            tmpfiles::Kind::Folder => {
                if let Some(entry) = there.and_then(|place| self.tree.get_mut(&place)) {
                    if entry.is_directory() && entry.layer == number {
                        let mtime = entry.meta.mtime;
                        entry.meta = Metadata { mtime, ..meta };
                    }
                    return Ok(Ok(()));
                }
                Kind::Directory
            }
            _ if there.is_some() || self.tree.get(&path).is_some() => return Ok(Ok(())),
            tmpfiles::Kind::File { text, .. } => Kind::file(text.as_str()),
            tmpfiles::Kind::Link {
                target,
                only_if_target_exists,
                ..
            } => {
                let lead = TreePath::from_absolute(target).ok();
                let leads_somewhere = lead.is_some_and(|to| self.tree.follow(&to).is_some());
                if *only_if_target_exists && !leads_somewhere {
                    return Ok(Ok(()));
                }
                Kind::symlink(target)
            }
            tmpfiles::Kind::Copy { source, .. } => {
                return self.copy_declared(number, source, &path);
            }
            // There is nothing whose mode or owners could be adjusted.
            tmpfiles::Kind::AdjustFolders | tmpfiles::Kind::Adjust { .. } => return Ok(Ok(())),
        };
        let origin = Origin::Generated(MADE.into());
        self.insert(&path, kind, meta, origin, number)?;
        Ok(Ok(()))
    }

    fn declared_meta(&self, declared: &tmpfiles::Entry, mode: u32) -> Result<Metadata, String> {
        let owners = Owners::new(&self.accounts);
        let number = |owner: &Option<tmpfiles::Owner>, is_user: bool| match owner {
            None => Ok(0),
            Some(owner) => match &owner.account {
                tmpfiles::Account::Number(number) => Ok(*number),
                tmpfiles::Account::Name(name) => {
                    let (what, found) = match is_user {
                        true => ("user", owners.user(name, u32::MAX)),
                        false => ("group", owners.group(name, u32::MAX)),
                    };
                    let missing = || {
                        format!(
                            "`{}` is for the {what} `{name}`, whom nobody makes",
                            declared.path
                        )
                    };
                    Some(found)
                        .filter(|found| *found != u32::MAX)
                        .ok_or_else(missing)
                }
            },
        };
        Ok(Metadata {
            mode: declared.mode.map_or(mode, |mode| mode.bits),
            uid: number(&declared.user, true)?,
            gid: number(&declared.group, false)?,
            mtime: self.made(),
        })
    }

    fn copy_declared(
        &mut self,
        number: usize,
        source: &str,
        path: &TreePath,
    ) -> Result<Result<(), String>, AssembleError> {
        let found = TreePath::from_absolute(source).ok();
        let Some((place, entry)) = found.and_then(|source| self.tree.follow(&source)) else {
            return Ok(Ok(()));
        };
        let below = self.tree.below(&place).filter(|(one, _)| **one != place);
        let depth = place.as_bytes().len();
        let mut copies: Vec<(TreePath, Entry)> = vec![(path.clone(), entry.clone())];
        copies.extend(below.map(|(one, entry)| {
            let rest = one.as_bytes().get(depth + 1..).unwrap_or_default();
            (path.join(rest), entry.clone())
        }));
        for (path, entry) in copies {
            let origin = Origin::Generated(MADE.into());
            self.insert(&path, entry.kind, entry.meta, origin, number)?;
        }
        Ok(Ok(()))
    }
}

/// The files of a package that lie in a folder and end in `.conf`, sorted by path.
fn texts(file: &PackageFile, folder: &str) -> Vec<(TreePath, String)> {
    let folder = TreePath::of(folder);
    let mut texts = Vec::new();
    for entry in &file.package.entries {
        let path = folded(&entry.path);
        let is_it = path.parent().as_ref() == Some(&folder)
            && path.name().is_some_and(|name| name.ends_with(b".conf"))
            && matches!(entry.kind, EntryKind::File { .. });
        if !is_it {
            continue;
        }
        let bytes = file.content(entry).and_then(|one| one.head(MAX_INPUT).ok());
        if let Some(bytes) = bytes {
            texts.push((path, String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    texts.sort_by(|(a, _), (b, _)| a.cmp(b));
    texts
}
