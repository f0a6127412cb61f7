use proptest::prelude::*;

use super::*;

fn key(name: &str) -> Step {
    Step::Key(name.to_owned())
}

fn span(line: usize, column: usize, length: usize) -> Span {
    Span {
        line,
        column,
        length,
    }
}

const APP: &str = "\
name: app
files:
  - path: /etc/a   # first
    mode: \"0644\"
  - {path: /etc/b, mode: rw, text: }
links:
  /usr/bin/python: python3
config: {env: {LANG: C.UTF-8},
         cmd: [a, b]}
";

fn found(path: &[Step]) -> Option<Span> {
    Located::parse(APP).unwrap().find(path)
}

#[test]
fn parts_are_where_they_stand() {
    assert_eq!(found(&[key("name")]), Some(span(1, 7, 3)));
    let file = |index| [key("files"), Step::Index(index), key("mode")];
    assert_eq!(found(&file(0)), Some(span(4, 11, 6)));
    assert_eq!(found(&file(1)), Some(span(5, 26, 2)));
    let env = [key("config"), key("env"), key("LANG")];
    assert_eq!(found(&env), Some(span(8, 22, 7)));
    assert_eq!(found(&[key("config"), key("cmd")]), Some(span(9, 15, 6)));
}

#[test]
fn an_entry_is_the_key_and_not_its_value() {
    let path = "/usr/bin/python".to_owned();
    let entry = [key("links"), Step::Entry(path.clone())];
    assert_eq!(found(&entry), Some(span(7, 3, 15)));
    assert_eq!(
        found(&[key("links"), Step::Key(path)]),
        Some(span(7, 20, 7))
    );
}

#[test]
fn what_is_on_several_lines_is_shown_on_its_first() {
    // Without the remark behind it, and without what follows.
    assert_eq!(found(&[key("files"), Step::Index(0)]), Some(span(3, 5, 12)));
    assert_eq!(found(&[key("config")]), Some(span(8, 9, 21)));
    let text = "a: \"one\n  two\"\nb: |\n  three\n  four\n";
    let tree = Located::parse(text).unwrap();
    assert_eq!(tree.find(&[key("a")]), Some(span(1, 4, 4)));
    assert_eq!(tree.find(&[key("b")]), Some(span(4, 3, 5)));
    // A block without lines is shown by its key: the parser finds it behind itself.
    let tree = Located::parse("a: |\nb: 1\n").unwrap();
    assert_eq!(tree.find(&[key("a")]), Some(span(1, 1, 1)));
}

#[test]
fn what_is_not_there_is_shown_by_what_it_would_be_in() {
    let mode = |index| [key("files"), Step::Index(index), key("owner")];
    assert_eq!(found(&mode(0)), Some(span(3, 5, 12)));
    assert_eq!(found(&mode(7)), Some(span(2, 1, 5)));
    assert_eq!(found(&[key("config"), key("user")]), Some(span(8, 1, 6)));
    let entry = [key("links"), Step::Entry("/x".to_owned())];
    assert_eq!(found(&entry), Some(span(6, 1, 5)));
    // A value that is not written is shown by its key.
    let text = [key("files"), Step::Index(1), key("text")];
    assert_eq!(found(&text), Some(span(5, 30, 4)));
    assert_eq!(found(&[key("drop"), Step::Index(0)]), None);
    assert_eq!(found(&[]), None);
}

#[test]
fn what_yaml_reads_otherwise_than_it_stands_there_has_no_places() {
    for text in [
        "a: &x b",
        "a: [&x b, *x]",
        "a: !!str 1",
        "<<: {a: b}",
        "a: b\n---\nc: d",
        "a: [",
        "",
        "# nothing",
    ] {
        assert_eq!(Located::parse(text), None, "{text}");
    }
    assert!(Located::parse("\"<<\": {a: b}").is_some());
}

#[test]
fn depth_number_and_length_are_bounded() {
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Located::parse(&nested(MAX_DEPTH + 1)).is_some());
    assert_eq!(Located::parse(&nested(MAX_DEPTH + 2)), None);
    let wide = |number| format!("[{}]", "a,".repeat(number));
    assert!(Located::parse(&wide(MAX_NODES - 1)).is_some());
    assert_eq!(Located::parse(&wide(MAX_NODES)), None);
    let long = |length| "a".repeat(length);
    assert!(Located::parse(&long(MAX_TEXT)).is_some());
    assert_eq!(Located::parse(&long(MAX_TEXT + 1)), None);
}

