//! Laying an ELF file out: sections one after another, loaded at their offsets.

use super::{ElfBuilder, Kind, Machine};

const SHT_PROGBITS: u32 = 1;
const SHT_STRTAB: u32 = 3;
const SHT_HASH: u32 = 5;
const SHT_DYNAMIC: u32 = 6;
const SHT_NOTE: u32 = 7;
const SHT_DYNSYM: u32 = 11;
const SHT_GNU_VERDEF: u32 = 0x6fff_fffd;
const SHT_GNU_VERNEED: u32 = 0x6fff_fffe;
const SHT_GNU_VERSYM: u32 = 0x6fff_ffff;
const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const PT_NOTE: u32 = 4;
const PT_GNU_STACK: u32 = 0x6474_e551;
const SHN_ABS: u16 = 0xfff1;
const PAGE: u64 = 0x1000;

/// One section before it has a place.
struct Section {
    name: &'static str,
    kind: u32,
    /// The section that `sh_link` names.
    link: &'static str,
    info: u32,
    entry_size: u64,
    /// Whether it is loaded (`SHF_ALLOC`).
    loaded: bool,
    bytes: Vec<u8>,
}

/// A dynamic entry whose value is not known until sections have places.
enum Value {
    Number(u64),
    AddressOf(&'static str),
}

impl ElfBuilder {
    /// The bytes of the file.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let mut sections = self.sections();
        let program_headers = self.program_header_count();
        let (header, ph_entry) = self.header_sizes();
        let sh_entry = if self.machine.is_wide() { 64 } else { 40 };
        let mut names = Strings::new();
        let name_offsets: Vec<u32> = sections
            .iter()
            .map(|section| names.add(section.name))
            .collect();
        let shstrtab_name = names.add(".shstrtab");

        let mut offsets = Vec::new();
        let mut at: u64 = header + ph_entry * program_headers;
        for section in &sections {
            at = at.next_multiple_of(8);
            offsets.push(at);
            at += section.bytes.len() as u64;
        }
        let shstrtab_at = at;
        let section_headers_at = (at + names.bytes.len() as u64).next_multiple_of(8);
        let place = |name: &str| {
            sections
                .iter()
                .position(|section| section.name == name)
                .map(|index| (index, offsets[index], sections[index].bytes.len() as u64))
        };
        let base = if self.kind == Kind::Static {
            0x40_0000
        } else {
            0
        };
        let dynamic = self.dynamic_bytes(|name| place(name).map_or(0, |(_, offset, _)| offset));

        let mut out = Out::new(self.machine);
        self.write_header(
            &mut out,
            [
                header,
                ph_entry,
                program_headers,
                sh_entry,
                section_headers_at,
            ],
            sections.len() as u64 + 2,
            base,
        );
        // Program headers.
        let loaded = shstrtab_at;
        if let Some((_, offset, size)) = place(".interp") {
            out.program_header(PT_INTERP, 4, offset, base, size, 1);
        }
        out.program_header(PT_LOAD, 5, 0, base, loaded, PAGE);
        if let Some((_, offset, size)) = place(".dynamic") {
            out.program_header(PT_DYNAMIC, 6, offset, base, size, 8);
        }
        let stack = if self.has_executable_stack { 7 } else { 6 };
        out.program_header(PT_GNU_STACK, stack, 0, 0, 0, 16);
        if let Some((_, offset, size)) = place(".note.dlopen") {
            out.program_header(PT_NOTE, 4, offset, base, size, 4);
        }

        // Section headers are made now, while sections can still be looked up.
        let mut table = Out::new(self.machine);
        table.section_header([0; 10]);
        for (index, section) in sections.iter().enumerate() {
            let link = place(section.link).map_or(0, |(index, ..)| index as u64 + 1);
            let address = if section.loaded {
                base + offsets[index]
            } else {
                0
            };
            table.section_header([
                u64::from(name_offsets[index]),
                u64::from(section.kind),
                if section.loaded { 2 } else { 0 },
                address,
                offsets[index],
                section.bytes.len() as u64,
                link,
                u64::from(section.info),
                8,
                section.entry_size,
            ]);
        }
        table.section_header([
            u64::from(shstrtab_name),
            u64::from(SHT_STRTAB),
            0,
            0,
            shstrtab_at,
            names.bytes.len() as u64,
            0,
            0,
            1,
            0,
        ]);

        for (section, offset) in sections.iter_mut().zip(&offsets) {
            out.pad_to(*offset);
            if section.name == ".dynamic" {
                section.bytes.clone_from(&dynamic);
            }
            out.bytes.extend_from_slice(&section.bytes);
        }
        out.bytes.extend_from_slice(&names.bytes);
        out.pad_to(section_headers_at);
        out.bytes.extend_from_slice(&table.bytes);
        out.bytes
    }

