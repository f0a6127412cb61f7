//! Pages of `distil report`, looked at in a browser: searched by keyboard, dark and light, narrow, large,
//! and of an image whose names would like to be programs.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use distil_live::{Context, Outcome, require};

use crate::sbom::tool;

/// Debian's package of this name has it.
const BROWSER: &str = "/usr/bin/chromium";

const HOSTILE: &str = "\
name: hostile
from: static
files:
  - {path: '/srv/<script>alert(1)</script>', text: x}
  - {path: '/srv/<img src=x onerror=alert(2)>', text: x}
  - {path: \"/srv/\\\"onclick=alert(3) \\u202egnp.exe\", text: x}
  - {path: \"/srv/javascript:alert(4)\", text: x}
config: {labels: {'<b onmouseover=alert(5)>': '</script><script>alert(6)</script>'}}
";

#[test]
fn pages_work_in_a_browser() {
    let Some(python) = tool("DISTIL_TEST_PYTHON") else {
        return;
    };
    if !Path::new(BROWSER).is_file() {
        require::missing("chromium is not installed");
        return;
    }
    let context = Context::new();
    context.write("hostile.yaml", HOSTILE);
    let report = ["report", "base", "python3", "-o", "plain.html"];
    context.distil(report).success();
    let report = ["report", "hostile.yaml", "-o", "hostile.html"];
    context.distil(report).success();
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live/programs/report.py");
    let mut command = Command::new(python);
    command
        .arg(program)
        .args(["plain.html", "hostile.html", "page.png"])
        .current_dir(context.folder());
    Outcome::of(&command, Duration::from_secs(240)).success();
    assert!(context.path("page.png").is_file());
}
