//! Where in a definition's text something stands.

use std::sync::Arc;

use crate::entry::excerpt_of_entry;

/// The text of a definition, to show places in.
#[derive(Debug, Clone)]
pub struct Text {
    /// Where it is from: a file, or a name of the catalogue.
    pub origin: String,
    /// The text.
    pub text: Arc<str>,
}

impl Text {
    /// The line where `word` stands under `key`, with the place underlined, behind a line feed;
    /// nothing if it does not stand there.
    pub(crate) fn place(&self, key: &str, word: &str) -> Place {
        let excerpt = excerpt_of_entry(&self.text, &self.origin, key, word);
        Place(excerpt.map(|excerpt| format!("\n{excerpt}")))
    }
}

/// The place of a mistake in a definition, as it is shown behind the message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place(Option<String>);

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or_default())
    }
}
