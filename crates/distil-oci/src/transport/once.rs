//! Blobs that are far away, fetched once however often they are read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use distil_store::Digest;

use crate::blob::{BlobSource, Blobs, FoundBlob};
use crate::spec::Descriptor;

/// How much is fetched at a time, in bytes.
const CHUNK: u64 = 256 << 10;

/// Blobs of another place, kept in one temporary file as far as they were read.
pub(crate) struct Once<B> {
    place: B,
    copy: Arc<Copy>,
    fetched: Mutex<BTreeMap<(Digest, u64), Arc<Fetched>>>,
}

impl<B> Once<B> {
    pub(crate) fn new(place: B) -> Self {
        Self {
            place,
            copy: Arc::default(),
            fetched: Mutex::default(),
        }
    }
}

impl<B: Blobs> Blobs for Once<B> {
    fn find(&self, digest: Digest, descriptor: &Descriptor) -> io::Result<Option<FoundBlob>> {
        let Some(found) = self.place.find(digest, descriptor)? else {
            return Ok(None);
        };
        let size = found.size;
        let fetched = Arc::clone(
            lock(&self.fetched)
                .entry((digest, size))
                .or_insert_with(|| {
                    Arc::new(Fetched {
                        source: found.source,
                        size,
                        copy: Arc::clone(&self.copy),
                        room: OnceLock::new(),
                        available: AtomicU64::new(0),
                        rest: Mutex::default(),
                    })
                }),
        );
        Ok(Some(FoundBlob {
            size,
            source: Arc::new(OnceBlob(fetched)),
        }))
    }
}

/// The temporary file, which has no name and is gone with its last reader.
#[derive(Default)]
struct Copy {
    /// The file once there is one, and how much of it is given away.
    file: Mutex<(Option<Arc<File>>, u64)>,
}

impl Copy {
    /// Room for `size` bytes: the file, and where they go.
    fn room(&self, size: u64) -> io::Result<(Arc<File>, u64)> {
        let mut file = lock(&self.file);
        let open = match &file.0 {
            Some(open) => Arc::clone(open),
            None => Arc::new(tempfile::tempfile()?),
        };
        let start = file.1;
        // A size is only what somebody said.
        let end = start.checked_add(size).ok_or(io::ErrorKind::FileTooLarge)?;
        *file = (Some(Arc::clone(&open)), end);
        Ok((open, start))
    }
}

/// A blob, of which some bytes were fetched.
struct Fetched {
    source: Arc<dyn BlobSource>,
    size: u64,
    copy: Arc<Copy>,
    /// Where the bytes are kept, from the first read on: the file, and the position in it.
    room: OnceLock<(Arc<File>, u64)>,
    /// How many bytes are in the file.
    available: AtomicU64,
    /// Gives what follows the bytes that are in the file. Held while more is fetched.
    rest: Mutex<Option<Box<dyn Read + Send>>>,
}

impl Fetched {
    /// Fetches more than the first `known` bytes, unless somebody else did; none at the end.
    ///
    /// Whoever needs bytes fetches them; all others who do wait for these.
    fn fetch(&self, known: u64) -> io::Result<()> {
        let mut kept = lock(&self.rest);
        let available = self.available.load(Ordering::Acquire);
        if available > known {
            return Ok(());
        }
        let (file, start) = match self.room.get() {
            Some(room) => room,
            None => {
                let room = self.copy.room(self.size)?;
                self.room.get_or_init(|| room)
            }
        };
        let mut rest = match kept.take() {
            Some(rest) => rest,
            None => self.rest(available)?,
        };
        let mut chunk = Vec::new();
        let wanted = CHUNK.min(self.size - available);
        // After an error the next who needs bytes asks anew.
        rest.by_ref().take(wanted).read_to_end(&mut chunk)?;
        file.write_all_at(&chunk, start + available)?;
        let available = available + chunk.len() as u64;
        if !chunk.is_empty() && available < self.size {
            *kept = Some(rest);
        }
        self.available.store(available, Ordering::Release);
        Ok(())
    }

