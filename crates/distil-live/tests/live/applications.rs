//! Python applications: the files that pip makes of the same lock, and they run.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use distil_fixture::sha256_hex;
use distil_live::context::workspace;
use distil_live::{Context, Engine, Outcome};
use serde_json::Value;

/// An application by what it asks for, and a program that uses it.
struct Application {
    name: &'static str,
    requirements: &'static [&'static str],
    program: &'static str,
}

/// pip for the image's Python, whatever runs it.
fn pip(context: &Context, arguments: &[&str]) -> Outcome {
    let python = workspace().join("target/test-venv/bin/python");
    let mut command = std::process::Command::new(python);
    command.current_dir(context.folder()).args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-warn-script-location",
        "--only-binary=:all:",
        "--python-version",
        "3.13",
        "--implementation",
        "cp",
    ]);
    // pip takes platforms as they are written, and each in its place.
    for minor in (5..=41).rev() {
        command.args(["--platform", &format!("manylinux_2_{minor}_x86_64")]);
        match minor {
            17 => command.args(["--platform", "manylinux2014_x86_64"]),
            12 => command.args(["--platform", "manylinux2010_x86_64"]),
            5 => command.args(["--platform", "manylinux1_x86_64"]),
            _ => &mut command,
        };
    }
    command.args(["--platform", "linux_x86_64"]).args(arguments);
    Outcome::of(&command, Duration::from_secs(900))
}

/// Writes a `requirements.txt` with what pip chooses, and the digests of it.
fn lock(context: &Context, requirements: &[&str]) {
    let mut arguments = vec![
        "--dry-run",
        "--ignore-installed",
        "--report",
        "report.json",
        "--target",
        "none",
    ];
    arguments.extend(requirements);
    pip(context, &arguments).success();
    let report = fs::read_to_string(context.path("report.json")).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    let mut text = String::new();
    for one in report["install"].as_array().unwrap() {
        let metadata = &one["metadata"];
        let digest = one["download_info"]["archive_info"]["hashes"]["sha256"]
            .as_str()
            .unwrap();
        text += &format!(
            "{}=={} --hash=sha256:{digest}\n",
            metadata["name"].as_str().unwrap(),
            metadata["version"].as_str().unwrap(),
        );
    }
    context.write("requirements.txt", text);
}

/// The files below a directory: whether they are executable, and their digests, where these have to
/// be the same.
fn files(root: &Path) -> BTreeMap<String, (bool, Option<String>)> {
    let mut found = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            if metadata.is_dir() {
                directories.push(path);
                continue;
            }
            let name = path
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            // What names the installer, the interpreter and the places of commands.
            let is_own = name.starts_with("bin/")
                || ["RECORD", "INSTALLER"]
                    .iter()
                    .any(|own| name.ends_with(&format!(".dist-info/{own}")));
            let digest = (!is_own).then(|| sha256_hex(&fs::read(&path).unwrap()));
            let is_executable = metadata.permissions().mode() & 0o111 != 0;
            found.insert(name, (is_executable, digest));
        }
    }
    found
}

impl Application {
    #[track_caller]
    fn check(&self) {
        let context = Context::new();
        lock(&context, self.requirements);
        context.write("app.py", self.program);
        context.write(
            "app.yaml",
            format!(
                "name: {}\nfrom: python3\npython: {{lock: requirements.txt}}\n\
                 packages: [libstdc++6]\n\
                 files: [{{path: /app/app.py, from: app.py}}]\n\
                 config: {{entrypoint: [/usr/bin/python3, /app/app.py]}}\n",
                self.name
            ),
        );
        // The lock names no index; pip's own is the one that it was made from.
        let ask = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)";
        let python = workspace().join("target/test-venv/bin/python");
        let index = context.run(python.to_str().unwrap(), ["-c", ask]).success();
        let index = std::env::var("PIP_INDEX_URL").unwrap_or(index.stdout());
        let mut build = context.command([
            "build",
            "app.yaml:nonroot",
            "--platform",
            "linux/amd64",
            "-o",
            "rootfs:root",
            "-o",
            "oci-archive:app.tar",
        ]);
        build.env("PIP_INDEX_URL", index.trim());
        Outcome::of(&build, Duration::from_secs(600)).success();
        let arguments = [
            "--no-deps",
            "--no-compile",
            "--require-hashes",
            "-r",
            "requirements.txt",
            "--target",
            "pip",
        ];
        pip(&context, &arguments).success();
        let (ours, pips) = (
            files(&context.path("root/app/deps")),
            files(&context.path("pip")),
        );
        assert_same(self.name, &ours, &pips);
        works(&context);
    }
}

