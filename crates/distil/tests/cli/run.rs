//! Programs run in containers of their own: a static program that answers questions, in an image and
//! in a plain root file system. They run as whoever runs the tests, root or not.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;

use crate::context::Context;
use crate::interrupted::is_ignored;

/// The program, compiled once.
static PROBE: LazyLock<PathBuf> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("probe-{}", std::process::id()));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/probe.c");
    let compiled = Command::new("cc")
        .args(["-static", "-O1", "-w", "-o"])
        .args([&path, &source])
        .status();
    assert!(compiled.unwrap().success(), "`cc -static` failed");
    path
});

/// A root file system with the program and little else.
fn root(context: &Context) -> PathBuf {
    let root = context.work().join("root");
    for directory in ["proc", "dev", "sys", "tmp", "etc", "data"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    fs::copy(&*PROBE, root.join("probe")).unwrap();
    fs::write(
        root.join("etc/passwd"),
        "root:x:0:0::/root:\napp:x:1234:1235::/home/app:\n",
    )
    .unwrap();
    // Mount points, as an image gets them when it is unpacked.
    for file in ["hosts", "hostname", "resolv.conf"] {
        fs::write(root.join("etc").join(file), "").unwrap();
    }
    fs::write(root.join("etc/group"), "root:x:0:\nmore:x:77:app\n").unwrap();
    root
}

fn command(context: &Context, flags: &[&str], question: &[&str]) -> Command {
    let mut command = context.bare(&["run", "rootfs:root", "--entrypoint", "/probe"]);
    command.args(flags).arg("--").args(question);
    command.stdin(Stdio::null());
    command
}

fn ask(context: &Context, flags: &[&str], question: &[&str]) -> String {
    let output = command(context, flags, question).output().unwrap();
    let said = context.stderr(&output);
    assert!(output.status.success(), "{question:?}: {said}");
    assert_eq!(said, "");
    String::from_utf8(output.stdout).unwrap()
}

fn with_root() -> Context {
    let context = Context::new();
    root(&context);
    context
}

fn is_root() -> bool {
    uid() == 0
}

/// The user of this process.
fn uid() -> u32 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").unwrap().uid()
}

