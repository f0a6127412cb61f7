//! What an ELF file needs at run time: its loader, its libraries, where it looks for them.
//!
//! Read from the program headers and the dynamic section, as the loader does (ELF
//! specification, "Dynamic Linking"; ld.so(8)); sections may be stripped and are not used.

mod dynamic;
mod exports;
mod facts;
mod functions;
mod notes;
mod pages;
mod strings;
mod versions;

use std::io::{Read, Seek};

use object::Endianness;
use object::elf;
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::read::{ReadCache, ReadRef};

pub use exports::exports;
pub use facts::{Abi, Elf, ElfError, VersionNeed};
use facts::{MAX_DYNAMIC, MAX_SEGMENTS};
pub use functions::returned_number;
use pages::Pages;
use strings::Strings;

/// `DF_1_NODEFLIB` of `DT_FLAGS_1`.
const NODEFLIB: u64 = 0x800;

/// The longest path of a loader: Linux's `PATH_MAX`.
const MAX_INTERPRETER: u64 = 4096;

/// Whether `head`, the first bytes of a file, begin an ELF file.
pub fn is_elf(head: &[u8]) -> bool {
    head.starts_with(b"\x7fELF")
}

/// Reads the facts of an ELF file.
///
/// # Errors
/// If its headers contradict its size or one another. Bytes behind the headers are not looked
/// at.
pub fn parse(file: impl Read + Seek) -> Result<Elf, ElfError> {
    let cache = ReadCache::new(Pages::new(file));
    let damaged = |what: &str| ElfError(what.to_owned());
    let ident = (&cache)
        .read_bytes_at(0, 16)
        .map_err(|()| damaged("it is cut off"))?;
    match ident.get(4) {
        Some(1) => facts::<elf::FileHeader32<Endianness>, _>(&cache),
        Some(2) => facts::<elf::FileHeader64<Endianness>, _>(&cache),
        _ => Err(damaged("its class is unknown")),
    }
}

fn facts<'a, Header, R>(data: R) -> Result<Elf, ElfError>
where
    Header: FileHeader<Endian = Endianness>,
    R: ReadRef<'a>,
{
    let damaged = |error: object::Error| ElfError(error.to_string());
    let header = Header::parse(data).map_err(damaged)?;
    let endian = header.endian().map_err(damaged)?;
    let segments = header.program_headers(endian, data).map_err(damaged)?;
    let kind = header.e_type(endian);
    let mut facts = Elf {
        abi: Abi {
            machine: header.e_machine(endian).0,
            is_64: header.is_class_64(),
            is_little_endian: header.is_little_endian(),
        },
        flags: header.e_flags(endian).0,
        interpreter: None,
        soname: None,
        needed: Vec::new(),
        rpath: Vec::new(),
        runpath: Vec::new(),
        is_dynamic: false,
        is_loadable: kind == elf::ET_EXEC || kind == elf::ET_DYN,
        searches_defaults: true,
        version_needs: Vec::new(),
        version_definitions: Vec::new(),
        dlopen_notes: Vec::new(),
        has_executable_stack: false,
        loaded_size: 0,
    };
    if segments.len() > MAX_SEGMENTS {
        return Err(ElfError("it has too many program headers".to_owned()));
    }
    // Without a header some machines' default counts (`DEFAULT_STACK_PERMS` of glibc's
    // `stackinfo.h`): x86's is an executable one.
    let mut stack = None;
    // The first of each kind counts, as for the kernel; more would only cost memory.
    for segment in segments {
        if segment.p_type(endian) == elf::PT_INTERP && facts.interpreter.is_none() {
            let size: u64 = segment.p_filesz(endian).into();
            // Passing over it would let a program count as one that needs no loader.
            if size > MAX_INTERPRETER {
                return Err(ElfError("the path of its loader is too long".to_owned()));
            }
            let interpreter = segment.interpreter(endian, data).map_err(damaged)?;
            facts.interpreter = interpreter.map(<[u8]>::to_vec);
        }
        if segment.p_type(endian) == elf::PT_LOAD {
            let (offset, size): (u64, u64) = (
                segment.p_offset(endian).into(),
                segment.p_filesz(endian).into(),
            );
            facts.loaded_size = facts.loaded_size.max(offset.saturating_add(size));
        }
        if segment.p_type(endian) == elf::PT_GNU_STACK {
            let is_executable = segment.p_flags(endian).0 & elf::PF_X.0 != 0;
            stack.get_or_insert(is_executable);
        }
        if segment.p_type(endian) == elf::PT_NOTE {
            let (offset, size) = (
                segment.p_offset(endian).into(),
                segment.p_filesz(endian).into(),
            );
            notes::dlopen(data, offset, size, endian, &mut facts.dlopen_notes);
        }
        if facts.is_dynamic {
            continue;
        }
        if let Some(dynamic) = segment.dynamic(endian, data).map_err(damaged)? {
            facts.is_dynamic = true;
            let dynamic = &dynamic[..dynamic.len().min(MAX_DYNAMIC)];
            let strings = Strings {
                segments,
                endian,
                data,
                table: 0,
            };
            read_dynamic::<Header, R>(&mut facts, dynamic, strings)?;
        }
    }
    let is_x86 = matches!(facts.abi.machine, 3 | 62);
    facts.has_executable_stack = stack.unwrap_or(is_x86);
    Ok(facts)
}

