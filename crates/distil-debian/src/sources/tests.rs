//! Entries as people's machines have them, and which of them are mirrors of Debian.

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::distribution::DEBIAN;

fn parse(text: &str, format: Format) -> Sources {
    let mut sources = Sources::default();
    sources.parse(text, Path::new("/test"), format);
    sources
}

fn one_line(text: &str) -> Sources {
    parse(text, Format::OneLine)
}

fn deb822(text: &str) -> Sources {
    parse(text, Format::Deb822)
}

/// The entry of a text that has one, all of it understood.
fn only(sources: Sources) -> Source {
    assert_eq!(sources.warnings, []);
    let [source] = &sources.sources[..] else {
        panic!("{sources:?}");
    };
    source.clone()
}

fn warnings(sources: &Sources) -> Vec<String> {
    sources.warnings.iter().map(ToString::to_string).collect()
}

/// The mirrors of both archives in the one-line entries.
fn mirrors(text: &str) -> (Vec<String>, Vec<String>) {
    let sources = one_line(text);
    assert_eq!(sources.warnings, []);
    let mirrors = own_mirrors(&sources.sources, &DEBIAN);
    (mirrors.main, mirrors.security)
}

#[test]
fn reads_lines() {
    let source = only(one_line(
        "# a comment\n\n\
         deb [ arch=amd64,arm64 signed-by=/k/a.gpg,/k/b.gpg lang=de trusted=no ] \
         http://mirror.example/debian/ trixie main contrib # another\n",
    ));
    let expected = Source {
        types: vec![SourceType::Binary],
        uris: vec!["http://mirror.example/debian/".to_owned()],
        suites: vec!["trixie".to_owned()],
        components: vec!["main".to_owned(), "contrib".to_owned()],
        architectures: vec!["amd64".to_owned(), "arm64".to_owned()],
        signed_by: vec![
            SignedBy::File("/k/a.gpg".into()),
            SignedBy::File("/k/b.gpg".into()),
        ],
        check_valid_until: true,
        enabled: true,
        trusted: Some(false),
        file: "/test".into(),
        line: 3,
    };
    assert_eq!(source, expected);

    let source = only(one_line("deb-src\thttps://mirror.example/x  sid\tmain"));
    assert_eq!(source.types, [SourceType::Source]);
    assert_eq!(source.components, ["main"]);
    assert_eq!(source.trusted, None);
}

#[test]
fn lines_may_be_odd() {
    let flat = only(one_line("deb file:/srv/repo ./"));
    assert_eq!(
        (flat.suites, flat.components),
        (vec!["./".to_owned()], vec![])
    );
    let quoted = only(one_line("deb \"file:/srv/my repo\" sid main"));
    assert_eq!(quoted.uris, ["file:/srv/my repo"]);
    let fingerprint = "b8b80b5b623eab6ad8775c45b7c5d7d6350947f8";
    let signed = only(one_line(&format!(
        "deb [signed-by={fingerprint}!] http://mirror.example/ sid main"
    )));
    assert_eq!(
        signed.signed_by,
        [SignedBy::Fingerprint(format!(
            "{}!",
            fingerprint.to_uppercase()
        ))]
    );
    // The installer's disc, with blanks and a `#` in its name.
    let disc = "deb cdrom:[Debian 13 _Trixie_ - DVD #1]/ trixie main contrib";
    assert_eq!(one_line(disc), Sources::default());
    assert_eq!(one_line("   \n#deb x\n\t# y\n"), Sources::default());
}

