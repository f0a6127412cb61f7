"""The recipe of Google's distroless images, made of Debian's packages: which, and how large.

The lists are those of GoogleContainerTools/distroless at cd080764, for Debian 12 and 13. They are
closures written by hand there, so nothing is solved here.
"""

import functools
import gzip
import hashlib
import json
import lzma
import pathlib
import re
import subprocess
import sys
import tarfile
import urllib.error

from benchmark.mirror import apt_mirrors, debian_version, fetch

CACHE = pathlib.Path(__file__).resolve().parent.parent.parent / "target" / "images"

STATIC = "base-files netbase tzdata media-types"
PYTHON = (
    "libbz2-1.0 libdb5.3 libexpat1 liblzma5 libsqlite3-0 libuuid1 libncursesw6 libtinfo6 zlib1g libcom-err2 "
    "libcrypt1 libc-bin libgssapi-krb5-2 libk5crypto3 libkeyutils1 libkrb5-3 libkrb5support0 libnsl2 libreadline8 "
    "libtirpc3 libffi8 libpython{python}-minimal libpython{python}-stdlib python{python}-minimal python{python}-venv"
)
JAVA = (
    "zlib1g libjpeg62-turbo liblcms2-2 libfreetype6 fonts-dejavu-core fontconfig-config libexpat1 libfontconfig1 "
    "libuuid1 libbrotli1 libcrypt1 libstdc++6 libgcc-s1 gcc-{gcc}-base libpng16-16 libbz2-1.0"
)
# What an image has beyond the one that it stands on.
STANDS_ON = {
    "static": (None, STATIC),
    "base-nossl": ("static", "libc6"),
    "base": ("base-nossl", "{ssl}"),
    "cc": ("base", "libgomp1 libstdc++6 libgcc-s1 gcc-{gcc}-base"),
    "python3": ("cc", PYTHON),
    "java-base": ("base-nossl", JAVA),
    # Not Debian's there.
    "nodejs": ("cc", None),
    "java17": ("java-base", "openjdk-17-jre-headless"),
    "java21": ("java-base", "openjdk-21-jre-headless"),
    "java25": ("java-base", "openjdk-25-jre-headless"),
}
# By suite; packages renamed for 64-bit time are looked for by both names.
NAMES = {
    "bookworm": {"ssl": "libssl3", "gcc": "12", "python": "3.11", "more": ""},
    "trixie": {"ssl": "libssl3 libzstd1 zlib1g", "gcc": "14", "python": "3.13", "more": "tzdata-legacy"},
}
POCKETS = (("", "debian"), ("-updates", "debian"), ("-security", "debian-security"))


class Figures:
    """The sizes of packages that are unpacked whole."""

    def __init__(self, packages=0, files=0, unpacked=0, compressed=0):
        self.packages, self.files, self.unpacked, self.compressed = packages, files, unpacked, compressed


def figures(image, variant, suite, architecture, own):
    """Those of the recipe; none where it has no such image. `own` are the packages of ours."""
    if suite not in NAMES or image not in STANDS_ON or variant not in ("latest", "debug"):
        return None
    index = packages_of(suite, architecture)
    versions = {package["name"]: package["version"] for package in own}
    total = Figures()
    for name in sorted(names(image, variant, suite, index, versions)):
        # The same version as ours where we have it.
        known = index[name]
        version = versions.get(name) or max(known, key=debian_version)
        one = measured(known[version])
        total.packages += 1
        total.files += one["files"]
        total.unpacked += one["unpacked"]
        total.compressed += one["compressed"]
    return total


def names(image, variant, suite, index, own):
    """The names of the recipe's packages, as the suite has them."""
    found, at, given = set(), image, NAMES[suite]
    while at is not None:
        at, added = STANDS_ON[at]
        # Of Node.js ours, all of them: they are what Debian's program needs to start.
        found |= set(own) - {"busybox-static"} if added is None else set(added.format(**given).split())
    found |= set(given["more"].split())
    if variant == "debug":
        found.add("busybox-static")
        if image in ("java17", "java21", "java25"):
            found.add(f"openjdk-{image[4:]}-jdk-headless")
    missing = [name for name in found if name not in index and name + "t64" not in index]
    if missing:
        sys.exit(f"error: {suite} has no {missing}, which are of the recipe of {image}")
    return {name + "t64" if name + "t64" in index else name for name in found}


remote = functools.cache(apt_mirrors)


@functools.cache
def packages_of(suite, architecture):
    """By name and version of every package in a suite, where it is and its digest."""
    found = {}
    for pocket, archive in POCKETS:
        path = f"dists/{suite}{pocket}/main/binary-{architecture}/Packages"
        for ending, unpack in ((".xz", lzma.decompress), (".gz", gzip.decompress)):
            place = CACHE / archive / (path + ending)
            try:
                fetch(f"{remote()[archive]}/{path}{ending}", place)
            except urllib.error.HTTPError:
                continue
            text = unpack(place.read_bytes()).decode()
            break
        else:
            sys.exit(f"error: the mirror has no index of {suite}{pocket} for {architecture}")
        for stanza in text.split("\n\n"):
            fields = dict(re.findall(r"^(Package|Version|Filename|SHA256): (.*)$", stanza, re.M))
            if fields:
                known = found.setdefault(fields["Package"], {})
                known[fields["Version"]] = (archive, fields["Filename"], fields["SHA256"])
    return found


def measured(package):
    """Files, bytes and compressed bytes of a package that is unpacked whole."""
    archive, filename, digest = package
    note = CACHE / "figures" / f"{digest}.json"
    if note.exists():
        return json.loads(note.read_text())
    path = CACHE / archive / filename
    fetch(f"{remote()[archive]}/{filename}", path)
    if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        sys.exit(f"error: {filename} of the mirror is not what its index names")
    unpacked = path.with_suffix(".tar")
    with unpacked.open("wb") as tar:
        subprocess.run(["dpkg-deb", "--fsys-tarfile", path], check=True, stdout=tar)
    with tarfile.open(unpacked) as tar:
        sizes = [member.size for member in tar if member.isfile()]
    with subprocess.Popen(["gzip", "-6", "--stdout", unpacked], stdout=subprocess.PIPE) as gzipped:
        compressed = sum(len(part) for part in iter(lambda: gzipped.stdout.read(1 << 16), b""))
    result = {"files": len(sizes), "unpacked": sum(sizes), "compressed": compressed}
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(result))
    for file in (path, unpacked):
        file.unlink()
    return result
