//! Which machines a package is for.

use super::error::NodeLockError;
use super::lock::OneOrMany;

/// The machine that an image is for, by Node.js's names (`process.arch`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeTarget {
    cpu: &'static str,
}

impl NodeTarget {
    /// By Debian's name of the architecture.
    pub fn of_debian(architecture: &str) -> Option<Self> {
        let cpu = match architecture {
            "amd64" => "x64",
            "arm64" => "arm64",
            "armhf" => "arm",
            "i386" => "ia32",
            "ppc64el" => "ppc64",
            "riscv64" => "riscv64",
            "s390x" => "s390x",
            _ => return None,
        };
        Some(Self { cpu })
    }

    /// Whether it is among those of these lists: operating systems, processors, C libraries.
    pub(super) fn fits(&self, [os, cpu, libc]: [&OneOrMany; 3]) -> bool {
        is_listed("linux", os.as_slice())
            && is_listed(self.cpu, cpu.as_slice())
            && is_listed("glibc", libc.as_slice())
    }

    /// That a package which has to be there is for others.
    pub(super) fn misfit(&self, path: String, lists: [&OneOrMany; 3]) -> NodeLockError {
        let lists = lists.map(|list| list.as_slice().join(", "));
        let wanted = lists.iter().map(String::as_str).filter(|l| !l.is_empty());
        NodeLockError::Platform {
            path,
            wanted: wanted.collect::<Vec<_>>().join("; "),
            target: format!("linux, {}, glibc", self.cpu),
        }
    }
}

/// Whether a value is in a list of what is accepted, or is not in one of what is not
/// (`npm-install-checks`, `checkList`).
fn is_listed(value: &str, list: &[String]) -> bool {
    if list.is_empty() || list == ["any"] {
        return true;
    }
    let mut has_match = false;
    for one in list {
        match one.strip_prefix('!') {
            Some(not) if not == value => return false,
            Some(_) => {}
            None => has_match |= one == value,
        }
    }
    has_match || list.iter().all(|one| one.starts_with('!'))
}
