//! Ranges of versions as npm writes them in `engines` (node-semver, "Ranges"), asked for a major
//! version as a whole.

/// The most comparators of a range that are looked at.
const MAX_PARTS: usize = 100;

type Version = (u64, u64, u64);

/// Versions from the first on, and below the second.
type Interval = (Version, Version);

const END: Version = (u64::MAX, 0, 0);

/// Whether some version of this major one is in a range; nothing if it is not understood.
pub(crate) fn allows_major(range: &str, major: u32) -> Option<bool> {
    let major = u64::from(major);
    let wanted = ((major, 0, 0), (major + 1, 0, 0));
    let mut allows = false;
    for one in range.split("||").take(MAX_PARTS) {
        let (start, end) = conjunction(one)?;
        let (start, end) = (start.max(wanted.0), end.min(wanted.1));
        allows |= start < end;
    }
    Some(allows)
}

/// Comparators that must all hold, with blanks between them.
fn conjunction(text: &str) -> Option<Interval> {
    if let Some((low, high)) = text.split_once(" - ") {
        return Some((partial(low)?.0, partial(high)?.1));
    }
    let mut interval = ((0, 0, 0), END);
    let mut operator = "";
    for word in text.split_ascii_whitespace().take(MAX_PARTS) {
        // `>= 18` is `>=18`.
        if matches!(word, ">" | ">=" | "<" | "<=" | "=" | "^" | "~") {
            operator = word;
            continue;
        }
        let (start, end) = comparator(operator, word)?;
        operator = "";
        interval = (interval.0.max(start), interval.1.min(end));
    }
    Some(interval)
}

fn comparator(operator: &str, word: &str) -> Option<Interval> {
    let at = word.find(|c: char| !"<>=^~".contains(c))?;
    let operator = if operator.is_empty() {
        &word[..at]
    } else {
        operator
    };
    let (start, end) = partial(&word[at..])?;
    Some(match operator {
        "" | "=" => (start, end),
        ">=" => (start, END),
        ">" => (end, END),
        "<" => ((0, 0, 0), start),
        "<=" => ((0, 0, 0), end),
        // What may change: all behind the first number that is not 0. Node.js has no version 0
        // that anybody asks for.
        "^" | "~" | "~>" => (start, end.max((start.0 + 1, 0, 0))),
        _ => return None,
    })
}

/// `18`, `18.x`, `v18.2.1`, `*`: all versions that begin so.
fn partial(text: &str) -> Option<Interval> {
    let text = text.trim().trim_start_matches(['v', '=']);
    let text = text.split(['-', '+']).next()?;
    let mut numbers = Vec::new();
    for part in text.split('.') {
        if matches!(part, "x" | "X" | "*" | "") {
            break;
        }
        numbers.push(part.parse::<u32>().ok().map(u64::from)?);
    }
    Some(match numbers.as_slice() {
        [] => ((0, 0, 0), END),
        [major] => ((*major, 0, 0), (major + 1, 0, 0)),
        [major, minor] => ((*major, *minor, 0), (*major, minor + 1, 0)),
        [major, minor, patch] => ((*major, *minor, *patch), (*major, *minor, patch + 1)),
        _ => return None,
    })
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
