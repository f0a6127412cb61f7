//! What the supervisor and the stages tell one another: JSON documents with their length in front,
//! and open files, over a pair of sockets.
//!
//! A stage has the socket as its standard input: the one descriptor that a program can be given
//! and find again. Its real standard input comes over the socket.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::Failure;
use crate::plan::{Namespaces, Plan};

/// The longest document: a command line and an environment may have 2 MiB together, and JSON
/// spells some bytes in six.
const MAX_DOCUMENT: u32 = 32 << 20;

/// What a stage is told.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Order {
    /// To `outer`: which namespaces to make.
    Namespaces(Namespaces),
    /// To `outer`: its numbers are mapped.
    Mapped,
    /// To `init` and to the tool: what to do. The standard input follows, and for the tool the target's
    /// files.
    Plan(Box<Plan>),
    /// To `init`: the supervisor is there, start the program.
    Start,
}

/// What a stage tells.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    /// From `outer`: the user namespace is there, and wants its numbers.
    Unshared,
    /// From `outer`: the namespaces of the target are joined. Its files follow.
    Joined,
    /// From `init`: all is set up. A descriptor of the process follows, by which signals reach it,
    /// and that of the terminal if there is one.
    Ready,
    /// From `init`: the program runs.
    Started,
    /// From both: it cannot go on.
    Failed(Failure),
}

/// One end.
#[derive(Debug)]
pub(crate) struct Channel(UnixStream);

impl Channel {
    /// The two ends.
    pub(crate) fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = UnixStream::pair()?;
        Ok((Self(one), Self(other)))
    }

    /// The end that a stage was given as its standard input.
    pub(crate) fn of_stage() -> io::Result<Self> {
        let own = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
        Ok(Self(UnixStream::from(own)))
    }

    /// The end itself, for the standard input of a stage.
    pub(crate) fn into_stdin(self) -> OwnedFd {
        self.0.into()
    }

    /// Another descriptor of this end.
    pub(crate) fn again(&self) -> io::Result<Self> {
        Ok(Self(self.0.try_clone()?))
    }

    pub(crate) fn send(&self, document: &impl Serialize) -> io::Result<()> {
        let bytes = serde_json::to_vec(document).map_err(io::Error::other)?;
        let length = u32::try_from(bytes.len()).ok();
        let length = length.filter(|length| *length <= MAX_DOCUMENT);
        let length = length.ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))?;
        (&self.0).write_all(&length.to_le_bytes())?;
        (&self.0).write_all(&bytes)
    }

    pub(crate) fn receive<T: DeserializeOwned>(&self) -> io::Result<T> {
        let mut length = [0; 4];
        (&self.0).read_exact(&mut length)?;
        let length = u32::from_le_bytes(length);
        if length > MAX_DOCUMENT {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut bytes = Vec::new();
        (&self.0).take(length.into()).read_to_end(&mut bytes)?;
        serde_json::from_slice(&bytes).map_err(io::Error::other)
    }

    pub(crate) fn send_file(&self, file: BorrowedFd<'_>) -> io::Result<()> {
        let files = [file];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !control.push(SendAncillaryMessage::ScmRights(&files)) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // A byte has to go with it.
        sendmsg(
            &self.0,
            &[IoSlice::new(b"f")],
            &mut control,
            SendFlags::NOSIGNAL,
        )?;
        Ok(())
    }

    pub(crate) fn receive_file(&self) -> io::Result<OwnedFd> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        let mut parts = [IoSliceMut::new(&mut byte)];
        let flags = RecvFlags::CMSG_CLOEXEC;
        recvmsg(self.0.as_fd(), &mut parts, &mut control, flags)?;
        let file = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut files) => files.next(),
            _ => None,
        });
        file.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Seek;

    use super::*;

    #[test]
    fn documents_and_files_pass_in_order() {
        let (one, other) = Channel::pair().unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"hello").unwrap();
        file.rewind().unwrap();
        one.send(&Order::Start).unwrap();
        one.send_file(file.as_fd()).unwrap();
        one.send(&Order::Mapped).unwrap();
        assert!(matches!(other.receive().unwrap(), Order::Start));
        let mut text = String::new();
        let mut received = std::fs::File::from(other.receive_file().unwrap());
        received.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");
        assert!(matches!(other.receive().unwrap(), Order::Mapped));
        drop(one);
        assert!(other.receive::<Order>().is_err());
        assert!(other.receive_file().is_err());
    }

    #[test]
    fn a_length_is_not_believed() {
        let (one, other) = Channel::pair().unwrap();
        (&one.0).write_all(&u32::MAX.to_le_bytes()).unwrap();
        assert!(other.receive::<Order>().is_err());
    }
}
