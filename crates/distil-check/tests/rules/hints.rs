//! For each rule an image with the fault, and the same image once its hint was followed: the
//! finding is gone, and no other has come.

use std::collections::BTreeSet;

use super::{base, elf, node, python};
use crate::common::Image;
use crate::common::certificates::{certificate, certificate_without_key_usage, jks, pem};
use crate::common::hints::{Package, follow};
use crate::common::{NOW, zip};
use distil_check::{RULES, Severity};
use distil_fixture::{ElfBuilder, Machine};

/// How a hint is followed.
enum How {
    /// The instructions in it are applied word for word.
    Literally,
    /// It says this in words, which mean this.
    By(&'static str, fn(Image) -> Image),
}

use How::{By, Literally};

const DAY: u64 = 24 * 3600;
const SITE: &str = "usr/lib/python3.13/site-packages";
const BUNDLE: &str = "etc/ssl/certs/ca-certificates.crt";

fn good(name: &str) -> Vec<u8> {
    certificate(name, NOW - DAY, NOW + 400 * DAY)
}

fn old(name: &str) -> Vec<u8> {
    certificate(name, NOW - 400 * DAY, NOW - DAY)
}

/// An executable file of no package that lacks nothing.
fn library(soname: &str) -> ElfBuilder {
    ElfBuilder::shared(soname).needed("libc.so.6")
}

fn java() -> Image {
    base()
        .file("usr/lib/jvm/x/release", "JAVA_VERSION=\"17.0.9\"\n")
        .program("usr/bin/java", elf())
        .entrypoint(&["/usr/bin/java"])
}

fn class(version: u8) -> [u8; 8] {
    [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, version]
}

fn jar(version: u8) -> Vec<u8> {
    let manifest = b"Main-Class: M\n";
    zip(&[
        ("META-INF/MANIFEST.MF", manifest),
        ("M.class", &class(version)),
    ])
}

fn venv(python: &str) -> Image {
    self::python()
        .file(
            "app/.venv/pyvenv.cfg",
            "home = /usr/bin\nversion = 3.13.5\n",
        )
        .link("app/.venv/bin/python", python)
        .folder("app/.venv/lib/python3.13/site-packages", 0o755)
        .entrypoint(&["/app/.venv/bin/python"])
}

fn glibc_2_41(image: Image) -> Image {
    let libc = ElfBuilder::shared("libc.so.6")
        .defines("GLIBC_2.17")
        .defines("GLIBC_2.41");
    image.file("usr/lib/x86_64-linux-gnu/libc.so.6", libc.build())
}

fn addon(version: u32) -> Vec<u8> {
    let addon = ElfBuilder::plugin().payload(format!("\0node_register_module_v{version}\0"));
    addon.build()
}

fn node_22() -> Image {
    node().file("usr/lib/libnode.so.127", library("libnode.so.127").build())
}

fn dlopen() -> Vec<u8> {
    let note = r#"[{"feature":"z","priority":"required","soname":["libz.so.1"]}]"#;
    ElfBuilder::executable()
        .needed("libc.so.6")
        .dlopen(note)
        .build()
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn rows() -> Vec<(&'static str, Image, How)> {
    let needs_z = ElfBuilder::executable()
        .needed("libc.so.6")
        .needed("libz.so.1");
    let needs_newer = ElfBuilder::executable()
        .requires("libc.so.6", "GLIBC_2.99")
        .build();
    let strict = certificate_without_key_usage("A", NOW - DAY, NOW + 400 * DAY);
    let capability = b"\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    vec![
        // What is started.
        ("program-missing", base().entrypoint(&["run"]), By("full path", |image| image.entrypoint(&["/app/run"]))),
        ("program-missing", base().entrypoint(&["run"]), By("set `PATH`", |image| image.env("PATH", "/app"))),
        ("program-not-executable", base().mode("app/run", 0o644), Literally),
        ("shell-form", python().file("app.py", "").cmd(&["/bin/sh", "-c", "python app.py"]), Literally),
        ("shell-form", base().entrypoint(&["/bin/sh", "-c", "exec /app/run --port 80"]), Literally),
        ("shell-form", base().entrypoint(&[]).cmd(&["/bin/sh", "-c", "/app/run 'a b'"]), Literally),
        ("repeated-program", python().file("app.py", "").cmd(&["python", "/app.py"]), Literally),
        (
            "repeated-program",
            python().program("tini", elf()).file("app.py", "").entrypoint(&["/tini", "--", "/usr/bin/python3"]).cmd(&["python3", "/app.py"]),
            Literally,
        ),
        ("argument-missing", python().file("srv/app.py", "").cmd(&["/app/app.py"]), Literally),
        ("argument-missing", python().cmd(&["/app/x.py"]), By("copy the file to `/app/x.py`", |image| image.file("app/x.py", ""))),
        (
            "argument-missing",
            python().file(&format!("{SITE}/gunicorn/__main__.py"), "").cmd(&["gunicorn", "app:app"]),
            Literally,
        ),
        (
            "argument-missing",
            venv("/usr/bin/python3.13").program("app/.venv/bin/serve", "#!/app/.venv/bin/python\n").cmd(&["serve"]),
            Literally,
        ),
        (
            "argument-missing",
            node().file("app/package.json", r#"{"scripts":{"start":"node server.js --x"}}"#).file("app/server.js", "").cmd(&["npm", "start"]),
            Literally,
        ),
        (
            "argument-missing",
            node()
                .file("app/package.json", r#"{"scripts":{"start":"next start"}}"#)
                .file("app/node_modules/next/next.js", "#!/usr/bin/env node\n")
                .link("app/node_modules/.bin/next", "../next/next.js")
                .cmd(&["npm", "run", "start"]),
            Literally,
        ),
        ("argument-missing", python().file("srv/api/__init__.py", "").file("srv/api/__main__.py", "").cmd(&["-m", "api"]), Literally),
        (
            "argument-missing",
            python().file("srv/a/__init__.py", "").workdir("/srv").cmd(&["-m", "a"]),
            By("give the package a `__main__.py`", |image| image.file("srv/a/__main__.py", "")),
        ),
        ("argument-missing", node().file("app/a.js", "").cmd(&["-r", "./t.js", "a.js"]), By("copy `./t.js` into the image", |image| image.file("app/t.js", ""))),
        ("argument-missing", java().cmd(&["-cp", "/app/c", "a.Main"]), By("copy the classes to `/app/c`", |image| image.file("app/c/a/Main.class", class(61)))),
        ("argument-missing", java().cmd(&["-jar", "/app/a.jar"]), By("copy the file to `/app/a.jar`", |image| image.file("app/a.jar", jar(61)))),
        ("healthcheck", python().healthcheck(&["CMD-SHELL", "curl -f http://localhost:80/ || exit 1"]), Literally),
        ("healthcheck", node().healthcheck(&["CMD", "wget", "-q", "http://localhost/"]), Literally),
        (
            "healthcheck",
            base().healthcheck(&["CMD", "curl", "-f", "http://127.0.0.1:80/"]),
            By("write `healthcheck: {http: \"http://127.0.0.1:80/\"}` in a definition", |image| {
                let probe = "/usr/libexec/distil-probe";
                image.program("usr/libexec/distil-probe", elf()).healthcheck(&["CMD", probe, "http://127.0.0.1:80/"])
            }),
        ),
        ("workdir", base().workdir("/app/run"), Literally),
        (
            "signals",
            base().program("app/start", "#!/app/sh\n").program("app/sh", elf()).entrypoint(&["/app/start"]),
            By("Use the exec form", |image| image.entrypoint(&["/app/run"]).without("app/sh").without("app/start")),
        ),
        ("unexpanded-variable", base().env("PORT", "80").cmd(&["--port=${PORT}", "$PORT"]), Literally),
        (
            "wrong-runtime",
            node()
                .file("app/node_modules/.bin/x", "#!/bin/sh\nbasedir=$(dirname \"$0\")\nexec node  \"$basedir/../x/x.js\" \"$@\"\n")
                .file("app/node_modules/x/x.js", "")
                .cmd(&["node_modules/.bin/x", "start"]),
            Literally,
        ),
        ("wrong-runtime", python().cmd(&["/app/run", "x"]), Literally),
        // Scripts, programs and libraries.
        ("script-interpreter", python().program("app/x", "#!/usr/local/bin/python3\n").entrypoint(&["/app/x"]).cmd(&["1"]), Literally),
        ("script-interpreter", node().program("app/x", "#!/usr/bin/env node\n").entrypoint(&["/app/x"]), Literally),
        ("script-interpreter", base().program("usr/bin/ruby", elf()).program("app/x", "#!/opt/ruby3.3 -w\n").entrypoint(&["/app/x"]), Literally),
        (
            "script-interpreter",
            venv("/usr/bin/python3.13").program("app/.venv/bin/serve", "#!/build/.venv/bin/python\n").entrypoint(&["/app/.venv/bin/serve"]),
            Literally,
        ),
        (
            "script-interpreter",
            base().program("app/x", "#!/bin/bash\n/app/run\n").entrypoint(&["/app/x"]),
            By("name the program that the script starts in its place", |image| image.entrypoint(&["/app/run"])),
        ),
        ("script-interpreter", python().program("usr/bin/x", "#!/opt/python3\n"), By("write `#!/usr/bin/python3`", |image| image.program("usr/bin/x", "#!/usr/bin/python3\n"))),
        (
            "script-interpreter",
            python().program("usr/bin/x", "#!/usr/bin/python3\r\n"),
            By("the line ends of Unix", |image| image.program("usr/bin/x", "#!/usr/bin/python3\n")),
        ),
        ("loader-missing", Image::default().folder("tmp", 0o1777).program("app/run", elf()).entrypoint(&["/app/run"]).user("65532"), By("build the program statically", |image| image.program("app/run", ElfBuilder::static_executable().build()))),
        ("wrong-machine", base().program("app/run", ElfBuilder::executable().machine(Machine::Aarch64).build()), By("for the image's platform", |image| image.program("app/run", elf()))),
        ("library-missing", base().program("app/run", needs_z.build()), Literally),
        ("library-missing", base().program("app/run", needs_z.build()).file("opt/l/libz.so.1", library("libz.so.1").build()), By("set `LD_LIBRARY_PATH=/opt/l`", |image| image.env("LD_LIBRARY_PATH", "/opt/l"))),
        ("symbol-version", base().program("app/run", needs_newer), By("Build on the release", |image| image.program("app/run", elf()))),
        ("dlopen-missing", base().program("app/run", dlopen()), By("add Debian's package `zlib1g`", |image| image.file("usr/lib/libz.so.1", library("libz.so.1").build()))),
        ("dlopen-missing", python().file(&format!("{SITE}/z.py"), "lib = find_library('z')\n"), Literally),
        ("dlopen-missing", base().file("app/libSystem.Globalization.Native.so", library("x").build()).file("app/run.runtimeconfig.json", "{}"), Literally),
        ("damaged-elf", base().file("app/x.so", "\x7fELF\x02"), By("copy the file again", |image| image.file("app/x.so", library("x.so").build()))),
        (
            "executable-stack",
            glibc_2_41(python().file(&format!("{SITE}/x.abi3.so"), ElfBuilder::plugin().executable_stack().build())),
            By("patchelf --clear-execstack", |image| image.file(&format!("{SITE}/x.abi3.so"), ElfBuilder::plugin().build())),
        ),
        // Python.
        ("python-abi", python().file(&format!("{SITE}/x.cpython-311-x86_64-linux-gnu.so"), ElfBuilder::plugin().build()), By("with the Python version of the image", |image| {
            image.without(&format!("{SITE}/x.cpython-311-x86_64-linux-gnu.so")).file(&format!("{SITE}/x.cpython-313-x86_64-linux-gnu.so"), ElfBuilder::plugin().build())
        })),
        ("wheel-tag", python().file(&format!("{SITE}/x.dist-info/WHEEL"), "Tag: cp311-cp311-manylinux_2_17_x86_64\n"), By("Install for the image", |image| {
            image.file(&format!("{SITE}/x.dist-info/WHEEL"), "Tag: cp313-cp313-manylinux_2_17_x86_64\n")
        })),
        ("venv", venv("/usr/local/bin/python3"), Literally),
        ("venv", venv("/usr/local/bin/python3").program("app/.venv/bin/x", "#!/app/.venv/bin/python\n").entrypoint(&["/app/.venv/bin/x"]), Literally),
        ("pythonpath", python().env("PYTHONPATH", "/opt/m"), By("copy the directory", |image| image.folder("opt/m", 0o755))),
        (
            "editable-install",
            python()
                .file(&format!("{SITE}/a-1.dist-info/direct_url.json"), r#"{"url":"file:///src/a","dir_info":{"editable":true}}"#)
                .file(&format!("{SITE}/__editable__.a-1.pth"), "/src/a/src\n"),
            By("copy the directory to `/src/a`", |image| image.file("src/a/src/a.py", "")),
        ),
        // Node.js and Java.
        ("node-addon", node_22().file("app/x.node", addon(115)), By("run `npm rebuild` in a build stage with the image's Node.js", |image| image.file("app/x.node", addon(127)))),
        ("node-engine", node_22().file("app/package.json", r#"{"engines":{"node":">=24"}}"#), By("correct `engines`", |image| image.file("app/package.json", "{}"))),
        (
            "broken-module-link",
            node().file("app/package.json", r#"{"dependencies":{"w":"*"}}"#).link("app/node_modules/w", "../../packages/w"),
            By("copy `/packages/w`", |image| image.file("packages/w/index.js", "")),
        ),
        ("java-class-version", java().file("a.jar", jar(65)), By("Compile with `--release N`", |image| image.file("a.jar", jar(61)))),
        ("damaged-jar", java().file("a.jar", "PK"), By("copy the file again", |image| image.file("a.jar", jar(61)))),
        // Certificates and the environment.
        ("certificate-expired", base().file(BUNDLE, pem(&[old("A")])), By("renew your own authority's", |image| image.file(BUNDLE, pem(&[good("A")])))),
        ("certificate-path", base().env("SSL_CERT_FILE", "/x.pem"), By("Correct the path", |image| image.env("SSL_CERT_FILE", ""))),
        (
            "key-store",
            base()
                .file(BUNDLE, pem(&[good("A"), good("B")]))
                .file("etc/ssl/certs/java/cacerts", jks(&[good("A"), good("B")]))
                .file("opt/jre/lib/security/cacerts", jks(&[good("A")])),
            By("`ln -sf /etc/ssl/certs/java/cacerts /opt/jre/lib/security/cacerts`", |image| {
                image.without("opt/jre/lib/security/cacerts").link("opt/jre/lib/security/cacerts", "/etc/ssl/certs/java/cacerts")
            }),
        ),
        ("time-zone", base().env("TZ", "Europe/Berlin"), By("Add the package tzdata", |image| image.file("usr/share/zoneinfo/Europe/Berlin", "TZif"))),
        ("locale", base().env("LANG", "de_DE.UTF-8").folder("usr/lib/locale/C.utf8", 0o755), By("Use `C.UTF-8`", |image| image.env("LANG", "C.UTF-8"))),
        (
            "certificate-strict",
            base()
                .file(BUNDLE, pem(std::slice::from_ref(&strict)))
                .file("usr/local/share/ca-certificates/c.crt", pem(&[strict])),
            By("Have the certificate issued anew", |image| {
                image
                    .file(BUNDLE, pem(&[good("A")]))
                    .file("usr/local/share/ca-certificates/c.crt", pem(&[good("A")]))
            }),
        ),
        (
            "certificate-unused",
            base().file(BUNDLE, pem(&[good("A")])).file("usr/local/share/ca-certificates/c.crt", pem(&[good("C")])),
            By("certificates: {extra", |image| image.file(BUNDLE, pem(&[good("A"), good("C")]))),
        ),
        ("variable-file", java().env("JAVA_TOOL_OPTIONS", "-javaagent:/otel.jar"), By("copy `/otel.jar`", |image| image.file("otel.jar", jar(61)))),
        ("variable-file", java().env("JAVA_TOOL_OPTIONS", "-javaagent:/otel.jar"), By("unset the variable: `ENV JAVA_TOOL_OPTIONS=`", |image| image.env("JAVA_TOOL_OPTIONS", ""))),
        // Users.
        ("user-unknown", base().user("app"), By("Use a number", |image| image.user("1000"))),
        ("not-reachable", base().folder("app", 0o700), By("`COPY --chown` it", |image| image.folder("app", 0o755))),
        ("random-user", base().folder("app", 0o700).owner("app", 65532), By("chmod -R g=rX", |image| image.folder("app", 0o755))),
        ("not-writable", base().folder("data", 0o755).volume("/data"), By("with the user as its owner", |image| image.folder("data", 0o777).owner("data", 65532).mode("data", 0o1777))),
        ("temporary-directory", base().folder("tmp", 0o755), By("mode 1777", |image| image.folder("tmp", 0o1777))),
        ("user-root", base().user(""), Literally),
        ("user-name", base().user("a").file("etc/passwd", "a:x:7:7::/:/x\n"), Literally),
        // The surface.
        ("shell", base().program("usr/bin/bash", elf()), By("Leave it to the debug variant", |image| image.without("usr/bin/bash"))),
        ("toolbox", base().program("x", ElfBuilder::static_executable().payload("usage: toybox [--long | --help").build()), By("Leave it to the debug variant", |image| image.without("x"))),
        ("package-manager", base().program("usr/bin/apt", elf()), By("copy what is needed", |image| image.without("usr/bin/apt"))),
        ("setuid", base().file("x", "").mode("x", 0o4755), By("chmod u-s,g-s", |image| image.mode("x", 0o755))),
        (
            "file-capability",
            base().program("x", elf()).pax("x", "SCHILY.xattr.security.capability", capability),
            By("setcap -r", |image| image.program("x", elf())),
        ),
        ("world-writable", base().file("x", "").mode("x", 0o666), By("chmod o-w", |image| image.mode("x", 0o664))),
        ("compiler", base().program("usr/bin/gcc", elf()), By("Build in a build stage", |image| image.without("usr/bin/gcc"))),
        ("interpreter", base().program("usr/bin/perl", elf()), By("Leave out the package", |image| image.without("usr/bin/perl"))),
        ("interpreter", base().program("usr/bin/perl", elf()), By("make it the ENTRYPOINT", |image| image.entrypoint(&["/usr/bin/perl"]))),
        ("debugger", base().program("usr/bin/gdb", elf()), By("Leave it to the debug variant", |image| image.without("usr/bin/gdb"))),
        ("device", base().fifo("x"), By("Remove it", |image| image.without("x"))),
    ]
}

/// Rules whose hints are about layers, limits and policies, which tests of their own have.
const ELSEWHERE: [&str; 5] = [
    "ambiguous-layer",
    "merged-usr",
    "not-examined",
    "allowance-expired",
    "allowance-useless",
];

#[test]
fn hints_help_when_they_are_followed() {
    let packages = [Package {
        name: "zlib1g",
        files: vec![("usr/lib/libz.so.1", library("libz.so.1").build())],
    }];
    let package_of = |name: &str| name.starts_with("libz.so").then(|| "zlib1g".to_owned());
    let mut failed = Vec::new();
    for (number, (rule, image, how)) in rows().into_iter().enumerate() {
        let before = image.findings_with(&package_of);
        let Some(finding) = before.iter().find(|one| one.rule.name == rule) else {
            failed.push(format!("{number} {rule}: not found in {before:#?}"));
            continue;
        };
        let hint = &finding.remedy;
        let after = match how {
            Literally => follow(image, hint, &packages),
            By(words, apply) => hint.contains(words).then(|| apply(image)),
        };
        let Some(after) = after else {
            failed.push(format!("{number} {rule}: cannot be followed: {hint}"));
            continue;
        };
        let after = after.findings_with(&package_of);
        let is_new = |one: &&distil_check::Finding| {
            let is_known = before.iter().any(|known| known.rule == one.rule);
            // Beside the program of its own that is started now, the runtime is one too many.
            let is_left = rule == "wrong-runtime" && one.rule.name == "interpreter";
            let is_same =
                one.rule.name == rule && one.severity.min(finding.severity) == finding.severity;
            is_same || (one.severity > Severity::Info && !is_known && !is_left)
        };
        if let Some(one) = after.iter().find(is_new) {
            failed.push(format!("{number} {rule}: after {hint:?} there is {one:#?}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn each_rule_has_an_image() {
    let rows = rows();
    let known: BTreeSet<&str> = rows
        .iter()
        .map(|(rule, ..)| *rule)
        .chain(ELSEWHERE)
        .collect();
    let all: BTreeSet<&str> = RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(known, all);
}
