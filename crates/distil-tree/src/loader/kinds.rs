//! The kinds of machines of an architecture that glibc's loader tells apart: into which directories
//! within those of a search path each looks, and which entries of the cache each takes.
//!
//! glibc has levels since 2.33, which are directories in `glibc-hwcaps` (`elf/dl-hwcaps.c` of 2.33).
//! Up to 2.36 there is an older way behind them (`_dl_important_hwcaps` there): `tls`, the name of
//! the platform (`AT_PLATFORM`, or what the loader has put in its place) and the important ones
//! among the names of the machine's capabilities (`HWCAP_IMPORTANT`), in all combinations. 2.37 has
//! neither these directories nor the entries of the cache for them (NEWS of 2.37; `elf/dl-cache.c`).

use std::collections::BTreeSet;

use super::cache::{Cached, Wanted};
use super::machine::levels;
use crate::elf::Abi;
use crate::tree::{Kind as EntryKind, Tree};

/// `TLS_HWCAP_BIT` of `elf/ldconfig.c` and `_DL_HWCAP_TLS_MASK` of `elf/dl-cache.c`, up to 2.36.
const TLS: Feature = ("tls", 1 << 63);

/// The minor version of the first glibc with levels.
const FIRST_WITH_LEVELS: u32 = 33;

/// The minor version of the first glibc without the older directories.
const FIRST_WITHOUT_FEATURES: u32 = 37;

