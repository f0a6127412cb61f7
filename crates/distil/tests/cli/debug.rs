//! `distil debug` of targets that are not there, or not as they should be: engines are scripts that
//! print what engines print.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::context::Context;

/// A machine with these engines, each a script.
fn machine(engines: &[(&str, &str)]) -> Context {
    let context = Context::new();
    let bin = context.work().join("bin");
    fs::create_dir(&bin).unwrap();
    for (name, script) in engines {
        let path = bin.join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    context
}

fn command(context: &Context, words: &[&str]) -> Command {
    let mut command = context.command(&["debug", "--quiet"]);
    command.args(words).env("PATH", context.work().join("bin"));
    command
}

/// What it says, with its status.
fn says(context: &Context, words: &[&str]) -> String {
    let output = command(context, words).output().unwrap();
    assert!(output.stdout.is_empty());
    let status = output.status.code().unwrap();
    format!("status {status}\n{}", context.stderr(&output))
}

const NO_SUCH: &str = "echo 'Error response from daemon: No such container: web' >&2; exit 1";
const RUNS: &str = "echo '0123abc true 2147483647'";

#[test]
fn processes_that_are_not_there() {
    let context = machine(&[]);
    insta::assert_snapshot!(says(&context, &["pid:web"]), @"
    status 125
    error: `web` is not the number of a process
    ");
    insta::assert_snapshot!(says(&context, &["pid:0"]), @"
    status 125
    error: no process has the number 0
    ");
    insta::assert_snapshot!(says(&context, &["pid:2147483647"]), @"
    status 125
    error: no process has the number 2147483647
    ");
    insta::assert_snapshot!(says(&context, &["pid:99999999999"]), @"
    status 125
    error: `99999999999` is not the number of a process
    ");
}

#[test]
fn engines_that_are_not_there() {
    let context = machine(&[]);
    insta::assert_snapshot!(says(&context, &["docker:web"]), @"
    status 125
    error: `docker` is not installed
    ");
    insta::assert_snapshot!(says(&context, &["containerd:k8s.io/web"]), @"
    status 125
    error: `ctr` is not installed
    ");
    let down =
        "echo 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock.' >&2; exit 1";
    let context = machine(&[("docker", down)]);
    insta::assert_snapshot!(says(&context, &["docker:web"]), @"
    status 125
    error: `docker` fails: Cannot connect to the Docker daemon at unix:///var/run/docker.sock.
    ");
    // Of a name alone nobody knows which engine was meant.
    insta::assert_snapshot!(says(&context, &["web"]), @"
    status 125
    error: there is no image `web` in the catalogue

    hint: `distil list` shows the catalogue; a file must end in `.yaml`

    hint: no engine has a container `web` either
    ");
}

#[test]
fn containers_that_are_not_there() {
    let context = machine(&[("docker", NO_SUCH), ("ctr", "echo 'TASK PID STATUS'")]);
    insta::assert_snapshot!(says(&context, &["docker:web"]), @"
    status 125
    error: docker has no container `web`
    ");
    insta::assert_snapshot!(says(&context, &["containerd:web"]), @"
    status 125
    error: ctr has no container `web`
    ");
    insta::assert_snapshot!(says(&context, &["web"]), @"
    status 125
    error: there is no image `web` in the catalogue

    hint: `distil list` shows the catalogue; a file must end in `.yaml`

    hint: no engine has a container `web` either
    ");
    insta::assert_snapshot!(says(&context, &["docker:--help"]), @"
    status 125
    error: docker has no container `--help`
    ");
}

#[test]
fn a_name_that_several_engines_have() {
    let podman = "echo '4567def false 0'";
    let ctr = "printf 'TASK PID STATUS\\nweb 12 RUNNING\\n'";
    let context = machine(&[("docker", RUNS), ("podman", podman), ("ctr", ctr)]);
    insta::assert_snapshot!(says(&context, &["web"]), @"
    status 125
    error: several engines have a container `web`

    hint: say which is meant: `docker:web` or `podman:web` or `containerd:web`
    ");
}

#[test]
fn engines_that_answer_nonsense() {
    for script in [
        "",
        "echo",
        "echo one",
        "head -c 3000000 /dev/zero",
        "printf '\\377\\376 true 1'",
    ] {
        let context = machine(&[("docker", script)]);
        let said = says(&context, &["docker:web"]);
        assert!(said.starts_with("status 125\nerror: "), "{script}: {said}");
    }
    // It says that it runs, and its process has ended since.
    let context = machine(&[("docker", RUNS)]);
    insta::assert_snapshot!(says(&context, &["docker:web"]), @"
    status 125
    error: no process has the number 2147483647
    ");
}

#[test]
fn containers_that_do_not_run() {
    let stopped = "[ \"$1\" = export ] && { echo broken; exit 1; }; echo '0123abc false 0'";
    let context = machine(&[
        ("docker", stopped),
        ("ctr", "printf 'TASK PID STATUS\\nweb 12 STOPPED\\n'"),
    ]);
    insta::assert_snapshot!(says(&context, &["docker:web"]), @"
    status 125
    error: failed to get the files of `0123abc` from docker
    ");
    insta::assert_snapshot!(says(&context, &["containerd:web"]), @"
    status 125
    error: `ctr` fails: files of containers that do not run cannot be had from it
    ");
}

#[test]
fn tools_that_cannot_be_had() {
    let context = machine(&[]);
    let own = format!("pid:{}", std::process::id());
    // The release of this machine is not in the miniature archive.
    let with = |words: &[&str]| says(&context, &[&[&own, "--suite", "trixie"], words].concat());
    insta::assert_snapshot!(with(&["--tools", "strac"]), @"
    status 125
    error: failed to find packages for `base+strac`
      cause: there is no package `strac` in trixie, trixie-updates or trixie-security
    ");
    let mirror = ["--mirror", "http://127.0.0.1:9/debian", "--offline"];
    let mut command = context.bare(&["debug", "--quiet", &own, "--suite", "trixie"]);
    let output = command.args(mirror).output().unwrap();
    let said = context.stderr(&output);
    assert_eq!(output.status.code(), Some(125), "{said}");
    let message = "was not fetched: the network is not to be used";
    assert!(said.contains(message), "{said}");
}

#[test]
fn pods() {
    let context = machine(&[]);
    insta::assert_snapshot!(says(&context, &["pod/web"]), @"
    status 125
    error: `pod/web` is in a cluster, which distil does not talk to

    hint: `--print --image REFERENCE` prints what `kubectl` has to be told
    ");
    let image = ["--print", "--image", "registry.example.org/tools:1"];
    let print = |words: &[&str]| says(&context, &[words, &image[..]].concat());
    insta::assert_snapshot!(print(&["web"]), @"
    status 2
    error: `web` is not `pod/NAME`

    hint: `--print` is for pods; `kubectl get pods` lists them
    ");
    insta::assert_snapshot!(print(&["pod/web; rm -rf /"]), @"
    status 2
    error: `pod/web; rm -rf /` is not `pod/NAME`

    hint: `--print` is for pods; `kubectl get pods` lists them
    ");
    insta::assert_snapshot!(print(&["pod/web", "--container", "a'b"]), @"
    status 2
    error: `a'b` is not a name of Kubernetes'
    ");
    insta::assert_snapshot!(says(&context, &["pod/web", "--print", "--image", "x'y"]), @"
    status 2
    error: `x'y` is not the reference of an image
    ");
    let mut command = context.bare(&["debug", "pod/web", "--container", "app"]);
    let output = command.args(image).output().unwrap();
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap(), @r#"
    kubectl patch pod web --subresource ephemeralcontainers --type strategic --patch '{"spec":{"ephemeralContainers":[{"name":"distil-debug","image":"registry.example.org/tools:1","targetContainerName":"app","command":["/busybox/sh"],"stdin":true,"tty":true,"securityContext":{"runAsNonRoot":true,"runAsUser":65532,"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]},"seccompProfile":{"type":"RuntimeDefault"}}}]}}'
    kubectl attach web --container distil-debug --stdin --tty
    # the target's files are at /proc/1/root
    "#);
}
