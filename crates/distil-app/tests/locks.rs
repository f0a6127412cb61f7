//! What lock files pin for a Python, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use distil_app::python::lock::{ArtifactPlace, Distribution, LockFile, Selection, outdated};
use distil_app::python::{Environment, Machine, Name, choose};
use proptest::prelude::*;

fn environment(minor: u32, machine: Machine) -> Environment {
    Environment {
        minor,
        full_version: format!("3.{minor}.2"),
        machine,
        glibc: (2, 41),
    }
}

fn amd64() -> Environment {
    environment(13, Machine::X86_64)
}

fn selection(groups: &[&str], extras: &[&str]) -> Selection {
    let names = |all: &[&str]| all.iter().map(|one| Name::parse(one).unwrap()).collect();
    Selection {
        groups: names(groups),
        extras: names(extras),
        member: None,
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

fn select(
    file: &str,
    text: &str,
    selection: &Selection,
    environment: &Environment,
) -> Result<Vec<Distribution>, String> {
    let lock = LockFile::parse(file, text).map_err(|error| chain(&error))?;
    lock.select(selection, environment)
        .map_err(|error| chain(&error))
}

fn names(found: &[Distribution]) -> String {
    let names: Vec<String> = found
        .iter()
        .map(|one| {
            let mark = if one.is_direct { "*" } else { "" };
            format!("{}{mark} {}", one.name, one.version)
        })
        .collect();
    names.join(", ")
}

const HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn uv(body: &str) -> String {
    let body = body.replace("HASH", &format!("sha256:{HASH}"));
    format!("version = 1\nrevision = 3\nrequires-python = \">=3.11\"\n{body}")
}

fn project() -> String {
    uv(r#"
[[package]]
name = "shop"
version = "0.1.0"
source = { virtual = "." }
dependencies = [
    { name = "flask" },
    { name = "colorama", marker = "sys_platform == 'win32'" },
    { name = "uvicorn", extra = ["standard"] },
]

[package.optional-dependencies]
db = [{ name = "psycopg" }]

[package.dev-dependencies]
dev = [{ name = "pytest" }]

[package.metadata]
requires-dist = [
    { name = "flask", specifier = ">=3,<4" },
    { name = "colorama", marker = "sys_platform == 'win32'" },
    { name = "uvicorn", extras = ["standard"] },
    { name = "psycopg", marker = "extra == 'db'" },
]
provides-extras = ["db"]

[package.metadata.requires-dev]
dev = [{ name = "pytest" }]

[[package]]
name = "flask"
version = "3.1.0"
source = { registry = "https://index.example/simple" }
dependencies = [{ name = "jinja2" }]
sdist = { url = "https://files.example.org/flask-3.1.0.tar.gz", hash = "HASH", size = 1 }
wheels = [
    { url = "https://files.example.org/flask-3.1.0-py3-none-any.whl", hash = "HASH", size = 102979 },
]

[[package]]
name = "jinja2"
version = "3.1.4"
source = { registry = "https://index.example/simple" }
dependencies = [{ name = "markupsafe" }]
wheels = [{ url = "https://files.example.org/jinja2-3.1.4-py3-none-any.whl", hash = "HASH" }]

[[package]]
name = "markupsafe"
version = "3.0.2"
source = { registry = "https://index.example/simple" }
wheels = [
    { url = "https://files.example.org/MarkupSafe-3.0.2-cp313-cp313-manylinux_2_17_aarch64.manylinux2014_aarch64.whl", hash = "HASH" },
    { url = "https://files.example.org/MarkupSafe-3.0.2-cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", hash = "HASH" },
    { url = "https://files.example.org/MarkupSafe-3.0.2-cp313-cp313-win_amd64.whl", hash = "HASH" },
]

[[package]]
name = "colorama"
version = "0.4.6"
source = { registry = "https://index.example/simple" }

[[package]]
name = "uvicorn"
version = "0.32.0"
source = { registry = "https://index.example/simple" }
wheels = [{ url = "https://files.example.org/uvicorn-0.32.0-py3-none-any.whl", hash = "HASH" }]

[package.optional-dependencies]
standard = [{ name = "httptools" }, { name = "colorama", marker = "sys_platform == 'win32'" }]

[[package]]
name = "httptools"
version = "0.6.4"
source = { registry = "https://index.example/simple" }
sdist = { url = "https://files.example.org/httptools-0.6.4.tar.gz", hash = "HASH" }

[[package]]
name = "psycopg"
version = "3.2.3"
source = { registry = "wheels" }
wheels = [{ path = "psycopg-3.2.3-py3-none-any.whl", hash = "HASH" }]

[[package]]
name = "pytest"
version = "8.3.3"
source = { registry = "https://index.example/simple" }
wheels = [{ url = "https://files.example.org/pytest-8.3.3-py3-none-any.whl", hash = "HASH" }]
"#)
}

#[test]
fn uv_locks_are_walked_from_the_project() {
    let lock = project();
    let found = |groups: &[&str], extras: &[&str]| {
        let found = select("uv.lock", &lock, &selection(groups, extras), &amd64()).unwrap();
        names(&found)
    };
    let plain = "flask* 3.1.0, httptools 0.6.4, jinja2 3.1.4, markupsafe 3.0.2";
    assert_eq!(found(&[], &[]), format!("{plain}, uvicorn* 0.32.0"));
    assert_eq!(
        found(&[], &["db"]),
        format!("{plain}, psycopg* 3.2.3, uvicorn* 0.32.0")
    );
    assert_eq!(
        found(&["dev"], &[]),
        format!("{plain}, pytest* 8.3.3, uvicorn* 0.32.0")
    );
    let all = select("uv.lock", &lock, &selection(&[], &["DB"]), &amd64()).unwrap();
    let psycopg = all
        .iter()
        .find(|one| one.name.as_str() == "psycopg")
        .unwrap();
    let place = ArtifactPlace::Path("wheels/psycopg-3.2.3-py3-none-any.whl".to_owned());
    assert_eq!(psycopg.wheels[0].place, place);
}

#[test]
fn each_machine_gets_its_wheel_or_a_reason() {
    let lock = project();
    let of = |environment: &Environment, name: &str| {
        let found = select("uv.lock", &lock, &Selection::default(), environment).unwrap();
        let one = found.iter().find(|one| one.name.as_str() == name).unwrap();
        let wheel = choose(one, environment);
        wheel.map_or_else(|error| chain(&error), |wheel| wheel.file.clone())
    };
    let said = [
        of(&amd64(), "markupsafe"),
        of(&environment(13, Machine::Aarch64), "markupsafe"),
        of(&environment(12, Machine::X86_64), "markupsafe"),
        of(&environment(13, Machine::Riscv64), "markupsafe"),
        of(
            &Environment {
                glibc: (2, 12),
                ..amd64()
            },
            "markupsafe",
        ),
        of(&amd64(), "httptools"),
    ];
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn uv_locks_that_cannot_be_used_say_why() {
    let said =
        |body: &str| select("uv.lock", &uv(body), &Selection::default(), &amd64()).unwrap_err();
    let root = "[[package]]\nname = \"a\"\nsource = { virtual = \".\" }\n";
    let needs = |other: &str| format!("{root}dependencies = [{{ name = \"b\" }}]\n{other}");
    let b = |rest: &str| {
        needs(&format!(
            "[[package]]\nname = \"b\"\nversion = \"1\"\n{rest}"
        ))
    };
    let lock = project();
    let project = |groups: &[&str], extras: &[&str], environment: &Environment| {
        select("uv.lock", &lock, &selection(groups, extras), environment).unwrap_err()
    };
    let all = [
        said(""),
        said(&needs("")),
        said(&b(
            "source = { git = \"https://user:secret@example.org/b?rev=1#abc\" }",
        )),
        said(&b("source = { editable = \"../b\" }")),
        said(&b("source = { directory = \"../b\" }")),
        said(&b(
            "source = { registry = \"x\" }\nwheels = [{ url = \"https://e/b-1-py3-none-any.whl\" }]",
        )),
        said(&b(
            "source = { registry = \"x\" }\nwheels = [{ url = \"https://e/b-1-py3-none-any.whl\", hash = \"sha256:00\" }]",
        )),
        said(&format!(
            "{root}dependencies = [{{ name = \"b\", marker = \"os = 'x'\" }}]\n"
        )),
        said(
            "[[package]]\nname = \"a\"\nsource = { virtual = \"a\" }\n[[package]]\nname = \"b\"\nsource = { editable = \"b\" }\n",
        ),
        said("[[package]]\nname = 1\n"),
        project(&["docs"], &[], &amd64()),
        project(&[], &["fast"], &amd64()),
        project(&[], &[], &environment(10, Machine::X86_64)),
        select("uv.lock", "version = 2\n", &Selection::default(), &amd64()).unwrap_err(),
        select("uv.lock", "version = ", &Selection::default(), &amd64()).unwrap_err(),
        select("poetry.lock", "", &Selection::default(), &amd64()).unwrap_err(),
    ];
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn a_lock_that_is_out_of_date_is_told() {
    let lock = LockFile::parse("uv.lock", &project()).unwrap();
    let pyproject = |dependencies: &str| {
        format!(
            "[project]\nname = \"Shop\"\ndependencies = [{dependencies}]\n\
             [project.optional-dependencies]\ndb = [\"psycopg\"]\n\
             [dependency-groups]\ndev = [\"pytest\", {{ include-group = \"x\" }}]\n"
        )
    };
    let same = r#""Flask >= 3, < 4", "colorama; sys_platform == 'win32'", "uvicorn[standard]""#;
    assert_eq!(
        outdated(&lock, &pyproject(same)).unwrap(),
        Vec::<String>::new()
    );
    let other = r#""flask>=4", "colorama", "uvicorn[standard]", "numpy>2""#;
    insta::assert_snapshot!(outdated(&lock, &pyproject(other)).unwrap().join("\n"), @r"
    the project asks for `flask>=4`, and the lock does not know it
    the project asks for `numpy>2`, and the lock does not know it
    ");
    let fewer = r#""flask>=3,<4", "colorama""#;
    insta::assert_snapshot!(outdated(&lock, &pyproject(fewer)).unwrap().join("\n"), @"the lock knows `uvicorn`, and the project does not ask for it");
    // Older forms, and what nobody knows without running the project.
    let older = format!(
        "[project]\nname = \"shop\"\ndependencies = [{same}]\n[project.optional-dependencies]\n\
         db = [\"psycopg\"]\n[tool.uv]\ndev-dependencies = [\"pytest\"]\n"
    );
    assert_eq!(outdated(&lock, &older).unwrap(), Vec::<String>::new());
    let dynamic = "[project]\nname = \"shop\"\ndynamic = [\"dependencies\"]\n";
    assert_eq!(outdated(&lock, dynamic).unwrap(), Vec::<String>::new());
    assert!(outdated(&lock, "[project").is_err());
}

const PYLOCK: &str = r#"
lock-version = "1.0"
environments = ["sys_platform == 'linux'"]
requires-python = ">=3.12"
extras = ["cli"]
dependency-groups = ["docs"]
default-groups = ["main"]
created-by = "a tool"

[[packages]]
name = "Attrs"
version = "25.1.0"
requires-python = ">=3.8"
wheels = [{ name = "attrs-25.1.0-py3-none-any.whl", url = "https://files.example.org/x", size = 1, hashes = { sha256 = "HASH" } }]

[[packages]]
name = "click"
version = "8"
marker = "'cli' in extras"
archive = { path = "wheels/click-8-py3-none-any.whl", hashes = { sha256 = "HASH" } }

[[packages]]
name = "sphinx"
version = "8"
marker = "'docs' in dependency_groups"
sdist = { name = "sphinx-8.tar.gz", url = "https://e/s", hashes = { sha256 = "HASH" } }

[[packages]]
name = "default"
version = "1"
marker = "'main' in dependency_groups"
archive = { url = "https://e/default-1.tar.gz", hashes = { sha256 = "HASH" } }
"#;

#[test]
fn pylock_files_choose_by_markers() {
    let text = PYLOCK.replace("HASH", HASH);
    let found = |groups: &[&str], extras: &[&str]| {
        names(&select("pylock.toml", &text, &selection(groups, extras), &amd64()).unwrap())
    };
    assert_eq!(found(&[], &[]), "attrs* 25.1.0, default* 1");
    assert_eq!(
        found(&["docs"], &["cli"]),
        "attrs* 25.1.0, click* 8, sphinx* 8"
    );
    let said = |text: &str, groups: &[&str], environment: &Environment| {
        select(
            "pylock.prod.toml",
            text,
            &selection(groups, &[]),
            environment,
        )
        .unwrap_err()
    };
    let replaced = |from: &str, to: &str| said(&text.replace(from, to), &[], &amd64());
    let all = [
        said(&text, &["x"], &amd64()),
        said(&text, &[], &environment(11, Machine::X86_64)),
        replaced("== 'linux'", "== 'darwin'"),
        replaced("lock-version = \"1.0\"", "lock-version = \"2.0\""),
        replaced("lock-version = \"1.0\"", ""),
        replaced("requires-python = \">=3.8\"", "requires-python = \"<3.8\""),
        replaced(
            &format!("{{ sha256 = \"{HASH}\" }} }}]"),
            "{ md5 = \"0\" } }]",
        ),
        replaced("\"click\"", "\"attrs\"\nversion = \"1\"\n"),
        replaced(
            "name = \"click\"\nversion = \"8\"\nmarker = \"'cli' in extras\"",
            "name = \"attrs\"\nversion = \"8\"",
        ),
        replaced(
            "archive = { url = \"https://e/default-1.tar.gz\"",
            "vcs = { type = \"git\", url = \"https://u:p@e/x\", commit-id = \"0\"} \nx = { url = \"\"",
        ),
    ];
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn requirements_with_hashes() {
    let text = format!(
        "# made by pip-compile\n\
         --index-url https://user:secret@index.example.org/simple\n\
         --extra-index-url=https://other.example.org/simple\n\
         Flask==3.1.0 \\\n    --hash=sha256:{HASH} \\\n    --hash=sha512:00\n    # via -r x\n\
         click[extra]==8.1 ; python_version >= \"3.8\" --hash sha256:{HASH} # why\n\
         win==1 ; sys_platform == 'win32' --hash=sha256:{HASH}\n\
         direct @ https://e.org/direct-2-py3-none-any.whl#sha256={HASH}\n"
    );
    let found = select("requirements.txt", &text, &Selection::default(), &amd64()).unwrap();
    assert_eq!(names(&found), "click* 8.1, direct* 2, flask* 3.1.0");
    assert_eq!(found[2].hashes.len(), 1);
    assert_eq!(found[1].wheels[0].file, "direct-2-py3-none-any.whl");
    let lock = LockFile::parse("requirements.txt", &text).unwrap();
    assert_eq!(lock.indexes().len(), 2);
    assert!(lock.indexes()[0].contains("index.example.org"));
}

#[test]
fn requirements_that_cannot_be_used_say_why() {
    let said =
        |text: &str| select("requirements.txt", text, &Selection::default(), &amd64()).unwrap_err();
    let hashed = |name: &str| format!("{name} --hash=sha256:{HASH}\n");
    let all = [
        said("flask==3\n"),
        said("\nflask==3 --hash=sha512:00\n"),
        said(&hashed("flask>=3")),
        said(&hashed("flask")),
        said("flask==3 --hash=sha256:12\n"),
        said("flask==3 --global-option=x\n"),
        said("-e .\n"),
        said("-e git+https://u:secret@e.org/x#egg=x\n"),
        said("-r other.txt\n"),
        said("--no-binary :all:\n"),
        said("--frobnicate\n"),
        said("git+https://u:secret@e.org/x\n"),
        said("https://u:secret@e.org/x.whl\n"),
        said("./x\n"),
        said("file:///x\n"),
        said("x @ git+https://u:secret@e.org/x\n"),
        said("x @ https://e.org/x.tar.gz\n"),
        said("x @ https://e.org/x-1-py3-none-any.whl\n"),
        said("=1\n"),
        said(&(hashed("x==1") + &hashed("X==2"))),
        select(
            "r.txt",
            &hashed("x==1"),
            &selection(&["dev"], &[]),
            &amd64(),
        )
        .unwrap_err(),
    ];
    insta::assert_snapshot!(all.join("\n"));
    assert!(!all.join("").contains("secret"));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}", index in 0usize..3) {
        let file = ["uv.lock", "pylock.toml", "requirements.txt"][index];
        let _ = select(file, &text, &Selection::default(), &amd64());
    }
}
