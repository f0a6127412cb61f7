//! `distil debug` beside containers of engines: tools see everything, and nothing is written.

use std::path::Path;
use std::process::Command;

use distil_live::outcome::find_program;
use distil_live::{Container, Context, Engine, Outcome, Request, require};

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
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", root.display());
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

/// A task of containerd, which is removed with it.
struct Task {
    name: String,
}

impl Task {
    fn ctr(arguments: &[&str]) -> Outcome {
        let all = ["--namespace", "distil-test"].iter().chain(arguments);
        Context::new().run("ctr", all)
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        for words in [&["tasks", "rm", "-f"][..], &["containers", "rm"][..]] {
            let _ = Self::ctr(&[words, &[&self.name]].concat());
        }
    }
}

#[test]
fn containers_of_containerd_are_targets() {
    if find_program("ctr").is_none() || std::env::var_os("CONTAINERD_ADDRESS").is_none() {
        return require::missing("containerd does not run; scripts/with-engines starts it");
    }
    let built = Request::catalogue("python3:nonroot", "trixie", "amd64").build();
    let path = built.path().to_str().unwrap();
    let import = ["images", "import", "--snapshotter", "native", path];
    let imported = Task::ctr(&import).success();
    let text = imported.stdout();
    let name = text.split_ascii_whitespace().nth(1).unwrap();
    let task = Task {
        name: format!("web-{}", std::process::id()),
    };
    let sleep = "import time; time.sleep(600)";
    let run = [
        "run",
        "--detach",
        "--snapshotter",
        "native",
        name,
        &task.name,
        "/usr/bin/python3",
        "-c",
        sleep,
    ];
    Task::ctr(&run).success();
    let list = Task::ctr(&["tasks", "list"]).success().stdout();
    let line = list
        .lines()
        .find(|line| line.starts_with(&task.name))
        .unwrap();
    let pid = line.split_ascii_whitespace().nth(1).unwrap();
    let root = format!("/proc/{pid}/root");
    let before = state(Path::new(&root));
    let script = "id -u; cat /proc/1/comm; ls -d /target/usr/bin/python3; touch /target/tmp/new";
    let target = format!("containerd:distil-test/{}", task.name);
    let outcome = debug(&target, script, &[]);
    assert_eq!(
        outcome.stdout(),
        "65532\npython3\n/target/usr/bin/python3\n",
        "{}",
        outcome.report()
    );
    assert_eq!(state(Path::new(&root)), before);
    debug("containerd:distil-test/gone", "true", &[])
        .exits_with(125)
        .mentions("ctr has no container `distil-test/gone`");
}

/// A process of an ordinary user in a user namespace of its own, as those of rootless Podman are.
#[test]
fn a_process_in_a_user_namespace_of_its_own_is_a_target() {
    let script = "exec unshare --user --map-root-user --pid --fork --kill-child --mount-proc sh -c 'echo up; exec sleep 600'";
    let mut child = Command::new("setpriv")
        .args([
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "sh",
            "-c",
            script,
        ])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut output, &mut line).unwrap();
    assert_eq!(line, "up\n");
    let children = format!("/proc/{0}/task/{0}/children", child.id());
    let inner = std::fs::read_to_string(children).unwrap();
    let target = format!("pid:{}", inner.trim());
    // Root is nobody there.
    let outcome = debug(&target, "true", &[]);
    let by_its_user = Ordinary::new().distil(&[
        "debug",
        "-q",
        &target,
        "--run",
        "id -u; cat /proc/1/comm; test -e /target/etc/passwd && echo files; touch /target/tmp/new",
    ]);
    child.kill().unwrap();
    child.wait().unwrap();
    outcome
        .exits_with(125)
        .mentions("is in a user namespace of user 65534")
        .mentions("sudo -u '#65534' distil debug");
    assert_eq!(
        by_its_user.stdout(),
        "0\nsleep\nfiles\n",
        "{}",
        by_its_user.report()
    );
}

/// The command as it is for an ordinary user, with a store of its own.
struct Ordinary(tempfile::TempDir);

impl Ordinary {
    fn new() -> Self {
        let directory = tempfile::Builder::new().tempdir().unwrap();
        std::os::unix::fs::chown(directory.path(), Some(65534), Some(65534)).unwrap();
        let program = directory.path().join("distil");
        std::fs::copy(distil_live::context::DISTIL.as_path(), program).unwrap();
        Self(directory)
    }

    fn distil(&self, words: &[&str]) -> Outcome {
        let directory = self.0.path().display();
        let (store, program) = (
            format!("DISTIL_STORE={directory}/store"),
            format!("{directory}/distil"),
        );
        let home = format!("HOME={directory}");
        let who = [
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "env",
            &home,
            &store,
            &program,
        ];
        Context::new().run("setpriv", who.iter().chain(words))
    }
}

