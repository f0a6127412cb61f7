//! Ranges of versions as npm writes them in `engines`, asked for a major version as a whole.

use nodejs_semver::Range;

/// The longest range that is looked at, in bytes; those of packages have some ten.
const MAX_LENGTH: usize = 1000;

/// Whether some version of this major one is in a range; nothing if it is not understood.
pub(crate) fn allows_major(range: &str, major: u32) -> Option<bool> {
    if range.len() > MAX_LENGTH {
        return None;
    }
    let range = Range::parse(range).ok()?;
    let wanted = Range::parse(format!("{major}.x")).ok()?;
    Some(range.allows_any(&wanted))
}

#[cfg(test)]
mod tests {
    use super::allows_major;

    #[test]
    fn ranges() {
        let allowed = [
            ">=18",
            ">= 18.12.0",
            "20",
            "20.x",
            "^20.9.0",
            "~20.1",
            "18 || 20",
            "18 - 22",
            "*",
            "",
            ">=18 <21",
            ">19",
            "<=20",
            "v20.1.0",
            ">=16.0.0 <=20.x",
        ];
        for range in allowed {
            assert_eq!(allows_major(range, 20), Some(true), "{range}");
        }
        for range in [
            ">=21", "18", "^18.0.0", "18 || 22", "<20", ">=18 <19", ">20", "12 - 18", "~18.1",
        ] {
            assert_eq!(allows_major(range, 20), Some(false), "{range}");
        }
        for range in ["latest", "lts/*", "1.2.3.4.5", ">="] {
            assert_ne!(allows_major(range, 20), Some(false), "{range}");
        }
    }
}
