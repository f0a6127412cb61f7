//! `distil run` beside `docker run`: the same image gives the same output, status, user and environment.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use distil_live::context::DISTIL;
use distil_live::{Context, Engine, Outcome, Request, require};

/// Runs an image here and in Docker. Docker's containers get what `distil run` always has: no
/// capabilities, a read-only root with `/tmp`, this machine's network, an init.
fn both(
    request: &Request,
    options: &[&str],
    entrypoint: &str,
    words: &[&str],
) -> Option<[Outcome; 2]> {
    let docker = Engine::Docker.get()?;
    let built = request.build();
    let as_here = [
        "--cap-drop",
        "ALL",
        "--security-opt",
        "no-new-privileges",
        "--read-only",
        "--tmpfs",
        "/tmp",
        "--init",
    ];
    let there = docker
        .container(built.in_engine(docker))
        .platform(&built.platform())
        .options(as_here)
        .host_network()
        .options(options.iter().copied())
        .entrypoint(entrypoint)
        .args(words.iter().copied())
        .output();
    let reference = built.reference();
    let mut here = vec!["run", &reference, "--entrypoint", entrypoint];
    here.extend(options);
    here.push("--");
    here.extend(words);
    Some([Context::new().distil(here), there])
}

#[track_caller]
fn are_same(request: &Request, options: &[&str], entrypoint: &str, words: &[&str]) {
    let Some([here, there]) = both(request, options, entrypoint, words) else {
        return;
    };
    assert_eq!(
        (here.stdout(), here.status()),
        (there.stdout(), there.status()),
        "{}\n{}",
        here.report(),
        there.report()
    );
}

/// What busybox tells of a container.
const FACTS: &str = "id -u; id -g; pwd; hostname; umask; echo $HOME; cat /etc/hosts /etc/hostname; \
    stat -c '%A %u:%g %n' / /tmp /etc /home /home/nonroot /etc/passwd /busybox/sh /dev/shm /dev/mqueue; \
    ls /dev; cd /dev; stat -c '%A %u:%g %t,%T %n' null zero full random urandom tty; cd /; \
    grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status; touch /new; touch /tmp/new && echo yes; \
    ls /proc/sys/kernel | wc -l; cat /proc/kcore /proc/keys; ls /sys/firmware; echo x > /proc/sysrq-trigger";

#[test]
fn images_are_run_as_docker_runs_them() {
    for name in ["static", "base-nossl", "base", "cc", "python3"] {
        for variant in ["debug", "debug-nonroot"] {
            let request = Request::catalogue(&format!("{name}:{variant}"), "trixie", "amd64");
            are_same(&request, &[], "/busybox/sh", &["-c", FACTS]);
        }
    }
}

#[test]
fn environments_are_those_of_docker() {
    for name in ["base:debug", "python3:debug-nonroot"] {
        let request = Request::catalogue(name, "trixie", "amd64");
        let options = ["-e", "A=b c", "-e", "PATH=/busybox", "-w", "/etc"];
        for options in [&options[..], &[]] {
            let outcome = both(&request, options, "/busybox/env", &[]);
            let Some([here, there]) = outcome else { return };
            let sorted = |outcome: &Outcome| {
                let text = outcome.stdout();
                let lines = text.lines().filter_map(|line| line.split_once('='));
                lines
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect::<BTreeMap<_, _>>()
            };
            assert_eq!(sorted(&here), sorted(&there));
        }
    }
}

#[test]
fn users_are_those_of_docker() {
    let request = Request::catalogue("base:debug", "trixie", "amd64");
    for user in ["0", "nonroot", "nobody:tty", "1234", "1234:5678", "daemon"] {
        let show = "id -u; id -g; id -G; echo $HOME";
        are_same(&request, &["--user", user], "/busybox/sh", &["-c", show]);
    }
}

#[test]
fn statuses_are_those_of_docker() {
    let request = Request::catalogue("base:debug", "trixie", "amd64");
    for script in ["exit 3", "kill -9 $$", "kill -15 $$", "exec /gone"] {
        are_same(&request, &[], "/busybox/sh", &["-c", script]);
    }
    for program in ["/gone", "gone", "/etc", "/etc/passwd"] {
        are_same(&request, &[], program, &[]);
    }
}

