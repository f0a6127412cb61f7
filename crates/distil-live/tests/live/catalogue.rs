//! Every image of the catalogue, for every suite and architecture, loads and runs in both engines.
//!
//! An image without a program of its own is run with a small one of Debian's on top, which a
//! definition of ours adds: that is what such an image is for.

use distil_live::{Context, Engine, Request};

use crate::{SUITES, ubuntu};

/// An image, a definition that adds a program to it, and what shows that the program runs.
struct Trial {
    image: &'static str,
    package: &'static str,
    command: &'static [&'static str],
    prints: &'static str,
}

const TRIALS: [Trial; 4] = [
    // Linked statically: needs nothing of the image but to be started in it.
    Trial {
        image: "static",
        package: "catatonit",
        command: &["/usr/bin/catatonit", "--version"],
        prints: "tini version",
    },
    // Needs libc and its loader alone.
    Trial {
        image: "base-nossl",
        package: "hello",
        command: &["/usr/bin/hello", "--greeting=distilled"],
        prints: "distilled",
    },
    // Needs libssl and libcrypto, and loads a provider at run time.
    Trial {
        image: "base",
        package: "openssl",
        command: &[
            "/usr/bin/openssl",
            "list",
            "-providers",
            "-provider",
            "legacy",
        ],
        prints: "OpenSSL Legacy Provider",
    },
    // C++ and OpenMP: shares its work among threads.
    Trial {
        image: "cc",
        package: "par2",
        command: &[
            "/usr/bin/par2",
            "create",
            "-q",
            "-r10",
            "-n1",
            "-B",
            "/etc",
            "/tmp/x.par2",
            "/etc/services",
        ],
        prints: "Done",
    },
];

fn trial(image: &str) -> &'static Trial {
    TRIALS
        .iter()
        .find(|trial| trial.image == image)
        .expect("every image has a trial")
}

/// Loads the image itself, then runs the one with a program on top.
fn runs_with_a_program(image: &str, suite: &'static str, arch: &'static str) {
    if !Engine::runs(arch) {
        return;
    }
    let trial = trial(image);
    let plain = Request::catalogue(image, suite, arch).build();
    let entrypoint = format!("[{}]", trial.command[0]);
    let yaml = format!(
        "name: with-{}\ndescription: a program to try {image} with\nfrom: {image}\n\
         packages: [{}]\nconfig: {{entrypoint: {entrypoint}}}\n",
        trial.package, trial.package
    );
    let request = Request::definition(&format!("with-{}", trial.package), &yaml, suite, arch);
    let with_program = request.build();
    for engine in Engine::ALL.into_iter().filter_map(Engine::get) {
        plain.in_engine(engine);
        engine
            .container(with_program.in_engine(engine))
            .platform(&with_program.platform())
            .args(trial.command[1..].iter().copied())
            .output()
            .success()
            .mentions(trial.prints);
    }
    // The program came on top of the very image.
    let below = plain.image().diff_ids();
    let above = with_program.image().diff_ids();
    assert!(
        above.starts_with(&below),
        "{above:?} does not start with {below:?}"
    );
    assert!(above.len() > below.len(), "the program is nowhere");
}

/// Python says hello in its own words, by the image's entrypoint.
fn python_runs(suite: &'static str, arch: &'static str) {
    if !Engine::runs(arch) {
        return;
    }
    let image = Request::catalogue("python3", suite, arch).build();
    let machine = if arch == "arm64" { "aarch64" } else { "x86_64" };
    for engine in Engine::ALL.into_iter().filter_map(Engine::get) {
        let hello = engine
            .container(image.in_engine(engine))
            .platform(&image.platform())
            .args([
                "-c",
                "import platform; print('hello from', platform.machine())",
            ])
            .output()
            .success();
        assert_eq!(
            hello.stdout(),
            format!("hello from {machine}\n"),
            "{}",
            hello.report()
        );
    }
}

