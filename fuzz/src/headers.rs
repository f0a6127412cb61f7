//! Sums of tar headers, put right after mutations. The bounded runs among the ordinary tests include
//! this file, so it depends on nothing.

const BLOCK: usize = 512;

/// Puts the sum of every header right, as far as headers can be found.
pub fn mend_headers(archive: &mut [u8]) {
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
