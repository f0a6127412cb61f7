//! A container before it is run: the image's configuration, what the user says instead, and what
//! follows from both.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};

use distil_inspect::ContainerConfig;
use distil_tree::program::DEFAULT_PATH;
use rustix::io::Errno;

use crate::account::Account;
use crate::beside::Beside;
use crate::cgroup::Limits;
use crate::error::RunError;
use crate::mapping::Mapping;
use crate::mounts;
use crate::plan::{Identity, Network, Plan, Process, ProcessLimits, RootPlan};
use crate::rootfs::TARGET;
use crate::roots::Root;
use crate::target::RootDirectory;
use crate::volume::Volume;

/// The most that is read of `/etc/passwd` and its like.
const MAX_FILE: u64 = 4 << 20;

/// What is asked for beside the image's own configuration.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The program and its first arguments, instead of ENTRYPOINT and CMD.
    pub entrypoint: Option<Vec<String>>,
    /// Arguments instead of CMD; none for those of the image.
    pub arguments: Vec<String>,
    /// USER instead of the image's.
    pub user: Option<String>,
    /// Variables beside those of the image, and instead of them.
    pub env: BTreeMap<String, String>,
    /// WORKDIR instead of the image's.
    pub workdir: Option<String>,
    /// What of the host the container sees.
    pub volumes: Vec<Volume>,
    /// Which network it sees.
    pub network: Network,
    /// The host name; that of the host if none is given.
    pub hostname: Option<String>,
    /// Whether it may write to its root. What it writes is in memory, and gone with it.
    pub writable: bool,
    /// Whether it gets a terminal.
    pub terminal: bool,
    /// What all its processes together may use.
    pub limits: Limits,
    /// What each of them may use by itself.
    pub process_limits: ProcessLimits,
}

/// A container that can be run.
#[derive(Debug)]
pub struct Container {
    pub(crate) plan: Plan,
    /// Which numbers it has; none of its own if it is beside a process.
    pub(crate) mapping: Option<Mapping>,
    /// The process that it is a tool beside.
    pub(crate) beside: Option<Beside>,
    /// What it may use; not of a tool, which shares the target's namespaces and no group.
    pub(crate) limits: Limits,
    /// What needs a writable layer, for the message where there can be none.
    pub(crate) needs_overlay: String,
    /// Keeps the tree there.
    _root: Root,
}

impl Container {
    /// Puts together what a container of an image is.
    ///
    /// # Errors
    /// If there is no program, a user or a volume is not there, or this user may not become the
    /// container's.
    pub fn new(root: Root, config: &ContainerConfig, settings: Settings) -> Result<Self, RunError> {
        Self::put_together(root, config, settings, None)
    }

    /// The same as a tool beside a process: in its namespaces, as its user, with its files at
    /// `/target`. Of the settings, user and network do not count.
    ///
    /// # Errors
    /// As [`Container::new`].
    pub fn beside(
        root: Root,
        config: &ContainerConfig,
        settings: Settings,
        process: Beside,
    ) -> Result<Self, RunError> {
        Self::put_together(root, config, settings, Some(process))
    }

    fn put_together(
        root: Root,
        config: &ContainerConfig,
        settings: Settings,
        beside: Option<Beside>,
    ) -> Result<Self, RunError> {
        let words = words(config, &settings);
        if words.is_empty() {
            return Err(RunError::NoProgram);
        }
        let open = RootDirectory::open(root.tree.as_path(), false);
        let open = open.map_err(|errno| {
            RunError::set_up(format!("open `{}`", root.tree.display()))(errno.into())
        })?;
        let word = settings.user.as_deref().unwrap_or(&config.user);
        let account = root.account(word)?;
        let mapping = match beside {
            None => Some(Mapping::of(account.uid, account.gid)?),
            Some(_) => None,
        };
        let mut volumes = settings.volumes;
        for volume in &mut volumes {
            let path = volume.host.clone();
            let found = mounts::exists(&path).map_err(io::Error::from);
            let found = found.and_then(|()| path.canonicalize());
            volume.host = found.map_err(|source| RunError::Volume { path, source })?;
        }
        let workdir = match settings.workdir.as_deref().unwrap_or(config.directory()) {
            path if path.starts_with('/') => path.to_owned(),
            path => format!("/{path}"),
        };
        let mut paths: Vec<&str> = volumes.iter().map(|volume| volume.path.as_str()).collect();
        paths.push(&workdir);
        paths.extend(beside.as_ref().map(|_| TARGET));
        let needs_overlay = needs_overlay(&open, settings.writable, &paths)?;
        let hostname = settings.hostname.clone();
        let process = Process {
            words,
            env: env(config, settings.env, &account, &hostname, settings.terminal),
            workdir,
            limits: settings.process_limits,
        };
        Ok(Self {
            needs_overlay: needs_overlay.clone().unwrap_or_default(),
            plan: Plan {
                root: RootPlan {
                    tree: root.tree.clone(),
                    scratch: root.scratch.clone(),
                    writable: settings.writable,
                    overlay: needs_overlay.is_some(),
                },
                volumes,
                network: match beside {
                    None => settings.network,
                    // Its `/sys` is that of the network that it joins.
                    Some(_) => Network::None,
                },
                files: match &beside {
                    None => files(settings.network, &host_name(&hostname)),
                    Some(beside) => files_of(beside),
                },
                hostname,
                process,
                identity: Identity {
                    uid: account.uid,
                    gid: account.gid,
                    groups: account.groups,
                    changes: mapping.as_ref().is_some_and(|mapping| mapping.has_several),
                },
                terminal: settings.terminal,
                beside: beside.as_ref().map(|beside| beside.pid),
            },
            mapping,
            limits: match beside {
                None => settings.limits,
                Some(_) => Limits::default(),
            },
            beside,
            _root: root,
        })
    }

