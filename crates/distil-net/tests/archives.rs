//! Requests to archives of Debian's format, which go as apt's configuration says, and all others, which do not.

#![allow(clippy::unwrap_used, clippy::panic, reason = "this is a test")]

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use distil_fixture::{Fault, Server, TLS_AUTHORITY, TLS_CLIENT, TLS_STRANGER, Times, TlsFront};
use distil_net::{Access, Client, Environment, NetError, Options, Request};

struct Site {
    server: Server,
    _folder: tempfile::TempDir,
}

impl Site {
    /// A server whose file says whose it is.
    fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), name).unwrap();
        let server = Server::start(folder.path()).unwrap();
        Self {
            server,
            _folder: folder,
        }
    }

    fn address(&self) -> String {
        self.server.url().replace("http://", "")
    }
}

/// A machine with a configuration of apt.
struct Machine {
    etc: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Machine {
    fn new(configuration: &str) -> Self {
        let machine = Self {
            etc: tempfile::tempdir().unwrap(),
            variables: Vec::new(),
        };
        machine.write("apt.conf.d/01test", configuration);
        machine
    }

    fn variable(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// A file in apt's directory.
    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.etc.path().join("apt").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    fn environment(&self) -> Environment {
        Environment::of(self.variables.clone(), self.etc.path())
    }

    fn client(&self) -> Client {
        let options = Options {
            timeout: Duration::from_secs(5),
            backoff: Duration::from_millis(1),
            ..Options::default()
        };
        Client::with_environment(options, self.environment())
    }

    /// What an archive's file has, or why there is none.
    fn archive(&self, server: &str) -> Result<String, NetError> {
        get(&self.client().for_archives(), self, server)
    }

    fn fails(&self, server: &str) -> String {
        let error = self.archive(server).unwrap_err();
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            text += &format!(": {cause}");
            source = cause.source();
        }
        text.replace(&self.etc.path().display().to_string(), "[ETC]")
            .replace(server, "[SERVER]")
    }
}

fn get(client: &Client, machine: &Machine, server: &str) -> Result<String, NetError> {
    let url = format!("{server}/file").parse().unwrap();
    let request = Request::get(url)
        .access(Access::machines(machine.environment()))
        .attempts(1);
    let body = client.send(&request, 1 << 20)?.into_body();
    Ok(String::from_utf8(body).unwrap())
}

#[test]
fn a_proxy_of_apt_is_for_archives_alone() {
    let (origin, proxy) = (Site::new("origin"), Site::new("proxy"));
    let option = format!("Acquire::http::Proxy \"{}\";", proxy.server.url());
    let machine = Machine::new(&option);
    let server = origin.server.url();
    assert_eq!(machine.archive(&server).unwrap(), "proxy");
    assert_eq!(get(&machine.client(), &machine, &server).unwrap(), "origin");
    assert_eq!(proxy.server.requests()[0].path, format!("{server}/file"));
}

/// As apt 2.6 does it: an option goes before the variable, `no_proxy` before both.
#[test]
fn the_environment_counts_where_apt_is_told_nothing() {
    let (origin, proxy) = (Site::new("origin"), Site::new("proxy"));
    let other = Site::new("other");
    let server = origin.server.url();
    let of = |option: &str, no_proxy: &str| {
        let machine = Machine::new(option)
            .variable("http_proxy", other.server.url())
            .variable("no_proxy", no_proxy);
        machine.archive(&server).unwrap()
    };
    let named = format!("Acquire::http::Proxy \"{}\";", proxy.server.url());
    assert_eq!(of("", ""), "other");
    assert_eq!(of(&named, ""), "proxy");
    assert_eq!(of("Acquire::http::Proxy DIRECT;", ""), "origin");
    assert_eq!(of("Acquire::http::Proxy::127.0.0.1 DIRECT;", ""), "origin");
    assert_eq!(of("Acquire::http::Proxy::127.0.0.2 DIRECT;", ""), "other");
    assert_eq!(
        of(
            &format!("{named} Acquire::http::Proxy::127.0.0.1 DIRECT;"),
            ""
        ),
        "origin"
    );
    assert_eq!(of(&named, "127.0.0.1"), "origin");
    assert_eq!(of("", "127.0.0.1"), "origin");
}

#[test]
fn a_proxy_may_want_a_password() {
    let (origin, proxy) = (Site::new("origin"), Site::new("proxy"));
    let server = origin.server.url();
    let option = |login: &str| {
        format!(
            "Acquire::http::Proxy \"http://{login}{}\";",
            proxy.address()
        )
    };
    let sent = || {
        proxy
            .server
            .requests()
            .pop()
            .unwrap()
            .header("proxy-authorization")
            .map(str::to_owned)
    };
    let in_address = Machine::new(&option("ann:hush@"));
    assert_eq!(in_address.archive(&server).unwrap(), "proxy");
    assert_eq!(sent().unwrap(), "Basic YW5uOmh1c2g=");
    let in_file = Machine::new(&option(""));
    in_file.write(
        "auth.conf.d/proxy.conf",
        &format!("machine http://{} login bob password hush", proxy.address()),
    );
    assert_eq!(in_file.archive(&server).unwrap(), "proxy");
    assert_eq!(sent().unwrap(), "Basic Ym9iOmh1c2g=");
    let nowhere = Machine::new(&option(""));
    assert_eq!(nowhere.archive(&server).unwrap(), "proxy");
    assert_eq!(sent(), None);
    proxy.server.fault("*", Times::Always, Fault::status(407));
    let fails = |machine: &Machine| {
        machine
            .fails(&server)
            .replace(&proxy.server.url(), "[PROXY]")
    };
    insta::assert_snapshot!(fails(&nowhere), @"`[SERVER]/file` was not fetched: the proxy `[PROXY]` that `Acquire::http::Proxy` in `[ETC]/apt/apt.conf.d/01test` names wants a user and a password, and has none (407)");
    insta::assert_snapshot!(fails(&in_address), @"`[SERVER]/file` was not fetched: the proxy `[PROXY]` that `Acquire::http::Proxy` in `[ETC]/apt/apt.conf.d/01test` names refused the user and password (407)");
    insta::assert_snapshot!(fails(&in_file), @"`[SERVER]/file` was not fetched: the proxy `[PROXY]` that `Acquire::http::Proxy` in `[ETC]/apt/apt.conf.d/01test` names refused the user and password (407)");
}

#[test]
fn a_proxy_that_is_not_there_is_named_with_its_option() {
    let dead = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let option = format!("Acquire::http::Proxy::127.0.0.1 \"http://ann:secret@{dead}\";");
    let message = Machine::new(&option).fails("http://127.0.0.1:1");
    let message = message.replace(&dead.to_string(), "[PROXY]");
    let expected = "failed to fetch `[SERVER]/file` through the proxy `http://[PROXY]` that `Acquire::http::Proxy::127.0.0.1` in `[ETC]/apt/apt.conf.d/01test` names: ";
    assert!(message.starts_with(expected), "{message}");
}

#[test]
fn a_configuration_that_cannot_be_followed_makes_no_connection() {
    let origin = Site::new("origin");
    let server = origin.server.url();
    insta::assert_snapshot!(Machine::new("Acquire::http::Proxy \"http://x\"").fails(&server), @"failed to read apt's configuration in `[ETC]/apt/apt.conf.d/01test`, line 1: the last option does not end in `;`");
    insta::assert_snapshot!(Machine::new("Acquire::http::Proxy \"gopher://ann:secret@x\";").fails(&server), @"apt's option `Acquire::http::Proxy` in `[ETC]/apt/apt.conf.d/01test` is not the address of a proxy: it begins with another scheme than `http`, `https` or `socks5h`");
    let machine = Machine::new("");
    std::fs::create_dir(machine.etc.path().join("apt/apt.conf.d/02directory")).unwrap();
    insta::assert_snapshot!(machine.fails(&server), @"failed to read apt's configuration in `[ETC]/apt/apt.conf.d/02directory`: it is not a plain file");
    assert_eq!(origin.server.connections(), 0);
    // Others do not read it.
    let machine = Machine::new("Acquire::http::Proxy \"http://x\"");
    assert_eq!(get(&machine.client(), &machine, &server).unwrap(), "origin");
}

#[test]
fn an_authority_of_apts() {
    let origin = Site::new("origin");
    let front = TlsFront::start(&origin.server, false).unwrap();
    let server = front.url();
    let without = Machine::new("Acquire::https::Verify-Peer::127.0.0.1 \"false\";");
    let error = without.archive(&server).unwrap_err();
    assert!(error.is_untrusted(), "{error}");
    let NetError::Connection { unverified, .. } = error else {
        panic!("{error}");
    };
    assert!(
        unverified
            .unwrap()
            .starts_with("`Acquire::https::Verify-Peer::127.0.0.1` in ")
    );
    for form in ["CAInfo", "CAInfo::127.0.0.1", "127.0.0.1::CAInfo"] {
        let machine = Machine::new("");
        let file = machine.write("company.pem", TLS_AUTHORITY);
        machine.write(
            "apt.conf",
            &format!("Acquire::https::{form} \"{}\";", file.display()),
        );
        assert_eq!(machine.archive(&server).unwrap(), "origin", "{form}");
        // It is for archives alone.
        let error = get(&machine.client(), &machine, &server).unwrap_err();
        assert!(error.is_untrusted(), "{error}");
        std::fs::write(&file, "no certificate").unwrap();
        assert!(
            machine
                .fails(&server)
                .ends_with("which has no certificates in PEM")
        );
        std::fs::remove_file(&file).unwrap();
        assert!(machine.fails(&server).ends_with("which does not exist"));
    }
    let of_another = Machine::new("Acquire::https::CAInfo::other.example \"/nonexistent\";");
    assert!(of_another.archive(&server).unwrap_err().is_untrusted());
}

#[test]
fn a_certificate_of_this_machine() {
    let origin = Site::new("origin");
    let front = TlsFront::start(&origin.server, true).unwrap();
    let server = front.url();
    let machine = |certificate: Option<&str>, key: Option<&str>| {
        let machine = Machine::new("");
        let authority = machine.write("company.pem", TLS_AUTHORITY);
        let mut options = format!("Acquire::https::CAInfo \"{}\";\n", authority.display());
        for (option, file, pem) in [("SSLCert", "x.crt", certificate), ("SSLKey", "x.key", key)] {
            if let Some(pem) = pem {
                let path = machine.write(file, pem);
                options += &format!(
                    "Acquire::https::{option}::127.0.0.1 \"{}\";\n",
                    path.display()
                );
            }
        }
        machine.write("apt.conf", &options);
        machine
    };
    let split = |both: &'static str| both.split_at(both.find("-----BEGIN PRIVATE").unwrap());
    assert_eq!(
        machine(Some(TLS_CLIENT), None).archive(&server).unwrap(),
        "origin"
    );
    let (certificate, key) = split(TLS_CLIENT);
    assert_eq!(
        machine(Some(certificate), Some(key))
            .archive(&server)
            .unwrap(),
        "origin"
    );
    for refused in [machine(None, None), machine(Some(TLS_STRANGER), None)] {
        let error = refused.archive(&server).unwrap_err();
        assert!(
            error.wants_certificate() && !error.is_untrusted(),
            "{error:?}"
        );
    }
    let fails = |certificate, key| machine(Some(certificate), key).fails(&server);
    insta::assert_snapshot!(fails(certificate, None), @"apt's option `Acquire::https::SSLCert::127.0.0.1` in `[ETC]/apt/apt.conf` names `[ETC]/apt/x.crt`, which is no certificate in PEM with its private key, which must not be encrypted");
    insta::assert_snapshot!(fails(certificate, Some(split(TLS_STRANGER).1)), @"apt's option `Acquire::https::SSLCert::127.0.0.1` in `[ETC]/apt/apt.conf` names `[ETC]/apt/x.crt`, which is a certificate that cannot be used with its private key");
}

/// A proxy that lets tunnels through if they have this `Proxy-Authorization`, and how many asked.
fn tunnels(wanted: Option<&'static str>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || tunnel(stream.unwrap(), wanted));
        }
    });
    address
}

