//! `distil completions`, `distil man` and `distil schema`: what a shell, a reader and an editor
//! need, made from the command's own help and types.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

use clap::Command;
use clap::builder::PossibleValuesParser;
use clap_complete::Shell;
use distil_check::RULES;
use distil_debian::suite::Suite;
use distil_definition::recipe::Variant;
use distil_definition::{Architecture, Catalogue};

use crate::cli;
use crate::error::CommandError;
use crate::examples;

/// The statuses that the command ends with.
const STATUSES: &[(&str, &str)] = &[
    (
        "0",
        "It is done; there are no findings, and no differences.",
    ),
    (
        "1",
        "It failed, an image does not pass, two images differ, or what was asked for is not there.",
    ),
    (
        "2",
        "The command line is wrong: an unknown option, name, suite or platform, a file that does not \
         exist, or an option or variable with a value that cannot be used.",
    ),
    (
        "128+N",
        "Signal N ended it: 130 is an interrupt. Unfinished files are removed.",
    ),
];

/// The environment variables that the command reads.
const VARIABLES: &[(&str, &str)] = &[
    (
        "DISTIL_STORE",
        "Directory of the store, unless --store names one.",
    ),
    (
        "DISTIL_STORE_LIMIT",
        "Size limit of the store, unless --store-limit names one.",
    ),
    (
        "DISTIL_MIRROR",
        "Mirrors, separated by spaces, unless --mirror or the definition names some.",
    ),
    (
        "SOURCE_DATE_EPOCH",
        "Seconds since 1970: the time of generated files and of the image, and the day on which \
         certificates, support and allowances are judged.",
    ),
    (
        "http_proxy, https_proxy, all_proxy, no_proxy",
        "Proxies, in lower or upper case.",
    ),
    ("NETRC", "File of logins for mirrors, instead of ~/.netrc."),
    (
        "REGISTRY_AUTH_FILE, DOCKER_CONFIG",
        "Credentials for registries: a file, and the directory of config.json.",
    ),
    ("DOCKER_HOST, DOCKER_CONTEXT", "The Docker daemon."),
    (
        "RUST_LOG",
        "What --verbose prints without that option, such as distil=debug.",
    ),
    (
        "NO_COLOR, CLICOLOR_FORCE, TERM",
        "Whether there are colours, unless --color says so.",
    ),
    (
        "XDG_CACHE_HOME, XDG_CONFIG_HOME",
        "Where the user's store and settings are.",
    ),
];

/// The files that the command reads and writes by itself.
const FILES: &[(&str, &str)] = &[
    ("~/.cache/distil", "The store."),
    (
        "~/.config/distil/config.yaml",
        "Settings of the user: mirrors, store-limit.",
    ),
    (
        "check.yaml",
        "Policy of distil check, in the current directory.",
    ),
    (
        "/etc/apt/sources.list, /etc/apt/sources.list.d",
        "Mirrors of this machine, if no others are named.",
    ),
    (
        "/etc/apt/apt.conf, /etc/apt/apt.conf.d",
        "Proxies and certificates with which archives are reached.",
    ),
    (
        "/etc/apt/auth.conf, /etc/apt/auth.conf.d, ~/.netrc",
        "Passwords of mirrors and archives.",
    ),
];

/// Prints the schema of definitions on stdout.
pub(crate) fn schema() -> Result<(), CommandError> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(distil_definition::schema().as_bytes());
    written.map_err(CommandError::failure)
}

/// Prints a shell's completions on stdout.
pub(crate) fn completions(arguments: &cli::Completions) -> Result<(), CommandError> {
    let mut script = Vec::new();
    let mut command = with_values(cli::command(), arguments.shell);
    clap_complete::generate(arguments.shell, &mut command, "distil", &mut script);
    if arguments.shell == Shell::Bash {
        // Otherwise bash completes what is behind the colon of `python3:debug` alone.
        script.extend(b"\nCOMP_WORDBREAKS=${COMP_WORDBREAKS//:}\n");
    }
    io::stdout()
        .lock()
        .write_all(&script)
        .map_err(CommandError::failure)
}

