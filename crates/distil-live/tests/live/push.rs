//! Images pushed to Docker's own registry, with a password, without TLS and by it, and pulled by others.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use distil_live::outcome::find_program;
use distil_live::registry::{self, PASSWORD, Registry};
use distil_live::tls::Authority;
use distil_live::{Context, Engine, Outcome, Request, require};

use crate::outputs::skopeo_is_missing;

/// A registry, and how distil is told of it.
struct Place<'a> {
    context: &'a Context,
    registry: Registry,
    authority: Option<PathBuf>,
}

impl Place<'_> {
    fn distil(&self, password: &str, arguments: &[&str]) -> Outcome {
        let mut command: Command = self.context.command(arguments);
        command
            .arg("--authfile")
            .arg(self.registry.credentials(password));
        if let Some(authority) = &self.authority {
            command.env("SSL_CERT_FILE", authority);
        }
        Outcome::of(&command, Duration::from_secs(300))
    }

    fn name(&self, rest: &str) -> String {
        format!("docker://{}/{rest}", self.registry.host())
    }
}

fn python() -> Request {
    Request::catalogue("python3", "trixie", "amd64")
}

#[test]
fn what_is_pushed_is_pulled_by_all() {
    if find_program(registry::PROGRAM).is_none() {
        return require::missing("docker-registry is not installed");
    }
    if skopeo_is_missing() {
        return;
    }
    let context = Context::new();
    let keys = tempfile::tempdir().unwrap();
    let authority = Authority::new(keys.path());
    let plain = Registry::start(context.folder());
    let folder = tempfile::tempdir().unwrap();
    let tls = Registry::start_tls(folder.path(), &authority);
    for (registry, authority) in [(plain, None), (tls, Some(authority.path()))] {
        let place = Place {
            context: &context,
            registry,
            authority,
        };
        round_trip(&place);
    }
}

fn round_trip(place: &Place<'_>) {
    let image = python().build();
    let source = image.reference();
    let name = place.name("team/python3");
    let pushed = place
        .distil(
            PASSWORD,
            &[
                "push",
                &source,
                &name,
                "-t",
                "${version:python3:minor}",
                "-t",
                "latest",
            ],
        )
        .success();
    pushed.mentions("as `3.13`, `latest`");
    let pushed = place.distil(PASSWORD, &["push", &source, &format!("{name}:3.13")]);
    let digest = pushed.success().mentions("has it already").stdout();
    let digest = digest.trim();
    // The digest is that of the archive, and what is pulled has it.
    let authfile = place.registry.credentials(PASSWORD);
    let authfile = authfile.to_str().unwrap();
    let skopeo = |arguments: &[&str]| {
        let program = ["--insecure-policy"].iter().chain(arguments);
        place.context.run("skopeo", program).success()
    };
    let own = skopeo(&["inspect", "--format", "{{.Digest}}", &source]).stdout();
    assert_eq!(own.trim(), digest);
    let layout = tempfile::tempdir().unwrap();
    let layout = format!("oci:{}:x", layout.path().display());
    skopeo(&[
        "copy",
        "--src-tls-verify=false",
        "--src-authfile",
        authfile,
        &format!("{name}:latest"),
        &layout,
    ]);
    let pulled = skopeo(&["inspect", "--format", "{{.Digest}}", &layout]).stdout();
    assert_eq!(pulled.trim(), digest);
    // To another repository nothing is sent.
    let copy = place.name("other/python3:1");
    let copied = place
        .distil(PASSWORD, &["push", &format!("{name}:3.13"), &copy])
        .success();
    assert_eq!(copied.stdout().trim(), digest);
    copied
        .mentions(": 0 of")
        .mentions("taken from another repository");
    if place.authority.is_some() {
        // Without the authority there is no trust, and no other way either.
        let untrusted = place.name("team/untrusted:1");
        let push = ["push", &source, &untrusted, "--authfile", authfile];
        place
            .context
            .distil(push)
            .failure()
            .mentions("SSL_CERT_FILE");
        let push = push.iter().chain(&["--tls-verify=false"]);
        place.context.distil(push).success();
    }
    // Who is not known writes nothing.
    place
        .distil("wrong", &["push", &source, &place.name("team/no:1")])
        .failure()
        .mentions("does not let the user `distil`");
    let short = format!("{}/team/python3:3.13", place.registry.host());
    if let Some(docker) = Engine::Docker.get() {
        let config = place.registry.docker_config();
        let config = config.to_str().unwrap();
        docker
            .run_raw(["--config", config, "pull", &short])
            .success();
        let output = docker
            .container(&short)
            .args(["-c", "print(6 * 7)"])
            .output();
        output.success().mentions("42");
        docker.run_raw(["rmi", "-f", &short]).success();
    }
    other_clients(place, &short, digest);
    if let Some(podman) = Engine::Podman.get() {
        let pull = ["pull", "--tls-verify=false", "--authfile", authfile, &short];
        podman.run_raw(pull).success();
        let output = podman
            .container(&short)
            .args(["-c", "print(6 * 7)"])
            .output();
        output.success().mentions("42");
        podman.run_raw(["rmi", "-f", &short]).success();
    }
}

