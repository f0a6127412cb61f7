//! `distil debug` beside containers of engines: tools see everything, and nothing is written.

use std::path::Path;
use std::process::Command;

use distil_live::{Container, Context, Engine, Outcome, Request};

/// A container that runs for as long as it is looked at, as hard to look into as they come.
fn target(engine: Engine, options: &[&str]) -> Option<Container> {
    let engine = engine.get()?;
    let built = Request::catalogue("python3:nonroot", "trixie", "amd64").build();
    let sleep = "import time; print('up', flush=True); time.sleep(600)";
    let run = engine
        .container(built.in_engine(engine))
        .options(["--read-only", "--cap-drop", "ALL"])
        .options(options.iter().copied());
    Some(run.args(["-c", sleep]).start())
}

fn debug(target: &str, command: &str, more: &[&str]) -> Outcome {
    let mut words = vec!["debug", "--quiet", target, "--run", command];
    words.extend(more);
    Context::new().distil(words)
}

fn pid(engine: Engine, container: &Container) -> String {
    let format = "{{.State.Pid}}";
    let outcome = engine.run_raw(["inspect", "--format", format, container.id()]);
    outcome.success().stdout().trim().to_owned()
}

/// Everything in a root: names, modes, owners, times, contents.
fn state(root: &Path) -> String {
    let script = "cd \"$1\" && find . -xdev -printf '%p %m %U:%G %s %T@ %C@ %l\\n' | sort && \
        find . -xdev -type f -print0 | sort -z | xargs -0 sha256sum";
    let output = Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(root)
        .output()
        .unwrap();
    assert!(output.status.success());
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn tools_see_the_target_and_leave_it_as_it_was() {
    for engine in Engine::ALL {
        let Some(container) = target(engine, &[]) else {
            return;
        };
        let pid = pid(engine, &container);
        let root = format!("/proc/{pid}/root");
        let before = state(Path::new(&root));
        let script = "id -u; cat /proc/1/comm; ls -d /target/usr/bin/python3; readlink /proc/1/exe; \
            touch /target/tmp/new /target/new; touch /tmp/own && echo own; ls /proc/1/root/usr/bin/python3; \
            for name in net ipc uts pid; do [ \"$(readlink /proc/self/ns/$name)\" = \
            \"$(readlink /proc/1/ns/$name)\" ] && echo $name; done";
        let name = format!("{}:{}", engine.program(), container.id());
        let outcome = debug(&name, script, &[]).success();
        assert_eq!(
            outcome.stdout(),
            "65532\npython3\n/target/usr/bin/python3\n/usr/bin/python3.13\nown\n\
             /proc/1/root/usr/bin/python3\nnet\nipc\nuts\npid\n",
            "{}",
            outcome.report()
        );
        assert_eq!(state(Path::new(&root)), before, "{engine:?}");
    }
}

#[test]
fn tools_trace_and_change_roots() {
    let Some(container) = target(Engine::Docker, &[]) else {
        return;
    };
    let script = "timeout 1 strace -p 1 2>&1 | grep -c attached; chroot /target /usr/bin/python3 -c \
        'import os; print(os.getuid(), os.path.exists(\"/busybox\"))'";
    let outcome = debug(container.id(), script, &["--tools", "strace"]);
    let text = outcome.stdout();
    assert!(text.ends_with("65532 False\n"), "{}", outcome.report());
    assert!(text.starts_with("1\n"), "{}", outcome.report());
}

#[test]
fn a_container_that_does_not_run_can_be_looked_into() {
    let Some(docker) = Engine::Docker.get() else {
        return;
    };
    let built = Request::catalogue("python3", "trixie", "amd64").build();
    let container = docker
        .container(built.in_engine(docker))
        .args(["-c", "open('/left', 'w').write('here')"])
        .start();
    docker.run_raw(["wait", container.id()]).success();
    let outcome = debug(
        container.id(),
        "cat /target/left; touch /target/x || echo no",
        &[],
    );
    assert_eq!(outcome.success().stdout(), "hereno\n");
}

#[test]
fn the_status_is_the_command_s() {
    let Some(container) = target(Engine::Docker, &[]) else {
        return;
    };
    debug(container.id(), "exit 7", &[]).exits_with(7);
    debug(container.id(), "kill -9 $$", &[]).exits_with(137);
}

#[test]
fn nothing_is_left_behind() {
    let Some(container) = target(Engine::Docker, &[]) else {
        return;
    };
    let pid = pid(Engine::Docker, &container);
    // Those in its namespace of processes: the engine knows only those that it has started.
    let namespace = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let processes = || {
        let entries = std::fs::read_dir("/proc").unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        let of_target = namespace(&pid);
        let is_in = |name: &std::ffi::OsString| namespace(&name.to_string_lossy()) == of_target;
        names.filter(is_in).count()
    };
    assert_eq!(processes(), 1);
    // What a command leaves in the background goes with it.
    debug(container.id(), "sleep 600 & sleep 600 &", &[]).success();
    assert_eq!(processes(), 1);
    // And with a killed one.
    let context = Context::new();
    let words = [
        "debug",
        "-q",
        container.id(),
        "--run",
        "sleep 600 & sleep 600",
    ];
    let mut child = context.command(words).spawn().unwrap();
    for _ in 0..300 {
        if processes() > 3 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert!(processes() > 3);
    child.kill().unwrap();
    child.wait().unwrap();
    for _ in 0..100 {
        if processes() == 1 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(processes(), 1);
    assert!(Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn a_target_that_ends_takes_the_tools_with_it() {
    let Some(container) = target(Engine::Docker, &[]) else {
        return;
    };
    let context = Context::new();
    let words = ["debug", "-q", container.id(), "--run", "echo up; sleep 600"];
    let mut command = context.command(words);
    let mut child = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut output, &mut line).unwrap();
    assert_eq!(line, "up\n");
    drop(container);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("has ended, and the tools beside it with it"),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(125));
}
