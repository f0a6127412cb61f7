"""The measurements: whole commands, in turn, with time, memory, and bytes read and written."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import time

from benchmark.line import Line
from benchmark.mirror import ARCH, CHANGED, FOLDER, SUITE, SUITES

# How many packages an image is made of, to see what time and memory depend on.
SCALE = (10, 100, 1000)
# Of each of these packages, in bytes.
SCALE_SIZE = 400_000
# The packages of a large image, and the bytes of each: 2 GB.
LARGE = (250, 8_000_000)
# How layers may be compressed.
LEVELS = [("gzip", level) for level in (1, 4, 5, 6, 7, 9, 12)] + [("zstd", level) for level in (1, 3, 9, 19)]
# After so many seconds a file that was written has settled: a change of it would show by its times.
SETTLED = 0.1


class Measurement:
    """One run: wall time in seconds, peak memory, bytes read and written."""

    def __init__(self, seconds=0.0, memory=0, read=0, written=0):
        self.seconds, self.memory, self.read, self.written = seconds, memory, read, written

    def __add__(self, other):
        """One after the other."""
        return Measurement(
            self.seconds + other.seconds,
            max(self.memory, other.memory),
            self.read + other.read,
            self.written + other.written,
        )


class Compared:
    """What was measured of all ways: by name the runs, and the bytes of what came out."""

    def __init__(self, runs, sizes, packages, downloaded, own, carried):
        self.runs, self.sizes, self.packages, self.downloaded = runs, sizes, packages, downloaded
        self.own = own  # the runs of what the changed package costs by itself
        self.carried = carried  # by name the bytes that came over the line


class Bench:
    """Commands over a mirror, in a folder."""

    def __init__(self, distil, packages, folder):
        self.distil, self.packages, self.folder = distil, packages, folder
        self.stores = 0

    def new_store(self):
        """The name of a store that is not there. What was there before is removed when all is done:
        some file systems are slow to write where many files have just been removed."""
        self.stores += 1
        return f"store-{self.stores}"

    def copy_of(self, store):
        """The name of a store that has the same, and whose files are on the disk: what is being copied
        is not to be written while something is measured."""
        copy = self.new_store()
        shutil.copytree(self.folder / store, self.folder / copy)
        os.sync()
        return copy

    def run(self, command, cores=None):
        """Runs a command and measures it, with all that it started and waited for."""
        if cores is not None:
            command = ["taskset", "--cpu-list", cores, *command]
        began = time.monotonic()
        with (self.folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder)
        # Ended, and not yet gone: what the system counted is still there to be read.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        seconds = time.monotonic() - began
        counted = dict(re.findall(r"^(\w+): (\d+)$", pathlib.Path(f"/proc/{process.pid}/io").read_text(), re.M))
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"error: {command} failed:\n{(self.folder / 'log').read_text(errors='replace')}")
        return Measurement(seconds, usage.ru_maxrss * 1024, int(counted["rchar"]), int(counted["wchar"]))

    def build(self, *arguments, mirror=FOLDER, store="store", address=None, command="build"):
        """The command that builds from a mirror, in a directory or at an address, by a store."""
        address = address or f"file:{mirror}"
        command = [
            self.distil, command, *arguments, "--suite", SUITE, "--platform", f"linux/{ARCH}",
            "--mirror", f"{address}/debian", "--mirror", f"security={address}/debian-security",
            "--store", self.folder / store,
        ]
        keyring = mirror / "keyring.gpg"
        return [*command, "--keyring", keyring] if keyring.exists() else command

    def compare(self, runs):
        """Runs all ways in turn, so that a slow moment of the machine meets all alike."""
        with Line() as line:
            return self.compare_over(line, runs)

    def compare_over(self, line, runs):
        peers = Peers(self)
        output = self.folder / "python3.tar"
        lock = self.folder / "python3.lock"
        self.run(self.build("python3", "--output", lock, command="lock", store=self.new_store()))
        locked = ["python3", "--lock", lock]
        measured, own, carried = {}, [], {}

        def note(name, measurement):
            measured.setdefault(name, []).append(measurement)

        for number in range(runs):
            print(f"run {number + 1} of {runs}", file=sys.stderr)
            for name, cores in (("cold, one core", "0"), ("cold", None)):
                store = self.new_store()
                python = self.build("python3", store=store)
                output.unlink(missing_ok=True)
                note(name, self.run(python, cores))
            output.unlink()
            note("locked", self.run(self.build(*locked, store=self.new_store())))
            for name, arguments in (("line", ["python3"]), ("line, locked", locked)):
                output.unlink()
                line.taken()
                note(name, self.run(self.build(*arguments, address=line.address, store=self.new_store())))
                carried[name] = line.taken()
            for name, cores in (("warm, one core", "0"), ("warm", None)):
                output.unlink()
                note(name, self.run(python, cores))
            # The first time, what was written is read.
            time.sleep(SETTLED)
            self.run(python)
            note("nothing changed", self.run(python))
            # What is left of joining layers when all else is there: their pieces, and no record of them.
            before = self.copy_of(store)
            for kind in ("layer", "image"):
                shutil.rmtree(self.folder / before / "keys" / kind)
            output.unlink()
            note("layers joined anew", self.run(self.build("python3", store=before)))
            for suite, mirror in CHANGED.items():
                before = self.copy_of(store)
                output.unlink()
                note(f"one package changed in {suite}", self.run(self.build("python3", mirror=mirror, store=before)))
            own.append(self.run(peers.floor_of([peers.changed_package()])))
            root = self.run(peers.bootstrap())
            note("mmdebstrap and docker", root + self.run(peers.into_docker()))
            note("mmdebstrap and umoci", root + self.run(peers.into_umoci()))
            note("buildah", self.run(peers.buildah()))
            note("floor, one core", self.run(peers.floor_of(self.packages.archives), "0"))
            note("floor", self.run(peers.floor_of(self.packages.archives)))
        self.run(python)
        peers.check_same_packages()
        sizes = {
            "distil": layer_sizes(output),
            "mmdebstrap": gzipped_size(self.folder / "root.tar"),
            "umoci": sum(file.stat().st_size for file in (self.folder / "umoci" / "blobs").rglob("*") if file.is_file()),
            "floor": (self.folder / "floor.gz").stat().st_size,
        }
        peers.clean_up()
        downloaded = sum(path.stat().st_size for path in self.packages.archives)
        return Compared(measured, sizes, len(self.packages.names), downloaded, own, carried)

    def scale(self, write_archive, runs):
        """Builds images of more and more packages: by their number the cold and the warm runs."""
        measured = {}
        for number in SCALE:
            print(f"an image of {number} packages", file=sys.stderr)
            for _ in range(runs):
                build = self.made_up(write_archive, number, SCALE_SIZE)
                (self.folder / "scale.tar").unlink(missing_ok=True)
                cold = self.run(build)
                (self.folder / "scale.tar").unlink()
                measured.setdefault(number, []).append((cold, self.run(build)))
        return measured

    def levels(self, runs):
        """What each level of compression costs and saves: by codec and level the runs, which have all
        packages in the store and no layer, and the bytes of the layers."""
        measured = {}
        output = self.folder / "levels.tar"
        store = self.new_store()
        packages = ["python3", "--output", f"oci-archive:{output}"]
        self.run(self.build(*packages, "--compression", "none", store=store))
        for number in range(runs):
            print(f"levels of compression, run {number + 1} of {runs}", file=sys.stderr)
            for codec, level in LEVELS:
                copied = self.copy_of(store)
                chosen = ["--compression", codec, "--compression-level", str(level)]
                run = self.run(self.build(*packages, *chosen, store=copied))
                measured.setdefault((codec, level), ([], layer_sizes(output)))[0].append(run)
                shutil.rmtree(self.folder / copied)
        return measured

    def large(self, write_archive):
        """The memory that large images take: their names, their unpacked bytes, a cold and a warm run."""
        images = []
        number, size = LARGE
        ways = [
            ("java21", lambda: self.build("java21", store=self.new_store())),
            (f"{number} packages", lambda: self.made_up(write_archive, number, size)),
        ]
        for name, command in ways:
            print(f"a large image: {name}", file=sys.stderr)
            build = command()
            cold = self.run(build)
            output = self.folder / ("java21.tar" if name == "java21" else "scale.tar")
            unpacked = unpacked_size(output)
            output.unlink()
            images.append((name, unpacked, cold, self.run(build)))
        return images

    def made_up(self, write_archive, number, size):
        """The command that builds an image of so many made-up packages, all of which it needs."""
        archive = self.folder / f"scale-{number}-{size}"
        if not archive.exists():
            command = [write_archive, archive, "scale", str(number), str(size)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        definition = self.folder / "scale.yaml"
        definition.write_text("name: scale\npackages: [everything]\n")
        return [
            self.distil, "build", definition, "--suite", SUITE, "--platform", f"linux/{ARCH}",
            "--mirror", f"file:{archive}/debian", "--mirror", f"security=file:{archive}/debian-security",
            "--keyring", archive / "debian" / "keyring.gpg", "--store", self.folder / self.new_store(),
        ]


class Peers:
    """The other ways from packages to an image."""

    def __init__(self, bench):
        self.folder, self.packages = bench.folder, bench.packages
        (self.folder / "installed").write_text(self.packages.installed)
        self.prepare_buildah()

    def bootstrap(self):
        sources = [f"deb copy:{FOLDER}/{archive} {suite} main" for suite, archive in SUITES.items()]
        return [
            "mmdebstrap", "--variant=extract", f"--architectures={ARCH}", "--include=" + ",".join(self.packages.names),
            "--setup-hook=mkdir -p \"$1/var/lib/dpkg\" && cp installed \"$1/var/lib/dpkg/status\"",
            SUITE, self.folder / "root.tar", *sources,
        ]

    def into_docker(self):
        return ["docker", "import", self.folder / "root.tar", "distil-bench:latest"]

    def into_umoci(self):
        script = (
            "rm -rf umoci && umoci init --layout umoci && umoci new --image umoci:latest"
            " && umoci raw add-layer --image umoci:latest root.tar && umoci gc --layout umoci"
        )
        return ["bash", "-c", script]

    def prepare_buildah(self):
        """A stage with dpkg, as somebody would take it from a registry."""
        context = self.folder / "buildah"
        (context / "debs").mkdir(parents=True)
        for archive in self.packages.archives:
            shutil.copy(archive, context / "debs")
        sources = [f"deb {remote} {suite} main" for suite, remote in self.remotes()]
        subprocess.run(["mmdebstrap", "--quiet", "--variant=essential", SUITE, context / "stage.tar", *sources], check=True)
        (context / "Stage").write_text("FROM scratch\nADD stage.tar /\n")
        (context / "Dockerfile").write_text(
            "FROM localhost/stage AS unpack\n"
            "COPY debs /debs\n"
            "RUN mkdir /root-fs && for deb in /debs/*.deb; do dpkg-deb -x \"$deb\" /root-fs || exit; done\n"
            "FROM scratch\n"
            "COPY --from=unpack /root-fs /\n"
        )
        build = ["buildah", "bud", "--isolation", "chroot", "--quiet", "--file", context / "Stage", "--tag", "localhost/stage", context]
        subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
        (context / "stage.tar").unlink()

    @staticmethod
    def remotes():
        from benchmark.mirror import apt_mirrors

        remote = apt_mirrors()
        return [(suite, remote[archive]) for suite, archive in SUITES.items()]

    def buildah(self):
        script = (
            "rm -f buildah.tar && buildah bud --isolation chroot --no-cache --quiet --tag localhost/bench buildah"
            " && buildah push --quiet localhost/bench oci-archive:buildah.tar"
        )
        return ["bash", "-c", script]

    @staticmethod
    def floor_of(archives):
        listed = " ".join(f"'{path}'" for path in archives)
        unpack = f"printf '%s\\0' {listed} | xargs -0 -P 2 -n 1 dpkg-deb --fsys-tarfile"
        return ["bash", "-c", f"set -o pipefail; {unpack} | pigz -6 -p 2 >floor.gz"]

    @staticmethod
    def changed_package():
        return next(CHANGED[SUITE].rglob("*+changed1_*.deb"))

    def check_same_packages(self):
        """Refuses a comparison of different packages."""
        with tarfile.open(self.folder / "root.tar") as tar:
            documented = {match[1] for m in tar if (match := re.fullmatch(r"\./usr/share/doc/([^/]+)", m.name))}
        missing = sorted(set(self.packages.names) - documented)
        if missing:
            sys.exit(f"error: mmdebstrap left out {missing}")

    @staticmethod
    def clean_up():
        subprocess.run(["docker", "image", "rm", "--force", "distil-bench:latest"], stdout=subprocess.DEVNULL)


def layer_sizes(archive):
    """Bytes of the compressed layers in an archive that distil wrote."""
    with tarfile.open(archive) as tar:
        manifest = json.load(tar.extractfile("manifest.json"))
        return sum(tar.getmember(layer).size for layer in manifest[0]["Layers"])


def gzipped_size(path):
    """Bytes of a file by `gzip -6`. Not in this process: what it holds is charged to those that it starts."""
    with subprocess.Popen(["gzip", "-6", "--stdout", path], stdout=subprocess.PIPE) as process:
        return sum(len(part) for part in iter(lambda: process.stdout.read(1 << 16), b""))


def unpacked_size(archive):
    """Bytes of the files in all layers of an archive that distil wrote."""
    total = 0
    with tarfile.open(archive) as tar:
        manifest = json.load(tar.extractfile("manifest.json"))
        for layer in manifest[0]["Layers"]:
            with tarfile.open(fileobj=tar.extractfile(layer), mode="r:gz") as files:
                total += sum(member.size for member in files)
    return total