#[test]
fn lines_that_are_not_understood_are_told() {
    for (line, why) in [
        (
            "rpm http://mirror.example/ x main",
            "/test:1: `rpm` is neither `deb` nor `deb-src`",
        ),
        ("deb", "/test:1: the URI is missing"),
        (
            "deb http://mirror.example/",
            "/test:1: the suite is missing",
        ),
        (
            "deb http://mirror.example/ sid",
            "/test:1: no component of `sid` is named",
        ),
        (
            "deb http://mirror.example/ ./ main",
            "/test:1: `./` is a flat repository, which has no components",
        ),
        (
            "deb [arch=amd64 http://mirror.example/ sid main",
            "/test:1: the `[` of the options is not closed",
        ),
        (
            "deb [x] http://mirror.example/ sid main",
            "/test:1: the option `x` has no value",
        ),
        (
            "deb [signed-by=key] http://mirror.example/ sid main",
            "/test:1: `key` is neither a path nor a fingerprint",
        ),
        (
            "deb mirror.example sid main",
            "/test:1: `mirror.example` is not a URI",
        ),
        (
            "deb mirror+file:/etc/apt/mirrors.txt sid main",
            "/test:1: the transport of `mirror+file:/etc/apt/mirrors.txt` is not supported",
        ),
        (
            "deb tor+http://me:secret@mirror.example/debian sid main",
            "/test:1: the transport of `tor+http://…@mirror.example/debian` is not supported",
        ),
        ("\u{7}", "/test:1: `\\u{7}` is neither `deb` nor `deb-src`"),
    ] {
        let good = "deb http://mirror.example/good sid main";
        let sources = one_line(&format!("{line}\n{good}\n"));
        assert_eq!(warnings(&sources), [why]);
        assert_eq!(sources.sources.len(), 1, "{line}");
    }
}

#[test]
fn reads_paragraphs() {
    let source = only(deb822(
        "# head\n\n# of the paragraph\nTypes: deb deb-src\n\
         URIs: http://mirror.example/debian\n# between\n  https://mirror.example/second\n\
         suites: trixie trixie-updates\nComponents:\n main\n non-free-firmware\n\
         Architectures: amd64\nSigned-By: /usr/share/keyrings/x.pgp /k/y.asc\n\
         X-Repolib-Name: x\n",
    ));
    let expected = Source {
        types: vec![SourceType::Binary, SourceType::Source],
        uris: vec![
            "http://mirror.example/debian".to_owned(),
            "https://mirror.example/second".to_owned(),
        ],
        suites: vec!["trixie".to_owned(), "trixie-updates".to_owned()],
        components: vec!["main".to_owned(), "non-free-firmware".to_owned()],
        architectures: vec!["amd64".to_owned()],
        signed_by: vec![
            SignedBy::File("/usr/share/keyrings/x.pgp".into()),
            SignedBy::File("/k/y.asc".into()),
        ],
        check_valid_until: true,
        enabled: true,
        trusted: None,
        file: "/test".into(),
        line: 4,
    };
    assert_eq!(source, expected);
}

const PARAGRAPH: &str =
    "Types: deb\nURIs: http://mirror.example/debian\nSuites: sid\nComponents: main\n";

#[test]
fn paragraphs_may_be_switched_off_or_trusted() {
    for (value, boolean) in [
        ("no", false),
        ("False", false),
        ("off", false),
        ("yes", true),
        ("?", true),
    ] {
        let source = only(deb822(&format!("{PARAGRAPH}Enabled: {value}\n")));
        assert_eq!(source.enabled, boolean, "{value}");
    }
    for (value, trusted) in [("yes", Some(true)), ("no", Some(false)), ("maybe", None)] {
        let source = only(deb822(&format!("{PARAGRAPH}Trusted: {value}\n")));
        assert_eq!(source.trusted, trusted);
    }
}

#[test]
fn a_keyring_may_stand_in_a_paragraph() {
    let source = only(deb822(&format!(
        "{PARAGRAPH}Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mDME\n \
         -----END PGP PUBLIC KEY BLOCK-----\n"
    )));
    let [SignedBy::Keyring(keyring)] = &source.signed_by[..] else {
        panic!("{source:?}");
    };
    assert_eq!(
        keyring.trim_start(),
        "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDME\n-----END PGP PUBLIC KEY BLOCK-----\n"
    );
}

