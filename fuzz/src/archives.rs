//! Mutations of archives.
//!
//! A tar header has a sum over all its bytes, so nearly every plain mutation gives an archive that
//! is refused at its first header. Here the sums are put right after most mutations.

use libfuzzer_sys::fuzzer_mutate;

const BLOCK: usize = 512;
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

/// Puts the sum of every header right, as far as headers can be found.
fn mend_headers(archive: &mut [u8]) {
    let mut at = 0;
    while let Some(header) = archive.get_mut(at..at + BLOCK) {
        at += BLOCK;
        if header.iter().all(|&byte| byte == 0) {
            continue;
        }
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let content = size_field(&header[124..136]).div_ceil(BLOCK);
        at = at
            .saturating_add(content.saturating_mul(BLOCK))
            .min(usize::MAX - BLOCK);
    }
}

/// The size in a header: octal digits, or a binary number behind a set bit (tar(5)).
fn size_field(field: &[u8]) -> usize {
    if field[0] & 0x80 != 0 {
        return field[1..].iter().fold(0, |size: usize, &byte| {
            size.saturating_mul(256).saturating_add(usize::from(byte))
        });
    }
    let digits = field.iter().skip_while(|byte| **byte == b' ');
    let digits = digits.take_while(|byte| (b'0'..=b'7').contains(byte));
    digits.fold(0, |size: usize, digit| {
        size.saturating_mul(8)
            .saturating_add(usize::from(digit - b'0'))
    })
}
