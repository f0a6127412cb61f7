//! Paragraphs of control files, however the bytes arrive.

#![no_main]

use std::io::BufReader;

use distil_debian::control::{ControlError, Paragraph, ParagraphReader};
use distil_fuzz::explain;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let whole: Result<Vec<Paragraph>, ControlError> = ParagraphReader::new(data).collect();
    let pieces = BufReader::with_capacity(1, data);
    let pieces: Result<Vec<Paragraph>, ControlError> = ParagraphReader::new(pieces).collect();
    let paragraphs = match (whole, pieces) {
        (Ok(whole), Ok(pieces)) => {
            assert_eq!(whole, pieces);
            whole
        }
        (Err(whole), Err(pieces)) => {
            assert_eq!(whole.to_string(), pieces.to_string());
            return explain(&whole);
        }
        (whole, pieces) => panic!("{whole:?}, but byte by byte {pieces:?}"),
    };
    for paragraph in paragraphs {
        let again = Paragraph::parse(paragraph.text()).expect("a paragraph's text is one");
        assert!(again.iter().eq(paragraph.iter()));
        for (name, value) in paragraph.iter() {
            assert_eq!(paragraph.get(&name.to_ascii_uppercase()), Some(value));
        }
    }
});
