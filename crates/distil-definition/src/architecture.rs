//! Debian's architectures and the platforms of images that they are.

use std::fmt;

use distil_debian::suite::Suite;
use distil_oci::Platform;

/// An architecture that images are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Architecture(&'static Facts);

#[derive(Debug, PartialEq, Eq)]
struct Facts {
    debian: &'static str,
    oci: &'static str,
    variant: Option<&'static str>,
    multiarch: &'static str,
    loader_cache_flags: u32,
    is_little_endian: bool,
}

/// Flags of the loader's cache: `FLAG_*` of glibc's `dl-cache.h`, with `FLAG_ELF_LIBC6`, 3.
const FACTS: &[Facts] = &[
    Facts {
        debian: "amd64",
        oci: "amd64",
        variant: None,
        multiarch: "x86_64-linux-gnu",
        loader_cache_flags: 0x0303,
        is_little_endian: true,
    },
    Facts {
        debian: "arm64",
        oci: "arm64",
        variant: None,
        multiarch: "aarch64-linux-gnu",
        loader_cache_flags: 0x0a03,
        is_little_endian: true,
    },
    Facts {
        debian: "armhf",
        oci: "arm",
        variant: Some("v7"),
        multiarch: "arm-linux-gnueabihf",
        loader_cache_flags: 0x0903,
        is_little_endian: true,
    },
    Facts {
        debian: "ppc64el",
        oci: "ppc64le",
        variant: None,
        multiarch: "powerpc64le-linux-gnu",
        loader_cache_flags: 0x0503,
        is_little_endian: true,
    },
    Facts {
        debian: "riscv64",
        oci: "riscv64",
        variant: None,
        multiarch: "riscv64-linux-gnu",
        loader_cache_flags: 0x1003,
        is_little_endian: true,
    },
    Facts {
        debian: "s390x",
        oci: "s390x",
        variant: None,
        multiarch: "s390x-linux-gnu",
        loader_cache_flags: 0x0403,
        is_little_endian: false,
    },
];

/// Images cannot be made for a platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "Debian has no packages for the platform `{platform}`; it has them for {}",
    known()
)]
pub struct UnsupportedPlatform {
    /// The platform.
    pub platform: Platform,
}

fn known() -> String {
    let names = Architecture::all().map(|one| format!("`{}`", one.platform()));
    names.collect::<Vec<_>>().join(", ")
}

impl Architecture {
    /// All of them, by Debian's names.
    pub fn all() -> impl Iterator<Item = Self> {
        FACTS.iter().map(Self)
    }

    /// Those that a suite has packages for.
    pub fn of_suite(suite: Suite) -> impl Iterator<Item = Self> {
        Self::all().filter(move |one| suite.lacks(one.debian()).is_none())
    }

    /// The architecture of a platform.
    ///
    /// # Errors
    /// If Debian has none for it.
    pub fn of(platform: &Platform) -> Result<Self, UnsupportedPlatform> {
        let found = Self::all().find(|one| one.platform() == *platform);
        found.ok_or_else(|| UnsupportedPlatform {
            platform: platform.clone(),
        })
    }

    /// Debian's name: `amd64`, `armhf`.
    pub fn debian(self) -> &'static str {
        self.0.debian
    }

    /// The platform: `linux/amd64`, `linux/arm/v7`.
    pub fn platform(self) -> Platform {
        Platform::linux(self.0.oci, self.0.variant)
    }

    /// The directory of libraries: `x86_64-linux-gnu` (Debian Policy §9.1.1, multiarch tuples).
    pub fn multiarch(self) -> &'static str {
        self.0.multiarch
    }

    /// What the loader's cache says of a library of this architecture.
    pub fn loader_cache_flags(self) -> u32 {
        self.0.loader_cache_flags
    }

    /// Whether the least significant byte comes first.
    pub fn is_little_endian(self) -> bool {
        self.0.is_little_endian
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.debian)
    }
}
