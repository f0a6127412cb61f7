//! A temporary directory in which a test runs the real `distil` command.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use crate::Outcome;

/// A build downloads at most some 60 MB; what takes longer hangs.
const BUILD_LIMIT: Duration = Duration::from_secs(600);

/// The command under test: `$DISTIL_BIN`, else this workspace's debug build.
pub static DISTIL: LazyLock<PathBuf> = LazyLock::new(|| {
    let path = std::env::var_os("DISTIL_BIN")
        .map_or_else(|| workspace().join("target/debug/distil"), PathBuf::from);
    assert!(
        path.is_file(),
        "{} is not there; `cargo build` makes it, `DISTIL_BIN` names another",
        path.display()
    );
    path
});

/// Where a run keeps its images and its store: `$DISTIL_TEST_DIR`, else a directory under `target`.
pub static RUN_FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::var_os("DISTIL_TEST_DIR")
        .map_or_else(|| workspace().join("target/live"), PathBuf::from);
    std::fs::create_dir_all(&folder).unwrap();
    folder
});

/// The root of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// A temporary directory of one test, and the command run in it. Gone with the test.
#[derive(Debug)]
pub struct Context {
    folder: tempfile::TempDir,
}

impl Context {
    /// A new, empty directory.
    #[expect(
        clippy::new_without_default,
        reason = "it makes a directory; a default would hide that"
    )]
    pub fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("distil-live.")
            .tempdir()
            .unwrap();
        Self { folder }
    }

    /// A path in the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The directory itself.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the directory, making the directories on its way.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The bare command, to be run in this directory with the store that the whole run shares.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(DISTIL.as_path());
        command
            .args(arguments)
            .current_dir(self.folder())
            .env("DISTIL_STORE", store());
        command
    }

    /// Runs the command in this directory, with the store that the whole run shares.
    pub fn distil<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Outcome {
        Outcome::of(&self.command(arguments), BUILD_LIMIT)
    }

    /// Runs any other program in this directory.
    pub fn run<S: AsRef<OsStr>>(
        &self,
        program: &str,
        arguments: impl IntoIterator<Item = S>,
    ) -> Outcome {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.folder());
        Outcome::of(&command, Duration::from_secs(180))
    }
}

/// The store that the whole run shares, so that nothing is downloaded twice. `$DISTIL_TEST_STORE`
/// names one to be kept from run to run.
pub fn store() -> PathBuf {
    std::env::var_os("DISTIL_TEST_STORE").map_or_else(|| RUN_FOLDER.join("store"), PathBuf::from)
}
