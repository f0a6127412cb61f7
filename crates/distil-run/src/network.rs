//! The loopback interface of a network namespace, which is down at first.

use std::io;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with,
};

/// `RTM_NEWLINK` (rtnetlink(7)): changes an interface.
const CHANGE_LINK: u16 = 16;
/// `NLM_F_REQUEST | NLM_F_ACK` (netlink(7)).
const REQUEST: u16 = 1 | 4;
/// The type of the answer: `NLMSG_ERROR`, with the number 0 if all is well.
const ANSWER: u16 = 2;
/// `IFF_UP` (netdevice(7)).
const UP: u32 = 1;
/// The loopback interface is the first of every namespace.
const LOOPBACK: i32 = 1;

/// Takes the loopback interface up; the kernel gives it its addresses.
pub(crate) fn loopback_up() -> Result<(), io::Error> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        // NETLINK_ROUTE.
        None,
    )?;
    send(&socket, &request(), SendFlags::empty())?;
    let mut answer = [0; 256];
    let (count, _) = recv(&socket, &mut answer, RecvFlags::empty())?;
    match error_of(answer.get(..count).unwrap_or_default()) {
        Some(0) => Ok(()),
        Some(number) => Err(io::Error::from_raw_os_error(-number)),
        None => Err(Errno::PROTO.into()),
    }
}

/// `struct nlmsghdr` and `struct ifinfomsg`.
fn request() -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(32_u32.to_ne_bytes());
    bytes.extend(CHANGE_LINK.to_ne_bytes());
    bytes.extend(REQUEST.to_ne_bytes());
    // Sequence number and sender, which may be 0.
    bytes.extend([0; 8]);
    // Family, padding, device type.
    bytes.extend([0; 4]);
    bytes.extend(LOOPBACK.to_ne_bytes());
    bytes.extend(UP.to_ne_bytes());
    bytes.extend(UP.to_ne_bytes());
    bytes
}

fn error_of(answer: &[u8]) -> Option<i32> {
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    let number = i32::from_ne_bytes(answer.get(16..20)?.try_into().ok()?);
    (kind == ANSWER).then_some(number)
}
