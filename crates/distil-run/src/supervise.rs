//! The side of a container that stays with the user: starts the stages, gives them their numbers,
//! passes on signals and the terminal, and tells how the program ended.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Signal, pidfd_send_signal};
use signal_hook::consts::SIGWINCH;
use signal_hook::iterator::{Handle, Signals};

use crate::cgroup::{ControlGroups, Limits};
use crate::channel::{Channel, Order, Report};
use crate::container::Container;
use crate::error::{Failure, RunError, Step};
use crate::init::PASSED_ON;
use crate::outer::status_of;
use crate::plan::Namespaces;
use crate::stage::{Stage, has_stages};
use crate::terminal::{self, Raw};

impl Container {
    /// Runs it until its program ends, and gives the status that the program ended with: 128 and
    /// the number of the signal if one ended it.
    ///
    /// Signals that reach this process meanwhile are passed on to the program; a program that
    /// uses this has no other handlers for them. It has to be called on the thread that lives the
    /// longest, since the container ends with it.
    ///
    /// # Errors
    /// If the container cannot be made or its program not be started. Nothing of it is left then.
    pub fn run(self) -> Result<u8, RunError> {
        // `outer` is in the groups and not in the container.
        let groups = ControlGroups::make(Limits {
            pids: self.limits.pids.map(|pids| pids.saturating_add(1)),
            ..self.limits
        })?;
        if !has_stages() {
            return Err(RunError::NoStages);
        }
        let (own, other) = Channel::pair().map_err(RunError::set_up("make a channel"))?;
        let outer = Stage::Outer.start(other);
        let mut outer = outer.map_err(RunError::set_up("start a process for the container"))?;
        let taken = groups.take(outer.id()).map_err(RunError::from);
        let running = match taken.and_then(|()| self.start(&own, &outer)) {
            Ok(running) => running,
            Err(error) => {
                // It may wait for what is never said.
                drop(own);
                let _ = outer.kill();
                let _ = outer.wait();
                return Err(error);
            }
        };
        let status = outer.wait();
        // If somebody killed `outer`, the container is still there for a moment.
        let _ = pidfd_send_signal(&running.init, Signal::KILL);
        let status = status.map_err(RunError::set_up("wait for the container"))?;
        running.finish();
        if let Some(beside) = &self.beside {
            // Tools are started where nobody but they themselves can tell whether that succeeds.
            if let Ok(Report::Failed(failure)) = own.receive() {
                return Err(self.error(&failure));
            }
            if status.signal().or(killed(status)).is_some() && beside.ends_within(ENDING) {
                return Err(RunError::TargetEnded(beside.pid));
            }
        }
        Ok(status_of(status))
    }

    fn start(&self, channel: &Channel, outer: &Child) -> Result<Running, RunError> {
        let (init, controller) = self.set_up(channel, outer, rustix::stdio::stdin())?;
        // Whatever comes from now on reaches the program.
        let mut running = Running::new(init, controller)?;
        self.begin(channel)?;
        running.pass_on_terminal()?;
        Ok(running)
    }

    /// Has everything made but the program started: its first process, and its terminal if it has one.
    pub(crate) fn set_up(
        &self,
        channel: &Channel,
        outer: &Child,
        input: BorrowedFd<'_>,
    ) -> Result<(OwnedFd, Option<OwnedFd>), RunError> {
        let lost = |error| self.lost(channel, error);
        let namespaces = match &self.beside {
            None => Namespaces::New {
                network: self.plan.network,
            },
            Some(beside) => Namespaces::Of { pid: beside.pid },
        };
        channel.send(&Order::Namespaces(namespaces)).map_err(lost)?;
        let files = match self.beside {
            None => {
                self.give_numbers(channel, outer)?;
                None
            }
            Some(_) => {
                self.expect(channel, |report| matches!(report, Report::Joined))?;
                Some(channel.receive_file().map_err(lost)?)
            }
        };
        let plan = Order::Plan(Box::new(self.plan.clone()));
        channel.send(&plan).map_err(lost)?;
        channel.send_file(input).map_err(lost)?;
        if let Some(files) = files {
            channel.send_file(files.as_fd()).map_err(lost)?;
        }
        self.expect(channel, |report| matches!(report, Report::Ready))?;
        let init = channel.receive_file().map_err(lost)?;
        let controller = match self.plan.terminal {
            true => Some(channel.receive_file().map_err(lost)?),
            false => None,
        };
        Ok((init, controller))
    }

    /// Has the program started.
    pub(crate) fn begin(&self, channel: &Channel) -> Result<(), RunError> {
        let sent = channel.send(&Order::Start);
        sent.map_err(|error| self.lost(channel, error))?;
        self.expect(channel, |report| matches!(report, Report::Started))
    }

    fn give_numbers(&self, channel: &Channel, outer: &Child) -> Result<(), RunError> {
        self.expect(channel, |report| matches!(report, Report::Unshared))?;
        let written = match &self.mapping {
            Some(mapping) => mapping.write(outer.id()),
            None => Ok(()),
        };
        written.map_err(|source| match source.raw_os_error() {
            Some(number) if forbids(number) => user_namespaces(source),
            _ => RunError::set_up("map users into the container")(source),
        })?;
        let told = channel.send(&Order::Mapped);
        told.map_err(|error| self.lost(channel, error))
    }