/// The name of a directory, and the bit of it in the entries of the cache, if it has one.
type Feature = (&'static str, u64);

/// What a machine has, as far as glibc up to 2.36 looks for it.
struct Hardware {
    name: &'static str,
    /// The best level that such machines have; empty for none.
    level: &'static str,
    /// A machine is of one platform alone: one of a newer one does not look into the directories of
    /// the older.
    platform: Option<Feature>,
    /// In the order of their bits.
    features: &'static [Feature],
}

/// The hardware of an architecture.
struct Architecture {
    /// `_DL_HWCAP_PLATFORM`: the bits that stand for platforms.
    platforms: u64,
    /// What every machine has.
    common: Hardware,
    /// What some have, with all that is common.
    others: &'static [Hardware],
}

/// What every machine has.
const fn common(platform: Option<Feature>, features: &'static [Feature]) -> Hardware {
    some("", "", platform, features)
}

const fn some(
    name: &'static str,
    level: &'static str,
    platform: Option<Feature>,
    features: &'static [Feature],
) -> Hardware {
    Hardware {
        name,
        level,
        platform,
        features,
    }
}

/// `sysdeps/x86/dl-hwcap.h`, `dl-procinfo.c` and `cpu_features.c` of 2.36: the capability `x86_64`
/// is all machines', and the platform of that name only that of those that are none of Intel's
/// since Haswell.
static X86_64: Architecture = Architecture {
    platforms: 0xf << 48,
    common: common(None, &[("x86_64", 1 << 1)]),
    others: &[
        some("x86_64", "", Some(("x86_64", 0)), &[("x86_64", 1 << 1)]),
        some("haswell", "x86-64-v3", HASWELL, &[("x86_64", 1 << 1)]),
        some(
            "avx512_1",
            "x86-64-v4",
            HASWELL,
            &[("x86_64", 1 << 1), ("avx512_1", 1 << 2)],
        ),
        some(
            "xeon_phi",
            "x86-64-v3",
            Some(("xeon_phi", 1 << 51)),
            &[("x86_64", 1 << 1)],
        ),
    ],
};

const HASWELL: Option<Feature> = Some(("haswell", 1 << 50));

/// The same files. Debian's i386 has been for an i686 at least since stretch.
static I386: Architecture = Architecture {
    platforms: 0x3 << 48,
    common: common(Some(("i686", 1 << 49)), &[]),
    others: &[some(
        "sse2",
        "",
        Some(("i686", 1 << 49)),
        &[("sse2", 1 << 0)],
    )],
};

/// `sysdeps/unix/sysv/linux/aarch64/dl-procinfo.h` of 2.31; the platform is the kernel's
/// `ELF_PLATFORM`, which ldconfig does not know.
static ARM64: Architecture = Architecture {
    platforms: 0,
    common: common(Some(("aarch64", 0)), &[]),
    others: &[some(
        "atomics",
        "",
        Some(("aarch64", 0)),
        &[("atomics", 1 << 8)],
    )],
};

/// `sysdeps/unix/sysv/linux/arm/dl-procinfo.h` of 2.31; the platforms are those of kernels for
/// ARMv7 and of such for ARMv8, which ldconfig does not know. Debian's armhf has VFP.
static ARM: Architecture = Architecture {
    platforms: 0,
    common: common(None, &[("vfp", 1 << 6)]),
    others: &[
        some("v7l", "", Some(("v7l", 0)), &[("vfp", 1 << 6)]),
        some(
            "neon",
            "",
            Some(("v7l", 0)),
            &[("vfp", 1 << 6), ("neon", 1 << 12)],
        ),
        some(
            "v8l",
            "",
            Some(("v8l", 0)),
            &[("vfp", 1 << 6), ("neon", 1 << 12)],
        ),
    ],
};

/// `sysdeps/powerpc/dl-procinfo.h` of 2.33. Debian's ppc64el is for a POWER8 at least, which has
/// both capabilities.
static PPC64LE: Architecture = Architecture {
    platforms: 0xffff << 32,
    common: common(None, POWER),
    others: &[
        some("power8", "", Some(("power8", 1 << 45)), POWER),
        some("power9", "power9", Some(("power9", 1 << 46)), POWER),
        some("power10", "power10", Some(("power10", 1 << 47)), POWER),
    ],
};

const POWER: &[Feature] = &[("dfp", 1 << 10), ("altivec", 1 << 28)];

/// `sysdeps/s390/dl-procinfo.h` and `dl-procinfo.c` of 2.36. What Debian's s390x needs at least has
/// the first four capabilities.
static S390X: Architecture = Architecture {
    platforms: 0x7ff << 32,
    common: common(None, Z[0]),
    others: &[
        some("z196", "", Some(("z196", 1 << 37)), Z[0]),
        some("zEC12", "", Some(("zEC12", 1 << 38)), Z[0]),
        some("z13", "z13", Some(("z13", 1 << 39)), Z[1]),
        some("z14", "z14", Some(("z14", 1 << 40)), Z[2]),
        some("z15", "z15", Some(("z15", 1 << 41)), Z[3]),
        some("z16", "z16", Some(("z16", 1 << 42)), Z[3]),
    ],
};

const ZARCH: Feature = ("zarch", 1 << 1);
const LDISP: Feature = ("ldisp", 1 << 4);
const EIMM: Feature = ("eimm", 1 << 5);
const DFP: Feature = ("dfp", 1 << 6);
const VX: Feature = ("vx", 1 << 11);
const VXE: Feature = ("vxe", 1 << 13);
const VXE2: Feature = ("vxe2", 1 << 15);
const Z: [&[Feature]; 4] = [
    &[ZARCH, LDISP, EIMM, DFP],
    &[ZARCH, LDISP, EIMM, DFP, VX],
    &[ZARCH, LDISP, EIMM, DFP, VX, VXE],
    &[ZARCH, LDISP, EIMM, DFP, VX, VXE, VXE2],
];

/// Machines of which nothing is known, or whose kernel tells no platform (riscv64).
static OTHER: Architecture = Architecture {
    platforms: 0,
    common: common(None, &[]),
    others: &[],
};

fn architecture(abi: Abi) -> &'static Architecture {
    match (abi.machine, abi.is_64, abi.is_little_endian) {
        (62, true, _) => &X86_64,
        (3, ..) => &I386,
        (183, _, true) => &ARM64,
        (40, _, true) => &ARM,
        (21, true, true) => &PPC64LE,
        (22, true, _) => &S390X,
        _ => &OTHER,
    }
}

/// A kind of machines.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// Whether it is a level, which the machines of better ones have, too.
    pub(super) is_level: bool,
    /// Where it looks within a directory of a search path, in order, between slashes.
    pub(super) folders: Vec<Vec<u8>>,
    /// The levels that it has, the best first.
    levels: &'static [&'static str],
    /// What it takes of the entries of the cache for older capabilities.
    features: Option<Mask>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mask {
    features: u64,
    platform: u64,
    platforms: u64,
}

/// Those of an architecture, as its glibc has them.
#[derive(Debug)]
pub(super) struct Kinds {
    /// What every machine does.
    pub(super) common: Kind,
    /// What only some do: the levels, the lowest first, and then those of the older way.
    pub(super) others: Vec<Kind>,
}

