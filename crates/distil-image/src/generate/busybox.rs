//! The debug variant's `/busybox`: a link for every applet, read from the program itself.

use distil_tree::{TreePath, printable};

use crate::generation::{GenerateError, Generation};

const WHAT: &str = "applets of busybox";

/// More applets than any busybox has.
const MAX_APPLETS: usize = 1000;

pub(super) fn generate(generation: &mut Generation<'_>) -> Result<(), GenerateError> {
    let folder = TreePath::of("busybox");
    let program = folder.join("busybox");
    let wrong = |problem: String| GenerateError::Input {
        path: program.to_string(),
        what: WHAT,
        problem,
    };
    let bytes = generation.read(WHAT, &program)?;
    let bytes = bytes.ok_or_else(|| wrong("is not in the image".to_owned()))?;
    let applets = applets(&bytes).map_err(wrong)?;
    for applet in applets {
        if applet != "busybox" {
            generation.link(WHAT, &folder.join(&applet), "busybox")?;
        }
    }
    Ok(())
}

/// The names of the applets: busybox keeps them one after another, each ended by a NUL, sorted,
/// from `[` and `[[` on; an empty name ends the list.
fn applets(program: &[u8]) -> Result<Vec<String>, String> {
    // What stands before the list differs from build to build.
    let start = memchr::memmem::find(program, b"[\0[[\0");
    let start = start.ok_or_else(|| "has no list of applets in it".to_owned())?;
    let mut applets = Vec::new();
    for name in program[start..]
        .split(|&byte| byte == 0)
        .take_while(|name| !name.is_empty())
    {
        let is_name = |byte: &u8| byte.is_ascii_graphic() && *byte != b'/';
        if applets.len() >= MAX_APPLETS || name.len() > 64 || !name.iter().all(is_name) {
            return Err("has a damaged list of applets in it".to_owned());
        }
        applets.push(printable(name));
    }
    match applets.iter().any(|applet| applet == "sh") {
        true => Ok(applets),
        false => Err("has no `sh` among its applets".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_found_in_the_program() {
        let program = b"\x7fELF..\0[\0\0x\x01[\0[[\0arch\0sh\0vi\0\0more\0";
        assert_eq!(applets(program).unwrap(), ["[", "[[", "arch", "sh", "vi"]);
    }

    #[test]
    fn other_programs_are_refused() {
        assert!(applets(b"\x7fELF").is_err());
        assert!(applets(b"\0[\0[[\0../x\0sh\0\0").is_err());
        assert!(applets(b"\0[\0[[\0vi\0\0").unwrap_err().contains("no `sh`"));
    }
}
