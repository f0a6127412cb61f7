//! HTTPS works with an authority of one's own in the bundle, even when the environment is cleared.

use std::sync::Arc;

use distil_live::outcome::find_program;
use distil_live::tls::Authority;
use distil_live::{Built, Context, Engine, Run, require};

use crate::python;

const HTTPS: &str = include_str!("programs/https.py");

/// Starts the script that is its first argument with an environment of nothing at all.
const WITHOUT_ENVIRONMENT: &str =
    "import os, sys; os.execve(sys.executable, ['python3', '-c', *sys.argv[1:]], {})";

/// A Python image whose bundle has the authority's certificate beside Debian's.
fn with_authority(context: &Context, authority: &Authority) -> std::path::PathBuf {
    context.write("corporate.pem", authority.pem());
    context.write(
        "corporate.yaml",
        "name: corporate\ndescription: Python that knows our authority\nfrom: python3\n\
         certificates: {extra: [corporate.pem]}\n",
    );
    context
        .distil([
            "build",
            "corporate.yaml",
            "--suite",
            "trixie",
            "--platform",
            "linux/amd64",
        ])
        .success();
    context.path("corporate.tar")
}

fn without_environment(run: Run, port: &str) -> Run {
    run.host_network()
        .args(["-c", WITHOUT_ENVIRONMENT, HTTPS, port])
}

#[test]
fn https_with_an_authority_of_ones_own_needs_no_environment() {
    if find_program("openssl").is_none() {
        return require::missing("openssl is not installed");
    }
    let context = Context::new();
    let authority = Authority::new(context.folder());
    let archive = with_authority(&context, &authority);
    let server = authority.serve();
    let port = server.port().to_string();
    for engine in Engine::ALL.into_iter().filter_map(Engine::get) {
        let image = engine.load(&archive);
        let ran = without_environment(engine.container(&image), &port)
            .output()
            .success();
        assert_eq!(
            ran.stdout(),
            "ok\n",
            "{}: {}",
            engine.program(),
            ran.report()
        );
    }
}

#[test]
fn https_with_an_unknown_authority_is_refused() {
    if find_program("openssl").is_none() {
        return require::missing("openssl is not installed");
    }
    let Some(docker) = Engine::Docker.get() else {
        return;
    };
    let context = Context::new();
    let server = Authority::new(context.folder()).serve();
    let image: Arc<Built> = python().build();
    without_environment(
        docker.container(image.in_engine(docker)),
        &server.port().to_string(),
    )
    .output()
    .failure()
    .mentions("CERTIFICATE_VERIFY_FAILED");
}

#[test]
fn an_extra_authority_is_the_only_difference() {
    if find_program("openssl").is_none() {
        return require::missing("openssl is not installed");
    }
    let context = Context::new();
    let authority = Authority::new(context.folder());
    let archive = with_authority(&context, &authority);
    let ours = distil_live::Archive::open(&archive).image("amd64");
    let plain = python().build().image();
    assert!(
        ours.diff_ids().starts_with(&plain.diff_ids()),
        "the layers below are shared"
    );
    let bundle = ours
        .rootfs()
        .text("/etc/ssl/certs/ca-certificates.crt")
        .to_owned();
    let count = |text: &str| text.matches("-----BEGIN CERTIFICATE-----").count();
    assert_eq!(
        count(&bundle),
        count(plain.rootfs().text("/etc/ssl/certs/ca-certificates.crt")) + 1
    );
    let body = authority
        .pem()
        .lines()
        .filter(|line| !line.starts_with("---"))
        .collect::<String>();
    assert!(
        bundle.replace('\n', "").contains(&body),
        "the bundle has the certificate"
    );
}
