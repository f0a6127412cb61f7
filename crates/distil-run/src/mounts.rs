//! What every container has mounted, as the OCI runtime specification lists it for Linux ("Default
//! Filesystems", "Default Devices") and Docker hides parts of it: `/proc`, `/dev`, `/sys`, `/tmp`,
//! three files in `/etc`; and the user's volumes.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use rustix::ffi::CStr;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, StatVfsMountFlags, openat, statvfs, symlinkat};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, mount, mount_bind, mount_bind_recursive,
    mount_change, mount_remount, move_mount,
};

use crate::error::{Failure, Step};
use crate::plan::{Network, Plan};
use crate::target::{Kind, RootDirectory, file_type, path_of};
use crate::volume::Volume;

const PLAIN: MountFlags = MountFlags::NOSUID
    .union(MountFlags::NODEV)
    .union(MountFlags::NOEXEC);

/// Devices of the host that a container has.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// Links in `/dev`.
const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

/// What of `/proc` and `/sys` tells of the host or acts on it, and is hidden: Docker's list.
const HIDDEN: [&str; 11] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
];

/// What of `/proc` may only be read: Docker's list.
const READ_ONLY: [&str; 5] = [
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
];

/// Mounts what every container has.
pub(crate) fn system(root: &RootDirectory, plan: &Plan, scratch: &OwnedFd) -> Result<(), Failure> {
    mount_new(root, "/proc", "proc", PLAIN, None)?;
    devices(root, plan.beside.is_some())?;
    kernel(root, plan.network)?;
    let data = Some(c"mode=1777");
    mount_new(
        root,
        "/tmp",
        "tmpfs",
        MountFlags::NOSUID | MountFlags::NODEV,
        data,
    )?;
    for (number, (path, bytes)) in plan.files.iter().enumerate() {
        file(root, scratch, number, path, bytes)?;
    }
    for path in READ_ONLY {
        restrict(root, path)
            .map_err(Failure::of(Step::Mount, format!("make `{path}` read-only")))?;
    }
    for path in HIDDEN {
        hide(root, path).map_err(Failure::of(Step::Mount, format!("hide `{path}`")))?;
    }
    Ok(())
}

/// Where a new file system goes, with the words for what failed.
fn mount_new(
    root: &RootDirectory,
    path: &str,
    kind: &str,
    flags: MountFlags,
    data: Option<&CStr>,
) -> Result<(), Failure> {
    let failed = Failure::of(Step::Mount, format!("mount {kind} on `{path}`"));
    let steps = || {
        let target = root.mount_point(path, Kind::Directory)?;
        mount(kind, path_of(&target), kind, flags, data)
    };
    steps().map_err(failed)
}

fn devices(root: &RootDirectory, is_beside: bool) -> Result<(), Failure> {
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC | MountFlags::STRICTATIME;
    let data = Some(c"mode=755,size=65536k");
    mount_new(root, "/dev", "tmpfs", flags, data)?;
    // What is mounted is empty, and the container's own.
    let root = root.for_making();
    let root = root.map_err(Failure::of(Step::Mount, "open `/dev`"))?;
    for name in DEVICES {
        let steps = || {
            let target = root.mount_point(&format!("/dev/{name}"), Kind::File)?;
            mount_bind(format!("/dev/{name}"), path_of(&target))
        };
        steps().map_err(Failure::of(Step::Mount, format!("mount `/dev/{name}`")))?;
    }
    let links = || {
        let dev = root.find("/dev")?;
        LINKS
            .iter()
            .try_for_each(|(name, target)| symlinkat(*target, &dev, *name))
    };
    links().map_err(Failure::of(Step::Mount, "make the links in `/dev`"))?;
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    // Without `gid=5`, which has no meaning where one group is mapped.
    let data = Some(c"newinstance,ptmxmode=0666,mode=0620");
    mount_new(&root, "/dev/pts", "devpts", flags, data)?;
    let data = Some(c"mode=1777,size=65536k");
    mount_new(&root, "/dev/shm", "tmpfs", PLAIN, data)?;
    match mount_new(&root, "/dev/mqueue", "mqueue", PLAIN, None) {
        // The target is in an IPC namespace of others, whose messages are none of its business.
        Err(failure) if is_beside && failure.is(Errno::PERM) => Ok(()),
        other => other,
    }
}

