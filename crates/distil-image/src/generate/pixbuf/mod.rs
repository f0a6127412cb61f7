//! `loaders.cache` of gdk-pixbuf, which knows the formats of images by nothing else: what
//! gdk-pixbuf-query-loaders(1) writes.
//!
//! The format is gdk-pixbuf's own (`gdk-pixbuf-io.c`, `gdk_pixbuf_io_init_modules`): a stanza a
//! loader, with its path, its name, flags, domain, description and licence, its MIME types, its
//! endings, and signatures with masks and relevances. A loader's own code says all of that when it
//! runs, so what Debian's loaders say is kept here, in `loaders.txt`; another one is not listed.

use distil_tree::TreePath;

use crate::generation::{GenerateError, Generation};

const WHAT: &str = "the list of image loaders";

/// What Debian's loaders say of themselves: the name of the file, then the lines of its stanza.
const LOADERS: &str = include_str!("loaders.txt");

/// Where the loaders of an architecture are, below its directory of libraries.
const DIRECTORY: &str = "gdk-pixbuf-2.0/2.10.0";

pub(crate) fn generate(generation: &mut Generation<'_>) -> Result<(), GenerateError> {
    let libraries = format!("usr/lib/{}", generation.architecture.multiarch());
    let directory = TreePath::of(&libraries).join(DIRECTORY);
    let mut text = String::new();
    for (path, _) in generation.tree.children(&directory.join("loaders")) {
        let name = path.name().unwrap_or_default();
        if let Some(stanza) = stanza(&String::from_utf8_lossy(name)) {
            text += &format!("\"{path}\"\n{stanza}\n\n");
        }
    }
    match text.is_empty() {
        true => Ok(()),
        false => generation.file(WHAT, &directory.join("loaders.cache"), text.into_bytes()),
    }
}

/// The lines of a loader's stanza behind its path.
fn stanza(name: &str) -> Option<&'static str> {
    // As librsvg calls it since trixie.
    let name = name.replace("loader_", "loader-");
    let stanzas = LOADERS.split("\n\n").map(str::trim_end);
    let mut stanzas = stanzas.filter_map(|one| one.split_once('\n'));
    stanzas
        .find(|(file, _)| *file == name)
        .map(|(_, stanza)| stanza)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loaders_by_the_names_of_their_files() {
        let svg = stanza("libpixbufloader-svg.so").unwrap();
        assert!(svg.starts_with("\"svg\" 6 \"gdk-pixbuf\" "), "{svg}");
        assert!(
            svg.ends_with("\" <!DOCTYPE svg\" \"*             \" 100"),
            "{svg}"
        );
        assert_eq!(stanza("libpixbufloader_svg.so"), Some(svg));
        assert_eq!(stanza("libpixbufloader-mine.so"), None);
        assert_eq!(LOADERS.split("\n\n").count(), 16);
    }
}
