"""The page that holds what was measured."""

import datetime
import os
import pathlib
import re
import statistics

from benchmark.mirror import ARCH, CHANGING, SUITE

ROWS = (
    ("`distil build python3`, empty store", "cold", "distil"),
    ("the same on one core", "cold, one core", "distil"),
    ("with a lock, empty store", "locked", "distil"),
    ("empty store, from a mirror at 100 Mbit/s", "line", "distil"),
    ("the same with a lock", "line, locked", "distil"),
    ("full store, the output missing", "warm", "distil"),
    ("the same on one core", "warm, one core", "distil"),
    ("one package changed, by a security update", f"one package changed in {SUITE}-security", "distil"),
    ("one package changed, by a point release", f"one package changed in {SUITE}", "distil"),
    ("all layers joined anew, of the same pieces", "layers joined anew", "distil"),
    ("nothing changed", "nothing changed", "distil"),
    ("mmdebstrap, then `docker import`", "mmdebstrap and docker", "mmdebstrap"),
    ("mmdebstrap, then umoci", "mmdebstrap and umoci", "umoci"),
    ("buildah, with `dpkg-deb -x` in a Dockerfile", "buildah", None),
    ("floor: `dpkg-deb` twice in parallel into `pigz -6`", "floor", "floor"),
    ("the same on one core", "floor, one core", "floor"),
)


def median(runs, what):
    return statistics.median(getattr(run, what) for run in runs)


def seconds(value):
    return f"{value * 1000:.0f} ms" if value < 0.1 else f"{value:.2f} s"


