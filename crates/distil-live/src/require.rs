//! What happens when something that a test needs is not on this machine: where tests must run, the
//! test fails; elsewhere it is skipped, and says so where `cargo test` cannot swallow it.

use std::io::Write as _;

/// Whether a missing engine or tool fails the test: in CI, and under `./test`.
fn required() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    set("CI") || set("DISTIL_TEST_REQUIRE")
}

/// Whether the run may take long (`./test --long`): then tests look at everything of which they
/// otherwise look at what is farthest apart.
pub fn long() -> bool {
    std::env::var_os("DISTIL_TEST_LONG").is_some_and(|value| !value.is_empty())
}

/// Says that a test is skipped because `what` is missing, or fails it where nothing may be skipped.
#[track_caller]
pub fn missing(what: &str) {
    assert!(
        !required(),
        "{what}; run the tests by `./test`, which installs and starts it"
    );
    skipped(what);
}

/// Says that a test is skipped for lack of `what`, which no machine needs to have.
pub fn skipped(what: &str) {
    // Written past the capture of `cargo test`, which shows the output of failed tests only.
    let skipped = std::thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(std::io::stderr(), "SKIPPED {skipped}: {what}");
}
