//! A registry on loopback that asks who one is: Docker's own, with a file of passwords.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::tls::Authority;

/// The name that the registry knows.
pub const USER: &str = "distil";

/// Its password.
pub const PASSWORD: &str = "secret";

/// `htpasswd -Bbn distil secret`: the registry takes bcrypt alone.
const PASSWORDS: &str = "distil:$2y$05$c230epB6rivEQyCaaRw43.mMl0KjIO4dbouqZ7.XSGZfBjeXzdY/u\n";

/// The program, which Debian has in a package of this name.
pub const PROGRAM: &str = "docker-registry";

/// The file of requests, one a line.
const REQUESTS: &str = "requests.log";

/// A running registry; ended when dropped.
#[derive(Debug)]
pub struct Registry {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl Registry {
    /// Starts one that keeps what it is given in a directory.
    #[track_caller]
    pub fn start(folder: &Path) -> Self {
        Self::start_with(folder, "")
    }

    /// As [`Registry::start`], and by TLS alone, with a certificate of the authority.
    #[track_caller]
    pub fn start_tls(folder: &Path, authority: &Authority) -> Self {
        let (certificate, key) = authority.certificate();
        let (certificate, key) = (certificate.display(), key.display());
        Self::start_with(
            folder,
            &format!(", tls: {{certificate: {certificate}, key: {key}}}"),
        )
    }

    #[track_caller]
    fn start_with(folder: &Path, tls: &str) -> Self {
        std::fs::write(folder.join("htpasswd"), PASSWORDS).unwrap();
        let config = format!(
            "version: 0.1\nlog: {{level: info}}\nstorage: {{filesystem: {{rootdirectory: {0}/data}}}}\n\
             http: {{addr: '127.0.0.1:0'{tls}}}\nauth: {{htpasswd: {{realm: tests, path: {0}/htpasswd}}}}\n",
            folder.display()
        );
        std::fs::write(folder.join("registry.yml"), config).unwrap();
        let mut child = Command::new(PROGRAM)
            .args(["serve", "registry.yml"])
            .current_dir(folder)
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdin(Stdio::null())
            .stdout(File::create(folder.join(REQUESTS)).unwrap())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap())
            .lines()
            .map_while(Result::ok);
        // `… msg="listening on 127.0.0.1:40123" …`
        let port = lines
            .find_map(|line| {
                let (_, rest) = line.split_once("listening on 127.0.0.1:")?;
                let end = rest.find(|c: char| !c.is_ascii_digit())?;
                rest[..end].parse().ok()
            })
            .expect("the registry ended without naming its port");
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            port,
            folder: folder.to_owned(),
        }
    }

    /// `localhost:PORT`.
    pub fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// A file of credentials as `docker login` and `podman login` write it.
    pub fn credentials(&self, password: &str) -> PathBuf {
        let path = self.folder.join(format!("{password}.json"));
        let auth = base64(format!("{USER}:{password}").as_bytes());
        let text = format!(r#"{{"auths":{{"{}":{{"auth":"{auth}"}}}}}}"#, self.host());
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The same as `config.json` in a directory, as `docker --config` wants it.
    pub fn docker_config(&self) -> PathBuf {
        let folder = self.folder.join("docker");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::copy(self.credentials(PASSWORD), folder.join("config.json")).unwrap();
        folder
    }

    /// The digests of the blobs that were uploaded, in turn.
    pub fn uploads(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.folder.join(REQUESTS)).unwrap();
        // `… "PUT /v2/team/app/blobs/uploads/…?digest=sha256%3Ab26d… HTTP/1.1" 201 0 …`
        let finished = log
            .lines()
            .filter(|line| line.contains("\"PUT /v2/") && line.contains("\" 201 "));
        let hex = finished.filter_map(|line| line.split_once("digest=sha256%3A"));
        hex.filter_map(|(_, rest)| Some(format!("sha256:{}", rest.get(..64)?)))
            .collect()
    }

    /// The files that hold blobs, by their digests.
    pub fn blob(&self, digest: &str) -> PathBuf {
        let hex = digest.trim_start_matches("sha256:");
        let folder = format!(
            "data/docker/registry/v2/blobs/sha256/{}/{hex}/data",
            &hex[..2]
        );
        self.folder.join(folder)
    }
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let padded = [three, &[0, 0]].concat();
        let word = padded[..3]
            .iter()
            .fold(0_usize, |word, byte| word << 8 | usize::from(*byte));
        for place in 0..4 {
            match place <= three.len() {
                true => text.push(char::from(LETTERS[word >> (18 - 6 * place) & 63])),
                false => text.push('='),
            }
        }
    }
    text
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
