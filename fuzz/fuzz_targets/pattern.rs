//! Patterns, one a line, and in the last line a path.

#![no_main]

use distil_fuzz::explain;
use distil_tree::Patterns;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let path = lines.pop().unwrap_or_default();
    let patterns = match Patterns::new(&lines) {
        Ok(patterns) => patterns,
        Err(error) => return explain(&error),
    };
    let matching = patterns.matching(&path);
    assert_eq!(patterns.any(&path), !matching.is_empty());
    assert!(matching.iter().all(|&place| place < patterns.texts().len()));
    assert_eq!(patterns.is_empty(), lines.is_empty());
});
