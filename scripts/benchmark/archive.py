"""What Debian's archive has of a release: every package of its suites, by source."""

import datetime
import functools
import email.utils
import gzip
import lzma
import pathlib
import re
import sys
import urllib.error

from benchmark.mirror import apt_mirrors, fetch

CACHE = pathlib.Path(__file__).resolve().parent.parent.parent / "target" / "updates"
# The suites of a release by what is appended to its name, and the archive that each is in.
POCKETS = {"": "debian", "-updates": "debian", "-security": "debian-security"}
remote = functools.cache(apt_mirrors)


class Package:
    """A version of a binary package in a suite."""

    def __init__(self, fields, pocket):
        source = re.fullmatch(r"(\S+)(?: \((\S+)\))?", fields.get("Source", fields["Package"]))
        self.name, self.version = fields["Package"], fields["Version"]
        self.source, self.source_version = source[1], source[2] or fields["Version"]
        self.pocket, self.section = pocket, fields.get("Section", "")
        self.size, self.filename = int(fields["Size"]), fields["Filename"]


@functools.cache
def packages_of(suite, architecture):
    """All packages of a release, and the day of its newest state."""
    found, newest = [], None
    for pocket, archive in POCKETS.items():
        dists = f"dists/{suite}{pocket}"
        release = CACHE / archive / dists / "InRelease"
        fetch(f"{remote()[archive]}/{dists}/InRelease", release)
        date = re.search(r"^Date: (.*)$", release.read_text(), re.M)[1]
        day = email.utils.parsedate_to_datetime(date.replace("UTC", "+0000")).date()
        newest = max(newest or datetime.date.min, day)
        for stanza in index(f"{dists}/main/binary-{architecture}/Packages", archive).split("\n\n"):
            fields = dict(re.findall(r"^(Package|Version|Source|Section|Size|Filename): (.*)$", stanza, re.M))
            if fields:
                found.append(Package(fields, pocket))
    return found, newest


def index(path, archive):
    """The text of an index."""
    for ending, unpack in ((".xz", lzma.decompress), (".gz", gzip.decompress)):
        place = CACHE / archive / (path + ending)
        try:
            fetch(f"{remote()[archive]}/{path}{ending}", place)
        except urllib.error.HTTPError:
            continue
        return unpack(place.read_bytes()).decode()
    sys.exit(f"error: the mirror has no {path}")
