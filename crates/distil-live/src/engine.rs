//! Docker and Podman, by their command lines.

use std::io::Read as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::outcome::find_program;
use crate::{Outcome, Rootfs, require};

/// Loading or exporting an image takes seconds; emulated programs may need minutes.
const LIMIT: Duration = Duration::from_secs(1200);

/// Limits that a container sets for itself, because some machines allow no more than these and the
/// engines' defaults are above.
const LIMITS: [&str; 4] = [
    "--ulimit",
    "nofile=1024:1024",
    "--ulimit",
    "nproc=1000:1000",
];

/// A container engine, as installed on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Docker, at `$DOCKER_HOST`.
    Docker,
    /// Podman, with the storage that `$CONTAINERS_STORAGE_CONF` names.
    Podman,
}

impl Engine {
    /// Both engines.
    pub const ALL: [Self; 2] = [Self::Docker, Self::Podman];

    /// This engine if it answers; otherwise the test fails or is to be skipped ([`require`]).
    #[track_caller]
    pub fn get(self) -> Option<Self> {
        if find_program(self.program()).is_none() {
            require::missing(&format!("{} is not installed", self.program()));
            return None;
        }
        let answer = self.run_raw(["info", "--format", "json"]);
        if answer.status() != 0 {
            require::missing(&format!(
                "{} does not answer\n{}",
                self.program(),
                answer.report()
            ));
            return None;
        }
        Some(self)
    }

    /// Whether this machine runs programs of this architecture (`amd64`, `arm64`) by itself.
    pub fn is_native(arch: &str) -> bool {
        let native = match arch {
            "amd64" => "x86_64",
            "arm64" => "aarch64",
            other => panic!("`{other}` is no architecture that the tests know"),
        };
        std::env::consts::ARCH == native
    }

    /// Whether programs of this architecture run here, by themselves or emulated; otherwise the test
    /// fails or is to be skipped.
    #[track_caller]
    pub fn runs(arch: &str) -> bool {
        let handler = match arch {
            "arm64" => "qemu-aarch64",
            _ => "qemu-x86_64",
        };
        let registered = Path::new("/proc/sys/fs/binfmt_misc").join(handler).exists();
        if !Self::is_native(arch) && !registered {
            require::missing(&format!("{handler} is not registered with binfmt_misc"));
            return false;
        }
        true
    }

    /// The program's name.
    pub fn program(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }

    /// Runs the engine's command line.
    pub fn run_raw<'a>(self, arguments: impl IntoIterator<Item = &'a str>) -> Outcome {
        let mut command = Command::new(self.program());
        // Docker's newer client warns about the classic builder; it is the one that needs no plugin.
        command.args(arguments);
        Outcome::of(&command, LIMIT)
    }

    /// Loads an archive, and returns the name that the engine gave to its image.
    #[track_caller]
    pub fn load(self, archive: &Path) -> String {
        let outcome = self
            .run_raw(["load", "-i", archive.to_str().unwrap()])
            .success();
        let names = loaded_names(&outcome.stdout());
        assert_eq!(
            names.len(),
            1,
            "one image in, one name out\n{}",
            outcome.report()
        );
        names[0].clone()
    }

    /// A container to be run from an image.
    pub fn container(self, image: &str) -> Run {
        Run {
            engine: self,
            image: image.to_owned(),
            options: LIMITS.map(str::to_owned).to_vec(),
            arguments: Vec::new(),
        }
    }

    /// The files of an image, as this engine shows them in a container that was never started.
    #[track_caller]
    pub fn export(self, image: &str, platform: &str) -> Rootfs {
        // An image without entrypoint needs a command to be made into a container; it never runs.
        let created = self
            .run_raw(["create", "--platform", platform, image, "/never-run"])
            .success();
        let stdout = created.stdout();
        let container = Container {
            engine: self,
            id: stdout.lines().last().unwrap_or_default().to_owned(),
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("export.tar");
        self.run_raw(["export", "-o", path.to_str().unwrap(), &container.id])
            .success();
        let mut bytes = Vec::new();
        std::fs::File::open(&path)
            .unwrap()
            .read_to_end(&mut bytes)
            .unwrap();
        Rootfs::from_tar(&bytes)
    }
}

/// The names in what `docker load` and `podman load` print.
fn loaded_names(printed: &str) -> Vec<String> {
    printed
        .lines()
        .filter_map(|line| {
            line.strip_prefix("Loaded image: ")
                .or(line.strip_prefix("Loaded image(s): "))
        })
        .flat_map(|names| names.split(','))
        .map(str::to_owned)
        .collect()
}

/// A container to be run: the image, the engine's options, and the image's arguments.
#[derive(Debug, Clone)]
#[must_use = "nothing runs before `output` or `start`"]
pub struct Run {
    engine: Engine,
    image: String,
    options: Vec<String>,
    arguments: Vec<String>,
}

impl Run {
    /// Adds options of the engine, such as `--user 65532`.
    pub fn options<'a>(mut self, options: impl IntoIterator<Item = &'a str>) -> Self {
        self.options.extend(options.into_iter().map(str::to_owned));
        self
    }

    /// The platform of the image, named because engines warn or refuse when it is not this machine's.
    pub fn platform(self, platform: &str) -> Self {
        self.options(["--platform", platform])
    }

    /// Another entrypoint than the image's.
    pub fn entrypoint(self, program: &str) -> Self {
        self.options(["--entrypoint", program])
    }

    /// The machine's own network, so that a server on loopback can be reached.
    pub fn host_network(self) -> Self {
        self.options(["--network", "host"])
    }

    /// Arguments for the image's entrypoint.
    pub fn args<'a>(mut self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        self.arguments
            .extend(arguments.into_iter().map(str::to_owned));
        self
    }

    /// Runs the container to its end; it is removed afterwards.
    pub fn output(self) -> Outcome {
        let mut all = vec!["run", "--rm"];
        all.extend(self.options.iter().map(String::as_str));
        all.push(&self.image);
        all.extend(self.arguments.iter().map(String::as_str));
        self.engine.run_raw(all)
    }

    /// Starts the container and leaves it running until the value is dropped.
    #[track_caller]
    pub fn start(self) -> Container {
        let mut all = vec!["run", "--detach"];
        all.extend(self.options.iter().map(String::as_str));
        all.push(&self.image);
        all.extend(self.arguments.iter().map(String::as_str));
        let started = self.engine.run_raw(all).success();
        Container {
            engine: self.engine,
            id: started.stdout().trim().to_owned(),
        }
    }
}

/// A container that exists; removed when dropped.
#[derive(Debug)]
pub struct Container {
    engine: Engine,
    id: String,
}

impl Container {
    /// How the engine names it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Runs a program in the container.
    pub fn exec<'a>(&'a self, arguments: impl IntoIterator<Item = &'a str>) -> Outcome {
        self.engine
            .run_raw(["exec", &self.id].into_iter().chain(arguments))
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // A failure to remove must not hide the test's own.
        let _ = self.engine.run_raw(["rm", "--force", &self.id]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_loaded_images_are_read_from_every_engine() {
        assert_eq!(
            loaded_names("Loaded image: python3:latest\n"),
            ["python3:latest"]
        );
        assert_eq!(
            loaded_names("Getting image\nLoaded image(s): localhost/a:1,localhost/b:2\n"),
            ["localhost/a:1", "localhost/b:2"]
        );
        assert!(loaded_names("Loaded image ID: sha256:00\n").is_empty());
    }
}
