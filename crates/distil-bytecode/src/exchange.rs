//! What is said to the interpreter that compiles, and what it answers: both over pipes, so that it needs
//! to write nowhere.
//!
//! ```text
//! it begins     greeting, magic number (4 bytes), length of the cache tag (1), cache tag
//! it is asked   length of the path (4), length of the source (4), path, source
//! it answers    status (1), length (4): 0  hash of the source (8), code object
//!                                       1  nothing: the source is not valid Python
//!                                       2  the name of the exception that ended the compiler
//! ```
//!
//! Numbers are little-endian. Nothing that comes back is trusted: lengths are bounded, and the code goes
//! through [`canonical`](crate::canonical).

use std::io::{self, Read, Write};

use crate::pyc::{Validity, header};
use crate::python::PythonVersion;
use crate::{MarshalError, canonical};

/// What the interpreter runs: it compiles what it is given, and executes nothing of it.
pub const PROGRAM: &str = include_str!("compile.py");

/// The largest source, in bytes, that is compiled. A compiler needs some hundred times the memory.
pub const MAX_SOURCE: u64 = 4 << 20;

/// The largest answer, in bytes.
const MAX_ANSWER: u32 = 256 << 20;

const GREETING: &[u8] = b"distil-bytecode 1\n";

/// Why an interpreter's answer cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// It ended.
    #[error("the interpreter ended before it answered")]
    Lost,
    /// It did not answer in time.
    #[error("the interpreter took too long")]
    Time,
    /// The pipes cannot be used.
    #[error("failed to talk to the interpreter")]
    Pipe(#[source] io::Error),
    /// It says something else.
    #[error("the interpreter's answer is not what is expected: {0}")]
    Answer(&'static str),
    /// It has another version than it was taken for.
    #[error("the interpreter names compiled files `{found}`, and `{expected}` is expected")]
    Tag {
        /// As it says.
        found: String,
        /// As its package says.
        expected: String,
    },
    /// The compiler failed for another reason than a mistake in the source.
    #[error("the compiler ended with {0}")]
    Ended(String),
    /// The code object cannot be read.
    #[error(transparent)]
    Code(#[from] MarshalError),
}

impl From<io::Error> for ExchangeError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => Self::Lost,
            io::ErrorKind::TimedOut => Self::Time,
            _ => Self::Pipe(error),
        }
    }
}

/// An interpreter that has begun.
#[derive(Debug)]
pub struct Exchange<W, R> {
    to: W,
    from: R,
    magic: [u8; 4],
}

impl<W: Write, R: Read> Exchange<W, R> {
    /// Takes an interpreter's greeting.
    ///
    /// # Errors
    /// If it does not come, or is another's.
    pub fn begin(to: W, mut from: R, version: PythonVersion) -> Result<Self, ExchangeError> {
        let mut greeting = [0; GREETING.len()];
        from.read_exact(&mut greeting)?;
        if greeting != GREETING {
            return Err(ExchangeError::Answer("its greeting is another's"));
        }
        let magic = array(&mut from)?;
        let [length] = array(&mut from)?;
        let mut tag = vec![0; length.into()];
        from.read_exact(&mut tag)?;
        let expected = version.cache_tag();
        if tag != expected.as_bytes() {
            return Err(ExchangeError::Tag {
                found: String::from_utf8_lossy(&tag).escape_debug().to_string(),
                expected,
            });
        }
        Ok(Self { to, from, magic })
    }