def written(measured, scale, large, levels, runs, drawing):
    """The whole page."""
    time = {name: median(all_, "seconds") for name, all_ in measured.runs.items()}
    table = ""
    for title, name, size in ROWS:
        all_ = measured.runs[name]
        each = [run.seconds for run in all_]
        table += (
            f"| {title} | {seconds(time[name])} | {seconds(min(each))}–{seconds(max(each))} "
            f"| {time[name] / time['cold']:.3g} | {median(all_, 'memory') / 2**20:.0f} MiB "
            f"| {median(all_, 'read') / 1e6:.0f} / {median(all_, 'written') / 1e6:.0f} MB "
            f"| {f'{measured.sizes[size] / 1e6:.1f} MB' if size else ''} |\n"
        )
    line = measured.carried
    bootstrapped, own = time["mmdebstrap and docker"], median(measured.own, "seconds")
    changed, joined = time[f"one package changed in {SUITE}-security"], time["layers joined anew"]
    ratios = "".join(
        f"| {what} | {ratio} |\n"
        for what, ratio in (
            ("mmdebstrap with `docker import` to distil, empty store", f"{bootstrapped / time['cold']:.1f} : 1"),
            ("the floor to distil, empty store", f"{time['floor'] / time['cold']:.2f} : 1"),
            ("the same on one core", f"{time['floor, one core'] / time['cold, one core']:.2f} : 1"),
            ("mmdebstrap with `docker import` to distil, full store", f"{bootstrapped / time['warm']:.0f} : 1"),
            ("with a lock to without, from a mirror at 100 Mbit/s: time", f"{time['line, locked'] / time['line']:.2f} : 1"),
            (
                f"the same: bytes ({line['line, locked'] / 1e6:.1f} MB to {line['line'] / 1e6:.1f} MB)",
                f"{line['line, locked'] / line['line']:.2f} : 1",
            ),
            ("with a lock to without, from a directory: time", f"{time['locked'] / time['cold']:.2f} : 1"),
            ("nothing changed", seconds(time["nothing changed"])),
            (
                "one package changed by a security update, beside twice what `dpkg-deb` and `pigz` take for it alone "
                f"({seconds(own)}) and what verifying, arranging and joining take without it ({seconds(joined)})",
                f"{seconds(changed)}, {100 * changed / (2 * own + joined):.0f} %",
            ),
        )
    )
    scaled = "".join(
        f"| {number} | {seconds(median([cold for cold, _ in all_], 'seconds'))} "
        f"| {seconds(median([warm for _, warm in all_], 'seconds'))} "
        f"| {median([cold for cold, _ in all_], 'memory') / 2**20:.0f} MiB "
        f"| {median([warm for _, warm in all_], 'memory') / 2**20:.0f} MiB |\n"
        for number, all_ in sorted(scale.items())
    )
    largest = "".join(
        f"| {name} | {unpacked / 1e6:.0f} MB | {seconds(cold.seconds)} | {cold.memory / 2**20:.0f} MiB "
        f"| {warm.memory / 2**20:.0f} MiB |\n"
        for name, unpacked, cold, warm in large
    )
    usual = levels["gzip", 6][1]
    compressed = "".join(
        f"| {codec} {level}{' (the usual one)' if (codec, level) == ('gzip', 6) else ''} "
        f"| {seconds(median(all_, 'seconds'))} | {size / 1e6:.2f} MB | {100 * (size / usual - 1):+.1f} % |\n"
        for (codec, level), (all_, size) in levels.items()
    )
    return f"""# Benchmarks

Written by `scripts/bench` on {datetime.date.today()}; run it to get your own.
[benchmarks-check.md](benchmarks-check.md) has `distil check` beside scanners, and
[profiles.md](dev/profiles.md) shows where the time goes.

![How long each way takes, and what distil's time and memory depend on]({drawing})

## An image of Python

Every way starts from the same {measured.packages} packages ({measured.downloaded / 1e6:.1f} MB of `.deb` files) for {SUITE}, {ARCH}, in a
directory with signed indexes, on {os.cpu_count()} cores of {cpu_model()}. Medians of {runs} runs, taken in
turn.

| | time | fastest–slowest | times distil | peak memory | read / written | compressed |
|---|---|---|---|---|---|---|
{table}
| | |
|---|---|
{ratios}
- *distil* verifies the archive's signatures, solves, fetches, leaves out what no program reads at run
  time, and writes an archive that `docker load` reads. An empty store has nothing: no index, no
  package, no layer. A full one has everything except the archive to write. Where one package changed,
  `{CHANGING}` has a new version: in the security archive, whose index is small, or in
  the release itself, whose complete index is then read again. Where all layers are joined again, no
  package has changed and the store has the pieces, but no layers: packages are verified, files arranged,
  and the pieces found and concatenated.
- *With a lock* no Release and no index is read: packages are fetched by name and digest. What that saves is the
  index's bytes, which matters on a line, and reading it; from a directory, decompressing packages and compressing
  layers, which no lock can save, are nearly all that is left.
- *mmdebstrap* (`--variant=extract`) verifies, solves with apt, and unpacks all files to disk and into
  a tar, which Docker imports, or umoci turns into a layer. Packages that apt requires and the image
  leaves out are declared installed, so that it unpacks the same ones. Docker's own memory is not counted; the
  size is by `gzip -6`.
- *buildah* verifies and selects nothing: it copies the packages into a stage that has dpkg, unpacks
  them there, copies the files into an empty stage and writes an archive.
- The *floor* decompresses every package and compresses the whole. It verifies, selects and arranges
  nothing.
- Peak memory is that of the largest process. Read and written are the bytes that all processes of a
  command requested from the system, from memory or disk.

## Number of packages

Synthetic packages of 400 kB in ten files each, and one that depends on all of them.

| packages | empty store | full store | peak memory, empty | full |
|---|---|---|---|---|
{scaled}
## Large images

| image | unpacked | empty store | peak memory, empty | full store |
|---|---|---|---|---|
{largest}
## Compression

python3 with all its packages in the store, and no layer: reading them, arranging, compressing and
writing. gzip is libdeflate's.

| level | time | layers | beside gzip 6 |
|---|---|---|---|
{compressed}"""


def cpu_model():
    found = re.search(r"^model name\s*:\s*(.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    return found[1] if found else "an unnamed processor"
