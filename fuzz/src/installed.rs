//! What is read of packages whose scripts would make something of it: profiles of PAM, what packages
//! watch, and descriptions of types of files. The bounded runs
//! among the ordinary tests (crates/distil-image/tests/random.rs) include this file and do the same.

use distil_image::{mime_cache, pam_configurations, watched};

/// A profile of PAM and a template, with a line of `--` between them.
pub fn pam(text: &str) {
    let (profile, template) = text.split_once("\n--\n").unwrap_or((text, ""));
    for (configuration, note) in pam_configurations(profile, template) {
        let most = template.len() + 4 * profile.len() + 100;
        assert!(
            configuration.len() <= 2 * most && note.len() <= 2 * most,
            "what is made is larger than what it is made of"
        );
        assert!(
            template.contains("=end") || !configuration.contains("=end"),
            "{configuration:?}"
        );
        // Nothing of the template goes but what stands for modules.
        let plain = template.lines().filter(|line| !line.contains('$'));
        let mut written = configuration.lines().map(str::trim_end);
        for line in plain.map(str::trim_end) {
            assert!(written.any(|one| one == line), "{line:?} is lost");
        }
    }
}

/// The `triggers` of a package.
pub fn triggers(text: &str) {
    for (trigger, _) in watched(text) {
        assert!(!trigger.contains(char::is_whitespace), "{trigger:?}");
        let is_name = !trigger.contains('/') && !trigger.starts_with('.') && !trigger.is_empty();
        assert!(trigger.starts_with('/') || is_name, "{trigger:?}");
        assert!(!matches!(trigger.as_str(), "File" | "Unincorp" | "Lock"));
    }
    // It is read line by line: what is said twice is found twice.
    assert_eq!(
        watched(&format!("{text}\n{text}")).len(),
        2 * watched(text).len()
    );
}

/// A description of types of files.
pub fn mime(text: &str) {
    let cache = mime_cache(&[text]);
    assert_eq!(cache[..4], [0, 1, 0, 2]);
    assert!(
        cache.len() <= 40 * text.len() + 1000,
        "{} bytes",
        cache.len()
    );
    // Where its parts begin.
    for offset in cache[4..44].chunks(4) {
        let offset = u32::from_be_bytes(offset.try_into().expect("four bytes"));
        let offset = usize::try_from(offset).expect("a small number");
        assert!(offset % 4 == 0 && offset + 4 <= cache.len(), "{offset}");
    }
}
