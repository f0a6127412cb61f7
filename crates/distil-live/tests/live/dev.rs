//! The variant `dev`: apt goes on from what was made without it, and what is compiled and installed
//! there runs in the image itself.

use std::path::Path;

use distil_live::context::workspace;
use distil_live::{Context, Engine, Request, require};

use super::{python, python_variant};

const SCRIPT: &str = include_str!("programs/dev.sh");

/// A package of a module in C.
const FIT: [(&str, &str); 3] = [
    (
        "pyproject.toml",
        include_str!("programs/fit/pyproject.toml"),
    ),
    ("backend.py", include_str!("programs/fit/backend.py")),
    ("fit.c", include_str!("programs/fit/fit.c")),
];

/// Packages whose scripts do real work.
const HEAVY: &str = "git libpq-dev nodejs openjdk-21-jdk-headless postgresql-client locales \
                     redis-server nginx tzdata ca-certificates";

/// What a script says that fails without saying so in its status.
const BAD_SIGNS: [&str; 3] = ["not found", "uninit", "chown:"];

/// apt's sources as this machine has them, for a container.
fn sources(suite: &str) -> String {
    let mut uris = Vec::new();
    let mut read = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let lines = text
            .lines()
            .filter(|line| line.starts_with("URIs:") || line.starts_with("deb "));
        let words = lines.flat_map(str::split_whitespace);
        uris.extend(words.filter(|word| word.contains("://")).map(str::to_owned));
    };
    read(Path::new("/etc/apt/sources.list"));
    for entry in std::fs::read_dir("/etc/apt/sources.list.d")
        .into_iter()
        .flatten()
    {
        read(&entry.unwrap().path());
    }
    let named = |end: &str| {
        uris.iter()
            .find(|uri| uri.trim_end_matches('/').ends_with(end))
    };
    let main = named("/debian").expect("apt has no source that ends in `/debian`");
    let beside = main.trim_end_matches('/').to_owned() + "-security";
    let security = named("/debian-security").unwrap_or(&beside);
    let signed = "/usr/share/keyrings/debian-archive-keyring.gpg";
    let source = |uri: &str, suites: &str| {
        format!(
            "Types: deb\nURIs: {uri}\nSuites: {suites}\nComponents: main\nSigned-By: {signed}\n\n"
        )
    };
    source(main, &format!("{suite} {suite}-updates"))
        + &source(security, &format!("{suite}-security"))
}

/// Runs the script in a container of `python3:dev` with a directory as `/app`.
#[track_caller]
fn run_script(docker: Engine, context: &Context, packages: &str) {
    for (name, text) in FIT {
        context.write(&format!("app/fit/{name}"), text);
    }
    context.write("app/dev.sh", SCRIPT);
    let sources = context.write("debian.sources", sources("trixie"));
    let dev = python_variant("dev").build();
    let ran = docker
        .container(dev.in_engine(docker))
        .host_network()
        .options([
            "--volume",
            &format!("{}:/app", context.path("app").display()),
        ])
        .options([
            "--volume",
            &format!(
                "{}:/etc/apt/sources.list.d/debian.sources:ro",
                sources.display()
            ),
        ])
        .options([
            "--env",
            &format!("PACKAGES={packages}"),
            "--workdir",
            "/app",
        ])
        .entrypoint("/bin/bash")
        .args(["/app/dev.sh"])
        .output()
        .success();
    for sign in BAD_SIGNS {
        assert!(!ran.report().contains(sign), "`{sign}` in {}", ran.report());
    }
    ran.mentions("ALL IS WELL");
}

