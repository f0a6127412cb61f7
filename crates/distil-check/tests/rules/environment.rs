//! Time zones, locales.

use super::base;
use crate::common::{has, names};
use distil_check::Severity::{Info, Warning};

#[test]
fn the_environment() {
    assert!(has(
        &base().env("TZ", "Europe/Zurich"),
        "time-zone",
        Warning,
        ""
    ));
    let zone = base()
        .env("TZ", "Europe/Zurich")
        .file("usr/share/zoneinfo/Europe/Zurich", "TZif");
    assert!(names(&zone).is_empty());
    for zone in ["UTC", "CET-1CEST"] {
        assert!(names(&base().env("TZ", zone)).is_empty(), "{zone}");
    }
    assert!(has(&base().env("LANG", "C.UTF-8"), "locale", Warning, ""));
    assert!(
        names(
            &base()
                .env("LANG", "C.UTF-8")
                .folder("usr/lib/locale/C.utf8", 0o755)
        )
        .is_empty()
    );
    let link = base().link("etc/localtime", "/usr/share/zoneinfo/Europe/Zurich");
    assert!(has(&link, "time-zone", Info, "times are in UTC"));
    let there = link.file("usr/share/zoneinfo/Europe/Zurich", "TZif");
    assert!(names(&there).is_empty());
}
