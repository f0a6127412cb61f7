//! What the files of the miniature Debian say, where anybody reads it.

use super::Suite;
use crate::digest::sha256_hex;

/// The accounts and groups that base-passwd has, as `passwd.master` and `group.master` do. The
/// numbers are fixed (Policy §9.2.2).
const USERS: &str = "\
root:*:0:0:root:/root:/bin/bash
daemon:*:1:1:daemon:/usr/sbin:/usr/sbin/nologin
bin:*:2:2:bin:/bin:/usr/sbin/nologin
games:*:5:60:games:/usr/games:/usr/sbin/nologin
man:*:6:12:man:/var/cache/man:/usr/sbin/nologin
mail:*:8:8:mail:/var/mail:/usr/sbin/nologin
www-data:*:33:33:www-data:/var/www:/usr/sbin/nologin
_apt:*:42:65534::/nonexistent:/usr/sbin/nologin
nobody:*:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
";

const GROUPS: &str = "\
root:*:0:
daemon:*:1:
bin:*:2:
adm:*:4:
tty:*:5:
disk:*:6:
mail:*:8:
man:*:12:
www-data:*:33:
shadow:*:42:
utmp:*:43:
staff:*:50:
games:*:60:
users:*:100:
nogroup:*:65534:
";

const SERVICES: &str = "\
# Network services, Internet style
tcpmux\t\t1/tcp
ftp\t\t21/tcp
ssh\t\t22/tcp
domain\t\t53/tcp
domain\t\t53/udp
http\t\t80/tcp\t\twww
https\t\t443/tcp
https\t\t443/udp
postgresql\t5432/tcp\tpostgres
";

const PROTOCOLS: &str = "\
ip\t0\tIP
icmp\t1\tICMP
tcp\t6\tTCP
udp\t17\tUDP
ipv6-icmp 58\tIPv6-ICMP
";

const MEDIA_TYPES: &str = "\
application/json\t\t\t\tjson map
application/octet-stream\t\t\tbin lha lzh exe class so dll img iso
application/wasm\t\t\t\twasm
image/png\t\t\t\t\tpng
text/css\t\t\t\t\tcss
text/html\t\t\t\t\thtml htm shtml
text/javascript\t\t\t\t\tes js mjs
text/plain\t\t\t\t\tasc txt text pot brf srt
";

const NSSWITCH: &str = "\
passwd:         files
group:          files
shadow:         files
hosts:          files dns
networks:       files
";

/// The modules of iconv that every program may need; the rare ones are in another file.
const GCONV_MODULES: &str = "\
alias\tLATIN1//\t\tISO-8859-1//
module\tISO-8859-1//\t\tINTERNAL\t\tISO8859-1\t1
module\tINTERNAL\t\tISO-8859-1//\t\tISO8859-1\t1
module\tISO-8859-15//\t\tINTERNAL\t\tISO8859-15\t1
module\tINTERNAL\t\tISO-8859-15//\t\tISO8859-15\t1
module\tCP1252//\t\tINTERNAL\t\tCP1252\t\t1
module\tINTERNAL\t\tCP1252//\t\tCP1252\t\t1
module\tANSI_X3.110//\t\tINTERNAL\t\tANSI_X3.110\t1
module\tINTERNAL\t\tANSI_X3.110//\t\tANSI_X3.110\t1
module\tUTF-16//\t\tINTERNAL\t\tUTF-16\t\t1
module\tINTERNAL\t\tUTF-16//\t\tUTF-16\t\t1
module\tUTF-32//\t\tINTERNAL\t\tUTF-32\t\t1
module\tINTERNAL\t\tUTF-32//\t\tUTF-32\t\t1
module\tUTF-7//\t\t\tINTERNAL\t\tUTF-7\t\t1
module\tINTERNAL\t\tUTF-7//\t\t\tUTF-7\t\t1
module\tUNICODE//\t\tINTERNAL\t\tUNICODE\t\t1
module\tINTERNAL\t\tUNICODE//\t\tUNICODE\t\t1
";

const GCONV_MODULES_EXTRA: &str = "\
module\tBIG5//\t\t\tINTERNAL\t\tBIG5\t\t1
module\tINTERNAL\t\tBIG5//\t\t\tBIG5\t\t1
module\tEUC-JP//\t\tINTERNAL\t\tEUC-JP\t\t1
module\tINTERNAL\t\tEUC-JP//\t\tEUC-JP\t\t1
module\tIBM930//\t\tINTERNAL\t\tIBM930\t\t1
module\tINTERNAL\t\tIBM930//\t\tIBM930\t\t1
module\tISO-8859-2//\t\tINTERNAL\t\tISO8859-2\t1
module\tINTERNAL\t\tISO-8859-2//\t\tISO8859-2\t1
";

