//! Directories whose content nothing in an image reads: what a script makes there is not missing.

/// Directories in which nothing is missing in an image: those of services, manuals and dpkg, those
/// that only a running machine has, and those that are the administrator's own.
const PASSING: &[&str] = &[
    "/dev/",
    "/etc/apparmor.d/",
    "/etc/cron.",
    "/etc/default/",
    "/etc/init.d/",
    "/etc/logrotate.d/",
    "/etc/rc",
    "/etc/systemd/",
    "/etc/udev/",
    "/proc/",
    "/run/systemd/",
    "/sys/",
    "/tmp/",
    "/usr/local/",
    "/usr/share/doc/",
    "/usr/share/info/",
    "/usr/share/man/",
    "/var/backups/",
    "/var/cache/man/",
    "/var/lib/dpkg/",
    "/var/lib/systemd/",
    "/var/log/journal/",
];

/// Whether a path lies where nothing is missing in an image.
pub(crate) fn is_passing(path: &str) -> bool {
    let path = format!("{path}/");
    PASSING.iter().any(|folder| path.starts_with(folder))
}
