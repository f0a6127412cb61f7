//! Wheels: what installing one makes (PEP 427, now packaging.python.org, "Binary distribution
//! format", and "Recording installed projects").
//!
//! A wheel is read twice: [`Wheel::open`] looks at what it says of itself and refuses what no wheel
//! may have; [`Wheel::install`] hands its files on, one after another. Nothing of it is executed.

mod entry_points;
mod error;
mod install;
mod open;
mod record;

pub use error::WheelError;
pub use install::{InstalledFile, Scheme};
pub use open::Wheel;
