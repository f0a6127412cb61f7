//! Whom the probe asks: an address that needs no resolver and no TLS.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest address, in bytes, that the probe reads.
const MAX_LENGTH: usize = 2000;

/// An address that the probe can ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(String);

/// Why an address cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Another protocol.
    #[error("does not begin with `http://`")]
    NotHttp,
    /// TLS.
    #[error(
        "asks over TLS, which the probe does not speak; ask the server without it, on an address of \
         the loopback interface, or check by a program of the image (`exec`)"
    )]
    Tls,
    /// A host that must be looked up.
    #[error(
        "names a host that has to be looked up, and the probe has no resolver; the check runs in the \
         container itself: ask `127.0.0.1`, `[::1]` or `localhost`"
    )]
    Name,
    /// A password.
    #[error("has a user or a password in it, which everybody could read in the image")]
    Login,
    /// No port, or one that there is not.
    #[error("has no port from 1 to 65535")]
    Port,
    /// Something behind the port.
    #[error("has something behind its port; for a path of HTTP use `http`")]
    Rest,
    /// Characters that have to be encoded.
    #[error("has a character that addresses do not have; it has to be percent-encoded")]
    Character,
    /// A fragment, which no server ever sees.
    #[error("has a fragment (`#`), which is never sent to a server")]
    Fragment,
    /// Longer than the probe reads.
    #[error("has more than {MAX_LENGTH} characters")]
    Long,
}

impl Address {
    /// An address such as `http://127.0.0.1:8080/health` (RFC 9110, section 4.2.1). The port may be
    /// left out, and is 80 then.
    ///
    /// # Errors
    /// If the probe cannot ask it.
    pub fn http(text: &str) -> Result<Self, AddressError> {
        if text.starts_with("https://") {
            return Err(AddressError::Tls);
        }
        let rest = text.strip_prefix("http://").ok_or(AddressError::NotHttp)?;
        check_characters(text)?;
        if rest.contains('#') {
            return Err(AddressError::Fragment);
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let authority = rest.get(..end).unwrap_or(rest);
        let port = port_behind_host(authority)?;
        match port {
            None => {}
            Some(port) => check_port(port)?,
        }
        Ok(Self(text.to_owned()))
    }

    /// A host and a port such as `127.0.0.1:5432`.
    ///
    /// # Errors
    /// If the probe cannot connect to it.
    pub fn tcp(text: &str) -> Result<Self, AddressError> {
        let rest = text.strip_prefix("tcp://").unwrap_or(text);
        check_characters(rest)?;
        if rest.contains(['/', '?', '#']) {
            return Err(AddressError::Rest);
        }
        let port = port_behind_host(rest)?.ok_or(AddressError::Port)?;
        check_port(port)?;
        Ok(Self(format!("tcp://{rest}")))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check_characters(text: &str) -> Result<(), AddressError> {
    if text.len() > MAX_LENGTH {
        return Err(AddressError::Long);
    }
    match text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(()),
        false => Err(AddressError::Character),
    }
}

/// What is behind the colon after a numeric host, if there is a colon.
fn port_behind_host(authority: &str) -> Result<Option<&str>, AddressError> {
    if authority.contains('@') {
        return Err(AddressError::Login);
    }
    let (host, rest) = match authority.strip_prefix('[') {
        Some(inner) => {
            let (host, rest) = inner.split_once(']').ok_or(AddressError::Name)?;
            // The probe reads groups of digits alone, not an IPv4 address at the end.
            let is_plain = host.parse::<Ipv6Addr>().is_ok() && !host.contains('.');
            (is_plain.then_some(()), rest)
        }
        None => {
            let end = authority.find(':').unwrap_or(authority.len());
            let (host, rest) = authority.split_at_checked(end).unwrap_or((authority, ""));
            let is_address = host.parse::<Ipv4Addr>().map(IpAddr::from).is_ok();
            ((is_address || host == "localhost").then_some(()), rest)
        }
    };
    host.ok_or(AddressError::Name)?;
    match rest.strip_prefix(':') {
        Some(port) => Ok(Some(port)),
        None if rest.is_empty() => Ok(None),
        None => Err(AddressError::Port),
    }
}

fn check_port(text: &str) -> Result<(), AddressError> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse::<u16>().ok().filter(|port| *port > 0);
    port.filter(|_| is_number)
        .map(drop)
        .ok_or(AddressError::Port)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn addresses_of_http_are_taken_as_they_are() {
        for text in [
            "http://127.0.0.1:8080/health",
            "http://127.0.0.1",
            "http://localhost:80?deep=1",
            "http://[::1]:8080/",
            "http://[fe80:0:0:0:1:2:3:4]/a%20b",
            "http://10.0.0.7:65535/",
        ] {
            assert_eq!(Address::http(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_the_probe_cannot_ask_is_rejected() {
        let long = format!("http://127.0.0.1/{}", "x".repeat(MAX_LENGTH));
        for (text, error) in [
            ("https://127.0.0.1/", AddressError::Tls),
            ("ftp://127.0.0.1/", AddressError::NotHttp),
            ("127.0.0.1:80", AddressError::NotHttp),
            ("", AddressError::NotHttp),
            ("http://", AddressError::Name),
            ("http://example.org/", AddressError::Name),
            ("http://LOCALHOST/", AddressError::Name),
            ("http://localhost.:80/", AddressError::Name),
            ("http://[::ffff:127.0.0.1]/", AddressError::Name),
            ("http://[::1/", AddressError::Name),
            ("http://[fe80::1%25eth0]/", AddressError::Name),
            ("http://127.1/", AddressError::Name),
            ("http://a:b@127.0.0.1/", AddressError::Login),
            ("http://127.0.0.1:/", AddressError::Port),
            ("http://127.0.0.1:0/", AddressError::Port),
            ("http://127.0.0.1:65536/", AddressError::Port),
            ("http://127.0.0.1:+80/", AddressError::Port),
            ("http://[::1]80/", AddressError::Port),
            ("http://127.0.0.1/a b", AddressError::Character),
            ("http://127.0.0.1/\r\nX: y", AddressError::Character),
            ("http://127.0.0.1/ä", AddressError::Character),
            ("http://127.0.0.1/#x", AddressError::Fragment),
            (&long, AddressError::Long),
        ] {
            assert_eq!(Address::http(text), Err(error), "{text}");
        }
    }

    #[test]
    fn ports_of_tcp_need_a_host() {
        let tcp = |text: &str| Address::tcp(text).map(|address| address.to_string());
        assert_eq!(tcp("127.0.0.1:5432").unwrap(), "tcp://127.0.0.1:5432");
        assert_eq!(tcp("tcp://[::1]:1").unwrap(), "tcp://[::1]:1");
        assert_eq!(tcp("localhost:80").unwrap(), "tcp://localhost:80");
        for (text, error) in [
            ("5432", AddressError::Name),
            ("127.0.0.1", AddressError::Port),
            ("db:5432", AddressError::Name),
            ("127.0.0.1:80/x", AddressError::Rest),
            ("127.0.0.1:8 0", AddressError::Character),
        ] {
            assert_eq!(tcp(text), Err(error), "{text}");
        }
    }
}
