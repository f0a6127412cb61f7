//! What is said while a command works: on stderr, and moving only on a terminal.

use std::fmt::Display;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use distil_image::Progress;
use indicatif::{ProgressBar, ProgressStyle};

/// Speaks to the user while an image is made.
pub(crate) struct Printer {
    quiet: bool,
    bar: Mutex<ProgressBar>,
}

impl Printer {
    pub(crate) fn new(quiet: bool) -> Self {
        let bar = if quiet {
            ProgressBar::hidden()
        } else {
            ProgressBar::new_spinner()
        };
        Self {
            quiet,
            bar: Mutex::new(bar),
        }
    }

    /// Says something that stays on the screen.
    pub(crate) fn say(&self, text: impl Display) {
        if !self.quiet {
            self.with(|bar| bar.suspend(|| eprintln!("{text}")));
        }
    }

    /// Takes what moves off the screen.
    pub(crate) fn finish(&self) {
        self.with(|bar| bar.finish_and_clear());
    }

    fn with(&self, act: impl FnOnce(&mut ProgressBar)) {
        act(&mut self.bar.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Progress for Printer {
    fn step(&self, what: &str) {
        self.with(|bar| {
            bar.set_message(what.to_owned());
            bar.enable_steady_tick(Duration::from_millis(100));
        });
    }

    fn packages(&self, count: u64, bytes: u64) {
        if self.quiet {
            return;
        }
        self.with(|bar| {
            bar.finish_and_clear();
            *bar = ProgressBar::new(bytes).with_message(format!("{count} packages"));
            let template = "{msg} {bar:30} {bytes}/{total_bytes}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
        });
    }

    fn package(&self, bytes: u64) {
        self.with(|bar| bar.inc(bytes));
    }
}

/// Bytes as people read them: `15.9 MB`.
pub(crate) fn bytes(count: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "it is rounded to three digits")]
    let count = count as f64;
    match count {
        count if count < 1e3 => format!("{count} B"),
        count if count < 1e6 => format!("{:.1} kB", count / 1e3),
        count if count < 1e9 => format!("{:.1} MB", count / 1e6),
        count => format!("{:.1} GB", count / 1e9),
    }
}
