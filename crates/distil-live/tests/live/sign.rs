//! Cosign of both generations, skopeo and distil verify one another's signatures, and none of them
//! takes what another key has signed.
//!
//! Cosign and skopeo are Debian's, of trixie and forky, in root file systems that distil builds;
//! they run by chroot(8), which takes root.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use distil_live::context::{RUN_FOLDER, workspace};
use distil_live::outcome::find_program;
use distil_live::registry::{self, PASSWORD, Registry};
use distil_live::{Context, Outcome, require};

/// A program of Debian's in a root file system of its own.
#[derive(Debug)]
pub(crate) struct Tool {
    pub(crate) root: PathBuf,
    program: &'static str,
}

impl Tool {
    pub(crate) fn build(program: &'static str, suite: &str, more: &[&str]) -> Self {
        let root = RUN_FOLDER.join(format!("{program}-{suite}"));
        if !root.is_dir() {
            let output = format!("rootfs:{}", root.display());
            // Forky has no `Valid-Until` that every mirror keeps.
            let build = [
                "build",
                "base",
                "--quiet",
                "--suite",
                suite,
                "--allow-expired",
            ];
            let add = ["--add", program, "-o", &output];
            Context::new()
                .distil([&build[..], &add, more].concat())
                .success();
        }
        let folder = root.join("work");
        std::fs::create_dir_all(&folder).unwrap();
        for entry in std::fs::read_dir(keys()).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
        }
        // There is no other resolver in it.
        std::fs::write(root.join("etc/hosts"), "127.0.0.1 localhost\n").unwrap();
        Self { root, program }
    }

    pub(crate) fn run(&self, registry: &Registry, arguments: &[&str]) -> Outcome {
        self.run_as(&format!("/usr/bin/{}", self.program), registry, arguments)
    }

    /// Runs the program that is at a path of its root file system.
    pub(crate) fn run_as(&self, path: &str, registry: &Registry, arguments: &[&str]) -> Outcome {
        let mut command = Command::new("/usr/sbin/chroot");
        command.arg(&self.root).arg(path).args(arguments);
        self.finish(command, registry)
    }

    /// The same with the mounts that a container engine wants, in a namespace of its own.
    pub(crate) fn run_mounted(&self, registry: &Registry, arguments: &[&str]) -> Outcome {
        const SCRIPT: &str = "set -e; mount --bind \"$1\" \"$1\"; cd \"$1\"; \
            for one in proc dev sys; do mount --rbind \"/$one\" \"$one\"; done; \
            root=$1; shift; exec /usr/sbin/chroot \"$root\" \"$@\"";
        let mut command = Command::new("/usr/bin/unshare");
        command.args(["--mount", "/bin/sh", "-c", SCRIPT, "sh"]);
        let program = format!("/usr/bin/{}", self.program);
        command.arg(&self.root).arg(program).args(arguments);
        self.finish(command, registry)
    }

    fn finish(&self, mut command: Command, registry: &Registry) -> Outcome {
        // The credentials of `docker login`, of this test's registry: tests that run at the same
        // time have registries of their own.
        let login = format!("work/login-{}", registry.host().replace(':', "-"));
        let config = self.root.join(&login);
        std::fs::create_dir_all(&config).unwrap();
        std::fs::copy(registry.credentials(PASSWORD), config.join("config.json")).unwrap();
        // What the engines of the tests are set up by is not in its root.
        for name in [
            "CONTAINERS_CONF",
            "CONTAINERS_STORAGE_CONF",
            "CONTAINERS_REGISTRIES_CONF",
            "DOCKER_HOST",
        ] {
            command.env_remove(name);
        }
        command
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", "/tmp")
            .env("DOCKER_CONFIG", format!("/{login}"))
            .env("REGISTRY_AUTH_FILE", format!("/{login}/config.json"))
            .env("COSIGN_PASSWORD", "distil");
        Outcome::of(&command, Duration::from_secs(120))
    }
}

fn keys() -> PathBuf {
    workspace().join("crates/distil-attest/tests/keys")
}

