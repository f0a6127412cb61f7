//! Makes a `Packages` file smaller and checks it, on all cores.

use std::io::{Read, Write};
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use distil_store::Digest;

use crate::control::ControlError;
use crate::index::blocks::{Block, Blocks, lines};
use crate::index::draft::Draft;
use crate::index::error::IndexError;
use crate::index::scan;
use crate::index::table::Table;
use crate::index::text::Text;
use crate::package::is_wanted;

/// How long a block of the text is at least, which is read and verified for any of its stanzas:
/// two or three of them. Blocks of 4 KiB make the table a sixth smaller, which nobody notices, and
/// solving up to a tenth slower.
const VERIFIED: usize = 1 << 10;

/// A condensed index: where the stanzas are, and the text, which need not be in memory.
#[derive(Debug, Clone)]
pub struct Condensed {
    pub(super) table: Table,
    pub(super) text: Text,
}

impl Condensed {
    /// A text and its table; none if the text is longer or shorter than the one of the table.
    pub fn new(table: Table, text: Text) -> Option<Self> {
        (table.length() == text.length()).then_some(Self { table, text })
    }

    /// Finds the stanzas of a text of at most 4 GiB.
    pub(super) fn of(text: String, architecture: &str) -> Result<Self, scan::Problem> {
        let table = Draft::of(&text, architecture)?.finish(text.len());
        let text = Text::from(text.into_bytes());
        Ok(Self { table, text })
    }
}

/// Copies from a `Packages` file the fields that solving and fetching need, each on one line, and
/// finds the stanzas, but for those that are neither of `architecture` nor of `all`. Of a stanza no
/// more is checked than finding it needs: one in 70,000 that is wrong, and that nobody asks for,
/// keeps nobody from building.
///
/// The text is written to `output`, and its table is the answer. Both depend on nothing but the
/// input and the architecture.
///
/// # Errors
/// When reading or writing fails, or the input is not an index; the output is then of no use.
pub fn condense(
    input: impl Read + Send,
    architecture: &str,
    threads: NonZeroUsize,
    output: &mut impl Write,
) -> Result<Table, IndexError> {
    let mut blocks = Blocks::new(input);
    let (mut draft, mut length) = (Draft::default(), 0);
    let mut take = |part: Part| {
        let text = part.text.as_bytes();
        output.write_all(text).map_err(IndexError::Write)?;
        draft.append(part.draft, length, text.len())?;
        length += text.len();
        Ok(())
    };
    if threads.get() > 1 {
        in_parallel(&mut blocks, architecture, threads, &mut take)?;
    }
    // All of them, or none that are left; or those for which the machine had no threads.
    while let Some(block) = blocks.next()? {
        take(condense_block(&block, architecture)?)?;
    }
    output.flush().map_err(IndexError::Write)?;
    Ok(draft.finish(length))
}

/// Some stanzas, condensed.
#[derive(Default)]
struct Part {
    text: String,
    draft: Draft,
}

/// A block on its way, and where to send what becomes of it.
struct Job {
    block: Block,
    done: SyncSender<Result<Part, IndexError>>,
}

/// One thread reads, several condense, and this one takes what comes out, in the order of the text.
/// Where there are no threads to be had, nothing of `blocks` is read.
fn in_parallel(
    blocks: &mut Blocks<impl Read + Send>,
    architecture: &str,
    threads: NonZeroUsize,
    mut take: impl FnMut(Part) -> Result<(), IndexError>,
) -> Result<(), IndexError> {
    let (jobs, queue) = sync_channel::<Job>(threads.get());
    let queue = &Mutex::new(queue);
    std::thread::scope(|scope| {
        let work = move || {
            while let Some(Job { block, done }) = next(queue) {
                // Nobody listens any more after an error.
                let _ = done.send(condense_block(&block, architecture));
            }
        };
        let spawn = |_| thread::Builder::new().spawn_scoped(scope, work).ok();
        if (0..threads.get()).map_while(spawn).count() == 0 {
            return Ok(());
        }
        // The results of as many blocks wait at most.
        let (under_way, results) = sync_channel(threads.get());
        let read = move || {
            while let Some(block) = blocks.next()? {
                let (done, result) = sync_channel(1);
                let is_wanted =
                    under_way.send(result).is_ok() && jobs.send(Job { block, done }).is_ok();
                if !is_wanted {
                    break;
                }
            }
            Ok(())
        };
        let Ok(reader) = thread::Builder::new().spawn_scoped(scope, read) else {
            return Ok(());
        };
        let taken = results
            .into_iter()
            .map(|result: Receiver<_>| result.recv())
            // One whose thread died panics when it is joined.
            .map_while(Result::ok)
            .try_for_each(|part: Result<_, _>| take(part?));
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

fn condense_block(block: &Block, architecture: &str) -> Result<Part, IndexError> {
    let mut stanza = Stanza {
        part: Part::default(),
        architecture,
        start: 0,
        verified: 0,
        line: block.line,
        last: Last::Nothing,
    };
    let text = std::str::from_utf8(&block.bytes).map_err(|error| ControlError::NotUtf8 {
        line: block.line + lines(block.bytes.get(..error.valid_up_to()).unwrap_or_default()),
    })?;
    stanza.part.text.reserve(text.len());
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
    stanza.end_block();
    Ok(stanza.part)
}

/// The stanza that is being read, and all before it.
struct Stanza<'a> {
    part: Part,
    architecture: &'a str,
    /// Where it starts in the condensed text, and at which line in the one that is read.
    start: usize,
    line: u64,
    /// Where the last block of the condensed text ends.
    verified: usize,
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
                        let output = &mut self.part.text;
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
                self.part.text.push_str(text);
                self.part.text.push('\n');
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
        let Part { text, draft } = &mut self.part;
        let stanza = text.get(self.start..).unwrap_or_default();
        let place = u32::try_from(self.start).unwrap_or(u32::MAX);
        let found = draft.find(stanza, place, self.line, self.architecture);
        found.map_err(|problem| problem.in_pocket(None))?;
        text.push('\n');
        self.start = text.len();
        if self.start - self.verified >= VERIFIED {
            self.end_block();
        }
        Ok(())
    }

    /// Ends the block of whole stanzas, if there is one.
    fn end_block(&mut self) {
        let Part { text, draft } = &mut self.part;
        let block = text.get(self.verified..).unwrap_or_default();
        if !block.is_empty() {
            let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
            draft.block(end, Digest::of(block));
        }
        self.verified = text.len();
    }
}
