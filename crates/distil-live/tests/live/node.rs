//! What a Node.js program expects of the image: servers, TLS, workers, languages, add-ons.

use std::path::Path;

use distil_live::outcome::find_program;
use distil_live::tls::Authority;
use distil_live::{Context, Engine, Request, require};

const RUNTIME: &str = include_str!("programs/runtime.mjs");
const ADDON: &str = include_str!("programs/addon.c");

/// The directory's place in containers.
const PLACE: &str = "/mnt/test";

fn mount(folder: &Path) -> String {
    format!("{}:{PLACE}:ro", folder.display())
}

/// Writes the program and, where this machine can make one, its add-on; the arguments that say so.
fn write_program(context: &Context, with_addon: bool) -> [String; 2] {
    context.write("runtime.mjs", RUNTIME);
    context.write("addon.c", ADDON);
    let addon = match with_addon {
        true => {
            let build = ["-shared", "-fPIC", "-o", "addon.node", "addon.c"];
            context.run("cc", build).success();
            format!("{PLACE}/addon.node")
        }
        false => "-".to_owned(),
    };
    [format!("{PLACE}/runtime.mjs"), addon]
}

/// All of it with an authority of the test's own, in the image and the variant farthest from it.
#[test]
fn whole_runtime_trixie_amd64() {
    let Some(docker) = Engine::Docker.get() else {
        return;
    };
    if find_program("openssl").is_none() || find_program("cc").is_none() {
        return require::missing("openssl or cc is not installed");
    }
    let context = Context::new();
    let [program, addon] = write_program(&context, true);
    let authority = Authority::new(context.folder());
    let server = authority.serve();
    let address = format!("https://localhost:{}/", server.port());
    for variant in ["latest", "debug-nonroot"] {
        let image = format!("nodejs:{variant}");
        let output = format!("oci-archive:{variant}.tar");
        let tag = format!("distil-test/node-ca:{variant}");
        let build = ["build", &image, "--platform", "linux/amd64"];
        let build = build
            .into_iter()
            .chain(["--suite", "trixie", "-o", &output]);
        context
            .distil(build.chain(["--ca", "ca.pem", "-t", &tag]))
            .success();
        let image = docker.load(&context.path(&format!("{variant}.tar")));
        let run = docker.container(&image).host_network();
        let run = run.options([
            "--volume",
            &mount(context.folder()),
            "--env",
            "SSL_CERT_FILE",
        ]);
        let ran = run.args([&*program, "20", &addon, &address]).output();
        assert_eq!(ran.success().stdout(), "ok\n");
    }
}

fn runs(suite: &'static str, arch: &'static str, release: &str) {
    let Some(docker) = Engine::Docker.get() else {
        return;
    };
    if !Engine::runs(arch) {
        return;
    }
    let context = Context::new();
    let [program, addon] = write_program(&context, Engine::is_native(arch));
    let image = Request::catalogue("nodejs", suite, arch).build();
    let container = || {
        let run = docker.container(image.in_engine(docker));
        run.platform(&image.platform())
    };
    let printed = container().args(["--version"]).output().success();
    printed.mentions(&format!("v{release}."));
    if !Engine::is_native(arch) {
        let sum = ["-p", "require('os').arch() + [1, 2].at(-1)"];
        container().args(sum).output().success().mentions("arm642");
        return;
    }
    // As any user, and with nothing to write to but a temporary directory.
    let ran = container()
        .options(["--user", "1000730000:0", "--read-only", "--tmpfs", "/tmp"])
        .options(["--volume", &mount(context.folder())])
        .args([&*program, release, &addon])
        .output()
        .success();
    assert_eq!(ran.stdout(), "ok\n", "{}", ran.report());
}

#[test]
fn runtime_bookworm_amd64() {
    runs("bookworm", "amd64", "18");
}

#[test]
fn runtime_forky_amd64() {
    runs("forky", "amd64", "24");
}

#[test]
fn version_trixie_arm64() {
    runs("trixie", "arm64", "20");
}
