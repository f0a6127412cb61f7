"""A mirror at the other end of a line that gives a fixed number of bytes a second."""

import http.server
import multiprocessing
import threading
import time

from benchmark.mirror import FOLDER

# 100 Mbit a second: what a rented machine or a good line at home has.
RATE = 12_500_000
CHUNK = 16 << 10


class Line:
    """Serves the mirror to this machine, in a process of its own."""

    def __enter__(self):
        context = multiprocessing.get_context("fork")
        self.sent = context.Value("Q", 0)
        port = context.Queue()
        self.process = context.Process(target=serve, args=(port, self.sent), daemon=True)
        self.process.start()
        self.address = f"http://127.0.0.1:{port.get(timeout=30)}"
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.join()

    def taken(self):
        """The bytes of bodies since this was asked last."""
        with self.sent.get_lock():
            count, self.sent.value = self.sent.value, 0
        return count


def serve(port, sent):
    lock, free = threading.Lock(), [time.monotonic()]

    def wait(count):
        """Waits until the line has carried this number of bytes more, for whichever connection."""
        with lock:
            free[0] = max(free[0], time.monotonic()) + count / RATE
            until = free[0]
        time.sleep(max(0, until - time.monotonic()))

    class Handler(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def __init__(self, *arguments):
            super().__init__(*arguments, directory=FOLDER)

        def copyfile(self, source, outputfile):
            while chunk := source.read(CHUNK):
                wait(len(chunk))
                outputfile.write(chunk)
                with sent.get_lock():
                    sent.value += len(chunk)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    port.put(server.server_address[1])
    server.serve_forever()
