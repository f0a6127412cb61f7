//! Mirrors that not everybody reaches: behind a proxy, a password, a company's authority, a client's certificate.

use std::fs;
use std::process::Command;

use distil_fixture::{Fault, Server, TLS_AUTHORITY, TLS_CLIENT, TLS_STRANGER, Times, TlsFront};

use crate::context::Context;

/// A build of an image from a mirror of the main archive at this address.
fn build(context: &Context, mirror: &str) -> Command {
    let mut command = context.bare(&["build", "static", "--timeout", "5", "-v"]);
    let security = format!("security=file://{}", context.security().display());
    command.args(["--mirror", mirror, "--mirror", &security]);
    command.arg("--keyring").arg(context.keyring());
    command
}

fn works(context: &Context, mirror: &str) -> String {
    let output = build(context, mirror).output().unwrap();
    assert!(output.status.success(), "{}", context.stderr(&output));
    context.stderr(&output)
}

/// The message of a build that fails, without what `-v` tells on the way.
fn fails(context: &Context, mirror: &str) -> String {
    let message = context.failure(&mut build(context, mirror));
    let (status, rest) = message.split_once('\n').unwrap();
    let start = rest.find("error: ").unwrap();
    format!("{status}\n{}", &rest[start..]).replace(mirror, "[MIRROR]")
}

#[test]
fn through_a_proxy_of_apts() {
    let context = Context::new();
    let proxy = Server::start(context.archive()).unwrap();
    let address = proxy.url().replace("http://", "http://ann:hush@");
    context.configure_apt(&format!(
        "Acquire::http::Proxy::mirror.example \"{address}\";\n"
    ));
    let said = works(&context, "http://mirror.example/");
    let shown = format!("proxy=\"{}\"", proxy.url());
    assert!(said.contains(&shown) && !said.contains("hush"), "{said}");
    assert!(
        proxy.requests()[0]
            .path
            .starts_with("http://mirror.example/dists/trixie")
    );
    proxy.fault("*", Times::Always, Fault::status(407));
    let other = Context::new();
    other.configure_apt(&format!("Acquire::http::Proxy \"{address}\";\n"));
    let message = fails(&other, "http://mirror.example/").replace(&proxy.url(), "[PROXY]");
    insta::assert_snapshot!(message, @"
    status 1
    error: no mirror has a usable Release of `trixie`
      `[MIRROR]dists/trixie/InRelease` was not fetched: the proxy `[PROXY]` that `Acquire::http::Proxy` in `[FOLDER]/apt.conf` names refused the user and password (407)

    hint: a password of a proxy is in its address, `http://USER:PASSWORD@PROXY:PORT`, or for a proxy that apt's configuration names in `/etc/apt/auth.conf.d`
    ");
}

#[test]
fn a_password_is_looked_for_in_files() {
    let context = Context::new();
    let server = Server::start(context.archive()).unwrap();
    let guard = "Basic YW5uOmh1c2g=".to_owned();
    server.fault(
        "*",
        Times::Always,
        Fault::Guarded("Basic realm=\"x\"".to_owned(), guard),
    );
    insta::assert_snapshot!(fails(&context, &server.url()), @"
    status 1
    error: no mirror has a usable Release of `trixie`
      `[MIRROR]/dists/trixie/InRelease` wants credentials, and none are known (401 Unauthorized)

    hint: passwords of mirrors are looked for in `/etc/apt/auth.conf`, `/etc/apt/auth.conf.d` and `~/.netrc`, or are in the address: `https://USER:PASSWORD@HOST/…`
    ");
    let home = context.work().join("../home");
    fs::create_dir_all(&home).unwrap();
    let entry = |password: &str| format!("machine 127.0.0.1 login ann password {password}\n");
    fs::write(home.join(".netrc"), entry("wrong")).unwrap();
    insta::assert_snapshot!(fails(&context, &server.url()), @"
    status 1
    error: no mirror has a usable Release of `trixie`
      `[MIRROR]/dists/trixie/InRelease` refused the credentials from `[FOLDER]/home/.netrc` (401 Unauthorized)

    hint: passwords of mirrors are looked for in `/etc/apt/auth.conf`, `/etc/apt/auth.conf.d` and `~/.netrc`, or are in the address: `https://USER:PASSWORD@HOST/…`
    ");
    fs::write(home.join(".netrc"), entry("hush")).unwrap();
    let said = works(&context, &server.url());
    assert!(
        !said.contains("hush") && !said.contains("YW5uOmh1c2g"),
        "{said}"
    );
}

#[test]
fn an_authority_and_a_certificate() {
    let context = Context::new();
    let server = Server::start(context.archive()).unwrap();
    let front = TlsFront::start(&server, true).unwrap();
    insta::assert_snapshot!(fails(&context, &front.url()), @"
    status 1
    error: no mirror has a usable Release of `trixie`
      failed to fetch `[MIRROR]/dists/trixie/InRelease`: error sending request: client error (Connect): invalid peer certificate: UnknownIssuer

    hint: `SSL_CERT_FILE` names a file with the authority of its certificate, as does apt's option `Acquire::https::CAInfo::HOST`
    ");
    context.configure_apt("Acquire::https::127.0.0.1::Verify-Peer no;");
    insta::assert_snapshot!(fails(&context, &front.url()), @"
    status 1
    error: no mirror has a usable Release of `trixie`
      failed to fetch `[MIRROR]/dists/trixie/InRelease`: error sending request: client error (Connect): invalid peer certificate: UnknownIssuer

    hint: apt's options `Verify-Peer` and `Verify-Host` have no effect here, since a password may be sent; name the authority of the certificate by `Acquire::https::CAInfo::HOST`
    ");
    let file = |name: &str, pem: &str| {
        fs::create_dir_all(context.work().join("../pem")).unwrap();
        let path = context.work().join("../pem").join(name);
        fs::write(&path, pem).unwrap();
        path.display().to_string()
    };
    let authority = format!(
        "Acquire::https::CAInfo \"{}\";",
        file("authority.pem", TLS_AUTHORITY)
    );
    context.configure_apt(&authority);
    insta::assert_snapshot!(fails(&context, &front.url()), @"
    status 1
    error: no mirror has a usable Release of `trixie`
      failed to fetch `[MIRROR]/dists/trixie/InRelease`: error sending request: client error (SendRequest): connection error: received fatal alert: CertificateRequired

    hint: apt's options `Acquire::https::SSLCert::HOST` and `Acquire::https::SSLKey::HOST` name the certificate that is shown to a server
    ");
    let client = |pem: &str| {
        format!(
            "{authority} Acquire::https::SSLCert::127.0.0.1 \"{}\";",
            file("client.pem", pem)
        )
    };
    context.configure_apt(&client(TLS_STRANGER));
    assert!(fails(&context, &front.url()).contains("Acquire::https::SSLCert::HOST"));
    context.configure_apt(&client(TLS_CLIENT));
    works(&context, &front.url());
}