#[test]
fn paragraphs_that_are_not_understood_are_told() {
    for (paragraph, why) in [
        (
            "URIs: http://mirror.example/\n",
            "/test:3: the field `Types` is missing or empty",
        ),
        (
            "Types: deb\n",
            "/test:3: the field `URIs` is missing or empty",
        ),
        (
            "Types:\nURIs: x\n",
            "/test:3: the field `Types` is missing or empty",
        ),
        (
            "Types: deb\nURIs: http://mirror.example/\n",
            "/test:3: the field `Suites` is missing or empty",
        ),
        (
            "Types: deb\nURIs: http://mirror.example/\nSuites: sid\n",
            "/test:3: no component of `sid` is named",
        ),
        (
            "Types: deb rpm\n",
            "/test:3: `rpm` is neither `deb` nor `deb-src`",
        ),
        (
            "Types: deb\nTypes: deb\n",
            "/test: the field `Types` at line 4 stands there already",
        ),
        (
            "nonsense\n",
            "/test: line 3 is neither `Name: value` nor the continuation of a field: `nonsense`",
        ),
        (
            "Types: deb\nURIs: mirror:http://mirror.example/x\nSuites: sid\nComponents: main\n",
            "/test:3: the transport of `mirror:http://mirror.example/x` is not supported",
        ),
    ] {
        let sources = deb822(&format!("# x\n\n{paragraph}\n\n{PARAGRAPH}"));
        assert_eq!(warnings(&sources), [why]);
        assert_eq!(sources.sources.len(), 1, "{paragraph}");
    }
    let flat = "Types: deb\nURIs: file:/srv/repo\nSuites: ./\n";
    assert_eq!(only(deb822(flat)).suites, ["./"]);
}

#[test]
fn reads_a_directory_in_apts_order() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    assert_eq!(Sources::read(path), Sources::default());
    assert_eq!(Sources::read(&path.join("none")), Sources::default());

    let line = |name: &str| format!("deb http://mirror.example/{name} sid main\r\n");
    let paragraph = PARAGRAPH.replace("debian", "2");
    let parts = path.join("sources.list.d");
    fs::create_dir(&parts).unwrap();
    fs::write(path.join("sources.list"), line("0")).unwrap();
    fs::write(parts.join("b.list"), line("3")).unwrap();
    fs::write(parts.join("B.list"), line("1")).unwrap();
    fs::write(parts.join("a.sources"), paragraph).unwrap();
    for name in [
        "c.list~",
        "c.list.save",
        ".c.list",
        "c d.list",
        "list",
        "c.txt",
        "é.list",
    ] {
        fs::write(parts.join(name), line("no")).unwrap();
    }
    let sources = Sources::read(path);
    let uris: Vec<_> = sources
        .sources
        .iter()
        .flat_map(|source| &source.uris)
        .collect();
    let expected = ["0", "1", "2", "3"].map(|name| format!("http://mirror.example/{name}"));
    assert_eq!(uris, expected.iter().collect::<Vec<_>>());
    assert_eq!(sources.warnings, []);
    assert_eq!(sources.sources[2].file, parts.join("a.sources"));

    fs::write(parts.join("b.list"), b"\xff").unwrap();
    let large = usize::try_from(MAX_FILE_SIZE).unwrap() + 1;
    fs::write(parts.join("B.list"), "#".repeat(large)).unwrap();
    fs::create_dir(parts.join("c.list")).unwrap();
    let sources = Sources::read(path);
    assert_eq!(sources.sources.len(), 2);
    let told = warnings(&sources);
    assert!(
        told[0].ends_with("B.list: the file is larger than 1 MiB"),
        "{told:?}"
    );
    assert!(
        told[1].ends_with("b.list: the file is not UTF-8"),
        "{told:?}"
    );
    assert!(told[2].contains("c.list: "), "{told:?}");
    assert_eq!(told.len(), 3);
}

