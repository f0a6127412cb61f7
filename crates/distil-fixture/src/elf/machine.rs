//! The machines that ELF files are made for, by Debian's names.

/// The machine that an ELF file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Machine {
    /// Debian's amd64.
    X86_64,
    /// Debian's i386, in 32 bits.
    I386,
    /// Debian's arm64.
    Aarch64,
    /// Debian's armhf, in 32 bits.
    Arm,
    /// Debian's riscv64.
    Riscv64,
    /// Debian's s390x, big endian.
    S390x,
    /// Debian's ppc64el.
    Ppc64le,
}

impl Machine {
    /// Every machine.
    pub const ALL: [Self; 7] = [
        Self::X86_64,
        Self::I386,
        Self::Aarch64,
        Self::Arm,
        Self::Riscv64,
        Self::S390x,
        Self::Ppc64le,
    ];

    /// The machine of a Debian architecture.
    ///
    /// # Panics
    /// When it is none of those above.
    #[must_use]
    pub fn from_debian(architecture: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|machine| machine.debian() == architecture)
            .unwrap_or_else(|| panic!("no ELF machine for the architecture `{architecture}`"))
    }

    /// Debian's name of the architecture.
    #[must_use]
    pub fn debian(self) -> &'static str {
        self.facts().debian
    }

    /// The multiarch triplet, as in `/usr/lib/x86_64-linux-gnu`.
    #[must_use]
    pub fn multiarch(self) -> &'static str {
        self.facts().multiarch
    }

    /// The path of the dynamic loader that programs name.
    #[must_use]
    pub fn loader(self) -> &'static str {
        self.facts().loader
    }

    /// The soname of the dynamic loader.
    #[must_use]
    pub fn loader_name(self) -> &'static str {
        self.loader().rsplit('/').next().unwrap_or_default()
    }

    /// Whether addresses have 64 bits.
    pub(super) fn is_wide(self) -> bool {
        !matches!(self, Self::I386 | Self::Arm)
    }

    /// Whether the most significant byte comes first.
    pub(super) fn is_big_endian(self) -> bool {
        self == Self::S390x
    }

    /// The size of a word in `DT_HASH`: eight bytes on s390x alone (its psABI supplement).
    pub(super) fn hash_word(self) -> usize {
        if self == Self::S390x { 8 } else { 4 }
    }

    /// `e_machine` and `e_flags`, from the psABI of each.
    pub(super) fn identity(self) -> (u16, u32) {
        let facts = self.facts();
        (facts.number, facts.flags)
    }

    fn facts(self) -> Facts {
        let (debian, multiarch, loader, number, flags) = match self {
            Self::X86_64 => (
                "amd64",
                "x86_64-linux-gnu",
                "/lib64/ld-linux-x86-64.so.2",
                62,
                0,
            ),
            Self::I386 => ("i386", "i386-linux-gnu", "/lib/ld-linux.so.2", 3, 0),
            Self::Aarch64 => (
                "arm64",
                "aarch64-linux-gnu",
                "/lib/ld-linux-aarch64.so.1",
                183,
                0,
            ),
            // EABI version 5, hard float.
            Self::Arm => (
                "armhf",
                "arm-linux-gnueabihf",
                "/lib/ld-linux-armhf.so.3",
                40,
                0x0500_0400,
            ),
            // Compressed instructions, double-precision float ABI.
            Self::Riscv64 => (
                "riscv64",
                "riscv64-linux-gnu",
                "/lib/ld-linux-riscv64-lp64d.so.1",
                243,
                5,
            ),
            Self::S390x => ("s390x", "s390x-linux-gnu", "/lib/ld64.so.1", 22, 0),
            // ELFv2.
            Self::Ppc64le => (
                "ppc64el",
                "powerpc64le-linux-gnu",
                "/lib64/ld64.so.2",
                21,
                2,
            ),
        };
        Facts {
            debian,
            multiarch,
            loader,
            number,
            flags,
        }
    }
}

struct Facts {
    debian: &'static str,
    multiarch: &'static str,
    loader: &'static str,
    number: u16,
    flags: u32,
}
