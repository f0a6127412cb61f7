//! The stage that becomes a tool beside a running process: it has a root of its own, and everything
//! else of the target's, whose user it is.

use std::os::unix::process::CommandExt;

use rustix::fs::Mode;
use rustix::process::{Signal, set_parent_process_death_signal, umask};
use rustix::thread::UnshareFlags;

use crate::channel::{Channel, Report};
use crate::error::{Failure, Step};
use crate::init::{self, Prepared};
use crate::outer::{FAILED, unshare};
use crate::{beside, privileges, rootfs};

/// Becomes the tool, or gives the status of a failure.
pub(crate) fn run(channel: &Channel) -> u8 {
    let Err(failure) = become_tool(channel);
    let _ = channel.send(&Report::Failed(failure));
    FAILED
}

fn become_tool(channel: &Channel) -> Result<std::convert::Infallible, Failure> {
    let told = |what: &str| Failure::io(Step::Other, what.to_owned());
    let (plan, input) = init::receive(channel)?;
    let target = channel.receive_file();
    let target = target.map_err(told("receive the target's files"))?;
    let pid = plan.beside.unwrap_or_default();
    let (identity, capabilities) = beside::identity(pid)?;
    // The stage that waits for this one stays where `/proc` is the host's.
    unshare(UnshareFlags::NEWNS).map_err(Failure::of(Step::Mount, "make a mount namespace"))?;
    umask(Mode::empty());
    rootfs::enter(&plan, Some(&target))?;
    umask(Mode::from_raw_mode(0o022));
    drop(target);
    let prepared = Prepared::new(&plan, &identity, input)?;
    privileges::keep(&identity, capabilities)?;
    init::enter_workdir(&plan)?;
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(Failure::of(
        Step::Other,
        "end with the process that started this one",
    ))?;
    prepared.report(channel)?;
    // Nobody can tell afterwards.
    channel
        .send(&Report::Started)
        .map_err(told("report to the supervisor"))?;
    let word = plan.process.words.first().cloned().unwrap_or_default();
    let error = prepared.command(&plan.process)?.exec();
    Err(Failure::io(Step::Program, format!("start `{word}`"))(error))
}
