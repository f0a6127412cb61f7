//! Indexes for tests, written briefly: `a 1; Depends: b | c; Provides: d` is a line a package.

use distil_store::Digest;

use super::{PackageIndex, Pocket};

/// The stanzas of a `Packages` file for packages written briefly.
///
/// A `↵` starts a continuation line. A package is of architecture amd64, and gets the other fields that it needs, unless fields
/// say otherwise.
pub(crate) fn packages_file(lines: &str) -> String {
    lines
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(stanza)
        .collect::<Vec<_>>()
        .join("\n")
}

fn stanza(line: &str) -> String {
    let mut parts = line.split(';').map(str::trim);
    let mut words = parts.next().unwrap_or_default().split(' ');
    let (name, version) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let mut stanza = format!("Package: {name}\nVersion: {version}\n");
    let mut given = Vec::new();
    for field in parts {
        stanza += &format!("{}\n", field.replace('↵', "\n "));
        given.push(field.split(':').next().unwrap_or_default());
    }
    let file = version.replace(':', "%3a");
    for (field, value) in [
        ("Architecture", "amd64".to_owned()),
        ("Filename", format!("pool/{name}_{file}_amd64.deb")),
        ("Size", "1000".to_owned()),
        ("SHA256", Digest::of(format!("{name} {version}")).hex()),
    ] {
        if !given.contains(&field) {
            stanza += &format!("{field}: {value}\n");
        }
    }
    stanza
}

/// An index for amd64 of pockets: name, priority and packages of each.
pub(crate) fn index_of(pockets: &[(&str, i32, &str)]) -> PackageIndex {
    let mut index = PackageIndex::new("amd64");
    for (name, priority, lines) in pockets {
        let pocket = Pocket {
            name: (*name).to_owned(),
            priority: *priority,
        };
        index
            .add(packages_file(lines).into_bytes(), pocket)
            .unwrap_or_else(|error| panic!("{error}"));
    }
    index
}

/// An index for amd64 of one pocket, trixie.
pub(crate) fn trixie(lines: &str) -> PackageIndex {
    index_of(&[("trixie", 500, lines)])
}
