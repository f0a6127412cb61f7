//! The position of a value in a definition's text.

use std::fmt;
use std::sync::Arc;

use crate::pointer::Pointer;
use crate::span::locate;

/// The text of a definition, to show positions in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// What it is from: a file, or a name of the catalogue.
    pub origin: Arc<str>,
    /// The text.
    pub text: Arc<str>,
}

/// The position of a value in a definition, shown behind a message as the line with the value
/// underlined, after a line feed. It shows nothing for what stands in no definition, such as what
/// the command line says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Position(Option<Arc<Written>>);

#[derive(Debug, PartialEq, Eq)]
struct Written {
    text: Text,
    pointer: Pointer,
}

impl Position {
    /// The position of the value that a pointer leads to.
    pub(crate) fn new(text: Option<&Text>, pointer: &Pointer) -> Self {
        Self(text.map(|text| {
            Arc::new(Written {
                text: text.clone(),
                pointer: pointer.clone(),
            })
        }))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(written) = &self.0 else {
            return Ok(());
        };
        let Text { origin, text } = &written.text;
        match locate(text, origin, written.pointer.steps()) {
            Some(excerpt) => write!(f, "\n{excerpt}"),
            None => Ok(()),
        }
    }
}
