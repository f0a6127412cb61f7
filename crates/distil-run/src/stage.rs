//! The processes between the supervisor and the program: the same executable, started anew under
//! another name.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::channel::Channel;
use crate::{init, keeper, outer, tool};

/// The executable of this process, also if its file was replaced since.
const SELF: &str = "/proc/self/exe";

/// A stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Makes the namespaces, and waits.
    Outer,
    /// Is PID 1 in them.
    Init,
    /// Waits in the namespaces of another process.
    Keeper,
    /// Becomes a tool beside it.
    Tool,
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Self::Outer => "distil-container",
            Self::Init => "distil-init",
            Self::Keeper => "distil-keeper",
            Self::Tool => "distil-tool",
        }
    }

    /// Starts it with an end of a channel, and with this process's output.
    pub(crate) fn start(self, channel: Channel) -> io::Result<Child> {
        self.command(channel).spawn()
    }

    /// Starts it with an end of a channel; what it and its program print goes elsewhere.
    pub(crate) fn start_with(
        self,
        channel: Channel,
        stdout: Stdio,
        stderr: Stdio,
    ) -> io::Result<Child> {
        self.command(channel).stdout(stdout).stderr(stderr).spawn()
    }

    fn command(self, channel: Channel) -> Command {
        let mut command = Command::new(SELF);
        command
            .arg0(self.name())
            .env_clear()
            .stdin(channel.into_stdin());
        command
    }
}

/// Whether this program has stages, which is known when it looked whether it is one.
static HAS_STAGES: AtomicBool = AtomicBool::new(false);

/// Whether this program calls [`enter_stage`]. Another one would begin its own work anew where a stage is
/// started.
pub(crate) fn has_stages() -> bool {
    HAS_STAGES.load(Ordering::Relaxed)
}

/// Does the work of a stage if this process is one, and gives the status to exit with. To be called
/// first in `main`, before any thread is made.
pub fn enter_stage() -> Option<ExitCode> {
    HAS_STAGES.store(true, Ordering::Relaxed);
    let name = std::env::args_os().next()?;
    let stage = [Stage::Outer, Stage::Init, Stage::Keeper, Stage::Tool]
        .into_iter()
        .find(|stage| name == stage.name())?;
    // Without a channel somebody started it by hand, and there is nothing to do.
    let Ok(channel) = Channel::of_stage() else {
        return Some(ExitCode::FAILURE);
    };
    let status = match stage {
        Stage::Outer => outer::run(&channel),
        Stage::Init => init::run(&channel),
        Stage::Keeper => keeper::run(&channel),
        Stage::Tool => tool::run(&channel),
    };
    Some(ExitCode::from(status))
}
