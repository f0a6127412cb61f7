//! Who runs it, and what they may do.

use super::{base, libc};
use crate::common::{Image, has, names};
use distil_check::Severity::{Error, Info, Warning};

#[test]
fn users() {
    assert!(has(
        &base().user("app"),
        "user-unknown",
        Error,
        "unable to find user app: no matching entries in passwd file"
    ));
    assert!(has(
        &base().user("1:g"),
        "user-unknown",
        Error,
        "unable to find group g: no matching entries in group file"
    ));
    let named = base().user("app").file("etc/passwd", "app:x:7:7::/:/x\n");
    assert_eq!(names(&named), ["user-name"]);
    assert_eq!(names(&base().user("")), ["user-root"]);
    let closed = base().folder("app", 0o700);
    assert!(has(
        &closed,
        "not-reachable",
        Error,
        "exec: \"/app/run\": stat /app/run: permission denied"
    ));
    let own = base().folder("app", 0o700).owner("app", 65532);
    assert_eq!(names(&own), ["random-user"]);
    let volume = base().folder("data", 0o755).volume("/data");
    assert!(has(&volume, "not-writable", Warning, "Permission denied"));
    assert!(has(
        &base().folder("tmp", 0o755),
        "temporary-directory",
        Warning,
        ""
    ));
}

#[test]
fn root_by_any_name() {
    let toor = base().user("toor").file("etc/passwd", "toor:x:0:0::/:/x\n");
    assert_eq!(names(&toor), ["user-root", "user-name"]);
    assert!(!names(&base().user("7")).contains(&"user-root".to_owned()));
}

#[test]
fn each_reason_is_told() {
    let image = base()
        .folder("app", 0o700)
        .folder("opt", 0o700)
        .folder("opt/modules", 0o755)
        .env("PYTHONPATH", "/opt/modules");
    let count = |image: &Image| {
        let found = names(image);
        found.iter().filter(|name| *name == "not-reachable").count()
    };
    assert_eq!(count(&image), 2);
    assert_eq!(count(&image.clone().folder("opt", 0o755)), 1);
    let fine = image.folder("opt", 0o755).folder("app", 0o755);
    assert!(names(&fine).is_empty());
    let own = base().mode("app/run", 0o700);
    assert!(has(
        &own,
        "not-reachable",
        Error,
        "exec /app/run: permission denied"
    ));
    let probe = base()
        .program("probe/x", libc())
        .folder("probe", 0o700)
        .healthcheck(&["CMD", "/probe/x"]);
    assert!(has(&probe, "not-reachable", Error, "Permission denied"));
    assert!(names(&probe.folder("probe", 0o755)).is_empty());
}

#[test]
fn folders_to_write_to() {
    let open = |image: Image| image.owner("data", 65532).mode("data", 0o775);
    let volume = base().volume("/data");
    assert!(has(&volume, "not-writable", Warning, "Permission denied"));
    assert!(!names(&base().volume("/data").user("")).contains(&"not-writable".to_owned()));
    // Of the group 0, so that a random user may, too.
    let home = base().env("HOME", "/data").folder("data", 0o755);
    assert!(has(&home, "not-writable", Warning, "Permission denied"));
    let home = names(&open(home));
    assert!(!home.contains(&"not-writable".to_owned()), "{home:?}");
    let declared = base().writes("/data");
    let message = "No such file or directory";
    assert!(has(&declared, "not-writable", Warning, message));
    let closed = declared.folder("data", 0o755);
    assert!(has(&closed, "not-writable", Warning, "Permission denied"));
    assert!(has(&closed, "random-user", Info, "Permission denied"));
    let shared = closed.mode("data", 0o1777);
    assert!(names(&shared).is_empty(), "{:?}", names(&shared));
    let temporary = base().env("TMPDIR", "/scratch");
    assert!(has(&temporary, "not-writable", Warning, ""));
    let there = temporary.folder("scratch", 0o1777);
    assert!(names(&there).is_empty());
    let var = base().folder("var/tmp", 0o755);
    assert!(has(&var, "temporary-directory", Warning, ""));
    assert!(names(&base().folder("var/tmp", 0o1777)).is_empty());
}
