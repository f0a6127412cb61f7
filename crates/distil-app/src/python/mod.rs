//! Python: from a lock file to the files that `pip install --target` would make of it.
//!
//! [`lock`] reads what is pinned, [`choose`] picks the wheel that fits the image's Python, and
//! [`wheel`] makes files of it.

mod choose;
mod environment;
pub mod index;
pub mod lock;
mod marker;
mod name;
mod requirement;
mod tag;
pub mod wheel;

pub use choose::{NoWheel, choose};
pub use environment::{Environment, Machine};
pub use marker::{Chosen, Marker, MarkerError};
pub use name::{Name, NameError};
pub use requirement::{Requirement, RequirementError, RequirementSource};
pub use tag::{Fit, Tags, WheelName, WheelNameError};
