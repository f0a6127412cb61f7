//! `distil run` beside `docker run`: the same image gives the same output, status, user and environment.

use std::collections::BTreeMap;

use distil_live::{Context, Engine, Outcome, Request};

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
