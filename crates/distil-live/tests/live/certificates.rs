//! HTTPS works with an authority of one's own in the bundle, even when the environment is cleared.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use distil_live::outcome::find_program;
use distil_live::tls::Authority;
use distil_live::{Built, Context, Engine, Request, Run, require};

use crate::additions::JAVA_WITHOUT_A_SCREEN;
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

/// Builds an image that trusts the authority by `--ca` alone, and returns its archive.
fn by_one_line(
    context: &Context,
    authority: &Authority,
    name: &str,
    arguments: &[&str],
) -> std::path::PathBuf {
    context.write("corporate.pem", authority.pem());
    let tag = format!("distil-test/ca-{name}:live");
    let output = format!("oci-archive:{name}.tar");
    let fixed = ["--suite", "trixie", "--platform", "linux/amd64"];
    let mut build = vec!["build"];
    build.extend(arguments);
    build.extend(fixed);
    build.extend(["--ca", "corporate.pem", "-t", &tag, "-o", &output]);
    context.distil(build).success();
    context.path(&format!("{name}.tar"))
}

/// A directory with an authority of the test's own in it, if this machine can make one.
fn own_authority() -> Option<(Context, Authority)> {
    if find_program("openssl").is_none() {
        require::missing("openssl is not installed");
        return None;
    }
    let context = Context::new();
    let authority = Authority::new(context.folder());
    Some((context, authority))
}

/// A static `env` on this machine, for images that have no program to clear the environment with.
fn env_of_busybox(context: &Context) -> std::path::PathBuf {
    let debug = Request::catalogue("static:debug", "trixie", "amd64").build();
    let path = context.write("busybox", debug.rootfs().read("/busybox/busybox"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Runs a program with an environment of nothing at all, in an image without a shell.
fn cleared(run: Run, busybox: &Path, program: &[&str]) -> Run {
    let mounted = format!("{}:/mnt/busybox:ro", busybox.display());
    run.host_network()
        .options(["--volume", &mounted])
        .entrypoint("/mnt/busybox")
        .args(["env", "-i"])
        .args(program.iter().copied())
}

#[test]
fn one_line_makes_python_trust_an_authority() {
    let Some((context, authority)) = own_authority() else {
        return;
    };
    let archive = by_one_line(&context, &authority, "python3", &["python3"]);
    let server = authority.serve();
    for engine in Engine::ALL.into_iter().filter_map(Engine::get) {
        let image = engine.load(&archive);
        let run = without_environment(engine.container(&image), &server.port().to_string());
        let ran = run.output().success();
        assert_eq!(ran.stdout(), "ok\n", "{}", ran.report());
    }
}

#[test]
fn one_line_makes_curl_trust_an_authority() {
    let Some((context, authority)) = own_authority() else {
        return;
    };
    let curl = ["base", "--add", "curl"];
    let trusting = by_one_line(&context, &authority, "curl", &curl);
    // The same image, but for another authority.
    let elsewhere = Context::new();
    let stranger = Authority::new(elsewhere.folder());
    let other = by_one_line(&elsewhere, &stranger, "curl-other", &curl);
    let busybox = env_of_busybox(&context);
    let server = authority.serve();
    let page = format!("https://localhost:{}/", server.port());
    let fetch = ["/usr/bin/curl", "--silent", "--show-error", "--fail", &page];
    for engine in Engine::ALL.into_iter().filter_map(Engine::get) {
        let image = engine.load(&trusting);
        let run = |image: &str, program: &[&str]| {
            cleared(engine.container(image), &busybox, program).output()
        };
        let environment = run(&image, &["/mnt/busybox", "env"]).success();
        assert_eq!(environment.stdout(), "", "{}", environment.report());
        run(&image, &fetch).success().mentions("s_server");
        // 60: no known authority signed the server's certificate.
        run(&engine.load(&other), &fetch).exits_with(60);
    }
}

/// Trivy, which happens to be here, is linked statically and written in Go; it gets a page where it
/// asked for a repository, and says so.
#[test]
fn a_static_go_program_finds_the_authorities_of_static() {
    let Some(trivy) = std::env::var_os("DISTIL_TEST_TRIVY") else {
        return require::missing("`DISTIL_TEST_TRIVY` names no program");
    };
    let (Some((context, authority)), Some(docker)) = (own_authority(), Engine::Docker.get()) else {
        return;
    };
    let trivy = Path::new(&trivy).canonicalize().unwrap();
    let mounted = format!("{}:/mnt/trivy:ro", trivy.display());
    let archive = by_one_line(&context, &authority, "static", &["static"]);
    let plain = Request::catalogue("static", "trixie", "amd64").build();
    let busybox = env_of_busybox(&context);
    let server = authority.serve();
    let page = format!("https://localhost:{}/page", server.port());
    let fetch = [
        "/mnt/trivy",
        "repo",
        "--cache-dir",
        "/tmp",
        "--scanners",
        "license",
        &page,
    ];
    let unknown = "certificate signed by unknown authority";
    for (image, is_known) in [
        (&*docker.load(&archive), true),
        (plain.in_engine(docker), false),
    ] {
        let run = docker.container(image).options(["--volume", &mounted]);
        let ran = cleared(run, &busybox, &fetch).output().failure();
        let said = if is_known { "invalid pkt-len" } else { unknown };
        ran.mentions(said);
    }
}

#[test]
fn one_line_makes_openssl_trust_an_authority() {
    let Some((context, authority)) = own_authority() else {
        return;
    };
    let openssl = ["base", "--add", "openssl"];
    let archive = by_one_line(&context, &authority, "openssl", &openssl);
    let busybox = env_of_busybox(&context);
    let server = authority.serve();
    let place = format!("localhost:{}", server.port());
    let mut connect = vec!["/usr/bin/openssl", "s_client", "-verify_return_error"];
    connect.extend(["-verify_hostname", "localhost", "-connect", &place]);
    // A client that verifies nothing would succeed with this, too.
    let mut trusting_nobody = connect.clone();
    trusting_nobody.extend(["-no-CAfile", "-no-CApath", "-no-CAstore"]);
    for engine in Engine::ALL.into_iter().filter_map(Engine::get) {
        let image = engine.load(&archive);
        let run = |program: &[&str]| cleared(engine.container(&image), &busybox, program).output();
        run(&connect)
            .success()
            .mentions("Verify return code: 0 (ok)");
        run(&trusting_nobody).failure().mentions("verify error");
    }
}

#[test]
fn one_line_puts_an_authority_into_java_s_key_store() {
    let Some((context, authority)) = own_authority() else {
        return;
    };
    let Some(docker) = Engine::Docker.get() else {
        return;
    };
    let mut java = vec!["base", "--add", "openjdk-21-jre-headless"];
    java.extend(JAVA_WITHOUT_A_SCREEN);
    let archive = by_one_line(&context, &authority, "java", &java);
    // `sha256 Fingerprint=AB:CD:…`
    let printed = context
        .run(
            "openssl",
            ["x509", "-in", "ca.pem", "-noout", "-fingerprint", "-sha256"],
        )
        .success()
        .stdout();
    let (_, fingerprint) = printed.trim().split_once('=').unwrap();
    docker
        .container(&docker.load(&archive))
        .entrypoint("/usr/bin/keytool")
        .args(["-list", "-cacerts", "-storepass", "changeit"])
        .output()
        .success()
        .mentions(fingerprint);
}
