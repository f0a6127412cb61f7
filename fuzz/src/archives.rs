//! Mutations of archives.
//!
//! A tar header has a sum over all its bytes, so nearly every plain mutation gives an archive that
//! is refused at its first header. Here the sums are put right after most mutations.

use libfuzzer_sys::fuzzer_mutate;

use crate::headers::mend_headers;

const AR_MAGIC: &[u8] = b"!<arch>\n";
const AR_HEADER: usize = 60;

/// A mutator for tar archives and for `.deb` packages with plain ones in them. One mutation in
/// eight leaves the sums as they come.
pub fn mutate_archive(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let size = fuzzer_mutate(data, size, max_size);
    if seed % 8 != 0 {
        let archive = &mut data[..size];
        match archive.starts_with(AR_MAGIC) {
            true => mend_members(archive),
            false => mend_headers(archive),
        }
    }
    size
}

/// A member of an `ar` archive with its header (deb(5)).
pub fn ar_member(name: &str, body: &[u8]) -> Vec<u8> {
    let header = format!(
        "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n",
        0,
        0,
        0,
        100_644,
        body.len()
    );
    let padding: &[u8] = if body.len() % 2 == 1 { b"\n" } else { b"" };
    [header.as_bytes(), body, padding].concat()
}

/// Mends the tar archives among the members of an `ar` archive.
fn mend_members(archive: &mut [u8]) {
    let mut rest = &mut archive[AR_MAGIC.len()..];
    while rest.len() > AR_HEADER {
        let (header, body) = rest.split_at_mut(AR_HEADER);
        let size = std::str::from_utf8(&header[48..58]).ok();
        let size = size
            .and_then(|size| size.trim_end().parse::<usize>().ok())
            .unwrap_or(0);
        let size = size.min(body.len());
        let is_tar = header[..16]
            .windows(5)
            .any(|part| matches!(part, b".tar " | b".tar/"));
        if is_tar {
            mend_headers(&mut body[..size]);
        }
        let next = (size + size % 2).min(body.len());
        rest = &mut body[next..];
    }
}