#[test]
fn an_image_runs_as_its_configuration_says() {
    let context = Context::new();
    fs::copy(&*PROBE, context.work().join("probe")).unwrap();
    context.define(
        "name: app\nfrom: static\nfiles: [{path: /app/probe, from: ./probe, mode: '0755'}]\n\
         directories: [{path: /app/data, owner: nonroot, mode: '0750'}]\n\
         config: {entrypoint: [/app/probe], cmd: [words, a b], env: {COLOR: blue}, \
         workdir: /app, user: '65532'}\n",
    );
    let run = |flags: &[&str]| {
        let arguments = [&["run", "app.yaml", "-q"], flags].concat();
        let words = arguments.iter().position(|word| *word == "--");
        let (before, after) = arguments.split_at(words.unwrap_or(arguments.len()));
        let output = context.command(before);
        // The archive's flags have to come before the program's words.
        let mut output = output;
        output.args(after).stdin(Stdio::null());
        let output = output.output().unwrap();
        assert!(output.status.success(), "{}", context.stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(run(&[]), "[/app/probe][words][a b]\n");
    assert_eq!(run(&["--", "id"]), "65532:65532\n");
    assert_eq!(run(&["--user", "0", "--", "id"]), "0:0\n");
    assert_eq!(run(&["--", "cwd"]), "/app\n");
    let env = run(&["-e", "SIZE=3", "--", "env"]);
    for line in ["COLOR=blue\n", "SIZE=3\n", "HOME=/home/nonroot\n", "PATH=/"] {
        assert!(env.contains(line), "{line} in {env}");
    }
    if is_root() {
        assert_eq!(run(&["--", "stat", "/app/data"]), "750 65532:65532\n");
        assert_eq!(run(&["--", "stat", "/app/probe"]), "755 0:0\n");
    }
    // Unpacked once.
    let roots = fs::read_dir(context.store().join("roots")).unwrap();
    assert_eq!(roots.count(), 2, "one tree, and the directory for mounts");
}

#[test]
fn what_the_command_line_says_goes_before_the_image() {
    let context = with_root();
    assert_eq!(ask(&context, &[], &["id"]), "0:0\n");
    let groups = match is_root() {
        true => "1234:1235 77\n".to_owned(),
        // Those of this process stay, as the number of nobody.
        false => ask(&context, &["--user", "app"], &["id"]),
    };
    assert!(groups.starts_with("1234:1235"));
    assert_eq!(ask(&context, &["--user", "app"], &["id"]), groups);
    assert_eq!(
        ask(&context, &["-u", "5:6"], &["id"])
            .trim_end()
            .split(' ')
            .next(),
        Some("5:6")
    );
    assert_eq!(ask(&context, &["-w", "/data"], &["cwd"]), "/data\n");
    assert_eq!(ask(&context, &["-w", "/new/deep"], &["cwd"]), "/new/deep\n");
    assert_eq!(
        ask(&context, &["--hostname", "box"], &["cat", "/etc/hostname"]),
        "box\n"
    );
}

#[test]
fn the_exit_status_is_the_programs() {
    let context = with_root();
    let status = |question: &[&str]| {
        let output = command(&context, &[], question).output().unwrap();
        output.status.code().unwrap()
    };
    assert_eq!(status(&["exit", "0"]), 0);
    assert_eq!(status(&["exit", "42"]), 42);
    assert_eq!(status(&["raise", "9"]), 128 + 9);
    assert_eq!(status(&["raise", "15"]), 128 + 15);
}

#[test]
fn only_what_is_meant_to_be_can_be_written() {
    let context = with_root();
    let write = |flags: &[&str], path: &str| ask(&context, flags, &["write", path]);
    assert_eq!(write(&[], "/new"), "EROFS\n");
    assert_eq!(write(&[], "/etc/hosts"), "EROFS\n");
    assert_eq!(write(&[], "/tmp/new"), "ok\n");
    assert_eq!(write(&[], "/dev/shm/new"), "ok\n");
    for path in [
        "/proc/sys/kernel/hostname",
        "/proc/sysrq-trigger",
        "/sys/kernel/new",
    ] {
        let outcome = write(&[], path);
        assert!(
            ["EROFS\n", "EACCES\n", "EPERM\n", "ENOENT\n"].contains(&outcome.as_str()),
            "{path} {outcome}"
        );
    }
    assert_eq!(write(&["--read-only=false"], "/new"), "ok\n");
    assert_eq!(ask(&context, &[], &["cat", "/new"]), "ENOENT\n");
    assert!(!context.work().join("root/new").exists());
}

#[test]
fn volumes_are_the_hosts() {
    let context = with_root();
    fs::create_dir(context.work().join("data")).unwrap();
    fs::write(context.work().join("data/in"), "from the host\n").unwrap();
    let cat = ["cat", "/data/in"];
    assert_eq!(
        ask(&context, &["-v", "./data:/data"], &cat),
        "from the host\n"
    );
    // Where the image has nothing.
    let deep = ["-v", "./data:/some/where/else"];
    assert_eq!(ask(&context, &deep, &["ls", "/some/where/else"]), "in\n");
    assert_eq!(
        ask(
            &context,
            &["-v", "./data:/data:ro"],
            &["write", "/data/out"]
        ),
        "EROFS\n"
    );
    assert_eq!(
        ask(&context, &["-v", "./data:/data"], &["write", "/data/out"]),
        "ok\n"
    );
    assert_eq!(
        fs::read(context.work().join("data/out")).unwrap(),
        b"written\n"
    );
    // A file, and a link of the image that leads out of it.
    let file = ["-v", "./data/in:/etc/in"];
    assert_eq!(ask(&context, &file, &["cat", "/etc/in"]), "from the host\n");
    std::os::unix::fs::symlink("../../../..", context.work().join("root/up")).unwrap();
    let out = ["-v", "./data:/up/tmp2"];
    assert_eq!(ask(&context, &out, &["cat", "/tmp2/in"]), "from the host\n");
}

#[test]
fn privileges_are_gone() {
    let context = with_root();
    let status = ask(&context, &[], &["cat", "/proc/self/status"]);
    for line in [
        "CapPrm:\t0000000000000000",
        "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "CapAmb:\t0000000000000000",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
    ] {
        assert!(status.contains(line), "{line} in {status}");
    }
    let calls = ask(&context, &[], &["calls"]);
    assert_eq!(
        calls,
        "mount EPERM\nunshare EPERM\nclone3 ENOSYS\nsetuid EPERM\nchroot EPERM\n\
         setgroups EPERM\nbpf EPERM\nunknown ENOSYS\n"
    );
    // The first process is the host's executable.
    assert_eq!(
        ask(&context, &[], &["init"]),
        "pid 2 parent 1\nexecutable EACCES\nmemory EACCES\n"
    );
    // Hidden behind something empty.
    assert_eq!(ask(&context, &[], &["cat", "/proc/timer_list"]), "");
}

#[test]
fn nobody_is_left_a_zombie() {
    let context = with_root();
    assert_eq!(ask(&context, &[], &["orphans"]), "2 processes\n");
}

#[test]
fn open_files_of_the_host_stay_there() {
    let context = with_root();
    let run = command(&context, &[], &["files"]);
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg("exec 7</etc 9</proc; exec \"$@\"")
        .arg("sh");
    shell.arg(run.get_program()).args(run.get_args());
    shell.current_dir(context.work()).env_clear();
    shell
        .env("DISTIL_STORE", context.store())
        .stdin(Stdio::null());
    let output = shell.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "end\n");
}

#[test]
fn networks_are_the_hosts_or_a_loopback_interface() {
    let context = with_root();
    let interfaces = ask(&context, &["--network", "none"], &["ls", "/sys/class/net"]);
    assert_eq!(interfaces, "lo\n");
    let state = ["cat", "/sys/class/net/lo/flags"];
    assert_eq!(ask(&context, &["--network", "none"], &state), "0x9\n");
    let hosts = ask(&context, &["--network", "none"], &["cat", "/etc/hosts"]);
    assert!(hosts.starts_with("127.0.0.1\tlocalhost\n"), "{hosts}");
    let hosts = ask(&context, &[], &["cat", "/etc/hosts"]);
    assert_eq!(hosts, fs::read_to_string("/etc/hosts").unwrap());
}

#[test]
fn standard_files_are_passed_on() {
    let context = with_root();
    let mut command = command(&context, &[], &["stdin"]);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"hello\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.stdout, b"hello\n");
}

/// Starts it, and waits for the program's first word.
fn started(mut command: Command) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    (child, output)
}