fn read_dynamic<'a, Header, R>(
    facts: &mut Elf,
    dynamic: &[Header::Dyn],
    mut strings: Strings<'a, Header, R>,
) -> Result<(), ElfError>
where
    Header: FileHeader<Endian = Endianness>,
    R: ReadRef<'a>,
{
    let endian = strings.endian;
    let value = |entry: &Header::Dyn| -> u64 { entry.d_val(endian).into() };
    let entries = || {
        dynamic
            .iter()
            .take_while(|entry| entry.d_tag(endian) != elf::DT_NULL)
    };
    let table = entries().find(|entry| entry.d_tag(endian) == elf::DT_STRTAB);
    match table {
        Some(table) => strings.table = value(table),
        None => return Ok(()),
    }
    for entry in entries() {
        match entry.d_tag(endian) {
            elf::DT_NEEDED => facts.needed.push(strings.get(value(entry))?),
            elf::DT_SONAME => facts.soname = Some(strings.get(value(entry))?),
            elf::DT_RPATH => facts.rpath = search_path(&strings.get(value(entry))?),
            elf::DT_RUNPATH => facts.runpath = search_path(&strings.get(value(entry))?),
            elf::DT_FLAGS_1 if value(entry) & NODEFLIB != 0 => facts.searches_defaults = false,
            _ => {}
        }
    }
    let address = |tag| {
        entries()
            .find(|entry| entry.d_tag(endian) == tag)
            .map(value)
    };
    if let Some(place) = address(elf::DT_VERNEED) {
        facts.version_needs = versions::needs(&strings, place)?;
    }
    if let Some(place) = address(elf::DT_VERDEF) {
        let definitions = versions::definitions(&strings, place)?;
        facts.version_definitions = definitions.into_iter().map(|(_, name)| name).collect();
    }
    Ok(())
}

fn search_path(text: &[u8]) -> Vec<Vec<u8>> {
    text.split(|&byte| byte == b':')
        .map(<[u8]>::to_vec)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use distil_fixture::{ElfBuilder, Machine};
    use proptest::prelude::*;
    use std::io::Cursor;

    fn library() -> Vec<u8> {
        ElfBuilder::shared("libfoo.so.1")
            .needed("libc.so.6")
            .needed("libm.so.6")
            .build()
    }

    #[test]
    fn a_library_and_what_it_needs() {
        let facts = parse(Cursor::new(library())).unwrap();
        assert_eq!(facts.soname.as_deref(), Some(&b"libfoo.so.1"[..]));
        assert_eq!(facts.needed, [b"libc.so.6".to_vec(), b"libm.so.6".to_vec()]);
        assert_eq!(
            facts.abi,
            Abi {
                machine: 62,
                is_64: true,
                is_little_endian: true
            }
        );
        assert!(facts.is_dynamic && facts.is_loadable);
    }

    #[test]
    fn stacks_that_can_be_executed() {
        let has = |library: ElfBuilder| {
            let facts = parse(Cursor::new(library.build())).unwrap();
            facts.has_executable_stack
        };
        assert!(!has(ElfBuilder::shared("libx.so.1")));
        assert!(has(ElfBuilder::shared("libx.so.1").executable_stack()));
    }

    #[test]
    fn every_machine_reads_alike() {
        for (machine, number) in [
            (Machine::Aarch64, 183),
            (Machine::S390x, 22),
            (Machine::Ppc64le, 21),
        ] {
            let bytes = ElfBuilder::shared("libx.so.2").machine(machine).build();
            let facts = parse(Cursor::new(bytes)).unwrap();
            assert_eq!(facts.abi.machine, number);
            assert_eq!(facts.soname.as_deref(), Some(&b"libx.so.2"[..]));
        }
    }

    #[test]
    fn a_loader_that_cannot_be_is_an_error() {
        let bytes = |length: usize| {
            let path = format!("/{}", "x".repeat(length));
            ElfBuilder::executable().interpreter(&path).build()
        };
        let facts = parse(Cursor::new(bytes(100))).unwrap();
        assert_eq!(facts.interpreter.unwrap().len(), 101);
        let error = parse(Cursor::new(bytes(5000))).unwrap_err();
        assert!(error.to_string().contains("loader is too long"), "{error}");
    }

    #[test]
    fn program_headers_have_a_limit() {
        let mut bytes = library();
        bytes.resize(200_000, 0);
        // e_phnum of a 64-bit file.
        bytes[56..58].copy_from_slice(&2000u16.to_le_bytes());
        let error = parse(Cursor::new(bytes)).unwrap_err();
        assert!(
            error.to_string().contains("too many program headers"),
            "{error}"
        );
    }

    #[test]
    fn this_very_program_is_read() {
        let file = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
        let facts = parse(file).unwrap();
        assert!(facts.needed.iter().any(|name| name.starts_with(b"libc.")));
        assert!(facts.interpreter.is_some());
    }

    proptest! {
        #[test]
        fn lies_are_errors_and_never_panics(changes in proptest::collection::vec(
            (0usize..1024, any::<u8>()), 1..12), cut in 0usize..1024) {
            let mut bytes = library();
            for (index, byte) in changes {
                if let Some(place) = bytes.get_mut(index) { *place = byte; }
            }
            let _ = parse(Cursor::new(&bytes));
            bytes.truncate(cut);
            let _ = parse(Cursor::new(&bytes));
        }
    }
}
