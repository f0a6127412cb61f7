//! Reads a gzip stream of many members on several threads, as distil's own layers are.
//!
//! Where a member ends is known only when it was unpacked (RFC 1952, 2.2). So the stream is cut
//! where something looks like the header that begins a member, and each cut is unpacked by itself.
//! A cut counts only if it is one whole member, to its last byte; since the one before it was, too,
//! it begins where a member begins. At the first that is not, all the rest is read by one thread in
//! the usual way. So the bytes are the usual ones, whatever the stream is, and so are the errors.

use std::collections::BTreeMap;
use std::io::{self, Chain, Cursor, Read};
use std::mem;
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use flate2::bufread::MultiGzDecoder;
use flate2::{Decompress, FlushDecompress, Status};

/// How members begin that have neither name nor time.
const HEADER: [u8; 8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0];

/// The whole of such a header, and what is behind the compressed bytes.
const HEADER_LENGTH: usize = 10;
const TRAILER_LENGTH: usize = 8;

/// The most bytes of a cut, packed and unpacked. Members of distil's have at most 1 MiB unpacked.
const MAX_PACKED: usize = 2 << 20;
const MAX_PLAIN: usize = 4 << 20;

/// How much is read at once.
const CHUNK: usize = 1 << 18;

/// A reader of the unpacked bytes of a gzip stream.
pub(crate) enum Members<R: Read> {
    /// By several threads.
    Several(Several<R>),
    /// By the one that reads.
    One(Box<MultiGzDecoder<io::BufReader<Rest<R>>>>),
}

/// What was cut already, and what was not yet read.
type Rest<R> = Chain<Cursor<Vec<u8>>, Unread<R>>;

impl<R: Read + Send + 'static> Members<R> {
    /// Unpacks on so many threads.
    pub(crate) fn new(reader: R, threads: NonZeroUsize) -> Self {
        match threads.get() {
            1 => Self::one(Vec::new(), Unread::More(reader)),
            _ => {
                let mut several = Several::start(reader, threads);
                if !several.threads.is_empty() {
                    return Self::Several(several);
                }
                // The machine has none to spare.
                let (cut, unread) = several.stop();
                Self::one(cut, unread)
            }
        }
    }

    fn one(cut: Vec<u8>, unread: Unread<R>) -> Self {
        let rest = Cursor::new(cut).chain(unread);
        let buffered = io::BufReader::with_capacity(1 << 16, rest);
        Self::One(Box::new(MultiGzDecoder::new(buffered)))
    }
}

impl<R: Read + Send + 'static> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self {
                Self::One(reader) => return reader.read(buffer),
                Self::Several(several) => match several.read(buffer)? {
                    Some(count) => return Ok(count),
                    None => {
                        let (cut, unread) = several.stop();
                        *self = Self::one(cut, unread);
                    }
                },
            }
        }
    }
}

/// What of the stream was not cut.
pub(crate) enum Unread<R> {
    More(R),
    Failed(Option<io::Error>),
    Nothing,
}

impl<R: Read> Read for Unread<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::More(reader) => reader.read(buffer),
            Self::Failed(error) => error.take().map_or(Ok(0), Err),
            Self::Nothing => Ok(0),
        }
    }
}

/// Cuts the stream.
struct Cutter<R> {
    unread: Unread<R>,
    buffer: Vec<u8>,
    /// How many cuts were made.
    count: u64,
    /// One for each cut that may be made: what was made and not yet read stays in memory.
    permits: Receiver<()>,
}

impl<R: Read> Cutter<R> {
    /// The next cut; nothing at the end.
    fn cut(&mut self) -> Option<Vec<u8>> {
        // The header at the very beginning is this cut's own.
        let mut searched = 1;
        loop {
            let rest = self.buffer.get(searched..).unwrap_or_default();
            if let Some(at) = memchr::memmem::find(rest, &HEADER) {
                let rest = self.buffer.split_off(searched + at);
                return Some(mem::replace(&mut self.buffer, rest));
            }
            searched = self.buffer.len().saturating_sub(HEADER.len() - 1).max(1);
            let is_full = self.buffer.len() >= MAX_PACKED;
            if is_full || !self.fill() {
                let all = mem::take(&mut self.buffer);
                return (!all.is_empty()).then_some(all);
            }
        }
    }

    /// Reads on; whether there was something.
    fn fill(&mut self) -> bool {
        let Unread::More(reader) = &mut self.unread else {
            return false;
        };
        let before = self.buffer.len();
        let read = reader.take(CHUNK as u64).read_to_end(&mut self.buffer);
        match read {
            Ok(_) if self.buffer.len() > before => true,
            Ok(_) => {
                self.unread = Unread::Nothing;
                false
            }
            Err(error) => {
                self.unread = Unread::Failed(Some(error));
                self.buffer.len() > before
            }
        }
    }
}

/// A cut and what is in it, if it is a member; nothing behind the last.
type Made = Option<(Vec<u8>, Option<Vec<u8>>)>;

