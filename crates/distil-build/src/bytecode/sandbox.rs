//! An interpreter in namespaces of its own: no network, no files but those that it needs, no place to write
//! to, no user of this machine, and so much memory and time.

use std::time::Duration;

use distil_bytecode::exchange::{Exchange, PROGRAM};
use distil_image::Interpreter;
use distil_inspect::ContainerConfig;
use distil_run::{
    Container, Conversation, Deadline, Input, Network, Output, ProcessLimits, Root, Roots,
    RunError, Settings,
};
use distil_store::Store;
use distil_tree::{Entry, Kind, Metadata, Origin, TreePath};

use super::error::CompileError;

/// How long the interpreter may take to begin, and for each source. The largest sources take a second.
const TIME: Duration = Duration::from_secs(120);

/// How much memory an interpreter may have: a compiler takes some hundred times the size of a source.
const MEMORY: u64 = 4 << 30;

/// The stack that Linux gives by default. Which sources nest too deeply for a compiler depends on it.
const STACK: u64 = 8 << 20;

/// Whom the interpreter runs as: nobody who owns anything.
const NOBODY: &str = "65534:65534";

/// What a container has to have to be run without a writable layer.
const DIRECTORIES: [&str; 5] = ["dev", "etc", "proc", "sys", "tmp"];
const FILES: [&str; 3] = ["etc/hostname", "etc/hosts", "etc/resolv.conf"];

/// The files of an interpreter, written for it.
pub(super) struct Sandbox<'a> {
    interpreter: &'a Interpreter,
    roots: Roots,
    root: Root,
}

impl<'a> Sandbox<'a> {
    /// Writes the files, which are gone with this.
    pub(super) fn new(interpreter: &'a Interpreter, store: &Store) -> Result<Self, CompileError> {
        let mut tree = interpreter.files.clone();
        let points = DIRECTORIES.map(|path| (path, Kind::Directory));
        let files = FILES.map(|path| (path, Kind::file("")));
        for (path, kind) in points.into_iter().chain(files) {
            let entry = Entry {
                kind,
                meta: Metadata::root(0o755, 0),
                origin: Origin::Generated("mount point".into()),
                layer: 0,
            };
            tree.put(TreePath::of(path), entry);
        }
        let roots = Roots::open(store)?;
        let root = Root::of_tree(&tree, &roots)?;
        Ok(Self {
            interpreter,
            roots,
            root,
        })
    }

    /// Starts an interpreter. It ends with the thread that calls this.
    pub(super) fn start(&self) -> Result<Running, CompileError> {
        let started = self.start_as(NOBODY);
        let mut conversation = match started {
            // In a user namespace that has one number.
            Err(CompileError::Sandbox(RunError::NotMapped { .. })) => self.start_as("0:0")?,
            other => other?,
        };
        let deadline = conversation.deadline();
        deadline.set(TIME);
        let pipes = conversation.pipes();
        let (input, output) = pipes.ok_or(CompileError::Sandbox(RunError::NoProgram))?;
        let exchange = Exchange::begin(input, output, self.interpreter.version);
        Ok(Running {
            exchange: exchange.map_err(CompileError::Begin)?,
            deadline,
            _conversation: conversation,
        })
    }

    fn start_as(&self, user: &str) -> Result<Conversation, CompileError> {
        let program = format!("/{}", self.interpreter.program.as_str().unwrap_or_default());
        // Nothing of the environment, of a user's or a site's directory; no file is written.
        let words = [
            &program, "-s", "-S", "-P", "-B", "-X", "utf8", "-W", "ignore", "-c", PROGRAM,
        ];
        let env = [("PYTHONHASHSEED", "0"), ("PYTHONHOME", "/usr")];
        let settings = Settings {
            entrypoint: Some(words.map(str::to_owned).to_vec()),
            user: Some(user.to_owned()),
            env: env
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            workdir: Some("/".to_owned()),
            network: Network::None,
            hostname: Some("distil".to_owned()),
            process_limits: ProcessLimits {
                address_space: Some(MEMORY),
                stack: Some(STACK),
                file_size: Some(0),
            },
            ..Settings::default()
        };
        let root = Root::of_directory(self.root.path(), &self.roots)?;
        let container = Container::new(root, &ContainerConfig::default(), settings)?;
        Ok(container.converse()?)
    }
}

/// An interpreter that compiles.
pub(super) struct Running {
    exchange: Exchange<Input, Output>,
    deadline: Deadline,
    _conversation: Conversation,
}

impl Running {
    /// What is asked of it, with its time for that.
    pub(super) fn exchange(&mut self) -> &mut Exchange<Input, Output> {
        self.deadline.set(TIME);
        &mut self.exchange
    }
}
