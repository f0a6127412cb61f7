use proptest::prelude::*;

use super::*;

fn read(text: &str) -> LibraryIndex {
    LibraryIndex::read(text.as_bytes()).unwrap()
}

#[test]
fn a_library_is_in_the_package_that_ships_it_where_the_loader_looks() {
    let index = read(
        "bin/bash   shells/bash\n\
         usr/lib/x86_64-linux-gnu/libpq.so\tlibdevel/libpq-dev\n\
         usr/lib/x86_64-linux-gnu/libpq.so.5      libs/libpq5\n\
         lib/x86_64-linux-gnu/libz.so.1 libs/zlib1g\n\
         usr/lib/debug/.dwz/libz.so.1 debug/zlib1g-dbg\n\
         usr/lib/x86_64-linux-gnu/libz.so.1.debug debug/zlib1g-dbg\n\
         lib64/ld-linux-x86-64.so.2 libs/libc6\n\
         usr/lib/x86_64-linux-gnu/blas/libblas.so.3 libs/libblas3\n\
         usr/lib/x86_64-linux-gnu/openblas-pthread/libblas.so.3 libs/libopenblas0-pthread\n\
         usr/lib/x86_64-linux-gnu/gtk/plugin.so libs/libgtk\n\
         usr/lib/x86_64-linux-gnu/a/b/libdeep.so.1 libs/libdeep1\n\
         usr/lib32/libz.so.2 libs/lib32z1\n\
         usr/share/a file with.so.1 in it doc/x\n\
         usr/lib/libdb-5.3.so contrib/libs/libdb5.3t64,non-free/libdevel/libdb5.3-dev\n",
    );
    for (soname, package) in [
        ("libpq.so.5", Some("libpq5")),
        ("libpq.so", Some("libpq-dev")),
        ("libz.so.1", Some("zlib1g")),
        ("ld-linux-x86-64.so.2", Some("libc6")),
        ("libblas.so.3", Some("libblas3")),
        ("libdb-5.3.so", Some("libdb5.3t64")),
        ("plugin.so", None),
        ("libdeep.so.1", None),
        ("libz.so.2", None),
        ("libz.so.1.debug", None),
        ("bash", None),
    ] {
        assert_eq!(index.package_of(soname), package, "{soname}");
    }
}

#[test]
fn the_package_to_take_comes_first() {
    let index = read(
        "usr/lib/libx.so.1 libdevel/libx-dev,oldlibs/libx1,web/xserver,libs/libx1-extra,libs/libx1t64\n\
         usr/lib/y/libx.so.1 libs/liby\n",
    );
    assert_eq!(
        index.packages_of("libx.so.1").collect::<Vec<_>>(),
        [
            "libx1t64",
            "libx1-extra",
            "xserver",
            "liby",
            "libx1",
            "libx-dev"
        ]
    );
}

#[test]
fn prose_before_the_list_and_what_is_no_line_are_passed_over() {
    let index = read(
        "This file maps each file available in the Debian system to\n\
         the package from which it originates: usr/lib/libno.so.1.\n\
         \n\
         FILE                                                    LOCATION\n\
         ./usr/lib/liba.so.1\t \tlibs/liba1\r\n\
         usr/lib/libb.so.1\n\
         usr/lib/libc.so.1 libs/UPPER,libs/,x\n\
         usr/lib/libd.so.1 libs/libd1",
    );
    assert_eq!(index.package_of("liba.so.1"), Some("liba1"));
    assert_eq!(index.package_of("libb.so.1"), None);
    assert_eq!(index.package_of("libc.so.1"), None);
    assert_eq!(index.package_of("libd.so.1"), Some("libd1"));
    assert!(read("").is_empty());
}

#[test]
fn a_line_has_a_bound_and_so_have_all() {
    let long = format!("{}/usr/lib/liba.so.1 libs/liba1\n", "x".repeat(1 << 20));
    let index = read(&format!("{long}usr/lib/libb.so.1 libs/libb1\n"));
    assert_eq!(index.package_of("libb.so.1"), Some("libb1"));
    let many: String = (0..2_000).map(|n| format!("libs/p{n},")).collect();
    let error = LibraryIndex::read(format!("usr/lib/liba.so.1 {many}\n").as_bytes());
    assert!(matches!(error, Err(LibraryIndexError::TooLarge)));
}

#[test]
fn suites_are_added_in_their_order() {
    let mut index = read("usr/lib/liba.so.1 libs/liba1\n");
    index.add(read(
        "usr/lib/liba.so.1 libs/liba1,libs/liba-other\nusr/lib/libb.so.1 libs/libb1\n",
    ));
    assert_eq!(
        index.packages_of("liba.so.1").collect::<Vec<_>>(),
        ["liba1", "liba-other"]
    );
    assert_eq!(index.package_of("libb.so.1"), Some("libb1"));
}

#[test]
fn what_was_kept_is_read_again_or_refused() {
    assert!(LibraryIndex::from_bytes(b"alone\n").is_err());
    assert!(LibraryIndex::from_bytes(b"\xff x\n").is_err());
}

proptest! {
    #[test]
    fn any_text_is_read_and_kept(text in "((usr/|/|x)?(lib|lib64)/[a-c/ ]{0,3}lib[a-c]\\.so(\\.[0-9])?[ \t]+(libs/|oldlibs/)?[a-c-]{0,4}(,[a-c]{2})?\n|.{0,20}\n){0,20}") {
        let index = read(&text);
        let kept = LibraryIndex::from_bytes(&index.to_bytes()).unwrap();
        prop_assert_eq!(kept, index);
    }
}