fn kill(signal: &str, pid: u32) {
    let line = format!("kill -s {signal} {pid}");
    assert!(
        Command::new("sh")
            .arg("-c")
            .arg(line)
            .status()
            .unwrap()
            .success()
    );
}

#[test]
fn signals_reach_the_program() {
    for (name, number) in [("TERM", 15), ("INT", 2), ("HUP", 1), ("USR1", 10)] {
        if is_ignored(number) {
            // As the command ignores it then, and its program gets to know nothing.
            continue;
        }
        let context = with_root();
        let mut command = command(&context, &[], &["wait"]);
        command.process_group(0);
        let (mut child, mut output) = started(command);
        kill(name, child.id());
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, format!("signal {number}\n"));
        assert_eq!(child.wait().unwrap().code(), Some(7));
    }
}

#[test]
fn nothing_is_left_after_a_kill() {
    let context = with_root();
    let (mut child, mut output) = started(command(&context, &[], &["sleep"]));
    let before = fs::read_to_string("/proc/self/mounts").unwrap();
    kill("KILL", child.id());
    child.wait().unwrap();
    // Whoever has the other end open is gone when it ends.
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
    assert_eq!(fs::read_to_string("/proc/self/mounts").unwrap(), before);
}

#[test]
fn a_terminal_is_the_containers_own() {
    let context = with_root();
    let output = ask(&context, &["-t"], &["tty"]);
    assert!(output.starts_with("111 ok 0x0 /dev/pts/0\r\n"), "{output}");
    assert!(output.ends_with("controlling ok\r\n"), "{output}");
    assert!(ask(&context, &["--tty"], &["env"]).contains("TERM=xterm\r\n"));
}

/// What it says, with its status.
fn said(context: &Context, output: &Output) -> String {
    assert!(output.stdout.is_empty());
    format!(
        "status {}\n{}",
        output.status.code().unwrap(),
        context.stderr(output)
    )
}

#[test]
fn what_cannot_be_run() {
    let context = with_root();
    fs::write(context.work().join("root/script"), "#!/gone\n").unwrap();
    let mut all = String::new();
    for flags in [
        &["--user", "gone"][..],
        &["--user", "0:gone"],
        &["-v", "gone:/data"],
        &["-v", "./gone:/data"],
        &["-v", "./root:data"],
        &["-v", "./root:/probe"],
        &["-v", "./root/probe:/data"],
        &["-w", "/probe"],
        &["-p", "80:8080"],
        &["-p", "http"],
        &["--network", "none", "-p", "80"],
        &["-e", "=x"],
        &["--entrypoint", "/gone"],
        &["--entrypoint", "gone"],
        &["--entrypoint", "/data"],
        &["--entrypoint", "[\"\"]"],
    ] {
        let mut command = context.bare(&["run", "rootfs:root"]);
        if !flags.contains(&"--entrypoint") {
            command.args(["--entrypoint", "/probe"]);
        }
        let output = command.args(flags).output().unwrap();
        all += &format!("$ {}\n{}\n", flags.join(" "), said(&context, &output));
    }
    let output = context.bare(&["run", "rootfs:root"]).output().unwrap();
    all += &format!("$ no program\n{}\n", said(&context, &output));
    let output = context.bare(&["run", "rootfs:gone"]).output().unwrap();
    all += &format!("$ no root\n{}\n", said(&context, &output));
    insta::assert_snapshot!(all);
}

