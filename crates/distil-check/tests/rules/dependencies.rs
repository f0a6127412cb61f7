//! Packages whose files are elsewhere: editable installations, links of workspaces, libraries that
//! are looked for at run time; and what is one cause.

use super::{base, node, python};
use crate::common::{Image, has, names};
use distil_check::Severity::{Error, Warning};
use distil_fixture::ElfBuilder;

const SITE: &str = "usr/lib/python3.13/site-packages";

#[test]
fn editable_installations() {
    let url = |editable: bool| {
        let url = format!(r#"{{"url":"file:///src/a","dir_info":{{"editable":{editable}}}}}"#);
        python().file(&format!("{SITE}/a-1.dist-info/direct_url.json"), url)
    };
    let message = "ModuleNotFoundError: No module named 'a'";
    assert!(has(&url(true), "editable-install", Error, message));
    assert!(names(&url(false)).is_empty());
    assert!(names(&url(true).folder("src/a", 0o755)).is_empty());
    // One cause, by two files.
    let both = url(true).file(&format!("{SITE}/__editable__.a-1.pth"), "/src/a/lib\n");
    assert_eq!(names(&both), ["editable-install"]);
    let path = python().file(&format!("{SITE}/x.pth"), "# x\nrelative\n/gone\n");
    let path = path.folder(&format!("{SITE}/relative"), 0o755);
    assert!(has(&path, "editable-install", Warning, ""));
    let egg = python().file(&format!("{SITE}/easy-install.pth"), "/gone\n");
    assert!(has(&egg, "editable-install", Error, ""));
}

#[test]
fn links_of_packages() {
    let image = |dependencies: &str| {
        let text = format!(r#"{{"dependencies":{{{dependencies}}}}}"#);
        node()
            .file("app/package.json", text)
            .link("app/node_modules/@w/a", "../../packages/a")
            .link("app/node_modules/.pnpm/node_modules/x", "../gone")
            .link("app/node_modules/.bin/x", "../gone")
    };
    let needed = image(r#""@w/a":"*""#);
    assert!(has(
        &needed,
        "broken-module-link",
        Error,
        "Cannot find module '@w/a'"
    ));
    assert!(has(&image(""), "broken-module-link", Warning, ""));
    assert_eq!(names(&image("")), ["broken-module-link"]);
    let there = needed.file("app/packages/a/index.js", "");
    assert!(names(&there).is_empty());
}

#[test]
fn a_moved_virtual_environment_is_one_cause() {
    let scripts = ["gunicorn", "flask", "pip"];
    let venv = |python: &str, line: &str| {
        let image = self::python()
            .file(
                "app/.venv/pyvenv.cfg",
                "home = /usr/local/bin\nversion = 3.13.5\n",
            )
            .link("app/.venv/bin/python", python)
            .folder("app/.venv/lib/python3.13/site-packages", 0o755)
            .entrypoint(&["/app/.venv/bin/gunicorn"])
            .env("PATH", "/app/.venv/bin");
        scripts.iter().fold(image, |image, name| {
            image.program(&format!("app/.venv/bin/{name}"), line)
        })
    };
    let dead = venv("/usr/local/bin/python3", "#!/app/.venv/bin/python\n");
    assert_eq!(
        names(&dead)
            .iter()
            .filter(|name| *name != "interpreter")
            .collect::<Vec<_>>(),
        ["venv"]
    );
    assert!(has(
        &dead,
        "venv",
        Error,
        "exec /app/.venv/bin/gunicorn: no such file or directory"
    ));
    // Its Python is there, and its scripts name the place where it was made.
    let moved = venv("/usr/bin/python3.13", "#!/build/.venv/bin/python\n");
    let findings = moved.findings();
    let scripts = findings
        .iter()
        .filter(|one| one.rule.name == "script-interpreter");
    let mut severities: Vec<_> = scripts
        .map(|one| (one.severity, one.others.len()))
        .collect();
    severities.sort_unstable();
    assert_eq!(severities, [(Warning, 1), (Error, 0)]);
}

#[test]
fn the_link_that_leads_out_of_a_virtual_environment() {
    let image = python()
        .file("v/pyvenv.cfg", "home = /usr/local/bin\nversion = 3.13.5\n")
        .link("v/bin/python", "python3")
        .link("v/bin/python3", "/usr/local/bin/python3")
        .link("v/bin/python3.13", "python3")
        .entrypoint(&["/v/bin/python3.13"]);
    let findings = image.findings();
    let found = findings.iter().find(|one| one.rule.name == "venv").unwrap();
    let link = "`ln -sf /usr/bin/python3.13 /v/bin/python3`";
    assert!(found.remedy.contains(link), "{}", found.remedy);
    let home = "`sed -i 's|^home = .*|home = /usr/bin|' /v/pyvenv.cfg`";
    assert!(found.remedy.contains(home), "{}", found.remedy);
    let mended = image
        .link("v/bin/python3", "/usr/bin/python3.13")
        .file("v/pyvenv.cfg", "home = /usr/bin\nversion = 3.13.5\n");
    assert!(names(&mended).is_empty(), "{:?}", names(&mended));
}

#[test]
fn libraries_that_modules_look_for() {
    let module = |text: &str| python().file(&format!("{SITE}/p/q.py"), text);
    let pq = module("import ctypes.util\nlib = ctypes.util.find_library('pq')\n");
    assert!(has(&pq, "dlopen-missing", Warning, ""));
    for path in ["usr/lib/x86_64-linux-gnu/libpq.so.5", "opt/libpq-1a2b.so.5"] {
        let there = pq
            .clone()
            .file(path, ElfBuilder::shared("libpq.so.5").build());
        assert!(names(&there).is_empty(), "{path}");
    }
    assert!(names(&module("import ctypes\n")).is_empty());
    let large = format!("find_library('pq')\n{}", "#".repeat(100_000));
    assert!(has(&module(&large), "dlopen-missing", Warning, ""));
}

#[test]
fn icu_of_dotnet() {
    let library = ElfBuilder::shared("x").payload("libicuuc.so").build();
    let image = |settings: &str| {
        base()
            .file("app/libSystem.Globalization.Native.so", &library)
            .file("app/run.runtimeconfig.json", settings)
    };
    let message = "Couldn't find a valid ICU package installed on the system";
    assert!(has(&image("{}"), "dlopen-missing", Error, message));
    let invariant =
        r#"{"runtimeOptions":{"configProperties":{"System.Globalization.Invariant":true}}}"#;
    assert!(names(&image(invariant)).is_empty());
    let variable = image("{}").env("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1");
    assert!(names(&variable).is_empty());
    let icu = image("{}").file(
        "usr/lib/libicuuc.so.76",
        ElfBuilder::shared("libicuuc.so.76").build(),
    );
    assert!(names(&icu).is_empty());
    let single = ElfBuilder::executable()
        .needed("libc.so.6")
        .payload("\0libicuuc.so\0DOTNET_gcServer\0");
    assert!(has(
        &base().program("app/run", single.build()),
        "dlopen-missing",
        Error,
        message
    ));
}

#[test]
fn the_lock_of_uv() {
    let lock = |path: &str| base().file(path, "").mode(path, 0o666);
    assert_eq!(names(&lock("app/.lock")), ["world-writable"]);
    let venv = lock("app/.lock").file("app/pyvenv.cfg", "home = /usr/bin\n");
    assert!(names(&venv).is_empty(), "{:?}", names(&venv));
}

#[test]
fn builds_of_one_add_on() {
    let addon = |version: u32| {
        let addon = ElfBuilder::plugin().payload(format!("\0node_register_module_v{version}\0"));
        addon.build()
    };
    let image = |versions: &[u32]| {
        let image: Image = node().file("usr/lib/libnode.so.127", elf_library());
        versions.iter().fold(image, |image, version| {
            let path = format!("app/node_modules/x/lib/node-v{version}-linux-x64/x.node");
            image.file(&path, addon(*version))
        })
    };
    assert!(names(&image(&[115, 127, 137])).is_empty());
    let none = image(&[108, 115, 137]);
    assert_eq!(names(&none), ["node-addon"]);
    assert_eq!(none.findings()[0].others.len(), 2);
}

fn elf_library() -> Vec<u8> {
    ElfBuilder::shared("libnode.so.127")
        .needed("libc.so.6")
        .build()
}