    fn expect(&self, channel: &Channel, is: impl Fn(&Report) -> bool) -> Result<(), RunError> {
        match channel
            .receive()
            .map_err(|error| self.lost(channel, error))?
        {
            Report::Failed(failure) => Err(self.error(&failure)),
            report if is(&report) => Ok(()),
            _ => Err(RunError::set_up("understand the container's process")(
                io::ErrorKind::InvalidData.into(),
            )),
        }
    }

    /// What a stage said before it ended, if it said something.
    fn lost(&self, channel: &Channel, error: io::Error) -> RunError {
        match channel.receive() {
            Ok(Report::Failed(failure)) => self.error(&failure),
            _ => RunError::set_up("talk to the container's process, which has ended")(error),
        }
    }

    fn error(&self, failure: &Failure) -> RunError {
        let source = failure.cause();
        match failure.step {
            Step::UserNamespace => user_namespaces(source),
            // Where a security module gives a user namespace no capabilities, the first that needs
            // one fails.
            Step::Namespaces if forbids(failure.errno) => user_namespaces(source),
            Step::Overlay => RunError::Overlay {
                needs: self.needs_overlay.clone(),
                source,
            },
            Step::Program => RunError::Program {
                program: self.program().to_owned(),
                source,
            },
            Step::Join => RunError::Join {
                action: failure.action.clone(),
                source,
            },
            Step::Namespaces | Step::Mount | Step::Other => {
                RunError::set_up(failure.action.clone())(source)
            }
        }
    }
}

/// How long a process that ends is waited for. The first one of a PID namespace ends after all others
/// of that, tools among them.
const ENDING: Duration = Duration::from_millis(500);

/// The signal that ended what a stage waited for, which it reports as shells do.
fn killed(status: ExitStatus) -> Option<i32> {
    status.code().filter(|code| *code == 128 + 9)
}

fn forbids(errno: i32) -> bool {
    [Errno::PERM, Errno::ACCESS]
        .iter()
        .any(|one| one.raw_os_error() == errno)
}

/// Settings of systems that forbid user namespaces, with the value that does.
const SETTINGS: [(&str, &str); 3] = [
    ("kernel.unprivileged_userns_clone", "0"),
    ("user.max_user_namespaces", "0"),
    ("kernel.apparmor_restrict_unprivileged_userns", "1"),
];

/// Why there can be no user namespace.
fn user_namespaces(source: io::Error) -> RunError {
    let is_set = |(name, value): &&(&str, &str)| {
        let path = format!("/proc/sys/{}", name.replace('.', "/"));
        fs::read_to_string(path).is_ok_and(|text| text.trim() == *value)
    };
    let reason = match SETTINGS.iter().find(is_set) {
        Some((name, value)) => format!("the setting `{name}` is {value}"),
        None if source.raw_os_error() == Some(Errno::NOSPC.raw_os_error()) => {
            "there are as many as `user.max_user_namespaces` allows".to_owned()
        }
        None => {
            "the kernel lacks them, or what this process runs in, such as a container, forbids \
                 them"
                .to_owned()
        }
    };
    RunError::UserNamespaces { reason, source }
}

/// A container whose program runs.
struct Running {
    init: OwnedFd,
    signals: Handle,
    passing: Option<thread::JoinHandle<()>>,
    controller: Option<OwnedFd>,
    output: Option<thread::JoinHandle<()>>,
    raw: Option<Raw>,
}

impl Running {
    fn new(init: OwnedFd, controller: Option<OwnedFd>) -> Result<Self, RunError> {
        let failed = || RunError::set_up("receive signals");
        let ignored = ignored();
        let mut passed = PASSED_ON.to_vec();
        passed.retain(|signal| (ignored >> (signal - 1)) & 1 == 0);
        passed.extend(controller.as_ref().map(|_| SIGWINCH));
        let mut signals = Signals::new(passed).map_err(failed())?;
        let handle = signals.handle();
        let to = init.try_clone().map_err(failed())?;
        let sized = controller.as_ref().map(OwnedFd::try_clone).transpose();
        let sized = sized.map_err(failed())?;
        let pass = move || {
            for number in signals.forever() {
                match (number, &sized) {
                    (SIGWINCH, Some(controller)) => terminal::resize(controller.as_fd()),
                    _ => {
                        if let Some(signal) = Signal::from_named_raw(number) {
                            let _ = pidfd_send_signal(&to, signal);
                        }
                    }
                }
            }
        };
        let thread = thread::Builder::new().name("container signals".to_owned());
        let passing = thread.spawn(pass).map_err(failed())?;
        Ok(Self {
            init,
            signals: handle,
            passing: Some(passing),
            controller,
            output: None,
            raw: None,
        })
    }

    fn pass_on_terminal(&mut self) -> Result<(), RunError> {
        let Some(controller) = &self.controller else {
            return Ok(());
        };
        terminal::resize(controller.as_fd());
        self.raw = Some(Raw::set().map_err(RunError::Terminal)?);
        let output = terminal::pass_on(controller).map_err(RunError::Terminal)?;
        self.output = Some(output);
        Ok(())
    }

    /// Waits until all that the program has printed is on the user's terminal.
    fn finish(mut self) {
        if let Some(output) = self.output.take() {
            let _ = output.join();
        }
        self.signals.close();
        if let Some(passing) = self.passing.take() {
            let _ = passing.join();
        }
    }
}

/// The signals that whoever started this process wants ignored, such as `nohup` does with SIGHUP:
/// signal N is bit N - 1 (proc_pid_status(5), `SigIgn`).
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.unwrap_or(0)
}
