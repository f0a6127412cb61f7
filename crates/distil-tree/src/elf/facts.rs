//! What is known of an ELF file, and why it cannot be.

/// The most entries of a dynamic section that are read: real ones have some fifty.
pub(super) const MAX_DYNAMIC: usize = 4096;

/// The most program headers that are read: real files have some fifteen.
pub(super) const MAX_SEGMENTS: usize = 1024;

/// What kind of machine and format an ELF file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Abi {
    /// `e_machine`, such as 62 for x86-64.
    pub machine: u16,
    /// Whether addresses have 64 bits.
    pub is_64: bool,
    /// Whether the least significant byte comes first.
    pub is_little_endian: bool,
}

/// Facts of an ELF file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elf {
    /// What it runs on.
    pub abi: Abi,
    /// `e_flags`, which on some machines tell the calling convention.
    pub flags: u32,
    /// The loader that it asks for (`PT_INTERP`).
    pub interpreter: Option<Vec<u8>>,
    /// Its own name as a library (`DT_SONAME`).
    pub soname: Option<Vec<u8>>,
    /// The libraries that it needs (`DT_NEEDED`), in order.
    pub needed: Vec<Vec<u8>>,
    /// Where it looks for them before all else (`DT_RPATH`), if there is no `runpath`.
    pub rpath: Vec<Vec<u8>>,
    /// Where it looks for them first (`DT_RUNPATH`).
    pub runpath: Vec<Vec<u8>>,
    /// Whether it has a dynamic section at all; a static program has none.
    pub is_dynamic: bool,
    /// Whether it is a program or a shared object, and not a relocatable object or a core.
    pub is_loadable: bool,
    /// Whether its libraries are looked for in the loader's own directories, too: not with
    /// `DF_1_NODEFLIB`.
    pub searches_defaults: bool,
    /// The versions of symbols that it needs of its libraries (`DT_VERNEED`).
    pub version_needs: Vec<VersionNeed>,
    /// The versions of symbols that it has for others (`DT_VERDEF`), its own name left out.
    pub version_definitions: Vec<Vec<u8>>,
    /// What it loads with dlopen(3), as far as it tells: the JSON texts of its `.note.dlopen`.
    pub dlopen_notes: Vec<Vec<u8>>,
    /// Whether it asks for a stack that can be executed (`PT_GNU_STACK`).
    pub has_executable_stack: bool,
    /// How many bytes the file must have for all that is loaded of it.
    pub loaded_size: u64,
}

/// A version of symbols that a file needs of a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionNeed {
    /// The library, as `DT_NEEDED` names it.
    pub library: Vec<u8>,
    /// The version, such as `GLIBC_2.38`.
    pub version: Vec<u8>,
    /// Whether the loader only warns when it is missing (`VER_FLG_WEAK`).
    pub is_weak: bool,
}

/// Why a file that begins like ELF is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the ELF file is damaged: {0}")]
pub struct ElfError(pub(super) String);

impl ElfError {
    /// What is loaded of the file is more than it has.
    pub fn cut_off(size: u64, loaded: u64) -> Self {
        Self(format!(
            "it is cut off: {loaded} bytes of it are loaded, and it has {size}"
        ))
    }
}
