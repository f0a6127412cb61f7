//! How long to wait for a server, and how often to ask it again.

use std::time::{Duration, SystemTime};

use crate::error::NetError;

/// How patient a [`Client`](crate::Client) is.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long a server may be silent: while connecting, before it answers, and between two pieces of
    /// a body.
    pub timeout: Duration,
    /// How many bytes a second a server has to send at least, as curl's `--speed-limit`. One that sends
    /// less is given up at once, without another attempt.
    pub least_rate: u64,
    /// Over what time that is measured, as curl's `--speed-time`.
    pub rate_window: Duration,
    /// How often one URL is asked in all before it is given up.
    pub attempts: u32,
    /// How long to wait before the second attempt; each further one waits twice as long.
    pub backoff: Duration,
    /// The longest time, in all attempts together, that a server may ask to be left alone
    /// (`Retry-After`). One that asks for more is given up at once, so that the next can be asked.
    pub longest_wait: Duration,
    /// How many downloads one host serves at once.
    pub connections: usize,
    /// Whether a server has to show a certificate that this machine trusts. Without, whoever is on the
    /// way reads and changes everything.
    pub verify_tls: bool,
}

/// The least rate of a server that is of use: DNF's `minrate` and `timeout` are 1000 bytes a second over
/// 30 s; an index of 10 MB takes three hours by it.
const LEAST_RATE: u64 = 1000;

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            least_rate: LEAST_RATE,
            rate_window: Duration::from_secs(30),
            attempts: 4,
            backoff: Duration::from_millis(500),
            longest_wait: Duration::from_secs(30),
            connections: 4,
            verify_tls: true,
        }
    }
}

/// The shortest time over which a rate is measured: in less, a busy machine is as slow as a server.
const SHORTEST_WINDOW: Duration = Duration::from_secs(3);

impl Options {
    /// The usual patience, but for how long a server may be silent, or as good as silent.
    pub fn with_timeout(timeout: Duration) -> Self {
        Self {
            timeout,
            rate_window: timeout.max(SHORTEST_WINDOW),
            ..Self::default()
        }
    }
}

/// How much came of a download since it was last taken up, for the attempts before to be forgotten.
/// Less must not do: a server that sends one byte a connection would be asked for ever.
const PROGRESS: u64 = 1 << 20;

/// What is left of the attempts for one request, or for several that succeed or fail together; see
/// [`Client::attempts`](crate::Client::attempts).
#[derive(Debug, Clone)]
pub struct Patience {
    attempts: u32,
    made: u32,
    first: Duration,
    next: Duration,
    asked: Duration,
}

impl Patience {
    pub(crate) fn new(options: &Options, attempts: Option<u32>) -> Self {
        Self {
            attempts: attempts.unwrap_or(options.attempts),
            made: 1,
            first: options.backoff,
            next: options.backoff,
            asked: options.longest_wait,
        }
    }

    /// How long to wait before the next attempt after this failure; none if there is to be none: the
    /// failure lasts, there were enough attempts, or the server asks for too long a time.
    pub fn after(&mut self, error: &NetError) -> Option<Duration> {
        if !error.is_passing() || self.made >= self.attempts {
            return None;
        }
        let asked = error.retry_after().unwrap_or_default();
        self.asked = self.asked.checked_sub(asked)?;
        let wait = self.next.max(asked);
        self.made += 1;
        self.next = self.next.saturating_mul(2);
        Some(wait)
    }

    /// Counts bytes received or sent since the last attempt began: enough of them reset the number of attempts.
    pub fn note_progress(&mut self, bytes: u64) {
        if bytes >= PROGRESS {
            self.made = 1;
            self.next = self.first;
        }
    }
}

/// What a `Retry-After` means: seconds, or a date (RFC 9110 §10.2.3).
pub(crate) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // So many digits are an eternity all the same.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;

    use super::*;

    fn status(status: u16, retry_after: Option<u64>) -> NetError {
        NetError::Status {
            url: "http://mirror.example/".parse().unwrap(),
            status: StatusCode::from_u16(status).unwrap(),
            retry_after: retry_after.map(Duration::from_secs),
            body: Vec::new(),
        }
    }

    fn waits(errors: &[NetError]) -> Vec<Option<u64>> {
        let mut patience = Patience::new(&Options::default(), None);
        let mut wait = |error| Some(u64::try_from(patience.after(error)?.as_millis()).unwrap());
        errors.iter().map(&mut wait).collect()
    }

    #[test]
    fn waits_grow_and_end() {
        let errors = [500, 429, 408, 503].map(|code| status(code, None));
        assert_eq!(waits(&errors), [Some(500), Some(1000), Some(2000), None]);
        for lasting in [400, 401, 403, 404, 416] {
            assert_eq!(waits(&[status(lasting, None)]), [None], "{lasting}");
        }
    }

    #[test]
    fn a_server_may_ask_for_a_while_in_all() {
        let of = |seconds: &[u64]| {
            let errors: Vec<_> = seconds.iter().map(|s| status(503, Some(*s))).collect();
            waits(&errors)
        };
        assert_eq!(of(&[1, 1]), [Some(1000), Some(1000)]);
        assert_eq!(of(&[100_000]), [None]);
        assert_eq!(of(&[20, 20]), [Some(20_000), None]);
        assert_eq!(of(&[u64::MAX]), [None]);
    }

    #[test]
    fn attempts_are_forgotten_when_much_came() {
        let mut patience = Patience::new(&Options::default(), None);
        for _ in 0..10 {
            assert_eq!(
                patience.after(&status(500, None)),
                Some(Duration::from_millis(500))
            );
            patience.note_progress(PROGRESS);
        }
        let mut asked = 0;
        while patience.after(&status(500, None)).is_some() {
            patience.note_progress(PROGRESS - 1);
            asked += 1;
        }
        assert_eq!(asked, 3);
    }

    #[test]
    fn both_forms_of_retry_after() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let of = |value| Some(retry_after(value, now)?.as_secs());
        assert_eq!(of("120"), Some(120));
        assert_eq!(of("99999999999999999999999"), Some(u64::MAX));
        assert_eq!(of("Sun, 06 Nov 1994 08:49:47 GMT"), Some(10));
        assert_eq!(of("Sun, 06 Nov 1994 08:49:27 GMT"), Some(0));
        assert_eq!(of("soon"), None);
        assert_eq!(of(""), None);
        assert_eq!(of("-1"), None);
    }
}
