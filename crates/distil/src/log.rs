//! `--verbose`: what happens on the way, on stderr, for whoever looks for a fault.
//!
//! Only events of distil's own crates are shown: they name addresses as messages do, without
//! passwords and signatures, which nobody can promise of the events of other libraries.

use std::io::{self, Write};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::harmless::Lines;

/// Starts it at the level that the number of `-v` gives, or else at that of `RUST_LOG`.
pub(crate) fn start(verbosity: u8) {
    let variable = std::env::var("RUST_LOG").unwrap_or_default();
    let directives = match verbosity {
        0 if variable.is_empty() => return,
        0 => variable.as_str(),
        1 => "distil=info",
        _ => "distil=debug",
    };
    let events = fmt::layer()
        .with_writer(|| Harmless)
        .with_timer(fmt::time::uptime())
        .with_target(false)
        .with_filter(filter_fn(|event| event.target().starts_with("distil")));
    // It is the first.
    let _ = tracing_subscriber::registry()
        .with(EnvFilter::builder().parse_lossy(directives))
        .with(events)
        .try_init();
}

/// Whether steps are shown, so that nothing else has to move.
pub(crate) fn is_on() -> bool {
    LevelFilter::current() >= LevelFilter::INFO
}

/// Standard error, where names from outside do no harm to a terminal.
struct Harmless;

impl Write for Harmless {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        write!(io::stderr().lock(), "{}", Lines(text))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
