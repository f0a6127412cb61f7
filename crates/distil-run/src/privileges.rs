//! What a container's processes may not do: everything that needs a capability, and gaining any.

use rustix::fs::{Gid, Uid};
use rustix::io::Errno;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
    configure_capability_in_ambient_set, remove_capability_from_bounding_set, set_capabilities,
    set_keep_capabilities, set_no_new_privs, set_thread_groups, set_thread_res_gid,
    set_thread_res_uid,
};

use crate::error::{Failure, Step};
use crate::plan::{Identity, ProcessLimits};
use crate::seccomp;

/// Becomes the program's user without any capability, for good.
pub(crate) fn drop_all(identity: &Identity) -> Result<(), Failure> {
    change(identity).map_err(Failure::of(Step::Other, "drop all capabilities"))?;
    seccomp::restrict().map_err(Failure::io(Step::Other, "restrict system calls"))?;
    // Nobody in the container may look into the process that started it, or at its executable,
    // which is the host's (CVE-2019-5736). Changing the user resets this, so it comes last.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(Failure::of(Step::Other, "protect the first process"))
}

/// Limits what this process, and each that it starts, may use.
pub(crate) fn limit(limits: &ProcessLimits) -> Result<(), Failure> {
    let each = [
        (Resource::As, limits.address_space),
        (Resource::Stack, limits.stack),
        (Resource::Fsize, limits.file_size),
        (Resource::Core, limits.file_size),
    ];
    for (resource, limit) in each {
        let Some(limit) = limit else {
            continue;
        };
        let both = Rlimit {
            current: Some(limit),
            maximum: Some(limit),
        };
        let failed = Failure::of(Step::Other, "limit what a process may use");
        setrlimit(resource, both).map_err(failed)?;
    }
    Ok(())
}

/// What tools beside a process may do beside what that may: look into it, and into its files as it sees
/// them.
const TOOLS: CapabilitySet = CapabilitySet::SYS_PTRACE.union(CapabilitySet::SYS_CHROOT);

/// Becomes the user of a process, with its capabilities and those that tools need, as far as this process
/// has them.
pub(crate) fn keep(identity: &Identity, target: CapabilitySet) -> Result<(), Failure> {
    let steps = || {
        let kept = (target | TOOLS) & capabilities(None)?.permitted;
        for one in each() {
            if !kept.contains(one) {
                match remove_capability_from_bounding_set(one) {
                    Err(Errno::INVAL) => break,
                    other => other?,
                }
            }
        }
        set_keep_capabilities(true)?;
        become_user(identity)?;
        set_capabilities(
            None,
            CapabilitySets {
                effective: kept,
                permitted: kept,
                inheritable: kept,
            },
        )?;
        for one in each().filter(|one| kept.contains(*one)) {
            configure_capability_in_ambient_set(one, true)?;
        }
        set_no_new_privs(true)
    };
    steps().map_err(Failure::of(Step::Other, "become the target's user"))
}

/// Every capability by itself, known to the kernel or not.
fn each() -> impl Iterator<Item = CapabilitySet> {
    (0..u64::BITS).map(|bit| CapabilitySet::from_bits_retain(1 << bit))
}

fn become_user(identity: &Identity) -> Result<(), Errno> {
    let groups: Vec<Gid> = identity.groups.iter().copied().map(Gid::from_raw).collect();
    match set_thread_groups(&groups) {
        // In a namespace that an ordinary user made, nobody may: the groups stay that user's own.
        Err(Errno::PERM) if denies_groups() => {}
        other => other?,
    }
    let gid = Gid::from_raw(identity.gid);
    set_thread_res_gid(gid, gid, gid)?;
    let uid = Uid::from_raw(identity.uid);
    set_thread_res_uid(uid, uid, uid)
}

fn denies_groups() -> bool {
    let text = std::fs::read_to_string("/proc/self/setgroups");
    text.is_ok_and(|text| text.trim() == "deny")
}

fn change(identity: &Identity) -> Result<(), Errno> {
    clear_ambient_capability_set()?;
    for one in each() {
        match remove_capability_from_bounding_set(one) {
            // The kernel knows no more.
            Err(Errno::INVAL) => break,
            other => other?,
        }
    }
    if identity.changes {
        become_user(identity)?;
    }
    let none = CapabilitySet::empty();
    set_capabilities(
        None,
        CapabilitySets {
            effective: none,
            permitted: none,
            inheritable: none,
        },
    )?;
    set_no_new_privs(true)
}
