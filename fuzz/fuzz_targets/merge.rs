//! Layers on top of one another, and what rules find in them: up to three tar archives in one input.

#![no_main]

use std::time::SystemTime;

use distil_check::{Config, Limits, Options, Subject, check, merge, read};
use distil_fuzz::{explain, mutate_archive};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_archive(data, size, max_size, seed)
});

const LIMITS: Limits = Limits {
    unpacked: 1 << 20,
    members: 1000,
    kept: 1 << 20,
    documents: 1 << 20,
};

fuzz_target!(|data: &[u8]| {
    // The same layers in a row: what one hides, the next may bring back.
    let part = (data.len() / 3).next_multiple_of(512).max(512);
    let mut diffs = Vec::new();
    for layer in data.chunks(part) {
        let zeros = [0; 1024];
        match read([layer, &zeros[..]].concat().as_slice(), LIMITS) {
            Ok(diff) => diffs.push(diff),
            Err(error) => explain(&error),
        }
    }
    let filesystem = match merge(diffs) {
        Ok(filesystem) => filesystem,
        Err(error) => return explain(&error),
    };
    for (path, _) in filesystem.tree.iter() {
        assert!(path.parts().all(|part| part != b".." && !part.is_empty()));
        let parent = path.parent().filter(|parent| !parent.is_root());
        let is_folder = parent.is_none_or(|parent| {
            let entry = filesystem.tree.get(&parent);
            entry.is_some_and(distil_tree::Entry::is_directory)
        });
        assert!(is_folder, "what holds {path} is a folder");
    }
    let config = Config {
        entrypoint: vec!["x".to_owned()],
        architecture: "amd64".to_owned(),
        ..Config::default()
    };
    let subject = Subject {
        filesystem: &filesystem,
        config: &config,
        runtimes: &[],
    };
    let options = Options {
        now: SystemTime::UNIX_EPOCH,
        package_of: &|_| None,
    };
    for finding in check(subject, options) {
        let text = format!("{}{:?}", finding.problem, finding.at_run_time);
        assert!(
            !text.contains('\u{1b}'),
            "a finding moves the terminal: {text:?}"
        );
    }
});
