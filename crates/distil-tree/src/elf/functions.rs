//! What a function returns, where that is a number that stands in its first instructions.

use std::io::{Read, Seek};

use object::Endianness;
use object::elf;
use object::read::elf::{FileHeader, Sym};
use object::read::{ReadCache, ReadRef};

use super::dynamic::Dynamic;
use super::facts::Abi;
use super::pages::Pages;

/// The most symbols that are looked at behind one place of a hash table.
const MAX_CHAIN: u32 = 1 << 16;

/// The number that a function of a shared object returns, such as the version of an interface;
/// nothing if there is no such function, or it does more.
pub fn returned_number(file: impl Read + Seek, name: &str) -> Option<u32> {
    let cache = ReadCache::new(Pages::new(file));
    let class = (&cache).read_bytes_at(4, 1).ok()?.first()?;
    match class {
        1 => find::<elf::FileHeader32<Endianness>, _>(&cache, name),
        2 => find::<elf::FileHeader64<Endianness>, _>(&cache, name),
        _ => None,
    }
}

fn find<'a, Header, R>(data: R, name: &str) -> Option<u32>
where
    Header: FileHeader<Endian = Endianness>,
    R: ReadRef<'a>,
{
    let dynamic = Dynamic::<Header, R>::read(data)?;
    let (header, strings) = (dynamic.header, &dynamic.strings);
    let word = |table, number| dynamic.word(table, number);
    let code = |number: u32| -> Option<u64> {
        let symbol = dynamic.symbol(number)?;
        let endian = strings.endian;
        let text = strings.get(symbol.st_name(endian).into()).ok()?;
        let is_it = text == name.as_bytes() && symbol.st_shndx(endian) != elf::SHN_UNDEF;
        is_it.then(|| symbol.st_value(endian).into())
    };
    let place = match dynamic.value(elf::DT_GNU_HASH) {
        Some(table) => gnu(table, name, header.is_class_64(), &word, &code),
        None => system_v(dynamic.value(elf::DT_HASH)?, name, &word, &code),
    }?;
    let abi = Abi {
        machine: header.e_machine(strings.endian).0,
        is_64: header.is_class_64(),
        is_little_endian: header.is_little_endian(),
    };
    // The last function of a file may be shorter than what is looked at.
    let bytes = [32, 16, 12, 8, 6]
        .into_iter()
        .find_map(|count| strings.bytes(place, count).ok())?;
    constant(abi, bytes)
}

/// Where the symbol is by `DT_GNU_HASH`.
fn gnu(
    table: u64,
    name: &str,
    is_64: bool,
    word: &dyn Fn(u64, u64) -> Option<u32>,
    code: &dyn Fn(u32) -> Option<u64>,
) -> Option<u64> {
    let hash = name.bytes().fold(5381_u32, |hash, byte| {
        hash.wrapping_mul(33).wrapping_add(byte.into())
    });
    let (buckets, first) = (word(table, 0)?, word(table, 1)?);
    let filter = u64::from(word(table, 2)?) * if is_64 { 2 } else { 1 };
    let start = 4 + filter;
    let mut number = word(table, start + u64::from(hash.checked_rem(buckets)?))?;
    let chains = start + u64::from(buckets);
    for _ in 0..MAX_CHAIN {
        let chain = word(table, chains + u64::from(number.checked_sub(first)?))?;
        if chain | 1 == hash | 1
            && let Some(place) = code(number)
        {
            return Some(place);
        }
        if chain & 1 == 1 {
            return None;
        }
        number = number.checked_add(1)?;
    }
    None
}

/// Where the symbol is by `DT_HASH`.
fn system_v(
    table: u64,
    name: &str,
    word: &dyn Fn(u64, u64) -> Option<u32>,
    code: &dyn Fn(u32) -> Option<u64>,
) -> Option<u64> {
    let hash = name.bytes().fold(0_u32, |hash, byte| {
        let hash = (hash << 4).wrapping_add(byte.into());
        let top = hash & 0xf000_0000;
        (hash ^ (top >> 24)) & !top
    });
    let buckets = word(table, 0)?;
    let mut number = word(table, 2 + u64::from(hash.checked_rem(buckets)?))?;
    for _ in 0..MAX_CHAIN {
        if number == 0 {
            return None;
        }
        if let Some(place) = code(number) {
            return Some(place);
        }
        number = word(table, 2 + u64::from(buckets) + u64::from(number))?;
    }
    None
}