/// `/sys`: that of the container's own network where it has one, else the host's; in both cases
/// only to be read.
fn kernel(root: &RootDirectory, network: Network) -> Result<(), Failure> {
    let failed = |errno| Failure::of(Step::Mount, "mount `/sys`")(errno);
    let target = root.mount_point("/sys", Kind::Directory).map_err(failed)?;
    let flags = PLAIN | MountFlags::RDONLY;
    if network == Network::None && mount("sysfs", path_of(&target), "sysfs", flags, None).is_ok() {
        let cgroups = || {
            let target = root.find("/sys/fs/cgroup")?;
            mount("cgroup2", path_of(&target), "cgroup2", flags, None)
        };
        // Where the host has none, or hides parts of it, neither has the container.
        let _ = cgroups();
        return Ok(());
    }
    let steps = || {
        mount_bind_recursive("/sys", path_of(&target))?;
        forbid_writing_below(root, "/sys", PLAIN)
    };
    steps().map_err(failed)
}

/// A text file of the container's own.
fn file(
    root: &RootDirectory,
    scratch: &OwnedFd,
    number: usize,
    path: &str,
    bytes: &[u8],
) -> Result<(), Failure> {
    let failed = |errno| Failure::of(Step::Mount, format!("mount `{path}`"))(errno);
    let name = format!("files/{number}");
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let open = openat(scratch, &name, flags, Mode::from_raw_mode(0o644)).map_err(failed)?;
    let write = std::io::Write::write_all(&mut fs::File::from(open), bytes);
    write.map_err(Failure::io(Step::Mount, format!("write `{path}`")))?;
    let steps = || {
        let target = match root.mount_point(path, Kind::File) {
            // An image may have no `/etc`, or links that lead nowhere in its place.
            Err(Errno::NOENT | Errno::EXIST | Errno::NOTDIR | Errno::ISDIR | Errno::LOOP) => {
                return Ok(());
            }
            other => other?,
        };
        let source = openat(
            scratch,
            &name,
            OFlags::PATH | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        mount_bind(path_of(&source), path_of(&target))?;
        let mounted = root.find(path)?;
        forbid_writing(&path_of(&mounted), MountFlags::NOSUID | MountFlags::NODEV)
    };
    steps().map_err(failed)
}

/// Makes what is there read-only, if it is there.
fn restrict(root: &RootDirectory, path: &str) -> Result<(), Errno> {
    let target = match root.find(path) {
        Err(Errno::NOENT) => return Ok(()),
        other => other?,
    };
    mount_bind_recursive(path_of(&target), path_of(&target))?;
    let mounted = root.find(path)?;
    forbid_writing(&path_of(&mounted), PLAIN)
}

/// Puts something empty over what is there, if it is there.
fn hide(root: &RootDirectory, path: &str) -> Result<(), Errno> {
    let target = match root.find(path) {
        // Some of it the kernel itself forbids.
        Err(Errno::NOENT | Errno::ACCESS) => return Ok(()),
        other => other?,
    };
    match file_type(std::os::fd::AsFd::as_fd(&target))? {
        FileType::Directory => {
            let flags = PLAIN | MountFlags::RDONLY;
            mount(
                "tmpfs",
                path_of(&target),
                "tmpfs",
                flags,
                c"mode=755,size=0k",
            )
        }
        _ => mount_bind("/dev/null", path_of(&target)),
    }
}

/// Mounts a copy of a process's mounts, to be read only.
pub(crate) fn tree(root: &RootDirectory, path: &str, tree: &OwnedFd) -> Result<(), Failure> {
    let steps = || {
        let target = root.mount_point(path, Kind::Directory)?;
        let flags =
            MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
        move_mount(tree, "", &target, "", flags)?;
        // What is mounted or unmounted in the target later is not seen, and the other way round.
        let mounted = root.find(path)?;
        mount_change(
            path_of(&mounted),
            MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
        )?;
        forbid_writing_below(root, path, MountFlags::empty())
    };
    steps().map_err(Failure::of(
        Step::Mount,
        format!("mount the target's files on `{path}`"),
    ))
}

/// Mounts the user's volumes, those of outer directories first.
pub(crate) fn volumes(root: &RootDirectory, volumes: &[Volume]) -> Result<(), Failure> {
    let depth = |volume: &&Volume| {
        volume
            .path
            .split('/')
            .filter(|part| !part.is_empty())
            .count()
    };
    let mut volumes: Vec<&Volume> = volumes.iter().collect();
    volumes.sort_by_key(depth);
    for volume in volumes {
        let (host, path) = (volume.host.display(), &volume.path);
        let steps = || {
            let kind = match rustix::fs::stat(volume.host.as_path())
                .map(|status| FileType::from_raw_mode(status.st_mode))?
            {
                FileType::Directory => Kind::Directory,
                _ => Kind::File,
            };
            let target = root.mount_point(path, kind)?;
            // With what is mounted below: without, the kernel forbids it in a user namespace.
            mount_bind_recursive(volume.host.as_path(), path_of(&target))?;
            let flags = MountFlags::NOSUID | MountFlags::NODEV;
            match volume.read_only {
                true => forbid_writing_below(root, path, flags),
                false => Ok(()),
            }
        };
        let action = format!("mount the volume `{host}` on `{path}`");
        steps().map_err(Failure::of(Step::Mount, action))?;
    }
    Ok(())
}

/// Makes the directory that the program starts in, as engines do, if the root can be written.
pub(crate) fn workdir(root: &RootDirectory, path: &str) -> Result<(), Failure> {
    let made = root.mount_point(path, Kind::Directory).map(drop);
    made.map_err(Failure::of(
        Step::Other,
        format!("use `{path}` as the working directory"),
    ))
}

/// Forbids writing to a mount. What the kernel has locked stays locked, and it insists on being
/// told so (mount_namespaces(7), "Restrictions on mount namespaces").
pub(crate) fn forbid_writing(path: &str, flags: MountFlags) -> Result<(), Errno> {
    let flags = flags | locked(path)? | MountFlags::BIND | MountFlags::RDONLY;
    mount_remount(path, flags, c"")
}

/// The same with all that is mounted below a path in the root.
fn forbid_writing_below(root: &RootDirectory, path: &str, flags: MountFlags) -> Result<(), Errno> {
    let place = fs::read_link(path_of(&root.find(path)?)).map_err(|_| Errno::NOENT)?;
    let text = fs::read("/proc/self/mountinfo").map_err(|_| Errno::NOENT)?;
    for mounted in mounted_below(&text, &place) {
        // Of several on top of one another the highest is what a path leads to; each is met once.
        let Some(path) = mounted.to_str() else {
            return Err(Errno::ILSEQ);
        };
        match forbid_writing(path, flags) {
            // Another mount hides it, or it is below a directory that is closed to this user, and so to
            // what runs as this user.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::INVAL | Errno::ACCESS)
                if mounted != place => {}
            other => other?,
        }
    }
    Ok(())
}

fn locked(path: &str) -> Result<MountFlags, Errno> {
    let found = statvfs(path)?.f_flag;
    let known = BTreeMap::from([
        (StatVfsMountFlags::NOSUID.bits(), MountFlags::NOSUID),
        (StatVfsMountFlags::NODEV.bits(), MountFlags::NODEV),
        (StatVfsMountFlags::NOEXEC.bits(), MountFlags::NOEXEC),
        (StatVfsMountFlags::NOATIME.bits(), MountFlags::NOATIME),
        (StatVfsMountFlags::NODIRATIME.bits(), MountFlags::NODIRATIME),
        (StatVfsMountFlags::RELATIME.bits(), MountFlags::RELATIME),
    ]);
    let flags = known.iter().filter(|(bit, _)| found.bits() & *bit != 0);
    Ok(flags.fold(MountFlags::empty(), |all, (_, flag)| all | *flag))
}

/// The mount points at a path and below it, in a mountinfo file (proc_pid_mountinfo(5)).
fn mounted_below(text: &[u8], place: &std::path::Path) -> Vec<PathBuf> {
    let lines = text.split(|byte| *byte == b'\n');
    let points = lines.filter_map(|line| line.split(|byte| *byte == b' ').nth(4));
    let points = points.map(|point| PathBuf::from(std::ffi::OsString::from_vec(unescaped(point))));
    points.filter(|point| point.starts_with(place)).collect()
}

/// Spaces and their like are written in octal: `\040`.
fn unescaped(bytes: &[u8]) -> Vec<u8> {
    let mut result = Vec::new();
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        let digits = after
            .get(..3)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match (first, escaped) {
            (b'\\', Some(byte)) => {
                result.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            _ => {
                result.push(*first);
                rest = after;
            }
        }
    }
    result
}

/// Whether a host path can be used, for a message before anything is made.
pub(crate) fn exists(path: &std::path::Path) -> Result<(), Errno> {
    rustix::fs::statat(rustix::fs::CWD, path, AtFlags::empty()).map(drop)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn mount_points_below_a_path() {
        let text = b"22 1 0:20 / /sys rw - sysfs sysfs rw\n\
            23 22 0:6 / /sys/a\\040b rw,nosuid shared:2 - x x rw\n\
            24 1 0:7 / /system rw - x x rw\n";
        let found = mounted_below(text, Path::new("/sys"));
        assert_eq!(found, [Path::new("/sys"), Path::new("/sys/a b")]);
        assert_eq!(unescaped(b"a\\134\\9"), b"a\\\\9");
    }
}
