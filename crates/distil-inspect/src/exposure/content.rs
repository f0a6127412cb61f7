//! What a program is by its bytes.

use std::hint::black_box;
use std::io;

use distil_tree::Content;

use crate::search;

/// What a program is by its bytes, whatever it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Toolbox {
    /// A shell of its own.
    Shell,
    /// Busybox or toybox, with the names of its applets.
    Applets(Vec<String>),
}

/// The most bytes of a list of applets: busybox with all of them has some three thousand.
const MAX_APPLETS: usize = 16 << 10;

/// What is looked for, each word backwards: a program that has the words themselves is taken for what
/// they tell, and so would be the one that looks for them.
///
/// The first five are special parameters and built-in commands of the shell's language (POSIX.1, "Shell
/// Command Language"): no other program has all of them. Then what busybox and toybox say of
/// themselves, and the beginning of busybox's list of applets.
const BACKWARDS: [&[u8]; 8] = [
    b"DNITPO\0",
    b"\0stpoteg",
    b"\0sailanu",
    b"4SP",
    b"\0timilu",
    b"v xoBysuB",
    b"l--[ xobyot",
    b"\0[[\0[",
];

/// Tells shells by the strings that POSIX makes them have, and multi-call programs by their lists
/// of applets, or by what they say of themselves.
///
/// # Errors
/// If the file cannot be read.
pub fn by_content(content: &Content) -> io::Result<Option<Toolbox>> {
    // A compiler that sees through this would turn them round once and for all.
    let words = BACKWARDS.map(|word| black_box(word).iter().rev().copied().collect::<Vec<u8>>());
    let found = search::positions(content, &words.each_ref().map(Vec::as_slice))?;
    let (shell, toolbox) = found.split_at(5);
    if toolbox[0].is_some() || toolbox[1].is_some() {
        let list = match toolbox[2] {
            Some(start) => applets(&search::bytes_from(content, start, MAX_APPLETS)?),
            None => Vec::new(),
        };
        return Ok(Some(Toolbox::Applets(list)));
    }
    Ok(shell.iter().all(Option::is_some).then_some(Toolbox::Shell))
}

/// The list of applets of busybox: names with NUL bytes between them, of which the first two are
/// `[` and `[[`.
fn applets(bytes: &[u8]) -> Vec<String> {
    let names = bytes.split(|&byte| byte == 0);
    let names = names.map_while(|name| {
        let is_name =
            !name.is_empty() && name.len() < 32 && name.iter().all(|byte| byte.is_ascii_graphic());
        is_name.then(|| String::from_utf8_lossy(name).into_owned())
    });
    names.take(1000).collect()
}