/// The number of a function that only returns one, as compilers write it, with and without a frame
/// and marks for branches.
fn constant(abi: Abi, mut code: &[u8]) -> Option<u32> {
    match abi.machine {
        // i386 and x86-64: `mov $N, %eax; ret`.
        3 | 62 => {
            let marks: [&[u8]; 5] = [
                b"\xf3\x0f\x1e\xfa",
                b"\xf3\x0f\x1e\xfb",
                b"\x55",
                b"\x48\x89\xe5",
                b"\x89\xe5",
            ];
            while let Some(rest) = marks.iter().find_map(|mark| code.strip_prefix(*mark)) {
                code = rest;
            }
            let rest = code.strip_prefix(b"\xb8")?;
            let (number, rest) = rest.split_first_chunk::<4>()?;
            let ends = rest.starts_with(b"\xc3") || rest.starts_with(b"\x5d\xc3");
            ends.then(|| u32::from_le_bytes(*number))
        }
        // arm64: `mov w0, #N; ret`.
        183 => {
            let (words, _) = code.as_chunks::<4>();
            let mut words = words.iter().map(|word| u32::from_le_bytes(*word));
            // `bti c` and `paciasp`, which may come first.
            let first = words.find(|word| !matches!(word, 0xd503_245f | 0xd503_233f))?;
            let number = (first & 0xffe0_001f == 0x5280_0000).then_some((first >> 5) & 0xffff);
            // `autiasp`.
            let last = words.find(|word| *word != 0xd503_23bf)?;
            number.filter(|_| last == 0xd65f_03c0)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use distil_fixture::{ElfBuilder, Machine};
    use proptest::prelude::*;
    use std::io::Cursor;

    const NAME: &str = "node_api_module_get_api_version_v1";

    fn returned(machine: Machine, code: &[u8]) -> Option<u32> {
        let builder = ElfBuilder::plugin().machine(machine).defines("V_1");
        let file = builder.function(NAME, code).build();
        returned_number(Cursor::new(file), NAME)
    }

    #[test]
    fn functions_that_return_a_number() {
        let code: [&[u8]; 3] = [
            b"\xb8\x0a\0\0\0\xc3",
            b"\xf3\x0f\x1e\xfa\xb8\x0a\0\0\0\xc3",
            b"\x55\x48\x89\xe5\xb8\x0a\0\0\0\x5d\xc3",
        ];
        for code in code {
            assert_eq!(returned(Machine::X86_64, code), Some(10), "{code:x?}");
        }
        let arm = [0xd503_245f_u32, 0x5280_0140, 0xd65f_03c0].map(u32::to_le_bytes);
        assert_eq!(returned(Machine::Aarch64, arm.as_flattened()), Some(10));
        assert_eq!(returned(Machine::X86_64, b"\x31\xc0\xc3\0\0\0\0\0"), None);
        let other = ElfBuilder::plugin()
            .function("other", b"\xb8\x0a\0\0\0\xc3")
            .build();
        assert_eq!(returned_number(Cursor::new(other), NAME), None);
        assert_eq!(returned_number(Cursor::new(b"\x7fELF\x02"), NAME), None);
    }

    proptest! {
        #[test]
        fn lies_end(changes in proptest::collection::vec((0usize..1024, any::<u8>()), 1..12)) {
            let mut bytes = ElfBuilder::plugin().function(NAME, b"\xb8\x0a\0\0\0\xc3").build();
            for (index, byte) in changes {
                if let Some(place) = bytes.get_mut(index) { *place = byte; }
            }
            let _ = returned_number(Cursor::new(&bytes), NAME);
        }
    }
}
