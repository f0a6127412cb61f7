//! The names of the directories in `node_modules/.pnpm` (`@pnpm/dependency-path`, `depPathToFilename`).

use distil_store::Digest;

/// The longest name, in UTF-16 units; longer ones are cut, and end in a digest of the whole. It is that of
/// pnpm 10 where nobody sets another.
const MAX_LENGTH: usize = 120;

/// How many digits of a digest a cut name ends in.
const DIGITS: usize = 32;

/// The directory of a package, by its key in the lock: `react-dom@18.3.1(react@18.3.1)` is in
/// `react-dom@18.3.1_react@18.3.1`.
pub(super) fn directory(key: &str) -> String {
    let key = key.strip_prefix('/').unwrap_or(key);
    let is_reserved = |character| "\\/:*?\"<>|#".contains(character);
    let mut name: String = key
        .chars()
        .map(|character| {
            if is_reserved(character) {
                '+'
            } else {
                character
            }
        })
        .collect();
    if name.contains('(') {
        if name.ends_with(')') {
            name.pop();
        }
        name = name.replace(")(", "_").replace(['(', ')'], "_");
    }
    let length = name.encode_utf16().count();
    // On file systems that know no case, two packages could have one directory.
    if length <= MAX_LENGTH && name == name.to_lowercase() {
        return name;
    }
    let digest = Digest::of(&name).hex();
    let digest: String = digest.chars().take(DIGITS).collect();
    let mut units = 0;
    let start: String = name
        .chars()
        .take_while(|character| {
            units += character.len_utf16();
            units < MAX_LENGTH - DIGITS
        })
        .collect();
    format!("{start}_{digest}")
}

#[cfg(test)]
mod tests {
    use super::directory;

    #[test]
    fn names_are_those_of_pnpm() {
        for (key, name) in [
            ("express@4.21.2", "express@4.21.2"),
            ("@fastify/static@8.0.3", "@fastify+static@8.0.3"),
            (
                "react-dom@18.3.1(react@18.3.1)",
                "react-dom@18.3.1_react@18.3.1",
            ),
            (
                "a@1.0.0(@b/c@2.0.0)(d@3.0.0(e@4.0.0))",
                "a@1.0.0_@b+c@2.0.0_d@3.0.0_e@4.0.0_",
            ),
        ] {
            assert_eq!(directory(key), name);
        }
        // A name with a capital letter, as pnpm 10 has it.
        let name = directory("JSONStream@1.3.5");
        assert_eq!(name.len(), "JSONStream@1.3.5_".len() + 32);
        let long = format!("a@1.0.0({})", "b@1.0.0".repeat(30));
        assert_eq!(directory(&long).len(), 120);
        assert!(directory(&long).starts_with("a@1.0.0_b@1.0.0b@"));
    }
}
