//! Makes a `Packages` file smaller and checks it, on all cores.

use std::io::{Read, Write};
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use crate::control::ControlError;
use crate::index::IndexError;
use crate::index::blocks::{Block, Blocks, lines};
use crate::index::table::Table;
use crate::package::is_wanted;

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

/// Copies from a `Packages` file the fields that solving and fetching need, each on one line, and
/// finds the stanzas, but for those that are neither of `architecture` nor of `all`. Of a stanza no
/// more is checked than finding it needs: one in 70,000 that is wrong, and that nobody asks for,
/// keeps nobody from building.
///
/// What is written to `output` is the same, for [`Condensed::from_bytes`]. It depends on nothing
/// but the input and the architecture.
///
/// # Errors
/// When reading or writing fails, or the input is no index; the output is then of no use.
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
    let mut stanza = Stanza {
        condensed: Condensed::default(),
        architecture,
        start: 0,
        line: block.line,
        last: Last::Nothing,
    };
    let text = std::str::from_utf8(&block.bytes).map_err(|error| ControlError::NotUtf8 {
        line: block.line + lines(block.bytes.get(..error.valid_up_to()).unwrap_or_default()),
    })?;
    stanza.condensed.text.reserve(text.len());
    let mut line = block.line;
    let mut rest = text;
    while !rest.is_empty() {
        let end = memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
        let (this, after) = rest.split_at(end);
        stanza.take(this, line)?;
        rest = after.strip_prefix('\n').unwrap_or(after);
        line += 1;
    }
    stanza.finish()?;
    Ok(stanza.condensed)
}

/// The stanza that is being read, and all before it.
struct Stanza<'a> {
    condensed: Condensed,
    architecture: &'a str,
    /// Where it starts in the condensed text, and at which line in the one that is read.
    start: usize,
    line: u64,
    /// The last field, which continuation lines belong to.
    last: Last,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    Wanted,
    Unwanted,
}

impl Stanza<'_> {
    fn take(&mut self, text: &str, line: u64) -> Result<(), IndexError> {
        let malformed = || ControlError::not_a_field(line, text);
        match text.as_bytes().first() {
            None => return self.finish(),
            Some(b'#') => return Ok(()),
            Some(b' ' | b'\t') if text.trim_matches([' ', '\t']).is_empty() => {
                return self.finish();
            }
            Some(b' ' | b'\t') => {
                match self.last {
                    Last::Nothing => return Err(malformed().into()),
                    Last::Unwanted => {}
                    Last::Wanted => {
                        let output = &mut self.condensed.text;
                        output.pop();
                        output.push_str(text);
                        output.push('\n');
                    }
                }
                return Ok(());
            }
            Some(_) => {}
        }
        if self.last == Last::Nothing {
            self.line = line;
        }
        let colon = memchr::memchr(b':', text.as_bytes()).ok_or_else(malformed)?;
        self.last = match is_wanted(text.get(..colon).unwrap_or_default()) {
            false => Last::Unwanted,
            true => {
                self.condensed.text.push_str(text);
                self.condensed.text.push('\n');
                Last::Wanted
            }
        };
        Ok(())
    }

    /// Ends the stanza, if there is one.
    fn finish(&mut self) -> Result<(), IndexError> {
        if self.last == Last::Nothing {
            return Ok(());
        }
        self.last = Last::Nothing;
        let Condensed { text, table } = &mut self.condensed;
        let stanza = text.get(self.start..).unwrap_or_default();
        let place = u32::try_from(self.start).unwrap_or(u32::MAX);
        let found = table.find(stanza, place, self.line, self.architecture);
        found.map_err(|problem| problem.in_pocket(None))?;
        text.push('\n');
        self.start = text.len();
        Ok(())
    }
}
