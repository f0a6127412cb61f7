"""A partial mirror of Debian in a folder: what an image of Python is made of, signed as it is.

Beside it two others, which differ in one package: one as after a security update, which is in a small
suite of its own, and one as after a point release, with a new index of the whole release. Debian cannot
be asked to sign these, so a key made for the purpose does.
"""

import gzip
import hashlib
import json
import lzma
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

BENCH = pathlib.Path(__file__).resolve().parent.parent.parent / "target" / "bench"
FOLDER = BENCH / "mirror"
LISTING = FOLDER / "packages.json"
SUITE, ARCH = "trixie", "amd64"
# The suites of a release, and the archive that each is in.
SUITES = {SUITE: "debian", f"{SUITE}-updates": "debian", f"{SUITE}-security": "debian-security"}
# The mirrors in which one package has changed, by the suite that has its new version.
CHANGED = {f"{SUITE}-security": BENCH / "changed-security", SUITE: BENCH / "changed-release"}
INDEX = f"main/binary-{ARCH}/Packages"
ENDINGS = {".gz": gzip.decompress, ".xz": lzma.decompress}
# The images that are measured, and the one that the comparison is about.
IMAGES = ("python3", "java21")
COMPARED = "python3"
# The package that changes: one of the middle, not a large one.
CHANGING = "libexpat1"


class Packages:
    """What the benchmark works on: the packages, and those that apt wants beside them."""

    def __init__(self, names, archives, installed):
        self.names = names  # of the image's packages
        self.archives = [FOLDER / path for path in archives]  # their .deb files
        self.installed = installed  # a dpkg status that says that apt's further wishes are fulfilled


def read():
    """The packages of a mirror that was made."""
    return Packages(**json.loads(LISTING.read_text()))


def make(distil, fresh):
    """Makes both mirrors and the listing of what is in them, unless recent ones are there."""
    if LISTING.exists() and not fresh and time.time() - LISTING.stat().st_mtime < 24 * 3600:
        return
    for folder in (FOLDER, *CHANGED.values()):
        shutil.rmtree(folder, ignore_errors=True)
    print("making the mirror", file=sys.stderr)
    remote = apt_mirrors()
    indexes = {}
    for suite, archive in SUITES.items():
        for stanza in fetch_index(remote[archive], suite, archive).split("\n\n"):
            fields = dict(re.findall(r"^([A-Za-z0-9-]+): (.*)$", stanza, re.M))
            if fields:
                known = indexes.setdefault((fields["Package"], fields["Version"]), [])
                known.append((archive, fields["Filename"], stanza))

    wanted = {}
    for image in IMAGES:
        command = [distil, "show", image, "--suite", SUITE, "--platform", f"linux/{ARCH}", "--format", "json"]
        shown = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        wanted[image] = [(package["name"], package["version"]) for package in shown["packages"]]
    archives = {}
    for package in set().union(*wanted.values()):
        # Both archives may have it, and which one is asked is everybody's own choice.
        for archive, filename, _ in indexes[package]:
            fetch(f"{remote[archive]}/{filename}", FOLDER / archive / filename)
        archives[package] = str(pathlib.Path(archive) / filename)

    # What apt wants beyond the image (dpkg, debconf, awk and their like) is called installed already,
    # so that mmdebstrap works on the same packages and no others.
    names = sorted(name for name, _ in wanted[COMPARED])
    resolved = apt_resolves(names, remote)
    chosen = {name: max((v for n, v in indexes if n == name), key=debian_version) for name in resolved}
    installed = ""
    for name in sorted(set(resolved) - set(names)):
        _, _, stanza = indexes[name, chosen[name]][0]
        kept = [line for line in stanza.split("\n") if not line.startswith((" ", "Filename", "Size", "SHA256", "MD5sum"))]
        installed += "\n".join(kept[:1] + ["Status: install ok installed"] + kept[1:]) + "\n\n"
    for suite, folder in CHANGED.items():
        make_changed(suite, folder)
    listed = [archives[package] for package in wanted[COMPARED]]
    LISTING.write_text(json.dumps({"names": names, "archives": listed, "installed": installed}))


def apt_mirrors():
    """The mirrors of Debian that this machine's apt uses, for the archive and for security."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    found = {}
    for uri in printed:
        found.setdefault(uri.rstrip("/").rsplit("/", 1)[-1], uri.rstrip("/"))
    if "debian" not in found:
        sys.exit("error: apt's sources name no mirror of Debian whose address ends in `/debian`")
    found.setdefault("debian-security", found["debian"] + "-security")
    return found


def fetch(url, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with urllib.request.urlopen(urllib.parse.quote(url, safe=":/+~%"), timeout=120) as reply, path.open("wb") as file:
        shutil.copyfileobj(reply, file)


def fetch_index(remote, suite, archive):
    """Fetches the Release of a suite and its indexes, in every compression that there is; their text."""
    dists = FOLDER / archive / "dists" / suite
    fetch(f"{remote}/dists/{suite}/InRelease", dists / "InRelease")
    release = (dists / "InRelease").read_text()
    text = None
    for ending, unpack in ENDINGS.items():
        # Main's by its own path, security's below `updates/` in the Release alone.
        if not re.search(rf" (updates/)?{re.escape(INDEX + ending)}$", release, re.M):
            continue
        try:
            fetch(f"{remote}/dists/{suite}/{INDEX}{ending}", dists / (INDEX + ending))
        except urllib.error.HTTPError:
            continue
        content = (dists / (INDEX + ending)).read_bytes()
        by_hash = (dists / INDEX).parent / "by-hash" / "SHA256" / hashlib.sha256(content).hexdigest()
        by_hash.parent.mkdir(parents=True, exist_ok=True)
        by_hash.write_bytes(content)
        text = unpack(content).decode()
    if text is None:
        sys.exit(f"error: the mirror has no index of {suite}")
    return text


def apt_resolves(names, remote):
    """The packages that apt would install for these names."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "root.tar"
        sources = [f"deb {remote[archive]} {suite} main" for suite, archive in SUITES.items()]
        command = ["mmdebstrap", "--quiet", "--variant=extract", f"--architectures={ARCH}", "--skip=cleanup/apt"]
        subprocess.run([*command, "--include=" + ",".join(names), SUITE, out, *sources], check=True)
        with tarfile.open(out) as tar:
            return {m.name.rsplit("/", 1)[1].split("_")[0] for m in tar if m.name.endswith(".deb")}