#[test]
fn a_line_is_shown_with_the_place_underlined() {
    let text = "name: a\n\n\n\n\n\n\n\n\ndrop: /usr/share/doc\n";
    insta::assert_snapshot!(locate(text, "app.yaml", &[key("drop")]).unwrap(), @r"
      --> app.yaml:10:7
       |
    10 | drop: /usr/share/doc
       |       ^^^^^^^^^^^^^^
    ");
    assert_eq!(locate("a: [", "app.yaml", &[key("a")]), None);
}

#[test]
fn tabs_and_wide_characters_do_not_move_the_underline() {
    let text = "{\t名前: e\u{301}e, b: \t漢字 }";
    insta::assert_snapshot!(locate(text, "a", &[key("b")]).unwrap(), @"
     --> a:1:16
      |
    1 | { 名前: ée, b:  漢字 }
      |                 ^^^^
    ");
}

#[test]
fn lines_end_as_in_yaml_and_a_byte_order_mark_takes_no_column() {
    let text = "\u{feff}a: 1\r\nb: 2\rc: 3\nd: 4";
    for (line, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let shown = locate(text, "x", &[key(name)]).unwrap();
        let (number, value) = (line + 1, line + 1);
        let expected = format!(" --> x:{number}:4\n  |\n{number} | {name}: {value}\n  |    ^");
        assert_eq!(shown, expected);
    }
}

#[test]
fn a_terminal_obeys_nothing_of_what_is_shown() {
    let text = "a: \"\u{1b}[2J\u{9b}\u{202e}\u{200b}\u{7f}\"";
    let shown = excerpt(text, "x\u{1b}\n.yaml", span(1, 4, 9));
    insta::assert_snapshot!(shown, @r#"
     --> x␛␊.yaml:1:4
      |
    1 | a: "␛[2J���␡"
      |    ^^^^^^^^^
    "#);
}

#[test]
fn of_a_long_line_the_part_around_the_span_is_shown() {
    let words = |from: usize, to: usize| (from..to).map(|n| format!("w{n}")).collect::<Vec<_>>();
    let text = format!("drop: [{}]", words(100, 300).join(", "));
    let at = |index| locate(&text, "x", &[key("drop"), Step::Index(index)]).unwrap();
    insta::assert_snapshot!(at(0), @"
     --> x:1:8
      |
    1 | drop: [w100, w101, w102, w103, w104, w105, w106, w107, w108, w109, w110, w111, w112, w113, w114, w11…
      |        ^^^^
    ");
    insta::assert_snapshot!(at(100), @"
     --> x:1:608
      |
    1 | …w195, w196, w197, w198, w199, w200, w201, w202, w203, w204, w205, w206, w207, w208, w209, w210, w211…
      |                                ^^^^
    ");
    insta::assert_snapshot!(at(199), @"
     --> x:1:1202
      |
    1 | …w294, w295, w296, w297, w298, w299]
      |                                ^^^^
    ");
    // A span that is longer than what is shown.
    let whole = locate(&text, "x", &[key("drop")]).unwrap();
    assert!(
        whole.lines().all(|line| line.chars().count() < WIDTH + 10),
        "{whole}"
    );
}

#[test]
fn a_span_outside_of_the_text_is_shown_at_its_edge() {
    for (line, column, length) in [(0, 0, 0), (1, 99, 4), (9, 1, 1), (1, 2, usize::MAX / 2)] {
        let shown = excerpt("a: b", "x", span(line, column, length));
        assert!(shown.ends_with('^'), "{shown}");
    }
}

fn spans(node: &Node, into: &mut Vec<Span>) {
    into.push(node.span);
    match &node.value {
        Value::Scalar { .. } => {}
        Value::Sequence(items) => items.iter().for_each(|item| spans(item, into)),
        Value::Mapping(entries) => entries.iter().for_each(|(key, value)| {
            spans(key, into);
            spans(value, into);
        }),
    }
}

proptest! {
    #[test]
    fn every_span_lies_inside_of_its_line(text in "[-a: \\[\\]{},\"'\n\r\t|>#é漢\u{feff}?~]{0,60}") {
        let Some(root) = Located::parse(&text) else {
            return Ok(());
        };
        let mut all = Vec::new();
        spans(&root, &mut all);
        for span in all {
            let line = lines(&text).nth(span.line - 1);
            let length = line.unwrap_or_else(|| panic!("{span:?}")).chars().count();
            prop_assert!(span.column >= 1);
            prop_assert!(span.length == 0 || span.end() <= length + 1, "{:?}", span);
            excerpt(&text, "x", span);
        }
    }
}
