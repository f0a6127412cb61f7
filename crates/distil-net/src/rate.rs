//! Whether a server sends fast enough to be waited for.

use std::time::Duration;

/// Compares what comes with the least that should, over one window of time after another.
///
/// Only the time counts that was spent waiting for the server: a reader that is slow itself, because it
/// decompresses what came, says nothing about the server.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    window: Duration,
    least: u64,
    waited: Duration,
    received: u64,
}

/// What a window had that had too little: how many bytes, in which time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLittle {
    pub(crate) received: u64,
    pub(crate) waited: Duration,
}

impl Meter {
    pub(crate) fn new(window: Duration, least: u64) -> Self {
        Self {
            window,
            least,
            waited: Duration::ZERO,
            received: 0,
        }
    }

    /// So many bytes came after waiting for so long.
    pub(crate) fn note(&mut self, bytes: u64, waited: Duration) -> Result<(), TooLittle> {
        self.received = self.received.saturating_add(bytes);
        self.waited = self.waited.saturating_add(waited);
        if self.waited < self.window {
            return Ok(());
        }
        let rate = self.received as f64 / self.waited.as_secs_f64();
        let found = TooLittle {
            received: self.received,
            waited: self.waited,
        };
        self.received = 0;
        self.waited = Duration::ZERO;
        match rate < self.least as f64 {
            true => Err(found),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(30);

    #[test]
    fn a_byte_a_second_is_too_little_after_one_window() {
        let mut meter = Meter::new(WINDOW, 1000);
        for _ in 1..30 {
            assert_eq!(meter.note(1, Duration::from_secs(1)), Ok(()));
        }
        let found = TooLittle {
            received: 30,
            waited: WINDOW,
        };
        assert_eq!(meter.note(1, Duration::from_secs(1)), Err(found));
    }

    #[test]
    fn slow_is_not_too_slow() {
        let mut meter = Meter::new(WINDOW, 1000);
        for _ in 0..100 {
            assert_eq!(meter.note(1001, Duration::from_secs(1)), Ok(()));
        }
        // A fast beginning does not excuse what follows.
        meter.note(1 << 30, Duration::from_secs(1)).unwrap();
        let mut rest = (0..60).map(|_| meter.note(1, Duration::from_secs(1)));
        assert!(rest.any(|noted| noted.is_err()));
    }
}
