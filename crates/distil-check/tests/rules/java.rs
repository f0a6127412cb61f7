//! Classes and jars.

use super::base;
use crate::common::{Image, has, names, zip};
use distil_check::Severity::{Error, Warning};
use distil_fixture::ElfBuilder;

#[test]
fn classes_for_a_newer_java() {
    let class = |version: u8| [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, version];
    let java = |jar: Vec<u8>| {
        base()
            .file("usr/lib/jvm/x/release", "JAVA_VERSION=\"17.0.9\"\n")
            .file("app/a.jar", jar)
    };
    let manifest = b"Main-Class: com.x.Main\n";
    let jar = |version: u8| {
        zip(&[
            ("META-INF/MANIFEST.MF", manifest),
            ("com/x/Main.class", &class(version)),
        ])
    };
    let message = "java.lang.UnsupportedClassVersionError: com/x/Main has been compiled by a more recent version of the Java Runtime (class file version 65.0), this version of the Java Runtime only recognizes class file versions up to 61.0";
    assert!(has(&java(jar(65)), "java-class-version", Error, message));
    assert!(names(&java(jar(61))).is_empty());
    let multi = zip(&[
        ("a.class", &class(52)),
        ("META-INF/versions/21/a.class", &class(65)),
    ]);
    assert!(names(&java(multi)).is_empty());
    let few = zip(&[
        ("a.class", &class(52)),
        ("b.class", &class(52)),
        ("c.class", &class(65)),
    ]);
    assert!(has(&java(few), "java-class-version", Warning, ""));
    let inner = zip(&[("BOOT-INF/lib/in.jar", &jar(65))]);
    assert!(has(&java(inner), "java-class-version", Error, message));
    assert!(has(
        &java(b"PK\x03\x04 cut".to_vec()),
        "damaged-jar",
        Warning,
        "Invalid or corrupt jarfile"
    ));
}

fn class(version: u8) -> [u8; 8] {
    [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, version]
}

fn java() -> Image {
    let program = ElfBuilder::executable().needed("libc.so.6").build();
    base()
        .file("usr/lib/jvm/x/release", "JAVA_VERSION=\"17.0.9\"\n")
        .program("usr/bin/java", program)
        .entrypoint(&["/usr/bin/java"])
}

#[test]
fn classes_in_folders() {
    let image = |version: u8| {
        java()
            .file("app/classes/com/x/Main.class", class(version))
            .file("app/classes/com/x/A.class", class(52))
            .file("app/classes/com/x/B.class", class(52))
            .cmd(&["-cp", "/app/classes", "com.x.Main"])
    };
    let message = "UnsupportedClassVersionError: com/x/Main has been compiled by a more recent version of the Java Runtime (class file version 65.0)";
    assert!(has(&image(65), "java-class-version", Error, message));
    assert!(names(&image(61)).is_empty());
    let other = image(61).file("app/classes/com/x/C.class", class(65));
    assert!(has(&other, "java-class-version", Warning, ""));
    let module = image(61).file("app/classes/module-info.class", class(65));
    assert!(names(&module).is_empty());
    let no_class = image(61).file("app/C.class", "text");
    assert!(names(&no_class).is_empty());
}

#[test]
fn archives_in_archives() {
    let jar = |version: u8| zip(&[("com/x/Main.class", &class(version))]);
    let enterprise = |version: u8| {
        let web = zip(&[("WEB-INF/lib/in.jar", &jar(version))]);
        java().file("app/a.ear", zip(&[("web.war", &web)]))
    };
    let image = enterprise(65);
    assert!(has(
        &image,
        "java-class-version",
        Error,
        "com/x/Main has been"
    ));
    assert!(
        image.findings()[0]
            .problem
            .contains("`web.war!WEB-INF/lib/in.jar` in `/app/a.ear`")
    );
    assert!(names(&enterprise(61)).is_empty());
    // Spring Boot: a script in front, its own loader, and the application beside it.
    let boot = |version: u8| {
        let manifest =
            b"Main-Class: org.springframework.boot.loader.JarLauncher\nStart-Class: com.x.Main\n";
        let jar = zip(&[
            ("META-INF/MANIFEST.MF", manifest),
            (
                "org/springframework/boot/loader/JarLauncher.class",
                &class(52),
            ),
            ("org/springframework/boot/loader/Other.class", &class(52)),
            ("BOOT-INF/classes/com/x/Main.class", &class(version)),
        ]);
        java().file(
            "app/boot.jar",
            [b"#!/bin/bash\nexit\n".to_vec(), jar].concat(),
        )
    };
    assert!(has(
        &boot(65),
        "java-class-version",
        Error,
        "com/x/Main has been"
    ));
    assert!(names(&boot(61)).is_empty(), "{:?}", names(&boot(61)));
}