#[test]
fn apt_goes_on_in_dev_and_what_is_made_there_runs_in_the_image() {
    let Some(docker) = Engine::Docker.get() else {
        return;
    };
    let context = Context::new();
    run_script(docker, &context, if require::long() { HEAVY } else { "" });
    let image = python().build();
    let volume = format!("{}:/app:ro", context.path("app").display());
    let program = "import fit, platform; print(fit.version() == platform.python_version())";
    for (python, path) in [
        ("/usr/bin/python3", "/app/deps"),
        ("/app/venv/bin/python", ""),
    ] {
        let ran = docker.container(image.in_engine(docker));
        let ran = ran.options(["--volume", &volume, "--env", &format!("PYTHONPATH={path}")]);
        let ran = ran
            .entrypoint(python)
            .args(["-c", program])
            .output()
            .success();
        assert_eq!(ran.stdout(), "True\n", "{}", ran.report());
    }
}

/// The same by emulation: what apt brings runs there, and what is compiled runs in the image.
#[test]
fn apt_and_the_compiler_work_on_arm64() {
    if !require::long() {
        return;
    }
    let Some(docker) = Engine::Docker.get() else {
        return;
    };
    let context = Context::new();
    let (_, source) = FIT[2];
    context.write("app/fit.c", source);
    let sources = context.write("debian.sources", sources("trixie"));
    let app = context.path("app");
    let volume = format!("{}:/app", app.display());
    let sources = format!(
        "{}:/etc/apt/sources.list.d/debian.sources:ro",
        sources.display()
    );
    let script = "set -eux; uname -m; apt-get update -qq; \
                  apt-get install -y -q --no-install-recommends hello; hello; \
                  test -z \"$(dpkg --audit)\"; \
                  cc -shared -fPIC $(python3-config --includes) -o /app/fit.so /app/fit.c";
    let dev = Request::catalogue("python3:dev", "trixie", "arm64").build();
    let ran = docker.container(dev.in_engine(docker)).host_network();
    let ran = ran.options(["--volume", &volume, "--volume", &sources]);
    let ran = ran.entrypoint("/bin/sh").args(["-c", script]).output();
    ran.success().mentions("aarch64").mentions("Hello, world!");
    let image = Request::catalogue("python3", "trixie", "arm64").build();
    let ran = docker.container(image.in_engine(docker));
    let ran = ran.options(["--volume", &volume, "--env", "PYTHONPATH=/app"]);
    let program = "import fit, platform; print(fit.version(), platform.machine())";
    ran.args(["-c", program])
        .output()
        .success()
        .mentions("aarch64");
}

/// An example, the images that it stands on, its arguments and what it prints.
struct Example(
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    &'static str,
);

const EXAMPLES: [Example; 7] = [
    Example(
        "python-flask",
        &["python3"],
        &["/app/app.py", "--check"],
        "Hello, &lt;world&gt;, from /app/deps/",
    ),
    Example(
        "node-express",
        &["nodejs"],
        &["app.js", "--check"],
        "Hello, 1 + 2 is 3",
    ),
    Example("java-jar", &["java21"], &[], "{\"hello\":\"world\"}"),
    Example(
        "go-static",
        &["static"],
        &["--check"],
        "authorities are known: true",
    ),
    Example("rust", &["cc"], &[], "Hello from Rust"),
    Example("cpp", &["cc"], &[], "Hello from C++, 5050"),
    Example("debugging", &["cc", "cc:debug"], &[], "not configured"),
];

/// Loads an image under the name that Dockerfiles have for it. A `dev` gets this machine's mirrors
/// and authorities, which no Dockerfile names.
#[track_caller]
pub(crate) fn provide(engine: Engine, context: &Context, name: &str) {
    let built = Request::catalogue(name, "trixie", "amd64").build();
    let image = built.in_engine(engine);
    if !name.ends_with(":dev") {
        engine.run_raw(["tag", image, name]).success();
        return;
    }
    context.write("mirrors/debian.sources", sources("trixie"));
    let authorities = std::fs::read("/etc/ssl/certs/ca-certificates.crt").unwrap();
    context.write("mirrors/authorities.crt", authorities);
    let mut dockerfile = format!(
        "FROM {image}\nCOPY debian.sources /etc/apt/sources.list.d/debian.sources\n\
         COPY authorities.crt /etc/ssl/certs/ca-certificates.crt\n"
    );
    if let Ok(index) = std::env::var("PIP_INDEX_URL") {
        dockerfile += &format!("ENV PIP_INDEX_URL={index}\n");
    }
    if distil_live::outcome::find_program("npm").is_some() {
        let registry = context.run("npm", ["config", "get", "registry"]).success();
        dockerfile += &format!("ENV npm_config_registry={}\n", registry.stdout().trim());
    }
    context.write("mirrors/Dockerfile", dockerfile);
    build(engine, context, name, &context.path("mirrors"));
}

