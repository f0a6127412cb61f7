//! Instructions of a Dockerfile, as hints say them: with the words that the image's own would have.

use distil_inspect::ContainerConfig;

use crate::context::shown;

/// An instruction in exec form, such as `CMD ["app.py"]`.
pub(crate) fn exec_form(keyword: &str, words: &[String]) -> String {
    let list: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    format!("{keyword} [{}]", list.join(", "))
}

/// A JSON string.
fn quoted(word: &str) -> String {
    serde_json::to_string(&shown(word)).unwrap_or_default()
}

/// The instructions by which the words of a container's command from one on are others, ready to be
/// copied.
pub(crate) fn instead(config: &ContainerConfig, at: usize, words: &[String]) -> String {
    let command = config.command();
    let kept = command.iter().take(at).map(|&word| word.to_owned());
    let whole: Vec<String> = kept.chain(words.iter().cloned()).collect();
    let border = config.entrypoint.len();
    if border == 0 {
        return format!("`{}`", exec_form("CMD", &whole));
    }
    if at >= border {
        let (_, cmd) = whole.split_at(border.min(whole.len()));
        return format!("`{}`", exec_form("CMD", cmd));
    }
    // The arguments of CMD may stay as they are.
    let is_same = whole.len() > config.cmd.len() && whole.ends_with(&config.cmd);
    if is_same {
        let (entrypoint, _) = whole.split_at(whole.len() - config.cmd.len());
        return format!("`{}`", exec_form("ENTRYPOINT", entrypoint));
    }
    format!(
        "`{}` and `{}`",
        exec_form("ENTRYPOINT", &whole),
        exec_form("CMD", &[])
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_ascii_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn what_stands_where() {
        let config = |entrypoint: &str, cmd: &str| ContainerConfig {
            entrypoint: words(entrypoint),
            cmd: words(cmd),
            ..ContainerConfig::default()
        };
        let instead = |entrypoint, cmd, at, new| instead(&config(entrypoint, cmd), at, &words(new));
        assert_eq!(instead("node", "npm start", 1, "a.js"), r#"`CMD ["a.js"]`"#);
        assert_eq!(
            instead("tini -- /app/x", "1", 2, "python3 /app/x 1"),
            r#"`ENTRYPOINT ["tini", "--", "python3", "/app/x"]`"#
        );
        assert_eq!(
            instead("", "x 1", 0, "python3 x 1"),
            r#"`CMD ["python3", "x", "1"]`"#
        );
        assert_eq!(
            instead("x", "1", 0, "y"),
            r#"`ENTRYPOINT ["y"]` and `CMD []`"#
        );
    }
}
