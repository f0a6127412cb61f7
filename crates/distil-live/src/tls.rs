//! A certificate authority of the test's own, and a server on loopback whose certificate it signed.
//!
//! Both are OpenSSL's own command line, so that what the images talk to is none of our code.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::Outcome;

/// A certificate authority, as files in a directory.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
}

impl Authority {
    /// Makes a new authority in a directory; its certificate is `ca.pem` there.
    #[track_caller]
    pub fn new(folder: &Path) -> Self {
        let authority = Self {
            folder: folder.to_owned(),
        };
        authority.openssl(&[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/O=distil/CN=Authority of the tests",
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
        ]);
        authority
    }

    /// The file that has the authority's certificate in PEM.
    pub fn path(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// The authority's certificate in PEM.
    #[track_caller]
    pub fn pem(&self) -> String {
        std::fs::read_to_string(self.folder.join("ca.pem")).unwrap()
    }

    /// A certificate for `localhost`, and its key, as files in PEM.
    #[track_caller]
    pub fn certificate(&self) -> (PathBuf, PathBuf) {
        self.openssl(&[
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=localhost",
            "-keyout",
            "server.key",
            "-out",
            "server.csr",
        ]);
        std::fs::write(
            self.folder.join("server.ext"),
            "subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n",
        )
        .unwrap();
        self.openssl(&[
            "x509",
            "-req",
            "-in",
            "server.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            "2",
            "-extfile",
            "server.ext",
            "-out",
            "server.pem",
        ]);
        (
            self.folder.join("server.pem"),
            self.folder.join("server.key"),
        )
    }

    /// Starts a server for `localhost` that answers every request with a page about the connection.
    #[track_caller]
    pub fn serve(&self) -> Server {
        self.certificate();
        let mut child = Command::new("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0", "-www"])
            .args(["-cert", "server.pem", "-key", "server.key"])
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok);
        // `ACCEPT 127.0.0.1:40123` is printed once the server listens on the port it was given.
        let port = lines
            .find_map(|line| {
                line.strip_prefix("ACCEPT ")?
                    .rsplit(':')
                    .next()?
                    .parse()
                    .ok()
            })
            .expect("`openssl s_server` ended without naming its port");
        // It goes on printing; someone has to read, or it stops when the pipe is full.
        std::thread::spawn(move || lines.for_each(drop));
        Server { child, port }
    }

    #[track_caller]
    fn openssl(&self, arguments: &[&str]) {
        let mut command = Command::new("openssl");
        command.args(arguments).current_dir(&self.folder);
        Outcome::of(&command, Duration::from_secs(60)).success();
    }
}

/// A running server; ended when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// The port on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_knows_the_authority_is_served_and_another_is_not() {
        if crate::outcome::find_program("openssl").is_none() {
            crate::require::missing("openssl is not installed");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let server = Authority::new(folder.path()).serve();
        let client = |options: &[&str]| {
            let mut command = Command::new("openssl");
            let place = format!("localhost:{}", server.port());
            command.args(["s_client", "-verify_return_error", "-connect", &place]);
            Outcome::of(
                command.args(options).current_dir(folder.path()),
                Duration::from_secs(20),
            )
        };
        client(&["-CAfile", "ca.pem"])
            .success()
            .mentions("Verify return code: 0 (ok)");
        client(&["-no-CAfile", "-no-CApath"]).failure();
    }
}
