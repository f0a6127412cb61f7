"""What a program expects of its runtime, one line a promise; exits with an error at the first lie.

Its argument says whether it runs `native` or `emulated`.
"""

import codecs
import ctypes
import ctypes.util
import decimal
import locale
import lzma
import os
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import uuid
import zlib
import bz2
import zoneinfo
import datetime
import socket
import mimetypes

# Text. The locale's files must be there, or setlocale fails.
assert sys.getfilesystemencoding() == "utf-8", sys.getfilesystemencoding()
assert sys.stdout.encoding.lower() == "utf-8", sys.stdout.encoding
assert locale.setlocale(locale.LC_ALL, "") == "C.UTF-8", locale.setlocale(locale.LC_ALL)
assert locale.setlocale(locale.LC_ALL, "C.UTF-8") == "C.UTF-8"
assert locale.getlocale() == ("en_US", "UTF-8") or locale.getlocale()[1] == "UTF-8", locale.getlocale()
with tempfile.TemporaryDirectory() as folder:
    name = os.path.join(folder, "grüße-日本")
    open(name, "w").write("ß")
    assert os.listdir(folder) == ["grüße-日本"]

# libc's own converters, which other programs use: gconv's core is in the image.
libc = ctypes.CDLL(None, use_errno=True)
libc.iconv_open.restype = ctypes.c_void_p
for charset in ("UTF-16", "ISO-8859-1", "CP1252", "UTF-32"):
    handle = libc.iconv_open(b"UTF-8", charset.encode())
    assert handle != ctypes.c_void_p(-1).value, f"iconv knows no {charset}"
for charset in ("utf-16", "latin-1", "cp1252", "gb18030", "shift_jis", "euc-kr", "big5", "idna"):
    codecs.lookup(charset)

# No shell. qemu makes a fork of posix_spawn's clone, so the reason for which a program could not be
# started is lost there; what remains is the status that libc's child ends with.
for call in (lambda: subprocess.run("true", shell=True), lambda: subprocess.run(["sh", "-c", "true"])):
    try:
        ended = call()
    except FileNotFoundError as error:
        assert error.filename in ("/bin/sh", "sh"), error
    else:
        assert sys.argv[1] == "emulated" and ended.returncode == 127, "a shell ran"
assert os.waitstatus_to_exitcode(os.system("true")) == 127
# Programs do start.
assert subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, check=True).stdout == b"1\n"

# Threads end cleanly, by returning and by pthread_exit, for which libc loads libgcc_s at run time.
ended = []
for how in (lambda: ended.append(1), lambda: (ended.append(2), ctypes.CDLL(None).pthread_exit(None))):
    thread = threading.Thread(target=how)
    thread.start()
    if ended[-1:] != [2]:
        thread.join(20)
deadline = datetime.datetime.now() + datetime.timedelta(seconds=20)
while 2 not in ended:
    assert datetime.datetime.now() < deadline, "a thread never ran"

# Libraries behind the modules.
assert sqlite3.connect(":memory:").execute("select count(*) from (values(1),(2))").fetchone() == (2,)
for module in (zlib, bz2, lzma):
    assert module.decompress(module.compress(b"distil" * 100)) == b"distil" * 100
assert decimal.Decimal("0.1") + decimal.Decimal("0.2") == decimal.Decimal("0.3")
assert uuid.uuid1() != uuid.uuid1()
assert ssl.OPENSSL_VERSION_INFO >= (3, 0), ssl.OPENSSL_VERSION
import readline, curses, dbm.ndbm  # noqa: E401,E402,F401

# Libraries that are looked for by their names, as psycopg and soundfile do it.
for name, file in (("c", "libc.so.6"), ("ssl", "libssl.so.3"), ("sqlite3", "libsqlite3.so.0")):
    assert ctypes.util.find_library(name) == file, (name, ctypes.util.find_library(name))
assert ctypes.util.find_library("distil") is None

# What is mounted at /run is at /var/run, too.
assert os.path.samefile("/run", "/var/run") and os.path.samefile("/run/lock", "/var/lock")

# Zones, services, media types.
assert os.path.realpath("/etc/localtime") == "/usr/share/zoneinfo/Etc/UTC"
berlin = datetime.datetime(2026, 7, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))
assert berlin.utcoffset() == datetime.timedelta(hours=2)
assert len(zoneinfo.available_timezones()) > 300
assert socket.getservbyname("https") == 443
assert mimetypes.MimeTypes(("/etc/mime.types",)).guess_type("x.epub")[0] == "application/epub+zip"

# The default authorities of the bundle.
authorities = ssl.create_default_context().get_ca_certs()
assert len(authorities) > 100, len(authorities)

print("ok", flush=True)
# The thread that left by pthread_exit never told the interpreter; its end is not waited for.
os._exit(0)
