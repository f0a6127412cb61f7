use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Vec<Paragraph>, ControlError> {
    ParagraphReader::new(text.as_bytes()).collect()
}

fn fields(paragraph: &Paragraph) -> Vec<(&str, &str)> {
    paragraph.iter().collect()
}

#[test]
fn paragraphs_and_their_fields() {
    let text = "\n\nPackage: a\nDescription:  short \n long\n .\n\tmore\nEmpty:\n \t\n# said\n\nPACKAGE:b\n# c\nX: y";
    let paragraphs = read(text).unwrap();
    assert_eq!(paragraphs.len(), 2);
    assert_eq!(
        fields(&paragraphs[0]),
        [
            ("Package", "a"),
            ("Description", "short \n long\n .\n\tmore"),
            ("Empty", "")
        ]
    );
    assert_eq!(paragraphs[0].line(), 3);
    assert_eq!(fields(&paragraphs[1]), [("PACKAGE", "b"), ("X", "y")]);
    assert_eq!(paragraphs[1].get("package"), Some("b"));
    assert_eq!(paragraphs[1].get("Version"), None);
    assert_eq!(paragraphs[1].text(), "PACKAGE:b\nX: y");
}

#[test]
fn what_is_not_a_control_file_says_where_and_why() {
    let problem = |text: &str| read(text).unwrap_err().to_string();
    insta::assert_snapshot!(problem("A: b\n\n c\n"), @"line 3 is neither `Name: value` nor the continuation of a field: ` c`");
    insta::assert_snapshot!(problem("A: b\nrubbish\n"), @"line 2 is neither `Name: value` nor the continuation of a field: `rubbish`");
    insta::assert_snapshot!(problem("A b: c\n"), @"line 1 is neither `Name: value` nor the continuation of a field: `A b: c`");
    insta::assert_snapshot!(problem("-A: c\n"), @"line 1 is neither `Name: value` nor the continuation of a field: `-A: c`");
    insta::assert_snapshot!(problem(": c\n"), @"line 1 is neither `Name: value` nor the continuation of a field: `: c`");
    insta::assert_snapshot!(problem("A: b\nC: d\na: b\n"), @"the field `a` at line 3 stands there already");
    let bytes = ParagraphReader::new(&b"A: b\n\nC: \xff\n"[..]);
    let error = bytes.collect::<Result<Vec<_>, _>>().unwrap_err();
    insta::assert_snapshot!(error, @"the paragraph at line 3 is not UTF-8");
    insta::assert_snapshot!(Paragraph::parse("\n").unwrap_err(), @"the text has no paragraph");
    insta::assert_snapshot!(Paragraph::parse("A: b\n\nC: d").unwrap_err(), @"a second paragraph starts at line 3, where one is expected");
}

#[test]
fn a_failing_reader_is_told_from_a_malformed_text() {
    struct Failing;
    impl io::Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("no more"))
        }
    }
    let input = io::Read::chain(&b"A: b\n\nC: d\n"[..], Failing);
    let mut reader = ParagraphReader::new(io::BufReader::with_capacity(4, input));
    assert!(reader.next().unwrap().is_ok());
    let error = reader.next().unwrap().unwrap_err();
    insta::assert_snapshot!(error, @"failed to read the control data after line 3");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn memory_is_bounded() {
    let problem = |text: &str| read(text).unwrap_err().to_string();
    let long_line = format!("A: {}", "x".repeat(MAX_PARAGRAPH));
    insta::assert_snapshot!(problem(&long_line), @"the paragraph at line 1 is larger than 1048576 bytes");
    let many_lines = format!("A: b\n\nA:\n{}", " x\n".repeat(MAX_PARAGRAPH / 3));
    insta::assert_snapshot!(problem(&many_lines), @"the paragraph at line 3 is larger than 1048576 bytes");
    let long_comment = format!("A: b\n#{}\n", "x".repeat(2 * MAX_PARAGRAPH));
    insta::assert_snapshot!(problem(&long_comment), @"the paragraph at line 1 is larger than 1048576 bytes");
    let fields: String = (0..=MAX_FIELDS).map(|n| format!("F{n}: x\n")).collect();
    insta::assert_snapshot!(problem(&fields), @"the paragraph at line 1 has more than 256 fields");
    let largest = format!("A: {}\n", "x".repeat(MAX_PARAGRAPH - 4));
    assert_eq!(read(&largest).unwrap().len(), 1);
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in "[A:# \n\tb]{0,40}") {
        let _ = read(&text);
    }

    #[test]
    fn any_bytes_are_parsed_or_refused(bytes: Vec<u8>, piece in 1usize..8) {
        let whole: Vec<String> = ParagraphReader::new(&bytes[..])
            .map(|paragraph| format!("{paragraph:?}"))
            .take_while(|text| !text.starts_with("Err"))
            .collect();
        let pieces: Vec<String> = ParagraphReader::new(io::BufReader::with_capacity(piece, &bytes[..]))
            .map(|paragraph| format!("{paragraph:?}"))
            .take_while(|text| !text.starts_with("Err"))
            .collect();
        prop_assert_eq!(whole, pieces);
    }

    #[test]
    fn fields_are_what_was_written(paragraphs in prop::collection::vec(
        prop::collection::btree_map("[A-Z][a-z-]{0,5}", "([a-z:#]{1,4}(\n [a-z:]{1,3}){0,2})?", 1..5), 0..4)
    ) {
        let text: Vec<String> = paragraphs
            .iter()
            .map(|fields| fields.iter().map(|(name, value)| format!("{name}: {value}\n")).collect())
            .collect();
        // The same name in another case would be a duplicate.
        let distinct = paragraphs.iter().all(|fields| {
            let names: std::collections::BTreeSet<String> =
                fields.keys().map(|name| name.to_lowercase()).collect();
            names.len() == fields.len()
        });
        prop_assume!(distinct);
        let back = read(&text.join("\n")).unwrap();
        prop_assert_eq!(back.len(), paragraphs.len());
        for (read, written) in back.iter().zip(&paragraphs) {
            let written: Vec<(&str, &str)> =
                written.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            prop_assert_eq!(fields(read), written);
        }
    }
}
