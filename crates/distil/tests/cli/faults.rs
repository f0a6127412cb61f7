//! One store, and everything that can happen to it: kills, damage, pruning, many builds at once.
//! After each the next build gives the very bytes that an empty store gives.
//!
//! Random but for the seed, and bounded: `DISTIL_FAULTS` is the number of faults, which `./test
//! --long` raises; `DISTIL_SEED` begins another sequence, and a failure says which it was.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::context::Context;

/// Knuth's linear congruential generator: the same numbers on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }
}

struct Faults {
    context: Context,
    random: Random,
    digest: String,
    bytes: Vec<u8>,
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

#[test]
fn whatever_happens_the_next_build_is_right() {
    let seed = number("DISTIL_SEED", 1);
    let context = Context::new();
    let digest = context.run(&["build", "base"]);
    let bytes = fs::read(context.work().join("base.tar")).unwrap();
    let mut faults = Faults {
        context,
        random: Random(seed),
        digest,
        bytes,
    };
    for round in 0..number("DISTIL_FAULTS", 16) {
        let named = format!("seed {seed}, round {round}");
        let fault = faults.happen(&named);
        faults.check(&format!("{named}: {fault}"));
    }
}

impl Faults {
    fn spawn(&self, output: &str) -> Child {
        let place = format!("oci-archive:{output}");
        let mut command = self.context.command(&["build", "base", "-q", "-o", &place]);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Files of the store, those that are being written included.
    fn files(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.context.store()];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => files.push(path),
                }
            }
        }
        files.sort();
        files
    }

    fn happen(&mut self, round: &str) -> String {
        match self.random.below(7) {
            0 | 1 => {
                // From what an empty store begins with to what is left to do in a full one.
                if self.random.below(2) == 0 {
                    let _ = fs::remove_dir_all(self.context.store());
                }
                let moment = Duration::from_micros(self.random.below(150_000) as u64);
                let mut child = self.spawn("killed.tar");
                std::thread::sleep(moment);
                let _ = child.kill();
                child.wait().unwrap();
                format!("a kill after {moment:?}")
            }
            2 => {
                let mut damaged = 0;
                for file in self.files() {
                    if self.random.below(4) == 0 {
                        self.damage(&file);
                        damaged += 1;
                    }
                }
                format!("{damaged} damaged files")
            }
            3 => {
                let files = self.files();
                let gone = files.iter().filter(|_| self.random.below(3) == 0);
                let count = gone.map(|file| fs::remove_file(file).unwrap()).count();
                format!("{count} lost files")
            }
            4 => {
                let limit = self.random.below(200_000).to_string();
                self.context
                    .run(&["build", "base", "--store-limit", &limit]);
                format!("a limit of {limit} bytes")
            }
            5 => {
                let builds: Vec<Child> = (0..4)
                    .map(|number| self.spawn(&format!("{number}.tar")))
                    .collect();
                let prune = self
                    .context
                    .bare(&["cache", "prune", "--all"])
                    .output()
                    .unwrap();
                assert!(prune.status.success(), "{}", self.context.stderr(&prune));
                for (number, build) in builds.into_iter().enumerate() {
                    let build = build.wait_with_output().unwrap();
                    let said = self.context.stderr(&build);
                    assert!(build.status.success(), "{round}, build {number}: {said}");
                    let file = self.context.work().join(format!("{number}.tar"));
                    let read = fs::read(&file).unwrap();
                    assert!(read == self.bytes, "{round}, build {number}");
                    fs::remove_file(file).unwrap();
                }
                "four builds at once, and pruning".to_owned()
            }
            _ => {
                // As after a clock that jumped, or a copy that kept no times.
                for file in self.files() {
                    let seconds = self.random.below(1 << 31) as u64;
                    let time = std::time::UNIX_EPOCH + Duration::from_secs(seconds);
                    let file = fs::File::options().write(true).open(file).unwrap();
                    file.set_modified(time).unwrap();
                }
                fs::write(self.context.store().join("lock"), "7\n").unwrap();
                self.context
                    .run_bare(&["cache", "prune", "--store-limit", "50kB"]);
                "times that mean nothing".to_owned()
            }
        }
    }

    fn damage(&mut self, file: &PathBuf) {
        let mut bytes = fs::read(file).unwrap();
        let place = self.random.below(bytes.len());
        match self.random.below(4) {
            0 => bytes.truncate(place),
            1 => bytes.extend(b"more"),
            2 => bytes = b"{\"of\": \"a later version\"}".to_vec(),
            _ => {
                if let Some(byte) = bytes.get_mut(place) {
                    *byte ^= 1 << self.random.below(8);
                }
            }
        }
        fs::write(file, bytes).unwrap();
    }

    fn check(&self, after: &str) {
        let output = self.context.work().join("base.tar");
        let _ = fs::remove_file(&output);
        let built = self.context.command(&["build", "base"]).output().unwrap();
        assert!(
            built.status.success(),
            "{after}: {}",
            self.context.stderr(&built)
        );
        assert_eq!(
            String::from_utf8_lossy(&built.stdout),
            self.digest,
            "{after}"
        );
        assert!(fs::read(&output).unwrap() == self.bytes, "{after}");
        // Whatever a killed build left behind, it is not in the store.
        let tmp = self.context.store().join("tmp");
        assert_eq!(fs::read_dir(tmp).unwrap().count(), 0, "{after}");
    }
}

/// As many as a busy machine of many jobs starts.
#[test]
fn twenty_builds_at_once_on_one_empty_store() {
    let context = Context::new();
    let spawn = |number: usize| {
        let place = format!("oci-archive:{number}.tar");
        let mut command = context.command(&["build", "base", "-q", "-o", &place]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let builds: Vec<Child> = (0..20).map(spawn).collect();
    let mut digests: Vec<String> = builds
        .into_iter()
        .map(|build| {
            let output = build.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", context.stderr(&output));
            String::from_utf8(output.stdout).unwrap()
        })
        .collect();
    digests.dedup();
    assert_eq!(digests.len(), 1);
    assert_eq!(digests[0], Context::new().run(&["build", "base", "-q"]));
}
