//! `distil report`: a page about an image.

use distil_fixture::DebBuilder;
use serde_json::Value;

use crate::context::Context;

/// The facts that the page has in it.
fn facts(page: &str) -> Value {
    let (_, rest) = page.split_once("id=\"data\">").unwrap();
    let (facts, _) = rest.split_once("</script>").unwrap();
    serde_json::from_str(facts).unwrap()
}

fn page(context: &Context, arguments: &[&str]) -> String {
    context.run(arguments);
    std::fs::read_to_string(context.work().join("report.html")).unwrap()
}

#[test]
fn a_page_has_what_show_why_check_and_diff_tell() {
    let hello = DebBuilder::new("hello", "2.10-3", "amd64").depends("libc6");
    let context = Context::with_packages(vec![hello]);
    context.define("name: app\nfrom: base\npackages: [hello]\n");
    let platform = ["--platform", "linux/amd64"];
    let page = page(
        &context,
        &["report", "base", "app.yaml", platform[0], platform[1]],
    );
    let facts = facts(&page);
    assert_eq!(facts["image"]["name"], "base:latest");
    assert_eq!(facts["check"]["passed"], true);
    let rows = facts["image"]["files"]["rows"].as_array().unwrap();
    let from = facts["image"]["files"]["from"].as_array().unwrap();
    let passwd = rows.iter().find(|row| row[0] == "/etc/passwd").unwrap();
    let number = usize::try_from(passwd[4].as_i64().unwrap()).unwrap();
    assert!(
        from[number].as_str().unwrap().starts_with("made: "),
        "{passwd}"
    );
    assert_eq!(facts["reasons"]["libc6"][0]["definition"], "base-nossl");
    assert_eq!(facts["difference"]["packages"][0]["name"], "hello");
    assert_eq!(facts["difference"]["packages"][0]["old"], Value::Null);
    // It is the same again, whoever makes it.
    let again = context.run(&[
        "report",
        "base",
        "app.yaml",
        platform[0],
        platform[1],
        "-o",
        "-",
    ]);
    assert_eq!(again, page);
}

#[test]
fn nothing_of_a_hostile_image_acts() {
    let name = "</script><script>alert(1)</script><img src=x onerror=alert(2)>";
    let context = Context::new();
    let file = format!("files: [{{path: '/srv/{name}\u{202e}', text: x}}]");
    context.define(&format!("name: app\nfrom: static\n{file}\n"));
    context.run(&[
        "build",
        "app.yaml",
        "-o",
        "oci:layout",
        "--label",
        &format!("a={name}"),
    ]);
    let page = page(&context, &["report", "oci:layout"]);
    // One element with the facts, one with the program, and no other.
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("</script>").count(), 2);
    assert!(!page.contains("<img"));
    let facts = facts(&page);
    let rows = facts["image"]["files"]["rows"].as_array().unwrap();
    assert!(
        rows.iter()
            .any(|row| row[0].as_str().unwrap().contains("<script>alert"))
    );
    // Nothing is loaded from elsewhere.
    assert!(page.contains("default-src 'none'"));
    assert!(
        !page.contains("http://") && !page.contains("https://www."),
        "an address"
    );
}

#[test]
fn the_page_is_written_whole_or_not_at_all() {
    let context = Context::new();
    insta::assert_snapshot!(context.fails(&["report", "static", "-o", "nowhere/report.html"]), @"
    status 1
    error: failed to write `nowhere/report.html`: No such file or directory (os error 2)
    ");
    insta::assert_snapshot!(context.fails(&["report", "nothing.tar"]), @"
    status 2
    error: there is no image `nothing.tar` in the catalogue

    hint: `distil list` shows the catalogue; a file must end in `.yaml`
    ");
}
