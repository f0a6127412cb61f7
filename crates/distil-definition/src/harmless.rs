//! Text from outside within a message, without what a terminal obeys.

/// How many characters of a string are shown.
const SHOWN: usize = 40;

/// The beginning of a string of a document, within a message.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).map(harmless).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// All of a message, which may quote what is not harmless; only its line feeds stay.
pub(crate) fn harmless_lines(message: &str) -> String {
    let harmless = |c| if c == '\n' { c } else { harmless(c) };
    message.chars().map(harmless).collect()
}

/// Whether all of a string can be seen and none of it is obeyed by a terminal.
pub(crate) fn is_harmless(text: &str) -> bool {
    text.chars().all(|c| harmless(c) == c)
}

/// What is shown instead of a character that a terminal obeys, or that is not seen, or that
/// turns the order of others round: its picture if it has one. A tab is one blank.
pub(crate) fn harmless(c: char) -> char {
    match c {
        '\t' => ' ',
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\x7f' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}' => '\u{fffd}',
        c => c,
    }
}
