//! Compiles what the store does not have, on several interpreters at once.

use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use distil_bytecode::Validity;
use distil_bytecode::exchange::{MAX_SOURCE, PROGRAM};
use distil_definition::recipe::Recipe;
use distil_image::{Compiler, CompilerFailure, Interpreter, PythonSource};
use distil_lock::Lock;
use distil_oci::Platform;
use distil_store::{Digest, Hasher, parallel};
use distil_tree::loader::machine;
use distil_tree::{Content, Kind, Tree};

use super::error::CompileError;
use super::kept::{Group, Read};
use super::sandbox::Sandbox;
use crate::request::Request;
use crate::session::Session;

/// For how many sources one more interpreter is started: they take as long as it does.
const SOURCES_EACH: usize = 40;

/// A compiler that runs interpreters in sandboxes, and remembers in a store what they made.
pub(crate) struct SandboxedCompiler<'a> {
    session: &'a Session,
    request: &'a Request,
    recipe: Recipe,
    lock: Lock,
}

/// A source that is to be compiled, and its place: which group, and which of that.
struct Task<'a> {
    group: usize,
    number: usize,
    source: &'a PythonSource,
    read: Read,
}

impl Compiler for SandboxedCompiler<'_> {
    fn compile(
        &self,
        interpreter: &Interpreter,
        sources: &[PythonSource],
    ) -> Result<Vec<Option<Content>>, CompilerFailure> {
        Ok(self.compile_all(interpreter, sources)?)
    }
}

impl<'a> SandboxedCompiler<'a> {
    /// For the image of a recipe and a lock.
    pub(crate) fn new(
        session: &'a Session,
        request: &'a Request,
        recipe: &Recipe,
        lock: &Lock,
    ) -> Self {
        Self {
            session,
            request,
            recipe: recipe.clone(),
            lock: lock.clone(),
        }
    }

    fn compile_all(
        &self,
        interpreter: &Interpreter,
        sources: &[PythonSource],
    ) -> Result<Vec<Option<Content>>, CompileError> {
        let store = &self.session.store;
        let own = machine(Platform::host().architecture());
        let of_host;
        let interpreter = match Some(interpreter.machine) == own {
            true => interpreter,
            false => {
                let image = (&self.recipe, &self.lock);
                of_host = self
                    .session
                    .interpreter_of_host(self.request, image, interpreter)?;
                &of_host
            }
        };
        let identity = identity(&interpreter.files).map_err(|error| CompileError::Read {
            path: interpreter.program.clone(),
            source: error,
        })?;
        let groups = Group::all(sources, &identity);
        let mut found: Vec<Option<Vec<Option<Content>>>> = Vec::new();
        let mut made: Vec<Vec<Option<(Digest, Option<Vec<u8>>)>>> = Vec::new();
        let mut tasks = Vec::new();
        for (number, group) in groups.iter().enumerate() {
            found.push(group.find(store));
            made.push(Vec::new());
            if let (Some(None), Some(made)) = (found.last(), made.last_mut()) {
                self.look_at(number, group, made, &mut tasks)?;
            }
        }
        for (group, number, result) in self.run(interpreter, &tasks)? {
            if let Some(slot) = made.get_mut(group).and_then(|made| made.get_mut(number)) {
                *slot = Some(result);
            }
        }
        let mut contents: Vec<Option<Content>> = vec![None; sources.len()];
        for ((group, found), made) in groups.iter().zip(found).zip(made) {
            let found = match found {
                Some(found) => found,
                None => group.keep(made.into_iter().flatten().collect(), store)?,
            };
            for ((number, _), content) in group.sources.iter().zip(found) {
                if let Some(slot) = contents.get_mut(*number) {
                    *slot = content;
                }
            }
        }
        Ok(contents)
    }

    /// What is known of the sources of a group, and what is to be compiled.
    fn look_at<'s>(
        &self,
        number: usize,
        group: &Group<'s>,
        made: &mut Vec<Option<(Digest, Option<Vec<u8>>)>>,
        tasks: &mut Vec<Task<'s>>,
    ) -> Result<(), CompileError> {
        let before = group.before(&self.session.store);
        for (_, source) in &group.sources {
            let bytes = source.content.read(MAX_SOURCE);
            let bytes = bytes.map_err(|error| CompileError::Read {
                path: source.path.clone(),
                source: error,
            })?;
            let digest = Digest::of(&bytes);
            let known = before.find(source, &digest);
            if known.is_none() {
                tasks.push(Task {
                    group: number,
                    number: made.len(),
                    source,
                    read: Read { digest, bytes },
                });
            }
            made.push(known.map(|file| (digest, file)));
        }
        Ok(())
    }

    /// Compiles what is to be compiled. Which interpreter gets which source changes nothing.
    fn run(
        &self,
        interpreter: &Interpreter,
        tasks: &[Task<'_>],
    ) -> Result<Vec<(usize, usize, (Digest, Option<Vec<u8>>))>, CompileError> {
        if tasks.is_empty() {
            return Ok(Vec::new());
        }
        let sandbox = Sandbox::new(interpreter, &self.session.store)?;
        let next = AtomicUsize::new(0);
        let results = Mutex::new(Vec::new());
        let work = |_: &usize| {
            let mut running = None;
            while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
                let running = match &mut running {
                    Some(running) => running,
                    none => none.insert(sandbox.start()?),
                };
                let source = task.source;
                let validity = match source.is_checked {
                    true => Validity::Checked,
                    false => Validity::Unchecked,
                };
                let path = format!("/{}", source.path.as_str().unwrap_or_default());
                let compiled = running
                    .exchange()
                    .compile(&path, &task.read.bytes, validity);
                let compiled = compiled.map_err(|error| CompileError::Source {
                    path: source.path.clone(),
                    source: error,
                })?;
                let result = (task.group, task.number, (task.read.digest, compiled));
                results
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(result);
            }
            Ok::<(), CompileError>(())
        };
        let wanted = tasks
            .len()
            .div_ceil(SOURCES_EACH)
            .min(self.session.layers.threads.get());
        let workers: Vec<usize> = (0..wanted).collect();
        let threads = NonZeroUsize::new(wanted).unwrap_or(NonZeroUsize::MIN);
        parallel::try_map(&workers, threads, work)?;
        Ok(results.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

/// All that decides what comes of a source: the interpreter's files, and what it runs.
fn identity(files: &Tree) -> io::Result<Digest> {
    let mut all = Hasher::default();
    let mut add = |part: &[u8]| {
        all.update(&(part.len() as u64).to_le_bytes());
        all.update(part);
    };
    add(PROGRAM.as_bytes());
    for (path, entry) in files.iter() {
        add(path.as_bytes());
        match &entry.kind {
            Kind::Directory => {}
            Kind::Symlink(target) => add(target),
            Kind::File(node) => match node.content.id() {
                Some(id) => {
                    add(id.digest.as_bytes());
                    add(&id.offset.to_le_bytes());
                    add(&id.size.to_le_bytes());
                }
                None => add(Digest::of_reader(&mut node.content.reader())?.0.as_bytes()),
            },
        }
    }
    Ok(all.finish())
}