/// A command and those below it, whose arguments have the values that a shell is to offer. The
/// command that runs takes more: files, numbers of suites, patterns behind rules.
fn with_values(command: Command, shell: Shell) -> Command {
    let names = Catalogue.names().flat_map(|name| {
        let variants = Variant::ALL.into_iter();
        let variants = variants.filter(|variant| *variant != Variant::Latest);
        let variants = variants.map(move |variant| format!("{name}:{}", variant.name()));
        std::iter::once(name.to_owned()).chain(variants)
    });
    let images: Vec<String> = names.collect();
    let rules = || RULES.iter().flat_map(|rule| [rule.name, rule.id]);
    let platforms = Architecture::all().map(|one| one.platform().to_string());
    let platforms: Vec<String> = platforms.chain(["all".to_owned()]).collect();
    command
        .mut_args(|argument| {
            // Of these shells, only the first still offers files where names are known.
            let is_image = matches!(
                argument.get_id().as_str(),
                "images" | "image" | "old" | "new"
            );
            let values: Vec<String> = match argument.get_id().as_str() {
                _ if is_image && shell == Shell::Bash => images.clone(),
                "suite" => Suite::all()
                    .map(|suite| suite.codename.to_owned())
                    .collect(),
                "platform" => platforms.clone(),
                "explain" | "allowed" => rules().map(str::to_owned).collect(),
                _ => return argument,
            };
            argument.value_parser(PossibleValuesParser::new(values))
        })
        .mut_subcommands(|below| with_values(below, shell))
}

/// Writes a page for the command and one for each subcommand.
pub(crate) fn pages(arguments: &cli::Man) -> Result<(), CommandError> {
    let directory = &arguments.folder;
    let failed = |error: io::Error| {
        let directory = directory.display();
        CommandError::failure(format!(
            "failed to write the pages into `{directory}`: {error}"
        ))
    };
    std::fs::create_dir_all(directory).map_err(failed)?;
    let mut command = cli::command().disable_help_subcommand(true);
    command.build();
    write_pages(&command, "", directory).map_err(failed)
}

/// Writes the pages of a command and those below it; `name` is empty for the first.
fn write_pages(command: &Command, name: &str, directory: &Path) -> io::Result<()> {
    let page = clap_mangen::Man::new(command.clone());
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    if command.has_subcommands() {
        page.render_subcommands_section(&mut text)?;
    }
    let examples = examples::of(name).iter().map(|(what, line)| (*line, *what));
    for (title, entries) in [
        ("EXAMPLES", examples.collect::<Vec<_>>()),
        ("EXIT STATUS", STATUSES.to_vec()),
        ("ENVIRONMENT", VARIABLES.to_vec()),
        ("FILES", FILES.to_vec()),
    ] {
        text.extend(section(title, &entries).into_bytes());
    }
    std::fs::write(directory.join(page.get_filename()), text)?;
    for below in command.get_subcommands() {
        let path = format!("{name} {}", below.get_name());
        write_pages(below, path.trim_start(), directory)?;
    }
    Ok(())
}

/// A section of terms and what they mean, in the language of man(7).
fn section(title: &str, entries: &[(&str, &str)]) -> String {
    let mut text = format!(".SH \"{title}\"\n");
    for (term, meaning) in entries {
        let _ = writeln!(text, ".TP\n\\fB{}\\fR\n{}", escaped(term), escaped(meaning));
    }
    text
}

/// Text in which nothing is a request or an escape, and hyphens can be copied.
fn escaped(text: &str) -> String {
    let text = text
        .replace('\\', "\\e")
        .replace('-', "\\-")
        .replace('\'', "\\(aq");
    match text.starts_with('.') {
        true => format!("\\&{text}"),
        false => text,
    }
}
