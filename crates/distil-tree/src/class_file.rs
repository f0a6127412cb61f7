//! Which Java a class file is for (The Java Virtual Machine Specification, 4.1; JEP 238).

/// The version of a class file, by its first eight bytes; none if they are not those of one.
pub fn version(head: &[u8]) -> Option<u16> {
    let version = head.get(6..8)?.try_into().ok()?;
    head.starts_with(&[0xca, 0xfe, 0xba, 0xbe])
        .then(|| u16::from_be_bytes(version))
}

/// The latest version of class files that a Java runs: Java 8 has version 52, and each release since
/// one more.
pub fn highest(java: u32) -> u16 {
    u16::try_from(java.saturating_add(44)).unwrap_or(u16::MAX)
}

/// The first Java that runs class files of a version.
pub fn java(version: u16) -> u32 {
    u32::from(version.saturating_sub(44))
}

/// Whether a Java loads a class from a jar, by the name of the entry: those in `META-INF/versions/N`
/// are for N and later.
pub fn is_for(name: &[u8], java: u32) -> bool {
    let Some(rest) = name.strip_prefix(b"META-INF/versions/") else {
        return true;
    };
    let number = rest.split(|&byte| byte == b'/').next().unwrap_or_default();
    let number = std::str::from_utf8(number)
        .ok()
        .and_then(|text| text.parse::<u32>().ok());
    number.is_some_and(|number| number <= java)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_of_releases() {
        assert_eq!(version(b"\xca\xfe\xba\xbe\0\0\0\x41more"), Some(65));
        for head in [
            &b"\xca\xfe\xba\xbe\0\0\0"[..],
            b"\xca\xfe\xba\xbf\0\0\0\x41",
        ] {
            assert_eq!(version(head), None);
        }
        assert_eq!(
            (highest(21), java(65), highest(u32::MAX)),
            (65, 21, u16::MAX)
        );
        assert!(is_for(b"a/B", 8) && is_for(b"META-INF/versions/9/a/B", 11));
        assert!(!is_for(b"META-INF/versions/21/a/B", 17));
        assert!(!is_for(b"META-INF/versions/x/a/B", 17));
    }
}