fn tunnel(client: TcpStream, wanted: Option<&str>) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let (mut lines, mut line) = (Vec::new(), String::new());
    while reader.read_line(&mut line)? > 0 && !line.trim().is_empty() {
        lines.push(std::mem::take(&mut line).trim().to_owned());
    }
    let sent = lines.iter().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("proxy-authorization")
            .then_some(value)
    });
    let mut client = client;
    if wanted.is_some() && sent != wanted {
        return client.write_all(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n");
    }
    let target = lines[0].split(' ').nth(1).unwrap().to_owned();
    let server = TcpStream::connect(target)?;
    client.write_all(b"HTTP/1.1 200 Yes\r\n\r\n")?;
    let (mut from_server, mut to_client) = (server.try_clone()?, client.try_clone()?);
    std::thread::spawn(move || io::copy(&mut from_server, &mut to_client));
    io::copy(&mut reader, &mut &server)?;
    Ok(())
}

#[test]
fn tls_goes_through_a_proxy() {
    let origin = Site::new("origin");
    let front = TlsFront::start(&origin.server, false).unwrap();
    let of = |proxy: String| {
        let machine = Machine::new(&format!("Acquire::http::Proxy \"{proxy}\";"));
        let authority = machine.write("company.pem", TLS_AUTHORITY);
        machine.write(
            "apt.conf",
            &format!("Acquire::https::CAInfo \"{}\";", authority.display()),
        );
        machine
    };
    let open = tunnels(None);
    assert_eq!(
        of(format!("http://{open}")).archive(&front.url()).unwrap(),
        "origin"
    );
    let closed = tunnels(Some("Basic YW5uOmh1c2g="));
    assert_eq!(
        of(format!("http://ann:hush@{closed}"))
            .archive(&front.url())
            .unwrap(),
        "origin"
    );
    let fails = |login: &str| {
        let message = of(format!("http://{login}{closed}")).fails(&front.url());
        message.replace(&closed.to_string(), "[PROXY]")
    };
    insta::assert_snapshot!(fails(""), @"`[SERVER]/file` was not fetched: the proxy `http://[PROXY]` that `Acquire::http::Proxy` in `[ETC]/apt/apt.conf.d/01test` names wants a user and a password, and has none (407)");
    insta::assert_snapshot!(fails("ann:wrong@"), @"`[SERVER]/file` was not fetched: the proxy `http://[PROXY]` that `Acquire::http::Proxy` in `[ETC]/apt/apt.conf.d/01test` names refused the user and password (407)");
}
