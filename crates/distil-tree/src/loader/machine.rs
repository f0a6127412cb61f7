//! What machines are called, and what levels of them glibc knows.

use crate::elf::Abi;

/// Debian's name for a machine's libraries.
pub fn multiarch(abi: Abi) -> Option<&'static str> {
    Some(match (abi.machine, abi.is_64, abi.is_little_endian) {
        (62, true, _) => "x86_64-linux-gnu",
        (183, ..) => "aarch64-linux-gnu",
        (40, ..) => "arm-linux-gnueabihf",
        (3, ..) => "i386-linux-gnu",
        (243, true, _) => "riscv64-linux-gnu",
        (22, true, _) => "s390x-linux-gnu",
        (21, true, true) => "powerpc64le-linux-gnu",
        _ => return None,
    })
}

/// What an ELF file of an architecture, as OCI names it, is for.
pub fn machine(architecture: &str) -> Option<u16> {
    Some(match architecture {
        "amd64" => 62,
        "arm64" => 183,
        "arm" => 40,
        "386" => 3,
        "riscv64" => 243,
        "s390x" => 22,
        "ppc64le" => 21,
        "loong64" => 258,
        "mips64le" => 8,
        _ => return None,
    })
}

/// What people call a machine.
pub fn machine_name(machine: u16) -> String {
    match machine {
        62 => "x86-64".to_owned(),
        183 => "arm64".to_owned(),
        40 => "arm".to_owned(),
        3 => "i386".to_owned(),
        243 => "riscv64".to_owned(),
        22 => "s390x".to_owned(),
        21 => "ppc64".to_owned(),
        258 => "loong64".to_owned(),
        8 => "mips".to_owned(),
        number => format!("machine {number}"),
    }
}

/// The levels of a machine for which glibc has directories of their own, the best first (ld.so(8),
/// "glibc Hardware capabilities"). A machine of one level is one of all that follow, too.
pub fn levels(abi: Abi) -> &'static [&'static str] {
    match (abi.machine, abi.is_64, abi.is_little_endian) {
        (62, true, _) => &["x86-64-v4", "x86-64-v3", "x86-64-v2"],
        (21, true, true) => &["power10", "power9"],
        (22, true, _) => &["z17", "z16", "z15", "z14", "z13"],
        _ => &[],
    }
}
