//! Java applications: from a jar to files of an image.

use std::collections::BTreeMap;
use std::fs;

use distil_fixture::{DebBuilder, ElfBuilder, sha256_hex, zip};
use distil_tree::zip::Archive;
use serde_json::Value;

use crate::context::Context;
use crate::images::{File, files};
use crate::own_definitions::{build, config, layers};

const DEFINITION: &str =
    "name: app\nfrom: base\npackages: [openjdk-21-jre-headless]\njava: {jar: build/app.jar}\n";

/// The head of a class for a Java, which is all of it that is looked at.
fn class(java: u8) -> Vec<u8> {
    vec![0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, java + 44]
}

fn jar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let entries: Vec<_> = entries
        .iter()
        .map(|(name, bytes)| (*name, *bytes, 0o100_644))
        .collect();
    zip(&entries)
}

/// A jar with a manifest, and a class for Java 21.
fn plain(manifest: &str) -> Vec<u8> {
    let manifest = format!("Manifest-Version: 1.0\r\n{manifest}\r\n\r\n");
    jar(&[
        ("META-INF/MANIFEST.MF", manifest.as_bytes()),
        ("com/example/Main.class", &class(21)),
    ])
}

/// A library with what Maven writes of it.
fn library(name: &str, java: u8) -> Vec<u8> {
    let properties = format!("groupId=org.example\nartifactId={name}\nversion=1.2\n");
    let path = format!("META-INF/maven/org.example/{name}/pom.properties");
    jar(&[
        (&path, properties.as_bytes()),
        ("org/example/Library.class", &class(java)),
    ])
}

const LAYERS: &str = "- \"dependencies\":\n  - \"BOOT-INF/lib/one.jar\"\n- \"spring-boot-loader\":\n  - \"org/\"\n- \"snapshot-dependencies\":\n  - \"BOOT-INF/lib/two-SNAPSHOT.jar\"\n- \"application\":\n  - \"BOOT-INF/classes/\"\n  - \"BOOT-INF/classpath.idx\"\n  - \"BOOT-INF/layers.idx\"\n  - \"META-INF/\"\n";

const CLASS_PATH: &str = "- \"BOOT-INF/lib/two-SNAPSHOT.jar\"\n- \"BOOT-INF/lib/one.jar\"\n";

/// What Spring Boot's plugins make.
fn boot(changes: &[(&str, &[u8])]) -> Vec<u8> {
    let manifest = b"Manifest-Version: 1.0\r\nMain-Class: org.springframework.boot.loader.launch.JarLauncher\r\nStart-Class: com.example.App\r\nSpring-Boot-Version: 3.4.1\r\nSpring-Boot-Classes: BOOT-INF/classes/\r\nSpring-Boot-Lib: BOOT-INF/lib/\r\nSpring-Boot-Classpath-Index: BOOT-INF/classpath.idx\r\nSpring-Boot-Layers-Index: BOOT-INF/layers.idx\r\n\r\n";
    let (one, two, tools) = (library("one", 17), library("two", 8), library("tools", 17));
    let (app, launcher) = (class(21), class(17));
    let mut entries: Vec<(&str, &[u8])> = vec![
        ("META-INF/", b""),
        ("META-INF/MANIFEST.MF", manifest),
        (
            "org/springframework/boot/loader/launch/JarLauncher.class",
            &launcher,
        ),
        ("META-INF/services/a", b"service\n"),
        ("META-INF/A.SF", b"signature\n"),
        ("BOOT-INF/classes/", b""),
        ("BOOT-INF/classes/com/example/", b""),
        ("BOOT-INF/classes/com/example/App.class", &app),
        ("BOOT-INF/classes/application.properties", b"a=b\n"),
        ("BOOT-INF/lib/one.jar", &one),
        ("BOOT-INF/lib/two-SNAPSHOT.jar", &two),
        ("BOOT-INF/lib/spring-boot-jarmode-tools.jar", &tools),
        ("BOOT-INF/classpath.idx", CLASS_PATH.as_bytes()),
        ("BOOT-INF/layers.idx", LAYERS.as_bytes()),
    ];
    for (name, bytes) in changes {
        match entries.iter_mut().find(|(known, _)| known == name) {
            Some(entry) => entry.1 = bytes,
            None => entries.push((name, bytes)),
        }
    }
    jar(&entries)
}

fn context() -> Context {
    let program = ElfBuilder::executable().needed("libc.so.6").build();
    let java = |number: u8| {
        DebBuilder::new(&format!("openjdk-{number}-jre-headless"), "1", "amd64")
            .executable("usr/bin/java", program.clone())
    };
    let context = Context::with_packages(vec![java(21)]);
    fs::create_dir(context.work().join("build")).unwrap();
    context
}

