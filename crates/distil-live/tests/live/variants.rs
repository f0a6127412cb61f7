//! `latest`, `nonroot`, `debug` and `debug-nonroot`: the same files, other users, and a shell to debug.

use distil_live::{Engine, Kind, Request};
use serde_json::{Value, json};

use crate::{ARCHES, IMAGES, python, python_variant};

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The `config` object of an image for amd64.
fn config(request: &Request) -> Value {
    request.build().image().config["config"].clone()
}

/// The value of a variable in a config's environment.
fn variable<'a>(config: &'a Value, name: &str) -> Option<&'a str> {
    config["Env"]
        .as_array()?
        .iter()
        .filter_map(Value::as_str)
        .find_map(|entry| {
            let (found, value) = entry.split_once('=')?;
            (found == name).then_some(value)
        })
}

#[test]
fn environment_is_that_of_google_s_images() {
    for image in IMAGES {
        let config = config(&Request::catalogue(image, "trixie", "amd64"));
        assert_eq!(variable(&config, "PATH"), Some(PATH), "{image}: {config}");
        assert_eq!(
            variable(&config, "SSL_CERT_FILE"),
            Some("/etc/ssl/certs/ca-certificates.crt"),
            "{image}"
        );
    }
    assert_eq!(variable(&config(&python()), "LANG"), Some("C.UTF-8"));
}

#[test]
fn images_without_a_runtime_have_no_entrypoint() {
    for image in ["static", "base-nossl", "base", "cc"] {
        let config = config(&Request::catalogue(image, "trixie", "amd64"));
        assert!(
            config["Entrypoint"].is_null() && config["Cmd"].is_null(),
            "{image}: {config}"
        );
    }
}

#[test]
fn users_are_numbers() {
    let user = |variant: &str| config(&python_variant(variant))["User"].clone();
    for variant in ["nonroot", "debug-nonroot"] {
        assert_eq!(user(variant), json!("65532"), "{variant}");
        assert_eq!(
            config(&python_variant(variant))["WorkingDir"],
            json!("/home/nonroot")
        );
    }
    for variant in ["latest", "debug"] {
        assert_eq!(user(variant), json!("0"), "{variant}");
    }
}

#[test]
fn nonroot_runs_as_65532_at_home() {
    let image = python_variant("nonroot").build();
    let script = "import os; print(os.getuid(), os.getgid(), os.getcwd(), os.environ.get('HOME')); \
                  open('mine', 'w').write('written'); open('/tmp/also', 'w'); \
                  print(os.access('/etc/passwd', os.W_OK))";
    for engine in Engine::ALL.into_iter().filter_map(Engine::get) {
        let ran = engine
            .container(image.in_engine(engine))
            .args(["-c", script])
            .output()
            .success();
        assert_eq!(
            ran.stdout(),
            "65532 65532 /home/nonroot /home/nonroot\nFalse\n",
            "{}: {}",
            engine.program(),
            ran.report()
        );
    }
}

#[test]
fn latest_runs_as_root_in_the_root_folder() {
    let Some(docker) = Engine::Docker.get() else {
        return;
    };
    let image = python().build();
    let script = "import os; print(os.getuid(), os.getcwd(), os.environ['HOME'])";
    let ran = docker
        .container(image.in_engine(docker))
        .args(["-c", script])
        .output()
        .success();
    assert_eq!(ran.stdout(), "0 / /root\n", "{}", ran.report());
}

#[test]
fn no_way_into_a_shell_without_debug() {
    let image = python().build();
    for engine in Engine::ALL.into_iter().filter_map(Engine::get) {
        let name = image.in_engine(engine);
        for shell in [
            "sh",
            "/bin/sh",
            "/bin/bash",
            "/bin/dash",
            "busybox",
            "/busybox/sh",
        ] {
            let ran = engine
                .container(name)
                .entrypoint(shell)
                .args(["-c", "echo a shell ran"])
                .output();
            assert!(!ran.all().contains("\na shell ran"), "{}", ran.report());
            ran.failure();
        }
    }
}

