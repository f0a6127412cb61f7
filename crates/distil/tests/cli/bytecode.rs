//! Python's compiled files: what is compiled, where it goes, and what the interpreter sees while it compiles. The
//! interpreter is a small static program that speaks as Python does; that of Debian is in the live tests.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use distil_fixture::{DebBuilder, ElfBuilder, Machine, WheelBuilder};

use crate::context::Context;
use crate::images::{File, files};
use crate::own_definitions::{build, deb, layers};

/// The interpreter, compiled once.
static INTERPRETER: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let name = format!("interpreter-{}", std::process::id());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/interpreter.c");
    let compiled = Command::new("cc")
        .args(["-static", "-O1", "-w", "-o"])
        .args([&path, &source])
        .status();
    assert!(compiled.unwrap().success(), "`cc -static` failed");
    let program = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    program
});

fn python() -> DebBuilder {
    deb("snake")
        .executable("usr/bin/python3.13", &*INTERPRETER)
        .symlink("usr/bin/python3", "python3.13")
        .file("usr/lib/python3.13/os.py", "import sys\n")
        .file("usr/lib/python3.13/json/__init__.py", "x = 1\n")
        .file("usr/lib/python3.11/os.py", "of another version\n")
        .file("usr/share/snake/script.txt", "no source\n")
        .file("etc/snake/site.py", "configuration\n")
        .symlink("usr/lib/python3.13/site.py", "/etc/snake/site.py")
}

fn context() -> Context {
    // By which it is known for which Python wheels have to be.
    let library = DebBuilder::new("libpython3.13-stdlib", "9:3.13.9-1", "amd64");
    let context = Context::with_packages(vec![python(), library.file("usr/lib/python3.13/x", "")]);
    fs::create_dir(context.work().join("src")).unwrap();
    context
}

/// The text of a definition with these lines, based on Python.
fn app(lines: &str) -> String {
    format!(
        "name: app\nfrom: base\npackages: [snake]\nbytecode: true\n\
         config: {{entrypoint: [/usr/bin/python3]}}\n{lines}"
    )
}

