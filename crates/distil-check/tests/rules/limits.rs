//! What is too large to be looked at is never passed over in silence.

use super::{base, python};
use crate::common::{has, names, zip};
use distil_check::Severity::Error;

#[test]
fn documents() {
    let large = " ".repeat((4 << 20) + 1);
    for path in [
        "etc/passwd",
        "etc/ssl/certs/ca-certificates.crt",
        "venv/pyvenv.cfg",
        "usr/lib/python3.13/site-packages/x.dist-info/WHEEL",
    ] {
        let image = python().file(path, &large);
        assert!(has(&image, "not-examined", Error, ""), "{path}");
        let small = python().file(path, &large[..200]);
        assert!(
            !names(&small).contains(&"not-examined".to_owned()),
            "{path}"
        );
    }
}

#[test]
fn archives() {
    // The list says that there are more entries than anybody looks at.
    let mut many = zip(&[("a.class", b"\xca\xfe\xba\xbe\0\0\0\x34")]);
    let end = many.len() - 22;
    many.truncate(end);
    many.extend(b"PK\x06\x06\x2c\0\0\0\0\0\0\0");
    many.extend([0; 12]);
    many.extend(1_000_000_u64.to_le_bytes());
    many.extend(1_000_000_u64.to_le_bytes());
    many.extend([0; 16]);
    many.extend(b"PK\x06\x07\0\0\0\0");
    many.extend((end as u64).to_le_bytes());
    many.extend(
        b"\x01\0\0\0PK\x05\x06\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0",
    );
    let java = |jar: &[u8]| {
        base()
            .file("usr/lib/jvm/x/release", "JAVA_VERSION=\"21\"\n")
            .file("app/a.jar", jar)
    };
    assert!(has(&java(&many), "not-examined", Error, ""));
    // Jars in jars in jars.
    let mut nested = zip(&[("x", b"")]);
    for depth in 1..=6 {
        nested = zip(&[("in.jar", &nested)]);
        let is_told = names(&java(&nested)).contains(&"not-examined".to_owned());
        assert_eq!(is_told, depth > 4, "{depth}");
    }
}