#[test]
fn debians_suites_make_a_mirror() {
    let main = [
        "bookworm",
        "trixie",
        "forky",
        "sid",
        "stable",
        "testing",
        "trixie-updates",
        "trixie-backports",
        "bookworm-backports-sloppy",
        "trixie-proposed-updates",
        "experimental",
        "proposed-updates",
        "stable-proposed-updates",
    ];
    let security = ["bookworm-security", "stable-security", "buster/updates"];
    let neither = [
        "nodistro",
        "cloud-sdk-bookworm",
        "bookworm-pgdg",
        "noble",
        "bookworm-",
        "-security",
        "./",
        "xbookworm",
        "bookworm-updates-updates",
        "kali-rolling",
        "bookworm-foo",
    ];
    let found = |suite: &str| {
        let components = if suite.ends_with('/') { "" } else { "main" };
        mirrors(&format!(
            "deb http://mirror.example/debian/ {suite} {components}"
        ))
    };
    let mirror = vec!["http://mirror.example/debian".to_owned()];
    for suite in main {
        assert_eq!(found(suite), (mirror.clone(), vec![]), "{suite}");
    }
    for suite in security {
        assert_eq!(found(suite), (vec![], mirror.clone()), "{suite}");
    }
    for suite in neither {
        assert_eq!(found(suite), (vec![], vec![]), "{suite}");
    }
}

#[test]
fn others_repositories_are_left_out() {
    for line in [
        "deb http://download.example/linux/debian bookworm stable",
        "deb http://download.example/raspbian bookworm main rpi",
        "deb [signed-by=/usr/share/keyrings/vendor.gpg] http://vendor.example/debian bookworm main",
        "deb [signed-by=/usr/share/keyrings/debian-ports-archive-keyring.gpg] http://mirror.example/ports sid main",
        "deb [trusted=yes] file:/srv/repo bookworm main",
        "deb-src http://mirror.example/debian bookworm main",
        "deb http://mirror.example/$(ARCH) bookworm main",
        "deb [signed-by=1111111111111111111111111111111111111111] http://vendor.example/ sid main",
    ] {
        assert_eq!(mirrors(line), (vec![], vec![]), "{line}");
    }
    let off = deb822(&format!("{PARAGRAPH}Enabled: no\n"));
    assert_eq!(own_mirrors(&off.sources, &DEBIAN), AptMirrors::default());
}

#[test]
fn mirrors_with_debians_keyring_come_first_and_each_once() {
    let found = mirrors(
        "deb http://mirror.example/old trixie main\n\
         deb http://mirror.example/old/ trixie-updates main\n\
         deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example/debian/ trixie main contrib\n\
         deb [signed-by=/usr/share/keyrings/debian-archive-keyring.pgp] https://mirror.example/security trixie-security main\n\
         deb http://mirror.example/old trixie-security main\n",
    );
    let urls = |names: [&str; 2]| names.map(str::to_owned).to_vec();
    assert_eq!(
        found,
        (
            urls(["http://mirror.example/debian", "http://mirror.example/old"]),
            urls([
                "https://mirror.example/security",
                "http://mirror.example/old"
            ]),
        )
    );
}

#[test]
fn debians_keys_are_known_under_any_name() {
    let debian = include_bytes!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/keyrings/debian-archive-trixie-stable.pgp"
    ));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mirror.gpg");
    let line = format!(
        "deb [signed-by={}] http://mirror.example/debian sid main",
        path.display()
    );
    assert_eq!(mirrors(&line).0.len(), 0);
    fs::write(&path, debian).unwrap();
    assert_eq!(mirrors(&line).0.len(), 1);
    fs::write(&path, "something else").unwrap();
    assert_eq!(mirrors(&line).0.len(), 0);

    // A subkey of trixie's automatic key, in full and as a key ID.
    for fingerprint in [
        "b8e5f13176d2a7a75220028078dba3bc47ef2265",
        "78DBA3BC47EF2265!",
    ] {
        let line = format!("deb [signed-by={fingerprint}] http://mirror.example/debian sid main");
        assert_eq!(mirrors(&line).0.len(), 1, "{fingerprint}");
    }
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(
        text in "(deb|deb-src|\\[|\\]|arch=|signed-by=|Types: |URIs: |http://x|main|sid|[ -~]|é| |\n|#){0,40}",
    ) {
        for format in [Format::OneLine, Format::Deb822] {
            let sources = parse(&text, format);
            own_mirrors(&sources.sources, &DEBIAN);
        }
    }
}
