//! `/usr/lib/os-release` (os-release(5)): what scanners know the distribution by, and people
//! the image.

use distil_debian::suite::Suite;
use distil_tree::TreePath;

use crate::generation::{GenerateError, Generation, OS_RELEASE as WHAT};

pub(super) fn generate(generation: &mut Generation<'_>) -> Result<(), GenerateError> {
    let path = TreePath::of("usr/lib/os-release");
    if generation.tree.get(&path).is_none() {
        return Ok(());
    }
    let text = text(generation.suite);
    generation.file(WHAT, &path, text.into_bytes())
}

/// base-files of a suite that is not released yet names no version, without which a scanner
/// finds nothing; so the suite says it.
fn text(suite: Suite) -> String {
    let lines = suite.distribution.os_release;
    let lines = lines.replace("{version}", suite.version);
    let lines = lines.replace("{codename}", suite.codename);
    let lines = lines.replace("{title}", suite.title);
    format!("PRETTY_NAME=\"Distroless\"\n{lines}")
}
