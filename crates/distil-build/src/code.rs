//! Which packages of an image have code in it: programs, libraries, modules of languages. Of the others
//! nothing can be run, whatever is wrong with it.

use std::io::Read as _;

use distil_attest::vex::Code;
use distil_image::Assembly;
use distil_tree::{Entry, Origin, TreePath, elf};

/// Ends of names of what runtimes load.
const MODULES: [&[u8]; 22] = [
    b".so", b".py", b".pyc", b".pl", b".pm", b".sh", b".js", b".mjs", b".cjs", b".rb", b".jar",
    b".war", b".class", b".ko", b".php", b".lua", b".tcl", b".el", b".elc", b".wasm", b".node",
    b".a",
];

/// Directories whose files are programs.
const PROGRAMS: [&[u8]; 5] = [b"bin", b"sbin", b"libexec", b"games", b"init.d"];

/// What of the packages' code an image has, and what was left out.
pub(crate) fn code(assembly: &Assembly) -> Code {
    let mut code = Code::default();
    for (path, entry) in assembly.tree.iter() {
        if let Origin::Package(package) = &entry.origin
            && is_code(path, entry)
        {
            code.add_present(package);
        }
    }
    for one in &assembly.left_out {
        // A link is no code of its own.
        if one.size > 0 && is_named_so(&one.path) {
            code.add_left_out(&one.package);
        }
    }
    code
}

/// Whether a file can be run or loaded. In doubt it can: no claim is made then.
fn is_code(path: &TreePath, entry: &Entry) -> bool {
    let Some(file) = entry.file() else {
        return false;
    };
    let mut head = Vec::new();
    let read = file.content.reader().take(4).read_to_end(&mut head);
    let is_program = head.starts_with(b"#!") || elf::is_elf(&head);
    read.is_err() || is_program || entry.is_executable() || is_named_so(path)
}

/// Whether a file is called as programs and modules are.
fn is_named_so(path: &TreePath) -> bool {
    let name = path.name().unwrap_or_default();
    let is_module = MODULES.iter().any(|end| name.ends_with(end));
    // `libc.so.6`.
    let is_library = memchr::memmem::find(name, b".so.").is_some();
    let parent = path.parent().unwrap_or_default();
    let is_program = parent.parts().any(|part| PROGRAMS.contains(&part));
    is_module || is_library || is_program
}
