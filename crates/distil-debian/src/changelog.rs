//! The changelog of a package: what each version changed, and which vulnerabilities it mends.
//!
//! Debian Policy §4.4 and deb-changelog(5) have the format: entries with the newest first, each a line
//! `SOURCE (VERSION) SUITES; urgency=…`, indented lines, and a line that begins with ` -- `. What fits
//! neither is passed over, as dpkg-parsechangelog(1) does.

use std::collections::BTreeSet;
use std::io::Read;

use flate2::read::MultiGzDecoder;

use crate::version::Version;

/// The most bytes of a changelog that are read; the kernel's has some 2 MB.
const MAX_SIZE: u64 = 16 << 20;

/// The most entries that are kept, and the most bytes of the text of each: a changelog is a
/// stranger's.
const MAX_ENTRIES: usize = 500;
const MAX_TEXT: usize = 64 << 10;

/// What one version of a source package changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The version.
    pub version: Version,
    /// The changes, without the lines around them, not indented.
    pub text: String,
}

impl Entry {
    /// The vulnerabilities that it names, sorted, each once: `CVE-2024-45490`.
    pub fn cves(&self) -> Vec<String> {
        let mut found = BTreeSet::new();
        for (place, _) in self.text.match_indices("CVE-") {
            let rest = &self.text[place + 4..];
            let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
            let year = digits(rest);
            let Some(number) = rest[year..].strip_prefix('-') else {
                continue;
            };
            // CVE's own syntax: a year, and four digits or more.
            let count = digits(number);
            if year == 4 && (4..20).contains(&count) {
                found.insert(format!("CVE-{}-{}", &rest[..year], &number[..count]));
            }
        }
        found.into_iter().collect()
    }
}

/// Whether a file of a package is its changelog (Debian Policy §12.7): of Debian's part, or of all
/// where the package is Debian's alone. Those that only tell of a rebuild have the architecture in
/// their names.
pub fn is_changelog(path: &str) -> bool {
    in_documents(path).is_some_and(|name| {
        let name = name.strip_suffix(".gz").unwrap_or(name);
        name == "changelog" || name == "changelog.Debian" || name.starts_with("changelog.Debian.")
    })
}

/// Whether a file of a package has the news that its users are to read (Debian's Developer's
/// Reference §6.3.4), in the same format.
pub fn is_news(path: &str) -> bool {
    in_documents(path).is_some_and(|name| matches!(name, "NEWS.Debian.gz" | "NEWS.Debian"))
}

fn in_documents(path: &str) -> Option<&str> {
    let (_, name) = path.strip_prefix("usr/share/doc/")?.split_once('/')?;
    Some(name)
}

/// The entries of a changelog, compressed by gzip or not, that are newer than `old`, up to `new`;
/// the newest first. Nothing of a file that is no changelog, such as an author's own.
pub fn between(file: impl Read, old: &Version, new: &Version) -> Vec<Entry> {
    let mut bytes = Vec::new();
    // What was read of a file that is cut off still counts.
    let _ = file.take(MAX_SIZE).read_to_end(&mut bytes);
    if bytes.starts_with(b"\x1f\x8b") {
        let mut unpacked = Vec::new();
        let decoder = MultiGzDecoder::new(bytes.as_slice());
        let _ = decoder.take(MAX_SIZE).read_to_end(&mut unpacked);
        bytes = unpacked;
    }
    entries(&String::from_utf8_lossy(&bytes), old, new)
}

fn entries(text: &str, old: &Version, new: &Version) -> Vec<Entry> {
    let mut found: Vec<Entry> = Vec::new();
    // The entry that lines belong to, if it is wanted.
    let mut current: Option<Entry> = None;
    for line in text.lines() {
        if let Some(version) = version_of(line) {
            found.extend(finished(current.take()));
            // Those that follow are older; an entry may be out of order where branches were joined.
            let is_wanted = version > *old && version <= *new;
            current = is_wanted.then(|| Entry {
                version,
                text: String::new(),
            });
        } else if line.starts_with(" --") {
            found.extend(finished(current.take()));
        } else if let Some(entry) = &mut current
            && entry.text.len() + line.len() < MAX_TEXT
        {
            entry.text.push_str(line.strip_prefix("  ").unwrap_or(line));
            entry.text.push('\n');
        }
        if found.len() == MAX_ENTRIES {
            return found;
        }
    }
    found.extend(finished(current));
    found
}