pub(crate) struct Several<R: Read> {
    cutter: Arc<Mutex<Cutter<R>>>,
    /// Without it nothing more is cut.
    permits: Option<Sender<()>>,
    made: Receiver<(u64, Made)>,
    /// What came before its turn.
    early: BTreeMap<u64, Made>,
    turn: u64,
    threads: Vec<JoinHandle<()>>,
    current: Vec<u8>,
    read: usize,
}

impl<R: Read + Send + 'static> Several<R> {
    fn start(reader: R, threads: NonZeroUsize) -> Self {
        let (permit, permits) = channel();
        let cutter = Arc::new(Mutex::new(Cutter {
            unread: Unread::More(reader),
            buffer: Vec::new(),
            count: 0,
            permits,
        }));
        for _ in 0..2 * threads.get() {
            // The cutter has the other end.
            permit.send(()).ok();
        }
        let (sender, made) = channel();
        let threads = (0..threads.get()).filter_map(|_| {
            let (cutter, sender) = (Arc::clone(&cutter), sender.clone());
            let work = move || work(&cutter, &sender);
            thread::Builder::new().spawn(work).ok()
        });
        Self {
            threads: threads.collect(),
            cutter,
            permits: Some(permit),
            made,
            early: BTreeMap::new(),
            turn: 0,
            current: Vec::new(),
            read: 0,
        }
    }

    /// As [`Read::read`]; nothing if the next cut is no member.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            let rest = self.current.get(self.read..).unwrap_or_default();
            if !rest.is_empty() || buffer.is_empty() {
                let count = rest.len().min(buffer.len());
                buffer[..count].copy_from_slice(&rest[..count]);
                self.read += count;
                return Ok(Some(count));
            }
            while !self.early.contains_key(&self.turn) {
                let (number, made) = self.made.recv().map_err(|_| lost())?;
                self.early.insert(number, made);
            }
            match self.early.get_mut(&self.turn) {
                Some(Some((_, plain))) => match plain.take() {
                    Some(plain) => {
                        self.early.remove(&self.turn);
                        (self.current, self.read) = (plain, 0);
                        self.turn += 1;
                        if let Some(permits) = &self.permits {
                            // If all threads have ended, nobody wants it.
                            permits.send(()).ok();
                        }
                    }
                    None => return Ok(None),
                },
                _ => {
                    // The usual reader tells of an error, and of a stream without members.
                    let is_end = self.turn > 0 && self.is_at_end();
                    return Ok(is_end.then_some(0));
                }
            }
        }
    }

    /// Whether the stream ended, and not with an error.
    fn is_at_end(&self) -> bool {
        let cutter = self.cutter.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(cutter.unread, Unread::Nothing)
    }

    /// Ends the threads, and gives what was cut and not read, and what was not cut.
    fn stop(&mut self) -> (Vec<u8>, Unread<R>) {
        self.end();
        self.early.extend(self.made.try_iter());
        let mut cutter = self.cutter.lock().unwrap_or_else(PoisonError::into_inner);
        let mut cut = Vec::new();
        for (packed, _) in mem::take(&mut self.early).into_values().flatten() {
            cut.extend(packed);
        }
        cut.append(&mut cutter.buffer);
        let unread = mem::replace(&mut cutter.unread, Unread::Nothing);
        (cut, unread)
    }
}

impl<R: Read> Several<R> {
    fn end(&mut self) {
        self.permits = None;
        for thread in self.threads.drain(..) {
            // One that panicked left a gap, and whoever reads comes upon it.
            drop(thread.join());
        }
    }
}

impl<R: Read> Drop for Several<R> {
    fn drop(&mut self) {
        self.end();
    }
}

fn lost() -> io::Error {
    io::Error::other("a thread that unpacked a layer has failed")
}

fn work<R: Read>(cutter: &Mutex<Cutter<R>>, made: &Sender<(u64, Made)>) {
    let mut inflate = Decompress::new(false);
    loop {
        let (number, packed) = {
            let mut cutter = cutter.lock().unwrap_or_else(PoisonError::into_inner);
            if cutter.permits.recv().is_err() {
                return;
            }
            let packed = cutter.cut();
            cutter.count += 1;
            (cutter.count - 1, packed)
        };
        let is_last = packed.is_none();
        let result = packed.map(|packed| {
            let plain = member(&packed, &mut inflate);
            (packed, plain)
        });
        if made.send((number, result)).is_err() || is_last {
            return;
        }
    }
}