/// The group of this name, for entries that are its own.
pub(super) fn gid(group: &str) -> u64 {
    GROUPS
        .lines()
        .filter_map(|line| line.strip_prefix(group)?.strip_prefix(":*:"))
        .find_map(|rest| rest.trim_end_matches(':').parse().ok())
        .unwrap_or_else(|| panic!("base-passwd has no group `{group}`"))
}

/// What the file at `path` has inside.
pub(super) fn file(suite: &Suite, path: &str) -> Vec<u8> {
    if let Some(zone) = path.strip_prefix("/usr/share/zoneinfo/") {
        return zone_file(zone);
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    let text = match path {
        "/etc/lsb-release" => format!(
            "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE={0}\nDISTRIB_CODENAME={1}\nDISTRIB_DESCRIPTION=\"Ubuntu {0} LTS\"\n",
            suite.number, suite.name
        ),
        "/etc/debian_version" if suite.origin == "Ubuntu" => "trixie/sid\n".to_owned(),
        "/etc/debian_version" => format!("{}\n", suite.version),
        "/etc/issue" => format!("Debian GNU/Linux {} \\n \\l\n\n", suite.number),
        "/etc/issue.net" => format!("Debian GNU/Linux {}\n", suite.number),
        "/etc/host.conf" => "multi on\n".to_owned(),
        "/usr/lib/os-release" => os_release(suite),
        "/usr/share/base-passwd/passwd.master" => USERS.to_owned(),
        "/usr/share/base-passwd/group.master" => GROUPS.to_owned(),
        "/etc/services" => SERVICES.to_owned(),
        "/etc/protocols" => PROTOCOLS.to_owned(),
        "/etc/mime.types" => MEDIA_TYPES.to_owned(),
        "/usr/share/libc-bin/nsswitch.conf" => NSSWITCH.to_owned(),
        "/etc/ld.so.conf" => "include /etc/ld.so.conf.d/*.conf\n\n".to_owned(),
        "/etc/ld.so.conf.d/libc.conf" => {
            "# libc default configuration\n/usr/local/lib\n".to_owned()
        }
        "/usr/lib/tmpfiles.d/libselinux1.conf" => "d /run/setrans 0755 root root\n".to_owned(),
        _ if path.starts_with("/etc/ld.so.conf.d/") => {
            let multiarch = name.trim_end_matches(".conf");
            format!(
                "# Multiarch support\n/usr/local/lib/{multiarch}\n/lib/{multiarch}\n/usr/lib/{multiarch}\n"
            )
        }
        _ if name == "gconv-modules" => GCONV_MODULES.to_owned(),
        _ if name == "gconv-modules-extra.conf" => GCONV_MODULES_EXTRA.to_owned(),
        _ if name == "openssl.cnf" => "openssl_conf = openssl_init\n".to_owned(),
        _ => format!("# fixture of {path}\n"),
    };
    text.into_bytes()
}

fn os_release(suite: &Suite) -> String {
    let Suite {
        name,
        number,
        version,
        ..
    } = suite;
    if suite.origin == "Ubuntu" {
        return format!(
            "PRETTY_NAME=\"Ubuntu {number} LTS\"\n\
             NAME=\"Ubuntu\"\n\
             VERSION_ID=\"{number}\"\n\
             VERSION=\"{number} LTS ({name})\"\n\
             VERSION_CODENAME={name}\n\
             ID=ubuntu\n\
             ID_LIKE=debian\n\
             UBUNTU_CODENAME={name}\n"
        );
    }
    // DEBIAN_VERSION_FULL came with trixie.
    let full = if *number == "12" {
        String::new()
    } else {
        format!("DEBIAN_VERSION_FULL={version}\n")
    };
    format!(
        "PRETTY_NAME=\"Debian GNU/Linux {number} ({name})\"\n\
         NAME=\"Debian GNU/Linux\"\n\
         VERSION_ID=\"{number}\"\n\
         VERSION=\"{number} ({name})\"\n\
         VERSION_CODENAME={name}\n\
         {full}\
         ID=debian\n\
         HOME_URL=\"https://www.debian.org/\"\n\
         SUPPORT_URL=\"https://www.debian.org/support\"\n\
         BUG_REPORT_URL=\"https://bugs.debian.org/\"\n"
    )
}

/// A time zone (RFC 8536, version 2) with no transitions and the rule of today in its footer,
/// or one of the lists beside the zones.
fn zone_file(zone: &str) -> Vec<u8> {
    let rule = match zone {
        "Europe/Berlin" | "Europe/Oslo" => "CET-1CEST,M3.5.0,M10.5.0/3",
        "Europe/Kyiv" => "EET-2EEST,M3.5.0/3,M10.5.0/4",
        "America/New_York" | "America/Toronto" => "EST5EDT,M3.2.0,M11.1.0",
        "Asia/Tokyo" => "JST-9",
        "Etc/GMT" => "GMT0",
        "Factory" => "<-00>0",
        "Etc/UTC" | "right/Etc/UTC" => "UTC0",
        list => return format!("# fixture of {list}\n").into_bytes(),
    };
    // Six counts: UT indicators, standard indicators, leap seconds, transitions, types, bytes of
    // abbreviations; then one type (offset, whether it is summer time, abbreviation).
    let mut block = b"TZif2".to_vec();
    block.extend_from_slice(&[0; 15]);
    for count in [0u32, 0, 0, 0, 1, 4] {
        block.extend_from_slice(&count.to_be_bytes());
    }
    block.extend_from_slice(&[0; 6]);
    block.extend_from_slice(b"UTC\0");
    let mut file = block.clone();
    file.extend_from_slice(&block);
    file.extend_from_slice(format!("\n{rule}\n").as_bytes());
    file
}

/// The bytes that an ELF file has inside: its path, and for BusyBox its applets too.
pub(super) fn payload(suite: &Suite, path: &str) -> Vec<u8> {
    let mut bytes = format!("fixture of {path} in {}\0", suite.name).into_bytes();
    if path.ends_with("/busybox") {
        // As in the real one: other data right before the list, which ends in an empty name.
        let version = if suite.name == "trixie" {
            "1.37.0"
        } else {
            "1.35.0"
        };
        bytes.extend_from_slice(format!("BusyBox v{version}\0").as_bytes());
        bytes.extend_from_slice(b"\xc0\xae ");
        for applet in applets(suite) {
            bytes.extend_from_slice(applet.as_bytes());
            bytes.push(0);
        }
        bytes.extend_from_slice(b"\0/var/log/wtmp\0-/bin/sh\0/proc/self/exe\0");
    }
    bytes
}

/// BusyBox's applets, in the order of the binary.
pub(super) fn applets(suite: &Suite) -> Vec<&'static str> {
    let newest = include_str!("applets.txt").split_whitespace();
    if suite.name == "trixie" {
        return newest.collect();
    }
    newest
        .filter(|applet| !matches!(*applet, "getfattr" | "install" | "nbd-client" | "udhcpc6"))
        .flat_map(|applet| match applet {
            "ipcalc" => vec![applet, "ipneigh"],
            _ => vec![applet],
        })
        .collect()
}