macro_rules! catalogue_tests {
    ($($test:ident: $image:literal $suite:literal $arch:literal;)*) => {$(
        #[test]
        fn $test() {
            match $image {
                "python3" => python_runs($suite, $arch),
                image => runs_with_a_program(image, $suite, $arch),
            }
        }
    )*};
}

catalogue_tests! {
    static_trixie_amd64: "static" "trixie" "amd64";
    static_trixie_arm64: "static" "trixie" "arm64";
    static_bookworm_amd64: "static" "bookworm" "amd64";
    static_bookworm_arm64: "static" "bookworm" "arm64";
    base_nossl_trixie_amd64: "base-nossl" "trixie" "amd64";
    base_nossl_trixie_arm64: "base-nossl" "trixie" "arm64";
    base_nossl_bookworm_amd64: "base-nossl" "bookworm" "amd64";
    base_nossl_bookworm_arm64: "base-nossl" "bookworm" "arm64";
    base_trixie_amd64: "base" "trixie" "amd64";
    base_trixie_arm64: "base" "trixie" "arm64";
    base_bookworm_amd64: "base" "bookworm" "amd64";
    base_bookworm_arm64: "base" "bookworm" "arm64";
    cc_trixie_amd64: "cc" "trixie" "amd64";
    cc_trixie_arm64: "cc" "trixie" "arm64";
    cc_bookworm_amd64: "cc" "bookworm" "amd64";
    cc_bookworm_arm64: "cc" "bookworm" "arm64";
    python3_trixie_amd64: "python3" "trixie" "amd64";
    python3_trixie_arm64: "python3" "trixie" "arm64";
    python3_bookworm_amd64: "python3" "bookworm" "amd64";
    python3_bookworm_arm64: "python3" "bookworm" "arm64";
}

#[test]
fn each_suite_brings_its_own_python() {
    let Some(docker) = Engine::Docker.get() else {
        return;
    };
    let versions = SUITES.map(|suite| {
        let image = Request::catalogue("python3", suite, "amd64").build();
        docker
            .container(image.in_engine(docker))
            .args(["-V"])
            .output()
            .success()
            .stdout()
    });
    assert!(versions[0].starts_with("Python 3.13."), "{versions:?}");
    assert!(versions[1].starts_with("Python 3.11."), "{versions:?}");
}

/// What `list` says without a network is what the packages are.
#[test]
fn list_knows_the_versions_of_the_runtimes() {
    let context = Context::new();
    let listed = context
        .distil(["list", "--format", "json"])
        .success()
        .json();
    let mut compared = 0;
    for image in listed["images"].as_array().unwrap() {
        let name = image["name"].as_str().unwrap();
        for of_suite in image["by_suite"].as_array().unwrap() {
            let suite = of_suite["suite"].as_str().unwrap();
            let Some(version) = of_suite["runtime_version"].as_str() else {
                continue;
            };
            let package = match name {
                "python3" => "python3-minimal".to_owned(),
                "nodejs" => "nodejs".to_owned(),
                java => java.replace("java", "openjdk-") + "-jre-headless",
            };
            let mut show = vec!["show", name, "--suite", suite, "--allow-expired"];
            show.extend(["--platform", "linux/amd64", "--format", "json"]);
            if ubuntu::SUITES.contains(&suite) {
                let Some(mirror) = ubuntu::mirror() else {
                    continue;
                };
                show.extend(["--mirror", mirror]);
            }
            let shown = context.distil(show).success().json();
            let packages = shown["packages"].as_array().unwrap();
            let found = packages
                .iter()
                .find(|one| one["name"] == *package)
                .unwrap_or_else(|| panic!("{name} of {suite} has no {package}"));
            let found = found["version"].as_str().unwrap();
            assert!(
                found
                    .strip_prefix(version)
                    .is_some_and(|rest| rest.starts_with(['.', '+', '~'])),
                "{name} of {suite}: {found} is not {version}"
            );
            compared += 1;
        }
    }
    assert!(compared > 8, "only {compared} runtimes");
}
