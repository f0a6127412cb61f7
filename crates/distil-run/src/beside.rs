//! Beside a running process: its namespaces are joined, all but that of its mounts, so that tools see
//! its processes, its network and its files, and nothing is written where it would see it.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::mount::{OpenTreeFlags, open_tree};
use rustix::process::{Pid, PidfdFlags, geteuid, pidfd_open};
use rustix::thread::{CapabilitySet, LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

use crate::error::{Failure, Step};
use crate::outer::unshare;
use crate::plan::Identity;

/// Namespaces that are joined, in this order, after that of users and that of mounts.
const JOINED: [(&str, LinkNameSpaceType); 5] = [
    ("cgroup", LinkNameSpaceType::ControlGroup),
    ("ipc", LinkNameSpaceType::InterProcessCommunication),
    ("uts", LinkNameSpaceType::HostNameAndNISDomainName),
    ("net", LinkNameSpaceType::Network),
    // Only children are in it, not this process itself.
    ("pid", LinkNameSpaceType::ProcessID),
];

/// A running process that tools are put beside.
#[derive(Debug)]
pub struct Beside {
    pub(crate) pid: u32,
    process: OwnedFd,
}

/// Why there is no such process.
#[derive(Debug, thiserror::Error)]
pub enum BesideError {
    /// There is none with this number.
    #[error("no process has the number {0}")]
    Missing(u32),
    /// It cannot be looked into.
    #[error("failed to look into process {pid}")]
    Forbidden {
        /// Its number.
        pid: u32,
        /// What the system said.
        source: io::Error,
    },
    /// It is in a user namespace in which this user is nobody, and could make nothing.
    #[error(
        "process {pid} is in a user namespace of user {owner}, in which the user of this process has no \
         number"
    )]
    Unmapped {
        /// Its number.
        pid: u32,
        /// Whose namespace it is: who is the first of its users.
        owner: u32,
    },
}

impl Beside {
    /// A process by its number.
    ///
    /// # Errors
    /// If there is none, or this user may not look into it.
    pub fn of(pid: u32) -> Result<Self, BesideError> {
        let number = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let number = number.ok_or(BesideError::Missing(pid))?;
        let process = pidfd_open(number, PidfdFlags::empty()).map_err(|errno| match errno {
            Errno::SRCH | Errno::INVAL => BesideError::Missing(pid),
            errno => BesideError::Forbidden {
                pid,
                source: errno.into(),
            },
        })?;
        fs::read_link(format!("/proc/{pid}/ns/mnt"))
            .map_err(|source| BesideError::Forbidden { pid, source })?;
        let map = fs::read_to_string(format!("/proc/{pid}/uid_map"));
        let map = map.map_err(|source| BesideError::Forbidden { pid, source })?;
        match unmapped(&map, geteuid().as_raw()) {
            Some(owner) => Err(BesideError::Unmapped { pid, owner }),
            None => Ok(Self { pid, process }),
        }
    }

    /// Whether it has ended, or does so within a time.
    pub fn ends_within(&self, time: Duration) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let mut polled = [PollFd::new(&self.process, PollFlags::IN)];
        let time = Timespec::try_from(time).ok();
        poll(&mut polled, time.as_ref()).is_ok_and(|count| count > 0)
    }

    /// A text file in its root, as far as it can be read.
    pub fn file(&self, path: &str) -> Option<String> {
        let root = crate::target::RootDirectory::open(format!("/proc/{}/root", self.pid), false);
        let text = root.ok()?.text(path).ok()?;
        (!text.is_empty()).then_some(text)
    }
}

/// Whether a user is none of those of a user namespace, and who is the first of them then
/// (user_namespaces(7): the first number inside, the first outside, how many).
fn unmapped(map: &str, user: u32) -> Option<u32> {
    let ranges = map.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace().skip(1);
        let outside: u32 = words.next()?.parse().ok()?;
        let count: u32 = words.next()?.parse().ok()?;
        Some((outside, count))
    });
    let ranges: Vec<(u32, u32)> = ranges.collect();
    let mut offsets = ranges
        .iter()
        .map(|(outside, count)| (user.checked_sub(*outside), count));
    let is_mapped = offsets.any(|(offset, count)| offset.is_some_and(|offset| offset < *count));
    ranges
        .first()
        .map(|(owner, _)| *owner)
        .filter(|_| !is_mapped)
}

