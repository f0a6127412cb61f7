"""The whole catalogue at once: how long all images and variants of a suite take for two platforms, and
how many layers they share."""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tarfile

from benchmark.mirror import SUITE

PLATFORMS = ("linux/amd64", "linux/arm64")
HEADING = "## The catalogue\n"
# What of a store is there when all is downloaded and nothing made of it: the packages, which no key
# names, and the archive's state.
DOWNLOADED = ("index", "release", "verified")
WAYS = (
    ("downloads in the store, and nothing made of them", "downloaded"),
    ("everything in the store, the archives missing", "made"),
    ("nothing changed", "unchanged"),
)


class Catalogue:
    """What was measured: by name the runs, and the layers of all images."""

    def __init__(self, images, variants, layers, sizes, runs):
        self.images, self.variants = images, variants  # names, and how many they make with variants and platforms
        self.layers, self.sizes, self.runs = layers, sizes, runs  # digests with repetition, bytes by digest


def measure(bench, runs):
    """Builds all of it, from the mirrors of this machine, which are asked before the clock runs."""
    printed = subprocess.run([bench.distil, "list", "--format", "json"], check=True, stdout=subprocess.PIPE).stdout
    images = [image for image in json.loads(printed)["images"] if SUITE in image["suites"]]
    names = [f"{image['name']}:{variant}" for image in images for variant in image["variants"]]
    folder = bench.folder
    stores = folder / "catalogue-downloads", folder / "catalogue-store"
    command = [
        bench.distil, "build", *names, "--suite", SUITE, "--platform", ",".join(PLATFORMS), "--store-limit", "100GB",
        "--store",
    ]
    print("the catalogue: downloading", file=sys.stderr)
    bench.run([*command, stores[0]])
    keep_downloads(stores[0])
    ending = "-".join(platform.removeprefix("linux/") for platform in PLATFORMS)
    archives = sorted(folder.glob(f"*-{ending}.tar"))
    if len(archives) != len(names):
        sys.exit(f"{len(names)} images were built, and {len(archives)} archives are there")
    measured = {}
    for number in range(runs):
        print(f"the catalogue: run {number + 1} of {runs}", file=sys.stderr)
        shutil.rmtree(stores[1], ignore_errors=True)
        shutil.copytree(stores[0], stores[1], copy_function=os.link)
        for _, way in WAYS:
            if way != "unchanged":
                for archive in archives:
                    archive.unlink()
            measured.setdefault(way, []).append(bench.run([*command, stores[1]]))
    layers, sizes = [], {}
    for archive in archives:
        for digest, size in layers_of(archive):
            layers.append(digest)
            sizes[digest] = size
        archive.unlink()
    for store in stores:
        shutil.rmtree(store)
    return Catalogue(len(images), len(names) * len(PLATFORMS), layers, sizes, measured)


def keep_downloads(store):
    """Takes out of a store all that was made of downloads."""
    made, kept = set(), set()
    for kind in (store / "keys").iterdir():
        for key in kind.rglob("*"):
            if key.is_file():
                blob = key.read_text().split()[0].removeprefix("sha256:")
                (kept if kind.name in DOWNLOADED else made).add(blob)
        if kind.name not in DOWNLOADED:
            shutil.rmtree(kind)
    for blob in made - kept:
        (store / "blobs" / blob[:2] / blob).unlink(missing_ok=True)


def layers_of(archive):
    """Digest and size of each layer of each image in an archive."""
    with tarfile.open(archive) as tar:

        def document(descriptor):
            return json.load(tar.extractfile("blobs/" + descriptor["digest"].replace(":", "/")))

        [top] = json.load(tar.extractfile("index.json"))["manifests"]
        for manifest in document(top)["manifests"]:
            for layer in document(manifest)["layers"]:
                yield layer["digest"], layer["size"]


def section(catalogue):
    """The section of the page."""
    rows = ""
    for title, way in WAYS:
        each = catalogue.runs[way]
        times = [run.seconds for run in each]
        memory = statistics.median(run.memory for run in each)
        rows += f"| {title} | {statistics.median(times):.2f} s | {min(times):.2f}–{max(times):.2f} s | {memory / 2**20:.0f} MiB |\n"
    made, used = len(catalogue.sizes), len(catalogue.layers)
    stored = sum(catalogue.sizes.values())
    repeated = sum(catalogue.sizes[digest] for digest in catalogue.layers)
    return f"""{HEADING}
All {catalogue.images} images of {SUITE} with all variants, for {' and '.join(PLATFORMS)}, by one command: {catalogue.variants} images, each
image and variant an archive. Medians of {len(catalogue.runs['made'])} runs.

| | time | fastest–slowest | peak memory |
|---|---|---|---|
{rows}
They have {used} layers among them, of which {made} were made ({stored / 1e6:.0f} MB compressed) and the others are
the same again: {used / made:.1f} images share a layer on average, and without sharing it would be {repeated / 1e6:.0f} MB.
"""


def put(page, text):
    """The page with this section in the place of an older one, or at its end."""
    older = re.search(rf"^{re.escape(HEADING)}.*?(?=^## |\Z)", page, re.M | re.S)
    if older is None:
        return page.rstrip("\n") + "\n\n" + text
    after = page[older.end() :]
    return page[: older.start()] + text + ("\n" + after if after else "")
