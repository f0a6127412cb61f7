//! Names that are like a mistyped one, for messages: here since every crate above offers some.

/// The most bytes of a name that others are compared with: no name that anything is known by is
/// longer.
const MAX_LENGTH: usize = 128;

/// The names that are like `wanted`, the most alike first, at most `limit`.
///
/// Alike are names at a small edit distance (of which two letters swapped are one step): a third of
/// the bytes of `wanted`, at least one and at most four. Names that begin with the whole of
/// `wanted`, if it has three bytes or more, come behind them.
pub fn nearest<'a>(
    wanted: &str,
    names: impl IntoIterator<Item = &'a str>,
    limit: usize,
) -> Vec<String> {
    if wanted.is_empty() || wanted.len() > MAX_LENGTH {
        return Vec::new();
    }
    let allowed = (wanted.len() / 3).clamp(1, 4);
    let mut found: Vec<(usize, usize, &str)> = Vec::new();
    for name in names {
        // Cheap, and true of nearly all of the tens of thousands of an archive.
        let is_far = name.len().abs_diff(wanted.len()) > allowed;
        let distance = match is_far {
            true => usize::MAX,
            false => strsim::osa_distance(wanted, name),
        };
        if distance <= allowed {
            found.push((distance, 0, name));
        } else if wanted.len() >= 3 && name.starts_with(wanted) {
            found.push((allowed + 1, name.len(), name));
        }
    }
    found.sort_unstable();
    found.dedup();
    found.truncate(limit);
    let names = found.into_iter().map(|(_, _, name)| name.to_owned());
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_come_best_first_and_far_ones_not_at_all() {
        let known = ["amd64", "arm64", "riscv64"];
        assert_eq!(nearest("amr64", known, 3), ["amd64", "arm64"]);
        assert_eq!(nearest("amr64", known, 1), ["amd64"]);
        assert_eq!(nearest("amd", known, 3), ["amd64"]);
        for far in ["sparc", "", "a", &"amd64".repeat(100)] {
            assert!(nearest(far, known, 3).is_empty(), "{far}");
        }
    }

    #[test]
    fn a_swap_is_one_step_and_a_name_comes_once() {
        let known = ["python3", "python3-minimal", "python3", "perl"];
        assert_eq!(nearest("pyhton3", known, 3), ["python3"]);
        assert_eq!(nearest("python", known, 3), ["python3", "python3-minimal"]);
        assert_eq!(nearest("prel", known, 3), ["perl"]);
    }
}
