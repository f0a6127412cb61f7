//! Proof that what an image runs is in it.

use distil_inspect::ContainerConfig;
use distil_inspect::program::{NamedProgram, ProgramKey, no_directory, programs};
use distil_oci::Platform;
use distil_tree::loader::{machine, machine_name};
use distil_tree::program::Unusable;
use distil_tree::{Tree, TreePath};

use distil_definition::Config;
use distil_definition::recipe::{Position, Recipe};

use crate::assembly::{Assembly, LeftOut, Omission};

/// Why an image's program would not run.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It is not in the image, or cannot be executed.
    #[error("the `{key}` of `{image}` runs `{program}`, which {problem}{position}")]
    Unusable {
        /// The image.
        image: String,
        /// The key of the configuration.
        key: &'static str,
        /// The program as it is written.
        program: String,
        /// What is wrong.
        problem: Unusable,
        /// The position of the value in the definition.
        position: Position,
    },
    /// A package ships it, and it was left out.
    #[error(
        "the `{key}` of `{image}` runs `{program}`, which package `{package}` ships and which is \
         left out: {reason}{position}"
    )]
    LeftOut {
        /// The image.
        image: String,
        /// The key of the configuration.
        key: &'static str,
        /// The program as it is written.
        program: String,
        /// The package.
        package: String,
        /// Why.
        reason: String,
        /// The position of the value in the definition.
        position: Position,
    },
    /// It is for another machine.
    #[error(
        "the `{key}` of `{image}` runs `{program}`, which is a program for {machine}, and the image \
         is for {platform}{position}"
    )]
    Foreign {
        /// The image.
        image: String,
        /// The key of the configuration.
        key: &'static str,
        /// The program as it is written.
        program: String,
        /// What it is for.
        machine: String,
        /// The platform of the image.
        platform: Platform,
        /// The position of the value in the definition.
        position: Position,
    },
    /// It cannot start in its directory.
    #[error("the `workdir` of `{image}` is `{workdir}`, which is not a directory{position}")]
    Workdir {
        /// The image.
        image: String,
        /// The directory as it is written.
        workdir: String,
        /// The position of the value in the definition.
        position: Position,
    },
}

/// Checks the programs that the configuration names.
pub(crate) fn check(assembly: &Assembly, recipe: &Recipe) -> Result<(), ProgramError> {
    let (tree, config) = (&assembly.tree, &recipe.config);
    let positions = &recipe.positions;
    let container = container(config);
    if no_directory(tree, &container).is_some() {
        return Err(ProgramError::Workdir {
            image: recipe.name.clone(),
            workdir: container.workdir,
            position: positions.workdir.clone(),
        });
    }
    for NamedProgram { key, word, found } in programs(tree, &container) {
        let (key, position) = match key {
            ProgramKey::Entrypoint => ("entrypoint", &positions.entrypoint),
            ProgramKey::Cmd => ("cmd", &positions.cmd),
            ProgramKey::Healthcheck => ("healthcheck", &positions.healthcheck),
        };
        let (image, position) = (recipe.name.clone(), position.clone());
        let program = word.to_owned();
        match found {
            Err(problem) => {
                return Err(match left_out(assembly, config, &program, &problem) {
                    Some(left_out) => ProgramError::LeftOut {
                        image,
                        key,
                        program,
                        package: left_out.package.to_string(),
                        reason: match &left_out.reason {
                            Omission::DeadScript { interpreter } => format!(
                                "it is a script for `{interpreter}`, which is not in the image"
                            ),
                            other => other.to_string(),
                        },
                        position,
                    },
                    None => ProgramError::Unusable {
                        image,
                        key,
                        program,
                        problem,
                        position,
                    },
                });
            }
            Ok(path) => {
                let platform = recipe.architecture.platform();
                if let Some(machine) = foreign(tree, &path, &platform) {
                    return Err(ProgramError::Foreign {
                        image,
                        key,
                        program,
                        machine,
                        platform,
                        position,
                    });
                }
            }
        }
    }
    Ok(())
}

/// The file of a package that would have been found, had it not been left out.
fn left_out<'a>(
    assembly: &'a Assembly,
    config: &Config,
    program: &str,
    problem: &Unusable,
) -> Option<&'a LeftOut> {
    let names: Vec<String> = match problem {
        Unusable::Missing => vec![program.to_owned()],
        Unusable::NotInPath(path) => {
            let folders = path.split(':').filter(|folder| folder.starts_with('/'));
            folders
                .map(|folder| format!("{folder}/{program}"))
                .collect()
        }
        _ => return None,
    };
    let workdir = config.workdir.as_deref().unwrap_or("/");
    let find = |name: &String| {
        let path = match name.starts_with('/') {
            true => TreePath::from_absolute(name),
            false => TreePath::from_absolute(format!("{workdir}/{name}")),
        };
        let path = path.ok()?;
        let path = assembly.tree.place(&path).unwrap_or(path);
        assembly.left_out.iter().find(|one| one.path == path)
    };
    names.iter().find_map(find)
}

/// What an ELF file is for, if no machine of the platform runs it: 64-bit machines of two kinds run
/// the programs of their 32-bit predecessors.
fn foreign(tree: &Tree, path: &TreePath, platform: &Platform) -> Option<String> {
    let elf = tree.get(path)?.file()?.elf()?.ok()?;
    let own = machine(platform.architecture())?;
    let runs_too = match own {
        62 => Some(3),
        183 => Some(40),
        _ => None,
    };
    let number = elf.abi.machine;
    if number == own || Some(number) == runs_too {
        return None;
    }
    let bits = if elf.abi.is_64 { 64 } else { 32 };
    Some(format!("{} ({bits} bits)", machine_name(number)))
}

/// Finds a program as the container would.
pub(crate) fn find(tree: &Tree, config: &Config, word: &str) -> Result<TreePath, Unusable> {
    distil_inspect::program::find(tree, &container(config), word)
}

/// What a configuration says of the container's programs.
fn container(config: &Config) -> ContainerConfig {
    let test = config.healthcheck.iter().flat_map(|check| check.command());
    let test: Vec<String> = test.cloned().collect();
    ContainerConfig {
        entrypoint: config.entrypoint.clone().unwrap_or_default(),
        cmd: config.cmd.clone().unwrap_or_default(),
        env: config.env.clone(),
        workdir: config.workdir.clone().unwrap_or_default(),
        healthcheck: match test.is_empty() {
            true => test,
            false => [vec!["CMD".to_owned()], test].concat(),
        },
        ..ContainerConfig::default()
    }
}
