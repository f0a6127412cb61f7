//! The Python that an application is for: what environment markers and wheel tags depend on.

use std::fmt;

/// A Python of an image: CPython on Linux with glibc, as Debian has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// The minor version: 13 of 3.13.
    pub minor: u32,
    /// The full version, as `platform.python_version()` gives it: `3.13.5`.
    pub full_version: String,
    /// The kernel's name of the machine, as `platform.machine()` gives it.
    pub machine: Machine,
    /// The version of the C library: (2, 41). Wheels say which they need at least (PEP 600).
    pub glibc: (u32, u32),
}

/// A machine by the kernel's name, with what PEP 600 says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// Debian's `amd64`.
    X86_64,
    /// Debian's `arm64`.
    Aarch64,
    /// Debian's `armhf`.
    Armv7l,
    /// Debian's `i386`.
    I686,
    /// Debian's `ppc64el`.
    Ppc64le,
    /// Debian's `riscv64`.
    Riscv64,
    /// Debian's `s390x`.
    S390x,
}

impl Machine {
    /// By Debian's name of the architecture.
    pub fn of_debian(architecture: &str) -> Option<Self> {
        Some(match architecture {
            "amd64" => Self::X86_64,
            "arm64" => Self::Aarch64,
            "armhf" => Self::Armv7l,
            "i386" => Self::I686,
            "ppc64el" => Self::Ppc64le,
            "riscv64" => Self::Riscv64,
            "s390x" => Self::S390x,
            _ => return None,
        })
    }

    /// The kernel's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
            Self::Armv7l => "armv7l",
            Self::I686 => "i686",
            Self::Ppc64le => "ppc64le",
            Self::Riscv64 => "riscv64",
            Self::S390x => "s390x",
        }
    }

    /// The oldest minor version of glibc 2 that a `manylinux` tag has on this machine, as
    /// `packaging.tags` counts them.
    pub(crate) fn first_glibc(self) -> u32 {
        match self {
            Self::X86_64 | Self::I686 => 5,
            _ => 17,
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor) = self.glibc;
        let machine = self.machine.name();
        write!(
            f,
            "Python 3.{} on {machine} with glibc {major}.{minor}",
            self.minor
        )
    }
}

impl Environment {
    /// The value of a variable of PEP 508 ("Environment Markers"); none for `extra` and its kind,
    /// and for unknown ones. What depends on the kernel that the image will run on is empty.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        Some(match name {
            "os_name" => "posix".to_owned(),
            "sys_platform" => "linux".to_owned(),
            "platform_machine" => self.machine.name().to_owned(),
            "platform_system" => "Linux".to_owned(),
            "platform_python_implementation" => "CPython".to_owned(),
            "implementation_name" => "cpython".to_owned(),
            "python_version" => format!("3.{}", self.minor),
            "python_full_version" | "implementation_version" => self.full_version.clone(),
            "platform_release" | "platform_version" => String::new(),
            _ => return None,
        })
    }
}

#[cfg(test)]
pub(crate) fn example() -> Environment {
    Environment {
        minor: 13,
        full_version: "3.13.5".to_owned(),
        machine: Machine::X86_64,
        glibc: (2, 41),
    }
}
