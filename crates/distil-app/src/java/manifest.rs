//! The main section of a jar's manifest (JAR File Specification, "JAR Manifest").

use super::error::JarError;

/// How long a line may be, in bytes.
const MAX_LINE: usize = 72;

/// The attributes of a jar as a whole, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    attributes: Vec<(String, String)>,
}

impl Manifest {
    /// Reads the main section, which an empty line ends; what is said of single entries is not read.
    ///
    /// # Errors
    /// If a line has no name, or the manifest is not UTF-8.
    pub fn parse(bytes: &[u8]) -> Result<Self, JarError> {
        let wrong = |line: &str, what: &str| {
            let shown: String = line.chars().take(60).collect();
            JarError::Manifest(format!("the line `{}` {what}", shown.escape_debug()))
        };
        let mut lines: Vec<Vec<u8>> = Vec::new();
        let mut rest = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        while !rest.is_empty() {
            let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
            let (line, after) = rest.split_at(end);
            rest = after
                .strip_prefix(b"\r\n")
                .or_else(|| after.get(1..))
                .unwrap_or_default();
            match (line.strip_prefix(b" "), lines.last_mut()) {
                _ if line.is_empty() => break,
                (Some(more), Some(last)) => last.extend(more),
                _ => lines.push(line.to_vec()),
            }
        }
        let mut attributes: Vec<(String, String)> = Vec::new();
        for line in lines {
            let line = String::from_utf8(line).map_err(|error| {
                wrong(&String::from_utf8_lossy(error.as_bytes()), "is not UTF-8")
            })?;
            let Some((name, value)) = line.split_once(':') else {
                return Err(wrong(&line, "has no colon"));
            };
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            if name.is_empty() || !name.bytes().all(is_name) {
                return Err(wrong(&line, "does not begin with a name"));
            }
            let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
            // Of one name that is there twice, Java takes the last.
            attributes.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            attributes.push((name.to_owned(), value));
        }
        Ok(Self { attributes })
    }

    /// The value of an attribute, without spaces around it; none if it is empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        let (_, value) = attributes.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value.trim()).filter(|value| !value.is_empty())
    }

    /// Sets the value of an attribute, at the end if it is new.
    pub(super) fn set(&mut self, name: &str, value: String) {
        let mut attributes = self.attributes.iter_mut();
        match attributes.find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, known)) => *known = value,
            None => self.attributes.push((name.to_owned(), value)),
        }
    }

    /// Removes an attribute.
    pub(super) fn remove(&mut self, name: &str) {
        self.attributes
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    /// The manifest as it is written: its version first, and long lines folded.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        const VERSION: &str = "Manifest-Version";
        let version = self.get(VERSION).unwrap_or("1.0");
        let mut bytes = Vec::new();
        let others = self.attributes.iter();
        let others = others.filter(|(name, _)| !name.eq_ignore_ascii_case(VERSION));
        let others = others.map(|(name, value)| format!("{name}: {value}"));
        for line in [format!("{VERSION}: {version}")].into_iter().chain(others) {
            let mut length = 0;
            for character in line.chars() {
                let mut buffer = [0; 4];
                let encoded = character.encode_utf8(&mut buffer).as_bytes();
                if length + encoded.len() > MAX_LINE {
                    bytes.extend(b"\r\n ");
                    length = 1;
                }
                length += encoded.len();
                bytes.extend(encoded);
            }
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"\r\n");
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_folded_and_names_have_no_case() {
        let text = "Manifest-Version: 1.0\r\nmain-class: com.exam\r\n ple.Main\r\nClass-Path:  a.jar b.jar \nEmpty:\rLast: x\n\nName: a/B.class\nSealed\n";
        let manifest = Manifest::parse(text.as_bytes()).unwrap();
        assert_eq!(manifest.get("Main-Class"), Some("com.example.Main"));
        assert_eq!(manifest.get("class-path"), Some("a.jar b.jar"));
        assert_eq!(manifest.get("Last"), Some("x"));
        assert_eq!(
            (manifest.get("Empty"), manifest.get("Sealed")),
            (None, None)
        );
    }

    #[test]
    fn what_is_written_is_read() {
        let mut manifest = Manifest::parse(b"Created-By: x\nManifest-Version: 1.0\nA: 1").unwrap();
        let long = "lib/ü.jar ".repeat(40).trim().to_owned();
        manifest.set("Class-Path", long.clone());
        manifest.set("created-by", "y".to_owned());
        manifest.remove("a");
        let bytes = manifest.to_bytes();
        let text = std::str::from_utf8(&bytes).unwrap();
        assert!(
            text.starts_with("Manifest-Version: 1.0\r\nCreated-By: y\r\n"),
            "{text}"
        );
        assert!(text.lines().all(|line| line.len() <= MAX_LINE), "{text}");
        let again = Manifest::parse(&bytes).unwrap();
        assert_eq!(again.get("Class-Path"), Some(long.as_str()));
        assert_eq!(again.get("A"), None);
    }

    #[test]
    fn what_is_none_is_told() {
        let said = [&b"Main-Class"[..], b": x", b"a b: x", b"A: \xff", b" x: y"];
        let said = said.map(|bytes| Manifest::parse(bytes).unwrap_err().to_string());
        insta::assert_snapshot!(said.join("\n"));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            if let Ok(manifest) = Manifest::parse(&bytes) {
                let again = Manifest::parse(&manifest.to_bytes()).unwrap();
                for (name, _) in &manifest.attributes {
                    assert_eq!(manifest.get(name), again.get(name));
                }
            }
        }
    }
}
