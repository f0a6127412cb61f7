//! Flags of `run`.

use clap::{ArgAction, Args, ValueEnum};

use super::request::{Archive, Registry, UseLock};
use super::sign::Signers;

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// What `build` builds, or an image: an archive, an OCI layout, or TRANSPORT:PLACE
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,

    /// Arguments of the program, instead of the image's CMD
    #[arg(value_name = "ARGUMENT", last = true)]
    pub(crate) arguments: Vec<String>,

    /// Program, instead of the image's ENTRYPOINT and CMD: words separated by spaces, or a JSON array
    /// of strings
    #[arg(long, value_name = "COMMAND", help_heading = "Container")]
    pub(crate) entrypoint: Option<String>,

    /// User and group of the program, by numbers or by names of the image
    #[arg(short, long, value_name = "USER[:GROUP]", help_heading = "Container")]
    pub(crate) user: Option<String>,

    /// Environment variable; without a value, that of this environment; may be repeated
    #[arg(short, long, value_name = "NAME[=VALUE]", help_heading = "Container")]
    pub(crate) env: Vec<String>,

    /// Directory that the program starts in
    #[arg(short, long, value_name = "PATH", help_heading = "Container")]
    pub(crate) workdir: Option<String>,

    /// Directory or file of this machine to mount; may be repeated
    #[arg(
        short = 'v',
        long = "volume",
        value_name = "HOST:PATH[:ro]",
        help_heading = "Container"
    )]
    pub(crate) volumes: Vec<String>,

    /// Network that the program sees: all of this machine's, or a loopback interface alone
    #[arg(long, value_enum, default_value_t, help_heading = "Container")]
    pub(crate) network: Network,

    /// Ports to publish; with the network of this machine, a port is published as itself and no other
    #[arg(
        short = 'p',
        long = "publish",
        value_name = "PORT[:PORT]",
        help_heading = "Container"
    )]
    pub(crate) ports: Vec<String>,

    /// Host name [default: that of this machine]
    #[arg(long, value_name = "NAME", help_heading = "Container")]
    pub(crate) hostname: Option<String>,

    /// With `false`, let the program write everywhere; what it writes is lost when it ends
    ///
    /// `/tmp`, `/dev/shm` and volumes can be written in any case.
    #[arg(
        long,
        value_name = "BOOL",
        default_value_t = true,
        action = clap::ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        help_heading = "Container"
    )]
    pub(crate) read_only: bool,

    /// Memory that all processes together may use, such as `512m` or `2g`; they may use as much swap space
    /// beside
    #[arg(short, long, value_name = "SIZE", help_heading = "Container")]
    pub(crate) memory: Option<String>,

    /// Processes and threads that may exist at a time; 0 for no limit
    #[arg(
        long = "pids-limit",
        visible_alias = "pids",
        value_name = "NUMBER",
        help_heading = "Container"
    )]
    pub(crate) pids: Option<u64>,

    /// Give the program a terminal
    #[arg(short, long, help_heading = "Container")]
    pub(crate) tty: bool,

    /// Platform [default: this machine's]
    #[arg(long, help_heading = "Image")]
    pub(crate) platform: Option<String>,

    /// Release of Debian to build from, by name or number
    #[arg(long, default_value = "trixie", help_heading = "Image")]
    pub(crate) suite: String,

    /// One more package, with or without a version; may be repeated
    #[arg(long = "add", value_name = "PACKAGE", help_heading = "Image")]
    pub(crate) packages: Vec<String>,

    #[command(flatten)]
    pub(crate) lock: UseLock,

    #[command(flatten)]
    pub(crate) archive: Archive,

    #[command(flatten)]
    pub(crate) registry: Registry,

    #[command(flatten)]
    pub(crate) signers: Signers,

    /// Print errors only
    #[arg(short, long)]
    pub(crate) quiet: bool,

    // The option of all commands, whose short form is that of volumes here, as in every engine. Its
    // value is read from there.
    /// Print what happens on the way on stderr; twice, each request
    #[arg(id = "verbose", long, action = ArgAction::Count, help_heading = "Messages")]
    pub(crate) _verbose: u8,
}

/// Networks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Network {
    /// All interfaces and ports of this machine
    #[default]
    Host,
    /// A loopback interface
    None,
}