/// Builds a directory with a Dockerfile, by the tool that belongs to the engine: `docker build`, or
/// `buildah bud`.
#[track_caller]
pub(crate) fn build(engine: Engine, context: &Context, tag: &str, folder: &Path) {
    let folder = folder.to_str().unwrap();
    let options = [
        "--network",
        "host",
        "--ulimit",
        "nofile=1024:1024",
        "--tag",
        tag,
        folder,
    ];
    match engine {
        Engine::Docker => engine.run_raw(["build"].into_iter().chain(options)),
        Engine::Podman => {
            let bud = ["bud", "--isolation", "chroot", "--pull-never"];
            context.run("buildah", bud.into_iter().chain(options))
        }
    }
    .success();
}

/// Builds and runs the examples, or those of them that `DISTIL_TEST_EXAMPLES` names.
#[track_caller]
fn examples_build_and_run(engine: Engine) {
    if !require::long() {
        return;
    }
    let Some(engine) = engine.get() else { return };
    let chosen = std::env::var("DISTIL_TEST_EXAMPLES").ok();
    let is_chosen = |example: &str| {
        let mut names = chosen.iter().flat_map(|names| names.split(','));
        chosen.is_none() || names.any(|name| name == example)
    };
    let context = Context::new();
    for Example(example, images, arguments, expected) in EXAMPLES {
        if !is_chosen(example) {
            continue;
        }
        for image in images {
            provide(engine, &context, image);
        }
        provide(engine, &context, &format!("{}:dev", images[0]));
        let folder = workspace().join("examples").join(example);
        let tag = format!("example:{example}");
        build(engine, &context, &tag, &folder);
        let ran = engine.container(&tag).args(arguments.iter().copied());
        ran.output().success().mentions(expected);
        println!("{example} runs in {}", engine.program());
    }
}

#[test]
fn examples_build_and_run_in_docker() {
    examples_build_and_run(Engine::Docker);
}

#[test]
fn examples_build_and_run_in_buildah_and_podman() {
    examples_build_and_run(Engine::Podman);
}

/// The guide's Dockerfile of two stages, which docs/multi-stage.md begins with.
#[test]
fn the_dockerfile_of_the_guide_builds_and_runs() {
    let Some(docker) = Engine::Docker.get() else {
        return;
    };
    let page = std::fs::read_to_string(workspace().join("docs/multi-stage.md")).unwrap();
    let (_, rest) = page.split_once("```dockerfile\n").unwrap();
    let (dockerfile, _) = rest.split_once("```").unwrap();
    for line in [
        "FROM python3:dev AS build",
        "RUN pip install --target=/app/deps -r requirements.txt",
        "FROM python3",
        "COPY --from=build /app/deps /app/deps",
        "COPY app.py /app.py",
        "CMD [\"/app.py\"]",
    ] {
        assert!(dockerfile.lines().any(|one| one == line), "{line}");
    }
    let context = Context::new();
    provide(docker, &context, "python3");
    provide(docker, &context, "python3:dev");
    context.write("app/Dockerfile", dockerfile);
    context.write("app/requirements.txt", "itsdangerous==2.2.0\n");
    context.write(
        "app/app.py",
        "import itsdangerous\nprint('signed by', itsdangerous.__file__)\n",
    );
    build(docker, &context, "guide", &context.path("app"));
    let ran = docker.container("guide").output().success();
    ran.mentions("signed by /app/deps/itsdangerous/");
}
