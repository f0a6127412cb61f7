//! `distil build --program`: an image for a program alone.

use distil_app::program::Program;
use distil_build::{
    DefaultName, ImageRequest, ProgramBase, Request, Session, architectures, suite,
};
use distil_debian::suite::Suite;
use distil_definition::{Architecture, Definition, FileItem, PackageItem};

use super::build::image_request;
use super::request_with;
use crate::changes::changes;
use crate::cli;
use crate::error::CommandError;
use crate::printer::Printer;

/// The directory of the image that a program and its own libraries go to.
const DIRECTORY: &str = "/app";

/// A program that an image is wanted for.
pub(crate) struct ProgramImage<'a> {
    arguments: &'a cli::Build,
    /// The program as it was named.
    place: &'a str,
    program: Program,
    suite: Suite,
    architecture: Architecture,
}

impl<'a> ProgramImage<'a> {
    /// Reads the program that the arguments name, if they do.
    pub(crate) fn of(arguments: &'a cli::Build) -> Result<Option<Self>, CommandError> {
        let Some(path) = &arguments.program else {
            return Ok(None);
        };
        if arguments.images.len() > 1 {
            let message = "`--program` makes one image, but several are named to base it on";
            return Err(CommandError::usage(message));
        }
        let wrong = |what: &dyn std::fmt::Display| {
            let message = format!("`{}` {what}", path.display());
            CommandError::reading(path, message)
        };
        let place = path.to_str().ok_or_else(|| wrong(&"is not UTF-8"))?;
        let program = Program::read(path).map_err(|error| wrong(&error))?;
        let suite = suite(&arguments.definition.suite)?;
        let architecture = match arguments.platform.is_empty() {
            true => ProgramBase::architecture(&program, suite).map_err(CommandError::usage)?,
            false => match *architectures(&arguments.platform, suite)?.as_slice() {
                [one] => one,
                _ => {
                    let message =
                        format!("`{place}` is a program for one platform, but several are named");
                    let hint = "build each platform's program into an image of its own";
                    return Err(CommandError::usage(message).hint(hint));
                }
            },
        };
        ProgramBase::check(&program, architecture).map_err(CommandError::usage)?;
        Ok(Some(Self {
            arguments,
            place,
            program,
            suite,
            architecture,
        }))
    }

    /// The image that is to be built, after asking the archive for packages.
    pub(crate) fn request(
        &self,
        session: &Session,
        printer: &Printer,
    ) -> Result<ImageRequest, CommandError> {
        let arguments = self.arguments;
        let named = arguments
            .images
            .first()
            .map(|word| request_with(word, changes(&arguments.definition)?, &arguments.lock));
        let named: Option<Request> = named.transpose()?;
        let base = session.base_of_program(
            &self.program,
            named.as_ref(),
            self.suite,
            self.architecture,
        )?;
        printer.say(self.note(&base));
        let request = request_with(&base.word, self.changes(&base)?, &arguments.lock)?;
        let request = Request {
            word: self.place.to_owned(),
            ..request
        };
        let name = self.program.name.to_lowercase();
        let name = DefaultName::of(&request, self.suite, &[self.architecture]).called(&name);
        image_request(
            arguments,
            request,
            self.suite,
            vec![self.architecture],
            &name,
        )
    }

    /// What the flags change, with the program and the packages that it needs.
    fn changes(&self, base: &ProgramBase) -> Result<Definition, CommandError> {
        let mut changes = changes(&self.arguments.definition)?;
        for package in base.packages.keys() {
            if !changes.packages.iter().any(|item| item.name == *package) {
                changes.packages.push(PackageItem::whole(package));
            }
        }
        let mut paths = Vec::new();
        for (number, file) in self.program.files.iter().enumerate() {
            let is_program = number == 0;
            let place = match is_program {
                true => Some(self.place),
                false => file.place.to_str(),
            };
            let path = format!("{DIRECTORY}/{}", file.path);
            changes.files.push(FileItem {
                path: path.clone(),
                text: None,
                from: place.map(str::to_owned),
                owner: None,
                mode: Some(if is_program { "0755" } else { "0644" }.to_owned()),
                replace: false,
            });
            paths.push(path);
        }
        paths.truncate(1);
        changes.config.entrypoint.get_or_insert(paths);
        Ok(changes)
    }

    /// What was found, in a line.
    fn note(&self, base: &ProgramBase) -> String {
        let (place, word) = (self.place, &base.word);
        if !self.program.is_dynamic {
            return format!("note: `{place}` is statically linked; the image is `{word}` with it");
        }
        let packages = base.packages.iter().map(|(package, libraries)| {
            let libraries: Vec<&str> = libraries.iter().map(String::as_str).collect();
            format!("`{package}` ({})", libraries.join(", "))
        });
        let packages: Vec<String> = packages.collect();
        match packages.is_empty() {
            true => format!("note: `{place}` needs no library but those of `{word}`"),
            false => format!(
                "note: `{place}` needs {} beside what `{word}` has",
                packages.join(", ")
            ),
        }
    }
}