    /// The program, as it is named.
    pub fn program(&self) -> &str {
        self.plan.process.words.first().map_or("", String::as_str)
    }

    /// The value of PATH in it.
    pub fn path(&self) -> &str {
        let path = self.plan.process.env.iter();
        let mut path = path.filter(|(name, _)| name == "PATH");
        path.next().map_or("", |(_, value)| value)
    }

    /// The directory that the program starts in.
    pub fn workdir(&self) -> &str {
        &self.plan.process.workdir
    }
}

/// The command, as engines put it together: who changes the entrypoint does without the image's
/// CMD.
fn words(config: &ContainerConfig, settings: &Settings) -> Vec<String> {
    let entrypoint = settings.entrypoint.as_ref();
    let arguments = match (settings.arguments.is_empty(), entrypoint) {
        (true, None) => config.cmd.clone(),
        _ => settings.arguments.clone(),
    };
    let entrypoint = entrypoint.unwrap_or(&config.entrypoint);
    entrypoint.iter().cloned().chain(arguments).collect()
}

/// The environment: what engines set where nobody else does, the image's, the user's.
fn env(
    config: &ContainerConfig,
    own: BTreeMap<String, String>,
    account: &Account,
    hostname: &Option<String>,
    terminal: bool,
) -> Vec<(String, String)> {
    let mut env = BTreeMap::from([
        ("PATH".to_owned(), DEFAULT_PATH.to_owned()),
        ("HOSTNAME".to_owned(), host_name(hostname)),
    ]);
    if terminal {
        env.insert("TERM".to_owned(), "xterm".to_owned());
    }
    env.extend(config.env.clone());
    env.extend(own);
    env.entry("HOME".to_owned())
        .or_insert_with(|| account.home.clone());
    env.into_iter().collect()
}

fn host_name(given: &Option<String>) -> String {
    match given {
        Some(name) => name.clone(),
        None => rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned(),
    }
}

/// What of `/etc` is the machine's: names of hosts, and who is asked for others.
fn files(network: Network, hostname: &str) -> Vec<(String, Vec<u8>)> {
    let own = format!(
        "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.0.1\t{hostname}\n"
    );
    let host = |path: &str| {
        let mut bytes = Vec::new();
        let file = fs::File::open(path);
        let read = file.and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes));
        read.map(|_| bytes).unwrap_or_default()
    };
    let (hosts, resolvers) = match network {
        Network::Host => (host("/etc/hosts"), host("/etc/resolv.conf")),
        Network::None => (own.into_bytes(), Vec::new()),
    };
    vec![
        (
            "/etc/hostname".to_owned(),
            format!("{hostname}\n").into_bytes(),
        ),
        ("/etc/hosts".to_owned(), hosts),
        ("/etc/resolv.conf".to_owned(), resolvers),
    ]
}

/// The same files of a process.
fn files_of(beside: &Beside) -> Vec<(String, Vec<u8>)> {
    let paths = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"];
    let file = |path: &str| {
        (
            path.to_owned(),
            beside.file(path).unwrap_or_default().into_bytes(),
        )
    };
    paths.map(file).to_vec()
}

/// What only a writable layer over the tree can give.
fn needs_overlay(
    root: &RootDirectory,
    writable: bool,
    paths: &[&str],
) -> Result<Option<String>, RunError> {
    if writable {
        return Ok(Some("a container that may write needs".to_owned()));
    }
    for path in paths {
        match root.find(path) {
            Ok(_) => {}
            Err(Errno::NOENT) => {
                let what = format!("the path `{path}` needs, since the image does not have it");
                return Ok(Some(what));
            }
            Err(errno) => {
                let failed = RunError::set_up(format!("find `{path}` in the image"));
                return Err(failed(errno.into()));
            }
        }
    }
    // Where the image has no directory for them; its own directories are made when it is unpacked.
    let own = ["/proc", "/dev", "/sys", "/tmp"];
    let missing = own.into_iter().find(|path| root.find(path).is_err());
    Ok(missing.map(|path| format!("the path `{path}` needs, since the image does not have it")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> ContainerConfig {
        ContainerConfig {
            entrypoint: vec!["/run".to_owned()],
            cmd: vec!["a".to_owned()],
            env: BTreeMap::from([("A".to_owned(), "1".to_owned())]),
            ..ContainerConfig::default()
        }
    }

    #[test]
    fn commands_as_engines_put_them_together() {
        let of = |settings: Settings| words(&config(), &settings).join(" ");
        let list = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        assert_eq!(of(Settings::default()), "/run a");
        let arguments = list(&["b", "c"]);
        assert_eq!(
            of(Settings {
                arguments,
                ..Settings::default()
            }),
            "/run b c"
        );
        let entrypoint = Some(list(&["/sh"]));
        assert_eq!(
            of(Settings {
                entrypoint,
                ..Settings::default()
            }),
            "/sh"
        );
    }

    #[test]
    fn environments_as_engines_put_them_together() {
        let account = crate::account::find("", "", "").unwrap();
        let own = BTreeMap::from([("A".to_owned(), "2".to_owned())]);
        let name = Some("box".to_owned());
        let env = env(&config(), own, &account, &name, true);
        let pairs: Vec<String> = env
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let path = format!("PATH={DEFAULT_PATH}");
        assert_eq!(
            pairs,
            ["A=2", "HOME=/", "HOSTNAME=box", &path, "TERM=xterm"]
        );
    }
}