#[test]
fn debug_has_a_shell_and_its_applets() {
    for arch in ARCHES {
        if !Engine::runs(arch) {
            return;
        }
        let image = Request::catalogue("python3:debug", "trixie", arch).build();
        for engine in Engine::ALL.into_iter().filter_map(Engine::get) {
            let run = || {
                engine
                    .container(image.in_engine(engine))
                    .platform(&image.platform())
            };
            let shell = run().entrypoint("/busybox/sh");
            shell
                .args(["-c", "ls / | grep -c . && wget --help 2>&1 && id -u"])
                .output()
                .success()
                .mentions("Usage: wget");
            // `sh` is found along PATH, and only there.
            run()
                .entrypoint("sh")
                .args(["-c", "echo found"])
                .output()
                .success()
                .mentions("found");
            run()
                .entrypoint("/bin/sh")
                .args(["-c", "true"])
                .output()
                .failure();
            // The runtime stays what the image starts.
            run()
                .args(["-c", "print('still python')"])
                .output()
                .success()
                .mentions("still python");
        }
    }
}

#[test]
fn applets_are_links_to_one_busybox() {
    for suite in crate::SUITES {
        for arch in ARCHES {
            let image = Request::catalogue("static:debug", suite, arch)
                .build()
                .image();
            let rootfs = image.rootfs();
            let busybox = rootfs.read("/busybox/busybox").to_vec();
            let mut applets = 0;
            for (path, entry) in rootfs.iter() {
                let Some(applet) = path.strip_prefix("/busybox/") else {
                    continue;
                };
                if applet == "busybox" {
                    continue;
                }
                assert!(
                    matches!(entry.kind, Kind::Symlink(_)),
                    "{path} is not a link"
                );
                assert_eq!(rootfs.read(path), busybox, "{path}");
                applets += 1;
            }
            assert!(applets > 250, "{suite} {arch}: {applets} applets");
            for applet in ["sh", "ls", "wget", "vi", "ps", "nslookup", "["] {
                assert!(
                    rootfs.get(&format!("/busybox/{applet}")).is_some(),
                    "{suite} {arch}: no {applet}"
                );
            }
            assert!(rootfs.get("/bin/sh").is_none() && rootfs.get("/usr/bin/sh").is_none());
        }
    }
}

#[test]
fn every_link_is_an_applet_that_busybox_knows() {
    let Some(docker) = Engine::Docker.get() else {
        return;
    };
    let image = Request::catalogue("static:debug", "trixie", "amd64").build();
    let listed = docker
        .container(image.in_engine(docker))
        .entrypoint("/busybox/busybox")
        .args(["--list"])
        .output()
        .success()
        .stdout();
    let rootfs = image.rootfs();
    let mut links: Vec<&str> = rootfs
        .iter()
        .filter_map(|(path, _)| path.strip_prefix("/busybox/"))
        .filter(|name| *name != "busybox")
        .collect();
    let mut applets: Vec<&str> = listed.lines().filter(|name| *name != "busybox").collect();
    links.sort_unstable();
    applets.sort_unstable();
    assert_eq!(links, applets);
    // It is the version that the package says.
    let version = &crate::metadata::versions(&rootfs)["busybox-static"];
    let upstream = version.split_once(':').map_or(&**version, |(_, rest)| rest);
    let upstream = upstream
        .split_once('-')
        .map_or(upstream, |(first, _)| first);
    let help = docker
        .container(image.in_engine(docker))
        .entrypoint("/busybox/busybox");
    let help = help.args(["--help"]).output().success();
    help.mentions(&format!("BusyBox v{upstream} "));
}

#[test]
fn debug_is_the_entrypoint_where_there_is_no_other() {
    let debug = config(&Request::catalogue("static:debug", "trixie", "amd64"));
    assert_eq!(debug["Entrypoint"], json!(["/busybox/sh"]));
    assert_eq!(
        variable(&debug, "PATH"),
        Some(format!("{PATH}:/busybox").as_str())
    );
    let python = config(&python_variant("debug"));
    assert_eq!(python["Entrypoint"], config(&crate::python())["Entrypoint"]);
    assert_eq!(
        variable(&python, "PATH"),
        Some(format!("{PATH}:/busybox").as_str())
    );
}

#[test]
fn debug_nonroot_debugs_as_65532() {
    let image = python_variant("debug-nonroot").build();
    for engine in Engine::ALL.into_iter().filter_map(Engine::get) {
        let shell = engine
            .container(image.in_engine(engine))
            .entrypoint("/busybox/sh");
        let ran = shell.args(["-c", "id -u; pwd; whoami"]).output().success();
        assert_eq!(
            ran.stdout(),
            "65532\n/home/nonroot\nnonroot\n",
            "{}",
            ran.report()
        );
    }
}
