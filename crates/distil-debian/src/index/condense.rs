//! Makes a `Packages` file smaller and checks it.

use std::io::{BufRead, Write};

use serde::{Deserialize, Serialize};

use crate::control::{Paragraph, ParagraphReader};
use crate::index::IndexError;
use crate::package::Checked;

/// What [`condense`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condensed {
    /// The number of packages.
    pub packages: u64,
}

/// Copies from a `Packages` file the fields that solving and fetching need, in a fixed order
/// and each on one line, and checks them: a condensed index has no malformed stanza.
///
/// The result is a `Packages` file itself. It depends on nothing but the input.
///
/// # Errors
/// When reading or writing fails, or a stanza is wrong; the output is then of no use.
pub fn condense(input: impl BufRead, mut output: impl Write) -> Result<Condensed, IndexError> {
    let mut reader = ParagraphReader::new(input);
    let mut paragraph = Paragraph::default();
    let mut condensed = Condensed { packages: 0 };
    let mut line = Vec::new();
    while reader.read_into(&mut paragraph)? {
        let wrong = |source| IndexError::Package {
            package: paragraph.get("Package").unwrap_or("").to_owned(),
            line: paragraph.line(),
            pocket: None,
            source,
        };
        let checked = Checked::new(&paragraph).map_err(wrong)?;
        checked.check_the_rest().map_err(wrong)?;
        line.clear();
        for (name, value) in checked.canonical() {
            line.extend_from_slice(name.as_bytes());
            line.extend_from_slice(b": ");
            let start = line.len();
            line.extend_from_slice(value.as_bytes());
            for byte in line.get_mut(start..).unwrap_or_default() {
                // Continuation lines start with white space, so a space too many at worst.
                if *byte == b'\n' {
                    *byte = b' ';
                }
            }
            line.push(b'\n');
        }
        line.push(b'\n');
        output.write_all(&line).map_err(IndexError::Write)?;
        condensed.packages += 1;
    }
    output.flush().map_err(IndexError::Write)?;
    Ok(condensed)
}
