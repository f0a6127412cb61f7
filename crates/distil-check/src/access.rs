//! Who a container's user is, and what they may do (path_resolution(7), inode(7)).

use distil_tree::{Entry, Tree, TreePath};

use crate::subject::Subject;

/// A user of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gids: Vec<u32>,
}

/// Why USER means nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unknown {
    User(String),
    Group(String),
}

/// What somebody wants of a file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    Execute,
    Read,
    Write,
}

impl User {
    /// A number as OpenShift gives it.
    pub(crate) fn random() -> Self {
        Self {
            uid: 1_000_680_000,
            gids: vec![0],
        }
    }

    /// The user that a configuration names.
    pub(crate) fn of(subject: &Subject<'_>) -> Result<Self, Unknown> {
        let (user, group) = match subject.config.user.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (subject.config.user.as_str(), None),
        };
        let passwd = table(subject, "etc/passwd");
        let groups = table(subject, "etc/group");
        let user = if user.is_empty() { "0" } else { user };
        let line = passwd.iter().find(|line| field(line, 0) == user);
        let line = line.or_else(|| passwd.iter().find(|line| field(line, 2) == user));
        let uid = match (line, user.parse::<u32>()) {
            (_, Ok(number)) => number,
            (Some(line), Err(_)) => field(line, 2)
                .parse()
                .map_err(|_| Unknown::User(user.to_owned()))?,
            (None, Err(_)) => return Err(Unknown::User(user.to_owned())),
        };
        let primary = line.and_then(|line| field(line, 3).parse::<u32>().ok());
        let Some(group) = group.filter(|group| !group.is_empty()) else {
            // Those that list the account count, too, if no group is named.
            let name = line.map(|line| field(line, 0)).unwrap_or_default();
            let member = |line: &&String| field(line, 3).split(',').any(|one| one == name);
            let more = groups
                .iter()
                .filter(member)
                .filter_map(|line| field(line, 2).parse::<u32>().ok());
            let mut gids = vec![primary.unwrap_or(0)];
            if !name.is_empty() {
                gids.extend(more);
            }
            return Ok(Self { uid, gids });
        };
        let found = groups.iter().find(|line| field(line, 0) == group);
        let gid: u32 = match (
            found.map(|line| field(line, 2).parse::<u32>()),
            group.parse::<u32>(),
        ) {
            (_, Ok(number)) | (Some(Ok(number)), Err(_)) => number,
            _ => return Err(Unknown::Group(group.to_owned())),
        };
        Ok(Self {
            uid,
            gids: vec![gid],
        })
    }

    /// Whether they may do something with an entry itself.
    pub(crate) fn may(&self, wish: Wish, entry: &Entry) -> bool {
        let bit = match wish {
            Wish::Read => 4,
            Wish::Write => 2,
            Wish::Execute => 1,
        };
        let mode = entry.meta.mode;
        if self.uid == 0 {
            // Root may do all but execute what nobody may.
            return wish != Wish::Execute || entry.is_directory() || mode & 0o111 != 0;
        }
        let shift = match entry {
            entry if entry.meta.uid == self.uid => 6,
            entry if self.gids.contains(&entry.meta.gid) => 3,
            _ => 0,
        };
        mode >> shift & bit != 0
    }

    /// The first directory on the way to a path that they may not pass. Links have been followed.
    pub(crate) fn barrier(&self, tree: &Tree, place: &TreePath) -> Option<TreePath> {
        place.ancestors().chain([TreePath::ROOT]).find(|folder| {
            tree.get(folder)
                .is_some_and(|entry| !self.may(Wish::Execute, entry))
        })
    }
}

fn table(subject: &Subject<'_>, path: &str) -> Vec<String> {
    let Some((_, entry)) = subject.tree().follow(&TreePath::of(path)) else {
        return Vec::new();
    };
    let bytes = entry
        .file()
        .and_then(|file| file.content.read(4 << 20).ok());
    let text = String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
    text.lines().map(str::to_owned).collect()
}

fn field(line: &str, number: usize) -> &str {
    line.split(':').nth(number).unwrap_or_default()
}