    /// The sizes of the file's header and of a program header.
    fn header_sizes(&self) -> (u64, u64) {
        match self.machine.is_wide() {
            true => (64, 56),
            false => (52, 32),
        }
    }

    fn program_header_count(&self) -> u64 {
        let interpreter = u64::from(self.loader().is_some());
        let dynamic = u64::from(self.kind != Kind::Static);
        2 + interpreter + dynamic + u64::from(self.dlopen.is_some())
    }

    fn write_header(&self, out: &mut Out, sizes: [u64; 5], section_count: u64, base: u64) {
        let [header, ph_entry, ph_count, sh_entry, section_headers_at] = sizes;
        let (number, flags) = self.machine.identity();
        let class = if self.machine.is_wide() { 2 } else { 1 };
        let data = if self.machine.is_big_endian() { 2 } else { 1 };
        out.bytes.extend_from_slice(b"\x7fELF");
        out.bytes
            .extend_from_slice(&[class, data, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        out.half(if self.kind == Kind::Static { 2 } else { 3 });
        out.half(number);
        out.word(1);
        out.address(if self.kind == Kind::Shared {
            0
        } else {
            base + header
        });
        out.address(header);
        out.address(section_headers_at);
        out.word(flags);
        for small in [
            header,
            ph_entry,
            ph_count,
            sh_entry,
            section_count,
            section_count - 1,
        ] {
            out.half(u16::try_from(small).unwrap());
        }
    }

    /// Every section but the names', in the order of the file, with `.dynamic` all zero.
    fn sections(&self) -> Vec<Section> {
        let section = |name, kind, link, info, entry_size, bytes| Section {
            name,
            kind,
            link,
            info,
            entry_size,
            loaded: true,
            bytes,
        };
        let mut sections = Vec::new();
        if let Some(path) = self.loader() {
            let bytes = format!("{path}\0").into_bytes();
            sections.push(section(".interp", SHT_PROGBITS, "", 0, 0, bytes));
        }
        if let Some((_, code)) = &self.function {
            // First, so that the place is known to the table of symbols.
            sections.insert(0, section(".text", SHT_PROGBITS, "", 0, 0, code.clone()));
        }
        if self.kind != Kind::Static {
            let tables = self.symbol_tables();
            let symbol = if self.machine.is_wide() { 24 } else { 16 };
            let dynamic = if self.machine.is_wide() { 16 } else { 8 };
            let hash_word = self.machine.hash_word() as u64;
            sections.push(section(
                ".hash",
                SHT_HASH,
                ".dynsym",
                0,
                hash_word,
                tables.hash,
            ));
            sections.push(section(
                ".dynsym",
                SHT_DYNSYM,
                ".dynstr",
                1,
                symbol,
                tables.symbols,
            ));
            sections.push(section(
                ".dynstr",
                SHT_STRTAB,
                "",
                0,
                0,
                tables.strings.bytes,
            ));
            if self.has_versions() {
                sections.push(section(
                    ".gnu.version",
                    SHT_GNU_VERSYM,
                    ".dynsym",
                    0,
                    2,
                    tables.versions,
                ));
            }
            if !self.defines.is_empty() {
                let count = u32::try_from(self.defines.len()).unwrap() + 1;
                let bytes = tables.defined;
                sections.push(section(
                    ".gnu.version_d",
                    SHT_GNU_VERDEF,
                    ".dynstr",
                    count,
                    0,
                    bytes,
                ));
            }
            if !self.requires.is_empty() {
                let count = u32::try_from(self.requires.len()).unwrap();
                let bytes = tables.required;
                sections.push(section(
                    ".gnu.version_r",
                    SHT_GNU_VERNEED,
                    ".dynstr",
                    count,
                    0,
                    bytes,
                ));
            }
            let bytes = self.dynamic_bytes(|_| 0);
            sections.push(section(
                ".dynamic",
                SHT_DYNAMIC,
                ".dynstr",
                0,
                dynamic,
                bytes,
            ));
        }
        if !self.payload.is_empty() {
            let bytes = self.payload.clone();
            sections.push(section(".rodata", SHT_PROGBITS, "", 0, 0, bytes));
        }
        if let Some(json) = &self.dlopen {
            let mut note = Out::new(self.machine);
            note.word(4);
            note.word(u32::try_from(json.len() + 1).unwrap());
            note.word(0x407c_0c0a);
            note.bytes.extend_from_slice(b"FDO\0");
            note.bytes.extend_from_slice(json.as_bytes());
            note.bytes.push(0);
            note.bytes.resize(note.bytes.len().next_multiple_of(4), 0);
            sections.push(section(".note.dlopen", SHT_NOTE, "", 0, 0, note.bytes));
        }
        sections
    }

    fn has_versions(&self) -> bool {
        !self.defines.is_empty() || !self.requires.is_empty()
    }

    /// The dynamic section, with addresses as `address_of` tells.
    fn dynamic_bytes(&self, address_of: impl Fn(&str) -> u64) -> Vec<u8> {
        let mut strings = self.symbol_tables().strings;
        let length = strings.bytes.len() as u64;
        let mut entries: Vec<(u64, Value)> = Vec::new();
        let mut name = |tag: u64, text: &str| (tag, Value::Number(u64::from(strings.add(text))));
        for soname in &self.needed {
            entries.push(name(1, soname));
        }
        for (tag, text) in [(14, &self.soname), (15, &self.rpath), (29, &self.runpath)] {
            if let Some(text) = text {
                entries.push(name(tag, text));
            }
        }
        entries.push((4, Value::AddressOf(".hash")));
        entries.push((5, Value::AddressOf(".dynstr")));
        entries.push((6, Value::AddressOf(".dynsym")));
        entries.push((10, Value::Number(length)));
        entries.push((
            11,
            Value::Number(if self.machine.is_wide() { 24 } else { 16 }),
        ));
        if self.has_versions() {
            entries.push((0x6fff_fff0, Value::AddressOf(".gnu.version")));
        }
        if !self.defines.is_empty() {
            entries.push((0x6fff_fffc, Value::AddressOf(".gnu.version_d")));
            entries.push((0x6fff_fffd, Value::Number(self.defines.len() as u64 + 1)));
        }
        if !self.requires.is_empty() {
            entries.push((0x6fff_fffe, Value::AddressOf(".gnu.version_r")));
            entries.push((0x6fff_ffff, Value::Number(self.requires.len() as u64)));
        }
        entries.push((0, Value::Number(0)));
        let mut out = Out::new(self.machine);
        for (tag, value) in entries {
            out.address(tag);
            out.address(match value {
                Value::Number(number) => number,
                Value::AddressOf(section) => address_of(section),
            });
        }
        out.bytes
    }

    /// Symbols, their strings and their versions. There is one undefined symbol for each version
    /// that is required and one absolute symbol for each version that is defined.
    fn symbol_tables(&self) -> SymbolTables {
        let mut strings = Strings::new();
        for text in self
            .needed
            .iter()
            .chain(&self.soname)
            .chain(&self.rpath)
            .chain(&self.runpath)
        {
            strings.add(text);
        }
        let mut symbols = Out::new(self.machine);
        let mut versions = Out::new(self.machine);
        symbols.symbol(0, 0, 0);
        versions.half(0);
        let mut count = 1;

        let mut defined = Out::new(self.machine);
        let base_name = self.soname.clone().unwrap_or_else(|| "base".to_owned());
        let nodes: Vec<&String> = std::iter::once(&base_name).chain(&self.defines).collect();
        let mut index: u16 = 1;
        if !self.defines.is_empty() {
            for (position, node) in nodes.iter().enumerate() {
                let offset = strings.add(node);
                let is_base = position == 0;
                for half in [1, u16::from(is_base), index, 1] {
                    defined.half(half);
                }
                let next = if position + 1 == nodes.len() { 0 } else { 28 };
                for word in [elf_hash(node), 20, next, offset, 0] {
                    defined.word(word);
                }
                if !is_base {
                    symbols.symbol(offset, 0x11, SHN_ABS);
                    versions.half(index);
                    count += 1;
                }
                index += 1;
            }
        } else {
            index = 2;
        }

        if let Some((name, _)) = &self.function {
            let (header, ph_entry) = self.header_sizes();
            let at = (header + ph_entry * self.program_header_count()).next_multiple_of(8);
            symbols.symbol_at(strings.add(name), 0x12, 1, at);
            versions.half(1);
            count += 1;
        }

        let mut required = Out::new(self.machine);
        for (position, (library, names)) in self.requires.iter().enumerate() {
            let entries = u32::try_from(names.len()).unwrap();
            let last = position + 1 == self.requires.len();
            required.half(1);
            required.half(u16::try_from(entries).unwrap());
            for word in [
                strings.add(library),
                16,
                if last { 0 } else { 16 * (entries + 1) },
            ] {
                required.word(word);
            }
            for (at, name) in names.iter().enumerate() {
                let offset = strings.add(name);
                required.word(elf_hash(name));
                required.half(0);
                required.half(index);
                required.word(offset);
                required.word(if at + 1 == names.len() { 0 } else { 16 });
                let symbol = format!("uses_{}", name.replace('.', "_"));
                symbols.symbol(strings.add(&symbol), 0x12, 0);
                versions.half(index);
                count += 1;
                index += 1;
            }
        }

        // DT_HASH with one bucket: the last symbol, and each names the one before it.
        let mut hash = Out::new(self.machine);
        let chain = (0..count).map(|symbol: u32| symbol.saturating_sub(1));
        for word in [1, count, count - 1].into_iter().chain(chain) {
            hash.hash_word(word);
        }
        SymbolTables {
            strings,
            symbols: symbols.bytes,
            hash: hash.bytes,
            versions: versions.bytes,
            defined: defined.bytes,
            required: required.bytes,
        }
    }
}

struct SymbolTables {
    strings: Strings,
    symbols: Vec<u8>,
    hash: Vec<u8>,
    versions: Vec<u8>,
    defined: Vec<u8>,
    required: Vec<u8>,
}

/// A table of strings that end in NUL, each once.
struct Strings {
    bytes: Vec<u8>,
    known: Vec<(String, u32)>,
}

impl Strings {
    fn new() -> Self {
        Self {
            bytes: vec![0],
            known: Vec::new(),
        }
    }

    fn add(&mut self, text: &str) -> u32 {
        if let Some((_, offset)) = self.known.iter().find(|(known, _)| known == text) {
            return *offset;
        }
        let offset = u32::try_from(self.bytes.len()).unwrap();
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.push(0);
        self.known.push((text.to_owned(), offset));
        offset
    }
}

/// The hash of symbol versions (System V ABI, "Hash Table").
pub(super) fn elf_hash(name: &str) -> u32 {
    name.bytes().fold(0, |hash: u32, byte| {
        let hash = (hash << 4).wrapping_add(u32::from(byte));
        let top = hash & 0xf000_0000;
        (hash ^ (top >> 24)) & !top
    })
}

/// Bytes in the order and width of a machine.
struct Out {
    machine: Machine,
    bytes: Vec<u8>,
}

impl Out {
    fn new(machine: Machine) -> Self {
        Self {
            machine,
            bytes: Vec::new(),
        }
    }

    fn put<const N: usize>(&mut self, mut little_endian: [u8; N]) {
        if self.machine.is_big_endian() {
            little_endian.reverse();
        }
        self.bytes.extend_from_slice(&little_endian);
    }

    fn half(&mut self, number: u16) {
        self.put(number.to_le_bytes());
    }

    fn word(&mut self, number: u32) {
        self.put(number.to_le_bytes());
    }

    /// A number as wide as the machine's addresses.
    fn address(&mut self, number: u64) {
        if self.machine.is_wide() {
            self.put(number.to_le_bytes());
        } else {
            self.word(u32::try_from(number).unwrap());
        }
    }

    fn hash_word(&mut self, number: u32) {
        if self.machine.hash_word() == 8 {
            self.put(u64::from(number).to_le_bytes());
        } else {
            self.word(number);
        }
    }

    fn pad_to(&mut self, offset: u64) {
        self.bytes.resize(usize::try_from(offset).unwrap(), 0);
    }

    fn symbol(&mut self, name: u32, info: u8, section: u16) {
        self.symbol_at(name, info, section, 0);
    }

    fn symbol_at(&mut self, name: u32, info: u8, section: u16, value: u64) {
        self.word(name);
        if self.machine.is_wide() {
            self.bytes.extend_from_slice(&[info, 0]);
            self.half(section);
            self.address(value);
            self.address(0);
        } else {
            self.address(value);
            self.word(0);
            self.bytes.extend_from_slice(&[info, 0]);
            self.half(section);
        }
    }

    fn program_header(
        &mut self,
        kind: u32,
        flags: u32,
        offset: u64,
        base: u64,
        size: u64,
        align: u64,
    ) {
        self.word(kind);
        if self.machine.is_wide() {
            self.word(flags);
        }
        for number in [offset, base + offset, base + offset, size, size] {
            self.address(number);
        }
        if !self.machine.is_wide() {
            self.word(flags);
        }
        self.address(align);
    }

    /// Name, kind, flags, address, offset, size, link, info, alignment, size of an entry.
    fn section_header(&mut self, fields: [u64; 10]) {
        for (index, field) in fields.into_iter().enumerate() {
            if matches!(index, 0 | 1 | 6 | 7) {
                self.word(u32::try_from(field).unwrap());
            } else {
                self.address(field);
            }
        }
    }
}