#[test]
fn amounts_of_memory_are_those_of_docker() {
    let context = with_root();
    for (amount, problem) in [
        ("5m", "at least 6m"),
        ("1x", "is not an amount"),
        ("", "is not an amount"),
        ("-1", "is not an amount"),
        ("99999999999999g", "is not an amount"),
    ] {
        let mut command = context.bare(&["run", "rootfs:root", "--entrypoint", "/probe"]);
        let output = command.arg(format!("--memory={amount}")).output().unwrap();
        let said = said(&context, &output);
        assert!(said.starts_with("status 125\n"), "{said}");
        assert!(said.contains(problem), "{amount}: {said}");
    }
}

/// What is unpacked for containers does not stay for ever.
#[test]
fn the_cache_knows_what_is_unpacked() {
    let context = Context::new();
    fs::copy(&*PROBE, context.work().join("probe")).unwrap();
    context.define(
        "name: app\nfrom: static\nfiles: [{path: /probe, from: ./probe, mode: '0755'}]\n\
         config: {entrypoint: [/probe, exit, '0']}\n",
    );
    context.run(&["run", "app.yaml", "-q"]);
    let store = context.store();
    let cache = |words: &[&str]| {
        let arguments = [
            "cache",
            words[0],
            "--store",
            store.to_str().unwrap(),
            "--format",
            "json",
        ];
        let text = context.run_bare(&[&arguments[..], &words[1..]].concat());
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    let unpacked = |info: &serde_json::Value| {
        let amount = &info["kinds"]["unpacked images"];
        (
            amount["entries"].as_u64().unwrap(),
            amount["bytes"].as_u64().unwrap(),
        )
    };
    let before = cache(&["info"]);
    let (count, size) = unpacked(&before);
    let program = fs::metadata(&*PROBE).unwrap().len();
    assert_eq!(count, 1);
    assert!((program..program + 2_000_000).contains(&size), "{size}");
    assert!(before["total"]["bytes"].as_u64().unwrap() > size);
    // It stays while it fits.
    assert_eq!(cache(&["prune"])["unpacked_images"]["left"]["entries"], 1);
    // And while a container uses it.
    let mut command = context.command(&["run", "app.yaml", "-q"]);
    command
        .args(["--entrypoint", "/probe", "--", "sleep"])
        .stdin(Stdio::null());
    let (mut child, _output) = started(command);
    let pruned = cache(&["prune", "--all"]);
    assert_eq!(
        pruned["unpacked_images"]["in_use"]["entries"], 1,
        "{pruned}"
    );
    assert_eq!(
        pruned["unpacked_images"]["removed"]["entries"], 0,
        "{pruned}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    let pruned = cache(&["prune", "--store-limit", "1MB"]);
    assert_eq!(
        pruned["unpacked_images"]["removed"]["bytes"], size,
        "{pruned}"
    );
    assert_eq!(unpacked(&cache(&["info"])), (0, 0));
    let said = context.run_bare(&[
        "cache",
        "prune",
        "--all",
        "--store",
        store.to_str().unwrap(),
    ]);
    assert!(!said.contains("unpacked"), "{said}");
    assert_eq!(context.run(&["run", "app.yaml", "-q"]), "");
}

#[test]
fn a_program_that_check_misses_is_told_in_its_words() {
    let context = Context::new();
    context.run(&["build", "-q", "static", "--output", "oci:layout"]);
    for (word, expected) in [
        (
            "/gone",
            "failed to start `/gone`, which is not in the image",
        ),
        (
            "gone",
            "failed to start `gone`, which is in no directory of `PATH`",
        ),
        (
            "/etc/passwd",
            "failed to start `/etc/passwd`, which nobody may execute",
        ),
    ] {
        let mut command = context.bare(&["run", "oci:layout", "--entrypoint", word]);
        let said = said(&context, &command.output().unwrap());
        assert!(said.contains(expected), "{said}");
    }
}
