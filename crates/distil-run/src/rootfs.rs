//! The root of a container: the unpacked tree, which is shared and never written, with everything
//! mounted in it; then it becomes the root of this mount namespace.

use std::os::fd::OwnedFd;

use rustix::ffi::CStr;
use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_change, unmount,
};
use rustix::process::{chdir, fchdir, pivot_root};

use crate::error::{Failure, Step};
use crate::mounts;
use crate::plan::{Plan, RootPlan};
use crate::target::{RootDirectory, path_of};

/// The most that may lie in memory of what a container writes into its root, in parts of the
/// machine's.
const LAYER_SIZE: &CStr = c"mode=0700,size=50%";

/// Where tools see the files of their target.
pub(crate) const TARGET: &str = "/target";

/// Makes the container's root, and changes to it. `target` are the mounts of a process that this is a
/// tool beside.
pub(crate) fn enter(plan: &Plan, target: Option<&OwnedFd>) -> Result<(), Failure> {
    // Nothing that is mounted here is seen outside, and nothing outside appears here later.
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).map_err(Failure::of(Step::Namespaces, "make mounts private"))?;
    let scratch = scratch(&plan.root)?;
    let root = root(&plan.root, &scratch)?;
    mounts::system(&root, plan, &scratch)?;
    if let Some(target) = target {
        mounts::tree(&root, TARGET, target)?;
    }
    mounts::volumes(&root, &plan.volumes)?;
    mounts::workdir(&root, &plan.process.workdir)?;
    if !plan.root.writable {
        mounts::forbid_writing(
            &path_of(&root.as_fd()),
            MountFlags::NODEV | MountFlags::NOSUID,
        )
        .map_err(Failure::of(Step::Mount, "make the root read-only"))?;
    }
    change(&root)
}

/// A file system in memory for what is the container's own, mounted over a directory that all
/// containers share; each sees its own there.
fn scratch(plan: &RootPlan) -> Result<OwnedFd, Failure> {
    let path = plan.scratch.as_path();
    let failed =
        |errno| Failure::of(Step::Mount, format!("mount tmpfs on `{}`", path.display()))(errno);
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount("tmpfs", path, "tmpfs", flags, LAYER_SIZE).map_err(failed)?;
    let open = openat(CWD, path, DIRECTORY, Mode::empty()).map_err(failed)?;
    for name in ["lower", "upper", "work", "root", "files"] {
        mkdirat(&open, name, Mode::RWXU).map_err(failed)?;
    }
    Ok(open)
}

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

fn root(plan: &RootPlan, scratch: &OwnedFd) -> Result<RootDirectory, Failure> {
    let failed = Failure::of(Step::Mount, format!("mount `{}`", plan.tree.display()));
    // Paths in an overlay's options cannot have every byte; these are relative.
    let enter = fchdir(scratch).and_then(|()| mount_bind(plan.tree.as_path(), "lower"));
    enter.map_err(failed)?;
    let failed = |errno| Failure::of(Step::Mount, "protect the image's files")(errno);
    mounts::forbid_writing("lower", MountFlags::NODEV | MountFlags::NOSUID).map_err(failed)?;
    if !plan.overlay {
        return RootDirectory::open("lower", false).map_err(failed);
    }
    // With `userxattr` since Linux 5.11 who is root in a user namespace only may mount one
    // (Documentation/filesystems/overlayfs.rst).
    let options = c"lowerdir=lower,upperdir=upper,workdir=work,userxattr";
    let flags = MountFlags::NODEV | MountFlags::NOSUID;
    copy_mode().map_err(failed)?;
    mount("overlay", "root", "overlay", flags, options)
        .map_err(Failure::of(Step::Overlay, "mount an overlay"))?;
    RootDirectory::open("root", true).map_err(failed)
}

/// Gives the writable layer the root's mode: the directory on top decides.
fn copy_mode() -> Result<(), Errno> {
    let status = rustix::fs::stat("lower")?;
    rustix::fs::chmod("upper", Mode::from_raw_mode(status.st_mode & 0o7777))
}

/// Makes the root this namespace's, and takes the old one away (pivot_root(2), "pivot_root(".",
/// ".")").
fn change(root: &RootDirectory) -> Result<(), Failure> {
    let failed = Failure::of(Step::Mount, "change to the container's root");
    let steps = || {
        fchdir(root.as_fd())?;
        pivot_root(".", ".")?;
        unmount(".", UnmountFlags::DETACH)?;
        chdir("/")
    };
    steps().map_err(failed)
}