static COSIGN_2: LazyLock<Tool> = LazyLock::new(|| Tool::build("cosign", "trixie", &[]));
static COSIGN_3: LazyLock<Tool> = LazyLock::new(|| Tool::build("cosign", "forky", &[]));
static SKOPEO: LazyLock<Tool> = LazyLock::new(|| Tool::build("skopeo", "trixie", &[]));

/// Whether there is a registry, and root to run other programs in their file systems.
pub(crate) fn is_possible() -> bool {
    if find_program(registry::PROGRAM).is_none() {
        require::missing("docker-registry is not installed");
        return false;
    }
    let output = Command::new("id").arg("-u").output().unwrap();
    if output.stdout != b"0\n" {
        require::missing("only root can use chroot");
        return false;
    }
    true
}

pub(crate) struct Place {
    pub(crate) context: Context,
    pub(crate) registry: Registry,
}

impl Place {
    pub(crate) fn new() -> Self {
        let context = Context::new();
        let registry = Registry::start(context.folder());
        for entry in std::fs::read_dir(keys()).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let copy = context.write(&name, std::fs::read(&path).unwrap());
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            std::fs::set_permissions(copy, mode).unwrap();
        }
        Self { context, registry }
    }

    pub(crate) fn distil(&self, arguments: &[&str]) -> Outcome {
        let mut command = self.context.command(arguments);
        command
            .arg("--authfile")
            .arg(self.registry.credentials(PASSWORD));
        command.env("COSIGN_PASSWORD", "distil");
        Outcome::of(&command, Duration::from_secs(300))
    }

    pub(crate) fn short(&self, rest: &str) -> String {
        format!("{}/{rest}", self.registry.host())
    }

    pub(crate) fn name(&self, rest: &str) -> String {
        format!("docker://{}", self.short(rest))
    }
}

/// The types of attestations, as cosign calls them.
const TYPES: [&str; 3] = ["spdxjson", "cyclonedx", "slsaprovenance1"];

#[test]
fn cosign_and_skopeo_accept_what_distil_signs() {
    if !is_possible() {
        return;
    }
    let place = Place::new();
    for (key, public) in [("cosign.key", "cosign.pub"), ("ed25519.key", "ed25519.pub")] {
        let repository = format!("team/{}", key.trim_end_matches(".key"));
        let (name, short) = (
            place.name(&repository) + ":1",
            place.short(&repository) + ":1",
        );
        let build = [
            "build",
            "base",
            "--platform",
            "linux/amd64,linux/arm64",
            "-o",
            &name,
        ];
        let sign = ["--sign-key", key, "--signature-tags"];
        let attach = ["--attach", "spdx,cyclonedx,provenance"];
        place
            .distil(&[&build[..], &sign, &attach].concat())
            .success();
        // What is said is said of the image of a platform.
        let raw = place.distil(&[
            "verify",
            &name,
            "--key",
            public,
            "--platform",
            "linux/amd64",
            "--format",
            "json",
        ]);
        let digest = raw.success().json()["digest"].as_str().unwrap().to_owned();
        let image = format!("{}@{digest}", place.short(&repository));
        for cosign in [&*COSIGN_2, &*COSIGN_3] {
            let own = format!("/work/{public}");
            let offline = "--insecure-ignore-tlog=true";
            for image in [&short, &image] {
                let verify = ["verify", "--key", &own, offline, image];
                cosign.run(&place.registry, &verify).success();
            }
            let other = ["verify", "--key", "/work/other.pub", offline, &short];
            cosign.run(&place.registry, &other).failure();
            for kind in TYPES {
                let verify = [
                    "verify-attestation",
                    "--type",
                    kind,
                    "--key",
                    &own,
                    offline,
                    &image,
                ];
                cosign.run(&place.registry, &verify).success();
            }
        }
        // By skopeo's policy, whose default is the very name that was signed.
        for (key, accepted) in [(public, true), ("other.pub", false)] {
            let policy = format!(
                r#"{{"default": [{{"type": "sigstoreSigned", "keyPath": "/work/{key}"}}]}}"#
            );
            std::fs::write(SKOPEO.root.join("work/policy.json"), policy).unwrap();
            let lookaside = SKOPEO.root.join("work/registries.d");
            std::fs::create_dir_all(&lookaside).unwrap();
            let text = "default-docker: {use-sigstore-attachments: true}\n";
            std::fs::write(lookaside.join("default.yaml"), text).unwrap();
            let _ = std::fs::remove_dir_all(SKOPEO.root.join("work/copy"));
            let options = [
                "--policy",
                "/work/policy.json",
                "--registries.d",
                "/work/registries.d",
            ];
            let copy = [
                "copy",
                "--remove-signatures",
                "--src-tls-verify=false",
                &name,
                "oci:/work/copy:x",
            ];
            let outcome = SKOPEO.run(&place.registry, &[&options[..], &copy].concat());
            match accepted {
                true => outcome.success(),
                false => outcome.failure(),
            };
        }
    }
}

