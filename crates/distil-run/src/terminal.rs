//! A terminal for a container: one of the container's own, and bytes passed between it and the
//! user's.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::thread;

use rustix::fs::{Gid, Uid, fchown};
use rustix::io::Errno;
use rustix::process::ioctl_tiocsctty;
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{
    OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize,
};

use crate::plan::Identity;

/// The two sides of a terminal in a container.
#[derive(Debug)]
pub(crate) struct Pair {
    /// What the supervisor reads and writes.
    pub(crate) controller: OwnedFd,
    /// What the program has as its standard files.
    pub(crate) user: OwnedFd,
}

/// Makes one, in the container's `/dev/pts`, and makes it that of this session.
pub(crate) fn make(identity: &Identity) -> Result<Pair, Errno> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let controller = openpt(flags)?;
    grantpt(&controller)?;
    unlockpt(&controller)?;
    let user = ioctl_tiocgptpeer(&controller, flags)?;
    if identity.changes {
        fchown(&user, Some(Uid::from_raw(identity.uid)), None::<Gid>)?;
    }
    ioctl_tiocsctty(&user)?;
    Ok(Pair { controller, user })
}

/// The user's terminal while it passes everything on; dropped, it is as it was.
#[derive(Debug)]
pub(crate) struct Raw(Option<Termios>);

impl Raw {
    /// Sets the terminal on the standard input, if there is one, so that every key is the
    /// container's.
    pub(crate) fn set() -> io::Result<Self> {
        let input = rustix::stdio::stdin();
        if !isatty(input) {
            return Ok(Self(None));
        }
        let before = tcgetattr(input)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(input, OptionalActions::Flush, &raw)?;
        Ok(Self(Some(before)))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Flush, before);
        }
    }
}

/// Gives the container's terminal the size of the user's.
pub(crate) fn resize(controller: BorrowedFd<'_>) {
    // Where there is no terminal, the size stays unknown.
    let outputs = [rustix::stdio::stdout(), rustix::stdio::stdin()];
    let size = outputs.into_iter().find_map(|one| tcgetwinsize(one).ok());
    if let Some(size) = size {
        let _ = tcsetwinsize(controller, size);
    }
}

/// Passes bytes on in both directions. The handle is of the thread that passes output on, which
/// ends with the last process that has the terminal open.
pub(crate) fn pass_on(controller: &OwnedFd) -> io::Result<thread::JoinHandle<()>> {
    let mut to = File::from(controller.as_fd().try_clone_to_owned()?);
    // It waits for the user, and ends with this process.
    thread::Builder::new()
        .name("terminal input".to_owned())
        .spawn(move || {
            let copied = io::copy(&mut io::stdin().lock(), &mut to);
            if copied.is_ok() {
                // The end of a file is a key on a terminal: Ctrl-D.
                let _ = to.write_all(&[4]);
            }
        })?;
    let mut from = File::from(controller.as_fd().try_clone_to_owned()?);
    thread::Builder::new()
        .name("terminal output".to_owned())
        .spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            let mut output = io::stdout().lock();
            // When nobody has it open any more, reading fails with EIO.
            while let Ok(count @ 1..) = from.read(&mut buffer) {
                let bytes = buffer.get(..count).unwrap_or_default();
                if output
                    .write_all(bytes)
                    .and_then(|()| output.flush())
                    .is_err()
                {
                    return;
                }
            }
        })
}
