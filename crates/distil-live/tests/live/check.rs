//! `distil check` foretells what Docker, the kernel, the loader and Python say: images with faults
//! are really started, and the messages compared. And it reads images from a registry that asks who
//! one is.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use distil_live::outcome::find_program;
use distil_live::registry::{self, Registry};
use distil_live::{Context, Engine, require};

use crate::python;

/// A way in which an image does not start: the instructions that make it so, and the rule that finds
/// it.
const FAULTS: &[(&str, &str)] = &[
    ("ENTRYPOINT [\"/t/none\"]", "program-missing"),
    ("ENTRYPOINT [\"none\"]", "program-missing"),
    ("WORKDIR /t\nENTRYPOINT [\"./none\"]", "program-missing"),
    ("ENTRYPOINT [\"/t\"]", "program-not-executable"),
    ("ENTRYPOINT [\"/t/data\"]", "program-not-executable"),
    ("ENTRYPOINT [\"/t/text\"]", "program-not-executable"),
    ("ENTRYPOINT []\nCMD python3 /app.py", "shell-form"),
    ("CMD python3 /app.py", "shell-form"),
    ("CMD [\"python3\", \"/app.py\"]", "repeated-program"),
    ("CMD [\"/app/none.py\"]", "argument-missing"),
    ("ENTRYPOINT [\"/t/script\"]", "script-interpreter"),
    ("ENTRYPOINT [\"/t/windows\"]", "script-interpreter"),
    ("ENTRYPOINT [\"/t/musl\"]", "loader-missing"),
    ("ENTRYPOINT [\"/t/riscv\"]", "wrong-machine"),
    ("ENTRYPOINT [\"/t/cut\"]", "damaged-elf"),
    ("ENTRYPOINT [\"/t/library\"]", "library-missing"),
    ("ENTRYPOINT [\"/t/version\"]", "symbol-version"),
    ("ENTRYPOINT [\"/t/venv/bin/python\"]", "venv"),
    (
        "ENTRYPOINT [\"python3\", \"-c\", \"import m\"]",
        "python-abi",
    ),
    ("USER nobody-here", "user-unknown"),
    ("USER 1:nobody-here", "user-unknown"),
    (
        "USER 65532\nENTRYPOINT [\"/t/closed/run\"]",
        "not-reachable",
    ),
    ("USER 65532\nENTRYPOINT [\"/t/own\"]", "not-reachable"),
];

/// Programs with faults, made by the machine's own compiler.
const MAKE: &str = r#"
set -e
mkdir -p t/lib t/venv/bin t/closed site
echo data >t/data
printf 'no program\n' >t/text
printf '#!/bin/bash\necho\n' >t/script
printf '#!/usr/bin/python3\r\nprint()\n' >t/windows
printf 'home = /usr/local/bin\nversion = 3.13.1\n' >t/venv/pyvenv.cfg
ln -s /usr/local/bin/python3.13 t/venv/bin/python
echo 'int main(void) { return 0; }' >main.c
echo 'int x(void) { return 0; }' >x.c
echo 'int x(void); int main(void) { return x(); }' >needs.c
cc -o t/run main.c
cc -Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1 -o t/musl main.c
cp t/run t/riscv
printf '\363' | dd of=t/riscv bs=1 seek=18 conv=notrunc status=none
head -c 40 t/run >t/cut
echo 'X_1 { };' >one.map
echo 'X_1 { }; X_2 { global: x; } X_1;' >two.map
cc -shared -fPIC -Wl,-soname,libx.so.1 -Wl,--version-script=two.map -o libx.so.1 x.c
cc -o t/version needs.c ./libx.so.1 -Wl,-rpath,/t/lib
cc -shared -fPIC -Wl,-soname,libx.so.1 -Wl,--version-script=one.map -o t/lib/libx.so.1 x.c
cc -shared -fPIC -Wl,-soname,libnone.so.7 -o libnone.so.7 x.c
cc -o t/library needs.c ./libnone.so.7
cc -shared -fPIC -o site/m.cpython-311-x86_64-linux-gnu.so x.c
cp t/run t/own
cp t/run t/closed/run
"#;

const BASE: &str = "\
COPY t /t
COPY site /usr/lib/python3/dist-packages
COPY app.py /app.py
";

/// The image that all others stand on, with the files that are at fault.
fn base(context: &Context) -> String {
    let docker = Engine::Docker;
    let image = python().build();
    let from = image.in_engine(docker);
    context.write("app.py", "");
    context.run("sh", ["-c", MAKE]).success();
    let modes = [
        ("t/text", 0o755),
        ("t/script", 0o755),
        ("t/windows", 0o755),
        ("t/cut", 0o755),
        ("t/own", 0o700),
        ("t/closed", 0o700),
    ];
    for (path, mode) in modes {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(context.path(path), mode).unwrap();
    }
    context.write("Dockerfile", format!("FROM {from}\n{BASE}"));
    build(context, ".", "distil-test/faults");
    "distil-test/faults".to_owned()
}

