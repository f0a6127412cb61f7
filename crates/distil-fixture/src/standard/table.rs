//! Reads the tables of packages.
//!
//! A stanza has control fields, then `Files:` and one line a thing that the package has:
//!
//! | line | meaning |
//! |---|---|
//! | `dir PATH MODE [USER:GROUP]` | a directory |
//! | `file PATH` | a file of mode 0644 |
//! | `conf PATH` | one that is listed in `conffiles` |
//! | `exec PATH #!…` | a script of mode 0755 |
//! | `link PATH TARGET` | a symbolic link |
//! | `lib PATH NEEDED… [soname=…] [mode=755]` | a shared library, and the link of its soname |
//! | `plugin PATH NEEDED… [runpath=…]` | a shared object without soname |
//! | `prog PATH NEEDED…` | a program |
//! | `static PATH` | a program without libraries |
//! | `loader PREFIX relative\|absolute` | the link to the dynamic loader |
//! | `certificates PATH` | the CA certificates |
//! | `scripts NAME…` | maintainer scripts |
//! | `trigger LINE` | a line of `triggers` |
//!
//! `if-lib64` before a line is for architectures whose loader lies in `/lib64`. `{multiarch}`,
//! `{loader}`, `{loader-path}` and `{oldest-libc}` differ by architecture. `Architecture: any`
//! is the one asked for; `Doc: PACKAGE` makes `/usr/share/doc/NAME` a link, otherwise it has a
//! copyright file and a changelog.

use super::{CA_CERTIFICATES, Suite, content};
use crate::compression::Compression;
use crate::deb::DebBuilder;
use crate::elf::{ElfBuilder, Machine};
use crate::tarball::Entry;

/// When the first package of a table was made (1 February 2025); each next one is a day younger.
const FIRST_MTIME: u64 = 1_738_368_000;

/// The packages of a suite's tables for one architecture.
pub(super) fn packages(suite: &Suite, architecture: &str) -> Vec<DebBuilder> {
    let machine = Machine::from_debian(architecture);
    let stanzas = suite.tables.iter().flat_map(|table| table.split("\n\n"));
    (0..)
        .zip(stanzas)
        .map(|(day, stanza)| {
            let mtime = FIRST_MTIME + day * 86_400;
            Stanza::read(suite, machine, stanza).package(mtime)
        })
        .collect()
}

/// One package of a table.
struct Stanza<'a> {
    suite: &'a Suite,
    machine: Machine,
    fields: Vec<(&'a str, String)>,
    lines: Vec<String>,
}