#[test]
fn runtimes_work() {
    let python = "import sys, os, socket, tempfile, multiprocessing, threading; \
        print(sys.version_info[:2] >= (3, 13), os.getuid(), os.cpu_count() > 0); \
        multiprocessing.Lock(); tempfile.mkdtemp(); \
        thread = threading.Thread(target=print, args=('thread',)); thread.start(); thread.join(); \
        print(socket.gethostbyname('localhost'))";
    for variant in ["latest", "nonroot"] {
        let request = Request::catalogue(&format!("python3:{variant}"), "trixie", "amd64");
        are_same(&request, &[], "/usr/bin/python3", &["-c", python]);
    }
    let request = Request::catalogue("nodejs", "trixie", "amd64");
    let node = "console.log(process.getuid(), os.userInfo().homedir); \
        new (require('worker_threads').Worker)('console.log(1)', {eval: true})";
    are_same(&request, &[], "/usr/bin/node", &["-e", node]);
    let request = Request::catalogue("java21", "trixie", "amd64");
    are_same(
        &request,
        &[],
        "/usr/bin/java",
        &["-XshowSettings:vm", "-version"],
    );
}

#[test]
fn an_ordinary_user_can() {
    let built = Request::catalogue("python3", "trixie", "amd64").build();
    let store = tempfile::Builder::new().tempdir().unwrap();
    let nobody = 65534;
    std::os::unix::fs::chown(store.path(), Some(nobody), Some(nobody)).unwrap();
    let archive = store.path().join("image.tar");
    std::fs::copy(built.path(), &archive).unwrap();
    let program = store.path().join("distil");
    std::fs::copy(distil_live::context::DISTIL.as_path(), &program).unwrap();
    let place = format!("oci-archive:{}", archive.display());
    let directory = format!("DISTIL_STORE={}/store", store.path().display());
    let code = "import os; print(os.getuid(), os.stat('/etc/passwd').st_uid, open('/tmp/x', 'w').write('ab'))";
    let outcome = Context::new().run(
        "setpriv",
        [
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "env",
            &directory,
            program.to_str().unwrap(),
            "run",
            &place,
            "--user",
            "65532",
            "--",
            "-c",
            code,
        ],
    );
    assert_eq!(outcome.success().stdout(), "65532 65532 2\n");
}

/// The catalogue.
const CATALOGUE: [(&str, &[&str]); 10] = [
    ("static", &[]),
    ("base-nossl", &[]),
    ("base", &[]),
    ("cc", &[]),
    ("python3", &["--version"]),
    ("nodejs", &["--version"]),
    ("java-base", &[]),
    ("java17", &["-version"]),
    ("java21", &["-version"]),
    ("java25", &["-version"]),
];

