use object::elf;
use object::read::elf::{ElfFile32, ElfFile64, FileHeader};
use object::{Endianness, Object, ObjectSection};

use super::{ElfBuilder, Machine};

#[test]
fn object_reads_what_every_machine_needs() {
    for machine in Machine::ALL {
        let bytes = ElfBuilder::shared("libfoo.so.1")
            .machine(machine)
            .needed("libm.so.6")
            .requires("libc.so.6", "GLIBC_2.17")
            .requires("libc.so.6", "GLIBC_2.34")
            .defines("FOO_1.0")
            .runpath("$ORIGIN/../lib")
            .payload(b"hello")
            .build();
        let (names, sections) = if machine.is_wide() {
            let file = ElfFile64::<Endianness>::parse(&bytes[..]).unwrap();
            assert_eq!(
                file.elf_header().e_machine(file.endian()),
                elf::Machine(machine.identity().0)
            );
            (dynamic(file.elf_header(), &bytes), section_names(&file))
        } else {
            let file = ElfFile32::<Endianness>::parse(&bytes[..]).unwrap();
            assert_eq!(
                file.elf_header().e_machine(file.endian()),
                elf::Machine(machine.identity().0)
            );
            (dynamic(file.elf_header(), &bytes), section_names(&file))
        };
        assert_eq!(
            names,
            [
                (elf::DT_NEEDED, "libm.so.6".to_owned()),
                (elf::DT_NEEDED, "libc.so.6".to_owned()),
                (elf::DT_SONAME, "libfoo.so.1".to_owned()),
                (elf::DT_RUNPATH, "$ORIGIN/../lib".to_owned()),
            ],
            "{machine:?}"
        );
        assert!(
            sections.contains(&".gnu.version_r".to_owned()),
            "{sections:?}"
        );
        assert!(sections.contains(&".rodata".to_owned()), "{sections:?}");
    }
}

#[test]
fn versions_are_defined_and_required() {
    let bytes = ElfBuilder::shared("libfoo.so.1")
        .machine(Machine::S390x)
        .requires("libc.so.6", "GLIBC_2.34")
        .defines("FOO_1.0")
        .defines("FOO_1.1")
        .build();
    let header = elf::FileHeader64::<Endianness>::parse(&bytes[..]).unwrap();
    let endian = header.endian().unwrap();
    let sections = header.sections(endian, &bytes[..]).unwrap();
    let versions = sections.versions(endian, &bytes[..]).unwrap().unwrap();
    let names: Vec<&[u8]> = (1..=4)
        .filter_map(|index| {
            versions
                .version(object::elf::VersionIndex(index))
                .ok()
                .flatten()
        })
        .map(|version| version.name())
        .collect();
    assert_eq!(names, [b"FOO_1.0", &b"FOO_1.1"[..], b"GLIBC_2.34"]);
}

#[test]
fn programs_name_their_loader_and_static_ones_do_not() {
    let program = ElfBuilder::executable().machine(Machine::Aarch64).build();
    assert!(contains(&program, b"/lib/ld-linux-aarch64.so.1\0"));
    let alone = ElfBuilder::static_executable().payload(b"[\0[[\0").build();
    assert!(!contains(&alone, b"ld-linux"));
    let file = ElfFile64::<Endianness>::parse(&alone[..]).unwrap();
    assert_eq!(
        file.section_by_name(".rodata").unwrap().data().unwrap(),
        b"[\0[[\0"
    );
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn section_names<'data>(file: &impl Object<'data>) -> Vec<String> {
    file.sections()
        .map(|section| section.name().unwrap().to_owned())
        .collect()
}

/// The dynamic entries that name something, in their order.
fn dynamic<H: FileHeader<Endian = Endianness>>(
    header: &H,
    bytes: &[u8],
) -> Vec<(elf::DynamicTag, String)> {
    let endian = header.endian().unwrap();
    let sections = header.sections(endian, bytes).unwrap();
    let table = sections.dynamic_table(endian, bytes).unwrap();
    table
        .iter()
        .filter(|entry| entry.is_string())
        .map(|entry| {
            let name = String::from_utf8(table.string(entry).unwrap().to_vec()).unwrap();
            (entry.tag, name)
        })
        .collect()
}

#[test]
fn hashes_of_versions_are_those_of_the_real_ones() {
    // As readelf and glibc's own objects have them.
    assert_eq!(super::write::elf_hash("GLIBC_2.2.5"), 0x0969_1a75);
    assert_eq!(super::write::elf_hash("GLIBC_2.17"), 0x0696_9197);
}
