//! The stage that stays beside a running process for as long as a tool does, in its PID namespace: reaps
//! what the tool leaves, and takes everything away at the end, however that comes. Being no PID 1, it
//! has to do that itself.

use std::fs;

use rustix::process::{
    DumpableBehavior, Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper,
    set_dumpable_behavior, set_parent_process_death_signal, wait, waitpid,
};
use signal_hook::consts::{SIGCHLD, SIGTERM};
use signal_hook::iterator::Signals;

use crate::channel::{Channel, Report};
use crate::error::{Failure, Step};
use crate::outer::FAILED;
use crate::stage::Stage;

/// How often is looked for children of those that were killed.
const MAX_GENERATIONS: usize = 1000;

/// Does its work, and gives the tool's exit status.
pub(crate) fn run(channel: &Channel) -> u8 {
    let status = keep(channel);
    take_away();
    match status {
        Ok(status) => status,
        Err(failure) => {
            let _ = channel.send(&Report::Failed(failure));
            FAILED
        }
    }
}

fn keep(channel: &Channel) -> Result<u8, Failure> {
    let told = |what: &str| Failure::io(Step::Other, what.to_owned());
    // What loses its parent becomes this one's child, and no zombie of the target's.
    set_child_subreaper(Some(getpid())).map_err(Failure::of(Step::Other, "adopt orphans"))?;
    let mut signals = Signals::new([SIGTERM, SIGCHLD]).map_err(told("receive signals"))?;
    // Nothing of the host is to be seen through it.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(Failure::of(Step::Other, "protect this process"))?;
    // One that it can catch, to take away what it has started.
    set_parent_process_death_signal(Some(Signal::TERM)).map_err(Failure::of(
        Step::Other,
        "end with the process that started this one",
    ))?;
    let again = channel.again().map_err(told("share the channel"))?;
    let tool = Stage::Tool.start(again);
    let tool = tool.map_err(told("start the tool's process"))?;
    let tool = i32::try_from(tool.id()).ok().and_then(Pid::from_raw);
    loop {
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            if Some(pid) == tool {
                let code = status.exit_status();
                let code = code.or(status.terminating_signal().map(|signal| 128 + signal));
                return Ok(code
                    .and_then(|code| u8::try_from(code).ok())
                    .unwrap_or(FAILED));
            }
        }
        if signals.wait().any(|signal| signal == SIGTERM) {
            return Ok(FAILED);
        }
    }
}

/// Kills all descendants, the children of those that end becoming this process's.
fn take_away() {
    for _ in 0..MAX_GENERATIONS {
        let children = children();
        if children.is_empty() {
            return;
        }
        for child in children {
            let _ = kill_process(child, Signal::KILL);
            let _ = waitpid(Some(child), WaitOptions::empty());
        }
    }
}

/// The children of this process, in numbers of its PID namespace; `/proc` is that of another one.
fn children() -> Vec<Pid> {
    let Ok(own) = fs::read_link("/proc/self") else {
        return Vec::new();
    };
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let texts = entries.filter_map(|entry| {
        let path = entry.ok()?.path();
        let name = path.file_name()?.to_str()?;
        name.parse::<u32>().ok()?;
        fs::read_to_string(path.join("status")).ok()
    });
    let own = own.to_string_lossy().into_owned();
    texts.filter_map(|text| child_of(&own, &text)).collect()
}

/// The innermost number of a process, if it is a child (proc_pid_status(5), `NSpid`).
fn child_of(parent: &str, status: &str) -> Option<Pid> {
    let line = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.map(str::trim)
    };
    if line("PPid:")? != parent {
        return None;
    }
    let number = line("NSpid:")?.split_ascii_whitespace().last()?;
    Pid::from_raw(number.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_the_namespace() {
        let status = "Name:\tsh\nPPid:\t400\nNSpid:\t412\t9\n";
        assert_eq!(child_of("400", status), Pid::from_raw(9));
        assert_eq!(child_of("40", status), None);
        let outside = "PPid:\t400\nNSpid:\t412\n";
        assert_eq!(child_of("400", outside), Pid::from_raw(412));
    }
}
