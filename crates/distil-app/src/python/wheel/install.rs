//! The files that installing a wheel makes, as `pip install --target` makes them: `purelib`,
//! `platlib` and `data` in the directory itself, commands in its `bin`.

use std::collections::BTreeSet;
use std::io::{Read, Seek};

use distil_store::{Digest, HashingReader};
use distil_tree::TreePath;
use distil_tree::zip::Entry;

use super::error::WheelError;
use super::open::Wheel;
use super::record;
use crate::sink::FileSink;

/// How a wheel is installed.
#[derive(Debug, Clone)]
pub struct Scheme {
    /// The interpreter that commands start with: `/usr/bin/python3`.
    pub interpreter: String,
    /// Whether the user asked for the distribution itself (PEP 376's `REQUESTED`).
    pub is_requested: bool,
}

/// A file that was installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledFile {
    /// Its path in the directory.
    pub path: TreePath,
    /// The number of its bytes.
    pub size: u64,
    /// The digest of them.
    pub sha256: Digest,
}

/// What installed the files, as `INSTALLER` says it (PEP 376).
const INSTALLER: &str = "distil\n";

/// The largest script, which is read whole.
const MAX_SCRIPT: u64 = 16 << 20;

/// Where a file of a wheel goes.
enum Target {
    Plain(TreePath),
    Script(TreePath),
    /// A script that an entry point makes anyway.
    Nowhere,
}

/// Hands files on, and notes them.
struct Output<'a> {
    sink: &'a mut dyn FileSink,
    files: Vec<InstalledFile>,
    paths: BTreeSet<TreePath>,
}

impl Output<'_> {
    fn add(
        &mut self,
        path: TreePath,
        is_executable: bool,
        size: u64,
        content: impl Read,
    ) -> Result<Digest, WheelError> {
        if !self.paths.insert(path.clone()) {
            return Err(WheelError::Twice(path));
        }
        let mut content = HashingReader::new(content);
        self.sink.file(&path, is_executable, size, &mut content)?;
        let sha256 = content.digest();
        self.files.push(InstalledFile { path, size, sha256 });
        Ok(sha256)
    }

    fn made(&mut self, path: TreePath, is_executable: bool, text: &str) -> Result<(), WheelError> {
        self.add(path, is_executable, text.len() as u64, text.as_bytes())?;
        Ok(())
    }
}

impl<R: Read + Seek> Wheel<R> {
    /// Hands all files to `sink`, and says which they are. The same wheel and scheme give the same
    /// files in the same order.
    ///
    /// # Errors
    /// If the wheel is damaged or a file of it is not what its `RECORD` says; or if the sink fails.
    pub fn install(
        &mut self,
        scheme: &Scheme,
        sink: &mut dyn FileSink,
    ) -> Result<Vec<InstalledFile>, WheelError> {
        let entries = self.entries.clone();
        let mut output = Output {
            sink,
            files: Vec::new(),
            paths: BTreeSet::new(),
        };
        let dist_info = TreePath::of(&self.dist_info);
        let made = ["RECORD", "INSTALLER", "REQUESTED", "direct_url.json"];
        let made = made.map(|name| dist_info.join(name));
        for (path, index) in &self.files {
            let Some(entry) = entries.get(*index) else {
                continue;
            };
            if made.contains(path) {
                continue;
            }
            let (target, is_script) = match self.target(path)? {
                Target::Plain(target) => (target, false),
                Target::Script(target) => (target, true),
                Target::Nowhere => continue,
            };
            let content = self.archive.content(entry)?;
            let digest = match is_script {
                false => output.add(target, is_executable(entry), entry.size, content)?,
                true => {
                    let bytes = script(content, entry.size, path)?;
                    let digest = Digest::of(&bytes);
                    let bytes = with_interpreter(bytes, &scheme.interpreter);
                    output.add(target, true, bytes.len() as u64, bytes.as_slice())?;
                    digest
                }
            };
            let name = path.as_str().unwrap_or_default();
            if self
                .digests
                .get(name)
                .is_some_and(|expected| *expected != digest)
            {
                return Err(WheelError::Record(name.to_owned()));
            }
        }
        for (name, function) in &self.commands {
            let script = function.script(&scheme.interpreter);
            output.made(TreePath::of("bin").join(name), true, &script)?;
        }
        let [record, installer, requested, _] = made;
        output.made(installer, false, INSTALLER)?;
        if scheme.is_requested {
            output.made(requested, false, "")?;
        }
        let mut rows: Vec<String> = Vec::new();
        for file in &output.files {
            let path = String::from_utf8_lossy(file.path.as_bytes());
            rows.push(record::row(&path, Some((&file.sha256, file.size))));
        }
        rows.push(record::row(
            &String::from_utf8_lossy(record.as_bytes()),
            None,
        ));
        rows.sort();
        output.made(record, false, &rows.concat())?;
        Ok(output.files)
    }

    fn target(&self, path: &TreePath) -> Result<Target, WheelError> {
        let plain = || Ok(Target::Plain(path.clone()));
        let mut parts = path.as_bytes().splitn(3, |&byte| byte == b'/');
        let (Some(top), Some(kind)) = (parts.next(), parts.next()) else {
            return plain();
        };
        if !top.ends_with(b".data") {
            return plain();
        }
        let Some(rest) = parts.next() else {
            return Err(WheelError::Scheme(
                String::from_utf8_lossy(kind).into_owned(),
            ));
        };
        let below = |directory: &str| {
            let rest = rest.split(|&byte| byte == b'/');
            rest.fold(TreePath::of(directory), |path, part| path.join(part))
        };
        Ok(match kind {
            b"purelib" | b"platlib" | b"data" => Target::Plain(below("")),
            b"headers" => Target::Plain(below(&format!("include/python/{}", self.name))),
            b"scripts" => {
                let name = std::str::from_utf8(rest).unwrap_or_default();
                let endings = ["", ".exe", "-script.py", ".pya"];
                let mut stems = endings
                    .iter()
                    .filter_map(|ending| name.strip_suffix(ending));
                match stems.any(|stem| self.commands.contains_key(stem)) {
                    true => Target::Nowhere,
                    false => Target::Script(below("bin")),
                }
            }
            other => {
                return Err(WheelError::Scheme(
                    String::from_utf8_lossy(other).into_owned(),
                ));
            }
        })
    }
}

/// Whether pip makes a file executable: it is one of Unix's, and somebody may execute it.
fn is_executable(entry: &Entry) -> bool {
    entry.is_executable() && !entry.is_symlink() && !entry.is_special()
}

fn script(content: impl Read, size: u64, path: &TreePath) -> Result<Vec<u8>, WheelError> {
    if size > MAX_SCRIPT {
        return Err(WheelError::TooLarge(format!("`{path}` has {size} bytes")));
    }
    let mut bytes = Vec::new();
    let mut content = content;
    content.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A script whose first line begins with `#!python` has the interpreter's path in place of that
/// line (PEP 427, "Recommended installer features"); any other is as it is.
fn with_interpreter(script: Vec<u8>, interpreter: &str) -> Vec<u8> {
    if !script.starts_with(b"#!python") {
        return script;
    }
    let end = script.iter().position(|&byte| byte == b'\n');
    let rest = end
        .and_then(|end| script.get(end + 1..))
        .unwrap_or_default();
    [format!("#!{interpreter}\n").as_bytes(), rest].concat()
}
