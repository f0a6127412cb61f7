//! Names that are like a mistyped one.

/// The names that are like `wanted`, the most alike first, at most `limit`.
///
/// Alike are names at a small edit distance (Damerau's, of adjacent letters swapped as one
/// step), and those that start with the whole of `wanted`.
pub fn nearest<'a>(
    wanted: &str,
    names: impl Iterator<Item = &'a str>,
    limit: usize,
) -> Vec<String> {
    // A longer text than any package's name cannot be near one.
    if wanted.is_empty() || wanted.len() > 128 {
        return Vec::new();
    }
    let allowed = (wanted.len() / 3).clamp(1, 4);
    let mut found: Vec<(usize, usize, &str)> = Vec::new();
    let mut rows = Rows::default();
    for name in names {
        let distance = if name.len().abs_diff(wanted.len()) <= allowed {
            rows.distance(wanted.as_bytes(), name.as_bytes())
        } else {
            usize::MAX
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
    found
        .into_iter()
        .map(|(_, _, name)| name.to_owned())
        .collect()
}

/// The last three rows of the distance table, kept to be used again.
#[derive(Default)]
struct Rows {
    before: Vec<usize>,
    previous: Vec<usize>,
    current: Vec<usize>,
}

impl Rows {
    /// The number of insertions, deletions, replacements and swaps from `left` to `right`.
    fn distance(&mut self, left: &[u8], right: &[u8]) -> usize {
        let width = right.len() + 1;
        for row in [&mut self.before, &mut self.previous, &mut self.current] {
            row.clear();
            row.extend(0..width);
        }
        for (i, &from) in left.iter().enumerate() {
            self.current[0] = i + 1;
            for (j, &to) in right.iter().enumerate() {
                let replaced = self.previous[j] + usize::from(from != to);
                let mut best = replaced
                    .min(self.previous[j + 1] + 1)
                    .min(self.current[j] + 1);
                if i > 0 && j > 0 && from == right[j - 1] && left[i - 1] == to {
                    best = best.min(self.before[j - 1] + 1);
                }
                self.current[j + 1] = best;
            }
            std::mem::swap(&mut self.before, &mut self.previous);
            std::mem::swap(&mut self.previous, &mut self.current);
        }
        self.previous[right.len()]
    }
}
