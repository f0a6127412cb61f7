"""Debian's docker-registry on loopback."""

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time


class Registry:
    """Debian's docker-registry, and a proxy before it that counts what comes in."""

    def __init__(self, folder):
        self.folder, self.port, self.inner, self.received = folder, free_port(), free_port(), 0

    def __enter__(self):
        config = self.folder / "registry.yml"
        config.write_text(
            f"version: 0.1\nlog: {{level: error}}\nstorage:\n  filesystem: {{rootdirectory: {self.folder / 'registry'}}}\n"
            f"http: {{addr: '127.0.0.1:{self.inner}'}}\n"
        )
        self.process = subprocess.Popen(
            ["docker-registry", "serve", config],
            stdout=(self.folder / "registry.log").open("wb"),
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OTEL_TRACES_EXPORTER": "none"},
        )
        for _ in range(100):
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", self.inner)) == 0:
                    break
            time.sleep(0.1)
        else:
            sys.exit("docker-registry does not answer")
        self.server = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.server.close()

    def accept(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            inner = socket.create_connection(("127.0.0.1", self.inner))
            threading.Thread(target=self.pump, args=(client, inner, True), daemon=True).start()
            threading.Thread(target=self.pump, args=(inner, client, False), daemon=True).start()

    def pump(self, source, target, counts):
        try:
            while data := source.recv(1 << 16):
                if counts:
                    self.received += len(data)
                target.sendall(data)
        except OSError:
            pass
        finally:
            for one in (source, target):
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def uploads(self):
        """The digests of the blobs that were uploaded, in turn."""
        log = (self.folder / "registry.log").read_text()
        found = re.findall(r'"PUT /v2/\S+/blobs/uploads/\S+[?&]digest=sha256%3A([0-9a-f]+)\S* \S+" 201', log)
        return [f"sha256:{digest}" for digest in found]

    def empty(self):
        """Forgets all that it has."""
        shutil.rmtree(self.folder / "registry", ignore_errors=True)
        self.received = 0


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
