//! The first process of a container, PID 1: sets everything up, gives all privileges away, starts the
//! program, passes signals on to it and reaps what nobody waits for.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use rustix::fs::{Access, AtFlags, CWD, Mode, accessat};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, chdir, getpid, kill_process, pidfd_open, setsid, umask,
    wait,
};
use signal_hook::consts::{SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

use crate::channel::{Channel, Order, Report};
use crate::error::{Failure, Step};
use crate::outer::{FAILED, end_with_parent};
use crate::plan::{Identity, Network, Plan, Process};
use crate::{network, privileges, rootfs, terminal};

/// The signals that are passed on to the program.
pub(crate) const PASSED_ON: [i32; 7] =
    [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM];

/// Does its work, and gives the program's exit status.
pub(crate) fn run(channel: &Channel) -> u8 {
    match start(channel) {
        Ok((child, signals)) => reap(&child, signals),
        Err(failure) => {
            let _ = channel.send(&Report::Failed(failure));
            FAILED
        }
    }
}

/// Receives the plan, and the standard input.
pub(crate) fn receive(channel: &Channel) -> Result<(Plan, OwnedFd), Failure> {
    let told = |what: &str| Failure::io(Step::Other, what.to_owned());
    let Order::Plan(plan) = channel.receive().map_err(told("receive the plan"))? else {
        return Err(told("understand what to do")(io::Error::other("order")));
    };
    let input = channel.receive_file();
    let input = input.map_err(told("receive the standard input"))?;
    // Whatever else this process was left open by whoever started it is not for the container.
    close_fds::set_fds_cloexec(3, &[]);
    Ok((*plan, input))
}

/// What the program gets, once the root is the container's.
#[derive(Debug)]
pub(crate) struct Prepared {
    input: OwnedFd,
    terminal: Option<terminal::Pair>,
}

impl Prepared {
    /// Makes the terminal, if there is to be one.
    pub(crate) fn new(plan: &Plan, identity: &Identity, input: OwnedFd) -> Result<Self, Failure> {
        let terminal = match plan.terminal {
            true => {
                setsid().map_err(Failure::of(Step::Other, "begin a session"))?;
                let made = terminal::make(identity);
                Some(made.map_err(Failure::of(Step::Other, "make a terminal"))?)
            }
            false => None,
        };
        Ok(Self { input, terminal })
    }

    /// Tells the supervisor that all is set up, and waits for its word.
    pub(crate) fn report(&self, channel: &Channel) -> Result<(), Failure> {
        let tell = || {
            let this = pidfd_open(getpid(), PidfdFlags::empty())?;
            channel.send(&Report::Ready)?;
            channel.send_file(this.as_fd())?;
            if let Some(terminal) = &self.terminal {
                channel.send_file(terminal.controller.as_fd())?;
            }
            // If nobody is there any more, nobody would end what is started now.
            channel.receive::<Order>().map(drop)
        };
        tell().map_err(Failure::io(Step::Other, "report to the supervisor"))
    }

    /// The program, as it is to be started.
    pub(crate) fn command(self, process: &Process) -> Result<Command, Failure> {
        let (word, arguments) = process.words.split_first().ok_or_else(|| Failure {
            action: "find a program to run".to_owned(),
            step: Step::Program,
            errno: 0,
        })?;
        let failed = || Failure::io(Step::Program, format!("start `{word}`"));
        let path = find(word, process).map_err(failed())?;
        let mut command = Command::new(path);
        command
            .arg0(word)
            .args(arguments)
            .env_clear()
            .envs(process.env.iter().map(|(name, value)| (name, value)))
            .stdin(self.input);
        if let Some(terminal) = self.terminal {
            let again = || terminal.user.try_clone().map(Stdio::from);
            command
                .stdin(again().map_err(failed())?)
                .stdout(again().map_err(failed())?)
                .stderr(again().map_err(failed())?);
        }
        Ok(command)
    }
}

/// Changes to the directory that the program starts in, as its user.
pub(crate) fn enter_workdir(plan: &Plan) -> Result<(), Failure> {
    let path = plan.process.workdir.as_str();
    let action = format!("use `{path}` as the working directory");
    chdir(path).map_err(Failure::of(Step::Other, action))
}

fn start(channel: &Channel) -> Result<(Child, Signals), Failure> {
    let told = |what: &str| Failure::io(Step::Other, what.to_owned());
    let (plan, input) = receive(channel)?;
    set_up(&plan)?;
    let prepared = Prepared::new(&plan, &plan.identity, input)?;
    privileges::limit(&plan.process.limits)?;
    privileges::drop_all(&plan.identity)?;
    enter_workdir(&plan)?;
    end_with_parent()?;
    let signals = Signals::new(PASSED_ON.into_iter().chain([SIGCHLD]));
    let signals = signals.map_err(told("receive signals"))?;
    prepared.report(channel)?;
    let word = plan.process.words.first().cloned().unwrap_or_default();
    let mut command = prepared.command(&plan.process)?;
    let child = command.spawn();
    let child = child.map_err(Failure::io(Step::Program, format!("start `{word}`")))?;
    channel
        .send(&Report::Started)
        .map_err(told("report to the supervisor"))?;
    Ok((child, signals))
}

fn set_up(plan: &Plan) -> Result<(), Failure> {
    if let Some(name) = &plan.hostname {
        rustix::system::sethostname(name.as_bytes()).map_err(Failure::of(
            Step::Other,
            format!("set the host name `{name}`"),
        ))?;
    }
    if plan.network == Network::None {
        network::loopback_up()
            .map_err(Failure::io(Step::Other, "take the loopback interface up"))?;
    }
    // Modes of what is made here, and of what the program makes, are as engines have them.
    umask(Mode::empty());
    rootfs::enter(plan, None)?;
    umask(Mode::from_raw_mode(0o022));
    Ok(())
}

/// Finds the program as engines do: a name with a slash is a path, another one is searched for in
/// the container's `PATH`.
fn find(word: &str, process: &Process) -> io::Result<String> {
    if word.contains('/') {
        return Ok(word.to_owned());
    }
    let path = process.env.iter().find(|(name, _)| name == "PATH");
    let directories = path.map_or("", |(_, value)| value).split(':');
    let mut error = io::Error::from_raw_os_error(rustix::io::Errno::NOENT.raw_os_error());
    for directory in directories.filter(|directory| directory.starts_with('/')) {
        let path = format!("{directory}/{word}");
        let Ok(metadata) = std::fs::metadata(&path) else {
            continue;
        };
        match accessat(CWD, &path, Access::EXEC_OK, AtFlags::EACCESS) {
            Ok(()) if metadata.is_file() => return Ok(path),
            _ => error = rustix::io::Errno::ACCESS.into(),
        }
    }
    Err(error)
}

/// Waits until the program ends. What it leaves is ended by the kernel with this process.
fn reap(child: &Child, mut signals: Signals) -> u8 {
    let Some(program) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else {
        return FAILED;
    };
    // It may have ended already, and its signal come before there was anybody to notice.
    loop {
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            if pid != program {
                continue;
            }
            let code = status.exit_status();
            let code = code.or(status.terminating_signal().map(|signal| 128 + signal));
            return code
                .and_then(|code| u8::try_from(code).ok())
                .unwrap_or(FAILED);
        }
        for number in signals.wait() {
            if let Some(signal) = Signal::from_named_raw(number).filter(|one| *one != Signal::CHILD)
            {
                let _ = kill_process(program, signal);
            }
        }
    }
}