    /// The source from a byte on.
    fn rest(&self, from: u64) -> io::Result<Box<dyn Read + Send>> {
        let mut source = self.source.open()?;
        let skipped = io::copy(&mut source.by_ref().take(from), &mut io::sink())?;
        match skipped == from {
            true => Ok(source),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// A blob that is fetched once.
struct OnceBlob(Arc<Fetched>);

impl BlobSource for OnceBlob {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(OnceReader {
            fetched: Arc::clone(&self.0),
            at: 0,
        }))
    }
}

struct OnceReader {
    fetched: Arc<Fetched>,
    at: u64,
}

impl Read for OnceReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let fetched = &self.fetched;
        if buffer.is_empty() || self.at == fetched.size {
            return Ok(0);
        }
        if fetched.available.load(Ordering::Acquire) <= self.at {
            fetched.fetch(self.at)?;
        }
        let there = fetched.available.load(Ordering::Acquire) - self.at;
        let wanted = usize::try_from(there).map_or(buffer.len(), |there| there.min(buffer.len()));
        if wanted == 0 {
            return Ok(0);
        }
        let (file, start) = fetched.room.get().ok_or(io::ErrorKind::UnexpectedEof)?;
        file.read_exact_at(&mut buffer[..wanted], start + self.at)?;
        self.at += wanted as u64;
        Ok(wanted)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::BytesBlob;
    use crate::descriptor::descriptor;
    use crate::spec::MediaType;

    /// Blobs in memory that count how often they are opened, and break off so many times.
    struct Place {
        bytes: Arc<[u8]>,
        opened: Arc<AtomicU64>,
        broken: Arc<AtomicU64>,
    }

    impl Blobs for Place {
        fn find(&self, _: Digest, descriptor: &Descriptor) -> io::Result<Option<FoundBlob>> {
            Ok(Some(FoundBlob {
                size: descriptor.size(),
                source: Arc::new(Source {
                    bytes: BytesBlob(Arc::clone(&self.bytes)),
                    opened: Arc::clone(&self.opened),
                    broken: Arc::clone(&self.broken),
                }),
            }))
        }
    }

    struct Source {
        bytes: BytesBlob,
        opened: Arc<AtomicU64>,
        broken: Arc<AtomicU64>,
    }

    impl BlobSource for Source {
        fn open(&self) -> io::Result<Box<dyn Read + Send>> {
            self.opened.fetch_add(1, Ordering::Relaxed);
            let whole = self.bytes.open()?;
            let less = |left: u64| left.checked_sub(1);
            let broken = self
                .broken
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
            Ok(match broken {
                Ok(_) => Box::new(whole.take(CHUNK + 7).chain(Fails)),
                Err(_) => whole,
            })
        }
    }

    struct Fails;

    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }

    fn place(size: u32, broken: u64) -> (Once<Place>, Vec<u8>, Arc<AtomicU64>) {
        let bytes: Vec<u8> = (0..size).flat_map(u32::to_le_bytes).collect();
        let opened = Arc::new(AtomicU64::new(0));
        let once = Once::new(Place {
            bytes: bytes.as_slice().into(),
            opened: Arc::clone(&opened),
            broken: Arc::new(AtomicU64::new(broken)),
        });
        (once, bytes, opened)
    }

    fn find(once: &Once<Place>, bytes: &[u8]) -> Arc<dyn BlobSource> {
        let digest = Digest::of(bytes);
        let descriptor = descriptor(MediaType::ImageLayer, digest, bytes.len() as u64);
        once.find(digest, &descriptor).unwrap().unwrap().source
    }

    fn read(source: &dyn BlobSource) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        source.open()?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    #[test]
    fn a_blob_is_fetched_once_however_many_read_it() {
        let (once, bytes, opened) = place(300_000, 0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let source = find(&once, &bytes);
                let bytes = &bytes;
                scope.spawn(move || assert!(read(source.as_ref()).unwrap() == *bytes));
            }
        });
        // One that stops early, and one that goes on from there.
        let source = find(&once, &bytes);
        source.open().unwrap().read_exact(&mut [0; 10]).unwrap();
        assert!(read(source.as_ref()).unwrap() == bytes);
        assert_eq!(opened.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn what_broke_off_is_asked_for_again_and_what_is_there_is_not() {
        let (once, bytes, opened) = place(300_000, 1);
        let source = find(&once, &bytes);
        let error = read(source.as_ref()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert!(read(source.as_ref()).unwrap() == bytes);
        assert_eq!(opened.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn several_blobs_do_not_touch_one_another() {
        let (once, bytes, _) = place(300_000, 0);
        // The same bytes under another size are another blob.
        let short = descriptor(MediaType::ImageLayer, Digest::of(&bytes), 11);
        let short = once.find(Digest::of(&bytes), &short).unwrap().unwrap();
        let long = find(&once, &bytes);
        let mut reader = long.open().unwrap();
        let mut first = vec![0; 1000];
        reader.read_exact(&mut first).unwrap();
        assert_eq!(read(short.source.as_ref()).unwrap(), bytes[..11]);
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).unwrap();
        assert!([first, rest].concat() == bytes);
    }
}