/// What `--print` prints is what the Kubernetes API takes, of all versions whose schema is at hand.
#[test]
fn patches_for_kubernetes_fit_its_schema() {
    let Some(python) = std::env::var_os("DISTIL_TEST_PYTHON") else {
        return require::missing("DISTIL_TEST_PYTHON is not set");
    };
    let context = Context::new();
    let printed = context.distil([
        "debug",
        "pod/web",
        "--container",
        "app",
        "--namespace",
        "shop",
        "--print",
        "--image",
        "registry.example.org/tools:1",
    ]);
    let text = printed.success().stdout();
    let patch = text.split('\'').nth(1).unwrap();
    context.write("patch.json", patch);
    let script = "\
import copy, json, sys
import kubernetes_validate as kv
patch = json.load(open('patch.json'))
pod = {'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {'name': 'web'},
       'spec': {'containers': [{'name': 'app', 'image': 'app'}], **patch['spec']}}
versions = [v for v in ('1.30', '1.33', kv.latest_version()) if v]
def fits(pod):
    for version in versions:
        kv.validate(pod, version, strict=True)
fits(pod)
tool = pod['spec']['ephemeralContainers'][0]
assert tool['targetContainerName'] == 'app', tool
# The profile `restricted` of Pod Security Standards.
context = tool['securityContext']
assert context['runAsNonRoot'] is True and context['runAsUser'] > 0, context
assert context['allowPrivilegeEscalation'] is False, context
assert context['capabilities'] == {'drop': ['ALL']}, context
assert context['seccompProfile'] == {'type': 'RuntimeDefault'}, context
# What does not fit is seen.
for key, value in (('targetContainer', 'app'), ('securityContext', {'runAsUser': 'x'}), ('tty', 'yes')):
    wrong = copy.deepcopy(pod)
    wrong['spec']['ephemeralContainers'][0][key] = value
    try:
        fits(wrong)
    except (kv.ValidationError, kv.InvalidSchemaError):
        continue
    sys.exit(f'{key} is not seen')
print(versions)
";
    context.write("fits.py", script);
    context.run(python.to_str().unwrap(), ["fits.py"]).success();
}

/// An image of one static program, for which there is nothing but the tools' own files.
#[test]
fn an_image_from_scratch_is_a_target() {
    for engine in Engine::ALL {
        let Some(engine) = engine.get() else { return };
        let rootfs = Request::catalogue("base:debug", "trixie", "amd64")
            .build()
            .rootfs();
        let context = Context::new();
        let program = context.write("root/busybox-program", rootfs.read("/busybox/busybox"));
        std::fs::set_permissions(
            &program,
            std::os::unix::fs::PermissionsExt::from_mode(0o755),
        )
        .unwrap();
        // It is busybox itself whose name begins so.
        context
            .run(
                "tar",
                ["-C", "root", "-cf", "scratch.tar", "busybox-program"],
            )
            .success();
        let archive = context.path("scratch.tar");
        let name = "localhost/distil-test/scratch:1";
        engine
            .run_raw(["import", archive.to_str().unwrap(), name])
            .success();
        let container = engine
            .container(name)
            .options([
                "--user",
                "4321",
                "--read-only",
                "--cap-drop",
                "ALL",
                "--network",
                "none",
            ])
            .options(["--entrypoint", "/busybox-program"])
            .args(["sleep", "600"])
            .start();
        let pid = pid(engine, &container);
        let root = format!("/proc/{pid}/root");
        let before = state(Path::new(&root));
        let target = format!("{}:{}", engine.program(), container.id());
        let script = "id -u; ls -d /target/busybox-program; ls /proc/1/root/busybox-program; touch /target/x; cat /proc/1/comm";
        let outcome = debug(&target, script, &[]);
        assert_eq!(
            outcome.stdout(),
            "4321\n/target/busybox-program\n/proc/1/root/busybox-program\nbusybox-program\n",
            "{}",
            outcome.report()
        );
        assert_eq!(state(Path::new(&root)), before);
    }
}

/// The tools are this machine's, whatever the target is for.
#[test]
fn a_target_for_another_machine_is_looked_into_by_tools_of_this_one() {
    let Some(docker) = Engine::Docker.get() else {
        return;
    };
    if !Engine::runs("arm64") {
        return;
    }
    let built = Request::catalogue("python3:nonroot", "trixie", "arm64").build();
    let container = docker
        .container(built.in_engine(docker))
        .platform(&built.platform())
        .args(["-c", "import time; time.sleep(600)"])
        .start();
    let script = "uname -m; id -u; ls -d /target/usr/lib/aarch64-linux-gnu";
    let outcome = debug(container.id(), script, &[]);
    let machine = std::env::consts::ARCH;
    let expected = format!("{machine}\n65532\n/target/usr/lib/aarch64-linux-gnu\n");
    assert_eq!(outcome.stdout(), expected, "{}", outcome.report());
}

/// The target's own view of processes is not what the tools see them by.
#[test]
fn a_target_without_proc_is_looked_into() {
    let context = Context::new();
    let rootfs = Request::catalogue("base:debug", "trixie", "amd64")
        .build()
        .rootfs();
    rootfs.write_to(context.folder());
    for path in ["busybox/busybox", "busybox/sh"] {
        let path = context.path(path);
        if path.is_file() {
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755))
                .unwrap();
        }
    }
    let folder = context.folder().to_str().unwrap();
    let mut child = Command::new("unshare")
        .args([
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "chroot",
            folder,
        ])
        .args([
            "/busybox/busybox",
            "sh",
            "-c",
            "echo up; exec /busybox/busybox sleep 600",
        ])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut output, &mut line).unwrap();
    let children = format!("/proc/{0}/task/{0}/children", child.id());
    let inner = std::fs::read_to_string(children).unwrap();
    let target = format!("pid:{}", inner.trim());
    let script = "cat /proc/1/comm; ls /target/proc | wc -l; ls -d /proc/1/root/etc/passwd";
    let outcome = debug(&target, script, &[]);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(
        outcome.stdout(),
        "busybox\n0\n/proc/1/root/etc/passwd\n",
        "{}",
        outcome.report()
    );
}

/// Root's containers are root's.
#[test]
fn a_target_of_another_user_is_refused() {
    let Some(container) = target(Engine::Docker, &[]) else {
        return;
    };
    let pid = pid(Engine::Docker, &container);
    let target = format!("pid:{pid}");
    let outcome = Ordinary::new().distil(&["debug", &target, "--run", "true"]);
    outcome
        .exits_with(125)
        .mentions(&format!("failed to look into process {pid}"))
        .mentions("sudo distil debug");
}
