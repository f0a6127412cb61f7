//! What a Java program expects of the image: archives, text in pictures, names, TLS, processes.

use std::path::Path;

use distil_live::outcome::find_program;
use distil_live::tls::Authority;
use distil_live::{Context, Engine, Request, require};

const CHECKS: &str = include_str!("programs/Checks.java");

/// The directory's place in containers.
const PLACE: &str = "/mnt/test";

fn mount(folder: &Path) -> String {
    format!("{}:{PLACE}", folder.display())
}

/// Makes an archive of the program by the tools of the debug variant, which it thereby proves.
fn make_jar(context: &Context, docker: Engine, name: &str, suite: &'static str) {
    context.write("Checks.java", CHECKS);
    let debug = Request::catalogue(&format!("{name}:debug"), suite, "amd64").build();
    let compile = ["-d", "/mnt/test/out", "/mnt/test/Checks.java"];
    let pack = ["--create", "--file", "/mnt/test/checks.jar"];
    let pack = [
        &pack[..],
        &["--main-class", "Checks", "-C", "/mnt/test/out", "."],
    ]
    .concat();
    for (tool, arguments) in [("javac", &compile[..]), ("jar", &pack)] {
        docker
            .container(debug.in_engine(docker))
            .options(["--volume", &mount(context.folder())])
            .entrypoint(tool)
            .args(arguments.iter().copied())
            .output()
            .success();
    }
}

/// All of it with a read-only root: as any user, with an authority of the test's own in the key
/// store; and as 65532 without it, where the server has to be refused.
fn whole_runtime(name: &str, suite: &'static str, release: &str) {
    let Some(docker) = Engine::Docker.get() else {
        return;
    };
    if find_program("openssl").is_none() {
        return require::missing("openssl is not installed");
    }
    let context = Context::new();
    make_jar(&context, docker, name, suite);
    let authority = Authority::new(context.folder());
    let server = authority.serve();
    let address = format!("https://localhost:{}/", server.port());
    let tag = format!("distil-test/{name}-ca:live");
    let build = ["build", name, "--suite", suite, "--platform", "linux/amd64"];
    let more = ["--ca", "ca.pem", "-t", &tag, "-o", "oci-archive:ca.tar"];
    context.distil(build.into_iter().chain(more)).success();
    let trusting = docker.load(&context.path("ca.tar"));
    let nonroot = Request::catalogue(&format!("{name}:nonroot"), suite, "amd64").build();
    for (image, user, expected) in [
        (
            &*trusting,
            &["--user", "1000730000:0"][..],
            &["trusted"][..],
        ),
        (
            nonroot.in_engine(docker),
            &[],
            &["refused", "/home/nonroot"],
        ),
    ] {
        let ran = docker
            .container(image)
            .host_network()
            .options(["--read-only", "--tmpfs", "/tmp"])
            .options(user.iter().copied())
            .options(["--volume", &mount(context.folder())])
            .args(["/mnt/test/checks.jar", release, &address])
            .args(expected.iter().copied())
            .output()
            .success();
        assert_eq!(ran.stdout(), "ok\n", "{}", ran.report());
    }
}

#[test]
fn whole_runtime_of_17() {
    whole_runtime("java17", "bookworm", "17");
}

#[test]
fn whole_runtime_of_21() {
    whole_runtime("java21", "trixie", "21");
}

#[test]
fn whole_runtime_of_25() {
    whole_runtime("java25", "trixie", "25");
}

#[test]
fn version_of_21_arm64() {
    let Some(docker) = Engine::Docker.get() else {
        return;
    };
    if !Engine::runs("arm64") {
        return;
    }
    let image = Request::catalogue("java21", "trixie", "arm64").build();
    docker
        .container(image.in_engine(docker))
        .platform(&image.platform())
        .entrypoint("/usr/bin/java")
        .args(["-version"])
        .output()
        .success()
        .mentions("openjdk version \"21.");
}
