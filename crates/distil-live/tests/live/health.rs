//! The health probe: made from its source again, and in Docker, where it tells a server that works from
//! one that does not.

use std::thread::sleep;
use std::time::{Duration, Instant};

use distil_live::context::workspace;
use distil_live::outcome::find_program;
use distil_live::{Context, Engine, Request, require};

/// A server that answers 200, after one SIGUSR1 503, after the next nothing at all, and then 200 again.
const SERVER: &str = "\
name: web
from: python3
files:
  - path: /app/server.py
    text: |
      import http.server, signal, time
      states = ['well', 'ill', 'hanging']
      signal.signal(signal.SIGUSR1, lambda *_: states.append(states.pop(0)))
      class Handler(http.server.BaseHTTPRequestHandler):
          def do_GET(self):
              if states[0] == 'hanging':
                  time.sleep(2)
              self.send_response(200 if states[0] == 'well' else 503)
              self.end_headers()
              self.wfile.write(b'x' * 100000)
          def log_message(self, *_): pass
      http.server.ThreadingHTTPServer(('127.0.0.1', 8765), Handler).serve_forever()
config:
  cmd: [/app/server.py]
  user: nonroot
  healthcheck: {http: 'http://127.0.0.1:8765/health', expect: 200, interval: 200ms, timeout: 1s, retries: 2}
";

/// Waits for what Docker says of a container's health.
#[track_caller]
fn becomes(docker: Engine, id: &str, expected: &str) {
    let began = Instant::now();
    loop {
        let outcome = docker.run_raw(["inspect", "-f", "{{json .State.Health}}", id]);
        let health = outcome.success().json();
        if health["Status"] == expected {
            return;
        }
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{expected}: {health}"
        );
        sleep(Duration::from_millis(100));
    }
}

/// What the probe said last.
fn last_words(docker: Engine, id: &str) -> String {
    let outcome = docker.run_raw(["inspect", "-f", "{{json .State.Health.Log}}", id]);
    let log = outcome.success().json();
    let last = log.as_array().and_then(|log| log.last());
    last.and_then(|last| last["Output"].as_str())
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn docker_sees_a_server_fall_ill_and_recover() {
    let Some(docker) = Engine::Docker.get() else {
        return;
    };
    let built = Request::definition("web", SERVER, "trixie", "amd64").build();
    let container = docker
        .container(built.in_engine(docker))
        .options(["--read-only", "--cap-drop", "ALL", "--network", "none"])
        .start();
    let id = container.id();
    let next = || drop(docker.run_raw(["kill", "--signal", "USR1", id]).success());
    let url = "http://127.0.0.1:8765/health";
    becomes(docker, id, "healthy");
    assert_eq!(
        last_words(docker, id),
        format!("healthy: {url} answers 200\n")
    );
    next();
    becomes(docker, id, "unhealthy");
    assert_eq!(
        last_words(docker, id),
        format!("unhealthy: {url} answers 503, expected 200\n")
    );
    next();
    let began = Instant::now();
    while !last_words(docker, id).contains("no answer within 900 ms") {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{}",
            last_words(docker, id)
        );
        sleep(Duration::from_millis(100));
    }
    becomes(docker, id, "unhealthy");
    next();
    becomes(docker, id, "healthy");
}

/// Where there is nothing but the probe: no C library, no runtime.
#[test]
fn the_smallest_image_can_ask() {
    let Some(docker) = Engine::Docker.get() else {
        return;
    };
    let yaml = "name: least\nfrom: static\nconfig: {user: nonroot, healthcheck: {tcp: '127.0.0.1:1', interval: 200ms, retries: 1}}\n";
    let built = Request::definition("least", yaml, "trixie", "amd64").build();
    let probe = "/usr/libexec/distil-probe";
    let outcome = docker
        .container(built.in_engine(docker))
        .entrypoint(probe)
        .args(["tcp://127.0.0.1:1"])
        .output();
    let refused = "unhealthy: tcp://127.0.0.1:1: connection refused\n";
    assert_eq!(
        (outcome.status(), outcome.stdout()),
        (1, refused.to_owned())
    );
    // The same without an engine, which runs no health check of its own.
    let here = Context::new().distil([
        "run",
        &built.reference(),
        "--entrypoint",
        probe,
        "--",
        "tcp://127.0.0.1:1",
    ]);
    assert_eq!((here.status(), here.stdout()), (1, refused.to_owned()));
    // `check` knows it, and finds nothing.
    let check = ["check", &built.reference(), "--fail-on", "warning"];
    let checked = Context::new()
        .distil(check)
        .success()
        .mentions("0 errors, 0 warnings");
    assert!(!checked.stdout().contains("info "), "{}", checked.report());
}

#[test]
fn the_programs_are_what_comes_of_the_source() {
    for target in ["x86-64", "aarch64", "s390x"] {
        let name = format!("{}-linux-gnu-gcc-12", target.replace('-', "_"));
        if find_program(&name).is_none() {
            return require::missing("Debian 12's cross compilers are not installed");
        }
    }
    let script = workspace().join("scripts/probe");
    let script = script.to_str().unwrap_or_default();
    Context::new().run(script, ["--check"]).success();
}