#[track_caller]
fn build(context: &Context, folder: &str, tag: &str) {
    let folder = context.path(folder);
    let arguments = ["build", "--quiet", "--tag", tag, folder.to_str().unwrap()];
    Engine::Docker.run_raw(arguments).success();
}

/// What a check of an image foretells for a rule.
#[track_caller]
fn foretold(context: &Context, tag: &str, rule: &str) -> Vec<String> {
    let place = format!("docker-daemon:{tag}:latest");
    let outcome = context.distil(["check", &place, "--format", "json"]);
    let report: serde_json::Value =
        serde_json::from_str(&outcome.stdout()).unwrap_or_else(|_| panic!("{}", outcome.report()));
    let findings = report["findings"].as_array().unwrap().iter();
    let findings = findings.filter(|one| one["rule"] == rule);
    findings
        .filter_map(|one| one["at_run_time"].as_str().map(str::to_owned))
        .collect()
}

#[test]
fn what_is_foretold_is_what_is_said() {
    let Some(docker) = Engine::Docker.get() else {
        return;
    };
    if find_program("cc").is_none() || !Engine::is_native("amd64") {
        return require::missing("no compiler for amd64 is installed");
    }
    let context = Context::new();
    let base = base(&context);
    let mut wrong = String::new();
    for (number, (fault, rule)) in FAULTS.iter().enumerate() {
        let tag = format!("distil-test/fault-{number}");
        context.write(
            &format!("{number}/Dockerfile"),
            format!("FROM {base}\n{fault}\n"),
        );
        build(&context, &number.to_string(), &tag);
        let foretold = foretold(&context, &tag, rule);
        let outcome = docker.container(&tag).output();
        let said = outcome.all();
        if outcome.status() == 0 || !foretold.iter().any(|one| said.contains(one)) {
            let _ = write!(wrong, "{fault}\n  {rule}: {foretold:#?}\n  said: {said}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    // A probe is started in a container that runs.
    let tag = "distil-test/fault-probe";
    let sleeper = "ENTRYPOINT [\"python3\", \"-c\", \"import signal; signal.pause()\"]";
    for (probe, words) in [
        ("CMD curl -f localhost", ["/bin/sh", "-c"]),
        ("CMD [\"curl\", \"localhost\"]", ["curl", "localhost"]),
    ] {
        let text = format!("FROM {base}\n{sleeper}\nHEALTHCHECK {probe}\n");
        context.write("probe/Dockerfile", text);
        build(&context, "probe", tag);
        let foretold = foretold(&context, tag, "healthcheck");
        let said = docker.container(tag).start().exec(words).all();
        assert!(said.contains(&foretold[0]), "{said}\n{foretold:?}");
    }
}

#[test]
fn registries_that_ask_who_one_is() {
    for program in [registry::PROGRAM, "skopeo"] {
        if find_program(program).is_none() {
            return require::missing(&format!("{program} is not installed"));
        }
    }
    let context = Context::new();
    let server = Registry::start(context.folder());
    let image = python().build();
    let name = format!("docker://{}/team/python3:1", server.host());
    let credentials = format!("{}:{}", registry::USER, registry::PASSWORD);
    let source = image.reference();
    let copy = ["copy", "--dest-tls-verify=false", "--dest-creds"];
    context
        .run(
            "skopeo",
            copy.into_iter().chain([&*credentials, &source, &name]),
        )
        .success();
    let check = |password: &str, name: &str| {
        let mut command = context.command(["check", name, "--format", "json"]);
        command.env("REGISTRY_AUTH_FILE", server.credentials(password));
        distil_live::Outcome::of(&command, std::time::Duration::from_secs(120))
    };
    let report = check(registry::PASSWORD, &name).success().stdout();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["passed"], true);
    let digest = report["digest"].as_str().unwrap();
    let pinned = format!("docker://{}/team/python3@{digest}", server.host());
    check(registry::PASSWORD, &pinned).success();
    check("wrong", &name)
        .failure()
        .mentions("does not let the user `distil` read");
    // Blobs that are not what their digests say, as a broken disk or an attacker makes them.
    let layer = image.image().layer_digests()[0].clone();
    let path = server.blob(&layer);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    check(registry::PASSWORD, &name)
        .failure()
        .mentions("failed to read layer");
}
