//! The names and the header of compiled files.

use crate::python::PythonVersion;

/// The hash of a source that a compiled file is of: SipHash with the interpreter's magic number as its key
/// (`_imp.source_hash`).
pub type SourceHash = [u8; 8];

/// When an interpreter takes a compiled file (PEP 552).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// Always: for sources that do not change.
    Unchecked,
    /// If its source still has the hash, for which each import reads the source.
    Checked,
}

/// The header of a compiled file that is bound to its source by a hash: the interpreter's magic number,
/// flags, and the hash of the source (PEP 552, "Specification").
pub fn header(magic: [u8; 4], source: SourceHash, validity: Validity) -> [u8; 16] {
    let flags: u32 = match validity {
        Validity::Unchecked => 0b01,
        Validity::Checked => 0b11,
    };
    let mut header = [0; 16];
    header[..4].copy_from_slice(&magic);
    header[4..8].copy_from_slice(&flags.to_le_bytes());
    header[8..].copy_from_slice(&source);
    header
}

/// Where an interpreter looks for the compiled file of a source (PEP 3147): `a/b.py` is compiled to
/// `a/__pycache__/b.cpython-313.pyc`. None if the source does not have the name of a module.
pub fn cached_path(source: &str, version: PythonVersion) -> Option<String> {
    let (directory, name) = match source.rsplit_once('/') {
        Some((directory, name)) => (format!("{directory}/"), name),
        None => (String::new(), source),
    };
    let stem = name.strip_suffix(".py")?;
    // `import` finds names alone, and a dot in one would be a package's.
    let is_module = !stem.is_empty() && !stem.contains(['.', '-', ' ']);
    let tag = version.cache_tag();
    is_module.then(|| format!("{directory}__pycache__/{stem}.{tag}.pyc"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_of_pep_552() {
        let magic = [0xf3, 0x0d, 0x0d, 0x0a];
        let of = |validity| header(magic, *b"12345678", validity);
        assert_eq!(
            &of(Validity::Unchecked),
            b"\xf3\x0d\x0d\x0a\x01\0\0\x0012345678"
        );
        assert_eq!(
            &of(Validity::Checked),
            b"\xf3\x0d\x0d\x0a\x03\0\0\x0012345678"
        );
    }

    #[test]
    fn names_of_compiled_files() {
        let version = PythonVersion::parse("3.11").unwrap();
        let path = |source| cached_path(source, version);
        let os = "usr/lib/python3.11/__pycache__/os.cpython-311.pyc";
        assert_eq!(path("usr/lib/python3.11/os.py").as_deref(), Some(os));
        assert_eq!(
            path("a.py").as_deref(),
            Some("__pycache__/a.cpython-311.pyc")
        );
        for other in ["a.pyc", "a/.py", "a.b.py", "a-b.py", "a", "a.py/b"] {
            assert_eq!(path(other), None, "{other}");
        }
    }
}
