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
use super::kept::Group;
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

/// How many bytes of sources are compiled before what comes of them is kept, so that memory does not grow
/// with the image.
const MAX_BATCH: u64 = 32 << 20;

/// The digest of a source and its compiled file; none of one that is no valid Python.
type Made = (Digest, Option<Vec<u8>>);

/// Groups that are compiled at once.
#[derive(Default)]
struct Batch<'a> {
    groups: Vec<&'a Group<'a>>,
    /// What is known of each of them.
    made: Vec<Vec<Option<Made>>>,
    tasks: Vec<Task<'a>>,
    /// The bytes of their sources.
    size: u64,
}

/// A source that is to be compiled, and its place: which group, and which of that.
struct Task<'a> {
    group: usize,
    number: usize,
    source: &'a PythonSource,
    digest: Digest,
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
        let mut contents: Vec<Option<Content>> = vec![None; sources.len()];
        let mut place = |group: &Group<'_>, found: Vec<Option<Content>>| {
            for ((number, _), content) in group.sources.iter().zip(found) {
                if let Some(slot) = contents.get_mut(*number) {
                    *slot = content;
                }
            }
        };
        let mut batch = Batch::default();
        let groups = Group::all(sources, &identity);
        for group in &groups {
            match group.find(store) {
                Some(found) => place(group, found),
                None => self.look_at(group, &mut batch)?,
            }
            if batch.size >= MAX_BATCH {
                self.finish(interpreter, std::mem::take(&mut batch), &mut place)?;
            }
        }
        self.finish(interpreter, batch, &mut place)?;
        Ok(contents)
    }

    /// Compiles what is to be compiled of some groups, and keeps all of them.
    fn finish(
        &self,
        interpreter: &Interpreter,
        batch: Batch<'_>,
        place: &mut impl FnMut(&Group<'_>, Vec<Option<Content>>),
    ) -> Result<(), CompileError> {
        let mut made = batch.made;
        for (group, number, result) in self.run(interpreter, &batch.tasks)? {
            if let Some(slot) = made.get_mut(group).and_then(|made| made.get_mut(number)) {
                *slot = Some(result);
            }
        }
        for (group, made) in batch.groups.into_iter().zip(made) {
            let made = made.into_iter().flatten().collect();
            place(group, group.keep(made, &self.session.store)?);
        }
        Ok(())
    }

    /// What is known of the sources of a group, and what is to be compiled.
    fn look_at<'s>(&self, group: &'s Group<'s>, batch: &mut Batch<'s>) -> Result<(), CompileError> {
        let before = group.before(&self.session.store);
        let mut made = Vec::new();
        for (_, source) in &group.sources {
            let digest = Digest::of(read(source)?);
            let known = before.find(source, &digest);
            if known.is_none() {
                batch.tasks.push(Task {
                    group: batch.groups.len(),
                    number: made.len(),
                    source,
                    digest,
                });
            }
            batch.size += source.content.size();
            made.push(known.map(|file| (digest, file)));
        }
        batch.groups.push(group);
        batch.made.push(made);
        Ok(())
    }

    /// Compiles what is to be compiled. Which interpreter gets which source changes nothing.
    fn run(
        &self,
        interpreter: &Interpreter,
        tasks: &[Task<'_>],
    ) -> Result<Vec<(usize, usize, Made)>, CompileError> {
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
                let compiled = running.exchange().compile(&path, &read(source)?, validity);
                let compiled = compiled.map_err(|error| CompileError::Source {
                    path: source.path.clone(),
                    source: error,
                })?;
                let result = (task.group, task.number, (task.digest, compiled));
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

fn read(source: &PythonSource) -> Result<Vec<u8>, CompileError> {
    let bytes = source.content.read(MAX_SOURCE);
    bytes.map_err(|error| CompileError::Read {
        path: source.path.clone(),
        source: error,
    })
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