fn write(context: &Context, path: &str, content: impl AsRef<[u8]>) {
    let path = context.work().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn of_application(image: &BTreeMap<String, File>) -> String {
    let ours = image.iter().filter(|(path, _)| path.starts_with("app"));
    let lines = ours.map(|(path, file)| format!("{:o} {} {path}", file.mode, file.layer));
    lines.collect::<Vec<_>>().join("\n")
}

fn entrypoint(context: &Context) -> Value {
    config(&context.work().join("app.tar"))["Entrypoint"].clone()
}

#[test]
fn a_jar_comes_with_its_class_path() {
    let context = context();
    let main = plain(
        "Main-Class: com.example.Main\r\nClass-Path: lib/a%20b.jar lib/c.jar ./ conf/ conf2/",
    );
    write(&context, "build/app.jar", &main);
    write(&context, "build/lib/a b.jar", library("a", 8));
    // What a library names is taken where it is there, as Java does.
    let named = plain("Class-Path: d.jar gone.jar ../../outside.jar");
    write(&context, "build/lib/c.jar", named);
    write(&context, "build/lib/d.jar", library("d", 8));
    write(&context, "build/conf/log.xml", "<x/>");
    let image = build(&context, DEFINITION);
    insta::assert_snapshot!(of_application(&image));
    assert_eq!(
        entrypoint(&context),
        serde_json::json!(["/usr/bin/java", "-jar", "/app/app.jar"])
    );
    assert_eq!(image["app/app.jar"].bytes, main);
    // The application's own code is in a layer of its own.
    let before = layers(&context, &["app.yaml"]);
    write(&context, "build/conf/log.xml", "<y/>");
    let after = layers(&context, &["app.yaml"]);
    let changed = before.iter().zip(&after).filter(|(old, new)| old != new);
    assert_eq!((before.len(), changed.count()), (after.len(), 1));
    assert_ne!(before.last(), after.last());
}

#[test]
fn a_definition_says_itself_what_runs() {
    let context = context();
    write(&context, "build/app-1.0.jar", library("app", 21));
    let yaml = DEFINITION.replace("build/app.jar", "build/app-*.jar, to: /srv");
    build(
        &context,
        &format!(
            "{yaml}config: {{entrypoint: [/usr/bin/java, -cp, '/srv/*', com.example.Other]}}\n"
        ),
    );
    assert_eq!(entrypoint(&context)[3], "com.example.Other");
    // What a definition below it says goes before the jar.
    write(
        &context,
        "build/app.jar",
        plain("Main-Class: com.example.Main"),
    );
    write(
        &context,
        "own.yaml",
        "name: own\nfrom: base\npackages: [openjdk-21-jre-headless]\nconfig: {entrypoint: [/usr/bin/java, -Xmx64m, -jar], cmd: [x]}\n",
    );
    let image = build(
        &context,
        "name: app\nfrom: own.yaml\njava: {jar: build/app.jar}\nconfig: {cmd: [serve]}\n",
    );
    assert!(image.contains_key("app/app.jar"));
    assert_eq!(
        entrypoint(&context),
        serde_json::json!(["/usr/bin/java", "-Xmx64m", "-jar", "/app/app.jar"])
    );
}

#[test]
fn a_spring_boot_application_is_taken_apart() {
    let context = context();
    write(&context, "build/app.jar", boot(&[]));
    let image = build(&context, DEFINITION);
    let own = &image["app/app.jar"].bytes;
    let mut archive = Archive::new(std::io::Cursor::new(own.to_vec())).unwrap();
    let names: Vec<String> = archive
        .entries()
        .iter()
        .map(|entry| String::from_utf8(entry.name.clone()).unwrap())
        .collect();
    let manifest = archive.entries()[0].clone();
    let manifest = String::from_utf8(archive.head(&manifest, 1 << 20).unwrap()).unwrap();
    insta::assert_snapshot!(format!(
        "{}\n\n{}\n\n{manifest}",
        of_application(&image),
        names.join("\n")
    ));
    assert_eq!(image["app/lib/one.jar"].bytes, library("one", 17));
    let before = layers(&context, &["app.yaml"]);
    // An edit of its own classes leaves the libraries' layers.
    let edited = [class(21), b"more".to_vec()].concat();
    write(
        &context,
        "build/app.jar",
        boot(&[("BOOT-INF/classes/com/example/App.class", &edited)]),
    );
    let after = layers(&context, &["app.yaml"]);
    assert_eq!(before[..before.len() - 1], after[..after.len() - 1]);
    assert_ne!(before.last(), after.last());
    let shown = context.run(&["show", "app.yaml", "--format", "json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let bundles = shown["bundles"].as_array().unwrap();
    let named: Vec<&str> = bundles
        .iter()
        .filter_map(|one| one["component"]["purl"].as_str())
        .collect();
    assert_eq!(
        named,
        [
            "pkg:maven/org.example/one@1.2",
            "pkg:maven/org.example/two@1.2"
        ]
    );
}

#[test]
fn a_lock_has_the_digests_of_jars() {
    let context = context();
    write(
        &context,
        "build/app.jar",
        plain("Main-Class: com.example.Main\r\nClass-Path: a.jar"),
    );
    write(&context, "build/a.jar", library("a", 8));
    context.define(DEFINITION);
    context.run(&["lock", "app.yaml", "--platform", "linux/amd64"]);
    let lock = fs::read_to_string(context.work().join("app.lock")).unwrap();
    for path in ["build/app.jar", "build/a.jar"] {
        let digest = sha256_hex(&fs::read(context.work().join(path)).unwrap());
        assert!(lock.contains(path) && lock.contains(&digest), "{lock}");
    }
    write(&context, "build/a.jar", library("b", 8));
    let output = context
        .command(&["build", "app.yaml", "--platform", "linux/amd64"])
        .output()
        .unwrap();
    let said = context.stderr(&output);
    assert!(
        output.status.success() && said.contains("build/a.jar"),
        "{said}"
    );
}

#[test]
fn what_cannot_be_installed_is_told() {
    let context = context();
    context.define(DEFINITION);
    let mut said = Vec::new();
    let mut fails = |bytes: &[u8]| {
        write(&context, "build/app.jar", bytes);
        said.push(context.fails(&["build", "app.yaml", "--platform", "linux/amd64"]));
    };
    fails(b"no jar");
    fails(&jar(&[("A.class", &class(21))]));
    fails(&plain("Main-Class"));
    fails(&plain("Created-By: x"));
    fails(&plain("Main-Class: com.example.Other"));
    fails(&plain(
        "Main-Class: com.example.Main\r\nClass-Path: gone.jar",
    ));
    fails(&plain(
        "Main-Class: com.example.Main\r\nClass-Path: ../a.jar",
    ));
    fails(&plain(
        "Main-Class: com.example.Main\r\nClass-Path: file:///a.jar",
    ));
    let inner = b"Main-Class: A\r\nClass-Path: lib/a.jar\r\n\r\n";
    fails(&jar(&[
        ("META-INF/MANIFEST.MF", inner),
        ("A.class", &class(21)),
        ("lib/a.jar", &library("a", 8)),
    ]));
    let manifest = b"Main-Class: A\r\n\r\n";
    fails(&jar(&[
        ("META-INF/MANIFEST.MF", manifest),
        ("A.class", &class(21)),
        ("A.class", &class(8)),
    ]));
    fails(&jar(&[
        ("META-INF/MANIFEST.MF", manifest),
        ("../A.class", b""),
    ]));
    let mut encrypted = jar(&[("META-INF/MANIFEST.MF", manifest), ("A.class", b"x")]);
    // The flag of the second entry in the list.
    let at = encrypted
        .windows(4)
        .rposition(|bytes| bytes == b"PK\x01\x02")
        .unwrap();
    encrypted[at + 8] |= 1;
    fails(&encrypted);
    // For a later Java: the whole, and not a class for those that have it.
    fails(&jar(&[
        ("META-INF/MANIFEST.MF", manifest),
        ("A.class", &class(25)),
        ("META-INF/versions/24/A.class", &class(24)),
    ]));
    fails(&boot(&[("BOOT-INF/lib/one.jar", &library("one", 25))]));
    fails(&boot(&[("BOOT-INF/lib/one.jar", b"no jar")]));
    fails(&boot(&[("BOOT-INF/layers.idx", b"- dependencies:\n")]));
    fails(&boot(&[(
        "BOOT-INF/layers.idx",
        b"- \"application\":\n  - \"BOOT-INF/layers.idx\"\n",
    )]));
    fails(&boot(&[(
        "BOOT-INF/classpath.idx",
        b"- \"BOOT-INF/lib/gone.jar\"\n",
    )]));
    fs::remove_file(context.work().join("build/app.jar")).unwrap();
    said.push(context.fails(&["build", "app.yaml", "--platform", "linux/amd64"]));
    fs::create_dir(context.work().join("build/app.jar")).unwrap();
    said.push(context.fails(&["build", "app.yaml", "--platform", "linux/amd64"]));
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn what_java_runs_is_built() {
    let context = context();
    context.define(DEFINITION);
    let manifest = b"Main-Class: A\r\nMulti-Release: true\r\n\r\n";
    let (own, newer) = (class(21), class(25));
    // Of a later Java's directory, and one class of several, which Java tells when it is loaded.
    let bytes = jar(&[
        ("META-INF/MANIFEST.MF", manifest),
        ("A.class", &own),
        ("B.class", &own),
        ("C.class", &newer),
        ("META-INF/versions/25/A.class", &newer),
        ("META-INF/versions/25/B.class", &newer),
        ("META-INF/LICENSE", b"one"),
        ("META-INF/LICENSE", b"two"),
    ]);
    write(&context, "build/app.jar", &bytes);
    context.run(&[
        "build",
        "app.yaml",
        "--platform",
        "linux/amd64",
        "-o",
        "oci-archive:app.tar",
    ]);
    let image = files(&context.work().join("app.tar"));
    assert_eq!(image["app/app.jar"].bytes, bytes);
}
