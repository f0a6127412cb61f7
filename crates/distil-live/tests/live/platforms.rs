//! Several platforms in one image, and platforms that this machine only emulates.

use std::os::unix::fs::PermissionsExt as _;

use distil_live::outcome::find_program;
use distil_live::{Archive, Context, Engine, Request, require};

/// Builds Python for both architectures into `python3-amd64-arm64.tar` of the context.
fn both(context: &Context) -> Archive {
    context
        .distil([
            "build",
            "python3",
            "--suite",
            "trixie",
            "--platform",
            "linux/amd64,linux/arm64",
            "-t",
            "distil-test/both:1",
        ])
        .success();
    Archive::open(&context.path("python3-amd64-arm64.tar"))
}

#[test]
fn two_platforms_make_an_index_of_the_very_images() {
    let context = Context::new();
    let archive = both(&context);
    let top = archive.top();
    assert_eq!(top["mediaType"], "application/vnd.oci.image.index.v1+json");
    let index: serde_json::Value = serde_json::from_slice(archive.blob(&top)).unwrap();
    let platforms: Vec<_> = index["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|descriptor| {
            descriptor["platform"]["architecture"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(platforms, ["amd64", "arm64"]);
    assert_eq!(archive.json("manifest.json").as_array().unwrap().len(), 1);
    for arch in ["amd64", "arm64"] {
        let alone = Request::catalogue("python3", "trixie", arch)
            .build()
            .image();
        assert_eq!(
            archive.image(arch).layer_digests(),
            alone.layer_digests(),
            "{arch}"
        );
    }
}

#[test]
fn engines_load_their_own_platform_of_an_index() {
    let context = Context::new();
    both(&context);
    let machine = std::env::consts::ARCH;
    for engine in Engine::ALL.into_iter().filter_map(Engine::get) {
        let name = engine.load(&context.path("python3-amd64-arm64.tar"));
        let script = "import platform; print(platform.machine())";
        let ran = engine
            .container(&name)
            .args(["-c", script])
            .output()
            .success();
        assert_eq!(
            ran.stdout().trim(),
            machine,
            "{}: {}",
            engine.program(),
            ran.report()
        );
    }
}

#[test]
fn skopeo_sees_an_index_and_copies_all_of_it() {
    if find_program("skopeo").is_none() {
        return require::missing("skopeo is not installed");
    }
    let context = Context::new();
    both(&context);
    let skopeo = |arguments: &[&str]| {
        context
            .run("skopeo", ["--insecure-policy"].iter().chain(arguments))
            .success()
    };
    let raw = skopeo(&["inspect", "--raw", "oci-archive:python3-amd64-arm64.tar"]).json();
    assert_eq!(raw["manifests"].as_array().map(Vec::len), Some(2), "{raw}");
    skopeo(&[
        "copy",
        "--quiet",
        "--all",
        "oci-archive:python3-amd64-arm64.tar",
        "oci:copy:it",
    ]);
    for arch in ["amd64", "arm64"] {
        Archive::open_layout(&context.path("copy")).image(arch);
    }
}

/// Of forky alone: at times a mirror lacks the others' indexes of the security archive. That the
/// images are built at all proves that every library is found.
#[test]
fn runtimes_start_on_platforms_that_are_emulated() {
    if !require::long() {
        return;
    }
    let programs = [
        ("python3", "/usr/bin/python3", "--version", "Python 3.14."),
        ("nodejs", "/usr/bin/node", "--version", "v24."),
        ("java21", "/usr/bin/java", "-version", "version \"21."),
        ("java25", "/usr/bin/java", "-version", "version \"25."),
    ];
    for arch in ["arm/v7", "ppc64le", "riscv64", "s390x"] {
        let (machine, _) = arch.split_once('/').unwrap_or((arch, ""));
        let Some(qemu) = find_program(&format!("qemu-{machine}-static")) else {
            return require::missing("qemu-user-static is not installed");
        };
        for (name, program, argument, prints) in programs {
            let context = Context::new();
            let rootfs = Request::catalogue(name, "forky", arch)
                .build()
                .read_rootfs();
            rootfs.write_to(context.folder());
            let emulator = std::fs::read(&qemu).unwrap();
            let emulator = context.write("emulator", emulator);
            // Java asks how much memory a program may address, and finds nothing below `/proc`.
            let processor = "processor\t: 0\nisa\t: rv64imafdc\nmmu\t: sv48\n";
            context.write("proc/cpuinfo", processor);
            let file = context.path(rootfs.resolve(program).trim_start_matches('/'));
            for file in [emulator, file] {
                std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
            }
            let folder = context.folder().to_str().unwrap();
            context
                .run("chroot", [folder, "/emulator", program, argument])
                .success()
                .mentions(prints);
        }
    }
}
