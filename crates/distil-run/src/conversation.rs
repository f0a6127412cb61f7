//! A container whose program is asked and answers: its standard input and output are pipes of this process,
//! and it may be waited for no longer than somebody says.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::Errno;

use crate::channel::Channel;
use crate::container::Container;
use crate::error::RunError;
use crate::stage::{Stage, has_stages};

/// A program in a container that this process talks to. It ends with this value, and with everything
/// that it started.
#[derive(Debug)]
pub struct Conversation {
    outer: Child,
    deadline: Deadline,
    input: Option<PipeWriter>,
    output: Option<PipeReader>,
    /// The end of it ends the stages, too.
    _channel: Channel,
    _container: Container,
}

/// What is written to the program.
#[derive(Debug)]
pub struct Input {
    pipe: PipeWriter,
    deadline: Deadline,
}

/// What the program writes.
#[derive(Debug)]
pub struct Output {
    pipe: PipeReader,
    deadline: Deadline,
}

/// Until when the program may take its time.
#[derive(Debug, Clone, Default)]
pub struct Deadline(Arc<Mutex<Option<Instant>>>);

impl Deadline {
    /// Gives the program so much time from now on for what it is doing.
    pub fn set(&self, time: Duration) {
        let mut deadline = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *deadline = Instant::now().checked_add(time);
    }

    /// How much is left.
    fn left(&self) -> io::Result<Option<Timespec>> {
        let deadline = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(deadline) = deadline else {
            return Ok(None);
        };
        let left = deadline.saturating_duration_since(Instant::now());
        match left.is_zero() {
            true => Err(io::ErrorKind::TimedOut.into()),
            false => Ok(Timespec::try_from(left).ok()),
        }
    }

    /// Waits until a pipe can be used.
    fn wait(&self, pipe: BorrowedFd<'_>, what: PollFlags) -> io::Result<()> {
        loop {
            let left = self.left()?;
            let mut files = [PollFd::from_borrowed_fd(pipe, what)];
            match poll(&mut files, left.as_ref()) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

impl Container {
    /// Starts it with pipes of this process as its standard input and output; what it prints to standard
    /// error is lost. It is ended with the thread that calls this.
    ///
    /// # Errors
    /// If the container cannot be made or its program not be started. Nothing of it is left then.
    pub fn converse(self) -> Result<Conversation, RunError> {
        if !has_stages() {
            return Err(RunError::NoStages);
        }
        let pipes = || Ok::<_, io::Error>((io::pipe()?, io::pipe()?));
        let ((theirs, input), (output, printed)) =
            pipes().map_err(RunError::set_up("make pipes"))?;
        // A program that does not read must not hold this process.
        let set = fcntl_setfl(&input, OFlags::NONBLOCK);
        set.map_err(|errno| RunError::set_up("make pipes")(errno.into()))?;
        let (own, other) = Channel::pair().map_err(RunError::set_up("make a channel"))?;
        let outer = Stage::Outer.start_with(other, printed.into(), Stdio::null());
        let outer = outer.map_err(RunError::set_up("start a process for the container"))?;
        // From here on what was started ends with it.
        let conversation = Conversation {
            outer,
            deadline: Deadline::default(),
            input: Some(input),
            output: Some(output),
            _channel: own,
            _container: self,
        };
        let (channel, container) = (&conversation._channel, &conversation._container);
        container.set_up(channel, &conversation.outer, theirs.as_fd())?;
        container.begin(channel)?;
        Ok(conversation)
    }
}

impl Conversation {
    /// The two pipes; none if they were taken already.
    pub fn pipes(&mut self) -> Option<(Input, Output)> {
        let input = Input {
            pipe: self.input.take()?,
            deadline: self.deadline.clone(),
        };
        let output = Output {
            pipe: self.output.take()?,
            deadline: self.deadline.clone(),
        };
        Some((input, output))
    }

    /// Until when the program may take its time: without end if nobody says it.
    pub fn deadline(&self) -> Deadline {
        self.deadline.clone()
    }
}

impl Drop for Conversation {
    /// The kernel ends the container's first process with the one that started it, and with that all
    /// others.
    fn drop(&mut self) {
        let _ = self.outer.kill();
        let _ = self.outer.wait();
    }
}

impl Write for Input {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.pipe.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
            self.deadline.wait(self.pipe.as_fd(), PollFlags::OUT)?;
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pipe.flush()
    }
}

impl Read for Output {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.deadline.wait(self.pipe.as_fd(), PollFlags::IN)?;
        self.pipe.read(buffer)
    }
}