/// crane and oras pull what distil pushed, and distil reads what crane pushes: all with the same digest.
fn other_clients(place: &Place<'_>, name: &str, digest: &str) {
    let config = place.registry.docker_config();
    let run = |variable: &str, arguments: &[&str]| {
        let Some(program) = std::env::var_os(variable) else {
            require::missing(&format!("`{variable}` names no client"));
            return None;
        };
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(place.context.folder())
            .env("DOCKER_CONFIG", &config);
        if let Some(authority) = &place.authority {
            command.env("SSL_CERT_FILE", authority);
        }
        Some(Outcome::of(&command, Duration::from_secs(300)).success())
    };
    let layout = tempfile::tempdir().unwrap();
    let pulled = |client: &str| layout.path().join(client).to_str().unwrap().to_owned();
    let digest_of = |layout: &str| {
        let source = format!("oci:{layout}");
        let inspect = ["inspect", "--format", "{{.Digest}}", &source];
        let inspect = ["--insecure-policy"].iter().chain(&inspect);
        let inspected = place.context.run("skopeo", inspect).success();
        inspected.stdout().trim().to_owned()
    };
    let crane = "DISTIL_TEST_CRANE";
    if run(crane, &["pull", "--format=oci", name, &pulled("crane")]).is_some() {
        assert_eq!(digest_of(&pulled("crane")), digest);
        let back = format!("{}/team/crane:1", place.registry.host());
        run(crane, &["push", &pulled("crane"), &back]);
        let copied = place.distil(
            PASSWORD,
            &[
                "push",
                &format!("docker://{back}"),
                &place.name("other/crane:1"),
            ],
        );
        assert_eq!(copied.success().stdout().trim(), digest);
        let validated = run(crane, &["validate", "--remote", name]);
        validated.unwrap().mentions("PASS");
    }
    let to = format!("{}:x", pulled("oras"));
    // Without it, oras speaks no TLS to this machine.
    let plain = format!("--from-plain-http={}", place.authority.is_none());
    let oras = ["copy", name, "--to-oci-layout", &to, &plain];
    if run("DISTIL_TEST_ORAS", &oras).is_some() {
        assert_eq!(digest_of(&to), digest);
    }
}

/// A build goes to the registry without an archive between, for several platforms and under several tags.
#[test]
fn a_build_is_pushed() {
    if find_program(registry::PROGRAM).is_none() {
        return require::missing("docker-registry is not installed");
    }
    if skopeo_is_missing() {
        return;
    }
    let context = Context::new();
    let place = Place {
        registry: Registry::start(context.folder()),
        context: &context,
        authority: None,
    };
    let name = place.name("team/static");
    let platforms = ["build", "static", "--platform", "linux/amd64,linux/arm64"];
    let outputs = ["-o", &name, "-t", "static:${suite}", "-t", "static:latest"];
    let built = place
        .distil(PASSWORD, &[&platforms[..], &outputs[..]].concat())
        .success();
    let digest = built.stdout().trim().to_owned();
    let authfile = place.registry.credentials(PASSWORD);
    for tag in ["trixie", "latest"] {
        let arguments = [
            "--insecure-policy",
            "inspect",
            "--raw",
            "--tls-verify=false",
            "--authfile",
            authfile.to_str().unwrap(),
            &format!("{name}:{tag}"),
        ];
        let raw = context.run("skopeo", arguments).success();
        assert_eq!(raw.json()["manifests"].as_array().unwrap().len(), 2);
    }
    let again = place
        .distil(PASSWORD, &[&platforms[..], &outputs[..]].concat())
        .success();
    assert_eq!(again.stdout().trim(), digest);
    again.mentions("has it already");
}
