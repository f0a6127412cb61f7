//! What is made from the command's own help.

use crate::context::Context;

#[test]
fn shells_get_completions() {
    let context = Context::new();
    for (shell, expected) in [
        ("bash", "complete -F _distil"),
        ("zsh", "#compdef distil"),
        ("fish", "complete -c distil"),
    ] {
        let run = context.bare(&["completions", shell]).output().unwrap();
        let script = String::from_utf8(run.stdout).unwrap();
        assert!(script.contains(expected), "{shell}: {script}");
        assert!(script.contains("compression-level"), "{shell}");
    }
}

#[test]
fn every_subcommand_has_a_page() {
    let context = Context::new();
    let run = context.bare(&["man", "pages"]).output().unwrap();
    assert!(run.status.success(), "{}", context.stderr(&run));
    let folder = context.work().join("pages");
    for name in ["distil", "distil-build", "distil-why", "distil-diff"] {
        let page = std::fs::read_to_string(folder.join(format!("{name}.1"))).unwrap();
        assert!(page.contains(".TH "), "{name}");
    }
    let page = std::fs::read_to_string(folder.join("distil-build.1")).unwrap();
    assert!(page.contains("\\-\\-entrypoint"), "{page}");
}
