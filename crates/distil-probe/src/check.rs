//! A check by the probe: the command that an engine runs for it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::PATH;
use crate::address::Address;

/// The longest time that the probe waits.
const MAX_LIMIT: Duration = Duration::from_secs(3600);

/// The status of an answer that is expected, or a whole class of them (RFC 9110, section 15).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Three digits.
    Code(u16),
    /// All with the same first digit: `2xx`.
    Class(u8),
}

/// A text is no status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no status of HTTP, such as `200` or `2xx`")]
pub struct InvalidStatus(String);

impl FromStr for Status {
    type Err = InvalidStatus;

    fn from_str(text: &str) -> Result<Self, InvalidStatus> {
        let error = || InvalidStatus(text.chars().take(40).flat_map(char::escape_debug).collect());
        if !text.is_ascii() || text.len() != 3 {
            return Err(error());
        }
        if let Some(class) = text.strip_suffix("xx") {
            let class = class.parse().ok();
            let class = class.filter(|class| (2..=5).contains(class));
            return class.map(Self::Class).ok_or_else(error);
        }
        let code = text.parse().ok().filter(|_| !text.starts_with('+'));
        // 1xx is never the last answer, but for 101, which nobody asks for.
        let code = code.filter(|code| (200..=999).contains(code));
        code.map(Self::Code).ok_or_else(error)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "{code}"),
            Self::Class(class) => write!(f, "{class}xx"),
        }
    }
}

/// What the probe is to find out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Whom it asks.
    pub address: Address,
    /// The statuses of which the answer has to have one; any of 2xx if there is none.
    pub expect: Vec<Status>,
    /// How long the engine lets it take.
    pub timeout: Duration,
}

impl Check {
    /// The program and its arguments.
    ///
    /// The probe gives up a tenth of the time before the engine does, which would say no more than
    /// that it took too long.
    pub fn command(&self) -> Vec<String> {
        let limit = self.timeout.min(MAX_LIMIT) * 9 / 10;
        let limit = limit.as_millis().max(1);
        let mut words = vec![PATH.to_owned(), "-t".to_owned(), limit.to_string()];
        if !self.expect.is_empty() {
            let expect: Vec<String> = self.expect.iter().map(Status::to_string).collect();
            words.extend(["-e".to_owned(), expect.join(",")]);
        }
        words.push(self.address.to_string());
        words
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn statuses_are_read_and_written_alike() {
        for text in ["200", "204", "599", "2xx", "3xx"] {
            assert_eq!(text.parse::<Status>().unwrap().to_string(), text);
        }
        for text in [
            "", "2", "20", "2000", "99", "1xx", "xxx", "2Xx", "+20", "20x", "äx", "101",
        ] {
            assert!(text.parse::<Status>().is_err(), "{text}");
        }
        let long = "\u{1b}".repeat(1000);
        assert!(long.parse::<Status>().unwrap_err().to_string().len() < 400);
    }

    #[test]
    fn a_check_is_a_command() {
        let mut check = Check {
            address: Address::http("http://127.0.0.1:8080/health").unwrap(),
            expect: Vec::new(),
            timeout: Duration::from_secs(3),
        };
        let command = check.command().join(" ");
        assert_eq!(
            command,
            "/usr/libexec/distil-probe -t 2700 http://127.0.0.1:8080/health"
        );
        check.expect = vec![Status::Code(200), Status::Class(3)];
        check.timeout = Duration::from_millis(1);
        let command = check.command().join(" ");
        assert_eq!(
            command,
            "/usr/libexec/distil-probe -t 1 -e 200,3xx http://127.0.0.1:8080/health"
        );
        check.timeout = Duration::MAX;
        assert_eq!(check.command()[2], "3240000");
    }
}
