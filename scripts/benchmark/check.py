"""`distil check` beside scanners: what is measured, and the page that says so."""

import datetime
import os
import re
import shutil
import subprocess

from benchmark.measure import unpacked_size
from benchmark.mirror import ARCH, SUITE
from benchmark.report import cpu_model, median, seconds


class Image:
    """An image in a local archive, and the runs of each tool over it."""

    def __init__(self, bench, name, store):
        self.bench, self.name = bench, name
        self.archive = bench.folder / f"{name}.tar"
        bench.run([
            bench.distil, "build", name, "--suite", SUITE, "--platform", f"linux/{ARCH}",
            "--store", store, "-o", f"oci-archive:{self.archive}",
        ])
        self.packed, self.unpacked = self.archive.stat().st_size, unpacked_size(self.archive)
        self.runs = {}

    def measure(self, tools):
        """Lets each tool look at the image once."""
        for tool, program in tools.items():
            self.runs.setdefault(tool, []).append(self.bench.run(self.command(tool, program)))

    def command(self, tool, program):
        if tool == "distil":
            return [program, "check", f"oci-archive:{self.archive}"]
        if tool == "Syft":
            # Without the news about itself, which it asks its makers for.
            return ["env", "SYFT_CHECK_FOR_APP_UPDATE=false", program, f"oci-archive:{self.archive}", "-o", "json"]
        return [
            program, "image", "--quiet", "--offline-scan", "--format", "cyclonedx",
            "--cache-dir", self.fresh_cache(), "--input", self.archive,
        ]

    def fresh_cache(self):
        """A folder that is not there: Trivy would remember the layers of the run before."""
        folder = self.bench.folder / "trivy"
        shutil.rmtree(folder, ignore_errors=True)
        return folder


def version(program):
    text = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return re.search(r"\d+\.\d+\.\d+", text)[0]


def written(images, tools, runs):
    """The whole page."""
    table = ""
    for image in images:
        for tool, each in image.runs.items():
            time = [run.seconds for run in each]
            own = median(image.runs["distil"], "seconds")
            table += (
                f"| {image.name} | {tool} | {seconds(median(each, 'seconds'))} | {seconds(min(time))}–{seconds(max(time))} "
                f"| {median(each, 'seconds') / own:.1f} | {median(each, 'memory') / 2**20:.0f} MiB |\n"
            )
    sizes = "; ".join(
        f"{image.name} has {image.packed / 1e6:.0f} MB, unpacked {image.unpacked / 1e6:.0f} MB" for image in images
    )
    versions = ", ".join(f"{tool} {version(program)}" for tool, program in tools.items())
    return f"""# Checking images: time and memory

Written by `scripts/bench-check` on {datetime.date.today().isoformat()}, on {os.cpu_count()} cores of {cpu_model()}. Medians of {runs} runs, in
turn, of whole commands over the same local archives: {sizes}. {versions}.

| image | tool | time | from–to | to distil | memory |
|---|---|---|---|---|---|
{table}
The three do different work. distil finds what keeps an image from running and what should not be in it;
Syft and Trivy list packages, here without network and vulnerability database. All three read and
decompress every layer.
"""