/// Fails with what differs between our files of an application and those of the tool that people have.
pub(crate) fn assert_same<T: Debug + PartialEq>(
    name: &str,
    ours: &BTreeMap<String, T>,
    theirs: &BTreeMap<String, T>,
) {
    let different: BTreeMap<_, _> = ours
        .keys()
        .chain(theirs.keys())
        .filter(|path| ours.get(*path) != theirs.get(*path))
        .map(|path| (path, (ours.get(path), theirs.get(path))))
        .collect();
    assert!(different.is_empty(), "{name}: {different:#?}");
}

/// The image in `app.tar` passes `check` and says "it works" in Docker, without network and on a read-only root.
pub(crate) fn works(context: &Context) {
    context.distil(["check", "oci-archive:app.tar"]).success();
    let Some(docker) = Engine::Docker.get() else {
        return;
    };
    let image = docker.load(&context.path("app.tar"));
    docker
        .container(&image)
        .options(["--read-only", "--network=none"])
        .output()
        .success()
        .mentions("it works");
}

macro_rules! applications {
    ($($name:ident: $requirements:tt => $program:literal;)+) => {
        $(
            #[test]
            fn $name() {
                Application {
                    name: stringify!($name),
                    requirements: &$requirements,
                    program: concat!($program, "\nprint('it works')\n"),
                }
                .check();
            }
        )+
    };
}

applications! {
    flask: ["flask", "gunicorn"] => "import flask\na = flask.Flask('a')\na.route('/')(lambda: 'x')\nassert a.test_client().get('/').data == b'x'";
    django: ["django"] => "import django.conf, django.http\ndjango.conf.settings.configure()\ndjango.setup()\nassert django.http.HttpResponse('x').content == b'x'";
    fastapi: ["fastapi", "uvicorn[standard]"] => "import fastapi, uvicorn, uvloop, httptools\na = fastapi.FastAPI()\na.openapi()";
    celery: ["celery[redis]"] => "import celery\na = celery.Celery(broker='memory://')\n@a.task\ndef three():\n    return 3\nassert three.apply().result == 3";
    scipy: ["numpy", "scipy", "pandas"] => "import numpy, scipy.linalg, pandas\nassert scipy.linalg.det(numpy.eye(2)) == 1 and pandas.Series([1, 2]).sum() == 3";
    pillow: ["pillow"] => "import io, PIL.Image\nb = io.BytesIO()\nPIL.Image.new('RGB', (2, 2)).save(b, 'JPEG')\nassert b.getvalue()";
    lxml: ["lxml"] => "import lxml.etree\nassert lxml.etree.fromstring('<a/>').tag == 'a'";
    psycopg_binary: ["psycopg[binary]"] => "import psycopg\nassert psycopg.pq.__impl__ == 'binary'";
    cryptography: ["cryptography"] => "import cryptography.fernet as f\nk = f.Fernet(f.Fernet.generate_key())\nassert k.decrypt(k.encrypt(b'x')) == b'x'";
    grpcio: ["grpcio", "protobuf"] => "import grpc, google.protobuf\ngrpc.insecure_channel('localhost:1').close()";
    pyarrow: ["pyarrow"] => "import pyarrow\nassert pyarrow.array([1, 2]).to_pylist() == [1, 2]";
    sqlalchemy: ["sqlalchemy", "alembic"] => "import sqlalchemy as s, alembic\nassert s.create_engine('sqlite://').connect().execute(s.text('select 1')).scalar() == 1";
    requests: ["requests", "httpx[http2]"] => "import requests, httpx, certifi, os\nassert os.path.exists(certifi.where())";
    aiohttp: ["aiohttp"] => "import aiohttp, yarl, multidict, frozenlist";
    boto3: ["boto3"] => "import boto3\nboto3.client('s3', region_name='eu-west-1')";
    pydantic: ["pydantic", "pydantic-settings"] => "import pydantic\nassert pydantic.TypeAdapter(int).validate_python('3') == 3";
    jinja_markdown: ["jinja2", "markdown", "pygments", "pyyaml"] => "import jinja2, markdown, pygments, yaml\nassert yaml.__with_libyaml__";
    opentelemetry: ["opentelemetry-sdk", "opentelemetry-exporter-otlp"] => "import opentelemetry.sdk.trace, opentelemetry.exporter.otlp.proto.grpc";
    scikit_learn: ["scikit-learn"] => "import sklearn.linear_model as m\nassert round(m.LinearRegression().fit([[1], [2]], [2, 4]).predict([[3]])[0]) == 6";
    jupyterlab: ["jupyterlab"] => "import jupyterlab, notebook_shim, zmq, tornado";
}
