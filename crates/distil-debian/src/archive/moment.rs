//! The moment of a snapshot, as Debian's snapshot service writes it.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

/// A moment in seconds since 1970, written `20261101T000000Z`, or as a day or a time of RFC 3339
/// (`2026-11-01`, `2026-11-01T00:00:00Z`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(
    /// The seconds.
    pub u64,
);

/// A string is not a moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a moment, such as `20261101T000000Z` or `2026-11-01`")]
pub struct InvalidMoment {
    text: String,
}

impl Moment {
    /// The same as the system has times.
    pub fn time(self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.0)
    }

    /// The seconds since 1970.
    pub fn seconds(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }
}

impl FromStr for Moment {
    type Err = InvalidMoment;

    fn from_str(text: &str) -> Result<Self, InvalidMoment> {
        let invalid = || InvalidMoment {
            text: text.chars().take(100).collect(),
        };
        let digits: String = text.chars().filter(|c| !matches!(c, '-' | ':')).collect();
        let (day, time) = match digits.split_once('T') {
            Some((day, time)) => (day, time.strip_suffix('Z').ok_or_else(invalid)?),
            None => (digits.as_str(), "000000"),
        };
        let is_number = |part: &str, length: usize| {
            part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !is_number(day, 8) || !is_number(time, 6) {
            return Err(invalid());
        }
        let written = format!(
            "{}-{}-{}T{}:{}:{}Z",
            &day[..4],
            &day[4..6],
            &day[6..],
            &time[..2],
            &time[2..4],
            &time[4..]
        );
        let parsed = humantime::parse_rfc3339(&written).map_err(|_| invalid())?;
        let since = parsed.duration_since(SystemTime::UNIX_EPOCH);
        Ok(Self(since.map_err(|_| invalid())?.as_secs()))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // RFC 3339 without its marks, as the service's addresses have it.
        let time = humantime::format_rfc3339_seconds(self.time()).to_string();
        f.write_str(&time.replace(['-', ':'], ""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_three_ways() {
        let expected = "20261101T000000Z".parse::<Moment>().unwrap();
        assert_eq!(expected.0, 1_793_491_200);
        for text in ["2026-11-01", "2026-11-01T00:00:00Z", "20261101"] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        assert_eq!(expected.to_string(), "20261101T000000Z");
        for text in [
            "",
            "now",
            "2026",
            "20261301T000000Z",
            "20261101T0000",
            "1960-01-01",
            "２０２６１１０１",
        ] {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
    }
}