/// Busybox, brought from outside, so that images without a shell can be looked at as well.
fn busybox(context: &Context) -> String {
    let rootfs = Request::catalogue("base:debug", "trixie", "amd64")
        .build()
        .rootfs();
    let path = context.write("tools/busybox", rootfs.read("/busybox/busybox"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:/tools:ro", context.path("tools").display())
}

/// All images and variants: who the program is, its environment, limits, `/etc/hosts`, what of `/proc`,
/// `/sys` and `/dev` it sees, and what the image's own program prints. Both get the same limits of this
/// machine, which Docker would take from its daemon otherwise.
#[test]
fn each_image_of_the_catalogue_runs_as_in_docker() {
    let Some(docker) = Engine::Docker.get() else {
        return;
    };
    let context = Context::new();
    let tools = busybox(&context);
    let facts = "b=/tools/busybox; $b id -u; $b id -g; $b id -G; $b pwd; $b env | $b grep -v -E '^(b|SHLVL|PWD)=' | $b sort; \
        $b cat /etc/hosts /etc/hostname; ulimit -n; ulimit -u; ulimit -l; umask; \
        $b stat -c '%A %u:%g %n' / /tmp /etc/passwd /dev/shm /proc /sys; $b ls /dev; \
        $b grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status; $b touch /new; $b touch /tmp/new && echo yes; \
        $b ls /proc/sys/kernel | $b wc -l; $b cat /proc/kcore /proc/keys; $b cat /proc/1/status | $b grep -c Name; \
        exit 7";
    // What Docker's containers get is what `distil run` always gives.
    let as_here = [
        "--cap-drop",
        "ALL",
        "--security-opt",
        "no-new-privileges",
        "--read-only",
        "--tmpfs",
        "/tmp",
        "--init",
    ];
    let limits = ["--nofile=1024:1024", "--nproc=1000:1000"];
    for (name, own) in CATALOGUE {
        let mut variants = vec!["latest", "nonroot", "debug", "debug-nonroot"];
        if require::long() {
            variants.push("dev");
        }
        let suite = if name == "java17" {
            "bookworm"
        } else {
            "trixie"
        };
        for variant in variants {
            let built = Request::catalogue(&format!("{name}:{variant}"), suite, "amd64").build();
            let reference = built.reference();
            let both = |options: &[&str], words: &[&str]| {
                let there = docker
                    .container(built.in_engine(docker))
                    .platform(&built.platform())
                    .options(as_here)
                    .options(["-v", &tools])
                    .host_network()
                    .options(options.iter().copied())
                    .args(words.iter().copied())
                    .output();
                let mut here: Vec<&str> = limits.to_vec();
                here.extend([
                    DISTIL.to_str().unwrap(),
                    "run",
                    "--quiet",
                    &reference,
                    "-v",
                    &tools,
                ]);
                here.extend(options);
                here.push("--");
                here.extend(words);
                let here = context.run("prlimit", here);
                assert_eq!(
                    (here.stdout(), here.status()),
                    (there.stdout(), there.status()),
                    "{name}:{variant}\n{}\n{}",
                    here.report(),
                    there.report()
                );
                here
            };
            let entrypoint = ["--entrypoint", "/tools/busybox"];
            let here = both(&entrypoint, &["sh", "-c", facts]);
            assert_eq!(here.status(), 7, "{}", here.report());
            if !own.is_empty() && variant != "dev" {
                let here = both(&[], own);
                assert_eq!(here.status(), 0, "{}", here.report());
            }
        }
    }
}

/// Where control groups are there for the user who runs the tests: root's.
#[test]
fn memory_and_processes_are_limited() {
    let built = Request::catalogue("python3:debug", "trixie", "amd64").build();
    let reference = built.reference();
    let run = |limit: &[&str], entrypoint: &str, words: &[&str]| {
        let mut all = vec!["run", "--quiet", &reference, "--entrypoint", entrypoint];
        all.extend(limit);
        all.push("--");
        all.extend(words);
        Context::new().distil(all)
    };
    let groups = || {
        let find = [
            "/sys/fs/cgroup",
            "-maxdepth",
            "6",
            "-type",
            "d",
            "-name",
            "distil-[0-9]*",
        ];
        Context::new().run("find", find).stdout()
    };
    let eat = "x = bytearray(200 << 20); x[::4096] = b'1' * len(x[::4096]); print('eaten')";
    let python = "/usr/bin/python3";
    run(&[], python, &["-c", eat]).success().mentions("eaten");
    run(&["--memory", "64m"], python, &["-c", eat]).exits_with(137);
    run(&["-m", "1g"], python, &["-c", eat])
        .success()
        .mentions("eaten");
    let fork =
        "i=0; while [ $i -lt 30 ]; do sleep 5 & i=$((i + 1)); done; echo all; kill $(jobs -p)";
    let shell = "/busybox/sh";
    run(&[], shell, &["-c", fork]).success().mentions("all");
    let limited = run(&["--pids-limit", "10"], shell, &["-c", fork]);
    assert!(!limited.stdout().contains("all"), "{}", limited.report());
    assert!(limited.stderr().contains("fork"), "{}", limited.report());
    run(&["--pids", "0"], shell, &["-c", fork]).success();
    assert_eq!(groups(), "");
    // Nor after a kill, once something else was limited.
    let context = Context::new();
    let words = [
        "run",
        "--quiet",
        &reference,
        "--entrypoint",
        shell,
        "-m",
        "64m",
        "--",
        "-c",
        "echo up; sleep 60",
    ];
    let mut child = context
        .command(words)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut output, &mut line).unwrap();
    assert_ne!(groups(), "");
    child.kill().unwrap();
    child.wait().unwrap();
    run(&["-m", "64m"], shell, &["-c", "exit 0"]).success();
    assert_eq!(groups(), "");
}

/// Who has no control group of its own is told so, and nothing runs.
#[test]
fn limits_that_cannot_be_set_are_an_error() {
    let built = Request::catalogue("python3", "trixie", "amd64").build();
    let directory = tempfile::Builder::new().tempdir().unwrap();
    std::os::unix::fs::chown(directory.path(), Some(65534), Some(65534)).unwrap();
    let archive = directory.path().join("image.tar");
    fs::copy(built.path(), &archive).unwrap();
    let program = directory.path().join("distil");
    fs::copy(DISTIL.as_path(), &program).unwrap();
    let place = format!("oci-archive:{}", archive.display());
    let store = format!("DISTIL_STORE={}/store", directory.path().display());
    let outcome = Context::new().run(
        "setpriv",
        [
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "env",
            &store,
            program.to_str().unwrap(),
            "run",
            &place,
            "-m",
            "64m",
            "--",
            "--version",
        ],
    );
    let outcome = outcome
        .exits_with(125)
        .mentions("failed to limit what the container uses");
    assert_eq!(outcome.stdout(), "");
    outcome.mentions("systemd-run --user --scope");
}

/// An image for another machine (of forky, whose security archive no mirror lacks), where no emulator is registered for it.
#[test]
fn an_image_for_another_machine_is_told() {
    let built = Request::catalogue("python3", "forky", "s390x").build();
    let outcome = Context::new().distil([
        "run",
        &built.reference(),
        "--platform",
        "linux/s390x",
        "--",
        "--version",
    ]);
    outcome
        .exits_with(126)
        .mentions("warning: the image is for linux/s390x")
        .mentions("binfmt_misc");
}
