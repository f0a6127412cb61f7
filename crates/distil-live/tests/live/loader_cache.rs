//! `/etc/ld.so.cache`, which is written without running `ldconfig`, is what Debian's `ldconfig` of
//! the same architecture writes.
//!
//! That of another architecture is run by qemu. Those of armhf, ppc64el, riscv64 and s390x are read
//! back and held against the tree by a test of the command over a miniature archive; a long run asks
//! their `ldconfig`, too.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;

use distil_live::outcome::find_program;
use distil_live::{Context, Outcome, Request, require};

use crate::{IMAGES, SUITES};

/// The `ldconfig` of an architecture: this machine's own, or Debian's, taken out of its package.
struct Ldconfig {
    context: Context,
    command: Vec<String>,
}

impl Ldconfig {
    fn of(suite: &'static str, arch: &'static str) -> Option<Self> {
        // As qemu and Rust name it.
        let machine = match arch {
            "amd64" => "x86_64",
            "arm64" => "aarch64",
            "arm/v7" => "arm",
            other => other,
        };
        let is_native = machine == std::env::consts::ARCH;
        let program = match is_native {
            true => "ldconfig".to_owned(),
            false => format!("qemu-{machine}-static"),
        };
        let Some(path) = find_program(&program) else {
            require::missing(&format!("{program} is not installed"));
            return None;
        };
        let context = Context::new();
        let mut command = vec![path];
        if !is_native {
            let yaml = "name: ldconfig\nfrom: base-nossl\n\
                        packages: [{name: libc-bin, only: ['/**/sbin/ldconfig']}]\n";
            let image = Request::definition("ldconfig", yaml, suite, arch).build();
            let rootfs = image.rootfs();
            let path = context.write("ldconfig", rootfs.read("/usr/sbin/ldconfig"));
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            command.push(path);
        }
        let command = command.iter().map(|path| path.to_str().unwrap().to_owned());
        Some(Self {
            command: command.collect(),
            context,
        })
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        let (program, first) = self.command.split_first().unwrap();
        let first = first.iter().map(String::as_str);
        self.context
            .run(program, first.chain(arguments.iter().copied()))
            .success()
    }

    /// The entries of a cache as it prints them, in their order.
    fn entries(&self, cache: &str) -> Vec<String> {
        let printed = self.run(&["-p", "-C", cache]);
        // The first line counts, the last one may name the version of the program that wrote it.
        let entries: Vec<_> = printed
            .stdout()
            .lines()
            .filter(|line| line.contains(" => "))
            .map(|line| line.trim().to_owned())
            .collect();
        assert!(!entries.is_empty(), "{}", printed.report());
        entries
    }

    /// Holds an image's cache against the one that it makes for the same root.
    fn compare(&self, name: &str, suite: &'static str, arch: &'static str) {
        let folder = Context::new();
        let (root, ours) = (folder.path("root"), folder.path("ours"));
        let rootfs = Request::catalogue(name, suite, arch).build().read_rootfs();
        rootfs.write_to(&root);
        std::fs::rename(root.join("etc/ld.so.cache"), &ours).unwrap();
        // libc-bin's own, which the image has no need of: it names the directory of the others.
        std::fs::write(
            root.join("etc/ld.so.conf"),
            "include /etc/ld.so.conf.d/*.conf\n",
        )
        .unwrap();
        // `-X` leaves links alone: the packages' own are what the image has.
        self.run(&["-X", "-r", root.to_str().unwrap(), "-C", "/theirs"]);
        let theirs = self.entries(root.join("theirs").to_str().unwrap());
        let ours = self.entries(ours.to_str().unwrap());
        let set = |entries: &[String]| entries.iter().cloned().collect::<BTreeSet<_>>();
        let differing: Vec<_> = set(&ours)
            .symmetric_difference(&set(&theirs))
            .cloned()
            .collect();
        assert!(
            differing.is_empty(),
            "{name} of {suite} for {arch}, on one side only: {differing:#?}"
        );
        // The loader searches by bisection, so the order counts as much as the entries.
        assert_eq!(ours, theirs, "the order in {name} of {suite} for {arch}");
        for entry in &ours {
            let (_, place) = entry.split_once(" => ").unwrap();
            assert!(rootfs.read(place).starts_with(b"\x7fELF"), "{entry}");
        }
        let has_libc = ours.iter().any(|entry| entry.starts_with("libc.so.6 "));
        assert!(has_libc, "{ours:#?}");
    }
}

#[test]
fn ldconfig_of_amd64_would_have_written_the_same_entries() {
    let Some(ldconfig) = Ldconfig::of("trixie", "amd64") else {
        return;
    };
    for suite in SUITES {
        for image in IMAGES.into_iter().filter(|image| *image != "static") {
            ldconfig.compare(image, suite, "amd64");
        }
    }
    // Libraries outside of the directories that the loader searches are in no cache.
    ldconfig.compare("java21", "trixie", "amd64");
}

#[test]
fn ldconfig_of_arm64_would_have_written_the_same_entries() {
    let Some(ldconfig) = Ldconfig::of("trixie", "arm64") else {
        return;
    };
    for suite in SUITES {
        ldconfig.compare("python3", suite, "arm64");
    }
    ldconfig.compare("java21", "trixie", "arm64");
}

/// Of forky alone: at times a mirror lacks the others' indexes of the security archive.
#[test]
fn ldconfig_of_other_architectures_would_have_written_the_same_entries() {
    if !require::long() {
        return;
    }
    for arch in ["arm/v7", "ppc64le", "riscv64", "s390x"] {
        let Some(ldconfig) = Ldconfig::of("forky", arch) else {
            return;
        };
        for image in ["python3", "nodejs", "java25"] {
            ldconfig.compare(image, "forky", arch);
        }
    }
}
