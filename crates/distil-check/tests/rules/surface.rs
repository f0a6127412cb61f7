//! What an attacker would find.

use super::base;
use crate::common::{has, names};
use distil_check::Severity::{Error, Info};
use distil_fixture::ElfBuilder;

#[test]
fn the_surface() {
    let elf = || ElfBuilder::executable().needed("libc.so.6");
    for (path, rule) in [
        ("usr/bin/bash", "shell"),
        ("usr/bin/apt-get", "package-manager"),
        ("usr/bin/gcc-14", "compiler"),
        ("usr/bin/x86_64-linux-gnu-ld.bfd", "compiler"),
        ("usr/bin/perl5.40", "interpreter"),
        ("usr/bin/gdb", "debugger"),
    ] {
        assert_eq!(
            names(&base().program(path, elf().build())),
            [rule],
            "{path}"
        );
    }
    let shell = elf()
        .payload("\0OPTIND=1\0getopts\0unalias\0PS4\0ulimit\0")
        .build();
    assert_eq!(names(&base().program("app/innocent", shell)), ["shell"]);
    let applets = |list: &str| {
        elf()
            .payload(format!("BusyBox v1.37\0[\0[[\0{list}\0\0"))
            .build()
    };
    let busybox = base()
        .program("x", applets("ash\0wget"))
        .link("usr/bin/dpkg", "/x")
        .link("usr/bin/wget", "/x");
    assert_eq!(names(&busybox), ["shell"]);
    assert_eq!(
        names(&base().program("x", applets("cat\0wget"))),
        ["toolbox"]
    );
    // As of trixie, the list comes right behind other bytes.
    let newer = |payload: &str| elf().payload(payload).build();
    let listed = newer("BusyBox v1.37\0 [\0[[\0sh\0wget\0\0");
    assert_eq!(names(&base().program("x", listed)), ["shell"]);
    // Where there is no list, links tell, and what they say counts for all of them.
    let linked = base()
        .program("x", newer("BusyBox v1.37\0"))
        .link("usr/bin/awk", "/x")
        .link("usr/bin/sh", "/x");
    assert_eq!(names(&linked), ["shell"]);
    assert_eq!(linked.findings()[0].others.len(), 2);
    // By its name alone, with a link that is called like something else.
    let plain = base()
        .program("busybox/busybox", "")
        .link("usr/bin/rpm", "/busybox/busybox");
    assert_eq!(names(&plain), ["shell"]);
    assert_eq!(names(&base().file("x", "").mode("x", 0o4755)), ["setuid"]);
    assert_eq!(
        names(&base().file("x", "").mode("x", 0o666)),
        ["world-writable"]
    );
    assert_eq!(names(&base().folder("var", 0o777)), ["world-writable"]);
    let capability = base().program("x", elf().build()).pax(
        "x",
        "SCHILY.xattr.security.capability",
        b"\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    );
    assert!(has(&capability, "file-capability", Error, ""));
    assert_eq!(names(&base().fifo("x")), ["device"]);
}

#[test]
fn what_may_be_the_runtime_is_no_fault_beside_what_is_missing() {
    let perl = || {
        let elf = ElfBuilder::executable().needed("libc.so.6");
        base().program("usr/bin/perl", elf.build())
    };
    assert!(has(&perl(), "interpreter", Error, ""));
    let nothing = perl().entrypoint(&["plackup"]);
    assert!(has(&nothing, "program-missing", Error, ""));
    assert!(has(&nothing, "interpreter", Info, ""));
    let moved = perl().program("app/run", "#!/venv/bin/perl\n");
    assert!(has(&moved, "script-interpreter", Error, ""));
    assert!(has(&moved, "interpreter", Info, ""));
    let env = perl()
        .program("usr/bin/env", ElfBuilder::executable().build())
        .program("app/run", "#!/usr/bin/env perl5\n");
    assert!(has(&env, "interpreter", Info, ""));
}

#[test]
fn scripts_that_have_to_do_with_a_program() {
    let script = "#!/app/run\n";
    let image = base()
        .program("etc/cron.daily/dpkg", script)
        .program("usr/share/bug/dpkg", script);
    assert_eq!(names(&image), [""; 0]);
    let dnf = base().program("usr/bin/dnf", script);
    assert_eq!(names(&dnf), ["package-manager"]);
}

#[test]
fn toolboxes_by_what_they_say() {
    let elf = |words: &str| {
        ElfBuilder::executable()
            .needed("libc.so.6")
            .payload(words)
            .build()
    };
    let toybox = base().program("app/x", elf("usage: toybox [--long | --help | --version]"));
    assert_eq!(names(&toybox), ["toolbox"]);
    // However large a program is.
    let padding = "x".repeat(9 << 20);
    let large = format!("{padding}\0OPTIND=1\0getopts\0unalias\0PS4\0ulimit\0");
    assert_eq!(names(&base().program("app/x", elf(&large))), ["shell"]);
    // What a library has of it is no shell.
    let library = ElfBuilder::shared("libreadline.so.8").payload("\0OPTIND=1\0getopts\0");
    assert!(names(&base().file("usr/lib/libreadline.so.8", library.build())).is_empty());
}
