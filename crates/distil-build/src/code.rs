//! Which packages of an image have nothing of their programs, libraries and modules in it, nor of their
//! data: whatever is wrong with those, the image does not have it.

use distil_attest::vex::Code;
use distil_image::Assembly;
use distil_tree::{Origin, TreePath};

/// Ends of names of what runtimes load.
const MODULES: [&[u8]; 22] = [
    b".so", b".py", b".pyc", b".pl", b".pm", b".sh", b".js", b".mjs", b".cjs", b".rb", b".jar",
    b".war", b".class", b".ko", b".php", b".lua", b".tcl", b".el", b".elc", b".wasm", b".node",
    b".a",
];

/// Directories whose files are programs.
const PROGRAMS: [&[u8]; 5] = [b"bin", b"sbin", b"libexec", b"games", b"init.d"];

/// What of the packages an image has, and what of their code was left out.
pub(crate) fn code(assembly: &Assembly) -> Code {
    let mut code = Code::default();
    for (path, entry) in assembly.tree.iter() {
        if let Origin::Package(package) = &entry.origin
            && entry.file().is_some()
            && !is_for_people(path)
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

/// Whether a file says nothing but to people: documentation and the texts and rules of languages. Any
/// other one may be what an advisory is about, data as well as code.
fn is_for_people(path: &TreePath) -> bool {
    const DIRECTORIES: [&[u8]; 3] = [b"usr/share/doc/", b"usr/share/locale/", b"usr/lib/locale/"];
    let mut directories = DIRECTORIES.iter();
    directories.any(|directory| path.as_bytes().starts_with(directory))
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
