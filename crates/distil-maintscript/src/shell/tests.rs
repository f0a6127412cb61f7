use super::*;
use proptest::prelude::*;

/// The commands that would run, with what is not certain as it is written.
fn ran(text: &str) -> String {
    called(text, "postinst", &[Some("configure"), Some("")])
}

fn called(text: &str, name: &str, arguments: &[Option<&str>]) -> String {
    let script = match parse(text) {
        Ok(script) => script,
        Err(error) => return error.to_string(),
    };
    let mut lines = Vec::new();
    run(&script, Invocation { name, arguments }, &mut |ran| {
        let fields = ran.fields.iter().map(|field| match field.is_known {
            true => field.text.clone(),
            false => format!("?{}", field.text),
        });
        let writes = ran.writes.iter().map(|field| format!(">{}", field.text));
        let words: Vec<String> = fields.chain(writes).collect();
        lines.push(format!("{} {}", ran.line, words.join("|")));
    });
    lines.join("\n")
}

#[test]
fn words_with_quotes_continued_lines_and_comments() {
    let text = "a b\\ c 'd  e' \"f\\$g\\h\" # no\n\\\nb \\\n  c#d \"\" x\"y\"'z'\n";
    insta::assert_snapshot!(ran(text), @r"
    1 a|b c|d  e|f$g\h
    3 b|c#d||xyz
    ");
}

#[test]
fn separators_and_redirections() {
    let text = "a;b&c||d | e 2>/dev/null >>/x 2>&1 <in\n{ f; } >/y\n: >\"/z\"\n> /w\n";
    insta::assert_snapshot!(ran(text), @"
    1 a
    1 b
    1 c
    1 d
    1 e|>/dev/null|>/x
    2 >/y
    2 f
    3 :|>/z
    4 >/w
    ");
}

#[test]
fn here_documents_are_no_commands() {
    let text = "cat <<A <<-'B' > /x\nrm $(\nA\n\tfi\n\tB\nb\ncat <<\"E O\"\n'\nE O\n";
    insta::assert_snapshot!(ran(text), @"
    1 cat|>/x
    6 b
    7 cat
    ");
}

#[test]
fn values_that_are_certain() {
    let text = "d=/srv; n=a; f=\"$d/$n b\"\na $f \"$f\" ${f} ${u:-x} ${d:+y} ${DPKG_ROOT:+z} $HOME\n\
                b ${d%/*} $((1+2)) `c` \"$(e $d)\" $DPKG_ROOT/q\nu=1 g $u\n";
    insta::assert_snapshot!(ran(text), @"
    2 a|/srv/a|b|/srv/a b|/srv/a|b|x|y|?$HOME
    3 c
    3 e|/srv
    3 b|?${d%/*}|?$((1+2))|?`c`|?$(e $d)|/q
    4 g
    ");
}

#[test]
fn ways_that_a_first_installation_does_not_take() {
    let text = r#"
if [ "$1" = upgrade ]; then a; elif [ "$1" = configure ] && [ -z "$2" ]; then b; else c; fi
case "$1" in abort-*|remove) d ;; conf*) e ;; *) f ;; esac
[ -n "$2" ] && g
if [ -n "$2" ] || test -d /run/systemd/system; then h; fi
if dpkg --compare-versions "$2" lt-nl 1.2; then i; fi
if ! dpkg --compare-versions "$2" lt 1.2 && ! false; then j; fi
[ "$1" != configure -o -e /x.dpkg-old ] && k
[[ $1 == configure && -n $1 ]] && l
[ "$1" = configure ] || exit 0
m
if [ "$1" = configure ]; then exit; fi
n
"#;
    insta::assert_snapshot!(ran(text), @"
    2 [|configure|=|upgrade|]
    2 [|configure|=|configure|]
    2 [|-z||]
    2 b
    3 e
    4 [|-n||]
    5 [|-n||]
    5 test|-d|/run/systemd/system
    6 dpkg|--compare-versions||lt-nl|1.2
    7 dpkg|--compare-versions||lt|1.2
    7 false
    7 j
    8 [|configure|!=|configure|-o|-e|/x.dpkg-old|]
    9 [[|configure|==|configure|&&|-n|configure|]]
    9 l
    10 [|configure|=|configure|]
    11 m
    12 [|configure|=|configure|]
    ");
    insta::assert_snapshot!(called(text, "preinst", &[Some("upgrade"), None]), @"
    2 [|upgrade|=|upgrade|]
    2 a
    3 f
    4 [|-n|?$2|]
    4 g
    5 [|-n|?$2|]
    5 test|-d|/run/systemd/system
    5 h
    6 dpkg|--compare-versions|?$2|lt-nl|1.2
    6 i
    7 dpkg|--compare-versions|?$2|lt|1.2
    7 false
    7 j
    8 [|upgrade|!=|configure|-o|-e|/x.dpkg-old|]
    8 k
    9 [[|upgrade|==|configure|&&|-n|upgrade|]]
    10 [|upgrade|=|configure|]
    ");
}

#[test]
fn ways_that_are_not_certain_are_all_taken() {
    let text = r#"
x=1 y=1
if [ -e /a ]; then x=2; a; elif cmp b c; then b; exit 1; else y=1; c; fi
d $x $y
getent passwd u || e
[ -f /f ] || exit 0
case "$(uname)" in Linux) f ;; *) g ;; esac
while read line; do y=2; h $line; done < /h
until i; do break; done
j $y
if [ -e /a ]; then z=2; else k; fi
l $z
if dpkg --compare-versions 2 lt 3; then m; else n; fi
"#;
    insta::assert_snapshot!(ran(text), @"
    3 [|-e|/a|]
    3 a
    3 cmp|b|c
    3 b
    3 c
    4 d|?$x|1
    5 getent|passwd|u
    5 e
    6 [|-f|/f|]
    7 uname
    7 f
    7 g
    8 h|?$line
    9 i
    10 j|?$y
    11 [|-e|/a|]
    11 k
    12 l|?$z
    13 dpkg|--compare-versions|2|lt|3
    13 m
    13 n
    ");
}

#[test]
fn loops_over_known_words() {
    let text = "for i in a 'b c' $(d) /e/*; do f \"$i\"; done\n\
                for i in 1 2 3; do [ $i = 2 ] && continue; [ $i -gt 2 ] && break; g $i; done\n\
                for i; do h \"$i\"; done\nn=0\nwhile [ $n -lt 3 ]; do n=$((n+1)); j $n; done\n";
    insta::assert_snapshot!(ran(text), @"
    1 d
    1 f|a
    1 f|b c
    1 f|?$i
    1 f|?$i
    2 [|1|=|2|]
    2 [|1|-gt|2|]
    2 g|1
    2 [|2|=|2|]
    2 [|3|=|2|]
    2 [|3|-gt|2|]
    3 h|configure
    3 h|
    5 [|?$n|-lt|3|]
    5 j|?$n
    ");
}

#[test]
fn functions_are_followed_where_they_are_called() {
    let text = r#"
never() { a; }
twice () {
    local d="$1"
    shift
    b "$d" "$@" $#
    [ -z "$2" ] && return 1
    [ -e /x ] && return 0
    c
}
d=out
twice /one 1
if twice /two 1 2; then d "$d"; fi
function bashism { e; }
bashism
set -- p "q r"
f "$@" $1
( d=in; exit )
g $d
"#;
    insta::assert_snapshot!(ran(text), @"
    6 b|/one|1|1
    7 [|-z||]
    6 b|/two|1|2|2
    7 [|-z|2|]
    8 [|-e|/x|]
    9 c
    13 d|out
    14 e
    17 f|p|q r|p
    19 g|out
    ");
}

#[test]
fn scripts_that_cannot_be_read_say_where() {
    for (text, message) in [
        ("a\nif b; then c\n", "a `fi` is missing at line 3"),
        ("a 'b\n", "a `'` is not closed at line 1"),
        ("\n\"$(a", "a `$(` is not closed at line 2"),
        ("a <<E\nb\n", "a here-document does not end at line 3"),
        ("a; }\n", "something ends that did not begin at line 1"),
        ("a ;; b", "something ends that did not begin at line 1"),
        ("a && ; b", "a command is missing at line 1"),
        (
            "case a in b) c ;;",
            "a pattern of `case` is missing at line 1",
        ),
    ] {
        assert_eq!(ran(text), message, "{text}");
    }
}

#[test]
fn depth_is_bounded() {
    for text in [
        "( ".repeat(100_000),
        "$(".repeat(100_000),
        "{ ".repeat(100_000),
        "\"${a:-".repeat(100_000),
        "if ".repeat(100_000),
        "f() ".repeat(100_000),
    ] {
        assert!(ran(&text).contains("too deep"), "{}", &text[..8]);
    }
    // Functions inside expansions, each a few frames of the stack.
    let inside = "${1:-".repeat(50) + "$(f)" + &"}".repeat(50);
    assert_eq!(ran(&format!("f() {{ a {inside}; }}; f")), "");
    assert_eq!(ran(&"! ".repeat(100_000)), "a command is missing at line 1");
}

#[test]
fn work_is_bounded() {
    let nested = "for a in 1 2 3 4 5 6 7 8 9; do ".repeat(40) + "x" + &"; done".repeat(40);
    let recursive = "f() { f; f; }; f".to_owned();
    let growing = "x=aaaaaaaa;".to_owned() + &"x=$x$x;".repeat(60) + &"y $x;".repeat(50_000);
    let doubling = "while [ -e /a ]; do ".repeat(60) + "x" + &"; done".repeat(60);
    for text in [nested, recursive, doubling] {
        let script = parse(&text).unwrap();
        let invocation = Invocation {
            name: "postinst",
            arguments: &[],
        };
        let mut count = 0_usize;
        let followed = run(&script, invocation, &mut |_| count += 1);
        assert_eq!(followed, Followed::InPart);
        assert!(count < 1 << 20);
    }
    let script = parse(&growing).unwrap();
    let invocation = Invocation {
        name: "postinst",
        arguments: &[],
    };
    let mut bytes = 0;
    run(&script, invocation, &mut |ran| {
        bytes += ran
            .fields
            .iter()
            .map(|field| field.text.len())
            .sum::<usize>();
    });
    assert!(bytes < 16 << 20, "{bytes}");
}

/// Pieces of scripts, so that most of what comes of them has a meaning.
const PIECES: &[&str] = &[
    "if",
    " then ",
    "else",
    "elif ",
    "fi",
    "; ",
    "\n",
    "case x in",
    ") ",
    ";;",
    "esac",
    "for i in ",
    "do ",
    "done",
    "while ",
    "{ ",
    "}",
    "(",
    "f()",
    "f ",
    "[ -n \"$1\" ]",
    " && ",
    " || ",
    " | ",
    "!",
    "$(",
    "`",
    "${x:-",
    "\"",
    "'",
    "\\",
    "#",
    "<<E\n",
    "\nE\n",
    ">",
    "x=",
    "$x",
    "$@",
    "a ",
    "exit",
    "return",
    "break",
    "local y",
    "set -- ",
    "[[ ",
    " ]]",
    "((",
    "é",
    "\t",
    "*",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn any_text_is_followed_or_refused(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..40),
    ) {
        let _ = ran(&pieces.concat());
    }

    #[test]
    fn any_characters_are_followed_or_refused(text in "[ -~\n\t\u{0}é]{0,80}") {
        let _ = ran(&text);
    }

    /// Quoting is undone: any text in single quotes is one known field.
    #[test]
    fn quoted_text_is_itself(text in "[ -~\n]{0,40}") {
        let quoted = text.replace('\'', "'\\''");
        let script = format!("a '{quoted}'");
        let script = parse(&script).unwrap();
        let mut fields = Vec::new();
        let invocation = Invocation { name: "postinst", arguments: &[] };
        run(&script, invocation, &mut |ran| fields = ran.fields);
        prop_assert_eq!(fields.len(), 2);
        prop_assert_eq!(fields[1].known(), Some(text.as_str()));
    }
}
