//! Two examples of each subcommand, for its help and its manual page.

/// What a command line does, and the command line.
pub(crate) type Example = (&'static str, &'static str);

/// The subcommands, `cache info` for one below another, with their examples.
pub(crate) const EXAMPLES: &[(&str, [Example; 2])] = &[
    (
        "",
        [
            ("List the images that ship with distil", "distil list"),
            ("Build one, and write python3.tar", "distil build python3"),
        ],
    ),
    (
        "build",
        [
            (
                "Build an image for two platforms, and write base-amd64-arm64.tar",
                "distil build base --platform linux/amd64,linux/arm64",
            ),
            (
                "Build a definition for the user nonroot into a running Docker",
                "distil build app.yaml:nonroot -o docker-daemon:app:dev",
            ),
        ],
    ),
    (
        "lock",
        [
            ("Pin every package of a definition", "distil lock app.yaml"),
            (
                "Show what newer packages would change, and write nothing",
                "distil lock app.yaml --update --dry-run",
            ),
        ],
    ),
    (
        "vendor",
        [
            (
                "Copy what two locks need into a directory, for a machine without network",
                "distil vendor app.yaml worker.yaml --to vendor",
            ),
            (
                "List what is missing or damaged in it",
                "distil vendor --check vendor",
            ),
        ],
    ),
    (
        "report",
        [
            (
                "Write report.html, one file that loads nothing",
                "distil report python3",
            ),
            (
                "Show what an update changes",
                "distil report old.tar new.tar -o update.html",
            ),
        ],
    ),
    (
        "rebuild",
        [
            (
                "Make an image again from the definition and the lock in this directory, and compare",
                "distil rebuild docker://registry.example/app:1.2 app.yaml --locked",
            ),
            (
                "The same of the definition and the lock that `build --embed` attached to it",
                "distil rebuild docker://registry.example/app:1.2 --verify-key cosign.pub",
            ),
        ],
    ),
    (
        "list",
        [
            ("List images, runtimes and suites", "distil list"),
            (
                "Print the names of the images",
                "distil list --format json | jq -r '.images[].name'",
            ),
        ],
    ),
    (
        "show",
        [
            ("Show what an image would have", "distil show python3:debug"),
            (
                "List the files of an image in a registry",
                "distil show docker://docker.io/library/nginx:latest --files",
            ),
        ],
    ),
    (
        "run",
        [
            (
                "Run a program in the image of Python",
                "distil run python3 -- -c 'print(\"hello\")'",
            ),
            (
                "Run an image of Docker's with a directory of this machine, and without a network",
                "distil run docker-daemon:app:dev -v ./data:/data:ro --network none",
            ),
        ],
    ),
    (
        "debug",
        [
            (
                "Open a shell beside a running container, with a tracer",
                "distil debug web --tools strace",
            ),
            (
                "Run a command beside the files of an image that has no shell",
                "distil debug oci-archive:app.tar --run id",
            ),
        ],
    ),
    (
        "why",
        [
            (
                "Say why a package is in an image",
                "distil why python3 libssl3t64",
            ),
            (
                "Say which package a file is from",
                "distil why base /etc/passwd",
            ),
        ],
    ),
    (
        "diff",
        [
            (
                "Show what a newer release of Debian changes",
                "distil diff python3.tar python3 --suite forky",
            ),
            (
                "Show what the debug variant has",
                "distil diff python3 python3:debug",
            ),
        ],
    ),
    (
        "cache",
        [
            ("Show what the store holds", "distil cache info"),
            (
                "Evict entries down to 2 GB",
                "distil cache prune --store-limit 2GB",
            ),
        ],
    ),
    (
        "cache info",
        [
            ("Show what the store holds", "distil cache info"),
            (
                "Print the size of another store in bytes",
                "distil cache info --store /srv/distil --format json | jq .total.bytes",
            ),
        ],
    ),
    (
        "cache prune",
        [
            (
                "Evict entries down to 2 GB",
                "distil cache prune --store-limit 2GB",
            ),
            (
                "Remove all that no running build needs",
                "distil cache prune --all",
            ),
        ],
    ),
    (
        "cache verify",
        [
            ("Remove what is damaged", "distil cache verify"),
            (
                "Verify a store that others share",
                "distil cache verify --store /srv/distil",
            ),
        ],
    ),
    (
        "push",
        [
            (
                "Build an image and push it under its version",
                "distil push python3 docker://reg.example.org/py -t '${version:python3}'",
            ),
            (
                "Copy an archive into a registry",
                "distil push app.tar docker://reg.example.org/team/app:1.0",
            ),
        ],
    ),
    (
        "sbom",
        [
            (
                "Print what is in an image as SPDX",
                "distil sbom docker://docker.io/library/nginx:latest",
            ),
            (
                "Attach it to an image in a registry, signed",
                "distil sbom docker://reg.example.org/team/app:1.0 --attach --sign-key cosign.key",
            ),
        ],
    ),
    (
        "sign",
        [
            (
                "Sign an image with a key of cosign's",
                "COSIGN_PASSWORD=… distil sign docker://reg.example.org/team/app:1.0 --key cosign.key",
            ),
            (
                "Sign it for skopeo and Podman, too, with a key in a variable",
                "distil sign docker://reg.example.org/team/app:1.0 --key env:KEY --signature-tags",
            ),
        ],
    ),
    (
        "verify",
        [
            (
                "Verify that a key has signed an image",
                "distil verify docker://reg.example.org/team/app:1.0 --key cosign.pub",
            ),
            (
                "Verify that a key has signed its bill of materials, too",
                "distil verify docker://reg.example.org/team/app:1.0 --key cosign.pub --require spdx",
            ),
        ],
    ),
    (
        "check",
        [
            (
                "Check an image for Kubernetes' restricted pods",
                "distil check docker-daemon:app:latest --profile kubernetes",
            ),
            (
                "Write a report for code scanning, and fail on warnings",
                "distil check app.tar --fail-on warning --format sarif > app.sarif",
            ),
        ],
    ),
    (
        "schema",
        [
            (
                "Write the schema beside definitions, for an editor",
                "distil schema > definition.schema.json",
            ),
            (
                "Print the keys of a definition",
                "distil schema | jq -r '.properties | keys[]'",
            ),
        ],
    ),
    (
        "completions",
        [
            (
                "Install completions of bash for a user",
                "distil completions bash > ~/.local/share/bash-completion/completions/distil",
            ),
            (
                "Use those of zsh in this shell",
                "source <(distil completions zsh)",
            ),
        ],
    ),
    (
        "man",
        [
            (
                "Install the manual pages for a user",
                "distil man ~/.local/share/man/man1",
            ),
            (
                "Read one without installing it",
                "distil man pages && man pages/distil-build.1",
            ),
        ],
    ),
];

/// The examples of a subcommand.
pub(crate) fn of(name: &str) -> &'static [Example] {
    let found = EXAMPLES.iter().find(|(known, _)| *known == name);
    found.map_or(&[], |(_, examples)| examples)
}
