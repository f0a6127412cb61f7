//! The stage that makes the namespaces, or joins those of a process, and waits for what runs in them. It stays outside of the PID
//! namespace that it makes: only its child is in that.

use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::{Signal, set_parent_process_death_signal, setsid};
use rustix::thread::{
    CapabilitySet, UnshareFlags, capabilities, configure_capability_in_ambient_set,
    set_capabilities,
};

use crate::beside;
use crate::channel::{Channel, Order, Report};
use crate::error::{Failure, Step};
use crate::plan::{Namespaces, Network};
use crate::stage::Stage;

/// The status of a stage that failed; the supervisor has been told why.
pub(crate) const FAILED: u8 = 125;

/// Does its work, and gives the program's exit status.
pub(crate) fn run(channel: &Channel) -> u8 {
    match isolate(channel) {
        Ok(status) => status,
        Err(failure) => {
            let _ = channel.send(&Report::Failed(failure));
            FAILED
        }
    }
}

fn isolate(channel: &Channel) -> Result<u8, Failure> {
    let told = |what: &str| Failure::io(Step::Other, what.to_owned());
    let order = channel.receive().map_err(told("receive what to do"))?;
    let Order::Namespaces(namespaces) = order else {
        return Err(told("understand what to do")(std::io::Error::other(
            "order",
        )));
    };
    // A Ctrl-C is for the supervisor, which passes it on.
    setsid().map_err(Failure::of(Step::Other, "begin a session"))?;
    let stage = match namespaces {
        Namespaces::New { network } => {
            make(channel, network)?;
            Stage::Init
        }
        Namespaces::Of { pid } => {
            let files = beside::join(pid)?;
            keep_capabilities().map_err(Failure::of(Step::Join, "keep capabilities"))?;
            end_with_parent()?;
            let tell = || {
                channel.send(&Report::Joined)?;
                channel.send_file(files.as_fd())
            };
            tell().map_err(told("report to the supervisor"))?;
            Stage::Keeper
        }
    };
    let again = channel.again().map_err(told("share the channel"))?;
    let mut inner = stage.start(again).map_err(Failure::io(
        Step::Other,
        "start the container's first process",
    ))?;
    let status = inner.wait();
    let status = status.map_err(told("wait for the container"))?;
    Ok(status_of(status))
}

/// Makes the namespaces of a container.
fn make(channel: &Channel, network: Network) -> Result<(), Failure> {
    let told = |what: &str| Failure::io(Step::Other, what.to_owned());
    unshare(UnshareFlags::NEWUSER)
        .map_err(Failure::of(Step::UserNamespace, "make a user namespace"))?;
    // After the namespace, which forgets it.
    end_with_parent()?;
    channel
        .send(&Report::Unshared)
        .map_err(told("ask for numbers"))?;
    match channel.receive().map_err(told("receive numbers"))? {
        Order::Mapped => {}
        _ => {
            return Err(told("understand what to do")(std::io::Error::other(
                "order",
            )));
        }
    }
    keep_capabilities().map_err(Failure::of(
        Step::Namespaces,
        "keep capabilities in the user namespace",
    ))?;
    let mut flags = UnshareFlags::NEWNS
        | UnshareFlags::NEWPID
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS
        | UnshareFlags::NEWCGROUP;
    if network == Network::None {
        flags |= UnshareFlags::NEWNET;
    }
    unshare(flags).map_err(Failure::of(Step::Namespaces, "make namespaces"))
}

/// As shells report it: 128 and the signal for a process that one ended.
pub(crate) fn status_of(status: ExitStatus) -> u8 {
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok())
        .unwrap_or(FAILED)
}

/// Has the kernel kill this process when the one that started it ends.
pub(crate) fn end_with_parent() -> Result<(), Failure> {
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(Failure::of(
        Step::Other,
        "end with the process that started this one",
    ))
}

/// Makes namespaces.
#[allow(
    deprecated,
    reason = "rustix deprecates it because of CLONE_FILES, which is not among the flags here"
)]
pub(crate) fn unshare(flags: UnshareFlags) -> rustix::io::Result<()> {
    rustix::thread::unshare(flags)
}

/// Lets the child have the capabilities of this process: who is not root would lose them with
/// execve(2) (capabilities(7), "Ambient").
fn keep_capabilities() -> rustix::io::Result<()> {
    let mut sets = capabilities(None)?;
    sets.inheritable = sets.permitted;
    set_capabilities(None, sets)?;
    for bit in 0..u64::BITS {
        let one = CapabilitySet::from_bits_retain(1 << bit);
        if sets.permitted.contains(one) {
            configure_capability_in_ambient_set(one, true)?;
        }
    }
    Ok(())
}