def debian_version(version):
    """A key that sorts versions as dpkg does."""

    class Key:
        def __init__(self, text):
            self.text = text

        def __lt__(self, other):
            return subprocess.run(["dpkg", "--compare-versions", self.text, "lt", other.text]).returncode == 0

    return Key(version)


def make_changed(suite, folder):
    """Makes a copy of the mirror in which one package has a new version in a suite, signed by a key of its own."""
    shutil.copytree(FOLDER, folder, copy_function=os.link)
    text = index_of(SUITE, folder)
    start = text.index(f"Package: {CHANGING}\n")
    end = text.index("\n\n", start)
    stanza = text[start:end]
    fields = dict(re.findall(r"^([A-Za-z0-9-]+): (.*)$", stanza, re.M))
    version = fields["Version"] + "+changed1"
    archive = folder / SUITES[suite]
    new = archive / fields["Filename"].replace(f"_{ARCH}", f"+changed1_{ARCH}")
    make_package(folder / SUITES[SUITE] / fields["Filename"], fields["Version"], version, new)
    deb = new.read_bytes()
    changes = {
        "Version": version,
        "Filename": str(new.relative_to(archive)),
        "Size": str(len(deb)),
        "MD5sum": hashlib.md5(deb).hexdigest(),
        "SHA256": hashlib.sha256(deb).hexdigest(),
    }
    for field, value in changes.items():
        stanza = re.sub(rf"^{field}: .*$", f"{field}: {value}", stanza, flags=re.M)
    if suite == SUITE:
        # libexpat1's other packages want the very same version.
        text = (text[:start] + stanza + text[end:]).replace(f"{CHANGING} (= {fields['Version']})", f"{CHANGING} (= {version})")
    else:
        text = f"{index_of(suite, folder).rstrip()}\n\n{stanza}\n"
    place = archive / "dists" / suite / INDEX
    for ending in ENDINGS:
        place.with_name(place.name + ending).unlink(missing_ok=True)  # a link to the first mirror's
    index = gzip.compress(text.encode(), 6, mtime=0)
    place.with_name(place.name + ".gz").write_bytes(index)
    shutil.rmtree(place.parent / "by-hash", ignore_errors=True)
    for other, archive in SUITES.items():
        sign(folder / archive / "dists" / other, index if other == suite else None, folder / "keyring.gpg")


def index_of(suite, folder):
    """The text of a suite's index in a mirror."""
    for ending, unpack in ENDINGS.items():
        path = folder / SUITES[suite] / "dists" / suite / (INDEX + ending)
        if path.exists():
            return unpack(path.read_bytes()).decode()
    sys.exit(f"error: the mirror has no index of {suite}")


def make_package(old, old_version, version, new):
    """Makes a package as if it were compiled anew: the loader does not read behind a library's sections."""
    new.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["dpkg-deb", "-R", old, folder], check=True)
        control = pathlib.Path(folder) / "DEBIAN" / "control"
        control.write_text(control.read_text().replace(f"Version: {old_version}\n", f"Version: {version}\n"))
        for file in pathlib.Path(folder, "usr").rglob("*.so.*"):
            if file.is_file() and not file.is_symlink():
                with file.open("ab") as library:
                    library.write(b"changed")
        subprocess.run(["dpkg-deb", "-Zxz", "--root-owner-group", "-b", folder, new], check=True, stdout=subprocess.DEVNULL)


def sign(pocket, index, keyring):
    """Signs the Release of a suite anew; with `index`, for that index alone."""
    release = (pocket / "InRelease").read_text()
    text = release.split("\n\n", 1)[1].split("-----BEGIN PGP SIGNATURE-----")[0]
    if index is not None:
        text = re.sub(r"^(MD5Sum|SHA256):\n( .*\n)*", "", text, flags=re.M)
        text = text.replace("Acquire-By-Hash: yes\n", "")
        text += f"SHA256:\n {hashlib.sha256(index).hexdigest()} {len(index)} {INDEX}.gz\n"
    (pocket / "InRelease").unlink()
    home = keyring.parent / "gnupg"
    home.mkdir(mode=0o700, exist_ok=True)
    gpg = ["gpg", "--homedir", home, "--batch", "--quiet", "--yes"]
    if not keyring.exists():
        identity = "benchmark <benchmark@example.org>"
        generate = ["--passphrase", "", "--quick-gen-key", identity, "ed25519", "sign", "never"]
        subprocess.run([*gpg, *generate], check=True, stderr=subprocess.DEVNULL)
        subprocess.run([*gpg, "--output", keyring, "--export"], check=True)
    subprocess.run([*gpg, "--output", pocket / "InRelease", "--clearsign"], input=text.encode(), check=True)