/// What is in a member, if `packed` is one and nothing else.
fn member(packed: &[u8], inflate: &mut Decompress) -> Option<Vec<u8>> {
    let body = packed.get(HEADER_LENGTH..packed.len().checked_sub(TRAILER_LENGTH)?)?;
    if !packed.starts_with(&HEADER) {
        return None;
    }
    let number = |at: usize| {
        let bytes = packed.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_le_bytes(bytes))
    };
    let trailer = packed.len() - TRAILER_LENGTH;
    let (checksum, size) = (number(trailer)?, number(trailer + 4)?);
    let size = usize::try_from(size)
        .ok()
        .filter(|size| *size <= MAX_PLAIN)?;
    inflate.reset(false);
    // With room for one byte too many, the end is come upon even if there is nothing in front of it.
    let mut plain = Vec::with_capacity(size + 1);
    let status = inflate.decompress_vec(body, &mut plain, FlushDecompress::Finish);
    let is_whole = matches!(status, Ok(Status::StreamEnd))
        && inflate.total_in() == body.len() as u64
        && plain.len() == size
        && libdeflater::crc32(&plain) == checksum;
    is_whole.then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compression::{Compression, PieceCompressor};
    use proptest::prelude::*;

    fn packed(pieces: &[&[u8]]) -> Vec<u8> {
        let mut compressor = PieceCompressor::new(Compression::GZIP).unwrap();
        let mut all = Vec::new();
        for piece in pieces {
            let mut member = Vec::new();
            compressor.compress(piece, &mut member).unwrap();
            all.extend(member);
        }
        all
    }

    /// The bytes before the end or an error, and the error.
    fn read(mut reader: impl Read) -> (Vec<u8>, Option<String>) {
        let mut bytes = Vec::new();
        let error = reader.read_to_end(&mut bytes).err();
        (bytes, error.map(|error| error.to_string()))
    }

    fn threads(number: usize) -> NonZeroUsize {
        NonZeroUsize::new(number).unwrap()
    }

    fn on(number: usize, bytes: &[u8]) -> (Vec<u8>, Option<String>) {
        read(Members::new(Cursor::new(bytes.to_vec()), threads(number)))
    }

    #[test]
    fn members_are_joined_in_their_order() {
        let pieces: Vec<Vec<u8>> = (0..40_u8).map(|byte| vec![byte; 70_000]).collect();
        let mut all: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        all.insert(3, b"");
        let bytes = packed(&all);
        for number in [1, 2, 5] {
            assert!(on(number, &bytes) == (pieces.concat(), None), "{number}");
        }
        assert_eq!(on(2, &packed(&[b""])), (Vec::new(), None));
    }

    #[test]
    fn what_only_looks_like_a_header_begins_no_member() {
        // Stored as it is, so that the very bytes are in the stream.
        let mut compressor = PieceCompressor::new(Compression::Gzip { level: 0 }).unwrap();
        let text = [&b"a"[..], &packed(&[b"inner"]), b"z"].concat();
        let mut stored = Vec::new();
        compressor.compress(&text, &mut stored).unwrap();
        let bytes = [packed(&[b"one"]), stored, packed(&[b"two"])].concat();
        let expected = [&b"one"[..], &text, b"two"].concat();
        assert_eq!(on(2, &bytes), (expected, None));
    }

    #[test]
    fn other_streams_are_read_as_usual() {
        let mut named = packed(&[b"content"]);
        // FNAME, RFC 1952, 2.3.1.
        named[3] = 8;
        named.splice(10..10, *b"name\0");
        let large: Vec<u8> = (0..5_000_000_u32).flat_map(u32::to_le_bytes).collect();
        let one = packed(&[&large]);
        let trailing = [packed(&[b"one", b"two"]), b"rubbish".to_vec()].concat();
        let zeros = [packed(&[b"one", b"two"]), vec![0; 1000]].concat();
        for bytes in [
            named,
            one,
            trailing,
            zeros,
            b"\x1f\x8b".to_vec(),
            Vec::new(),
        ] {
            assert!(on(3, &bytes) == on(1, &bytes), "{:?}", on(3, &bytes).1);
        }
    }

    #[test]
    fn an_error_comes_behind_what_came_before_it() {
        struct Fails(Cursor<Vec<u8>>);
        impl Read for Fails {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                match self.0.read(buffer)? {
                    0 => Err(io::Error::other("the network is gone")),
                    count => Ok(count),
                }
            }
        }
        let bytes = packed(&[b"one", b"two"]);
        let reader = Members::new(Fails(Cursor::new(bytes)), threads(2));
        let expected = (b"onetwo".to_vec(), Some("the network is gone".to_owned()));
        assert_eq!(read(reader), expected);
    }

    #[test]
    fn a_reader_that_is_dropped_ends_its_threads() {
        let pieces = vec![&b"piece"[..]; 1000];
        let mut reader = Members::new(Cursor::new(packed(&pieces)), threads(3));
        reader.read_exact(&mut [0; 7]).unwrap();
        drop(reader);
    }

    proptest! {
        #[test]
        fn damage_is_told_as_by_one_thread(
            changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4),
            cut in any::<proptest::sample::Index>(),
            is_cut in any::<bool>(),
        ) {
            let mut bytes = packed(&[b"some text", b"", &[7; 5000], b"and more of it"]);
            for (index, byte) in changes {
                let at = index.index(bytes.len());
                bytes[at] = byte;
            }
            if is_cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            prop_assert!(on(2, &bytes) == on(1, &bytes), "{:?}", on(2, &bytes).1);
        }
    }
}