#[test]
fn distil_accepts_what_cosign_signs() {
    if !is_possible() {
        return;
    }
    let place = Place::new();
    for (cosign, tag, more) in [
        (&*COSIGN_2, "2", &[][..]),
        (&*COSIGN_3, "3", &["--use-signing-config=false"]),
    ] {
        let repository = format!("team/app{tag}");
        let (name, short) = (
            place.name(&repository) + ":1",
            place.short(&repository) + ":1",
        );
        place.distil(&["build", "static", "-o", &name]).success();
        place
            .distil(&["verify", &name, "--key", "cosign.pub"])
            .failure();
        let predicate = cosign.root.join("work/predicate.json");
        std::fs::write(predicate, "{\"SPDXID\": \"SPDXRef-DOCUMENT\"}").unwrap();
        let key = ["--key", "/work/cosign.key", "--tlog-upload=false", "--yes"];
        let sign = ["sign"].iter().chain(&key).chain(more).copied();
        let sign: Vec<&str> = sign.chain([short.as_str()]).collect();
        cosign.run(&place.registry, &sign).success();
        let what = ["--type", "spdxjson", "--predicate", "/work/predicate.json"];
        let attest = ["attest"]
            .iter()
            .chain(&key)
            .chain(more)
            .chain(&what)
            .copied();
        let attest: Vec<&str> = attest.chain([short.as_str()]).collect();
        cosign.run(&place.registry, &attest).success();
        let verify = ["verify", &name, "--key", "cosign.pub", "--require", "spdx"];
        place.distil(&verify).success();
        let other = ["verify", &name, "--key", "other.pub"];
        place.distil(&other).failure();
        // A second signature beside cosign's, which stays.
        let sign = ["sign", &name, "--key", "ecdsa.key", "--signature-tags"];
        place.distil(&sign).success();
        place
            .distil(&["verify", &name, "--key", "ecdsa.pub"])
            .success();
        place.distil(&verify).success();
        let verify = [
            "verify",
            "--key",
            "/work/cosign.pub",
            "--insecure-ignore-tlog=true",
            &short,
        ];
        cosign.run(&place.registry, &verify).success();
    }
}

/// Keys that cosign makes are read.
#[test]
fn keys_of_cosign_sign() {
    if !is_possible() {
        return;
    }
    let place = Place::new();
    let name = place.name("team/key:1");
    place.distil(&["build", "static", "-o", &name]).success();
    for cosign in [&*COSIGN_2, &*COSIGN_3] {
        let prefix = cosign.root.join("work/new");
        for end in ["key", "pub"] {
            let _ = std::fs::remove_file(prefix.with_extension(end));
        }
        let generate = ["generate-key-pair", "--output-key-prefix", "/work/new"];
        cosign.run(&place.registry, &generate).success();
        let path = |end: &str| prefix.with_extension(end).display().to_string();
        place
            .distil(&["sign", &name, "--key", &path("key")])
            .success();
        place
            .distil(&["verify", &name, "--key", &path("pub")])
            .success();
        assert!(Path::new(&path("key")).is_file());
    }
}