impl<'a> Stanza<'a> {
    fn read(suite: &'a Suite, machine: Machine, text: &'a str) -> Self {
        let mut fields = Vec::new();
        let mut lines = Vec::new();
        for line in text.lines() {
            if let Some(line) = line.strip_prefix(' ') {
                lines.push(filled(line, machine));
            } else if let Some((name, value)) = line.split_once(": ") {
                fields.push((name, filled(value, machine)));
            }
        }
        Self {
            suite,
            machine,
            fields,
            lines,
        }
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.as_str())
    }

    fn package(&self, mtime: u64) -> DebBuilder {
        let name = self.field("Package").unwrap();
        let architecture = match self.field("Architecture").unwrap() {
            "any" => self.machine.debian(),
            other => other,
        };
        let mut deb =
            DebBuilder::new(name, self.field("Version").unwrap(), architecture).mtime(mtime);
        for (field, value) in &self.fields {
            if !matches!(*field, "Package" | "Version" | "Architecture" | "Doc") {
                deb = deb.field(field, value);
            }
        }
        let mut triggers: Vec<String> = Vec::new();
        // dpkg-deb writes symbolic links after everything else.
        let mut links = Vec::new();
        for line in &self.lines {
            let words: Vec<&str> = line.split(' ').collect();
            let words = match words.as_slice() {
                ["if-lib64", rest @ ..] if self.has_lib64() => rest,
                ["if-lib64", ..] => continue,
                words => words,
            };
            match words {
                ["link", path, target] => links.push(Entry::symlink(path, target)),
                ["loader", prefix, form] => links.push(self.loader_link(prefix, form)),
                ["trigger", rest @ ..] => triggers.push(rest.join(" ")),
                ["scripts", names @ ..] => {
                    for script in names {
                        deb = deb.script(script, &content::script(name, script));
                    }
                }
                ["conf", path] => deb = deb.conffile(path, content::file(self.suite, path)),
                ["certificates", folder] => {
                    for (file, text, _) in CA_CERTIFICATES {
                        deb = deb.file(&format!("{folder}/{file}"), text);
                    }
                }
                [
                    kind @ ("lib" | "plugin" | "prog" | "static"),
                    path,
                    rest @ ..,
                ] => {
                    let (entry, link) = self.elf(kind, path, rest);
                    if *kind == "lib" {
                        triggers = vec!["activate-noawait ldconfig".to_owned()];
                    }
                    deb = deb.entry(entry);
                    links.extend(link);
                }
                words => deb = deb.entry(self.plain(words)),
            }
        }
        match self.field("Doc") {
            Some(other) => links.push(Entry::symlink(&format!("/usr/share/doc/{name}"), other)),
            None => {
                let folder = format!("/usr/share/doc/{name}");
                let changelog = format!("{name} ({}) fixture\n", deb.version());
                deb = deb
                    .file(
                        &format!("{folder}/changelog.Debian.gz"),
                        Compression::Gzip.compress(changelog.as_bytes()),
                    )
                    .file(&format!("{folder}/copyright"), content::copyright(name));
            }
        }
        if !triggers.is_empty() {
            deb = deb.control_file("triggers", triggers.join("\n") + "\n");
        }
        links.into_iter().fold(deb, DebBuilder::entry)
    }

    fn plain(&self, words: &[&str]) -> Entry {
        match words {
            ["dir", path, mode] => Entry::directory(path).mode(octal(mode)),
            ["dir", path, mode, owner] => {
                let (user, group) = owner.split_once(':').unwrap();
                Entry::directory(path)
                    .mode(octal(mode))
                    .owner(0, content::gid(group))
                    .owner_names(user, group)
            }
            ["file", path] => Entry::file(path, content::file(self.suite, path)),
            ["exec", path, interpreter @ ..] => {
                let text = format!("{}\n# fixture of {path}\n", interpreter.join(" "));
                Entry::file(path, text).mode(0o755)
            }
            other => panic!("a table of packages has the line `{}`", other.join(" ")),
        }
    }

    /// An ELF file, and the link that its soname needs beside it.
    fn elf(&self, kind: &str, path: &str, rest: &[&str]) -> (Entry, Option<Entry>) {
        let (folder, file_name) = path.rsplit_once('/').unwrap();
        let option = |name: &str| {
            rest.iter()
                .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
        };
        let soname = option("soname").unwrap_or(file_name);
        let mut builder = match kind {
            "lib" => ElfBuilder::shared(soname),
            "plugin" => ElfBuilder::plugin(),
            "prog" => ElfBuilder::executable(),
            _ => ElfBuilder::static_executable(),
        }
        .machine(self.machine)
        // The file's own path, so that no two are the same.
        .payload(content::payload(self.suite, path));
        for word in rest {
            match word.split_once('=') {
                Some(("runpath", folders)) => builder = builder.runpath(folders),
                Some(_) => {}
                None if *word == "libc.so.6" => {
                    builder = builder.requires(word, self.oldest_glibc());
                    builder = builder.requires(word, "GLIBC_2.34");
                }
                None => builder = builder.needed(word),
            }
        }
        if soname == "libc.so.6" {
            builder = builder
                .interpreter(self.machine.loader())
                .defines(self.oldest_glibc())
                .defines("GLIBC_2.34")
                .defines(self.suite.glibc);
        }
        let mode = match (option("mode"), kind) {
            (Some(mode), _) => octal(mode),
            (None, "lib" | "plugin") => 0o644,
            (None, _) => 0o755,
        };
        let entry = Entry::file(path, builder.build()).mode(mode);
        let link = (kind == "lib" && soname != file_name)
            .then(|| Entry::symlink(&format!("{folder}/{soname}"), file_name));
        (entry, link)
    }

    /// `/usr/lib64/ld-linux-x86-64.so.2`, or what it is elsewhere, under `prefix`.
    fn loader_link(&self, prefix: &str, form: &str) -> Entry {
        let path = format!("{}{}", prefix.trim_end_matches('/'), self.machine.loader());
        let file = format!(
            "{}/{}",
            self.machine.multiarch(),
            self.machine.loader_name()
        );
        let target = match form {
            "absolute" if self.has_lib64() => format!("/lib/{file}"),
            _ if self.has_lib64() => format!("../lib/{file}"),
            _ => file,
        };
        Entry::symlink(&path, target)
    }

    fn has_lib64(&self) -> bool {
        self.machine.loader().starts_with("/lib64/")
    }

    /// The oldest symbol version that glibc has on the machine.
    fn oldest_glibc(&self) -> &'static str {
        match self.machine {
            Machine::X86_64 => "GLIBC_2.2.5",
            Machine::I386 => "GLIBC_2.0",
            Machine::Arm => "GLIBC_2.4",
            Machine::Riscv64 => "GLIBC_2.27",
            Machine::S390x => "GLIBC_2.2",
            Machine::Aarch64 | Machine::Ppc64le => "GLIBC_2.17",
        }
    }
}

/// A line of a table with the machine's words in it.
fn filled(line: &str, machine: Machine) -> String {
    let oldest_libc = match machine {
        Machine::X86_64 => "2.14",
        _ => "2.17",
    };
    line.replace("{multiarch}", machine.multiarch())
        .replace("{loader}", machine.loader_name())
        .replace("{loader-path}", machine.loader())
        .replace("{oldest-libc}", oldest_libc)
}

fn octal(text: &str) -> u32 {
    u32::from_str_radix(text, 8).unwrap_or_else(|_| panic!("a table has the mode `{text}`"))
}
