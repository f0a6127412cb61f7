//! Does to an image what a hint says: the instructions and commands in it, word for word.

use super::Image;

/// Applies what stands between backticks in the first of a hint's alternatives. Gives nothing if
/// none of that is to be applied.
pub(crate) fn follow(image: Image, hint: &str, packages: &[Package]) -> Option<Image> {
    let first = ["; or ", ", or "].iter().fold(hint, |text, border| {
        text.split(border).next().unwrap_or(text)
    });
    let mut image = image;
    let mut count = 0;
    for command in first.split('`').skip(1).step_by(2) {
        let (word, rest) = command.split_once(' ').unwrap_or((command, ""));
        match word {
            "ENTRYPOINT" => image.config().entrypoint = words(rest),
            "CMD" => image.config().cmd = words(rest),
            "HEALTHCHECK" => {
                let mut test = vec!["CMD".to_owned()];
                test.extend(words(rest.strip_prefix("CMD ").unwrap()));
                image.config().healthcheck = test;
            }
            "ENV" => {
                let (name, value) = rest.split_once('=').unwrap();
                image = image.env(name, value);
            }
            "USER" => image = image.user(rest),
            "WORKDIR" => image = image.workdir(rest),
            "chmod" => {
                let (mode, path) = rest.split_once(' ').unwrap();
                let mode = u32::from_str_radix(mode, 8).unwrap();
                image = image.mode(path.trim_start_matches('/'), mode);
            }
            "ln" => {
                let (target, path) = rest.strip_prefix("-sf ").unwrap().split_once(' ').unwrap();
                image = image.link(path.trim_start_matches('/'), target);
            }
            "distil" => {
                let flags = rest.split(' ').skip_while(|word| *word != "--add");
                for name in flags.filter(|word| *word != "--add") {
                    let package = packages.iter().find(|one| one.name == name).unwrap();
                    for (path, content) in &package.files {
                        image = image.file(path, content);
                    }
                }
            }
            _ => continue,
        }
        count += 1;
    }
    (count > 0).then_some(image)
}

fn words(json: &str) -> Vec<String> {
    let inner = json
        .trim()
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap();
    let (mut words, mut word, mut is_quoted, mut is_escaped) =
        (vec![], String::new(), false, false);
    for c in inner.chars() {
        match c {
            c if is_escaped => {
                word.push(c);
                is_escaped = false;
            }
            '\\' => is_escaped = true,
            '"' if is_quoted => {
                words.push(std::mem::take(&mut word));
                is_quoted = false;
            }
            '"' => is_quoted = true,
            c if is_quoted => word.push(c),
            _ => {}
        }
    }
    words
}

/// A package that a hint may add.
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) files: Vec<(&'static str, Vec<u8>)>,
}
