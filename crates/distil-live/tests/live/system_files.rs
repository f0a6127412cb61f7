//! The files that users' programs and scripts look at, as Google's distroless images have them.

use distil_live::Kind;

use crate::each_image;

/// Byte for byte what scripts compare: the recipe of Google's images.
const PASSWD: &str = "root:x:0:0:root:/root:/sbin/nologin\n\
                      nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n\
                      nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nnobody:x:65534:\ntty:x:5:\nstaff:x:50:\nnonroot:x:65532:\n";

#[test]
fn accounts_are_those_that_scripts_expect() {
    each_image(|_, rootfs| {
        assert_eq!(rootfs.text("/etc/passwd"), PASSWD);
        assert_eq!(rootfs.text("/etc/group"), GROUP);
    });
}

#[test]
fn os_release_follows_the_recipe_and_names_the_codename() {
    each_image(|image, rootfs| {
        let suite = image.suite;
        let number = if suite == "trixie" { "13" } else { "12" };
        let text = rootfs.text("/usr/lib/os-release");
        let version = format!("VERSION=\"Debian GNU/Linux {number} ({suite})\"");
        let number_line = format!("VERSION_ID=\"{number}\"");
        let codename = format!("VERSION_CODENAME={suite}");
        for line in [
            "PRETTY_NAME=\"Distroless\"",
            "NAME=\"Debian GNU/Linux\"",
            "ID=\"debian\"",
            &number_line,
            &version,
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "{image}: no `{line}` in\n{text}"
            );
        }
        assert!(
            text.replace('"', "").lines().any(|found| found == codename),
            "{image}: {text}"
        );
        assert_eq!(rootfs.resolve("/etc/os-release"), "/usr/lib/os-release");
        let debian_version = rootfs.text("/etc/debian_version");
        assert!(
            debian_version.starts_with(&format!("{number}.")),
            "{image}: {debian_version}"
        );
    });
}

#[test]
fn names_ports_types_and_zones_can_be_looked_up() {
    each_image(|image, rootfs| {
        let hosts = rootfs
            .text("/etc/nsswitch.conf")
            .lines()
            .find_map(|line| line.strip_prefix("hosts:"))
            .unwrap_or_else(|| panic!("{image}: nsswitch.conf says nothing of hosts"));
        assert_eq!(
            hosts.split_whitespace().collect::<Vec<_>>(),
            ["files", "dns"]
        );
        assert!(rootfs.text("/etc/services").contains("443/tcp"));
        assert!(rootfs.text("/etc/mime.types").contains("application/json"));
        assert!(
            rootfs
                .read("/usr/share/zoneinfo/Europe/Berlin")
                .starts_with(b"TZif")
        );
    });
}

#[test]
fn homes_and_tmp_have_their_owners_and_modes() {
    each_image(|image, rootfs| {
        assert_eq!(rootfs.access("/tmp"), (0o1777, 0, 0), "{image}");
        assert_eq!(rootfs.access("/root"), (0o700, 0, 0), "{image}");
        let (mode, uid, gid) = rootfs.access("/home/nonroot");
        assert_eq!((uid, gid), (65532, 65532), "{image}");
        // OpenShift runs images as a random user of group 0, who must be able to pass.
        assert_eq!(mode & 0o055, 0o055, "{image}: /home/nonroot is {mode:o}");
    });
}

#[test]
fn usr_is_merged_in_every_suite() {
    each_image(|image, rootfs| {
        for folder in ["bin", "sbin", "lib"] {
            if rootfs.get(&format!("/{folder}")).is_some() {
                assert_eq!(
                    rootfs.link(&format!("/{folder}")),
                    format!("usr/{folder}"),
                    "{image}"
                );
            }
        }
        if image.name != "static" {
            assert_eq!(rootfs.link("/lib"), "usr/lib");
        }
    });
}

#[test]
fn the_locale_is_there_wherever_libc_is() {
    each_image(|image, rootfs| {
        let has_libc = rootfs.iter().any(|(path, _)| path.ends_with("/libc.so.6"));
        assert_eq!(has_libc, image.name != "static");
        if has_libc {
            for category in [
                "LC_CTYPE",
                "LC_COLLATE",
                "LC_TIME",
                "LC_MESSAGES/SYS_LC_MESSAGES",
            ] {
                rootfs.read(&format!("/usr/lib/locale/C.utf8/{category}"));
            }
            rootfs.read("/etc/ld.so.cache");
            let core = |path: &str| {
                path.ends_with("/gconv/UTF-16.so") || path.ends_with("/gconv/CP1252.so")
            };
            assert!(
                rootfs.iter().filter(|(path, _)| core(path)).count() == 2,
                "{image} lacks gconv's core"
            );
        }
    });
}

#[test]
fn certificates_lie_in_the_bundle_and_under_their_hashes() {
    each_image(|image, rootfs| {
        let bundle = rootfs.text("/etc/ssl/certs/ca-certificates.crt");
        let in_bundle = bundle.matches("-----BEGIN CERTIFICATE-----").count();
        assert!(in_bundle > 100, "{image}: {in_bundle}");
        let hashed = rootfs
            .iter()
            .filter(|(path, entry)| {
                path.strip_prefix("/etc/ssl/certs/").is_some_and(is_hash)
                    && entry.kind != Kind::Folder
            })
            .inspect(|(path, _)| {
                let text = rootfs.text(path);
                assert!(
                    text.contains("-----BEGIN CERTIFICATE-----"),
                    "{image}: {path}"
                );
            })
            .count();
        assert_eq!(
            hashed, in_bundle,
            "{image}: certificates under hashes, and in the bundle"
        );
        if image.name != "static" && image.name != "base-nossl" {
            assert_eq!(
                rootfs.resolve("/usr/lib/ssl/certs"),
                "/etc/ssl/certs",
                "{image}"
            );
        }
    });
}

/// `5f618aec.0`: what OpenSSL looks for in a directory of certificates.
fn is_hash(name: &str) -> bool {
    name.split_once('.').is_some_and(|(hash, number)| {
        hash.len() == 8
            && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[test]
fn what_no_program_reads_at_run_time_is_left_out() {
    each_image(|image, rootfs| {
        for (path, entry) in rootfs.iter() {
            if entry.kind == Kind::Folder {
                continue;
            }
            for left_out in [
                "/usr/share/man/",
                "/usr/share/info/",
                "/usr/share/lintian/",
                "/usr/share/bash-completion/",
            ] {
                assert!(!path.starts_with(left_out), "{image} has {path}");
            }
            assert!(
                !path.starts_with("/usr/share/doc/") || !path.contains("changelog"),
                "{image} has {path}"
            );
        }
    });
}
