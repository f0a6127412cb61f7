//! Makes a `Packages` file smaller and checks it, on all cores.

use std::io::{Read, Write};
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use crate::control::{Paragraph, ParagraphReader};
use crate::index::IndexError;
use crate::index::blocks::{Block, Blocks};
use crate::index::table::Table;
use crate::package::Checked;

/// A condensed index: the text, and where the stanzas are in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Condensed {
    pub(super) text: String,
    pub(super) table: Table,
}

impl Condensed {
    /// The text, which is a `Packages` file itself.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The number of packages of the architecture that it was made for.
    pub fn packages(&self) -> usize {
        self.table.len()
    }

    /// What [`condense`] wrote; none if it did not write that.
    pub fn from_bytes(mut bytes: Vec<u8>) -> Option<Self> {
        let table = Table::split_off(&mut bytes)?;
        let text = String::from_utf8(bytes).ok()?;
        Some(Self { text, table })
    }

    fn append(&mut self, part: Self, output: &mut impl Write) -> Result<(), IndexError> {
        output
            .write_all(part.text.as_bytes())
            .map_err(IndexError::Write)?;
        self.table.append(part.table, self.text.len())?;
        self.text.push_str(&part.text);
        Ok(())
    }
}

/// Copies from a `Packages` file the fields that solving and fetching need, in a fixed order
/// and each on one line, and checks them: a condensed index has no malformed stanza. Beside it
/// comes a table of the stanzas, but for those that are neither of `architecture` nor of `all`.
///
/// What is written to `output` is the same, for [`Condensed::from_bytes`]. It depends on nothing
/// but the input and the architecture.
///
/// # Errors
/// When reading or writing fails, or a stanza is wrong; the output is then of no use.
pub fn condense(
    input: impl Read + Send,
    architecture: &str,
    threads: NonZeroUsize,
    output: &mut impl Write,
) -> Result<Condensed, IndexError> {
    let mut blocks = Blocks::new(input);
    let mut condensed = Condensed::default();
    if threads.get() == 1 {
        while let Some(block) = blocks.next()? {
            condensed.append(condense_block(&block, architecture)?, output)?;
        }
    } else {
        in_parallel(blocks, architecture, threads, |part| {
            condensed.append(part, output)
        })?;
    }
    condensed.table.sort();
    let table = condensed.table.to_bytes(condensed.text.len());
    output.write_all(&table).map_err(IndexError::Write)?;
    output.flush().map_err(IndexError::Write)?;
    Ok(condensed)
}

/// A block on its way, and where to send what becomes of it.
struct Job {
    block: Block,
    done: SyncSender<Result<Condensed, IndexError>>,
}

/// One thread reads, several condense, and this one takes what comes out, in the order of the text.
fn in_parallel(
    mut blocks: Blocks<impl Read + Send>,
    architecture: &str,
    threads: NonZeroUsize,
    mut take: impl FnMut(Condensed) -> Result<(), IndexError>,
) -> Result<(), IndexError> {
    let (jobs, queue) = sync_channel::<Job>(threads.get());
    let queue = &Mutex::new(queue);
    std::thread::scope(|scope| {
        for _ in 0..threads.get() {
            scope.spawn(move || {
                while let Some(Job { block, done }) = next(queue) {
                    // Nobody listens any more after an error.
                    let _ = done.send(condense_block(&block, architecture));
                }
            });
        }
        // The results of as many blocks wait at most.
        let (under_way, results) = sync_channel(threads.get());
        let reader = scope.spawn(move || {
            while let Some(block) = blocks.next()? {
                let (done, result) = sync_channel(1);
                let is_wanted =
                    under_way.send(result).is_ok() && jobs.send(Job { block, done }).is_ok();
                if !is_wanted {
                    break;
                }
            }
            Ok(())
        });
        let taken = results
            .into_iter()
            .try_for_each(|result: Receiver<_>| match result.recv() {
                Ok(part) => take(part?),
                // Its thread died, and panics when it is joined.
                Err(_) => Ok(()),
            });
        let read = match reader.join() {
            Ok(read) => read,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        taken.and(read)
    })
}

fn next(queue: &Mutex<Receiver<Job>>) -> Option<Job> {
    let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    queue.recv().ok()
}

fn condense_block(block: &Block, architecture: &str) -> Result<Condensed, IndexError> {
    let before = block.line - 1;
    let mut reader = ParagraphReader::new(block.bytes.as_slice());
    let mut paragraph = Paragraph::default();
    let mut text = String::with_capacity(block.bytes.len());
    loop {
        let read = reader.read_into(&mut paragraph);
        if !read.map_err(|error| error.moved_by(before))? {
            break;
        }
        let wrong = |source| IndexError::Package {
            package: paragraph.get("Package").unwrap_or("").to_owned(),
            line: before + paragraph.line(),
            pocket: None,
            source,
        };
        let checked = Checked::new(&paragraph).map_err(wrong)?;
        checked.check_the_rest().map_err(wrong)?;
        for (name, value) in checked.canonical() {
            text.push_str(name);
            text.push_str(": ");
            let mut lines = value.split('\n');
            text.push_str(lines.next().unwrap_or_default());
            for line in lines {
                // Continuation lines start with white space, so a space too many at worst.
                text.push(' ');
                text.push_str(line);
            }
            text.push('\n');
        }
        text.push('\n');
    }
    let table = Table::of(&text, architecture).map_err(|problem| problem.in_pocket(&text, ""))?;
    Ok(Condensed { text, table })
}