fn finished(entry: Option<Entry>) -> Option<Entry> {
    let mut entry = entry?;
    entry.text = entry.text.trim_matches('\n').trim_end().to_owned();
    Some(entry)
}

/// The version of a line that begins an entry.
fn version_of(line: &str) -> Option<Version> {
    let (name, rest) = line.split_once(" (")?;
    let (version, rest) = rest.split_once(')')?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let is_heading = !name.is_empty() && name.bytes().all(is_name) && rest.contains(';');
    is_heading.then(|| version.parse().ok())?
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "\
expat (2.7.1-2+deb13u1) trixie-security; urgency=high

  * Fix CVE-2025-59375 and CVE-2025-59375:
    - a large allocation (see also CVE-20-1, CVE-2025-123)
  * Closes: #1115298

 -- A Person <person@example.org>  Mon, 20 Oct 2025 22:04:01 +0200

expat (2.7.1-2) unstable; urgency=medium

  * d/rules: more tests

 -- A Person <person@example.org>  Sat, 12 Jul 2025 08:31:40 +0200

expat (2.7.1-1) unstable; urgency=medium

  * New upstream version

 -- A Person <person@example.org>  Sun, 30 Mar 2025 18:24:58 +0200
";

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    fn versions(found: &[Entry]) -> Vec<&str> {
        found.iter().map(|one| one.version.as_str()).collect()
    }

    #[test]
    fn entries_between_two_versions() {
        let all = |old, new| between(TEXT.as_bytes(), &version(old), &version(new));
        let found = all("2.7.1-2", "2.7.1-2+deb13u1");
        assert_eq!(versions(&found), ["2.7.1-2+deb13u1"]);
        assert_eq!(found[0].cves(), ["CVE-2025-59375"]);
        assert!(found[0].text.starts_with("* Fix CVE"), "{}", found[0].text);
        assert!(found[0].text.ends_with("#1115298"), "{}", found[0].text);
        let found = all("2.7.0-1", "2.7.1-2");
        assert_eq!(versions(&found), ["2.7.1-2", "2.7.1-1"]);
        assert!(all("2.7.1-2+deb13u1", "2.7.1-2").is_empty());
    }

    #[test]
    fn compressed_ones_are_read() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
        encoder.write_all(TEXT.as_bytes()).unwrap();
        let bytes = encoder.finish().unwrap();
        let old = version("2.7.1-1");
        let found = between(bytes.as_slice(), &old, &version("3"));
        assert_eq!(versions(&found), ["2.7.1-2+deb13u1", "2.7.1-2"]);
        let cut = &bytes[..bytes.len() / 2];
        assert!(between(cut, &old, &version("3")).len() <= 2);
    }

    #[test]
    fn names_of_changelogs() {
        for name in [
            "changelog.Debian.gz",
            "changelog.gz",
            "changelog.Debian.amd64.gz",
            "changelog",
        ] {
            assert!(
                is_changelog(&format!("usr/share/doc/libx1/{name}")),
                "{name}"
            );
        }
        assert!(!is_changelog("usr/share/doc/libx1/changelog.html.gz"));
        assert!(!is_changelog("usr/share/doc/changelog.Debian.gz"));
        assert!(is_news("usr/share/doc/libx1/NEWS.Debian.gz"));
        assert!(!is_news("usr/share/doc/libx1/NEWS.gz"));
    }

    proptest! {
        #[test]
        fn whatever_is_read_ends(text in "(.|\n| \\(|\\) ;| -- |CVE-){0,300}") {
            for entry in entries(&text, &version("0"), &version("99999999")) {
                let _ = entry.cves();
            }
        }
    }
}