fn source(context: &Context, name: &str, text: &str) -> PathBuf {
    let path = context.work().join("src").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

const COPY: &str = "copy: [{from: src, to: /app}]\n";

/// The answers to questions, one a source.
fn ask(questions: &[&str]) -> Vec<String> {
    let context = context();
    for (number, question) in questions.iter().enumerate() {
        source(&context, &format!("q{number}.py"), question);
    }
    let files = build(&context, &app(COPY));
    let answer = |number| {
        constant(
            &files,
            &format!("app/__pycache__/q{number}.cpython-313.pyc"),
        )
    };
    (0..questions.len()).map(answer).collect()
}

/// The constant of a compiled file: behind its header, five numbers, empty code and the head of a tuple.
fn constant(files: &BTreeMap<String, File>, path: &str) -> String {
    let file = files.get(path).unwrap_or_else(|| panic!("no `{path}`"));
    let at = 16 + 21 + 5 + 2;
    let size = file.bytes[at + 1..at + 5].try_into().unwrap();
    let size = u32::from_le_bytes(size) as usize;
    String::from_utf8(file.bytes[at + 5..at + 5 + size].to_vec()).unwrap()
}

fn compiled(files: &BTreeMap<String, File>) -> Vec<&str> {
    let paths = files.keys().map(String::as_str);
    paths.filter(|path| path.ends_with(".pyc")).collect()
}

#[test]
fn sources_get_their_compiled_files() {
    let context = context();
    source(&context, "main.py", "main\n");
    source(&context, "broken.py", "not python\n");
    source(&context, "a-b.py", "no module\n");
    source(&context, "pkg/mod.py", "module\n");
    // What was left on the machine is not what this interpreter makes.
    source(&context, "__pycache__/main.cpython-313.pyc", "stale");
    let files = build(&context, &app(COPY));
    assert_eq!(
        compiled(&files),
        [
            "app/__pycache__/main.cpython-313.pyc",
            "app/pkg/__pycache__/mod.cpython-313.pyc",
            "usr/lib/python3.13/__pycache__/os.cpython-313.pyc",
            "usr/lib/python3.13/__pycache__/site.cpython-313.pyc",
            "usr/lib/python3.13/json/__pycache__/__init__.cpython-313.pyc",
        ]
    );
    let main = &files["app/__pycache__/main.cpython-313.pyc"];
    assert_eq!((main.mode, main.uid), (0o644, 0));
    assert_eq!(
        constant(&files, "app/__pycache__/main.cpython-313.pyc"),
        "main"
    );
    // A package's own are taken as they are; what somebody may mount another file over is looked at.
    let flags = |path: &str| files[path].bytes[4];
    assert_eq!(
        flags("usr/lib/python3.13/__pycache__/os.cpython-313.pyc"),
        0b01
    );
    assert_eq!(
        flags("usr/lib/python3.13/__pycache__/site.cpython-313.pyc"),
        0b11
    );
    assert_eq!(flags("app/__pycache__/main.cpython-313.pyc"), 0b11);
    // The path is that of the image.
    let os = &files["usr/lib/python3.13/__pycache__/os.cpython-313.pyc"].bytes;
    let path = b"/usr/lib/python3.13/os.py";
    assert!(os.windows(path.len()).any(|bytes| bytes == path));
}

#[test]
fn without_the_key_nothing_is_compiled() {
    let context = context();
    source(&context, "main.py", "crash\n");
    let yaml = app(COPY).replace("bytecode: true\n", "");
    assert!(compiled(&build(&context, &yaml)).is_empty());
    let yaml = app(COPY).replace("bytecode: true", "bytecode: false");
    assert!(compiled(&build(&context, &yaml)).is_empty());
}

/// An edit of the application's own code changes the layer of that alone, though what it is based on has no
/// compiled files itself; and only what was edited is compiled.
#[test]
fn an_edit_compiles_one_file_and_changes_one_layer() {
    let context = context();
    source(&context, "main.py", "one\n");
    source(&context, "when.py", "time\n");
    let (main, when) = (
        "app/__pycache__/main.cpython-313.pyc",
        "app/__pycache__/when.cpython-313.pyc",
    );
    fs::write(
        context.work().join("snake.yaml"),
        "name: snake\nfrom: base\npackages: [snake]\nconfig: {entrypoint: [/usr/bin/python3]}\n",
    )
    .unwrap();
    let yaml = format!("name: app\nfrom: snake.yaml\nbytecode: true\n{COPY}");
    let before = build(&context, &yaml);
    let layers_before = layers(&context, &["app.yaml"]);
    source(&context, "main.py", "two\n");
    let after = build(&context, &yaml);
    let layers_after = layers(&context, &["app.yaml"]);
    assert_eq!(constant(&before, main), "one");
    assert_eq!(constant(&after, main), "two");
    assert_eq!(constant(&before, when), constant(&after, when));
    let (last, others) = layers_after.split_last().unwrap();
    assert_eq!(others, &layers_before[..others.len()]);
    assert_ne!(*last, layers_before[others.len()]);
    let os = &after["usr/lib/python3.13/__pycache__/os.cpython-313.pyc"];
    assert_eq!(os.layer, after[main].layer - 1);
    assert_eq!(layers_before.len(), layers_after.len());
}

/// What one process marks, another does not: how many there are, and what each gets, changes nothing.
#[test]
fn the_same_bytes_whatever_compiles_what() {
    let context = context();
    for number in 0..100 {
        source(
            &context,
            &format!("m{number}.py"),
            &format!("some text {number}\n"),
        );
    }
    context.define(&app(COPY));
    context.run(&["build", "app.yaml", "--platform", "linux/amd64", "--check"]);
}

#[test]
fn the_interpreter_sees_nothing_and_writes_nowhere() {
    let questions = [
        "who",
        "environment",
        "network",
        "write",
        "root",
        "bin",
        "memory",
        "files",
    ];
    let answers = ask(&questions);
    let shown: Vec<String> = questions
        .iter()
        .zip(&answers)
        .map(|(question, answer)| format!("{question}: {answer}"))
        .collect();
    // Whose the files are depends on who runs the tests.
    let shown = shown.join("\n").replace("EACCES", "EROFS");
    insta::assert_snapshot!(shown, @"
    who: 65534:65534 /
    environment: HOME=/ HOSTNAME=distil PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin PYTHONHASHSEED=0 PYTHONHOME=/usr 
    network: ENETUNREACH
    write: EROFS EROFS EFBIG
    root: dev etc lib lib64 proc sys tmp usr 
    bin: python3.13 
    memory: ENOMEM
    files: 0 1 2 3 4 5 6
    ");
}

#[test]
fn an_interpreter_that_fails_is_told() {
    let mut all = String::new();
    for text in ["crash", "exhausted", "nonsense"] {
        let context = context();
        source(&context, "main.py", text);
        context.define(&app(COPY));
        all += &context.fails(&["build", "app.yaml"]);
        all += "\n";
    }
    let context = Context::new();
    context.define("name: app\nfrom: static\nbytecode: true\n");
    all += &context.fails(&["build", "app.yaml"]);
    insta::assert_snapshot!(all, @"
    status 1
    error: failed to compile Python's sources
      cause: Python failed to compile `/app/main.py`
      cause: the interpreter ended before it answered

    hint: `bytecode: false` leaves the compiled files out: containers then compile what they import

    status 1
    error: failed to compile Python's sources
      cause: Python failed to compile `/app/main.py`
      cause: the compiler ended with MemoryError

    hint: `bytecode: false` leaves the compiled files out: containers then compile what they import

    status 1
    error: failed to compile Python's sources
      cause: Python failed to compile `/app/main.py`
      cause: an object at byte 0 of the code has the type `w`, which is not known

    hint: `bytecode: false` leaves the compiled files out: containers then compile what they import

    status 1
    error: `bytecode` of definition `app` asks for compiled files, and the image has no Python of a Debian package
     --> app.yaml:3:11
      |
    3 | bytecode: true
      |           ^^^^

    hint: base it on `python3`
    ");
}

#[test]
fn wheels_are_compiled_with_their_own_layer() {
    let context = context();
    fs::create_dir(context.work().join("wheels")).unwrap();
    let wheel = WheelBuilder::new("thing", "1.0").file("thing/__init__.py", "thing\n");
    let bytes = wheel.build();
    fs::write(
        context.work().join("wheels").join(wheel.file_name()),
        &bytes,
    )
    .unwrap();
    fs::write(
        context.work().join("requirements.txt"),
        format!(
            "thing==1.0 --hash=sha256:{}\n",
            distil_fixture::sha256_hex(&bytes)
        ),
    )
    .unwrap();
    source(&context, "main.py", "main\n");
    let lines = format!("python: {{lock: requirements.txt, find-links: [wheels]}}\n{COPY}");
    let yaml = app(&lines).replace("[snake]", "[snake, libpython3.13-stdlib]");
    let files = build(&context, &yaml);
    let thing = &files["app/deps/thing/__pycache__/__init__.cpython-313.pyc"];
    assert_eq!(thing.bytes[4], 0b01);
    assert_eq!(thing.layer, files["app/deps/thing/__init__.py"].layer);
    let main = &files["app/__pycache__/main.cpython-313.pyc"];
    assert_eq!(main.layer, files["app/main.py"].layer);
    assert_ne!(main.layer, thing.layer);
}

#[test]
fn a_file_of_a_definition_is_no_interpreter() {
    let context = context();
    fs::write(context.work().join("program"), &*INTERPRETER).unwrap();
    context.define(&app(
        "files: [{path: /usr/bin/python3.13, from: program, mode: '0755', replace: true}]\n",
    ));
    let said = context.fails(&["build", "app.yaml"]);
    assert!(said.contains("has no Python of a Debian package"), "{said}");
}

/// The packages of an interpreter for two machines: this one runs the first.
fn pythons(other: &str) -> Vec<DebBuilder> {
    let package = |version: &str, architecture: &str, program: &[u8]| {
        // A rebuild of the same source has another version.
        let source = version.split('+').next().unwrap();
        DebBuilder::new("python3.13-minimal", version, architecture)
            .source(&format!("python3.13 ({source})"))
            .executable("usr/bin/python3.13", program)
            .file("usr/lib/python3.13/os.py", "import sys\n")
    };
    let foreign = ElfBuilder::static_executable().machine(Machine::Aarch64);
    vec![
        package("9:3.13.9-1", "amd64", &INTERPRETER),
        package(other, "arm64", &foreign.build()),
    ]
}

const MINIMAL: &str = "name: app\nfrom: base\npackages: [python3.13-minimal]\nbytecode: true\n\
    config: {entrypoint: [/usr/bin/python3.13]}\ncopy: [{from: src, to: /app}]\n";

#[test]
fn images_for_other_machines_are_compiled_by_this_ones_interpreter() {
    let context = Context::with_packages(pythons("9:3.13.9-1+b2"));
    source(&context, "main.py", "main\n");
    context.define(MINIMAL);
    let compiled = |platform: &str, output: &str| {
        let output_is = format!("oci-archive:{output}");
        context.run(&[
            "build",
            "-q",
            "app.yaml",
            "--platform",
            platform,
            "-o",
            &output_is,
        ]);
        let files = files(&context.work().join(output));
        let files = files.into_iter().filter(|(path, _)| path.ends_with(".pyc"));
        files
            .map(|(path, file)| (path, file.bytes))
            .collect::<BTreeMap<_, _>>()
    };
    let arm64 = compiled("linux/arm64", "arm64.tar");
    assert_eq!(arm64.len(), 2);
    assert_eq!(arm64, compiled("linux/amd64", "amd64.tar"));

    // With a lock, out of the same lock.
    let both = "linux/amd64,linux/arm64";
    context.run(&["lock", "app.yaml", "--platform", both]);
    assert_eq!(arm64, compiled("linux/arm64", "locked.tar"));
    fs::remove_file(context.work().join("app.lock")).unwrap();
    context.run(&["lock", "app.yaml", "--platform", "linux/arm64"]);
    source(&context, "main.py", "another\n");
    let message = context.fails(&["build", "app.yaml", "--platform", "linux/arm64"]);
    insta::assert_snapshot!(message, @"
    status 1
    note: the packages of `app.yaml` are as `app.lock` pins them
    error: failed to compile Python's sources
      cause: the image is for linux/arm64, and its Python for linux/amd64, which would compile, cannot be had
      cause: `app.lock` does not fit `app.yaml`: it is for linux/arm64, and not for linux/amd64

    hint: `distil lock app.yaml --platform …` locks other platforms

    hint: `bytecode: false` leaves the compiled files out: containers then compile what they import
    ");
}

#[test]
fn another_version_does_not_compile() {
    let context = Context::with_packages(pythons("9:3.13.8-1"));
    source(&context, "main.py", "main\n");
    context.define(MINIMAL);
    let message = context.fails(&["build", "app.yaml", "--platform", "linux/arm64"]);
    insta::assert_snapshot!(message, @"
    status 1
    error: failed to compile Python's sources
      cause: the image's Python is of `python3.13 9:3.13.8-1`, and that for this machine of `python3.13 9:3.13.9-1`

    hint: `bytecode: false` leaves the compiled files out: containers then compile what they import
    ");
}

/// Builds in a user namespace that has one number, after a command of a shell.
fn build_in_user_namespace(context: &Context, before: &str, output: &str) -> Result<(), String> {
    let inner = context.command(&["build", "-q", "app.yaml", "-o", output]);
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "sh", "-c"])
        .arg(format!("{before}; exec \"$@\""))
        .arg("sh")
        .arg(inner.get_program())
        .args(inner.get_args())
        .current_dir(context.work())
        .env_clear();
    let variables = inner.get_envs();
    command.envs(variables.filter_map(|(name, value)| Some((name, value?))));
    let output = command.env("PATH", "/usr/bin:/bin").output().unwrap();
    match output.status.success() {
        true => Ok(()),
        false => Err(context.stderr(&output)),
    }
}

/// The bytes of an image do not depend on the machine: where the interpreter cannot be run, there is none.
#[test]
fn where_there_are_no_user_namespaces_a_build_fails() {
    let context = context();
    source(&context, "main.py", "main\n");
    context.define(&app(COPY));
    let none = "echo 0 >/proc/sys/user/max_user_namespaces";
    let message = build_in_user_namespace(&context, none, "oci:one").unwrap_err();
    insta::assert_snapshot!(message, @"
    error: failed to compile Python's sources
      cause: failed to run Python in a sandbox
      cause: this system does not let `distil` make a user namespace: the setting `user.max_user_namespaces` is 0
      cause: No space left on device (os error 28)

    hint: an administrator can allow them: `sysctl -w kernel.unprivileged_userns_clone=1`, `user.max_user_namespaces=15000` or `kernel.apparmor_restrict_unprivileged_userns=0`, whichever exists; in a container of Docker's, `--security-opt seccomp=unconfined --security-opt systempaths=unconfined`

    hint: `bytecode: false` leaves the compiled files out: containers then compile what they import
    ");
    // Where they are allowed in a namespace that has nobody but root, it runs as that.
    build_in_user_namespace(&context, ":", "oci:two").unwrap();
    // And what the store has needs no interpreter, though the image is another.
    context.define(&format!("{}description: another\n", app(COPY)));
    build_in_user_namespace(&context, none, "oci:three").unwrap();
    let index = |name: &str| fs::read(context.work().join(name).join("index.json")).unwrap();
    assert_ne!(index("two"), index("three"));
}
