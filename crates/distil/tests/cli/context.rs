//! A temporary directory with an archive, and the command run in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use distil_fixture::{Archive, ArchiveBuilder, DebBuilder, debian_like, debian_security_like};

/// A directory to work in, an archive to build from, and a store of its own.
pub(crate) struct Context {
    folder: tempfile::TempDir,
    archive: Archive,
    security: Archive,
}

impl Context {
    /// With a miniature trixie.
    pub(crate) fn new() -> Self {
        Self::with(debian_like("trixie"), debian_security_like("trixie"))
    }

    /// With a miniature trixie that has these packages, too.
    pub(crate) fn with_packages(packages: Vec<DebBuilder>) -> Self {
        let archive = debian_like("trixie").with("trixie", |pocket| pocket.packages(packages));
        Self::with(archive, debian_security_like("trixie"))
    }

    pub(crate) fn with(archive: ArchiveBuilder, security: ArchiveBuilder) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let archive = archive.write(&folder.path().join("debian")).unwrap();
        let security = security
            .write(&folder.path().join("debian-security"))
            .unwrap();
        std::fs::create_dir(folder.path().join("work")).unwrap();
        let context = Self {
            folder,
            archive,
            security,
        };
        context.configure_apt("");
        context
    }

    /// Gives apt this configuration.
    pub(crate) fn configure_apt(&self, options: &str) {
        let no_others = "Dir::Etc { Parts \"/dev/null\"; Main \"/dev/null\"; };\n";
        std::fs::write(self.apt_config(), format!("{no_others}{options}")).unwrap();
    }

    /// A file of apt's configuration that has apt read no other: without it, the machine's proxies would be
    /// used.
    pub(crate) fn apt_config(&self) -> PathBuf {
        self.folder.path().join("apt.conf")
    }

    /// The directory that the command runs in.
    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    pub(crate) fn archive(&self) -> &Path {
        &self.archive.dir
    }

    pub(crate) fn security(&self) -> &Path {
        &self.security.dir
    }

    /// The keyring of the archive.
    pub(crate) fn keyring(&self) -> &Path {
        &self.archive.keyring_path
    }

    /// The command with no archive named: nothing of the machine's own set-up reaches it.
    pub(crate) fn bare(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_distil"));
        command.args(arguments).current_dir(self.work()).env_clear();
        command
            .env("HOME", self.folder.path().join("home"))
            .env("DISTIL_STORE", self.store())
            .env("APT_CONFIG", self.apt_config())
            .env(
                "DISTIL_SNAPSHOT_SERVICE",
                "file:/nonexistent/{archive}/{time}",
            );
        command
    }

    /// The command over the miniature archive.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.bare(arguments);
        let (main, security) = (self.archive.url(), self.security.url());
        command
            .arg("--mirror")
            .arg(main)
            .arg("--mirror")
            .arg(format!("security={security}"));
        command.arg("--keyring").arg(&self.archive.keyring_path);
        command
    }

    /// Runs it, and expects that it works; what it printed.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{}", self.stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// As [`Context::run`], for a command that needs no archive.
    pub(crate) fn run_bare(&self, arguments: &[&str]) -> String {
        let output = self.bare(arguments).output().unwrap();
        assert!(output.status.success(), "{}", self.stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs it, and expects that it fails; its status and message, and nothing is written.
    pub(crate) fn fails(&self, arguments: &[&str]) -> String {
        self.failure(&mut self.command(arguments))
    }

    /// As [`Context::fails`], for a command that was changed.
    pub(crate) fn failure(&self, command: &mut Command) -> String {
        let before = self.files();
        let output = command.output().unwrap();
        let status = output.status.code().expect("it ends by itself");
        assert!(
            status == 1 || status == 2,
            "status {status}: {}",
            self.stderr(&output)
        );
        assert!(
            output.stdout.is_empty(),
            "it printed on stdout though it failed"
        );
        assert_eq!(self.files(), before, "it left something behind");
        format!("status {status}\n{}", self.stderr(&output))
    }

    /// A definition in the directory.
    pub(crate) fn define(&self, yaml: &str) {
        std::fs::write(self.work().join("app.yaml"), yaml).unwrap();
    }

    /// The names of the files in the directory.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.work()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// What it said, with the directory's own path taken out.
    pub(crate) fn stderr(&self, output: &Output) -> String {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let text = text.replace(&self.folder.path().display().to_string(), "[FOLDER]");
        without_age(&without_digests(&text))
    }
}

/// How long ago something expired is another number tomorrow.
fn without_age(text: &str) -> String {
    let mut parts = text.split(" days ago)");
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let before = result.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        assert!(result[..before].ends_with('('), "no number of days: {text}");
        result.replace_range(before.., "[N]");
        result = result + " days ago)" + part;
    }
    result
}

/// Digests depend on libraries that compress, and are of no interest in a message.
pub(crate) fn without_digests(text: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_hexdigit()) {
        let (before, from) = rest.split_at(start);
        let end = from
            .find(|c: char| !c.is_ascii_hexdigit())
            .unwrap_or(from.len());
        result.push_str(before);
        result.push_str(if end == 64 { "[DIGEST]" } else { &from[..end] });
        rest = &from[end..];
    }
    result + rest
}
