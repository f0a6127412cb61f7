//! The Dockerfiles that people have for distroless images build and run unchanged with ours under
//! the name of Google's.

use distil_live::outcome::find_program;
use distil_live::{Built, Context, Engine, Request, require};

const NAME: &str = "gcr.io/distroless/python3";

/// The Dockerfile of the plain image, as in every guide to distroless.
const PLAIN: &str = "FROM gcr.io/distroless/python3\nCOPY app.py /app.py\nCMD [\"/app.py\"]\n";

/// The one of the debug image.
const DEBUG: &str = "FROM gcr.io/distroless/python3:debug\n";

const APP: &str = "import sys\nprint('app of', sys.executable, *sys.argv)\n";

/// Builds and loads an image under Google's name, into both engines.
fn under_googles_name(context: &Context, variant: &str) {
    let name = format!("{NAME}:{variant}");
    let what = format!("python3:{variant}");
    let path = format!("{variant}.tar");
    let output = format!("oci-archive:{path}");
    context
        .distil([
            "build",
            &what,
            "--suite",
            "trixie",
            "--platform",
            "linux/amd64",
            "-t",
            &name,
            "-o",
            &output,
        ])
        .success();
    for engine in Engine::ALL.into_iter().filter_map(Engine::get) {
        assert_eq!(
            engine.load(&context.path(&path)),
            name,
            "the name that {} saw",
            engine.program()
        );
    }
}

/// Builds a Dockerfile in the context's directory, by the tool that belongs to the engine.
#[track_caller]
fn build(context: &Context, engine: Engine, dockerfile: &str, tag: &str) {
    context.write("app/Dockerfile", dockerfile);
    context.write("app/app.py", APP);
    let folder = context.path("app");
    let folder = folder.to_str().unwrap();
    match engine {
        Engine::Docker => {
            engine.run_raw(["build", "--tag", tag, folder]).success();
        }
        Engine::Podman => {
            let options = [
                "bud",
                "--isolation",
                "chroot",
                "--pull-never",
                "--tag",
                tag,
                folder,
            ];
            context.run("buildah", options).success();
        }
    }
}

/// What can be said of a container without a shell: the usual ways to get one all fail.
#[track_caller]
fn has_no_shell(engine: Engine, image: &str) {
    let sleeper = engine
        .container(image)
        .entrypoint("/usr/bin/python3")
        .args(["-c", "import signal; signal.pause()"])
        .start();
    for shell in [
        "sh",
        "/bin/sh",
        "bash",
        "/bin/bash",
        "/bin/dash",
        "busybox",
        "/busybox/sh",
    ] {
        let outcome = sleeper.exec([shell]).failure();
        assert!(
            [126, 127].contains(&outcome.status()),
            "{}",
            outcome.report()
        );
    }
    // The container itself is alive, so it was the shell that was missing.
    sleeper
        .exec(["/usr/bin/python3", "-c", "print('alive')"])
        .success()
        .mentions("alive");
}

#[test]
fn plain_dockerfile_builds_and_runs_in_docker_and_buildah() {
    if find_program("buildah").is_none() {
        return require::missing("buildah is not installed");
    }
    let context = Context::new();
    under_googles_name(&context, "latest");
    for engine in Engine::ALL.into_iter().filter_map(Engine::get) {
        let tag = "localhost/plain-app:1";
        build(&context, engine, PLAIN, tag);
        let ran = engine.container(tag).output().success();
        assert_eq!(
            ran.stdout(),
            "app of /usr/bin/python3 /app.py\n",
            "{}",
            ran.report()
        );
        has_no_shell(engine, tag);
    }
}

#[test]
fn debug_dockerfile_builds_and_has_a_shell_in_docker_and_buildah() {
    if find_program("buildah").is_none() {
        return require::missing("buildah is not installed");
    }
    let context = Context::new();
    under_googles_name(&context, "debug");
    for engine in Engine::ALL.into_iter().filter_map(Engine::get) {
        let tag = "localhost/debug-app:1";
        build(&context, engine, DEBUG, tag);
        // The runtime stays the entrypoint; the shell is there for who asks.
        engine
            .container(tag)
            .args(["-c", "print('still python')"])
            .output()
            .success()
            .mentions("still python");
        let shell = engine.container(tag).entrypoint("/busybox/sh");
        shell
            .args(["-c", "ls / && which wget"])
            .output()
            .success()
            .mentions("/busybox/wget");
        let sleeper = engine
            .container(tag)
            .args(["-c", "import signal; signal.pause()"])
            .start();
        sleeper
            .exec(["sh", "-c", "echo inside; id -u"])
            .success()
            .mentions("inside");
        sleeper.exec(["/bin/sh", "-c", "true"]).failure();
    }
}

#[test]
fn an_image_of_ours_keeps_its_layers_below_what_a_dockerfile_adds() {
    let Some(docker) = Engine::Docker.get() else {
        return;
    };
    let context = Context::new();
    let image: std::sync::Arc<Built> = Request::catalogue("python3", "trixie", "amd64").build();
    let name = image.in_engine(docker);
    let dockerfile = PLAIN.replace(NAME, name);
    build(&context, docker, &dockerfile, "localhost/layered-app:1");
    let inspected = docker
        .run_raw(["image", "inspect", "localhost/layered-app:1"])
        .success()
        .json();
    let layers = inspected[0]["RootFS"]["Layers"].as_array().unwrap().clone();
    let ours = image.image().diff_ids();
    assert_eq!(layers.len(), ours.len() + 1);
    for (layer, id) in layers.iter().zip(&ours) {
        assert_eq!(layer, id);
    }
}
