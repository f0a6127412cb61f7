//! Java applications: jars as their tools make them, in images that run them.

use std::fs;
use std::sync::Arc;

use distil_fixture::zip;
use distil_live::{Built, Context, Engine, Request};

/// Where the directory is in the containers that compile.
const PLACE: &str = "/mnt/test";

/// Runs tools of the debug variant in the directory.
struct Tools<'a> {
    context: &'a Context,
    docker: Engine,
    debug: Arc<Built>,
}

impl Tools<'_> {
    fn run(&self, tool: &str, arguments: &[&str]) {
        let mount = format!("{}:{PLACE}", self.context.folder().display());
        self.docker
            .container(self.debug.in_engine(self.docker))
            .options(["--volume", &mount, "--workdir", PLACE])
            .entrypoint(tool)
            .args(arguments.iter().copied())
            .output()
            .success();
    }
}

fn tools(context: &Context, docker: Engine) -> Tools<'_> {
    Tools {
        context,
        docker,
        debug: Request::catalogue("java21:debug", "trixie", "amd64").build(),
    }
}

const LIBRARY: &str = "package lib;
public class Library {
    public static String name() { return \"library\"; }
}
";

/// It prints what a library says, a resource, and what class path and directories it finds, as frameworks that
/// look for classes do.
const MAIN: &str = "package app;
import java.util.Collections;
public class Main {
    public static void main(String[] arguments) throws Exception {
        var loader = Main.class.getClassLoader();
        var text = new String(loader.getResourceAsStream(\"app/greeting.txt\").readAllBytes());
        int found = Collections.list(loader.getResources(\"app/\")).size();
        System.out.println(lib.Library.name() + \" \" + text.trim() + \" \" + found + \" \" + String.join(\",\", arguments));
    }
}
";

fn compile(context: &Context, tools: &Tools<'_>) {
    context.write("src/lib/Library.java", LIBRARY);
    context.write("src/app/Main.java", MAIN);
    context.write("out/app/greeting.txt", "hello\n");
    tools.run("javac", &["-d", "libout", "src/lib/Library.java"]);
    tools.run(
        "javac",
        &["-cp", "libout", "-d", "out", "src/app/Main.java"],
    );
    fs::create_dir_all(context.path("build/lib")).unwrap();
    tools.run(
        "jar",
        &[
            "--create",
            "--file",
            "build/lib/library.jar",
            "-C",
            "libout",
            ".",
        ],
    );
}

/// Builds the definition, has `check` look at the image, and runs it as Kubernetes would.
fn runs(context: &Context, docker: Engine, jar: &str) {
    context.write(
        "app.yaml",
        format!("name: app\nfrom: java21\njava: {{jar: {jar}}}\nconfig: {{cmd: [one, two]}}\n"),
    );
    context
        .distil([
            "build",
            "app.yaml:nonroot",
            "--platform",
            "linux/amd64",
            "-o",
            "oci-archive:app.tar",
        ])
        .success();
    context.distil(["check", "oci-archive:app.tar"]).success();
    let image = docker.load(&context.path("app.tar"));
    let ran = docker
        .container(&image)
        .options(["--read-only", "--tmpfs", "/tmp", "--network=none"])
        .output()
        .success();
    assert_eq!(
        ran.stdout(),
        "library hello 1 one,two\n",
        "{}",
        ran.report()
    );
}

#[test]
fn a_jar_with_a_class_path_runs() {
    let Some(docker) = Engine::Docker.get() else {
        return;
    };
    let context = Context::new();
    let tools = tools(&context, docker);
    compile(&context, &tools);
    context.write(
        "manifest",
        "Main-Class: app.Main\nClass-Path: lib/library.jar\n",
    );
    let pack = [
        "--create",
        "--file",
        "build/app.jar",
        "--manifest",
        "manifest",
        "-C",
        "out",
        ".",
    ];
    tools.run("jar", &pack);
    runs(&context, docker, "build/app.jar");
}

#[test]
fn a_spring_boot_application_runs_taken_apart() {
    let Some(docker) = Engine::Docker.get() else {
        return;
    };
    let context = Context::new();
    let tools = tools(&context, docker);
    compile(&context, &tools);
    let manifest = "Manifest-Version: 1.0\r\nMain-Class: org.springframework.boot.loader.launch.JarLauncher\r\n\
                    Start-Class: app.Main\r\nSpring-Boot-Version: 3.4.1\r\nSpring-Boot-Classes: BOOT-INF/classes/\r\n\
                    Spring-Boot-Lib: BOOT-INF/lib/\r\nSpring-Boot-Classpath-Index: BOOT-INF/classpath.idx\r\n\
                    Spring-Boot-Layers-Index: BOOT-INF/layers.idx\r\n\r\n";
    let layers = "- \"dependencies\":\n  - \"BOOT-INF/lib/\"\n- \"spring-boot-loader\":\n  - \"org/\"\n\
                  - \"snapshot-dependencies\":\n- \"application\":\n  - \"BOOT-INF/classes/\"\n  - \"BOOT-INF/classpath.idx\"\n  - \"BOOT-INF/layers.idx\"\n  - \"META-INF/\"\n";
    let library = fs::read(context.path("build/lib/library.jar")).unwrap();
    let main = fs::read(context.path("out/app/Main.class")).unwrap();
    let file = 0o100_644;
    let bytes = zip(&[
        ("META-INF/MANIFEST.MF", manifest.as_bytes(), file),
        ("BOOT-INF/classes/app/", b"", 0o40_755),
        ("BOOT-INF/classes/app/Main.class", &main, file),
        ("BOOT-INF/classes/app/greeting.txt", b"hello\n", file),
        ("BOOT-INF/lib/library 1.jar", &library, file),
        (
            "BOOT-INF/classpath.idx",
            b"- \"BOOT-INF/lib/library 1.jar\"\n",
            file,
        ),
        ("BOOT-INF/layers.idx", layers.as_bytes(), file),
    ]);
    context.write("build/boot.jar", bytes);
    runs(&context, docker, "build/boot.jar");
    // What the application's own jar has is in order by Java's own tool.
    context
        .distil([
            "build",
            "app.yaml",
            "--platform",
            "linux/amd64",
            "-o",
            "rootfs:root",
        ])
        .success();
    tools.run("jar", &["--validate", "--file", "root/app/boot.jar"]);
    tools.run(
        "jar",
        &[
            "--extract",
            "--file",
            "root/app/boot.jar",
            "META-INF/MANIFEST.MF",
        ],
    );
    let text = fs::read_to_string(context.path("META-INF/MANIFEST.MF")).unwrap();
    assert!(
        text.contains("Class-Path: lib/library%201.jar\r\n"),
        "{text}"
    );
}