/// Joins the namespaces of a process, and gives a copy of its mounts. From then on, this process is in a
/// mount namespace of its own, which begins as a copy of the one that it was in.
pub(crate) fn join(pid: u32) -> Result<OwnedFd, Failure> {
    let process = PathBuf::from(format!("/proc/{pid}"));
    let failed = |what: &str| Failure::of(Step::Join, format!("join the {what} of process {pid}"));
    let open = |name: &str| {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        openat(CWD, process.join("ns").join(name), flags, Mode::empty())
    };
    // As long as they are open, they stay those of this very process.
    let (user, mounts) = (open("user"), open("mnt"));
    let (user, mounts) = (
        user.map_err(failed("user namespace"))?,
        mounts.map_err(failed("mounts"))?,
    );
    let mut others = Vec::new();
    for (name, kind) in JOINED {
        let open = open(name).map_err(failed("namespaces"))?;
        others.push((name, kind, open));
    }
    let enter =
        |namespace: &OwnedFd, kind| move_into_link_name_space(namespace.as_fd(), Some(kind));
    if !is_same(&process.join("ns/user"), Path::new("/proc/self/ns/user")) {
        enter(&user, LinkNameSpaceType::User).map_err(failed("user namespace"))?;
    }
    unshare(UnshareFlags::NEWNS).map_err(failed("mounts"))?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let own = openat(CWD, "/proc/self/ns/mnt", flags, Mode::empty());
    let own = own.map_err(failed("mounts"))?;
    let root = openat(
        CWD,
        process.join("root"),
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    );
    let root = root.map_err(failed("root"))?;
    let copy = || {
        // Mounts are copied by who is among them.
        enter(&mounts, LinkNameSpaceType::Mount)?;
        let flags = OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::AT_RECURSIVE
            | OpenTreeFlags::AT_EMPTY_PATH
            | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        let tree = open_tree(&root, "", flags);
        enter(&own, LinkNameSpaceType::Mount)?;
        tree
    };
    let tree = copy().map_err(failed("mounts"))?;
    for (name, kind, namespace) in &others {
        let path = format!("ns/{name}");
        if !is_same(&process.join(&path), &Path::new("/proc/self").join(&path)) {
            enter(namespace, *kind).map_err(failed(&format!("{name} namespace")))?;
        }
    }
    Ok(tree)
}

fn is_same(one: &Path, other: &Path) -> bool {
    let read = |path| fs::read_link(path).ok();
    read(one).is_some_and(|found| Some(found) == read(other))
}

/// Who a process is run as, in numbers of the user namespace that this process is in, and which
/// capabilities it has.
pub(crate) fn identity(pid: u32) -> Result<(Identity, CapabilitySet), Failure> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path);
    let text = text.map_err(Failure::io(Step::Join, format!("read `{path}`")))?;
    parse(&text).ok_or_else(|| Failure {
        action: format!("understand `{path}`"),
        step: Step::Join,
        errno: 0,
    })
}

fn parse(text: &str) -> Option<(Identity, CapabilitySet)> {
    let line = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.map(str::trim)
    };
    // The real, effective, saved and file system's numbers.
    let effective = |name| line(name)?.split_ascii_whitespace().nth(1)?.parse().ok();
    let groups = line("Groups:")?.split_ascii_whitespace();
    let capabilities = u64::from_str_radix(line("CapPrm:")?, 16).ok()?;
    let identity = Identity {
        uid: effective("Uid:")?,
        gid: effective("Gid:")?,
        groups: groups.filter_map(|word| word.parse().ok()).collect(),
        changes: true,
    };
    Some((identity, CapabilitySet::from_bits_retain(capabilities)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_a_process_is() {
        let text = "Name:\tx\nUid:\t0\t65532\t0\t0\nGid:\t1\t2\t3\t4\nGroups:\t29 44 \n\
            CapInh:\t0\nCapPrm:\t00000000a80425fb\n";
        let (identity, capabilities) = parse(text).unwrap();
        assert_eq!((identity.uid, identity.gid), (65532, 2));
        assert_eq!(identity.groups, [29, 44]);
        assert!(capabilities.contains(CapabilitySet::CHOWN));
        assert!(!capabilities.contains(CapabilitySet::SYS_ADMIN));
        assert!(parse("Uid:\t0\n").is_none());
    }

    #[test]
    fn users_of_namespaces() {
        let all = "         0          0 4294967295\n";
        assert_eq!((unmapped(all, 0), unmapped(all, 65534)), (None, None));
        let own = "0 1000 1\n1 100000 65536\n";
        assert_eq!(unmapped(own, 1000), None);
        assert_eq!(unmapped(own, 165_535), None);
        assert_eq!(unmapped(own, 165_536), Some(1000));
        assert_eq!(unmapped(own, 0), Some(1000));
        // A process that has just ended has none.
        assert_eq!(unmapped("", 0), None);
    }

    #[test]
    fn processes_that_there_are() {
        let own = Beside::of(std::process::id()).unwrap();
        assert!(!own.ends_within(Duration::ZERO));
        assert!(own.file("/proc/self/status").is_some());
        assert!(own.file("/gone").is_none());
        assert!(matches!(Beside::of(0), Err(BesideError::Missing(0))));
        let gone = u32::try_from(i32::MAX).unwrap();
        assert!(matches!(Beside::of(gone), Err(BesideError::Missing(_))));
    }
}
