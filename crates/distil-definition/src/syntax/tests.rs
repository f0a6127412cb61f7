use crate::parse::parse;

/// What is said of a definition.
fn said(yaml: &str) -> String {
    let text = format!("name: app\n{yaml}\n");
    parse(&text, "app.yaml").unwrap_err().problem
}

#[test]
fn a_variable_within_braces_must_be_in_quotes() {
    insta::assert_snapshot!(said("links: {/a/${multiarch}: b}"), @r#"
    `/a/${multiarch}` must be in quotes: within braces or brackets its `{` would begin a mapping
     --> app.yaml:2:9
      |
    2 | links: {/a/${multiarch}: b}
      |         ^^^^^^^^^^^^^^^
      = write "/a/${multiarch}"
    "#);
    insta::assert_snapshot!(said("keep: [/etc/x, /a/${multiarch}/b/**, '/c']"), @r#"
    `/a/${multiarch}/b/**` must be in quotes: within braces or brackets its `{` would begin a mapping
     --> app.yaml:2:16
      |
    2 | keep: [/etc/x, /a/${multiarch}/b/**, '/c']
      |                ^^^^^^^^^^^^^^^^^^^^
      = write "/a/${multiarch}/b/**"
    "#);
    // Elsewhere it needs none.
    parse("name: a\nkeep:\n- /a/${multiarch}/b\n", "a").unwrap();
}

#[test]
fn what_begins_with_an_indicator_must_be_in_quotes() {
    for (yaml, word, meaning) in [
        ("from: @base", "@base", "is reserved"),
        ("drop: [*.pyc]", "*.pyc", "begins an alias"),
        ("drop:\n- *.pyc", "*.pyc", "begins an alias"),
        ("description: %x y", "%x y", "begins a directive"),
        ("description: `x`", "`x`", "is reserved"),
        ("description: &x", "&x", "begins an anchor"),
    ] {
        let said = said(yaml);
        let expected = format!("`{word}` must be in quotes: in YAML a `");
        assert!(said.starts_with(&expected), "{said}");
        assert!(said.contains(meaning), "{said}");
        assert!(said.ends_with(&format!("= write \"{word}\"")), "{said}");
    }
    let said = said("description: {x} y");
    assert!(said.contains("app.yaml:2:"), "{said}");
}

#[test]
fn a_tab_and_a_colon_are_named() {
    insta::assert_snapshot!(said("config:\n\tuser: app"), @"
    a line is indented with a tab, which YAML does not allow
     --> app.yaml:3:1
      |
    3 |  user: app
      | ^
      = indent it with spaces
    ");
    insta::assert_snapshot!(said("description: a: b"), @r#"
    a string with a colon and a space in it must be in quotes
     --> app.yaml:2:14
      |
    2 | description: a: b
      |              ^^^^
      = write "a: b"
    "#);
}

#[test]
fn an_expansion_of_aliases_is_bounded() {
    let mut yaml = "a: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for depth in 1..12 {
        let aliases = vec![format!("*a{}", depth - 1); 9].join(", ");
        yaml.push_str(&format!("b{depth}: &a{depth} [{aliases}]\n"));
    }
    let start = std::time::Instant::now();
    assert!(!said(&format!("drop: *a11\n{yaml}")).is_empty());
    assert!(!said("packages: &a [*a]").is_empty());
    assert!(start.elapsed().as_secs() < 5);
}

#[test]
fn nothing_in_a_message_is_obeyed_by_a_terminal() {
    for yaml in [
        "drop: {\"x\\e[2J\": y}",
        "\"\\e\u{202e}\": x",
        "description: @\u{9b}\u{202e}",
    ] {
        let said = said(yaml);
        let is_bad = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!said.contains(is_bad), "{said:?}");
    }
}