/// The names of directories for some machines that a tree has, as directories or as links to such.
pub(super) fn present(tree: &Tree, abis: &BTreeSet<Abi>) -> BTreeSet<&'static str> {
    let mut names = BTreeSet::from([TLS.0]);
    for abi in abis {
        let architecture = architecture(*abi);
        names.extend(levels(*abi));
        for hardware in architecture.others.iter().chain([&architecture.common]) {
            let features = hardware.features.iter().chain(&hardware.platform);
            names.extend(features.map(|(name, _)| *name));
        }
    }
    let folders = tree
        .iter()
        .filter(|(_, entry)| matches!(entry.kind, EntryKind::Directory | EntryKind::Symlink(_)));
    let found = folders.filter_map(|(path, _)| {
        let name = std::str::from_utf8(path.name()?).ok()?;
        names.get(name).copied()
    });
    found.collect()
}

impl Kinds {
    /// Those that look into directories of their own in a tree with directories of these names. Of a glibc
    /// of which the version is not known the directories are those of today's.
    pub(super) fn new(abi: Abi, glibc: Option<u32>, present: &BTreeSet<&'static str>) -> Self {
        let architecture = architecture(abi);
        let all: &[&str] = match glibc.is_some_and(|minor| minor < FIRST_WITH_LEVELS) {
            true => &[],
            false => levels(abi),
        };
        let is_old = glibc.is_some_and(|minor| minor < FIRST_WITHOUT_FEATURES);
        let kind = |name, level: &str, hardware: &Hardware| {
            let from = all.iter().position(|one| *one == level);
            let levels = from.map_or(&[][..], |from| &all[from..]);
            let mut folders = Vec::new();
            for level in levels.iter().filter(|level| present.contains(*level)) {
                folders.push(format!("/glibc-hwcaps/{level}/").into_bytes());
            }
            match is_old {
                true => folders.extend(combinations(hardware, present)),
                false => folders.push(b"/".to_vec()),
            }
            let mask = Mask {
                features: hardware.features.iter().fold(0, |all, (_, bit)| all | bit),
                platform: hardware.platform.map_or(0, |(_, bit)| bit),
                platforms: architecture.platforms,
            };
            Kind {
                name,
                is_level: false,
                folders,
                levels,
                features: is_old.then_some(mask),
            }
        };
        let common = kind("", "", &architecture.common);
        let mut others: Vec<Kind> = Vec::new();
        let levels = all.iter().rev();
        let better = levels.map(|level| Kind {
            is_level: true,
            ..kind(level, level, &architecture.common)
        });
        let hardware = architecture.others.iter().filter(|_| is_old);
        let featured = hardware.map(|one| kind(one.name, one.level, one));
        // Most images have no such directories at all.
        for kind in better.chain(featured) {
            let is_known = kind.folders == common.folders
                || others.iter().any(|known| known.folders == kind.folders);
            if !is_known {
                others.push(kind);
            }
        }
        Self { common, others }
    }
}

impl Kind {
    /// The place of an entry of the cache among those of its name, the best first, if such
    /// machines take it. Among those for older capabilities the first in the file is taken: that
    /// ldconfig puts those for more of them first is all that prefers them (`compare` in
    /// `elf/cache.c`).
    pub(super) fn rank(&self, cached: &Cached) -> Option<usize> {
        match &cached.wanted {
            Wanted::Nothing => Some(self.levels.len()),
            Wanted::Level(level) => {
                let mut levels = self.levels.iter();
                levels.position(|own| own.as_bytes() == level)
            }
            Wanted::Features(wanted) => {
                let mask = self.features?;
                let platform = wanted & mask.platforms;
                let features = wanted & !mask.platforms & !TLS.1;
                let is_met =
                    features & !mask.features == 0 && (platform == 0 || platform == mask.platform);
                is_met.then_some(self.levels.len())
            }
        }
    }
}

/// All combinations of the names that a machine looks for, in the loader's order: as the numbers
/// fall whose bits are the names, with the highest one's name first, which is `tls`.
///
/// Names of which there are no directories are left out, which changes nothing for the others.
fn combinations<'a>(
    hardware: &'a Hardware,
    present: &BTreeSet<&'static str>,
) -> impl Iterator<Item = Vec<u8>> + use<'a> {
    let names = hardware.features.iter().chain(&hardware.platform);
    let names = names.chain([&TLS]).map(|(name, _)| *name);
    let names: Vec<&str> = names.filter(|name| present.contains(name)).collect();
    // Ten names at most.
    (0..1_usize << names.len()).rev().map(move |number| {
        let mut folder = b"/".to_vec();
        for (at, name) in names.iter().enumerate().rev() {
            if number & (1 << at) != 0 {
                folder.extend_from_slice(name.as_bytes());
                folder.push(b'/');
            }
        }
        folder
    })
}

#[cfg(test)]
mod tests;
