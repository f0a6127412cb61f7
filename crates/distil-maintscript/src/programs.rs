//! The programs that maintainer scripts run, by what it means that they do not.

use crate::effect::{Action, Consequence};

pub(crate) const ASKED: &str = "nobody is asked while an image is made";
pub(crate) const CLEANED: &str = "a new image has nothing to clear away";
const SERVED: &str = "no service runs or is enabled in an image";
const DOCUMENTED: &str = "an image has no manuals";
const COMPILED: &str = "Python compiles modules when it imports them";
const FASTER: &str = "without the cache, programs look through the files themselves";
const BOOTED: &str = "containers start no kernel and have no devices of their own";
const DESKTOP: &str = "only a desktop's menus read it";
const OTHERS: &str = "what the trigger does is told of the package that waits for it";
const IDENTITY: &str = "each machine has an identity of its own";

/// What is known of a program.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sort {
    /// It only looks, or prints.
    Looks,
    /// A cache or an index that nobody misses.
    Cached(&'static str),
    /// A cache or an index that is made all the same.
    Made(&'static str),
    /// A cache or an index that programs cannot do without: what does not work, and what to do.
    Needed(&'static str),
    /// It deals with services.
    Serves,
    /// It prepares modules, and nobody misses it.
    Compiles,
    /// It switches modules on.
    Enables,
    /// It asks.
    Asks,
    /// It clears away.
    Clears,
}

/// Programs by name.
const PROGRAMS: &[(Sort, &[&str])] = &[
    (
        Sort::Looks,
        &[
            ".",
            "source",
            ":",
            "[",
            "[[",
            "test",
            "true",
            "false",
            "echo",
            "printf",
            "cat",
            "grep",
            "egrep",
            "fgrep",
            "awk",
            "gawk",
            "mawk",
            "cut",
            "tr",
            "sort",
            "uniq",
            "head",
            "tail",
            "wc",
            "ls",
            "stat",
            "readlink",
            "realpath",
            "dpkg-realpath",
            "dirname",
            "basename",
            "expr",
            "bc",
            "seq",
            "date",
            "id",
            "whoami",
            "hostname",
            "uname",
            "arch",
            "getent",
            "which",
            "type",
            "dpkg",
            "dpkg-query",
            "dpkg-architecture",
            "dpkg-vendor",
            "lsb_release",
            "cmp",
            "diff",
            "md5sum",
            "sha1sum",
            "sha256sum",
            "sha512sum",
            "cksum",
            "file",
            "mktemp",
            "tempfile",
            "sleep",
            "ps",
            "pidof",
            "pgrep",
            "mountpoint",
            "ischroot",
            "findmnt",
            "df",
            "du",
            "free",
            "nproc",
            "getconf",
            "tput",
            "stty",
            "tty",
            "logger",
            "wait",
            "jobs",
            "kill",
            "clear",
            "yes",
            "fold",
            "fmt",
            "xxd",
            "od",
            "rev",
            "paste",
            "comm",
            "join",
            "column",
            "strings",
            "less",
            "more",
            "locale",
            "dpkg-parsechangelog",
            "apt-config",
            "systemd-detect-virt",
            "selinuxenabled",
            "aa-enabled",
            "aa-status",
            "systemd-escape",
            "sync",
            "let",
            "tac",
            "nl",
            "env",
            "log_daemon_msg",
            "log_end_msg",
            "log_action_msg",
            "log_warning_msg",
            "log_failure_msg",
            "ss",
            "netstat",
            "lsof",
            "runlevel",
            "ypwhich",
            "ypcat",
            "base64",
            "getcap",
            "phpquery",
            "named-checkconf",
            "visudo",
            "log_success_msg",
            "log_progress_msg",
        ],
    ),
    (
        Sort::Serves,
        &[
            "deb-systemd-helper",
            "deb-systemd-invoke",
            "invoke-rc.d",
            "update-rc.d",
            "systemctl",
            "service",
            "start-stop-daemon",
            "runit-helper",
            "apparmor_parser",
            "killall",
            "pkill",
            "update-inetd",
            "insserv",
            "initctl",
            "restorecon",
            "semodule",
            "setsebool",
            "dbus-send",
            "busctl",
            "journalctl",
            "loginctl",
            "rc-service",
            "rc-update",
            "sysctl",
        ],
    ),
    (
        Sort::Compiles,
        &[
            "py3compile",
            "pycompile",
            "pypycompile",
            "pypy3compile",
            "py3clean",
            "pyclean",
        ],
    ),
    (
        Sort::Enables,
        &[
            "a2enmod",
            "a2enconf",
            "a2ensite",
            "apache2_invoke",
            "lighty-enable-mod",
            "emacs-package-install",
        ],
    ),
    (
        Sort::Asks,
        &[
            "ucfr",
            "debconf-set-selections",
            "debconf-communicate",
            "dpkg-preconfigure",
            "debconf",
            "db_stop",
        ],
    ),
    (
        Sort::Clears,
        &[
            "rm",
            "rmdir",
            "unlink",
            "shred",
            "dpkg-maintscript-helper",
            "rm_conffile",
            "deluser",
            "delgroup",
            "userdel",
            "groupdel",
            "emacs-package-remove",
        ],
    ),
    (Sort::Made("the cache of the loader"), &["ldconfig"]),
    (Sort::Made("PHP's modules"), &["phpenmod", "php_invoke"]),
    (
        Sort::Made("the list of image loaders"),
        &["gdk-pixbuf-query-loaders"],
    ),
    (Sort::Made("the types of files"), &["update-mime-database"]),
    (
        Sort::Made("the bundle of certificates"),
        &["update-ca-certificates"],
    ),
    (Sort::Cached(OTHERS), &["dpkg-trigger"]),
    (
        Sort::Cached(DOCUMENTED),
        &[
            "mandb",
            "install-info",
            "update-info-dir",
            "install-docs",
            "catman",
            "ginstall-info",
        ],
    ),
    (
        Sort::Cached(BOOTED),
        &[
            "update-initramfs",
            "depmod",
            "modprobe",
            "udevadm",
            "systemd-hwdb",
            "update-grub",
            "update-binfmts",
            "mount",
            "umount",
            "swapon",
            "lilo",
            "kernel-install",
            "flash-kernel",
            "setupcon",
            "hwclock",
            "ip",
            "ifup",
            "ifdown",
            "alsactl",
        ],
    ),
    (
        Sort::Cached(DESKTOP),
        &[
            "update-menus",
            "update-desktop-database",
            "appstreamcli",
            "update-icon-caches",
            "update-app-install",
            "update-mime",
        ],
    ),
    (
        Sort::Cached(FASTER),
        &[
            "fc-cache",
            "gtk-update-icon-cache",
            "gio-querymodules",
            "iconvconfig",
            "vlc-cache-gen",
        ],
    ),
    (
        Sort::Cached(IDENTITY),
        &["dbus-uuidgen", "systemd-machine-id-setup"],
    ),
    (
        Sort::Needed(
            "programs with settings of GSettings end at once; add \
             `/usr/share/glib-2.0/schemas/gschemas.compiled`, made by `glib-compile-schemas \
             /usr/share/glib-2.0/schemas` in the `dev` variant",
        ),
        &["glib-compile-schemas"],
    ),
    (
        Sort::Needed(
            "GTK finds no input methods; it needs `immodules.cache`, made in the `dev` variant",
        ),
        &["gtk-query-immodules-2.0", "gtk-query-immodules-3.0"],
    ),
    (
        Sort::Needed("an X server finds no fonts there; clients of fontconfig do"),
        &[
            "update-fonts-dir",
            "update-fonts-scale",
            "update-fonts-alias",
        ],
    ),
    (
        Sort::Needed(
            "parsers of XML and SGML look document types up in the network or not at all; add \
             `/etc/xml/catalog` and what it names, made in the `dev` variant",
        ),
        &["update-catalog", "update-xmlcatalog"],
    ),
    (
        Sort::Needed("TeX finds no files or formats; run TeX in the `dev` variant"),
        &[
            "texhash",
            "mktexlsr",
            "updmap-sys",
            "fmtutil-sys",
            "update-texmf",
        ],
    ),
    (
        Sort::Needed(
            "the locale is not there; the package `locales-all` has all, and `only` takes one of \
             them: `/usr/lib/locale/de_DE.utf8/**`",
        ),
        &["locale-gen"],
    ),
    (
        Sort::Needed("logging in and changing users fails; nothing else in an image asks PAM"),
        &["pam-auth-update"],
    ),
    (
        Sort::Needed(
            "Graphviz draws nothing; add `/usr/lib/*/graphviz/config6a`, made by `dot -c` in the \
             `dev` variant",
        ),
        &["libgvc6-config-update"],
    ),
    (
        Sort::Needed("what it keeps is missing"),
        &[
            "update-ca-certificates-java",
            "jks-keystore",
            "update-passwd",
            "update-shells",
            "add-shell",
            "update-gsfontmap",
            "register-python-modules",
        ],
    ),
];

/// What is known of a program.
pub(crate) fn sort(name: &str) -> Option<Sort> {
    // `gdk-pixbuf-query-loaders-64`, `python3.13`.
    let is_named = |names: &&[&str]| names.contains(&name);
    PROGRAMS
        .iter()
        .find(|(_, names)| is_named(names))
        .map(|(sort, _)| *sort)
}

impl Sort {
    /// What such a program does; nothing if it only looks. `command` is shown where it is
    /// missing.
    pub(crate) fn action(self, command: String) -> Option<Action> {
        let harmless = Consequence::Harmless;
        Some(match self {
            Self::Looks => return None,
            Self::Cached(reason) => Action::Refresh(harmless(reason)),
            Self::Made(what) => Action::Refresh(Consequence::Made(what)),
            Self::Needed(why) => Action::Refresh(Consequence::Missing(format!(
                "runs `{command}`, without which {why}"
            ))),
            Self::Serves => Action::Services(harmless(SERVED)),
            Self::Compiles => Action::Compilation(harmless(COMPILED)),
            Self::Enables => Action::Compilation(Consequence::Missing(format!(
                "runs `{command}`, which switches a module on; `links` of a definition can, with a \
                 link among what is enabled to what is available"
            ))),
            Self::Asks => Action::Questions(harmless(ASKED)),
            Self::Clears => Action::Cleanup(harmless(CLEANED)),
        })
    }
}
