//! Flags of `debug`.

use clap::{ArgAction, Args};

use super::request::{Archive, Registry};
use super::sign::Signers;

#[derive(Debug, Args)]
pub(crate) struct Debug {
    /// Container (NAME, docker:NAME, podman:NAME, containerd:NAME), process (pid:NUMBER), or an image
    /// as `run` takes it; with --print, pod/NAME
    #[arg(value_name = "TARGET")]
    pub(crate) target: String,

    /// Packages of Debian to have beside busybox, separated by commas; may be repeated
    #[arg(long, value_name = "PACKAGE", value_delimiter = ',')]
    pub(crate) tools: Vec<String>,

    /// Command for busybox's shell, instead of typing at one
    #[arg(long = "run", value_name = "COMMAND")]
    pub(crate) command: Option<String>,

    /// Release of Debian to take tools from [default: the target's, else trixie]
    #[arg(long)]
    pub(crate) suite: Option<String>,

    /// Directory or file of this machine to mount; may be repeated
    #[arg(short = 'v', long = "volume", value_name = "HOST:PATH[:ro]")]
    pub(crate) volumes: Vec<String>,

    /// Give the tools a terminal [default: if the standard input is one]
    #[arg(
        short,
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub(crate) tty: Option<bool>,

    /// Print what makes Kubernetes do the same, and do nothing
    #[arg(long, requires = "image", help_heading = "Kubernetes")]
    pub(crate) print: bool,

    /// Image with the tools, where the cluster gets it: `distil push base:debug docker://…`
    #[arg(
        long,
        value_name = "REFERENCE",
        requires = "print",
        help_heading = "Kubernetes"
    )]
    pub(crate) image: Option<String>,

    /// Container of the pod
    #[arg(
        long,
        value_name = "NAME",
        requires = "print",
        help_heading = "Kubernetes"
    )]
    pub(crate) container: Option<String>,

    /// User of the container, as its `securityContext` has it; the tools have to be the same
    #[arg(
        long,
        value_name = "UID",
        default_value_t = 65532,
        requires = "print",
        help_heading = "Kubernetes"
    )]
    pub(crate) uid: u32,

    /// Namespace of the pod
    #[arg(
        short,
        long,
        value_name = "NAME",
        requires = "print",
        help_heading = "Kubernetes"
    )]
    pub(crate) namespace: Option<String>,

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
