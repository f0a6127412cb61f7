//! Proof that what an image runs is in it.

use distil_tree::program::{self, DEFAULT_PATH, Unusable};
use distil_tree::{Tree, TreePath};

use distil_definition::Config;
use distil_definition::recipe::{Position, Recipe};

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
    /// It cannot start in its folder.
    #[error("the `workdir` of `{image}` is `{workdir}`, which is no folder{position}")]
    Workdir {
        /// The image.
        image: String,
        /// The folder as it is written.
        workdir: String,
        /// The position of the value in the definition.
        position: Position,
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
            position: recipe.positions.workdir.clone(),
        });
    }
    let first = |words: &Option<Vec<String>>| words.as_ref()?.first().cloned();
    let positions = &recipe.positions;
    let mut programs = Vec::new();
    match (first(&config.entrypoint), first(&config.cmd)) {
        (Some(program), _) => programs.push(("entrypoint", program, &positions.entrypoint)),
        (None, Some(program)) => programs.push(("cmd", program, &positions.cmd)),
        (None, None) => {}
    }
    let check = config.healthcheck.as_ref();
    if let Some(program) = check.and_then(|check| check.test.first()) {
        programs.push(("healthcheck", program.clone(), &positions.healthcheck));
    }
    for (key, program, position) in programs {
        let found = find(tree, config, &program);
        found.map_err(|problem| ProgramError::Unusable {
            image: recipe.name.clone(),
            key,
            position: position.clone(),
            program,
            problem,
        })?;
    }
    Ok(())
}

/// Finds a program as the container would.
pub(crate) fn find(tree: &Tree, config: &Config, word: &str) -> Result<TreePath, Unusable> {
    let path = config.env.get("PATH").map_or(DEFAULT_PATH, String::as_str);
    let workdir = config.workdir.as_deref().unwrap_or("/");
    program::find(tree, path, workdir, word)
}
