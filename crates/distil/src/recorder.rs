//! What a build tells on its way, kept for the document that it prints at the end.

use std::sync::{Arc, Mutex, PoisonError};

use distil_build::{Event, Events};
use serde::Serialize;

use crate::printer::{self, Printer};

/// Keeps warnings and outputs, and passes all events on to the printer.
pub(crate) struct Recorder {
    printer: Arc<Printer>,
    kept: Mutex<Kept>,
}

/// What happened since it was last taken.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// The warnings, in order, each once.
    pub(crate) warnings: Vec<Told>,
    /// The outputs and what became of each.
    pub(crate) outputs: Vec<Output>,
}

/// A warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Told {
    /// What kind of warning.
    pub(crate) code: &'static str,
    /// What it says.
    pub(crate) message: String,
}

/// A place that an image was written to.
#[derive(Debug, Serialize)]
pub(crate) struct Output {
    /// The transport and the place.
    pub(crate) location: String,
    /// `written`, or `unchanged` if the image was there.
    pub(crate) state: &'static str,
}

impl Recorder {
    /// A recorder in front of a printer.
    pub(crate) fn new(printer: Arc<Printer>) -> Self {
        Self {
            printer,
            kept: Mutex::default(),
        }
    }

    /// What happened since the last time.
    pub(crate) fn take(&self) -> Kept {
        std::mem::take(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps a warning, and prints it.
    pub(crate) fn note(&self, code: &'static str, message: String) {
        self.printer.say(format_args!("note: {message}"));
        self.keep(Told { code, message });
    }

    fn keep(&self, told: Told) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // Each platform of an image opens the archive anew.
        if !kept.warnings.contains(&told) {
            kept.warnings.push(told);
        }
    }

    fn wrote(&self, location: &distil_oci::Location, state: &'static str) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.outputs.push(Output {
            location: location.to_string(),
            state,
        });
    }
}

impl Events for Recorder {
    fn event(&self, event: Event<'_>) {
        match &event {
            Event::Warning(warning) => self.keep(Told {
                code: warning.code(),
                message: printer::message(warning),
            }),
            Event::Wrote { location, .. } | Event::WroteRoot { location, .. } => {
                self.wrote(location, "written");
            }
            Event::Pushed { location, pushed } => {
                let sent = pushed.moved || pushed.uploaded + pushed.mounted > 0;
                self.wrote(location, if sent { "written" } else { "unchanged" });
            }
            Event::Unchanged { location, .. } => self.wrote(location, "unchanged"),
            _ => {}
        }
        self.printer.event(event);
    }
}
