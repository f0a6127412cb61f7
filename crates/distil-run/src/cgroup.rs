//! Limits on what all processes of a container use together: a control group of its own (cgroups(7)),
//! where this user may make one.
//!
//! In version 2 that is so where the group of this process, or the one above it, was delegated to the
//! user, as systemd does for what it starts in a user's session; in version 1 for root alone.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// What a container may use at most; nothing is limited where there is no number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory. As in Docker, it may use as many of swap space beside.
    pub memory: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u64>,
}

impl Limits {
    fn is_none(self) -> bool {
        self == Self::default()
    }

    /// The controllers that are needed.
    fn controllers(self) -> Vec<&'static str> {
        let memory = self.memory.map(|_| "memory");
        memory
            .into_iter()
            .chain(self.pids.map(|_| "pids"))
            .collect()
    }
}

/// Why a container cannot be limited.
#[derive(Debug, thiserror::Error)]
pub enum LimitsError {
    /// The system has no such controller.
    #[error("this system has no control groups with the controller `{0}`")]
    NoController(&'static str),
    /// The groups are others'.
    #[error("no control group is delegated to this user: failed to {action} `{}`", path.display())]
    NotDelegated {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The name of the groups that containers have, before the number of the process that made one.
const PREFIX: &str = "distil-";

/// Control groups of one container, which are removed with this.
#[derive(Debug)]
pub(crate) struct ControlGroups(Vec<PathBuf>);

impl ControlGroups {
    /// Makes what the limits need; nothing where nothing is limited.
    pub(crate) fn make(limits: Limits) -> Result<Self, LimitsError> {
        if limits.is_none() {
            return Ok(Self(Vec::new()));
        }
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let places = Hierarchies {
            mounts: &text("/proc/self/mountinfo"),
            groups: &text("/proc/self/cgroup"),
        };
        Self::make_at(&places, limits, std::process::id())
    }

    fn make_at(places: &Hierarchies<'_>, limits: Limits, pid: u32) -> Result<Self, LimitsError> {
        let mut made = Self(Vec::new());
        let controllers = limits.controllers();
        if let Some(unified) = places.unified(&controllers) {
            made.make_unified(&unified, &controllers, limits, pid)?;
            return Ok(made);
        }
        for controller in controllers {
            let own = places.of(controller);
            let own = own.ok_or(LimitsError::NoController(controller))?;
            let path = made.make_group(&own, pid)?;
            match controller {
                "memory" => {
                    let memory = limits.memory.unwrap_or(u64::MAX);
                    write(&path, "memory.limit_in_bytes", memory)?;
                    // Where swap is not accounted for, there is no such file.
                    let both = memory.saturating_mul(2);
                    let _ = write(&path, "memory.memsw.limit_in_bytes", both);
                }
                _ => write(&path, "pids.max", limits.pids.unwrap_or(u64::MAX))?,
            }
        }
        Ok(made)
    }

    /// A group beside that of this process, or below it where that has no processes of its own: a
    /// group with processes has none below it that share its resources (cgroups(7), "no internal
    /// processes").
    fn make_unified(
        &mut self,
        own: &Path,
        controllers: &[&str],
        limits: Limits,
        pid: u32,
    ) -> Result<(), LimitsError> {
        let enable: Vec<String> = controllers.iter().map(|name| format!("+{name}")).collect();
        let shares = |group: &Path| {
            let path = group.join("cgroup.subtree_control");
            let shared = fs::read_to_string(&path).map_err(not_delegated("read", &path))?;
            let shared: Vec<&str> = shared.split_ascii_whitespace().collect();
            if controllers.iter().all(|name| shared.contains(name)) {
                return Ok(());
            }
            fs::write(&path, enable.join(" ")).map_err(not_delegated("share controllers by", &path))
        };
        let above = own
            .parent()
            .filter(|above| above.join("cgroup.controllers").exists());
        let mut first = None;
        for group in above.into_iter().chain([own]) {
            let made = shares(group).and_then(|()| self.make_group(group, pid));
            match made {
                Ok(path) => {
                    if let Some(memory) = limits.memory {
                        write(&path, "memory.max", memory)?;
                        let _ = write(&path, "memory.swap.max", memory);
                    }
                    if let Some(pids) = limits.pids {
                        write(&path, "pids.max", pids)?;
                    }
                    return Ok(());
                }
                Err(error) => first = first.or(Some(error)),
            }
        }
        match first {
            Some(error) => Err(error),
            None => Err(LimitsError::NoController("memory")),
        }
    }

    fn make_group(&mut self, above: &Path, pid: u32) -> Result<PathBuf, LimitsError> {
        remove_left(above);
        let path = above.join(format!("{PREFIX}{pid}"));
        match fs::create_dir(&path) {
            // Of a process that had this number before.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
        .map_err(not_delegated("create", &path))?;
        self.0.push(path.clone());
        Ok(path)
    }

    /// Has a process, and all that it starts from now on, be in them.
    pub(crate) fn take(&self, pid: u32) -> Result<(), LimitsError> {
        for group in &self.0 {
            write(group, "cgroup.procs", u64::from(pid))?;
        }
        Ok(())
    }
}

impl Drop for ControlGroups {
    /// A group can be removed when its last process is gone, which takes a moment after that was
    /// killed.
    fn drop(&mut self) {
        for group in &self.0 {
            for _ in 0..100 {
                match fs::remove_dir(group) {
                    Err(error) if error.raw_os_error() == Some(BUSY) => {
                        thread::sleep(Duration::from_millis(5));
                    }
                    _ => break,
                }
            }
        }
    }
}

const BUSY: i32 = rustix::io::Errno::BUSY.raw_os_error();

/// Removes groups of processes that were killed before they could.
fn remove_left(above: &Path) {
    let Ok(entries) = fs::read_dir(above) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let pid = pid.and_then(|pid| pid.parse::<u32>().ok());
        if pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            // Fails where something is still in it.
            let _ = fs::remove_dir(entry.path());
        }
    }
}

fn write(group: &Path, file: &str, number: u64) -> Result<(), LimitsError> {
    let path = group.join(file);
    fs::write(&path, number.to_string()).map_err(not_delegated("write to", &path))
}

fn not_delegated(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LimitsError {
    let path = path.to_owned();
    move |source| LimitsError::NotDelegated {
        action,
        path,
        source,
    }
}

/// Where the control groups of this process are, by `/proc/self/mountinfo` and `/proc/self/cgroup`.
struct Hierarchies<'a> {
    mounts: &'a str,
    groups: &'a str,
}

impl Hierarchies<'_> {
    /// The group of this process in version 2, if that has the controllers.
    fn unified(&self, controllers: &[&str]) -> Option<PathBuf> {
        let path = self
            .groups
            .lines()
            .find_map(|line| line.strip_prefix("0::"))?;
        let own = self.place("cgroup2", None, path)?;
        let has = fs::read_to_string(own.join("cgroup.controllers")).ok()?;
        let has: Vec<&str> = has.split_ascii_whitespace().collect();
        controllers
            .iter()
            .all(|name| has.contains(name))
            .then_some(own)
    }

    /// The group of this process for a controller in version 1.
    fn of(&self, controller: &str) -> Option<PathBuf> {
        let path = self.groups.lines().find_map(|line| {
            let (_, rest) = line.split_once(':')?;
            let (names, path) = rest.split_once(':')?;
            names
                .split(',')
                .any(|name| name == controller)
                .then_some(path)
        })?;
        self.place("cgroup", Some(controller), path)
    }

    /// A group's directory: the path of a mount of this type and option, and behind it that of the
    /// group as far as it is not the mount's own root (proc_pid_mountinfo(5)).
    fn place(&self, kind: &str, option: Option<&str>, group: &str) -> Option<PathBuf> {
        self.mounts.lines().find_map(|line| {
            let (mount, rest) = line.split_once(" - ")?;
            let mut rest = rest.split(' ');
            let (found, options) = (rest.next()?, rest.nth(1).unwrap_or_default());
            let has = |option: &str| options.split(',').any(|one| one == option);
            if found != kind || option.is_some_and(|option| !has(option)) {
                return None;
            }
            let mut words = mount.split(' ').skip(3);
            let (root, point) = (words.next()?, words.next()?);
            let below = match root {
                "/" => group,
                root => group.strip_prefix(root)?,
            };
            Some(Path::new(point).join(below.trim_start_matches('/')))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Limits = Limits {
        memory: Some(64 << 20),
        pids: Some(20),
    };

    /// A directory that looks like control groups of version 2: `user/shell` is this process's.
    struct Fake(tempfile::TempDir);

    impl Fake {
        fn new(controllers: &str, shared: &str) -> Self {
            let fake = Self(tempfile::tempdir().unwrap());
            let shell = fake.path("user/shell");
            fs::create_dir_all(&shell).unwrap();
            for group in [fake.path("user"), shell] {
                fs::write(group.join("cgroup.controllers"), controllers).unwrap();
                fs::write(group.join("cgroup.subtree_control"), "").unwrap();
            }
            fs::write(fake.path("user/cgroup.subtree_control"), shared).unwrap();
            fake
        }

        fn path(&self, path: &str) -> PathBuf {
            self.0.path().join(path)
        }

        fn make(&self) -> Result<ControlGroups, LimitsError> {
            let point = self.0.path().display();
            let mounts = format!("29 22 0:26 / {point} rw,nosuid shared:4 - cgroup2 cgroup2 rw\n");
            let places = Hierarchies {
                mounts: &mounts,
                groups: "0::/user/shell\n",
            };
            ControlGroups::make_at(&places, BOTH, 4_000_000_000)
        }

        fn text(&self, path: &str) -> String {
            fs::read_to_string(self.path(path)).unwrap()
        }
    }

    #[test]
    fn a_group_is_made_beside_that_of_this_process() {
        let fake = Fake::new("cpu memory pids\n", "memory pids\n");
        let groups = fake.make().unwrap();
        groups.take(17).unwrap();
        let group = "user/distil-4000000000";
        assert_eq!(fake.text(&format!("{group}/memory.max")), "67108864");
        assert_eq!(fake.text(&format!("{group}/memory.swap.max")), "67108864");
        assert_eq!(fake.text(&format!("{group}/pids.max")), "20");
        assert_eq!(fake.text(&format!("{group}/cgroup.procs")), "17");
        assert_eq!(fake.text("user/cgroup.subtree_control"), "memory pids\n");
    }

    #[test]
    fn controllers_are_shared_where_they_are_not() {
        let fake = Fake::new("memory pids\n", "pids\n");
        fake.make().unwrap();
        assert_eq!(fake.text("user/cgroup.subtree_control"), "+memory +pids");
    }

    #[test]
    fn a_controller_that_is_not_there_is_named() {
        let error = Fake::new("cpu\n", "").make().unwrap_err().to_string();
        let expected = "this system has no control groups with the controller `memory`";
        assert_eq!(error, expected);
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_nothing_else() {
        let fake = Fake::new("memory pids\n", "memory pids\n");
        let own = format!("user/distil-{}", std::process::id());
        for group in ["user/distil-3999999999", "user/distil-x", &own] {
            fs::create_dir(fake.path(group)).unwrap();
        }
        fake.make().unwrap();
        assert!(!fake.path("user/distil-3999999999").exists());
        assert!(fake.path("user/distil-x").exists() && fake.path(&own).exists());
    }

    #[test]
    fn places_are_told_by_mounts() {
        let places = Hierarchies {
            mounts: "30 23 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                     31 23 0:28 /docker/abc /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n",
            groups: "8:pids:/docker/abc/inner\n4:cpu,memory:/app\n0::/\n",
        };
        let of = |name| places.of(name).map(|path| path.display().to_string());
        assert_eq!(of("memory").as_deref(), Some("/sys/fs/cgroup/memory/app"));
        assert_eq!(of("pids").as_deref(), Some("/sys/fs/cgroup/pids/inner"));
        assert_eq!(of("cpu"), None);
        assert_eq!(places.unified(&["memory"]), None);
    }
}