    /// The compiled file of a source, whose path is what tracebacks show; none if it is not valid Python.
    ///
    /// # Errors
    /// If the interpreter fails.
    pub fn compile(
        &mut self,
        path: &str,
        source: &[u8],
        validity: Validity,
    ) -> Result<Option<Vec<u8>>, ExchangeError> {
        let mut question = Vec::with_capacity(8 + path.len());
        for length in [path.len(), source.len()] {
            let length = u32::try_from(length);
            let length = length.map_err(|_| ExchangeError::Answer("a source is too large"))?;
            question.extend(length.to_le_bytes());
        }
        question.extend(path.as_bytes());
        self.to.write_all(&question)?;
        self.to.write_all(source)?;
        self.to.flush()?;
        let [status] = array(&mut self.from)?;
        let length = u32::from_le_bytes(array(&mut self.from)?);
        if length > MAX_ANSWER {
            return Err(ExchangeError::Answer("it is too long"));
        }
        let mut answer = Vec::new();
        let count = (&mut self.from)
            .take(length.into())
            .read_to_end(&mut answer)?;
        if count < length as usize {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        match status {
            0 => {
                let parts = answer.split_first_chunk::<8>();
                let (hash, code) = parts.ok_or(ExchangeError::Answer("it is too short"))?;
                let mut file = header(self.magic, *hash, validity).to_vec();
                file.extend(canonical(code)?);
                Ok(Some(file))
            }
            1 => Ok(None),
            2 => {
                let name: String = String::from_utf8_lossy(&answer).chars().take(100).collect();
                Err(ExchangeError::Ended(name.escape_debug().to_string()))
            }
            _ => Err(ExchangeError::Answer("its status is unknown")),
        }
    }
}

fn array<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &[u8] =
        b"c\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0s\0\0\0\0)\0)\0)\0s\0\0\0\0z\x01/z\x01az\x01a\
        \0\0\0\0s\0\0\0\0s\0\0\0\0";

    fn begin(answers: &[u8]) -> Result<Exchange<Vec<u8>, io::Cursor<Vec<u8>>>, ExchangeError> {
        let from = io::Cursor::new(answers.to_vec());
        Exchange::begin(Vec::new(), from, PythonVersion::parse("3.13").unwrap())
    }

    fn answer(status: u8, bytes: &[u8]) -> Vec<u8> {
        let length = u32::try_from(bytes.len()).unwrap();
        let head = b"distil-bytecode 1\n\xf3\x0d\x0d\x0a\x0bcpython-313";
        [head, &[status][..], &length.to_le_bytes(), bytes].concat()
    }

    fn compile(answers: &[u8]) -> Result<Option<Vec<u8>>, ExchangeError> {
        begin(answers)?.compile("/a.py", b"1", Validity::Unchecked)
    }

    #[test]
    fn a_source_is_compiled() {
        let mut exchange = begin(&answer(0, &[b"12345678", CODE].concat())).unwrap();
        let file = exchange.compile("/a.py", b"print(1)", Validity::Checked);
        let file = file.unwrap().unwrap();
        assert_eq!(&file[..16], b"\xf3\x0d\x0d\x0a\x03\0\0\x0012345678");
        assert_eq!(exchange.to, b"\x05\0\0\0\x08\0\0\0/a.pyprint(1)");
        assert!(compile(&answer(1, b"")).unwrap().is_none());
    }

    #[test]
    fn answers_are_not_trusted() {
        let error = |answers: &[u8]| compile(answers).unwrap_err().to_string();
        let good = answer(0, &[b"12345678", CODE].concat());
        for end in 0..good.len() {
            assert_eq!(
                error(&good[..end]),
                "the interpreter ended before it answered",
                "{end}"
            );
        }
        let wrong = "the interpreter's answer is not what is expected: ";
        assert_eq!(
            error(b"Python 3.13.5 (main)"),
            format!("{wrong}its greeting is another's")
        );
        assert_eq!(
            error(&answer(0, b"1234")),
            format!("{wrong}it is too short")
        );
        assert_eq!(
            error(&answer(3, b"")),
            format!("{wrong}its status is unknown")
        );
        let mut long = answer(0, b"");
        long.truncate(long.len() - 4);
        long.extend([255; 4]);
        assert_eq!(error(&long), format!("{wrong}it is too long"));
        assert_eq!(
            error(&answer(2, b"MemoryError")),
            "the compiler ended with MemoryError"
        );
        assert_eq!(
            error(&answer(2, b"\x1b[2J")),
            "the compiler ended with \\u{1b}[2J"
        );
        assert_eq!(
            error(&answer(0, b"12345678N")),
            "the first object is no code object"
        );
        let other = String::from_utf8_lossy(&good)
            .replace("313", "312")
            .into_bytes();
        assert!(
            error(&other).starts_with("the interpreter"),
            "{}",
            error(&other)
        );
    }
}