/// A maintainer script.
pub(super) fn script(package: &str, name: &str) -> String {
    let commands = match (package, name) {
        ("mawk", "postinst") => {
            "update-alternatives --install /usr/bin/awk awk /usr/bin/mawk 5 \
             --slave /usr/bin/nawk nawk /usr/bin/mawk\n"
        }
        ("original-awk", "postinst") => {
            "update-alternatives --install /usr/bin/awk awk /usr/bin/original-awk 0\n"
        }
        ("tar", "postinst") => {
            "update-alternatives --install /usr/sbin/rmt rmt /usr/sbin/rmt-tar 50\n"
        }
        ("ca-certificates", "postinst") => "update-ca-certificates\n",
        ("libc-bin", "postinst") => "ldconfig\n",
        ("base-passwd", "postinst") => "update-passwd\n",
        _ => "",
    };
    // A digest tells the scripts of different packages apart.
    let mark = &sha256_hex(format!("{package} {name}").as_bytes())[..8];
    format!("#!/bin/sh\n# fixture {mark}\nset -e\n{commands}")
}

/// A copyright file in the machine-readable form (DEP 5).
pub(super) fn copyright(package: &str) -> String {
    format!(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\
         Upstream-Name: {package}\n\n\
         Files: *\n\
         Copyright: 2025 the fixture archive\n\
         License: Apache-2.0\n"
    )
}
