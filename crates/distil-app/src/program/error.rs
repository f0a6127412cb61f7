//! Why a file is not a program that an image can be made for.

use distil_tree::ReadFileError;
use distil_tree::elf::ElfError;

/// Why a file is not a program that an image can be made for. The messages follow its name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadFileError),
    /// Its headers contradict one another, or it is cut off.
    #[error("cannot be used: {0}")]
    Damaged(#[from] ElfError),
    /// It is something else than a program for Linux.
    #[error("is {0}, and not a program for Linux")]
    Other(&'static str),
    /// It is linked with another C library than Debian's.
    #[error(
        "is linked with musl, and Debian's images have glibc; link it statically (`-static`, `-C target-feature=+crt-static`), or build it on Debian"
    )]
    Musl,
    /// It asks for a loader that no Debian package has.
    #[error("asks for the loader `{}`, which no Debian package has; build it on Debian, or set its loader with `patchelf --set-interpreter`", .0.escape_debug())]
    Loader(String),
    /// Its name, or that of one of its files, is not UTF-8.
    #[error("has a file whose name is not UTF-8")]
    Name,
    /// It has more libraries with it than any program.
    #[error("has more than {0} libraries with it")]
    TooMany(usize),
}
