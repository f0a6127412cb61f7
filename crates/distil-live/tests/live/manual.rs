//! Every definition that the manual shows builds from the real archive.

use std::os::unix::fs::PermissionsExt as _;

use distil_fixture::{
    ArchiveBuilder, Compression, DebBuilder, Entry, Pocket, Server, SigningKey, sha256_hex, tar,
};
use distil_live::Context;
use distil_live::outcome::find_program;
use distil_live::tls::Authority;

use distil_live::context::workspace;
use distil_live::require;

/// A definition in a page of the manual.
pub(crate) struct Example {
    /// The number of its first line in the page.
    line: usize,
    /// Its text.
    pub(crate) yaml: String,
}

/// The blocks of YAML that are whole definitions: after comments, they begin with the name.
pub(crate) fn examples(page: &str) -> Vec<Example> {
    let mut examples = Vec::new();
    let mut lines = (1..).zip(page.lines());
    while let Some((number, line)) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            continue;
        };
        let block = lines.by_ref().map(|(_, line)| line);
        let block: Vec<&str> = block.take_while(|line| *line != "```").collect();
        let first = block.iter().find(|line| !line.starts_with('#'));
        if language == "yaml" && first.is_some_and(|line| line.starts_with("name:")) {
            examples.push(Example {
                line: number + 1,
                yaml: block.join("\n") + "\n",
            });
        }
    }
    examples
}

/// Writes the files that the comments of a definition name: `# needs: NAME`, or
/// `# needs: NAME (program)`, and those that it downloads: `# needs: URL (file)`, or
/// `# needs: URL (archive)`. The definition with the addresses and digests of the latter.
fn write_needed(context: &Context, yaml: &str, site: &Site) -> String {
    let mut yaml = yaml.to_owned();
    for need in yaml.clone().lines() {
        let Some(need) = need.strip_prefix("# needs: https://") else {
            continue;
        };
        let (address, what) = need.split_once(" (").unwrap();
        if what == "packages)" {
            let key = SigningKey::new(7);
            let pocket = Pocket::new("stable").package(DebBuilder::new("shop", "1.2", "amd64"));
            let archive = ArchiveBuilder::new().key(key.clone()).pocket(pocket);
            let archive = archive.write(&site.folder.path().join(address)).unwrap();
            context.write("company.gpg", key.public_binary());
            yaml = yaml.replace(
                &format!("URIs: https://{address}"),
                &format!("URIs: {}", archive.url()),
            );
            continue;
        }
        let bytes = match what {
            "archive)" => tool(),
            "java)" => java(),
            what if what.starts_with("npm ") => {
                let package = what.trim_start_matches("npm ").trim_end_matches(')');
                context.run("npm", ["pack", "--silent", package]).success();
                let file = package.replace('@', "-") + ".tgz";
                std::fs::read(context.path(&file)).unwrap()
            }
            _ => b"hello\n".to_vec(),
        };
        let url = site.put(address, &bytes);
        yaml = yaml.replace(&format!("url: https://{address}"), &format!("url: {url}"));
        let digest = sha256_hex(&bytes);
        let mut parts: Vec<String> = yaml.split("sha256: ").map(str::to_owned).collect();
        for part in parts.iter_mut().skip(1) {
            let start = usize::from(part.starts_with('"'));
            part.replace_range(start..start + digest.len(), &digest);
        }
        yaml = parts.join("sha256: ");
    }
    write_files(context, &yaml);
    yaml
}

/// A server in the place of those that examples download from.
struct Site {
    folder: tempfile::TempDir,
    server: Server,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path()).unwrap();
        Self { folder, server }
    }

    /// Has a file, and says at which address.
    fn put(&self, address: &str, bytes: &[u8]) -> String {
        let path = self.folder.path().join(address);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
        format!("{}/{address}", self.server.url())
    }
}

/// A release of a program as publishers make them.
fn tool() -> Vec<u8> {
    let program = std::fs::read(find_program("true").unwrap()).unwrap();
    let entries = [
        Entry::file("tool-1.2/bin/tool", program).mode(0o755),
        Entry::file("tool-1.2/LICENSE", "MIT"),
    ];
    Compression::Gzip.compress(&tar(&entries, 0))
}

/// A Java machine as Adoptium lays one out, of a program that starts.
fn java() -> Vec<u8> {
    let program = std::fs::read(find_program("true").unwrap()).unwrap();
    let entries = [
        Entry::file("jdk-25.0.1+8-jre/bin/java", program).mode(0o755),
        Entry::file("jdk-25.0.1+8-jre/release", "JAVA_VERSION=\"25.0.1\"\n"),
    ];
    Compression::Gzip.compress(&tar(&entries, 0))
}

fn write_files(context: &Context, yaml: &str) {
    for need in yaml
        .lines()
        .filter_map(|line| line.strip_prefix("# needs: "))
        .filter(|need| !need.starts_with("https://"))
    {
        if let Some(name) = need.strip_suffix(" (program)") {
            // A real one, whose libraries `base` has: the build looks whether it would start.
            let program = std::fs::read(find_program("true").unwrap()).unwrap();
            let path = context.write(name, program);
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        } else if let Some(name) = need.strip_suffix(" (package)") {
            let file = name.rsplit('/').next().unwrap();
            let mut parts = file.trim_end_matches(".deb").split('_');
            let mut part = || parts.next().unwrap();
            let package = DebBuilder::new(part(), part(), part()).depends("libc6");
            context.write(name, package.file("usr/share/shop/data", "data").build());
        } else if need.ends_with(".pem") {
            context.write(need, Authority::new(context.folder()).pem());
        } else {
            context.write(need, "hello\n");
        }
    }
}

/// Builds all examples of a page, and says which do not build.
#[track_caller]
fn all_build(page: &str) {
    if find_program("openssl").is_none() {
        return require::missing("openssl is not installed");
    }
    let text = std::fs::read_to_string(workspace().join("docs").join(page)).unwrap();
    let examples = examples(&text);
    assert!(
        examples.len() > 10,
        "{page} has {} definitions",
        examples.len()
    );
    let mut failed = Vec::new();
    let site = Site::new();
    for example in examples {
        let context = Context::new();
        let yaml = write_needed(&context, &example.yaml, &site);
        context.write("example.yaml", &yaml);
        let built = context.distil([
            "build",
            "example.yaml",
            "--platform",
            "linux/amd64",
            "-q",
            "-o",
            "oci-archive:example.tar",
        ]);
        if built.status() != 0 {
            failed.push(format!(
                "docs/{page}:{}\n\n{}\n{}",
                example.line,
                example.yaml,
                built.report()
            ));
        }
    }
    assert!(
        failed.is_empty(),
        "of {page} do not build:\n{}",
        failed.join("\n\n")
    );
}

#[test]
fn every_definition_of_the_manual_builds() {
    all_build("definitions.md");
}

#[test]
fn every_recipe_builds() {
    all_build("recipes.md");
}
