//! Proof that what an image runs is in it.

use distil_tree::{Entry, Kind, Tree, TreePath};

use crate::assemble::{MAX_LINE, interpreter};
use crate::definition::Config;
use crate::recipe::{Place, Recipe};

/// Why an image's program would not run.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It is not in the image, or cannot be executed.
    #[error("the `{key}` of `{image}` runs `{program}`, which {problem}{place}")]
    Unusable {
        /// The image.
        image: String,
        /// The key of the configuration.
        key: &'static str,
        /// The program as it is written.
        program: String,
        /// What is wrong.
        problem: String,
        /// Where it stands.
        place: Place,
    },
    /// It cannot start in its folder.
    #[error("the `workdir` of `{image}` is `{workdir}`, which is no folder{place}")]
    Workdir {
        /// The image.
        image: String,
        /// The folder as it is written.
        workdir: String,
        /// Where it stands.
        place: Place,
    },
}

/// Checks the programs that the configuration names.
pub(crate) fn check(tree: &Tree, recipe: &Recipe) -> Result<(), ProgramError> {
    let config = &recipe.config;
    if let Some(workdir) = &config.workdir
        && let Ok(path) = TreePath::from_absolute(workdir)
        // Engines make one that is not there.
        && let Some((_, entry)) = tree.follow(&path)
        && !entry.is_directory()
    {
        return Err(ProgramError::Workdir {
            image: recipe.name.clone(),
            workdir: workdir.clone(),
            place: recipe.place("config", workdir),
        });
    }
    let first = |words: &Option<Vec<String>>| words.as_ref()?.first().cloned();
    let mut programs = Vec::new();
    match (first(&config.entrypoint), first(&config.cmd)) {
        (Some(program), _) => programs.push(("entrypoint", program)),
        (None, Some(program)) => programs.push(("cmd", program)),
        (None, None) => {}
    }
    if let Some(check) = &config.healthcheck {
        programs.extend(
            check
                .test
                .first()
                .map(|program| ("healthcheck", program.clone())),
        );
    }
    for (key, program) in programs {
        let found = find(tree, config, &program);
        found.map_err(|problem| ProgramError::Unusable {
            image: recipe.name.clone(),
            key,
            place: recipe.place("config", &program),
            program,
            problem,
        })?;
    }
    Ok(())
}

/// Finds a program as execvp(3) does in a container: a name with a slash is a path, another one
/// is looked for in `PATH`. Gives the place of the file, or what is wrong.
pub(crate) fn find(tree: &Tree, config: &Config, program: &str) -> Result<TreePath, String> {
    if program.contains('/') {
        let workdir = config.workdir.as_deref().unwrap_or("/");
        let path = match program.starts_with('/') {
            true => program.to_owned(),
            false => format!("{workdir}/{program}"),
        };
        return executable(tree, &path);
    }
    let path = config.env.get("PATH").map_or("", String::as_str);
    let mut folders = path.split(':').filter(|folder| folder.starts_with('/'));
    folders
        .find_map(|folder| executable(tree, &format!("{folder}/{program}")).ok())
        .ok_or_else(|| format!("is in no folder of `PATH`, which is `{path}`"))
}

/// What runs a file, if it is a script.
fn script_of(entry: &Entry) -> Option<TreePath> {
    let head = entry.file()?.content.head(MAX_LINE).ok()?;
    interpreter(&head)
}

fn executable(tree: &Tree, path: &str) -> Result<TreePath, String> {
    let Ok(path) = TreePath::from_absolute(path) else {
        return Err("is not a path".to_owned());
    };
    let Some((place, entry)) = tree.follow(&path) else {
        return Err("is not in the image".to_owned());
    };
    match entry.kind {
        Kind::Directory => Err("is a folder".to_owned()),
        _ if entry.is_executable() => match script_of(entry) {
            Some(interpreter) if tree.follow(&interpreter).is_none() => Err(format!(
                "is a script for `{interpreter}`, which is not in the image"
            )),
            _ => Ok(place),
        },
        _ => Err(format!(
            "nobody may execute: the mode of `{place}` is {:04o}",
            entry.meta.mode
        )),
    }
}
