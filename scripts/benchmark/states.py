"""A release as its last point release left it: its main suite alone."""

import functools
import gzip
import http.server
import pathlib
import re
import shutil
import threading

from benchmark import archive
from benchmark.mirror import fetch, sign


class MainAlone:
    """A mirror on loopback in which the suites for updates and for security are empty.

    These are signed by a key made for the purpose. Whatever else is asked for is at the mirror of this machine's apt.
    """

    def __init__(self, suite, architecture, folder):
        self.folder, self.keyring = folder, folder / "keyring.gpg"
        self.index = f"main/binary-{architecture}/Packages.gz"
        for pocket in ("-updates", "-security"):
            name = archive.POCKETS[pocket]
            path = f"dists/{suite}{pocket}"
            dists = folder / name / path
            fetch(f"{archive.remote()[name]}/{path}/InRelease", dists / "InRelease")
            empty = gzip.compress(b"", 6, mtime=0)
            (dists / self.index).parent.mkdir(parents=True)
            (dists / self.index).write_bytes(empty)
            sign(dists, empty, self.keyring)

    def __enter__(self):
        handler = functools.partial(Handler, directory=self.folder)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        shutil.rmtree(self.folder)

    @property
    def flags(self):
        """How distil builds from it."""
        here = f"http://127.0.0.1:{self.server.server_port}"
        return [
            *("--mirror", f"{here}/debian", "--mirror", f"security={here}/debian-security"),
            *("--keyring", "debian", "--keyring", self.keyring, "--store", self.folder / "store"),
        ]


class Handler(http.server.SimpleHTTPRequestHandler):
    """Sends what is here, and sends elsewhere for all else."""

    def do_GET(self):
        name, _, rest = self.path.lstrip("/").partition("/")
        is_here = pathlib.Path(self.translate_path(self.path)).is_file()
        is_emptied = re.match(r"dists/[^/]*-(updates|security)/", rest)
        if is_here or is_emptied or name not in archive.remote():
            super().do_GET()
            return
        self.send_response(302)
        self.send_header("Location", f"{archive.remote()[name]}/{rest}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass
