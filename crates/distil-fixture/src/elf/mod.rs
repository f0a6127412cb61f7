//! Small ELF files that name libraries, versions and loaders, made without a compiler.
//!
//! They are whole enough for whoever reads them (readelf, ldconfig, `object`), and nobody is to
//! run them: there is no code inside. Source: System V ABI, "Object Files" and "Dynamic
//! Linking"; the Linux Standard Base for symbol versions.

mod machine;
mod write;

pub use machine::Machine;

/// Makes one ELF file.
///
/// ```
/// use distil_fixture::{ElfBuilder, Machine};
/// let library = ElfBuilder::shared("libfoo.so.1")
///     .needed("libc.so.6")
///     .machine(Machine::Aarch64)
///     .build();
/// assert!(library.starts_with(b"\x7fELF"));
/// ```
#[derive(Debug, Clone)]
pub struct ElfBuilder {
    machine: Machine,
    kind: Kind,
    soname: Option<String>,
    interpreter: Option<String>,
    needed: Vec<String>,
    runpath: Option<String>,
    rpath: Option<String>,
    requires: Vec<(String, Vec<String>)>,
    defines: Vec<String>,
    payload: Vec<u8>,
    dlopen: Option<String>,
    function: Option<(String, Vec<u8>)>,
    has_executable_stack: bool,
}

/// What sort of file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A shared object.
    Shared,
    /// A position-independent program.
    Program,
    /// A program without a dynamic section.
    Static,
}

impl ElfBuilder {
    fn new(kind: Kind) -> Self {
        Self {
            machine: Machine::X86_64,
            kind,
            soname: None,
            interpreter: None,
            needed: Vec::new(),
            runpath: None,
            rpath: None,
            requires: Vec::new(),
            defines: Vec::new(),
            payload: Vec::new(),
            dlopen: None,
            function: None,
            has_executable_stack: false,
        }
    }

    /// A shared library with this `DT_SONAME`.
    #[must_use]
    pub fn shared(soname: &str) -> Self {
        let mut builder = Self::new(Kind::Shared);
        builder.soname = Some(soname.to_owned());
        builder
    }

    /// A shared object without a `DT_SONAME`: a plug-in, an extension module.
    #[must_use]
    pub fn plugin() -> Self {
        Self::new(Kind::Shared)
    }

    /// A program whose `PT_INTERP` is its machine's usual loader.
    #[must_use]
    pub fn executable() -> Self {
        Self::new(Kind::Program)
    }

    /// A program with neither loader nor dynamic section.
    #[must_use]
    pub fn static_executable() -> Self {
        Self::new(Kind::Static)
    }

    /// Sets the machine, which is x86-64 otherwise.
    #[must_use]
    pub fn machine(mut self, machine: Machine) -> Self {
        self.machine = machine;
        self
    }

    /// Adds a `DT_NEEDED`.
    #[must_use]
    pub fn needed(mut self, soname: &str) -> Self {
        if !self.needed.iter().any(|known| known == soname) {
            self.needed.push(soname.to_owned());
        }
        self
    }

    /// Sets `DT_RUNPATH`: directories with colons between, `$ORIGIN` among them if need be.
    #[must_use]
    pub fn runpath(mut self, folders: &str) -> Self {
        self.runpath = Some(folders.to_owned());
        self
    }

    /// Sets `DT_RPATH`, the older form.
    #[must_use]
    pub fn rpath(mut self, folders: &str) -> Self {
        self.rpath = Some(folders.to_owned());
        self
    }

    /// Sets `PT_INTERP`, for a program with an unusual loader or a library that can be run.
    #[must_use]
    pub fn interpreter(mut self, path: &str) -> Self {
        self.interpreter = Some(path.to_owned());
        self
    }

    /// Needs `library`, and a symbol of its version `version` (`GLIBC_2.34`).
    #[must_use]
    pub fn requires(mut self, library: &str, version: &str) -> Self {
        self = self.needed(library);
        match self.requires.iter_mut().find(|(known, _)| known == library) {
            Some((_, versions)) => versions.push(version.to_owned()),
            None => self
                .requires
                .push((library.to_owned(), vec![version.to_owned()])),
        }
        self
    }

    /// Defines a symbol version.
    #[must_use]
    pub fn defines(mut self, version: &str) -> Self {
        self.defines.push(version.to_owned());
        self
    }

    /// Puts these bytes into a section of their own (`.rodata`), which is loaded.
    #[must_use]
    pub fn payload(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.payload = bytes.as_ref().to_vec();
        self
    }

    /// Tells in a `.note.dlopen` what the file loads by itself: the JSON text of
    /// <https://uapi-group.org/specifications/specs/elf_dlopen_metadata/>.
    #[must_use]
    pub fn dlopen(mut self, json: &str) -> Self {
        self.dlopen = Some(json.to_owned());
        self
    }

    /// Asks for a stack that can be executed.
    #[must_use]
    pub fn executable_stack(mut self) -> Self {
        self.has_executable_stack = true;
        self
    }

    /// Has a function of this name, of these instructions.
    #[must_use]
    pub fn function(mut self, name: &str, code: &[u8]) -> Self {
        self.function = Some((name.to_owned(), code.to_vec()));
        self
    }

    /// The loader that the file names, if any.
    fn loader(&self) -> Option<&str> {
        match (&self.interpreter, self.kind) {
            (Some(path), _) => Some(path),
            (None, Kind::Program) => Some(self.machine.loader()),
            (None, Kind::Shared | Kind::Static) => None,
        }
    }
}

#[cfg(test)]
mod tests;
